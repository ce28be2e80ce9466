//! Threads with new replies (MSC4360).

use im2_testkit::{Client, Server, segment};
use serde_json::{Value, json};

use super::{Connection, reply, timeline};

const EXTENSION: &str = "io.element.msc4360.threads";
const UPDATES: &str = "/_matrix/client/unstable/io.element.msc4360/thread_updates";

/// A connection that asks for nothing but threads.
fn threads(client: &Client, include_roots: bool, limit: u64) -> Connection {
    let wanted = json!({ "enabled": true, "include_roots": include_roots, "limit": limit });
    Connection::new(client, json!({ "extensions": { EXTENSION: wanted } }))
}

fn told(answer: &Value) -> &Value {
    &answer["extensions"][EXTENSION]
}

/// The threads by room, in a section of an answer.
fn roots(section: &Value) -> Vec<(&str, &str)> {
    let rooms = section.as_object().into_iter().flatten();
    let mut found: Vec<_> = rooms
        .flat_map(|(room, threads)| threads.as_object().unwrap().keys().map(move |root| (&**room, &**root)))
        .collect();
    found.sort_unstable();
    found
}

fn sorted<'a, const N: usize>(mut threads: [(&'a str, &'a str); N]) -> Vec<(&'a str, &'a str)> {
    threads.sort_unstable();
    threads.into()
}

fn bodies(answer: &Value) -> Vec<&str> {
    answer["chunk"].as_array().unwrap().iter().map(|event| event["content"]["body"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn threads_with_new_replies_are_told_with_what_they_start_at() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let (room, other) = (
        ana.create_room(json!({ "preset": "public_chat" })).await,
        ana.create_room(json!({ "preset": "public_chat" })).await,
    );
    for room in [&room, &other] {
        ben.join(room).await;
    }
    let foreign = ana.create_room(json!({})).await;
    let old = ana.send_text(&room, "old").await;
    reply(&ana, &room, &old, "early").await;
    let mut connection = threads(&ben, true, 10);
    let first = connection.next().await;
    assert_eq!(roots(&told(&first)["updates"]), [(&*room, &*old)], "to a new client every thread is new");
    assert_eq!(connection.next().await["extensions"], json!({}));

    let (one, two) = (ana.send_text(&room, "one").await, ana.send_text(&other, "two").await);
    assert_eq!(connection.next().await["extensions"], json!({}), "no thread has begun");
    for text in ["a", "b", "c"] {
        reply(&ana, &room, &one, text).await;
    }
    reply(&ana, &other, &two, "d").await;
    let hidden = ana.send_text(&foreign, "hidden").await;
    reply(&ana, &foreign, &hidden, "not for ben").await;
    let answer = connection.wait(60_000).await;
    let updates = &told(&answer)["updates"];
    assert_eq!(roots(updates), sorted([(&*room, &*one), (&*other, &*two)]));
    assert_eq!(told(&answer).get("prev_batch"), None);
    let several = &updates[&room][&one];
    assert_eq!(several["thread_root"]["content"]["body"], "one");
    let bundle = &several["thread_root"]["unsigned"]["m.relations"]["m.thread"];
    assert_eq!((&bundle["count"], &bundle["latest_event"]["content"]["body"]), (&json!(3), &json!("c")));
    assert_eq!(updates[&other][&two].get("prev_batch"), None, "there was nothing but the latest reply");

    let from = several["prev_batch"].as_str().unwrap();
    let path = format!("/v1/rooms/{}/relations/{}?dir=b&from={from}", segment(&room), segment(&one));
    assert_eq!(bodies(&ben.get(&path).await.ok()), ["b", "a"], "the rest of the thread");
    assert_eq!(connection.next().await["extensions"], json!({}));
}

#[tokio::test]
async fn without_roots_only_what_no_timeline_shows_is_told() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({})).await;
    let (one, two) = (ana.send_text(&room, "one").await, ana.send_text(&room, "two").await);
    let mut connection = Connection::of_all(&ana, [0, 9], 2);
    connection.body["extensions"] = json!({ EXTENSION: { "enabled": true } });
    connection.next().await;
    reply(&ana, &room, &one, "a").await;
    let answer = connection.next().await;
    assert_eq!((timeline(&answer, &room), &answer["extensions"]), (vec!["a".to_owned()], &json!({})));

    for (root, text) in [(&two, "b"), (&one, "c"), (&one, "d")] {
        reply(&ana, &room, root, text).await;
    }
    let answer = connection.next().await;
    assert_eq!(timeline(&answer, &room), ["c", "d"]);
    assert_eq!(told(&answer)["updates"], json!({ &room: { &two: {} } }), "its reply is in the gap");

    for text in ["e", "f", "g"] {
        reply(&ana, &room, &one, text).await;
    }
    let answer = connection.next().await;
    let thread = &told(&answer)["updates"][&room][&one];
    assert!(thread["prev_batch"].is_string() && thread.get("thread_root").is_none(), "{answer}");
}

#[tokio::test]
async fn more_threads_than_wanted_are_read_page_by_page_each_once() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let rooms = [ana.create_room(json!({})).await, ana.create_room(json!({})).await];
    let mut connection = threads(&ana, true, 2);
    let mut all = Vec::new();
    for number in 0..3 {
        for room in &rooms {
            all.push((room, ana.send_text(room, &number.to_string()).await));
        }
    }
    reply(&ana, all[0].0, &all[0].1, "before").await;
    connection.next().await;
    let pos = connection.pos.clone().unwrap();
    for (room, root) in &all[1..] {
        reply(&ana, room, root, "reply").await;
    }
    reply(&ana, all[1].0, &all[1].1, "again").await;
    let answer = connection.next().await;
    let section = told(&answer);
    let expected = sorted([(all[5].0.as_str(), &*all[5].1), (all[1].0.as_str(), &*all[1].1)]);
    assert_eq!(roots(&section["updates"]), expected, "those with the latest replies");
    assert_eq!(connection.next().await["extensions"], json!({}), "what is left is asked for");

    let mut from = section["prev_batch"].as_str().unwrap().to_owned();
    let mut found = Vec::new();
    for _ in 0..4 {
        let page = ana.get(&format!("{UPDATES}?dir=b&limit=1&from={from}&to={}", segment(&pos))).await.ok();
        found.extend(roots(&page["chunk"]).into_iter().map(|(_, root)| root.to_owned()));
        match page["next_batch"].as_str() {
            Some(next) => next.clone_into(&mut from),
            None => break,
        }
    }
    let left = [4, 3, 2].map(|number: usize| all[number].1.clone());
    assert_eq!(found, left, "up to where the client stood, the latest first, and none again");
    let page = ana.get(&format!("{UPDATES}?dir=b")).await.ok();
    assert_eq!((roots(&page["chunk"]).len(), page.get("next_batch")), (6, None));
    assert!(page["chunk"][all[0].0][&all[0].1]["thread_root"].is_object(), "{page}");

    ana.get(UPDATES).await.refused(400, "M_MISSING_PARAM");
    for query in ["dir=f", "dir=b&limit=0", "dir=b&from=nonsense", "dir=b&to=nonsense"] {
        ana.get(&format!("{UPDATES}?{query}")).await.refused(400, "M_INVALID_PARAM");
    }
}

#[tokio::test]
async fn what_a_user_may_not_see_or_ignores_is_no_news() {
    let server = Server::start().await;
    let (ana, ben, eve) = (server.register("ana").await, server.register("ben").await, server.register("eve").await);
    let visibility = json!({ "type": "m.room.history_visibility", "content": { "history_visibility": "joined" } });
    let room = ana.create_room(json!({ "preset": "public_chat", "initial_state": [visibility] })).await;
    eve.join(&room).await;
    let hidden = ana.send_text(&room, "before ben came").await;
    reply(&ana, &room, &hidden, "early").await;
    ben.join(&room).await;
    let path = format!("/v3/user/{}/account_data/m.ignored_user_list", segment(ben.user_id()));
    ben.put(&path, json!({ "ignored_users": { eve.user_id(): {} } })).await.ok();
    let root = ana.send_text(&room, "root").await;
    let mut connection = threads(&ben, true, 10);
    assert_eq!(connection.next().await["extensions"], json!({}));
    reply(&ana, &room, &hidden, "of a thread that ben cannot open").await;
    reply(&eve, &room, &root, "listen").await;
    assert_eq!(connection.next().await["extensions"], json!({}));
    reply(&ana, &room, &root, "hello").await;
    reply(&eve, &room, &root, "listen").await;
    let answer = connection.next().await;
    assert_eq!(roots(&told(&answer)["updates"]), [(&*room, &*root)]);
    ben.leave(&room).await;
    reply(&ana, &room, &root, "goodbye").await;
    assert_eq!(connection.next().await["extensions"], json!({}));
}
