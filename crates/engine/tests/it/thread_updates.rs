//! Threads with new replies, where there are more than one answer looks at.

use std::sync::Arc;

use im2_chat::{
    rooms::{Actor, CreateRoom, Draft, Room},
    thread_updates::UpdatesRequest,
};
use im2_model::EventId;
use serde_json::{Map, Value, json};

use crate::Fixture;

/// More replies than one answer looks at in a room.
const REPLIES: usize = 1_100;

fn message(root: Option<&EventId>) -> Draft {
    let mut content = Map::from_iter([("body".to_owned(), Value::from("text"))]);
    if let Some(root) = root {
        content.insert("m.relates_to".to_owned(), json!({ "rel_type": "m.thread", "event_id": root }));
    }
    Draft::message("m.room.message", content)
}

async fn append(fixture: &Fixture, room: &Arc<Room>, ana: &Actor, root: Option<&EventId>) -> EventId {
    fixture.engine.chat.rooms.append(room, ana, message(root), None).await.unwrap()
}

#[tokio::test]
async fn a_busy_thread_does_not_hide_a_quiet_one() {
    let fixture = Arc::new(Fixture::new().await);
    let ana = fixture.user("ana").await;
    let room = fixture.engine.chat.rooms.create(&ana, CreateRoom::default()).await.unwrap();
    let (quiet, busy) = (append(&fixture, &room, &ana, None).await, append(&fixture, &room, &ana, None).await);
    append(&fixture, &room, &ana, Some(&quiet)).await;
    let mut replies = tokio::task::JoinSet::new();
    for _ in 0..REPLIES {
        let (fixture, room, ana, busy) = (Arc::clone(&fixture), Arc::clone(&room), ana.clone(), busy.clone());
        replies.spawn(async move { append(&fixture, &room, &ana, Some(&busy)).await });
    }
    assert_eq!(replies.join_all().await.len(), REPLIES);

    let (mut told, mut before, mut pages) = (Vec::new(), None, 0);
    while pages < 5 {
        pages += 1;
        let request = UpdatesRequest { before, limit: 10, ..UpdatesRequest::default() };
        let page = fixture.engine.chat.thread_updates.updates(&ana, request).await.unwrap();
        told.extend(page.updates.iter().map(|update| update.root().clone()));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!((told, before, pages), (vec![busy, quiet], None, 2), "each once, and then there are no more");
}
