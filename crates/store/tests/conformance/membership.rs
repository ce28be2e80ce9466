//! Memberships and state of rooms, now and before.

use std::collections::BTreeSet;

use im2_model::{Reached, RoomNid, UserNid};
use im2_store::{Error, e2ee::Member, rooms::ReplacedBy};
use serde_json::json;

use crate::{
    Tx, account, account_with_device, append, case, event, member, message, room, state, token, until, user_id,
};

#[tokio::test]
async fn a_member_event_sets_a_membership() {
    case(|tx| {
        let (ana, ben) = (account(tx, "ana")?, account(tx, "ben")?);
        let here = room(tx, "here")?;
        let joined = append(tx, here, &member(ana, "ana", "join"))?;
        assert_eq!(joined.member, Some(ana));
        let invite = member(ana, "ben", "invite");
        let invited = append(tx, here, &invite)?;
        let stranger = append(tx, here, &member(ana, "stranger", "invite"))?.member.unwrap();
        assert_eq!(tx.user_nid(&user_id("stranger"))?, Some(stranger), "who is new is given a number");

        let rows = tx.memberships_of(ben)?;
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].room, rows[0].user, rows[0].membership.as_str()), (here, ben, "invite"));
        assert_eq!((rows[0].position, rows[0].seq), (invited.position, 2));
        assert_eq!((rows[0].forgotten, rows[0].by_self, rows[0].was_joined), (false, false, false));
        assert_eq!(tx.inviters_of(ben)?, [(here, user_id("ana"))]);
        assert_eq!(tx.inviters_of(ana)?, []);

        append(tx, here, &member(ben, "ben", "join"))?;
        append(tx, here, &member(ben, "ben", "leave"))?;
        tx.forget_room(ben, here)?;
        let row = tx.memberships_of(ben)?.remove(0);
        assert_eq!((row.membership.as_str(), row.forgotten, row.by_self, row.was_joined), ("leave", true, true, true));
        append(tx, here, &member(ana, "ben", "invite"))?;
        let row = tx.memberships_of(ben)?.remove(0);
        assert!(!row.forgotten && row.was_joined && !row.by_self);

        let mut short = Vec::new();
        tx.members_in_short(&[here], |member| {
            short.push((member.user, member.user_id.as_str().to_owned(), member.membership.to_owned(), member.seq));
        })?;
        short.sort();
        let expected = [(ana, "ana", "join", 1), (ben, "ben", "invite", 6), (stranger, "stranger", "invite", 3)];
        let expected: Vec<_> = expected
            .map(|(user, name, membership, seq)| (user, user_id(name).as_str().to_owned(), membership.to_owned(), seq))
            .into();
        assert_eq!(short, expected);
        let mut events = tx.member_events(here)?;
        events.sort_by_key(|(member, _)| member.user);
        let events: Vec<_> = events
            .iter()
            .map(|(member, is)| (member.user, member.event.as_ref().map(|event| event.seq), is.as_str()))
            .collect();
        assert_eq!(events, [(ana, Some(1), "join"), (ben, Some(6), "invite"), (stranger, Some(3), "invite")]);
        assert_eq!(tx.joined_users(here)?, [(ana, user_id("ana"))]);
        assert_eq!(tx.joined_user_ids(here)?, [user_id("ana")]);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn members_are_read_by_number() {
    case(|tx| {
        let (ana, ben, cleo) = (account(tx, "ana")?, account(tx, "ben")?, account(tx, "cleo")?);
        let (here, there) = (room(tx, "here")?, room(tx, "there")?);
        let at = append(tx, here, &member(ana, "ana", "join"))?.position;
        append(tx, here, &member(ben, "ben", "join"))?;
        append(tx, there, &member(ben, "ben", "join"))?;
        append(tx, there, &member(cleo, "cleo", "join"))?;
        append(tx, there, &member(cleo, "cleo", "leave"))?;
        let of_ana = Member { user: ana, membership: "join".into(), position: at };
        assert_eq!(tx.member(here, ana)?, Some(of_ana.clone()));
        assert_eq!(tx.member(there, ana)?, None);
        let mut all: Vec<_> = tx.members(here)?.into_iter().map(|member| member.user).collect();
        all.sort();
        assert_eq!(all, [ana, ben]);
        assert!(tx.has_more_members(here, 1)?);
        assert!(!tx.has_more_members(here, 2)?);
        for many in [0, 9] {
            let others = (0..many).map(|number| UserNid(1_000 + number));
            let users: BTreeSet<_> = [ana, cleo].into_iter().chain(others).collect();
            assert_eq!(tx.members_among(here, &users)?, [of_ana.clone()], "with {many} others");
        }
        assert!(tx.share_room(ana, ben)?);
        assert!(!tx.share_room(ana, cleo)?);
        assert!(!tx.share_room(ben, cleo)?, "one of them has left");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_somebody_was_to_a_room_is_known_at_every_place() {
    case(|tx| {
        let ana = account(tx, "ana")?;
        let here = room(tx, "here")?;
        let mut at = Vec::new();
        for membership in ["invite", "join", "join", "leave"] {
            at.push(append(tx, here, &member(ana, "ana", membership))?.position);
            append(tx, here, &message(ana))?;
        }
        let now = tx.member(here, ana)?.unwrap();
        let was = [0, 1, 2, 3].map(|place: usize| tx.was_joined(here, &now, &token(at[place])).unwrap());
        assert_eq!(was, [false, true, true, false]);
        let before = token(at[0].just_before());
        assert!(!tx.was_joined(here, &now, &before)?);
        // Events 3 and 5 are the joins; 5 changed the profile only.
        assert_eq!(tx.joined_since(here, &user_id("ana"), 5, 0)?, 3);
        assert_eq!(tx.joined_since(here, &user_id("ana"), 3, 0)?, 3);
        assert!(tx.joined_since(here, &user_id("ana"), 5, 4)? <= 4);
        let is_ana = |user: &im2_model::UserId| *user == user_id("ana");
        let counts =
            [1, 2, 3].map(|place: usize| tx.joined_counts(&until(at[place]), is_ana).unwrap().get(&here).copied());
        assert_eq!(counts, [Some(1), Some(1), None]);
        assert!(tx.joined_counts(&until(at[1]), |_| false)?.is_empty());
        assert!(tx.joined_counts(&Reached::default(), is_ana)?.is_empty());
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn state_is_known_now_and_at_every_event() {
    case(|tx| {
        let ana = account(tx, "ana")?;
        let here = room(tx, "here")?;
        append(tx, here, &state(ana, "m.room.create", &json!({})))?; // 1
        append(tx, here, &member(ana, "ana", "join"))?; // 2
        append(tx, here, &state(ana, "m.room.name", &json!({ "name": "one" })))?; // 3
        append(tx, here, &message(ana))?; // 4
        let named = state(ana, "m.room.name", &json!({ "name": "two" }));
        append(tx, here, &named)?; // 5
        append(tx, here, &member(ana, "ben", "invite"))?; // 6
        append(tx, here, &member(ana, "ana", "join"))?; // 7
        let sorted = |found: Vec<im2_store::rooms::EventRow>| {
            let mut seqs: Vec<_> = found.into_iter().map(|row| row.seq).collect();
            seqs.sort_unstable();
            seqs
        };
        let current = |found: Vec<im2_store::rooms::StateRow>| {
            assert!(found.iter().all(|row| row.since == row.event.seq), "each since its event");
            sorted(found.into_iter().map(|row| row.event).collect())
        };
        assert_eq!(current(tx.current_state(&[here])?), [1, 5, 6, 7]);
        assert_eq!(current(tx.current_state_without_members(&[here])?), [1, 5]);
        assert_eq!(sorted(tx.state_without_members_at(here, 4)?), [1, 3]);
        assert_eq!(sorted(tx.state_without_members_at(here, 0)?), [0; 0]);
        assert_eq!(sorted(tx.member_state_at(here, 6)?), [2, 6]);
        let mut numbers = tx.member_numbers_at(here, 7)?;
        numbers.sort_unstable();
        assert_eq!(numbers, [6, 7]);
        let entry = |seq| Ok::<_, Error>(tx.state_entry_at(here, "m.room.name", "", seq)?.map(|row| row.seq));
        assert_eq!((entry(2)?, entry(3)?, entry(4)?, entry(9)?), (None, Some(3), Some(3), Some(5)));
        assert_eq!(tx.replaced_state(here, "m.room.name", "", 5)?.map(|row| row.seq), Some(3));
        assert_eq!(tx.replaced_state(here, "m.room.name", "", 3)?, None);
        let by = |seq| ReplacedBy { room: here, kind: "m.room.name", state_key: "", seq };
        let replaced = tx.replaced_states(&[by(3), by(5), ReplacedBy { state_key: "x", ..by(5) }])?;
        let replaced: Vec<_> = replaced.into_iter().map(|(room, by, row)| (room, by, row.seq)).collect();
        assert_eq!(replaced, [(here, 5, 3)]);
        let changes: Vec<_> = tx.state_changes(here, 2, 7)?.into_iter().map(|row| row.seq).collect();
        assert_eq!(changes, [5, 6, 7], "each entry with its last value there");
        let changes: Vec<_> = tx.state_changes(here, 2, 4)?.into_iter().map(|row| row.seq).collect();
        assert_eq!(changes, [3]);
        let history: Vec<_> = tx
            .state_entry_history(here, "m.room.name", "")?
            .into_iter()
            .map(|(since, row)| (since, row.map(|row| row.seq)))
            .collect();
        assert_eq!(history, [(3, Some(3)), (5, Some(5))], "oldest first");
        let there = room(tx, "there")?;
        append(tx, there, &state(ana, "m.room.name", &json!({ "name": "there" })))?;
        let histories: Vec<_> = tx
            .state_entry_histories(&[there, here], "m.room.name", "")?
            .into_iter()
            .map(|(room, since, row)| (room, since, row.map(|row| (row.room, row.seq))))
            .collect();
        let entry = |room, seq| (room, seq, Some((room, seq)));
        assert_eq!(histories, [entry(here, 3), entry(here, 5), entry(there, 1)]);
        assert!(tx.is_current_state(here, &named.event_id)?);
        let replaced = tx.event_numbered(here, 3)?.unwrap().event_id;
        assert!(!tx.is_current_state(here, &replaced)?);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_room_is_encrypted_from_its_first_encryption_event_on() {
    case(|tx| {
        let (ana, device) = account_with_device(tx, "ana", "D")?;
        let here = room(tx, "here")?;
        append(tx, here, &member(ana, "ana", "join"))?;
        assert_eq!(tx.encrypted_since(here)?, None);
        append(tx, here, &event(ana, "m.room.encryption", &json!({})))?;
        assert_eq!(tx.encrypted_since(here)?, None, "it is no state");
        let at = append(tx, here, &state(ana, "m.room.encryption", &json!({ "algorithm": "a" })))?.position;
        append(tx, here, &state(ana, "m.room.encryption", &json!({})))?;
        assert_eq!(tx.encrypted_since(here)?, Some(at));
        assert_eq!(tx.devices_in_room(here)?, 1);
        tx.remove_device(ana, &device)?;
        assert_eq!(tx.devices_in_room(here)?, 0);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_room_is_forgotten_when_nobody_has_to_do_with_it() {
    case(|tx: &mut Tx<'_>| {
        let (ana, ben) = (account(tx, "ana")?, account(tx, "ben")?);
        let here = room(tx, "here")?;
        for (user, name) in [(ana, "ana"), (ben, "ben")] {
            append(tx, here, &member(user, name, "join"))?;
            append(tx, here, &member(user, name, "leave"))?;
        }
        assert!(!tx.is_forgotten_room(here)?);
        tx.forget_room(ana, here)?;
        assert!(!tx.is_forgotten_room(here)?);
        tx.deactivate_account(ben, false, 1)?;
        assert!(tx.is_forgotten_room(here)?, "whoever has no account cannot forget");
        assert!(tx.is_forgotten_room(RoomNid(99))?);
        Ok(())
    })
    .await;
}
