//! Rooms that everybody has forgotten go away by themselves.

use im2_testkit::{Client, Server, Setup, segment, until};
use serde_json::json;

use super::{furnish, number};

const NOW: u64 = 1_700_000_000_000;
const DAY: u64 = 24 * 60 * 60 * 1000;

async fn forget(client: &Client, room: &str) {
    client.leave(room).await;
    client.post(&format!("/v3/rooms/{}/forget", segment(room)), json!({})).await.ok();
}

/// Waits until nothing is left of a room.
async fn is_gone(server: &Server, nid: im2_model::RoomNid) {
    let store = &server.engine().core.store;
    let is_gone = async || store.read(move |db| db.rows_of_room(nid)).await.unwrap().is_empty();
    until("nothing is left of the room", is_gone).await;
}

#[tokio::test]
async fn a_room_that_all_have_forgotten_is_purged_after_the_grace() {
    let server = Setup::default().clock_at(NOW).set("rooms.forget_grace_days", 2_i64).start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    let nid = number(&server, &room).await;
    ana.send_text(&room, "soon forgotten").await;
    forget(&ana, &room).await;
    server.advance(3 * DAY);
    server.until_jobs_are_done().await;
    assert_eq!(number(&server, &room).await, nid, "ben is still in it");
    forget(&ben, &room).await;
    server.advance(DAY);
    server.until_jobs_are_done().await;
    assert_eq!(number(&server, &room).await, nid, "the grace has not passed");
    server.advance(DAY);
    is_gone(&server, nid).await;
    ana.post(&format!("/v3/rooms/{}/join", segment(&room)), json!({})).await.refused(404, "M_NOT_FOUND");
    assert!(!ana.sync(None).await.to_string().contains(&room));
}

#[tokio::test]
async fn who_comes_back_keeps_the_room() {
    let server = Setup::default().clock_at(NOW).start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    let nid = number(&server, &room).await;
    forget(&ana, &room).await;
    ana.join(&room).await;
    server.advance(8 * DAY);
    server.until_jobs_are_done().await;
    assert_eq!(number(&server, &room).await, nid);
}

#[tokio::test]
async fn what_was_reported_stays_until_an_administrator_has_looked() {
    let server = Setup::default().clock_at(NOW).start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    furnish(&ana, &ben, &room).await;
    let nid = number(&server, &room).await;
    forget(&ana, &room).await;
    forget(&ben, &room).await;
    server.advance(8 * DAY);
    server.until_jobs_are_done().await;
    assert_eq!(number(&server, &room).await, nid);
}

#[tokio::test]
async fn rooms_of_ended_accounts_are_forgotten_with_them() {
    let server = Setup::default().clock_at(NOW).start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({})).await;
    ana.send_text(&room, "alone").await;
    let nid = number(&server, &room).await;
    server.engine().people.accounts.deactivate_user("ana", false).await.unwrap();
    server.until_jobs_are_done().await;
    server.advance(8 * DAY);
    is_gone(&server, nid).await;
}
