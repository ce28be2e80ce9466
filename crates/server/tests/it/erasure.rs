//! What is left of the messages of somebody who asked to be erased.

use im2_testkit::{Client, Server};
use serde_json::{Value, json};

/// The bodies of a room's messages in a first sync and by paging back, which must agree.
async fn bodies(client: &Client, room: &str) -> Vec<Option<String>> {
    let body = |event: &Value| event["content"]["body"].as_str().map(str::to_owned);
    let messages = |events: &Value| {
        let events = events.as_array().unwrap().iter();
        events.filter(|event| event["type"] == "m.room.message").map(body).collect::<Vec<_>>()
    };
    let synced = messages(&client.sync(None).await["rooms"]["join"][room]["timeline"]["events"]);
    let page = client.get(&format!("/v3/rooms/{room}/messages?dir=f&limit=100")).await.ok();
    assert_eq!(messages(&page["chunk"]), synced);
    synced
}

#[tokio::test]
async fn the_erased_are_read_only_by_those_who_were_there() {
    let server = Server::start().await;
    let (ana, ben, eve) = (server.register("ana").await, server.register("ben").await, server.register("eve").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    let said = ana.send_text(&room, "for ben").await;
    ben.send_text(&room, "by ben").await;
    eve.join(&room).await;
    let everything = [Some("for ben".to_owned()), Some("by ben".to_owned())];
    assert_eq!(bodies(&eve, &room).await, everything, "nobody is erased yet");

    server.engine().accounts.deactivate_user("ana", true).await.unwrap();
    assert_eq!(bodies(&ben, &room).await, everything);
    assert_eq!(bodies(&eve, &room).await, [None, Some("by ben".to_owned())]);
    let event = eve.get(&format!("/v3/rooms/{room}/event/{said}")).await.ok();
    assert_eq!((&event["content"], &event["event_id"]), (&json!({}), &json!(said)));

    // The mark is on the account, so a restart changes nothing.
    let folder = server.stop().await;
    let server = im2_testkit::Setup::default().start_in(folder).await;
    let eve = server.anonymous().with_token(eve.token());
    assert_eq!(bodies(&eve, &room).await, [None, Some("by ben".to_owned())]);
}
