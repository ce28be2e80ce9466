//! Rooms: their names, lists of them, and their end.

use im2_model::{RoomAliasId, RoomNid};
use im2_store::{
    Error,
    rooms::{NewEvent, PurgedEvent, RoomOrder, RoomsQuery, SummaryChange},
};
use serde_json::json;

use crate::{Tx, account, append, case, event_id, member, message, room, room_id, state, token};

fn alias(name: &str) -> RoomAliasId {
    RoomAliasId::parse(&format!("#{name}:example.org")).unwrap()
}

#[tokio::test]
async fn a_room_is_found_by_name_and_number() {
    case(|tx| {
        let here = tx.create_room(&room_id("here"), "12", 1)?;
        assert!(tx.create_room(&room_id("here"), "12", 1).unwrap_err().is_duplicate());
        let row = tx.room(&room_id("here"))?.unwrap();
        assert_eq!((row.nid, &row.room_id, row.version.as_str(), row.head_seq), (here, &room_id("here"), "12", 0));
        assert_eq!(tx.room_by_nid(here)?, Some(row));
        assert_eq!(tx.room(&room_id("there"))?, None);
        let there = tx.create_room(&room_id("there"), "11", 1)?;
        assert_eq!(tx.room_ids(&[there, RoomNid(99), here])?, [room_id("there"), room_id("here")]);
        let mut found: Vec<_> =
            tx.rooms_by_nid(&[there, RoomNid(99), here, here])?.into_iter().map(|row| row.nid).collect();
        found.sort_unstable();
        assert_eq!(found, [here, there]);
        let found = tx.rooms_by_id(&[room_id("there"), room_id("nowhere")])?;
        assert_eq!(found, [tx.room_by_nid(there)?.unwrap()]);
        assert_eq!(tx.server_value("name")?, None);
        tx.set_server_value("name", b"one")?;
        tx.set_server_value("name", &[0, 255])?;
        assert_eq!(tx.server_value("name")?, Some(vec![0, 255]));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn an_alias_names_one_room() {
    case(|tx| {
        let (ana, ben) = (account(tx, "ana")?, account(tx, "ben")?);
        let (here, there) = (room(tx, "here")?, room(tx, "there")?);
        tx.add_alias(&alias("b"), here, ana, 2)?;
        tx.add_alias(&alias("c"), here, ana, 1)?;
        tx.add_alias(&alias("a"), here, ben, 2)?;
        assert!(tx.add_alias(&alias("a"), there, ana, 3).unwrap_err().is_duplicate());
        assert_eq!(tx.alias(&alias("a"))?, Some((here, ben)));
        assert_eq!(tx.alias(&alias("x"))?, None);
        assert_eq!(tx.aliases_of(here)?, [alias("c"), alias("a"), alias("b")], "oldest first");
        assert_eq!(tx.aliases_made_by(ana)?, 2);
        tx.remove_alias(&alias("c"))?;
        tx.move_aliases(here, there)?;
        assert_eq!((tx.aliases_of(here)?.len(), tx.aliases_of(there)?.len()), (0, 2));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn the_directory_lists_published_rooms_with_their_state() {
    case(|tx| {
        let ana = account(tx, "ana")?;
        let (here, there, hidden) = (room(tx, "here")?, room(tx, "there")?, room(tx, "hidden")?);
        for room in [here, there, hidden] {
            append(tx, room, &state(ana, "m.room.name", &json!({ "name": "n" })))?;
            append(tx, room, &state(ana, "m.room.topic", &json!({ "topic": "t" })))?;
        }
        append(tx, here, &member(ana, "ana", "join"))?;
        tx.set_published(here, true)?;
        tx.set_published(here, true)?;
        tx.set_in_network("irc", there, true)?;
        tx.set_in_network("irc", there, true)?;
        tx.set_in_network("xmpp", here, true)?;
        assert!(tx.is_published(here)?);
        assert!(!tx.is_published(there)?);
        let mut networks = tx.network_rooms()?;
        networks.sort();
        assert_eq!(networks, [("irc".to_owned(), there), ("xmpp".to_owned(), here)]);
        let rooms = |tx: &Tx<'_>| {
            let found = tx.published_rooms()?;
            Ok::<_, Error>(found.into_iter().map(|one| (one.room.nid, one.joined)).collect::<Vec<_>>())
        };
        assert_eq!(rooms(tx)?, [(here, 1), (there, 0)], "each once");
        let found = tx.published_state(&["m.room.name", "m.room.avatar"])?;
        assert_eq!(found.iter().map(|row| (row.room, row.seq)).collect::<Vec<_>>(), [(here, 1), (there, 1)]);
        assert_eq!(tx.published_state(&["m.room.name", "m.room.topic"])?.len(), 4);
        tx.set_in_network("irc", there, false)?;
        assert_eq!(rooms(tx)?, [(here, 1)]);
        tx.set_published(here, false)?;
        assert_eq!(rooms(tx)?, [(here, 1)], "a network has it still");
        tx.remove_from_networks(here)?;
        assert_eq!(rooms(tx)?, []);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn summaries_follow_the_events_that_change_them() {
    case(|tx| {
        let ana = account(tx, "ana")?;
        let (here, there) = (room(tx, "here")?, room(tx, "there")?);
        let bump = append(tx, here, &member(ana, "ana", "join"))?.position;
        for change in [
            SummaryChange::Name(Some("old".into())),
            SummaryChange::Name(Some("new".into())),
            SummaryChange::RoomType(Some("m.space".into())),
            SummaryChange::Encrypted(true),
        ] {
            append(tx, here, &NewEvent { bumps: false, summary: Some(change), ..message(ana) })?;
        }
        let last = tx.last_position(here)?.unwrap();
        append(tx, there, &message(ana))?;
        let mut found = tx.summaries(&[there, RoomNid(99), here])?;
        found.sort_by_key(|row| row.room);
        assert_eq!(found.len(), 2);
        assert_eq!((&found[0].room_id, found[0].last, found[0].bump), (&room_id("here"), last, bump));
        assert_eq!((found[0].name.as_deref(), found[0].room_type.as_deref()), (Some("new"), Some("m.space")));
        assert!(found[0].encrypted && !found[1].encrypted);
        assert_eq!((&found[1].name, found[1].last), (&None, found[1].bump));
        append(tx, here, &NewEvent { summary: Some(SummaryChange::Name(None)), ..message(ana) })?;
        assert_eq!(tx.summaries(&[here])?[0].name, None);

        assert_eq!(tx.rooms_active_since(ana, &token(bump))?, [here]);
        let now = tx.last_position(here)?.unwrap();
        assert_eq!(tx.rooms_active_since(ana, &token(now))?, []);
        append(tx, here, &member(ana, "ana", "leave"))?;
        assert_eq!(tx.rooms_active_since(ana, &token(bump))?, [], "not joined any more");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn administrators_list_rooms_by_their_state() {
    case(|tx| {
        let ana = account(tx, "ana")?;
        let (here, there) = (room(tx, "here")?, room(tx, "there")?);
        append(tx, here, &state(ana, "m.room.create", &json!({ "type": "m.space", "m.federate": false })))?;
        append(tx, here, &state(ana, "m.room.name", &json!({ "name": "Zoo" })))?;
        append(tx, here, &state(ana, "m.room.canonical_alias", &json!({ "alias": "#animals:example.org" })))?;
        append(tx, here, &state(ana, "m.room.join_rules", &json!({ "join_rule": "public" })))?;
        append(tx, here, &state(ana, "m.room.encryption", &json!({ "algorithm": "megolm" })))?;
        append(tx, here, &state(ana, "m.room.guest_access", &json!({ "guest_access": "can_join" })))?;
        append(tx, here, &state(ana, "m.room.history_visibility", &json!({ "history_visibility": 7 })))?;
        append(tx, here, &member(ana, "ana", "join"))?;
        append(tx, here, &member(ana, "stranger", "join"))?;
        append(tx, there, &state(ana, "m.room.name", &json!({ "name": "airport" })))?;
        tx.set_published(there, true)?;

        let listed = tx.listed_room(here)?.unwrap();
        assert_eq!((listed.room_id.as_str(), listed.name.as_deref()), ("!here:example.org", Some("Zoo")));
        assert_eq!(listed.canonical_alias.as_deref(), Some("#animals:example.org"));
        assert_eq!((listed.joined_members, listed.joined_local_members, listed.state_events), (2, 1, 9));
        assert_eq!((listed.version.as_str(), listed.encryption.as_deref()), ("12", Some("megolm")));
        assert_eq!((listed.federatable, listed.public, listed.join_rules.as_deref()), (false, false, Some("public")));
        assert_eq!((listed.guest_access.as_deref(), listed.history_visibility), (Some("can_join"), None), "no text");
        assert_eq!((listed.room_type.as_deref(), listed.creator), (Some("m.space"), None));
        assert!(tx.listed_room(there)?.unwrap().federatable);
        assert_eq!(tx.listed_room(RoomNid(99))?, None);

        let find = |query: RoomsQuery| {
            let (found, total) = tx.list_rooms(&query)?;
            Ok::<_, Error>((found.into_iter().map(|one| one.room_id).collect::<Vec<_>>(), total))
        };
        let (zoo, airport) = ("!here:example.org".to_owned(), "!there:example.org".to_owned());
        let all = RoomsQuery { limit: 9, ..RoomsQuery::default() };
        assert_eq!(find(all.clone())?, (vec![airport.clone(), zoo.clone()], 2), "whatever the case of letters");
        assert_eq!(find(RoomsQuery { reversed: true, ..all.clone() })?.0, [zoo.clone(), airport.clone()]);
        let by_size = RoomsQuery { order: RoomOrder::JoinedMembers, ..all.clone() };
        assert_eq!(find(by_size)?.0, [zoo.clone(), airport.clone()]);
        assert_eq!(find(RoomsQuery { from: 1, limit: 1, ..all.clone() })?, (vec![zoo.clone()], 2));
        assert_eq!(find(RoomsQuery { search: Some("ANIM".into()), ..all.clone() })?, (vec![zoo.clone()], 1));
        assert_eq!(find(RoomsQuery { search: Some("!here".into()), ..all.clone() })?.0, [zoo.clone()]);
        assert_eq!(find(RoomsQuery { public: Some(true), ..all.clone() })?.0, [airport.clone()]);
        assert_eq!(find(RoomsQuery { empty: Some(false), ..all.clone() })?.0, [zoo]);
        assert_eq!(find(RoomsQuery { empty: Some(true), ..all })?.0, [airport]);
        let largest = tx.largest_rooms(1)?;
        assert_eq!(largest[0].0, "!here:example.org");
        assert!(largest[0].1 > 9 * 250, "{largest:?}");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_purged_room_leaves_nothing() {
    case(|tx| {
        let ana = account(tx, "ana")?;
        let (here, there) = (room(tx, "here")?, room(tx, "there")?);
        for room in [here, there] {
            append(tx, room, &member(ana, "ana", "join"))?;
            for _ in 0..5 {
                append(tx, room, &NewEvent { media: vec!["m".into()], ..message(ana) })?;
            }
        }
        tx.add_alias(&alias("here"), here, ana, 1)?;
        tx.set_published(here, true)?;
        assert_eq!(tx.purging_room(&room_id("here"))?, None);
        assert_eq!(tx.begin_purge(here)?, [ana]);
        assert_eq!(tx.purging_room(&room_id("here"))?, Some((here, "12".into())));
        assert_eq!((tx.room(&room_id("here"))?, tx.room_by_nid(here)?), (None, None));
        assert_eq!(tx.alias(&alias("here"))?, None);
        assert!(tx.memberships_of(ana)?.iter().all(|row| row.room == there));
        let mut steps = 1;
        while tx.purge_room_step(here, 2, 1)? {
            steps += 1;
        }
        assert!(steps > 5, "in steps of two rows: {steps}");
        assert_eq!(tx.rows_of_room(here)?, []);
        let left: Vec<_> = tx.rows_of_room(there)?.into_iter().map(|(table, _)| table).collect();
        assert!(
            ["events", "memberships", "media_references", "rooms"]
                .iter()
                .all(|table| left.iter().any(|one| one == table))
        );
        assert_eq!(tx.purging_room(&room_id("here"))?, None);
        let again = room(tx, "here")?;
        assert!(again > there, "a number is never given out twice");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn events_are_purged_with_what_refers_to_them() {
    case(|tx| {
        let ana = account(tx, "ana")?;
        let here = room(tx, "here")?;
        let mut events = Vec::new();
        for number in 0..4 {
            let terms: Box<str> = format!("word{number}").into();
            let new = NewEvent { terms: Some(terms.clone()), media: vec![format!("m{number}")], ..message(ana) };
            let at = append(tx, here, &new)?;
            events.push(PurgedEvent { position: at.position, seq: at.seq, terms: Some(terms) });
        }
        tx.keep_events(here, &events[..3])?;
        tx.keep_events(here, &events[..3])?;
        tx.purge_events(here, &events[..3], 1)?;
        assert_eq!(tx.event_numbered(here, 1)?, None);
        assert!(tx.event_numbered(here, 4)?.is_some());
        assert_eq!(tx.media_in_room(here, 9)?, ["m3"]);
        let kept = |tx: &Tx<'_>| {
            let rows = tx.rows_of_room(here)?;
            Ok::<_, Error>(rows.into_iter().find(|(table, _)| table == "kept_events").map_or(0, |(_, count)| count))
        };
        assert_eq!(kept(tx)?, 3);
        assert_eq!(tx.delete_kept_events(here, 3, 1)?, 1);
        assert_eq!(tx.delete_kept_events(here, 3, 9)?, 1, "those before number 3");
        assert_eq!(kept(tx)?, 1);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn purges_are_told_until_they_are_forgotten() {
    case(|tx| {
        let (ana, ben) = (account(tx, "ana")?, account(tx, "ben")?);
        let at = [(); 2].map(|()| tx.next_position());
        tx.add_purged_room(ana, at[1], (RoomNid(8), &room_id("two")), None, 20)?;
        tx.add_purged_room(ana, at[0], (RoomNid(7), &room_id("one")), Some("{}"), 10)?;
        let found = tx.purged_rooms(ana)?;
        assert_eq!((found[0].room, &found[0].room_id, found[0].position), (RoomNid(7), &room_id("one"), at[0]));
        assert_eq!((found[0].event.as_deref(), found[1].event.as_deref()), (Some("{}"), None));
        assert_eq!(tx.purged_rooms(ben)?, []);
        assert_eq!(tx.forget_purged_rooms_before(20)?, 1);
        assert_eq!(tx.purged_rooms(ana)?.len(), 1);
        assert_eq!(tx.event_anywhere(&event_id("none"))?, None);
        Ok(())
    })
    .await;
}
