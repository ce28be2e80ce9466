//! What rooms take in memory is counted right, and given back.

use std::time::Duration;

use im2_chat::rooms::{Act, CreateRoom, Direction, Draft, Preset, StateLimits};
use im2_core::{Code, Error};
use im2_model::SeededRandom;
use im2_sync::Answer;
use serde_json::{Value, json};

use crate::{
    Fixture,
    builders::{first_sync, object, session, text},
    sync::Chaos,
};

/// The bytes that a cache takes.
fn taken(fixture: &Fixture, names: &[&str]) -> usize {
    let usage = fixture.engine.core.memory.usage();
    usage.iter().filter(|one| names.contains(&one.name)).map(|one| one.bytes).sum()
}

#[tokio::test]
async fn weights_follow_the_rooms_and_come_to_nothing() {
    for seed in 0..10_u64 {
        let member_events = if seed.is_multiple_of(2) { 1_000 } else { 1 };
        let fixture = Fixture::with(|options| options.chat.rooms.member_events = member_events).await;
        let users = fixture.users(&["ana", "ben", "eve"]).await;
        let mut chaos = Chaos { fixture: &fixture, random: SeededRandom::new(seed), users, rooms: Vec::new() };
        for number in 0..100 {
            chaos.act(number).await;
            let (counted, anew) = (taken(&fixture, &["events", "rooms"]), fixture.engine.chat.rooms.weigh_anew());
            // The stream holds events that rooms have dropped: member events beyond their limit.
            assert!(counted >= anew && (member_events == 1 || counted == anew), "seed {seed}: {counted} {anew}");
        }
        let memory = fixture.engine.core.memory.clone();
        drop(fixture);
        let left: Vec<_> = memory.usage().into_iter().filter(|one| ["events", "rooms"].contains(&one.name)).collect();
        assert!(left.iter().all(|one| one.bytes == 0), "seed {seed}: {left:?}");
    }
}

#[tokio::test]
async fn a_redaction_gives_back_what_it_takes_away() {
    let fixture = Fixture::new().await;
    let ana = fixture.user("ana").await;
    let room = fixture.engine.chat.rooms.create(&ana, CreateRoom::default()).await.unwrap();
    let rooms = &fixture.engine.chat.rooms;
    let sent = rooms.append(&room, &ana, text(&"x".repeat(50_000)), None).await.unwrap();
    let draft = Draft { redacts: Some(sent), ..Draft::message("m.room.redaction", object(json!({}))) };
    let before = rooms.weigh_anew();
    rooms.append(&room, &ana, draft, None).await.unwrap();
    assert!(before - rooms.weigh_anew() > 45_000);
}

/// Many rooms, and little memory for them: what was used last stays.
#[tokio::test]
async fn rooms_that_were_used_least_recently_give_way() {
    const ROOMS: usize = 60;
    let fixture = Fixture::with(|options| options.core.memory.budget = 1 << 20).await;
    let users = fixture.users(&["ana", "ben"]).await;
    let rooms = &fixture.engine.chat.rooms;
    let mut ids = Vec::new();
    for _ in 0..ROOMS {
        let request = CreateRoom { preset: Some(Preset::PublicChat), ..CreateRoom::default() };
        let room = rooms.create(&users[0], request).await.unwrap();
        rooms.act(&users[0], &room.id, Act::Invite, &users[1].user_id, None).await.unwrap();
        for number in 0..40 {
            rooms.append(&room, &users[0], text(&format!("message {number}")), None).await.unwrap();
        }
        ids.push((room.id.clone(), room.nid));
        fixture.engine.keep_to_budget();
    }
    assert!(taken(&fixture, &["events", "rooms"]) <= 1 << 20);
    let in_memory = rooms.in_memory();
    assert!((3..ROOMS).contains(&in_memory), "{in_memory} rooms are in memory");
    // One that is held stays, whatever the others take.
    let held = rooms.by_nid(ids[0].1).await.unwrap();
    for (_, nid) in &ids {
        rooms.by_nid(*nid).await.unwrap();
        fixture.engine.keep_to_budget();
    }
    assert!(std::sync::Arc::ptr_eq(&held, &rooms.by_nid(ids[0].1).await.unwrap()), "a room has one handle");
    // Everything that is not in memory is read again.
    for (id, nid) in &ids {
        let room = rooms.by_nid(*nid).await.unwrap();
        assert_eq!((&room.id, room.view().seq), (id, room.view().tail.back().unwrap().seq));
        rooms.append(&room, &users[0], text("again"), None).await.unwrap();
    }
}

#[tokio::test]
async fn a_room_has_so_much_state_and_no_more() {
    let fixture = Fixture::with(|options| {
        options.chat.rooms.state = StateLimits { entries: 40, bytes: 200_000 };
    })
    .await;
    let ana = fixture.user("ana").await;
    let rooms = &fixture.engine.chat.rooms;
    let room = rooms.create(&ana, CreateRoom::default()).await.unwrap();
    let set = async |key: &str, bytes: usize| {
        let content = object(json!({ "text": "x".repeat(bytes) }));
        rooms.send_state(&ana, &room.id, Draft::state("test.state", key, content)).await
    };
    let refused = |outcome: Result<_, Error>| outcome.unwrap_err().code() == Some(Code::TooLarge);
    for number in 0..3 {
        set(&format!("large {number}"), 60_000).await.unwrap();
    }
    assert!(refused(set("large 3", 60_000).await), "too many bytes");
    set("large 0", 59_000).await.unwrap();
    set("large 0", 10).await.unwrap();
    set("large 3", 50_000).await.unwrap();
    let mut set_entries = room.view().state.len();
    while set_entries < 40 {
        set(&format!("small {set_entries}"), 10).await.unwrap();
        set_entries += 1;
    }
    assert!(refused(set("one more", 10).await), "too many entries");
    set("large 1", 20).await.unwrap();
    rooms.append(&room, &ana, text("messages go on"), None).await.unwrap();
    let again = rooms.by_nid(room.nid).await.unwrap();
    assert_eq!(again.view().state.len(), 40);
}

/// A large first `/sync` is made as it is read: who reads nothing of it has it made no further.
#[tokio::test]
async fn a_large_sync_is_made_as_it_is_read() {
    const ROOMS: usize = 40;
    let fixture = Fixture::new().await;
    let ana = fixture.user("ana").await;
    let rooms = &fixture.engine.chat.rooms;
    for _ in 0..ROOMS {
        let room = rooms.create(&ana, CreateRoom::default()).await.unwrap();
        for _ in 0..5 {
            rooms.append(&room, &ana, text(&"x".repeat(10_000)), None).await.unwrap();
        }
    }
    let sync = async || fixture.engine.sync.classic.sync(&session(&ana, "D"), first_sync(&json!({}))).await.unwrap();
    let Answer::Pieces(mut pieces) = sync().await else { panic!("it is large") };
    let (mut whole, mut largest, mut count) = (Vec::new(), 0, 0);
    while let Some(piece) = pieces.next().await {
        let piece = piece.unwrap();
        (largest, count) = (largest.max(piece.len()), count + 1);
        whole.extend_from_slice(&piece);
    }
    assert!(count > 10 && largest < 200_000, "{count} pieces, the largest of {largest} bytes");
    let answer: Value = serde_json::from_slice(&whole).unwrap();
    let joined = answer["rooms"]["join"].as_object().unwrap();
    assert_eq!(joined.len(), ROOMS);
    assert!(joined.values().all(|room| room["timeline"]["events"].as_array().unwrap().len() == 10));
    // One of a user is made at a time, but those who do not read keep nobody waiting.
    let mut stuck = Vec::new();
    for _ in 0..6 {
        stuck.push(sync().await);
    }
    assert!(stuck.iter().all(|answer| matches!(answer, Answer::Pieces(_))));
    let load = || fixture.engine.pools().find(|(name, _)| *name == "syncs").unwrap().1;
    let settled = async {
        while load().running > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), settled).await.expect("all wait for their readers");
    // Without a reader it ends.
    drop(stuck);
    assert_eq!(load().waiting, 0);
}

/// A timeline is bounded in bytes as well, and `prev_batch` leads on to what is left out.
#[tokio::test]
async fn a_timeline_of_large_events_is_cut() {
    let fixture = Fixture::new().await;
    let ana = fixture.user("ana").await;
    let rooms = &fixture.engine.chat.rooms;
    let room = rooms.create(&ana, CreateRoom::default()).await.unwrap();
    let mut sent = Vec::new();
    for _ in 0..40 {
        let event_id = rooms.append(&room, &ana, text(&"x".repeat(60_000)), None).await.unwrap();
        sent.push(event_id.to_string());
    }
    let filter = json!({ "room": { "timeline": { "limit": 100 } } });
    let answer = fixture.engine.sync.classic.sync(&session(&ana, "D"), first_sync(&filter)).await.unwrap();
    let answer: Value = serde_json::from_slice(&answer.whole().await.unwrap()).unwrap();
    let timeline = &answer["rooms"]["join"][room.id.as_str()]["timeline"];
    let ids = |events: &Value| -> Vec<String> {
        let events = events.as_array().unwrap().iter();
        events.map(|event| event["event_id"].as_str().unwrap().to_owned()).collect()
    };
    let mut found = ids(&timeline["events"]);
    assert!((15..20).contains(&found.len()), "{} events", found.len());
    assert_eq!(timeline["limited"], true);
    let place = rooms.place(timeline["prev_batch"].as_str().unwrap()).await.unwrap();
    let mut from = rooms.seq_at(&room, &place).await.unwrap() + 1;
    let reader = rooms.reader(&ana, &room.id).await.unwrap();
    loop {
        let page = rooms.page(&reader, from, None, Direction::Backward, 100, |_| true).await.unwrap();
        drop(found.splice(0..0, page.events.iter().rev().map(|event| event.id().to_string())));
        let Some(next) = page.next else { break };
        from = next;
    }
    assert_eq!(found[found.len() - sent.len()..], sent, "nothing is missing or told twice");
    assert_eq!(found.len() as i64, room.view().seq);
}
