//! Messages of users who asked to be erased, as others may still read them.

use im2_testkit::{Client, Server, segment};
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

    server.engine().people.accounts.deactivate_user("ana", true).await.unwrap();
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

/// Requests that show messages of a room, which has these events.
fn looking(room: &str, events: &[&str], since: &str) -> Vec<String> {
    let room = segment(room);
    let of = |rest: &str| format!("/v3/rooms/{room}/{rest}");
    let mut paths = vec![
        of("messages?dir=f&limit=100"),
        of("messages?dir=b&limit=100"),
        of("initialSync?limit=100"),
        "/v3/initialSync?limit=100".to_owned(),
        "/v3/notifications?limit=100".to_owned(),
        format!("/v1/rooms/{room}/threads"),
        format!("/v3/events?timeout=0&from={since}"),
    ];
    for event in events.iter().copied().map(segment) {
        paths.extend([of(&format!("event/{event}")), of(&format!("context/{event}?limit=50"))]);
        paths.push(format!("/v3/events/{event}"));
        paths.push(format!("/v1/rooms/{room}/relations/{event}?recurse=true"));
    }
    let timeline = json!({ "timeline": { "limit": 99 } });
    for filter in [
        json!({ "event_format": "client", "room": timeline }),
        json!({ "event_format": "federation", "room": timeline }),
        json!({ "event_fields": ["content", "event_id"], "room": timeline }),
    ] {
        let filter = segment(&filter.to_string());
        paths.push(format!("/v3/sync?timeout=0&filter={filter}"));
        paths.push(format!("/v3/sync?timeout=0&full_state=true&since={since}&filter={filter}"));
    }
    paths
}

/// All that `client` is shown of a room, by request.
async fn shown(client: &Client, paths: Vec<String>) -> Vec<(String, String)> {
    let mut answers = Vec::new();
    for path in paths {
        let answer = client.get(&path).await;
        assert!(answer.status < 500, "{path}: {}", answer.text());
        answers.push((path, answer.text()));
    }
    let list = json!({ "ranges": [[0, 9]], "timeline_limit": 99, "required_state": [] });
    let sliding = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync?timeout=0";
    let answer = client.post(sliding, json!({ "lists": { "all": list } })).await;
    answers.push(("sliding sync".to_owned(), answer.text()));
    let search = json!({ "search_categories": { "room_events": { "search_term": "secret", "event_context": {} } } });
    let answer = client.post("/v3/search", search).await.ok();
    let results = answer["search_categories"]["room_events"]["results"].to_string();
    answers.push(("search".to_owned(), results));
    answers
}

/// Every route that shows messages, in every form, shows those of an erased user to those who were there when they were
/// sent, and to nobody else.
#[tokio::test]
async fn every_route_and_form_hides_the_messages_of_the_erased() {
    let server = Server::start().await;
    let (ana, ben, eve) = (server.register("ana").await, server.register("ben").await, server.register("eve").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    let since = segment(ben.sync(None).await["next_batch"].as_str().unwrap());
    let root = ben.send_text(&room, "root").await;
    let said = ana.send_text(&room, "secret").await;
    let child = |rel_type: &str, target: &str| {
        json!({ "msgtype": "m.text", "body": "secret", "m.new_content": { "msgtype": "m.text", "body": "secret" },
            "m.relates_to": { "rel_type": rel_type, "event_id": target } })
    };
    ana.send(&room, "m.room.message", child("m.thread", &root)).await;
    ana.send(&room, "m.room.message", child("m.replace", &said)).await;
    ana.send(&room, "m.room.message", child("m.reference", &root)).await;
    eve.join(&room).await;
    server.engine().people.accounts.deactivate_user("ana", true).await.unwrap();
    for (path, text) in shown(&eve, looking(&room, &[&said, &root], &since)).await {
        assert!(!text.contains("secret"), "{path} shows it to eve: {text}");
    }
    for (path, text) in shown(&ben, looking(&room, &[&said, &root], &since)).await {
        assert!(text.contains("secret"), "{path} hides it from ben: {text}");
    }
}
