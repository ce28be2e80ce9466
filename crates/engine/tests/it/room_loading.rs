//! What it costs to bring many rooms into memory, and that each is then as if it had been read alone.

use std::sync::Arc;

use im2_chat::rooms::{Actor, CreateRoom, Draft, Preset, Room, RoomEvent};
use im2_model::RoomNid;
use serde_json::{Map, json};

use crate::{
    Fixture,
    builders::{object, resolve_member, text},
};

const ROOMS: usize = 64;
/// Of larger rooms not all member events are read.
const MEMBER_EVENTS: usize = 3;
/// Events that the rooms are read with.
const EVENTS: usize = 12;
const STATEMENTS: usize = 10;

/// Rooms of every kind: short ones, of which everything is read, and long ones; with changes of the state, redactions
/// and resolutions in what is read of the timeline and before it; with few members and with many.
async fn make_room(fixture: &Fixture, users: &[Actor], number: usize) -> RoomNid {
    let rooms = &fixture.engine.chat.rooms;
    let request = CreateRoom { preset: Some(Preset::PublicChat), ..CreateRoom::default() };
    let room = rooms.create(&users[0], request).await.unwrap();
    if number.is_multiple_of(4) {
        return room.nid;
    }
    for user in &users[1..=number % users.len().min(4)] {
        rooms.join(user, &room.id, None).await.unwrap();
    }
    for count in 0..14 {
        let said = rooms.append(&room, &users[0], text(&format!("{count} in {number}")), None).await.unwrap();
        if count % 5 == number % 5 {
            let content = object(json!({ "topic": format!("{count} of {number}") }));
            rooms.append(&room, &users[0], Draft::state("m.room.topic", "", content), None).await.unwrap();
        }
        if count % 7 == number % 7 {
            let redaction = Draft {
                content: object(json!({ "redacts": said })),
                redacts: Some(said),
                ..Draft::message("m.room.redaction", Map::new())
            };
            rooms.append(&room, &users[0], redaction, None).await.unwrap();
        }
        if number.is_multiple_of(3) && [3, 12].contains(&count) {
            // Once to none, and once to what it was first.
            resolve_member(&fixture.engine, &room, &users[1], if count == 3 { 99 } else { 0 }).await;
        }
    }
    room.nid
}

fn shown(event: &RoomEvent) -> String {
    let RoomEvent { seq, position, pdu, transaction, replaced, redacted_because, .. } = event;
    format!("{seq} {position:?} {} {transaction:?} {replaced:?} {redacted_because:?}", pdu.json())
}

/// A room, as text.
fn describe(room: &Arc<Room>) -> Vec<String> {
    let view = room.view();
    let mut state: Vec<_> =
        view.state.iter().map(|(kind, key, entry)| format!("{kind} {key} {} {}", entry.since, shown(entry))).collect();
    let members = view.members.iter();
    let mut members: Vec<_> =
        members.map(|(user, is)| format!("{user} {:?} {} {}", is.membership, is.since, is.seq)).collect();
    let mut joined: Vec<_> = view.joined.iter().map(|user| format!("{user:?}")).collect();
    for sorted in [&mut state, &mut members, &mut joined] {
        sorted.sort();
    }
    let whole = format!("{} {} {} {} {:?}", room.id, view.first, view.seq, view.invited, view.visibility);
    let tail = view.tail.iter().map(|event| shown(event));
    [whole].into_iter().chain(tail).chain(state).chain(members).chain(joined).collect()
}

#[tokio::test]
async fn loading_64_rooms() {
    let fixture = Fixture::new().await;
    let users = fixture.users(&["ana", "ben", "cem", "dai", "eva"]).await;
    let mut nids = Vec::new();
    for number in 0..ROOMS {
        nids.push(make_room(&fixture, &users, number).await);
    }

    // With one thread that reads, what it has run is what was asked of it.
    let reopen = async |fixture: Fixture| {
        let change = |options: &mut im2_engine::Options| options.chat.rooms.member_events = MEMBER_EVENTS;
        Box::pin(fixture.reopen_all_with(|store| store.readers = 1, change)).await
    };
    let fixture = reopen(fixture).await;
    let (rooms, store) = (&fixture.engine.chat.rooms, &fixture.engine.core.store);
    let statements = || store.read(|db| Ok(db.statements()));
    let before = statements().await.unwrap();
    rooms.preload(&nids, EVENTS).await.unwrap();
    let taken = statements().await.unwrap() - before;
    assert!(taken <= STATEMENTS, "{taken} statements for {ROOMS} rooms");
    let together: Vec<_> = nids.iter().map(|nid| describe(&rooms.room_in_memory(*nid).unwrap())).collect();

    let fixture = reopen(fixture).await;
    let rooms = &fixture.engine.chat.rooms;
    for (nid, together) in nids.iter().zip(together) {
        rooms.preload(&[*nid], EVENTS).await.unwrap();
        assert_eq!(describe(&rooms.room_in_memory(*nid).unwrap()), together);
    }
}
