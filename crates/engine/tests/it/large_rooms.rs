//! Rooms whose member events are not all in memory: they answer as others do.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use im2_chat::rooms::{
    Act, Actor, CreateRoom, Draft, Form, MemberList, Preset, Reader, Room, RoomEvent, Rooms, StoredMember,
    StoredMembers,
};
use im2_kernel::{content::Membership, version::RoomVersion};
use im2_model::RoomId;
use serde_json::{Map, Value, json};

use crate::{
    Fixture,
    builders::{first_sync, object, session, text},
};

/// More than the limits that these tests set.
const MEMBERS: usize = 30;

async fn users(fixture: &Fixture) -> Vec<Actor> {
    let mut users = Vec::new();
    for number in 0..MEMBERS {
        users.push(fixture.user(&format!("user{number:02}")).await);
    }
    users
}

/// A room with members of every kind, some of whom have come and gone.
async fn make_room(fixture: &Fixture, users: &[Actor], version: RoomVersion) -> RoomId {
    let rooms = &fixture.engine.chat.rooms;
    let request = CreateRoom { version, preset: Some(Preset::PublicChat), ..CreateRoom::default() };
    let room = rooms.create(&users[0], request).await.unwrap();
    let say = async |who: &Actor, body: String| {
        rooms.append(&room, who, text(&body), None).await.unwrap();
    };
    for (number, user) in users.iter().enumerate().skip(1) {
        rooms.join(user, &room.id, None).await.unwrap();
        say(user, format!("hello from {number}")).await;
        match number % 6 {
            0 => rooms.leave(user, &room.id, Some("enough")).await.unwrap(),
            1 => rooms.act(&users[0], &room.id, Act::Ban, &user.user_id, Some("spam")).await.unwrap(),
            2 => {
                let content = json!({ "membership": "join", "displayname": format!("Name {number}") });
                let draft = Draft::state("m.room.member", user.user_id.as_str(), object(content));
                rooms.append(&room, user, draft, None).await.unwrap();
            }
            _ => {}
        }
    }
    room.id.clone()
}

/// State by type and state key.
fn by_key(events: &[Arc<RoomEvent>]) -> BTreeMap<(String, String), String> {
    let key = |event: &Arc<RoomEvent>| (event.kind().to_owned(), event.state_key().unwrap().to_owned());
    events.iter().map(|event| (key(event), event.id().to_string())).collect()
}

/// The members in a list, by type and state key.
async fn listed(rooms: &Rooms, room: &Arc<Room>, at: Option<i64>) -> BTreeMap<(String, String), String> {
    match rooms.member_list(room, at, |_| true).await.unwrap() {
        MemberList::Here(events) => by_key(&events),
        MemberList::Stored(members) => {
            let written = write(members).await;
            let text = |event: &Value, key: &str| event[key].as_str().unwrap().to_owned();
            let entry = |event: &Value| ((text(event, "type"), text(event, "state_key")), text(event, "event_id"));
            let found: BTreeMap<_, _> = written.iter().map(entry).collect();
            assert_eq!(found.len(), written.len(), "everybody once");
            found
        }
    }
}

/// Members that are read, as a client is shown them.
async fn write(members: StoredMembers) -> Vec<Value> {
    let mut out = Vec::from(*b"[");
    let write = |out: &mut Vec<u8>, member: &StoredMember<'_>| {
        member.write(out, Form::InRoom, 0, Membership::Join);
        true
    };
    members.write_all(&mut out, write).await.unwrap();
    out.push(b']');
    serde_json::from_slice(&out).unwrap()
}

/// An event without what depends on where it was found: state that is in the timeline too tells what it replaced.
fn bare(event: &Value) -> Value {
    let mut event = event.clone();
    event.as_object_mut().unwrap().remove("unsigned");
    event
}

/// Everything that depends on member events, as one user is shown it.
async fn shown(fixture: &Fixture, actor: &Actor, reader: &Reader) -> Vec<String> {
    let rooms = &fixture.engine.chat.rooms;
    let last = reader.room.view().seq;
    let now = by_key(&rooms.state_at(&reader.room, None).await.unwrap());
    let mut shown = Vec::new();
    for seq in (1..=last + 1).step_by(7) {
        let state = by_key(&rooms.state_at(&reader.room, Some(seq)).await.unwrap());
        let members = by_key(&rooms.members_at(&reader.room, seq).await.unwrap());
        let others = by_key(&rooms.state_without_members_at(&reader.room, seq).await.unwrap());
        assert_eq!(listed(rooms, &reader.room, Some(seq)).await, members, "event number {seq}");
        for (kind, state_key) in now.keys() {
            let entry = rooms.state_entry(&reader.room, kind, state_key, Some(seq)).await.unwrap();
            let entry = entry.map(|event| event.id().to_string());
            assert_eq!(entry.as_ref(), state.get(&(kind.clone(), state_key.clone())), "{kind} at event number {seq}");
        }
        assert_eq!(members.into_iter().chain(others).collect::<BTreeMap<_, _>>(), state, "event number {seq}");
        shown.push(format!("{seq} {state:?}"));
    }
    for filter in [json!({}), json!({ "room": { "state": { "lazy_load_members": true } } })] {
        let answer = fixture
            .engine
            .sync
            .classic
            .sync(&session(actor, "D"), first_sync(&filter))
            .await
            .unwrap()
            .whole()
            .await
            .unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        let room = &answer["rooms"]["join"][reader.room.id.as_str()];
        let mut state: Vec<String> =
            room["state"]["events"].as_array().unwrap().iter().map(|event| bare(event).to_string()).collect();
        state.sort();
        shown.push(format!("{state:?} {} {}", room["summary"], room["timeline"]));
    }
    shown
}

#[tokio::test]
async fn a_room_whose_members_are_not_in_memory_shows_what_it_shows_otherwise() {
    let fixture = Fixture::new().await;
    let users = users(&fixture).await;
    let room_id = make_room(&fixture, &users, RoomVersion::V11).await;
    let mut all = Vec::new();
    let mut fixture = fixture;
    for member_events in [1_000, 0, 2] {
        fixture = fixture.reopen_with(|options| options.chat.rooms.member_events = member_events).await;
        let reader = fixture.engine.chat.rooms.reader(&users[3], &room_id).await.unwrap();
        all.push(shown(&fixture, &users[3], &reader).await);
    }
    assert_eq!(all[0], all[1]);
    assert_eq!(all[0], all[2]);
    assert!(all[0].last().unwrap().contains("m.heroes"), "{:?}", all[0].last());
}

#[tokio::test]
async fn what_the_rules_ask_of_members_is_read_where_it_is_not_in_memory() {
    for version in [RoomVersion::V10, RoomVersion::V12] {
        let fixture = Fixture::new().await;
        let users = users(&fixture).await;
        let room_id = make_room(&fixture, &users, version).await;
        let fixture = fixture.reopen_with(|options| options.chat.rooms.member_events = 0).await;
        let rooms = &fixture.engine.chat.rooms;
        let room = rooms.joined(&users[0], &room_id).await.unwrap();
        rooms.append(&room, &users[3], text("hi"), None).await.unwrap();
        assert_eq!(
            room.view().tail.back().unwrap().signed().auth_events().len(),
            if version == RoomVersion::V12 { 2 } else { 3 }
        );
        for (stranger, why) in [(6, "left"), (1, "banned")] {
            assert!(rooms.append(&room, &users[stranger], text("hi"), None).await.is_err(), "{why}");
        }
        rooms.join(&users[6], &room_id, None).await.unwrap();
        assert!(rooms.join(&users[7], &room_id, None).await.is_err(), "banned users stay out");
        rooms.act(&users[0], &room_id, Act::Unban, &users[7].user_id, None).await.unwrap();
        rooms.join(&users[7], &room_id, None).await.unwrap();
        rooms.act(&users[0], &room_id, Act::Ban, &users[8].user_id, Some("spam")).await.unwrap();
        let banned = room.member(&fixture.engine.core, users[8].user_id.as_str()).await.unwrap().unwrap();
        assert_eq!(banned.signed().membership, Some(Membership::Ban));
        assert_eq!(banned.signed().content_map()["displayname"], "Name 8", "the name stays with the ban");
        let again = Draft::state("m.room.member", users[2].user_id.as_str(), {
            object(json!({ "membership": "join", "displayname": "Name 2" }))
        });
        let before = room.view().seq;
        rooms.append(&room, &users[2], again, None).await.unwrap();
        assert_eq!(room.view().seq, before, "what is so already is not sent again");
        let new = rooms.upgrade(&users[0], &room_id, RoomVersion::V11, &[]).await.unwrap();
        let new = rooms.find(&new).await.unwrap().unwrap();
        let is_banned = |user: &Actor| new.view().membership(&user.user_id) == Some(Membership::Ban);
        let bans: Vec<usize> = (0..MEMBERS).filter(|number| is_banned(&users[*number])).collect();
        assert_eq!(bans, [1, 8, 13, 19, 25], "bans are taken over");
        let ban = new.member(&fixture.engine.core, users[13].user_id.as_str()).await.unwrap().unwrap();
        assert_eq!(ban.signed().content_map()["reason"], "spam");
    }
}

#[tokio::test]
async fn a_redacted_member_event_does_not_come_back_from_memory() {
    let fixture = Fixture::with(|options| options.chat.rooms.member_events = 1).await;
    let users = users(&fixture).await;
    let room_id = make_room(&fixture, &users, RoomVersion::V11).await;
    let rooms = &fixture.engine.chat.rooms;
    let room = rooms.joined(&users[0], &room_id).await.unwrap();
    let name = async || {
        let member = room.member(&fixture.engine.core, users[2].user_id.as_str()).await.unwrap().unwrap();
        (member.id().clone(), member.signed().content_map().get("displayname").cloned())
    };
    let (event_id, before) = name().await;
    assert_eq!(before, Some("Name 2".into()));
    let redaction = Draft {
        content: object(json!({ "redacts": event_id })),
        redacts: Some(event_id),
        ..Draft::message("m.room.redaction", Map::new())
    };
    rooms.append(&room, &users[0], redaction, None).await.unwrap();
    assert_eq!(name().await.1, None);
    for user in &users {
        room.member(&fixture.engine.core, user.user_id.as_str()).await.unwrap(); // pushes others out of memory
    }
    assert_eq!(name().await.1, None);
}

#[tokio::test]
async fn lists_of_members_have_those_who_are_wanted_as_they_were_then() {
    let fixture = Fixture::new().await;
    let users = users(&fixture).await;
    let room_id = make_room(&fixture, &users, RoomVersion::V11).await;
    let mut answers = Vec::new();
    let mut fixture = fixture;
    for member_events in [1_000, 0] {
        fixture = fixture.reopen_with(|options| options.chat.rooms.member_events = member_events).await;
        let rooms = &fixture.engine.chat.rooms;
        let room = rooms.joined(&users[0], &room_id).await.unwrap();
        let last = room.view().seq;
        let mut answer = Vec::new();
        // Also numbers from before the first member, and from after the last event.
        for at in (0..last + 2).map(Some).chain([None]) {
            for wanted in [Membership::Join, Membership::Leave, Membership::Ban] {
                let list = rooms.member_list(&room, at, move |found| found == Some(wanted)).await.unwrap();
                let found: BTreeSet<String> = match list {
                    MemberList::Here(events) => {
                        assert_ne!(member_events, 0, "no member event is to be in memory");
                        events.iter().map(|event| event.id().to_string()).collect()
                    }
                    MemberList::Stored(members) => {
                        let written = write(members).await;
                        assert!(written.iter().all(|event| event["content"]["membership"] == wanted.as_str()));
                        written.iter().map(|event| event["event_id"].to_string().replace('"', "")).collect()
                    }
                };
                answer.push((at, wanted, found));
            }
        }
        answers.push(answer);
    }
    assert_eq!(answers[0], answers[1]);
    assert!(
        answers[0].iter().any(|(at, wanted, found)| at.is_none() && *wanted == Membership::Ban && found.len() == 5)
    );
}

#[tokio::test]
async fn a_redacted_member_is_listed_without_what_was_redacted() {
    let fixture = Fixture::new().await;
    let users = users(&fixture).await;
    let room_id = make_room(&fixture, &users, RoomVersion::V11).await;
    let rooms = &fixture.engine.chat.rooms;
    let room = rooms.joined(&users[0], &room_id).await.unwrap();
    let named = room.member(&fixture.engine.core, users[2].user_id.as_str()).await.unwrap().unwrap();
    let redaction = Draft {
        content: object(json!({ "redacts": named.id() })),
        redacts: Some(named.id().clone()),
        ..Draft::message("m.room.redaction", Map::new())
    };
    let redaction = rooms.append(&room, &users[0], redaction, None).await.unwrap();
    let fixture = fixture.reopen_with(|options| options.chat.rooms.member_events = 0).await;
    let rooms = &fixture.engine.chat.rooms;
    let room = rooms.joined(&users[0], &room_id).await.unwrap();
    let MemberList::Stored(members) = rooms.member_list(&room, None, |_| true).await.unwrap() else {
        panic!("no member event is to be in memory");
    };
    let written = write(members).await;
    let of = |user: &Actor| written.iter().find(|event| event["state_key"] == user.user_id.as_str()).unwrap();
    assert_eq!(of(&users[2])["content"], json!({ "membership": "join" }));
    assert_eq!(of(&users[2])["unsigned"]["redacted_because"]["event_id"], redaction.to_string());
    assert_eq!(of(&users[14])["content"]["displayname"], "Name 14");
    assert_eq!(of(&users[14])["unsigned"].get("redacted_because"), None);
}
