//! Listening for events, and rooms as they are, as clients asked before `/sync` and ask where they have not joined.

use im2_testkit::{Client, Server, segment};
use serde_json::{Value, json};

use super::{bodies, ids, of};

async fn world_readable(owner: &Client) -> String {
    let state = json!([{ "type": "m.room.history_visibility", "content": { "history_visibility": "world_readable" } }]);
    owner.create_room(json!({ "preset": "public_chat", "name": "Agora", "initial_state": state })).await
}

async fn listen(client: &Client, from: &Value, rest: &str) -> Value {
    let from = segment(from.as_str().expect("a token"));
    client.get(&format!("/v3/events?from={from}{rest}")).await.ok()
}

#[tokio::test]
async fn one_hears_what_happens_in_ones_rooms_one_after_the_other() {
    let server = Server::start().await;
    let (ana, ben, eve) = (server.register("ana").await, server.register("ben").await, server.register("eve").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    let elsewhere = eve.create_room(json!({})).await;
    let start = ben.get("/v3/initialSync").await.ok()["end"].clone();
    eve.send_text(&elsewhere, "not for ben").await;
    let one = ana.send_text(&room, "one").await;
    let heard = listen(&ben, &start, "&timeout=10000").await;
    assert_eq!((ids(&heard["chunk"]), &heard["start"]), (vec![one], &start));
    assert_eq!(heard["chunk"][0]["room_id"], json!(room));
    // Nothing more happens until something does.
    let quiet = listen(&ben, &heard["end"], "&timeout=0").await;
    assert_eq!(quiet["chunk"], json!([]));
    let waiting = tokio::spawn({
        let ben = ben.clone();
        async move { listen(&ben, &quiet["end"], "&timeout=60000").await }
    });
    let two = ana.send_text(&room, "two").await;
    assert_eq!(ids(&waiting.await.unwrap()["chunk"]), [two]);
}

#[tokio::test]
async fn many_events_come_in_several_answers_and_none_twice() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({})).await;
    let mut from = ana.get("/v3/initialSync").await.ok()["end"].clone();
    let mut sent = Vec::new();
    for number in 0..120 {
        sent.push(ana.send_text(&room, &format!("number {number}")).await);
    }
    let mut heard = Vec::new();
    while heard.len() < sent.len() {
        let answer = listen(&ana, &from, "&timeout=10000").await;
        heard.extend(ids(&answer["chunk"]));
        from = answer["end"].clone();
    }
    assert_eq!(heard, sent);
}

#[tokio::test]
async fn whoever_has_not_joined_follows_a_world_readable_room() {
    let server = Server::start().await;
    let (ana, eve) = (server.register("ana").await, server.register("eve").await);
    let room = world_readable(&ana).await;
    ana.send_text(&room, "before").await;
    let shown = eve.get(&of(&room, "initialSync")).await.ok();
    assert_eq!((&shown["room_id"], shown.get("membership")), (&json!(room), None));
    assert_eq!(bodies(&shown["messages"]["chunk"]), ["before"]);
    assert!(shown["state"].to_string().contains("Agora") && shown["account_data"] == json!([]), "{shown}");
    let only_here = format!("&timeout=60000&room_id={}", segment(&room));
    let waiting = tokio::spawn({
        let (eve, end, only_here) = (eve.clone(), shown["messages"]["end"].clone(), only_here.clone());
        async move { listen(&eve, &end, &only_here).await }
    });
    ana.send_text(&room, "now").await;
    let heard = waiting.await.unwrap();
    assert_eq!(bodies(&heard["chunk"]), ["now"]);
    // Without its name, the stream has only one's own rooms.
    assert_eq!(listen(&eve, &shown["messages"]["end"], "&timeout=0").await["chunk"], json!([]));
    // What is said after the room has closed is not for eve.
    ana.set_state(&room, "m.room.history_visibility", "", json!({ "history_visibility": "joined" })).await;
    let path = format!("/v3/events?from={}{only_here}", segment(heard["end"].as_str().unwrap()));
    eve.get(&path).await.refused(403, "M_FORBIDDEN");
    eve.get(&of(&room, "initialSync")).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn wrong_tokens_are_refused() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    for from in ["nonsense", "t1", "s", "-1"] {
        ana.get(&format!("/v3/events?timeout=0&from={from}")).await.refused(400, "M_INVALID_PARAM");
    }
}

#[tokio::test]
async fn an_event_is_found_by_its_name_alone_by_who_may_see_it() {
    let server = Server::start().await;
    let (ana, eve) = (server.register("ana").await, server.register("eve").await);
    let room = ana.create_room(json!({})).await;
    let event_id = ana.send_text(&room, "here").await;
    let path = format!("/v3/events/{}", segment(&event_id));
    let found = ana.get(&path).await.ok();
    assert_eq!((&found["room_id"], &found["content"]["body"]), (&json!(room), &json!("here")));
    eve.get(&path).await.refused(404, "M_NOT_FOUND");
    ana.get("/v3/events/%24nothing").await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn all_rooms_come_at_once_with_what_belongs_to_them() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat", "visibility": "public", "name": "Kitchen" })).await;
    let invited = ben.create_room(json!({ "invite": [ana.user_id()] })).await;
    let left = ben.create_room(json!({ "preset": "public_chat" })).await;
    ana.join(&left).await;
    ana.leave(&left).await;
    for text in ["one", "two", "three"] {
        ana.send_text(&room, text).await;
    }
    let own = segment(ana.user_id());
    ana.put(&format!("/v3/user/{own}/account_data/org.example.note"), json!({ "a": 1 })).await.ok();
    ana.put(&format!("/v3/user/{own}/rooms/{}/tags/m.favourite", segment(&room)), json!({})).await.ok();
    let all = ana.get("/v3/initialSync?limit=2").await.ok();
    assert!(all["account_data"].to_string().contains("org.example.note") && all["presence"].is_array(), "{all}");
    let of_room = |id: &str| all["rooms"].as_array().unwrap().iter().find(|room| room["room_id"] == id);
    let kitchen = of_room(&room).unwrap();
    assert_eq!((&kitchen["membership"], &kitchen["visibility"]), (&json!("join"), &json!("public")));
    assert_eq!(bodies(&kitchen["messages"]["chunk"]), ["two", "three"]);
    assert!(kitchen["account_data"].to_string().contains("m.favourite"), "{kitchen}");
    let invite = &of_room(&invited).unwrap()["invite"];
    assert_eq!((&invite["content"]["membership"], &invite["sender"]), (&json!("invite"), &json!(ben.user_id())));
    assert!(of_room(&left).is_none());
    // What came before is reached from its start.
    let start = segment(kitchen["messages"]["start"].as_str().unwrap());
    let before = ana.get(&of(&room, &format!("messages?dir=b&limit=1&from={start}"))).await.ok();
    assert_eq!(bodies(&before["chunk"]), ["one"]);
    let all = ana.get("/v3/initialSync?archived=true").await.ok();
    let rooms = all["rooms"].as_array().unwrap();
    assert!(rooms.iter().any(|room| room["room_id"] == json!(left) && room["membership"] == "leave"), "{all}");
}
