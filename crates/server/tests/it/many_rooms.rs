//! First answers about more rooms than are read together: what was in memory and what had to be read look the same.

use im2_testkit::{Client, Setup, segment};
use serde_json::{Value, json};

/// More than the server reads with one look into its database, and than two.
const ROOMS: usize = 140;
/// More events than the server reads of a room at first.
const TALK: usize = 45;
const NOW: u64 = 1_700_000_000_000;

/// The rooms of an answer, whatever the order of events in which there is none, and without what is told anew of
/// typing after a restart.
fn rooms(answer: &Value) -> Value {
    let mut rooms = answer["rooms"].clone();
    let sections = rooms.as_object_mut().unwrap().values_mut();
    for room in sections.flat_map(|section| section.as_object_mut().unwrap().values_mut()) {
        if let Some(events) = room.pointer_mut("/ephemeral/events").and_then(Value::as_array_mut) {
            events.retain(|event| event["type"] != "m.typing");
            if events.is_empty() {
                room.as_object_mut().unwrap().remove("ephemeral");
            }
        }
        for path in ["/state/events", "/required_state"] {
            if let Some(events) = room.pointer_mut(path).and_then(Value::as_array_mut) {
                events.sort_by_key(|event| event["event_id"].to_string());
            }
        }
    }
    rooms
}

/// The answers that are compared: a first sync, one from `since`, and a sliding sync of all rooms.
async fn answers(client: &Client, since: &str) -> [Value; 3] {
    let body = json!({ "lists": { "all": {
        "ranges": [[0, ROOMS]], "timeline_limit": 3, "required_state": [["*", "*"]],
    } } });
    let sliding = client.post("/_matrix/client/unstable/org.matrix.simplified_msc3575/sync", body).await.ok();
    let sliding = json!({ "rooms": { "all": sliding["rooms"] } });
    [client.sync(None).await, client.sync(Some(since)).await, sliding].map(|answer| rooms(&answer))
}

#[tokio::test]
async fn answers_about_many_rooms_are_the_same_after_a_restart() {
    let server = Setup::default().clock_at(NOW).start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let mut joined = Vec::new();
    for number in 0..ROOMS {
        let room = ben.create_room(json!({ "preset": "public_chat", "name": format!("Room {number}") })).await;
        ana.join(&room).await;
        joined.push(room);
        // Rooms of one creator that are alike have different times of creation.
        server.advance(1);
    }
    let since = ana.sync(None).await["next_batch"].as_str().unwrap().to_owned();
    for (number, room) in joined.iter().enumerate() {
        let said = ben.send_text(room, "hello").await;
        match number % 4 {
            0 => drop(ana.post(&format!("/v3/rooms/{}/receipt/m.read/{}", segment(room), said), json!({})).await.ok()),
            1 => drop(ben.set_state(room, "m.room.name", "", json!({ "name": "Another name" })).await),
            2 => drop(ana.send_text(room, "hello Ben").await),
            _ => drop(ben.put(&format!("/v3/rooms/{}/redact/{said}/a", segment(room)), json!({})).await.ok()),
        }
    }
    for _ in 0..TALK {
        ben.send_text(&joined[3], "hello again").await;
    }
    ana.leave(&joined[7]).await;
    let invited = ben.create_room(json!({ "invite": [ana.user_id()] })).await;

    let before = answers(&ana, &since).await;
    let folder = server.stop().await;
    let server = Setup::default().clock_at(NOW + ROOMS as u64).start_in(folder).await;
    let after = answers(&server.anonymous().with_token(ana.token()), &since).await;
    assert_eq!(before, after);
    let [first, next, sliding] = after;
    assert_eq!(first["join"].as_object().unwrap().len(), ROOMS - 1);
    assert_eq!(next["join"].as_object().unwrap().len(), ROOMS - 1);
    assert_eq!(sliding["all"].as_object().unwrap().len(), ROOMS, "all but the one that was left, and the invite");
    assert!(first["invite"][&invited].is_object() && first["leave"].is_null() && next["leave"][&joined[7]].is_object());
    let left = next["leave"][&joined[7]]["timeline"]["events"].as_array().unwrap().last().unwrap();
    assert_eq!(left["unsigned"]["prev_content"]["membership"], "join", "what the own leaving replaced: {left}");
    let unread = |number: usize| first["join"][&joined[number]]["unread_notifications"]["notification_count"].clone();
    assert_eq!([0, 1, 2, 3].map(unread), [json!(0), json!(1), json!(0), json!(TALK)]);
    let receipts = first["join"][&joined[4]]["ephemeral"]["events"].to_string();
    assert!(receipts.contains(ana.user_id()), "{receipts}");
    let name = &sliding["all"][&joined[5]]["required_state"].to_string();
    assert!(name.contains("Another name"), "{name}");
}
