//! Reactions, edits, references and threads.

use im2_testkit::{Client, Server, segment};
use serde_json::{Value, json};

use super::{bodies, ids, of, of_v1};

async fn relate(client: &Client, room: &str, rel_type: &str, target: &str, body: &str) -> String {
    let relates_to = json!({ "rel_type": rel_type, "event_id": target });
    client.send(room, "m.room.message", json!({ "body": body, "m.relates_to": relates_to })).await
}

fn reaction(target: &str, key: &str) -> Value {
    json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": target, "key": key } })
}

#[tokio::test]
async fn a_reaction_is_sent_once() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    let said = ana.send_text(&room, "hello").await;
    let path = |txn: &str| of(&room, &format!("send/m.reaction/{txn}"));
    let first = ana.put(&path("one"), reaction(&said, "👍")).await.ok();
    assert_eq!(ana.put(&path("one"), reaction(&said, "👍")).await.ok(), first, "a retry is no duplicate");
    ana.put(&path("two"), reaction(&said, "👍")).await.refused(400, "M_DUPLICATE_ANNOTATION");
    ana.put(&path("three"), reaction(&said, "👎")).await.ok();
    ben.put(&path("one"), reaction(&said, "👍")).await.ok();
    let redact = of(&room, &format!("redact/{}/r", segment(first["event_id"].as_str().unwrap())));
    ana.put(&redact, json!({})).await.ok();
    ana.put(&path("four"), reaction(&said, "👍")).await.ok();
    let event = ana.get(&of(&room, &format!("event/{}", segment(&said)))).await.ok();
    assert_eq!(event["unsigned"]["m.relations"], Value::Null, "reactions are not aggregated");
}

#[tokio::test]
async fn a_thread_starts_only_at_an_event_without_a_relation() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({})).await;
    let root = ana.send_text(&room, "root").await;
    let child = relate(&ana, &room, "m.thread", &root, "child").await;
    let thread = |target: &str| json!({ "body": "b", "m.relates_to": { "rel_type": "m.thread", "event_id": target } });
    ana.put(&of(&room, "send/m.room.message/x"), thread(&child)).await.refused(400, "M_UNKNOWN");
    ana.put(&of(&room, "send/m.room.message/y"), thread(&root)).await.ok();
    // A reply in the main timeline refers to another event, but is no child of it.
    let reply = json!({ "body": "reply", "m.relates_to": { "m.in_reply_to": { "event_id": root } } });
    let reply = ana.send(&room, "m.room.message", reply).await;
    ana.put(&of(&room, "send/m.room.message/z"), thread(&reply)).await.ok();
}

#[tokio::test]
async fn edits_and_threads_are_bundled() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    let root = ana.send_text(&room, "root").await;
    let edit = |body: &str, target: &str| {
        json!({ "body": format!("* {body}"), "m.new_content": { "body": body },
            "m.relates_to": { "rel_type": "m.replace", "event_id": target } })
    };
    ana.send(&room, "m.room.message", edit("better", &root)).await;
    // By another user, and without new content: accepted, and without effect.
    ben.send(&room, "m.room.message", edit("forged", &root)).await;
    relate(&ana, &room, "m.replace", &root, "empty").await;
    let last = relate(&ana, &room, "m.thread", &root, "in thread").await;
    ana.send(&room, "m.room.message", edit("in thread, better", &last)).await;
    let event = ben.get(&of(&room, &format!("event/{}", segment(&root)))).await.ok();
    let relations = &event["unsigned"]["m.relations"];
    assert_eq!(event["content"]["body"], "root", "the content stays what was sent");
    assert_eq!(relations["m.replace"]["content"]["m.new_content"]["body"], "better");
    let thread = &relations["m.thread"];
    assert_eq!((&thread["count"], &thread["current_user_participated"]), (&json!(1), &json!(false)));
    assert_eq!(thread["latest_event"]["event_id"], json!(last));
    let nested = &thread["latest_event"]["unsigned"]["m.relations"]["m.replace"];
    assert_eq!(nested["content"]["m.new_content"]["body"], "in thread, better");
    let mine = ana.get(&of(&room, &format!("event/{}", segment(&root)))).await.ok();
    assert_eq!(mine["unsigned"]["m.relations"]["m.thread"]["current_user_participated"], true);
}

#[tokio::test]
async fn relations_are_listed_filtered_and_paged() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({})).await;
    let root = ana.send_text(&room, "root").await;
    let mut sent = Vec::new();
    for number in 0..5 {
        sent.push(relate(&ana, &room, "m.thread", &root, &number.to_string()).await);
    }
    let reacted = ana.send(&room, "m.reaction", reaction(&root, "👍")).await;
    let deep = ana.send(&room, "m.reaction", reaction(&sent[0], "👍")).await;
    let path = |rest: &str| of_v1(&room, &format!("relations/{}{rest}", segment(&root)));
    let all = ana.get(&path("")).await.ok();
    let expected: Vec<_> = [&reacted].into_iter().chain(sent.iter().rev()).cloned().collect();
    assert_eq!(ids(&all["chunk"]), expected);
    assert_eq!((&all["next_batch"], &all["recursion_depth"]), (&Value::Null, &Value::Null));
    assert_eq!(ids(&ana.get(&path("/m.annotation")).await.ok()["chunk"]), [reacted.as_str()]);
    assert_eq!(ids(&ana.get(&path("/m.thread/m.room.message?dir=f")).await.ok()["chunk"]), sent);
    assert_eq!(ids(&ana.get(&path("/m.thread/m.reaction")).await.ok()["chunk"]), Vec::<String>::new());
    let recursed = ana.get(&path("?recurse=true")).await.ok();
    assert_eq!(ids(&recursed["chunk"])[0], deep);
    assert_eq!((ids(&recursed["chunk"]).len(), &recursed["recursion_depth"]), (7, &json!(3)));
    for (direction, expected) in [("b", sent.iter().rev().cloned().collect()), ("f", sent.clone())] {
        let (mut seen, mut from, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let page = ana.get(&path(&format!("/m.thread?limit=2&dir={direction}{from}"))).await.ok();
            assert_eq!(page["prev_batch"].is_string(), pages > 0);
            seen.extend(ids(&page["chunk"]));
            pages += 1;
            match page["next_batch"].as_str() {
                Some(next) => from = format!("&from={next}"),
                None => break,
            }
        }
        assert_eq!((seen, pages), (expected, 3), "{direction}");
    }
    ana.get(&of_v1(&room, "relations/$none")).await.refused(404, "M_NOT_FOUND");
    ana.get(&path("?from=nonsense")).await.refused(400, "M_INVALID_PARAM");
    ana.get(&path("?dir=x")).await.refused(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn threads_are_listed_by_their_latest_reply() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    let mut roots = Vec::new();
    for number in 0..3 {
        let root = ana.send_text(&room, &format!("root {number}")).await;
        relate(&ana, &room, "m.thread", &root, "reply").await;
        roots.push(root);
    }
    relate(&ben, &room, "m.thread", &roots[0], "mine").await;
    let listed = async |client: &Client, query: &str| client.get(&of_v1(&room, &format!("threads{query}"))).await.ok();
    let all = listed(&ben, "").await;
    assert_eq!(ids(&all["chunk"]), [&*roots[0], &*roots[2], &*roots[1]]);
    assert_eq!(all["chunk"][0]["unsigned"]["m.relations"]["m.thread"]["count"], 2);
    assert_eq!(ids(&listed(&ben, "?include=participated").await["chunk"]), [&*roots[0]]);
    assert_eq!(ids(&listed(&ana, "?include=participated").await["chunk"]).len(), 3);
    let page = listed(&ben, "?limit=2").await;
    assert_eq!(bodies(&page["chunk"]), ["root 0", "root 2"]);
    let rest = listed(&ben, &format!("?limit=2&from={}", page["next_batch"].as_str().unwrap())).await;
    assert_eq!((bodies(&rest["chunk"]), &rest["next_batch"]), (vec!["root 1"], &Value::Null));
    ana.get(&of_v1(&room, "threads?limit=0")).await.refused(400, "M_INVALID_PARAM");
    ana.get(&of_v1(&room, "threads?from=x")).await.refused(400, "M_INVALID_PARAM");
    ana.get(&of_v1(&room, "threads?include=none")).await.refused(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn what_the_ignored_say_is_not_counted_in_threads() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    let root = ana.send_text(&room, "root").await;
    let mine = relate(&ana, &room, "m.thread", &root, "mine").await;
    let theirs = relate(&ben, &room, "m.thread", &root, "theirs").await;
    let thread = async |latest: &str| {
        let event = ana.get(&of(&room, &format!("event/{}", segment(&root)))).await.ok();
        let thread = &event["unsigned"]["m.relations"]["m.thread"];
        assert_eq!(thread["latest_event"]["event_id"], json!(latest));
        thread["count"].clone()
    };
    let list = format!("/v3/user/{}/account_data/m.ignored_user_list", segment(ana.user_id()));
    assert_eq!(thread(&theirs).await, 2);
    ana.put(&list, json!({ "ignored_users": { ben.user_id(): {} } })).await.ok();
    assert_eq!(thread(&mine).await, 1);
    // The same from the database, when the thread is no longer in memory.
    for _ in 0..140 {
        ana.send_text(&room, "and on").await;
    }
    assert_eq!(thread(&mine).await, 1);
    ana.put(&list, json!({ "ignored_users": {} })).await.ok();
    assert_eq!(thread(&theirs).await, 2);
}

/// The relations bundled with an event, seen by `client`.
async fn bundled(client: &Client, room: &str, event_id: &str) -> Value {
    let event = client.get(&of(room, &format!("event/{}", segment(event_id)))).await.ok();
    ageless(&event["unsigned"]["m.relations"])
}

/// Bundled relations without what time changes in them.
fn ageless(relations: &Value) -> Value {
    let mut relations = relations.clone();
    for bundled in ["/m.thread/latest_event/unsigned", "/m.replace/unsigned"] {
        if let Some(unsigned) = relations.pointer_mut(bundled).and_then(Value::as_object_mut) {
            unsigned.remove("age");
        }
    }
    relations
}

async fn redact(client: &Client, room: &str, event_id: &str) {
    let path = of(room, &format!("redact/{}/{}", segment(event_id), client.transaction()));
    client.put(&path, json!({})).await.ok();
}

/// Redacts children and then their parent, and looks what is left each time. The parent loses its edits only (spec:
/// "Forming relationships between events").
async fn check_redactions(ana: &Client, ben: &Client, room: &str, age: usize) {
    let root = ana.send_text(room, "root").await;
    let mut replies = Vec::new();
    for (client, body) in [(ben, "first"), (ana, "second"), (ben, "third")] {
        replies.push(relate(client, room, "m.thread", &root, body).await);
    }
    let references =
        [relate(ben, room, "m.reference", &root, "a").await, relate(ben, room, "m.reference", &root, "b").await];
    let edit = json!({ "body": "* better", "m.new_content": { "body": "better" },
        "m.relates_to": { "rel_type": "m.replace", "event_id": root } });
    ana.send(room, "m.room.message", edit).await;
    for number in 0..age {
        ben.send_text(room, &format!("later {number}")).await;
    }
    let thread = async |client: &Client| {
        let relations = bundled(client, room, &root).await;
        let listed = client.get(&of_v1(room, "threads")).await.ok();
        let listed =
            listed["chunk"].as_array().unwrap().iter().find(|event| event["event_id"] == root.as_str()).cloned();
        let listed = listed.map(|event| ageless(&event["unsigned"]["m.relations"]));
        if relations["m.thread"].is_object() {
            assert_eq!(listed.as_ref(), Some(&relations), "/threads and /event say the same");
        } else {
            assert_eq!(listed, None);
        }
        relations
    };
    let before = thread(ben).await;
    let summary = |relations: &Value| {
        let thread = &relations["m.thread"];
        (thread["count"].clone(), thread["latest_event"]["event_id"].clone())
    };
    assert_eq!(summary(&before), (json!(3), json!(replies[2])));

    redact(ben, room, &replies[2]).await;
    redact(ben, room, &references[0]).await;
    let without = thread(ben).await;
    assert_eq!(summary(&without), (json!(2), json!(replies[1])));
    assert_eq!(without["m.reference"]["chunk"], json!([{ "event_id": references[1] }]));
    assert_eq!(without["m.replace"]["content"]["body"], "* better");

    redact(ana, room, &root).await;
    let after = thread(ben).await;
    assert_eq!(after["m.replace"], Value::Null, "edits go with what they edit");
    assert_eq!(after["m.reference"], without["m.reference"]);
    assert_eq!(summary(&after), summary(&without));
    assert_eq!(after["m.thread"]["current_user_participated"], true);
    assert_eq!(after["m.thread"]["latest_event"]["content"]["body"], "second");
    redact(ben, room, &replies[0]).await;
    assert_eq!(thread(ben).await["m.thread"]["current_user_participated"], false);
    redact(ana, room, &replies[1]).await;
    assert_eq!(thread(ben).await["m.thread"], Value::Null, "a thread without replies is none");
}

#[tokio::test]
async fn a_redacted_parent_keeps_its_children_and_a_redacted_child_is_none() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    // In memory, and where the parent is only in the database.
    check_redactions(&ana, &ben, &room, 0).await;
    check_redactions(&ana, &ben, &room, 140).await;
}
