//! State that a resolution sets, and rooms that begin elsewhere: their state comes first, then their newest events, then
//! what was before.

use im2_model::{EventId, Position, Reached, RoomNid, UserId, UserNid};
use im2_store::{
    Error, Result, Snapshot,
    rooms::{Direction, EventRow, NewEvent, Relation, ResolvedEntry, RoomKind, RoomRow, RoomsQuery, SummaryChange},
    search::{Term, TermQuery},
};
use serde_json::json;

use crate::{Tx, account, append, case, event_id, member, message, open, room, room_id, state, token, until, user_id};

/// An entry that becomes this event, or nothing.
fn entry(kind: &str, state_key: &str, event: Option<&EventId>) -> ResolvedEntry {
    let (kind, state_key) = (kind.into(), state_key.into());
    ResolvedEntry { kind, state_key, event: event.cloned(), membership: None, summary: None }
}

/// The member entry of a user.
fn member_entry(name: &str, event: Option<&EventId>, membership: &'static str) -> ResolvedEntry {
    let user = user_id(name);
    ResolvedEntry { membership: Some((user.clone(), membership)), ..entry("m.room.member", user.as_str(), event) }
}

fn ids(rows: impl IntoIterator<Item = EventRow>) -> Vec<EventId> {
    rows.into_iter().map(|row| row.event_id).collect()
}

#[tokio::test]
async fn a_resolution_makes_older_events_the_state_again() {
    case(|tx| {
        let ana = account(tx, "ana")?;
        let (here, there) = (room(tx, "here")?, room(tx, "there")?);
        let [one, two] = [1, 2].map(|number| state(ana, "m.room.name", &json!({ "name": number.to_string() })));
        let topic = state(ana, "m.room.topic", &json!({}));
        append(tx, here, &one)?; // 1
        append(tx, here, &topic)?; // 2
        let last = append(tx, here, &two)?; // 3
        let name = ResolvedEntry {
            summary: Some(SummaryChange::Name(Some("1".into()))),
            ..entry("m.room.name", "", Some(&one.event_id))
        };
        let entries = [name, entry("m.room.topic", "", None)];
        assert!(matches!(tx.resolve_state(here, 2, &entries), Err(Error::Conflict)), "the room has moved on");
        assert_eq!(listed_state(tx)?, 2, "name and topic");
        assert!(matches!(tx.resolve_state(RoomNid(99), 3, &entries), Err(Error::Conflict)));
        assert!(!tx.has_vanished(here, 0, 9)? && tx.vanished_state(&[here])?.is_empty());
        let resolved = tx.resolve_state(here, 3, &entries)?; // 4
        assert_eq!((resolved.seq, &*resolved.members), (4, &[None, None][..]));
        assert!(resolved.position > last.position);
        let row = tx.room_by_nid(here)?.unwrap();
        assert_eq!((row.head_seq, tx.last_position(here)?), (4, Some(resolved.position)));
        assert_eq!(tx.summaries(&[here])?[0].name.as_deref(), Some("1"));
        assert_eq!(tx.summaries(&[here])?[0].bump, last.position, "it is no activity");

        let current = tx.current_state(&[here])?;
        assert_eq!(current.len(), 1);
        assert_eq!((&current[0].event.event_id, current[0].event.seq, current[0].since), (&one.event_id, 1, 4));
        assert_eq!(tx.current_state_without_members(&[here])?, current);
        assert!(tx.is_current_state(here, &one.event_id)? && !tx.is_current_state(here, &two.event_id)?);
        let vanished = tx.vanished_state(&[here])?;
        assert_eq!(vanished.len(), 1);
        let (kind, key) = (vanished[0].kind.as_str(), vanished[0].state_key.as_str());
        assert_eq!((vanished[0].room, kind, key, vanished[0].since), (here, "m.room.topic", "", 4));
        assert_eq!(tx.vanished_state(&[there, here])?, vanished);
        assert_eq!(listed_state(tx)?, 1, "what has vanished is no state");
        assert!(tx.has_vanished(here, 3, 4)? && !tx.has_vanished(here, 0, 3)? && !tx.has_vanished(here, 4, 9)?);
        assert_eq!(ids(tx.state_entry_at(here, "m.room.name", "", 3)?), [two.event_id.clone()]);
        assert_eq!(ids(tx.state_entry_at(here, "m.room.name", "", 4)?), [one.event_id.clone()]);
        assert_eq!(tx.state_entry_at(here, "m.room.topic", "", 4)?, None);
        assert_eq!(ids(tx.state_without_members_at(here, 4)?), [one.event_id.clone()]);
        assert_eq!(ids(tx.state_changes(here, 3, 4)?), [one.event_id.clone()]);
        let history = |kind| {
            let found = tx.state_entry_history(here, kind, "")?;
            let numbers = found.into_iter().map(|(since, event)| (since, event.map(|event| event.seq)));
            Ok::<_, Error>(numbers.collect::<Vec<_>>())
        };
        assert_eq!(history("m.room.name")?, [(1, Some(1)), (3, Some(3)), (4, Some(1))]);
        assert_eq!(history("m.room.topic")?, [(2, Some(2)), (4, None)]);

        assert_eq!(tx.resolutions(here, 0, 9)?, [(4, resolved.position)]);
        assert_eq!((tx.resolutions(here, 4, 9)?, tx.resolutions(here, 0, 3)?), (vec![], vec![]));
        assert_eq!(tx.last_resolutions(&[here, there])?, [(here, 4)]);
        assert_eq!(tx.resolutions_after(&[(there, 0), (here, 3)])?, [(here, 4, resolved.position)]);
        assert_eq!(tx.resolutions_after(&[(here, 4)])?, []);
        assert_eq!(tx.seq_behind(here, |_| true)?, 4);
        assert_eq!(tx.seq_behind(here, |at| at <= last.position)?, 3);
        let between = tx.resolutions_between(&until(last.position), &until(resolved.position))?;
        assert_eq!(between, [(resolved.position, here)]);
        assert_eq!(tx.resolutions_between(&until(resolved.position), &until(resolved.position))?, []);

        // An event is the state since its own number again.
        append(tx, here, &topic_again(ana))?; // 5
        let mut sinces: Vec<_> = tx.current_state(&[here])?.into_iter().map(|row| (row.since, row.event.seq)).collect();
        sinces.sort_unstable();
        assert_eq!(sinces, [(4, 1), (5, 5)]);
        assert_eq!(tx.vanished_state(&[here])?, []);
        let unknown = [entry("m.room.name", "", Some(&event_id("unknown")))];
        assert!(matches!(tx.resolve_state(here, 5, &unknown), Err(Error::Corrupt(_))), "its events are stored");
        Ok(())
    })
    .await;
}

fn topic_again(ana: UserNid) -> NewEvent {
    state(ana, "m.room.topic", &json!({ "topic": "again" }))
}

#[tokio::test]
async fn a_member_is_what_a_resolution_says_from_there_on() {
    case(|tx| {
        let (ana, ben) = (account(tx, "ana")?, account(tx, "ben")?);
        let here = room(tx, "here")?;
        let join = member(ben, "ben", "join");
        append(tx, here, &member(ana, "ana", "join"))?; // 1
        append(tx, here, &join)?; // 2
        let banned = append(tx, here, &member(ana, "ben", "ban"))?; // 3
        tx.forget_room(ben, here)?;
        let back = tx.resolve_state(here, 3, &[member_entry("ben", Some(&join.event_id), "join")])?; // 4
        assert_eq!(back.members, [Some(ben)]);
        let row = tx.memberships_of(ben)?.remove(0);
        assert_eq!((row.membership.as_str(), row.seq, row.position), ("join", 4, back.position));
        assert!(!row.forgotten && row.by_self && row.was_joined);
        let short = |tx: &Tx<'_>| {
            let mut found = Vec::new();
            tx.members_in_short(&[here], |member| found.push((member.user, member.seq, member.since)))?;
            found.sort();
            Ok::<_, Error>(found)
        };
        assert_eq!(short(tx)?, [(ana, 1, 1), (ben, 2, 4)]);
        let events = |tx: &Tx<'_>| {
            let found = tx.member_events(here)?.into_iter();
            let mut found: Vec<_> =
                found.map(|(member, is)| (member.user, member.event.map(|event| event.seq), is)).collect();
            found.sort();
            Ok::<_, Error>(found)
        };
        assert_eq!(events(tx)?, [(ana, Some(1), "join".to_owned()), (ben, Some(2), "join".to_owned())]);
        let numbers = |seq| {
            let mut found = tx.member_numbers_at(here, seq)?;
            found.sort_unstable();
            Ok::<_, Error>(found)
        };
        assert_eq!((numbers(3)?, numbers(4)?), (vec![1, 3], vec![1, 2]));
        let now = tx.member(here, ben)?.unwrap();
        assert!(tx.was_joined(here, &now, &token(back.position))?);
        assert!(!tx.was_joined(here, &now, &token(banned.position))?);
        assert_eq!(tx.joined_since(here, &user_id("ben"), 4, 0)?, 4, "banned in between");

        let gone = tx.resolve_state(here, 4, &[member_entry("ben", None, "leave")])?; // 5
        assert_eq!(short(tx)?, [(ana, 1, 1)], "without a member event");
        assert_eq!(events(tx)?, [(ana, Some(1), "join".to_owned()), (ben, None, "leave".to_owned())]);
        assert_eq!(tx.member_numbers_at(here, 5)?, [1]);
        let now = tx.member(here, ben)?.unwrap();
        assert!(!tx.was_joined(here, &now, &token(gone.position))?);
        assert!(tx.was_joined(here, &now, &token(back.position))?);
        append(tx, here, &member(ben, "ben", "join"))?; // 6
        assert_eq!(short(tx)?, [(ana, 1, 1), (ben, 6, 6)], "by its own event again");
        assert_eq!(tx.joined_since(here, &user_id("ben"), 6, 0)?, 6);
        let is_ben = |user: &UserId| *user == user_id("ben");
        let counts = [banned.position, back.position, gone.position]
            .map(|place| tx.joined_counts(&until(place), is_ben).unwrap().get(&here).copied());
        assert_eq!(counts, [None, Some(1), None]);
        assert_eq!(tx.rooms_joined_since(ben, &user_id("ben"), 0)?, 1);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_is_state_by_a_resolution_is_it_since_then() {
    case(|tx| {
        let ana = account(tx, "ana")?;
        let here = room(tx, "here")?;
        append(tx, here, &member(ana, "ana", "join"))?;
        let invite = member(ana, "ben", "invite");
        append(tx, here, &invite)?;
        let encryption = state(ana, "m.room.encryption", &json!({ "algorithm": "megolm" }));
        assert!(!tx.add_state_event(here, &encryption)?.position.is_on_stream());
        assert_eq!(tx.encrypted_since(here)?, None);
        let entries = [
            entry("m.room.encryption", "", Some(&encryption.event_id)),
            member_entry("ben", Some(&invite.event_id), "invite"),
        ];
        let resolved = tx.resolve_state(here, 2, &entries)?;
        assert_eq!(tx.encrypted_since(here)?, Some(resolved.position));
        assert_eq!(tx.invites_sent_since(ana, 0)?, 1, "it was sent once");
        let ben = tx.user_nid(&user_id("ben"))?.unwrap();
        assert_eq!(tx.inviters_of(ben)?, [(here, user_id("ana"))]);
        Ok(())
    })
    .await;
}

/// A name for what is looked at in a room that begins elsewhere.
fn named(name: &str, event: NewEvent) -> NewEvent {
    NewEvent { event_id: event_id(name), terms: Some(name.into()), ..event }
}

/// Joins a room: its state without a place in the timeline, from its first number on, and one event.
fn join(tx: &mut Tx<'_>) -> Result<(RoomRow, UserNid, Position)> {
    let room = tx.add_room(&room_id("elsewhere"), "10", RoomKind::Partial, 0)?;
    assert_eq!(tx.room(&room_id("elsewhere"))?.as_ref(), Some(&room));
    let ana = account(tx, "ana")?;
    let create = named("create", state(ana, "m.room.create", &json!({})));
    let joined = named("ana", member(ana, "ana", "join"));
    for event in [&create, &joined] {
        let stored = tx.add_state_event(room.nid, event)?;
        assert!(stored.seq < 0 && !stored.position.is_on_stream());
        assert!(tx.add_state_event(room.nid, event).unwrap_err().is_duplicate());
    }
    let entries =
        [entry("m.room.create", "", Some(&create.event_id)), member_entry("ana", Some(&joined.event_id), "join")];
    let resolved = tx.resolve_state(room.nid, room.head_seq, &entries)?;
    assert_eq!((resolved.seq, &*resolved.members), (room.first_seq, &[None, Some(ana)][..]));
    let first = append(tx, room.nid, &named("first", message(ana)))?;
    assert_eq!(first.seq, room.first_seq + 1);
    Ok((room, ana, resolved.position))
}

/// How many state events administrators are told that all rooms have.
fn listed_state(tx: &Tx<'_>) -> Result<u64> {
    let (rooms, _) = tx.list_rooms(&RoomsQuery { limit: 9, ..RoomsQuery::default() })?;
    Ok(rooms.iter().map(|room| room.state_events).sum())
}

fn names(rows: &[EventRow]) -> Vec<&str> {
    rows.iter().map(|row| &row.event_id.as_str()[1..]).collect()
}

fn timeline(db: &Snapshot<'_>, room: RoomNid) -> Result<Vec<String>> {
    let rows = db.events_from(room, i64::MAX, Direction::Backward, 100)?;
    let page = db.timeline_from(room, 0, Direction::Forward, 100)?;
    assert!(rows.iter().rev().eq(page.iter().map(|row| &row.event)), "the same both ways");
    Ok(names(&rows).into_iter().map(str::to_owned).collect())
}

#[tokio::test]
async fn what_was_before_is_in_the_timeline_and_is_no_news() {
    let store = open().store;
    let (room, ana, joined) = store.write(join).await.unwrap();
    let (nid, first) = (room.nid, room.first_seq);
    let read = move |db: &Snapshot<'_>| {
        assert_eq!(timeline(db, nid)?, ["first"], "what is only state is in no timeline");
        assert_eq!(names(&db.state_without_members_at(nid, first)?), ["create"]);
        assert_eq!(names(&db.state_without_members_at(nid, first - 1)?), [""; 0]);
        assert_eq!(names(&db.member_state_at(nid, first)?), ["ana"]);
        assert_eq!(db.member_numbers_at(nid, first)?, [-2]);
        let member = &db.memberships_of(ana)?[0];
        assert_eq!((member.seq, member.position, member.by_self), (first, joined, true));
        let mut short = Vec::new();
        db.members_in_short(&[nid], |member| short.push((member.seq, member.since)))?;
        assert_eq!(short, [(-2, first)]);
        assert_eq!(db.seq_behind(nid, |_| false)?, 0);
        assert_eq!(db.seq_behind(nid, |at| at <= joined)?, first, "the state came before the first event");
        assert_eq!(db.seq_behind(nid, |_| true)?, first + 1);
        db.last_position(nid)
    };
    let middle = until(store.read(read).await.unwrap().unwrap());
    let prepend = move |tx: &mut Tx<'_>| {
        let relation = Relation { target: event_id("older"), rel_type: "m.thread".into(), key: None };
        let newer = named("newer", NewEvent { relation: Some(relation), ..message(ana) });
        assert_eq!(tx.prepend_event(nid, first, &newer)?.seq, first - 1);
        // Known as state already: it keeps its place off the stream.
        let (was, member) = (tx.event(nid, &event_id("ana"))?.unwrap(), named("ana", member(ana, "ana", "join")));
        assert_eq!(tx.prepend_event(nid, first - 1, &member)?.position, was.position);
        assert!(matches!(tx.prepend_event(nid, first, &newer), Err(Error::Conflict)), "another came first");
        tx.prepend_event(nid, first - 2, &named("older", message(ana)))
    };
    let oldest = store.write(prepend).await.unwrap();
    assert_eq!(oldest.seq, first - 3);
    let read = move |db: &Snapshot<'_>| {
        assert_eq!(timeline(db, nid)?, ["first", "newer", "ana", "older"]);
        assert_eq!(db.room_by_nid(nid)?.unwrap().first_seq, first - 3);
        assert_eq!(db.seq_behind(nid, |at| middle.includes(at))?, first + 1);
        let before = Reached::default();
        assert_eq!(db.seq_behind(nid, |at| before.includes(at))?, first - 1, "every token includes what was before");
        assert_eq!(names(&db.events_between(&before, &middle, 100)?.rows), ["first"]);
        assert_eq!(db.position_before_newest(1)?, None);
        assert_eq!(db.member_numbers_at(nid, first)?, [first - 2]);
        assert_eq!(names(&db.member_state_at(nid, first + 1)?), ["ana"]);
        let member = db.member_events(nid)?.remove(0).0;
        assert_eq!(member.event.map(|event| event.seq), Some(first - 2));
        let all = vec![vec![Term { text: "older".into(), open: false }]];
        let query = TermQuery { all, rooms: [nid].into(), before: None };
        assert_eq!(db.events_with_terms(&query, 9)?.positions, [oldest.position]);
        assert_eq!(db.thread_summary(nid, &event_id("older"), ana)?.count, 1);
        Ok(())
    };
    store.read(read).await.unwrap();
}

#[tokio::test]
async fn a_room_that_begins_here_has_nothing_before_it() {
    case(|tx| {
        let ana = account(tx, "ana")?;
        let here = room(tx, "here")?;
        let row = tx.room_by_nid(here)?.unwrap();
        assert_eq!((row.first_seq, row.kind), (1, RoomKind::Here));
        for kind in [RoomKind::Elsewhere, RoomKind::Partial, RoomKind::Here] {
            tx.set_room_kind(here, kind)?;
            assert_eq!(tx.room_by_nid(here)?.unwrap().kind, kind);
        }
        append(tx, here, &message(ana))?;
        assert!(matches!(tx.prepend_event(here, 1, &message(ana)), Err(Error::Conflict)));
        assert!(tx.add_room(&room_id("here"), "12", RoomKind::Elsewhere, 0).unwrap_err().is_duplicate());
        Ok(())
    })
    .await;
}
