//! The list of notifications: newest first over all rooms, in pages, each once.

use std::sync::Arc;

use im2_chat::{
    notifications::{Page, Query},
    receipts::{Marker, MarkerKind},
    rooms::{Actor, CreateRoom, Draft, Preset, Room},
};
use im2_kernel::push::RuleKind;
use im2_model::EventId;
use serde_json::{Value, json};

use crate::Fixture;

async fn send(fixture: &Fixture, room: &Arc<Room>, actor: &Actor, content: Value) -> EventId {
    let draft = Draft::message("m.room.message", serde_json::from_value(content).unwrap());
    fixture.engine.chat.rooms.append(room, actor, draft, None).await.unwrap()
}

async fn list(fixture: &Fixture, actor: &Actor, query: Query) -> Page {
    fixture.engine.chat.notifications.list(actor, query).await.unwrap()
}

fn ids(page: &Page) -> Vec<EventId> {
    page.notifications.iter().map(|notification| notification.event.id().clone()).collect()
}

/// Rooms of Ana's that Ben has joined.
async fn rooms(fixture: &Fixture, count: usize) -> (Actor, Actor, Vec<Arc<Room>>) {
    let (ana, ben) = (fixture.user("ana").await, fixture.user("ben").await);
    let mut rooms = Vec::new();
    for _ in 0..count {
        fixture.clock.advance(1);
        let public = CreateRoom { preset: Some(Preset::PublicChat), ..CreateRoom::default() };
        let room = fixture.engine.chat.rooms.create(&ana, public).await.unwrap();
        send(fixture, &room, &ana, json!({ "msgtype": "m.text", "body": "before Ben joined" })).await;
        fixture.engine.chat.rooms.join(&ben, &room.id, None).await.unwrap();
        rooms.push(room);
    }
    (ana, ben, rooms)
}

#[tokio::test]
async fn pages_hold_each_notification_once_newest_first() {
    let fixture = Fixture::new().await;
    let (ana, ben, rooms) = rooms(&fixture, 3).await;
    let mut sent = Vec::new();
    for number in 0..90 {
        // Some are sent in the same millisecond.
        fixture.clock.advance(u64::from(number % 3 == 0));
        sent.push(send(&fixture, &rooms[number % 3], &ana, json!({ "msgtype": "m.text", "body": "hello" })).await);
        send(&fixture, &rooms[number % 3], &ana, json!({ "msgtype": "m.notice", "body": "quiet" })).await;
        send(&fixture, &rooms[number % 3], &ben, json!({ "msgtype": "m.text", "body": "own" })).await;
    }
    sent.reverse();
    let mut listed = Vec::new();
    let mut from = None;
    loop {
        let page = list(&fixture, &ben, Query { from, limit: Some(7), only_highlights: false }).await;
        assert!(page.notifications.len() <= 7);
        listed.extend(ids(&page));
        match page.next {
            Some(next) => from = Some(next.to_string().parse().unwrap()),
            None => break,
        }
    }
    assert_eq!(listed, sent);
    let whole = list(&fixture, &ben, Query { limit: Some(1_000), ..Query::default() }).await;
    assert_eq!(ids(&whole), sent);
    assert!(whole.next.is_none());
    assert!(list(&fixture, &ana, Query::default()).await.notifications.len() > 7, "Ben's messages notify Ana");
}

#[tokio::test]
async fn what_is_read_redacted_ignored_or_not_highlighted() {
    let fixture = Fixture::new().await;
    let (ana, ben, rooms) = rooms(&fixture, 1).await;
    let room = &rooms[0];
    let mut say = Vec::new();
    for body in ["one", "cake", "three", "gone"] {
        fixture.clock.advance(1);
        say.push(send(&fixture, room, &ana, json!({ "msgtype": "m.text", "body": body })).await);
    }
    let body = json!({ "pattern": "cake", "actions": ["notify", { "set_tweak": "highlight" }] });
    let (rules, body) = (&fixture.engine.chat.push_rules, serde_json::from_value(body).unwrap());
    rules.put(ben.user, &ben.user_id, (RuleKind::Content, "cake"), &body, (None, None)).await.unwrap();
    let draft = Draft::message("m.room.redaction", serde_json::from_value(json!({ "redacts": say[3] })).unwrap());
    let draft = Draft { redacts: Some(say[3].clone()), ..draft };
    fixture.engine.chat.rooms.append(room, &ana, draft, None).await.unwrap();
    let marker = Marker { kind: MarkerKind::ReadPrivate, event_id: say[1].clone(), thread: None };
    fixture.engine.chat.receipts.mark(&ben, &room.id, vec![marker]).await.unwrap();

    let page = list(&fixture, &ben, Query::default()).await;
    let read: Vec<(EventId, bool)> =
        page.notifications.iter().map(|notification| (notification.event.id().clone(), notification.read)).collect();
    assert_eq!(read, [(say[2].clone(), false), (say[1].clone(), true), (say[0].clone(), true)]);
    assert_eq!(
        serde_json::to_value(&page.notifications[1].actions).unwrap(),
        json!(["notify", { "set_tweak": "highlight" }])
    );
    let highlights = list(&fixture, &ben, Query { only_highlights: true, ..Query::default() }).await;
    assert_eq!(ids(&highlights), [say[1].clone()]);
    let ignored = serde_json::from_value(json!({ "ignored_users": { ana.user_id.as_str(): {} } })).unwrap();
    fixture.engine.chat.account_data.set(ben.user, None, "m.ignored_user_list", &ignored).await.unwrap();
    assert!(list(&fixture, &ben, Query::default()).await.notifications.is_empty());
    fixture.engine.chat.account_data.set(ben.user, None, "m.ignored_user_list", &serde_json::Map::new()).await.unwrap();
    fixture.engine.chat.rooms.leave(&ben, &room.id, None).await.unwrap();
    assert!(list(&fixture, &ben, Query::default()).await.notifications.is_empty());
}
