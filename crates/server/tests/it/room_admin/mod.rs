//! Rooms in the hands of administrators.

mod deletion;
mod forgetting;
mod looking;

use im2_testkit::{Client, segment};
use reqwest::Method;
use serde_json::{Value, json};

/// A path of the administration API.
fn admin(path: &str) -> String {
    format!("/_synapse/admin/{path}")
}

/// A path below a room.
fn of(room: &str, rest: &str) -> String {
    admin(&format!("v1/rooms/{}{rest}", segment(room)))
}

/// The number of a room in the database.
async fn number(server: &im2_testkit::Server, room: &str) -> im2_model::RoomNid {
    let room_id = im2_model::RoomId::parse(room).unwrap();
    server.engine().core.store.read(move |db| db.room(&room_id)).await.unwrap().unwrap().nid
}

/// Uploads a file and returns its URI.
async fn uploaded(client: &Client, content: &'static str) -> String {
    let request = client.request(Method::POST, "/_matrix/media/v3/upload").header("content-type", "text/plain");
    let answer = client.send_request(request.body(content)).await.ok();
    answer["content_uri"].as_str().unwrap().to_owned()
}

/// The room identifiers in a list of rooms.
fn ids(list: &Value) -> Vec<&str> {
    list["rooms"].as_array().unwrap().iter().map(|room| room["room_id"].as_str().unwrap()).collect()
}

/// Fills a room with one of everything that is kept of rooms.
async fn furnish(ana: &Client, ben: &Client, room: &str) {
    let uri = uploaded(ana, "a file").await;
    let file = ana.send(room, "m.room.message", json!({ "msgtype": "m.file", "body": "f", "url": uri })).await;
    let said = ana.send_text(room, "something to find and to reply to").await;
    let relates = |kind: &str| json!({ "rel_type": kind, "event_id": said, "key": "👍" });
    ben.send(room, "m.reaction", json!({ "m.relates_to": relates("m.annotation") })).await;
    let reply = json!({ "msgtype": "m.text", "body": "reply", "m.relates_to": relates("m.thread") });
    let reply = ben.send(room, "m.room.message", reply).await;
    let path = |rest: &str| format!("/v3/rooms/{}/{rest}", segment(room));
    ana.post(&path(&format!("receipt/m.read/{}", segment(&reply))), json!({})).await.ok();
    ana.post(&path("read_markers"), json!({ "m.fully_read": said })).await.ok();
    let tag = format!("/v3/user/{}/rooms/{}/tags/m.favourite", segment(ana.user_id()), segment(room));
    ana.put(&tag, json!({ "order": 0.5 })).await.ok();
    ben.post(&path(&format!("report/{}", segment(&file))), json!({ "reason": "bad" })).await.ok();
    ana.put(&path("typing/x"), json!({})).await;
    ana.put(&format!("/v3/directory/list/room/{}", segment(room)), json!({ "visibility": "public" })).await.ok();
}
