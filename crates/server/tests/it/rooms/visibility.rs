//! History visibility: each setting, each kind of reader, each endpoint that shows events.

use im2_testkit::{Client, Server, segment};
use serde_json::{Value, json};

use super::{bodies, of, of_v1};

/// The messages, in the order in which they are sent. In between the reader's membership changes (see [`Reader`]).
const FIRST: &str = "first";
const SECOND: &str = "second";
const THIRD: &str = "third";

/// The course of the reader's membership along the three messages.
#[derive(Debug, Clone, Copy)]
enum Reader {
    /// Never has to do with the room.
    Stranger,
    /// Is invited after the first message, and no more.
    Invited,
    /// Is invited after the first message and joins after the second.
    Joined,
    /// Is there for the first message and leaves after the second.
    Left,
}

/// The messages that a reader sees; `None` for one who may not read the room at all.
fn expected(visibility: &str, reader: Reader) -> Option<Vec<&'static str>> {
    Some(match (visibility, reader) {
        ("world_readable", _) | ("shared", Reader::Joined) => vec![FIRST, SECOND, THIRD],
        (_, Reader::Stranger | Reader::Invited) => return None,
        (_, Reader::Left) => vec![FIRST, SECOND],
        ("invited", Reader::Joined) => vec![SECOND, THIRD],
        ("joined", Reader::Joined) => vec![THIRD],
        other => panic!("{other:?}"),
    })
}

/// A room of ana's along which a reader goes; the identifiers of the three messages.
async fn prepare(ana: &Client, ben: &Client, visibility: &str, reader: Reader) -> (String, Vec<String>) {
    let history = json!({ "type": "m.room.history_visibility", "content": { "history_visibility": visibility } });
    let invite = if matches!(reader, Reader::Left) { json!([ben.user_id()]) } else { json!([]) };
    let room = ana.create_room(json!({ "initial_state": [history], "invite": invite })).await;
    if matches!(reader, Reader::Left) {
        ben.join(&room).await;
    }
    let mut sent = vec![ana.send_text(&room, FIRST).await];
    if matches!(reader, Reader::Invited | Reader::Joined) {
        ana.invite(&room, ben.user_id()).await;
    }
    sent.push(ana.send_text(&room, SECOND).await);
    match reader {
        Reader::Joined => ben.join(&room).await,
        Reader::Left => ben.leave(&room).await,
        Reader::Stranger | Reader::Invited => {}
    }
    sent.push(ana.send_text(&room, THIRD).await);
    (room, sent)
}

#[tokio::test]
async fn every_endpoint_shows_each_reader_what_the_visibility_allows() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    for visibility in ["world_readable", "shared", "invited", "joined"] {
        for reader in [Reader::Stranger, Reader::Invited, Reader::Joined, Reader::Left] {
            let (room, sent) = prepare(&ana, &ben, visibility, reader).await;
            let case = format!("{visibility}, {reader:?}");
            match expected(visibility, reader) {
                Some(seen) => check_reader(&ben, &room, &sent, &seen, &case).await,
                None => check_outsider(&ben, &room, &sent, &case).await,
            }
        }
    }
}

async fn check_outsider(ben: &Client, room: &str, sent: &[String], case: &str) {
    for path in ["messages?dir=b", "messages?dir=f", "state", "members", "joined_members", "state/m.room.create/"] {
        let answer = ben.get(&of(room, path)).await;
        assert_eq!((answer.status, &answer.json()["errcode"]), (403, &json!("M_FORBIDDEN")), "{case}: {path}");
    }
    for event in sent {
        let event = segment(event);
        let paths = [
            of(room, &format!("event/{event}")),
            of(room, &format!("context/{event}")),
            of_v1(room, &format!("relations/{event}")),
        ];
        for path in paths {
            let answer = ben.get(&path).await;
            assert_eq!((answer.status, &answer.json()["errcode"]), (404, &json!("M_NOT_FOUND")), "{case}: {path}");
        }
    }
    let (threads, time) = ("threads", "timestamp_to_event?ts=0&dir=f");
    for path in [threads, time] {
        assert_eq!(ben.get(&of_v1(room, path)).await.status, 403, "{case}: {path}");
    }
}

async fn check_reader(ben: &Client, room: &str, sent: &[String], seen: &[&str], case: &str) {
    let forward = ben.get(&of(room, "messages?dir=f&limit=100")).await.ok();
    assert_eq!(bodies(&forward["chunk"]), seen, "{case}: forward");
    let backward = ben.get(&of(room, "messages?dir=b&limit=100")).await.ok();
    let reversed: Vec<_> = seen.iter().rev().copied().collect();
    assert_eq!(bodies(&backward["chunk"]), reversed, "{case}: backward");
    for (text, event) in [FIRST, SECOND, THIRD].into_iter().zip(sent) {
        let visible = seen.contains(&text);
        let event = segment(event);
        for path in [
            of(room, &format!("event/{event}")),
            of(room, &format!("context/{event}?limit=100")),
            of_v1(room, &format!("relations/{event}")),
        ] {
            let answer = ben.get(&path).await;
            assert_eq!(answer.status, if visible { 200 } else { 404 }, "{case}: {path}");
            if path.contains("context") && visible {
                check_context(&answer.json(), seen, case);
            }
        }
    }
}

fn check_context(context: &Value, seen: &[&str], case: &str) {
    let mut around = bodies(&context["events_before"]);
    around.reverse();
    around.push(context["event"]["content"]["body"].as_str().unwrap());
    around.extend(bodies(&context["events_after"]));
    assert_eq!(around, seen, "{case}: context");
}

/// State and members are shown to those who left as they were then.
#[tokio::test]
async fn who_has_left_sees_the_state_of_that_time() {
    let server = Server::start().await;
    let (ana, ben, eve) = (server.register("ana").await, server.register("ben").await, server.register("eve").await);
    let room = ana.create_room(json!({ "preset": "public_chat", "name": "before" })).await;
    ben.join(&room).await;
    ben.leave(&room).await;
    let after = ana.sync(None).await["next_batch"].as_str().unwrap().to_owned();
    eve.join(&room).await;
    ana.set_state(&room, "m.room.name", "", json!({ "name": "after" })).await;
    assert_eq!(ben.get(&of(&room, "state/m.room.name/")).await.ok()["name"], "before");
    assert_eq!(ana.get(&of(&room, "state/m.room.name/")).await.ok()["name"], "after");
    let members = |answer: Value| {
        let mut users: Vec<String> = answer["chunk"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| event["state_key"].as_str().unwrap().to_owned())
            .collect();
        users.sort_unstable();
        users
    };
    let (both, all) = (["@ana:localhost", "@ben:localhost"], ["@ana:localhost", "@ben:localhost", "@eve:localhost"]);
    assert_eq!(members(ben.get(&of(&room, "members")).await.ok()), both);
    assert_eq!(members(ana.get(&of(&room, "members")).await.ok()), all);
    assert_eq!(members(ana.get(&of(&room, &format!("members?at={}", segment(&after)))).await.ok()), both);
    assert_eq!(members(ana.get(&of(&room, "members?membership=leave")).await.ok()), ["@ben:localhost"]);
    assert_eq!(members(ana.get(&of(&room, "members?not_membership=leave")).await.ok()).len(), 2);
    ben.get(&of(&room, "joined_members")).await.refused(403, "M_FORBIDDEN");
}

/// Edits and replies that are sent later are not shown to a user who had left by then.
#[tokio::test]
async fn who_has_left_does_not_see_later_edits_and_replies() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    let root = ana.send_text(&room, "root").await;
    let thread = json!({ "rel_type": "m.thread", "event_id": root });
    ana.send(&room, "m.room.message", json!({ "body": "early", "m.relates_to": thread })).await;
    ben.leave(&room).await;
    ana.send(&room, "m.room.message", json!({ "body": "late", "m.relates_to": thread })).await;
    let edit = json!({ "body": "* secret", "m.new_content": { "body": "secret" },
        "m.relates_to": { "rel_type": "m.replace", "event_id": root } });
    ana.send(&room, "m.room.message", edit).await;
    let event = of(&room, &format!("event/{}", segment(&root)));
    let relations = |event: Value| event["unsigned"]["m.relations"].clone();
    let hers = relations(ana.get(&event).await.ok());
    assert_eq!((&hers["m.thread"]["count"], &hers["m.replace"]["content"]["body"]), (&json!(2), &json!("* secret")));
    let his = relations(ben.get(&event).await.ok());
    assert_eq!((&his["m.thread"]["count"], &his["m.replace"]), (&json!(1), &Value::Null));
    assert_eq!(his["m.thread"]["latest_event"]["content"]["body"], "early");
    let children = ben.get(&of_v1(&room, &format!("relations/{}", segment(&root)))).await.ok();
    assert_eq!(bodies(&children["chunk"]), ["early"]);
    let threads = ben.get(&of_v1(&room, "threads")).await.ok();
    assert_eq!(relations(threads["chunk"][0].clone())["m.thread"]["count"], 1);
}
