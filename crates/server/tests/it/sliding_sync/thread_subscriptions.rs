//! Following threads (MSC4306), and being told what changed of that (MSC4308).

use im2_testkit::{Client, Server, Setup, segment};
use serde_json::{Value, json};

use super::{Connection, reply};

const EXTENSION: &str = "io.element.msc4308.thread_subscriptions";
const CHANGES: &str = "/_matrix/client/unstable/io.element.msc4308/thread_subscriptions";

fn path(room: &str, root: &str) -> String {
    let (room, root) = (segment(room), segment(root));
    format!("/_matrix/client/unstable/io.element.msc4306/rooms/{room}/thread/{root}/subscription")
}

async fn subscribe(client: &Client, room: &str, root: &str) {
    client.put(&path(room, root), json!({})).await.ok();
}

/// A connection that asks for nothing but subscriptions.
fn follower(client: &Client, limit: Option<u64>) -> Connection {
    Connection::new(client, json!({ "extensions": { EXTENSION: { "enabled": true, "limit": limit } } }))
}

/// The threads in a section, by their root; the number of the change is left out.
fn threads(section: &Value) -> Vec<(String, Value)> {
    let rooms = section.as_object().into_iter().flatten();
    let mut found: Vec<_> = rooms
        .flat_map(|(_, threads)| threads.as_object().unwrap())
        .map(|(root, about)| {
            assert!(about["bump_stamp"].is_u64(), "{about}");
            (root.clone(), about["automatic"].clone())
        })
        .collect();
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

#[tokio::test]
async fn what_the_user_wanted_stands_above_what_a_client_found() {
    let server = Server::start().await;
    let (ana, eve) = (server.register("ana").await, server.register("eve").await);
    let room = ana.create_room(json!({})).await;
    let root = ana.send_text(&room, "root").await;
    let thread = path(&room, &root);
    let cause = reply(&ana, &room, &root, "one").await;
    ana.get(&thread).await.refused(404, "M_NOT_FOUND");
    assert_eq!(ana.delete(&thread, json!({})).await.ok(), json!({}), "there is nothing to end");

    assert_eq!(ana.put(&thread, json!({ "automatic": cause })).await.ok(), json!({}));
    assert_eq!(ana.get(&thread).await.ok(), json!({ "automatic": true }));
    ana.put(&thread, json!({})).await.ok();
    assert_eq!(ana.get(&thread).await.ok(), json!({ "automatic": false }));
    ana.put(&thread, json!({ "automatic": cause })).await.ok();
    assert_eq!(ana.get(&thread).await.ok(), json!({ "automatic": false }));

    eve.get(&thread).await.refused(404, "M_NOT_FOUND");
    eve.put(&thread, json!({})).await.refused(404, "M_NOT_FOUND");
    ana.put(&path(&room, "$unknown"), json!({})).await.refused(404, "M_NOT_FOUND");
    ana.put(&path(&room, &cause), json!({})).await.refused(404, "M_NOT_FOUND");
    ana.put(&thread, json!({ "automatic": true })).await.refused(400, "M_BAD_JSON");
    let versions = server.anonymous().get("/_matrix/client/versions").await.ok();
    assert_eq!(versions["unstable_features"]["org.matrix.msc4306"], true);
}

#[tokio::test]
async fn what_was_there_when_a_subscription_ended_does_not_make_it_again() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({})).await;
    let root = ana.send_text(&room, "root").await;
    let thread = path(&room, &root);
    let cause = reply(&ana, &room, &root, "one").await;
    let elsewhere = ana.send_text(&room, "elsewhere").await;
    ana.put(&thread, json!({ "automatic": elsewhere })).await.refused(400, "IO.ELEMENT.MSC4306.M_NOT_IN_THREAD");
    ana.put(&thread, json!({ "automatic": "$unknown" })).await.refused(404, "M_NOT_FOUND");
    ana.put(&thread, json!({ "automatic": cause })).await.ok();
    for _ in 0..2 {
        ana.delete(&thread, json!({})).await.ok();
        ana.get(&thread).await.refused(404, "M_NOT_FOUND");
        let conflict = "IO.ELEMENT.MSC4306.M_CONFLICTING_UNSUBSCRIPTION";
        ana.put(&thread, json!({ "automatic": cause })).await.refused(409, conflict);
    }
    let later = reply(&ana, &room, &root, "two").await;
    ana.put(&thread, json!({ "automatic": later })).await.ok();
    assert_eq!(ana.get(&thread).await.ok(), json!({ "automatic": true }));
    ana.delete(&thread, json!({})).await.ok();
    ana.put(&thread, json!({})).await.ok();
    assert_eq!(ana.get(&thread).await.ok(), json!({ "automatic": false }), "the user may want it again at any time");
}

#[tokio::test]
async fn changes_are_told_once_and_end_a_wait() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    let (one, two) = (ana.send_text(&room, "one").await, ana.send_text(&room, "two").await);
    let mut connection = follower(&ana, None);
    assert_eq!(connection.next().await["extensions"], json!({}));
    subscribe(&ana, &room, &one).await;
    subscribe(&ben, &room, &two).await;
    let answer = connection.wait(60_000).await;
    let told = &answer["extensions"][EXTENSION];
    assert_eq!(threads(&told["subscribed"]), [(one.clone(), json!(false))]);
    assert!(told["subscribed"][&room][&one].is_object(), "{told}");
    assert_eq!((told.get("unsubscribed"), told.get("prev_batch")), (None, None), "{told}");
    assert_eq!(connection.next().await["extensions"], json!({}));
    subscribe(&ana, &room, &one).await;
    assert_eq!(connection.next().await["extensions"], json!({}), "that changed nothing");

    let waiting = async { connection.wait(60_000).await };
    let (answer, _) = tokio::join!(waiting, async { ana.delete(&path(&room, &one), json!({})).await.ok() });
    let told = &answer["extensions"][EXTENSION];
    assert_eq!(threads(&told["unsubscribed"]), [(one.clone(), Value::Null)]);
    assert_eq!(told.get("subscribed"), None, "{told}");
    let afresh = follower(&ana, None).next().await;
    assert_eq!(afresh["extensions"][EXTENSION], *told, "only the latest of each thread is told");
}

#[tokio::test]
async fn more_changes_than_wanted_are_read_page_by_page() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({})).await;
    let mut connection = follower(&ana, Some(2));
    connection.next().await;
    let mut roots = Vec::new();
    for number in 0..7 {
        roots.push(ana.send_text(&room, &number.to_string()).await);
    }
    subscribe(&ana, &room, &roots[0]).await;
    let before = connection.next().await;
    assert_eq!(before["extensions"][EXTENSION].get("prev_batch"), None);
    for root in &roots[1..] {
        subscribe(&ana, &room, root).await;
    }
    ana.delete(&path(&room, &roots[3]), json!({})).await.ok();
    let pos = connection.pos.clone().unwrap();
    let answer = connection.next().await;
    let told = &answer["extensions"][EXTENSION];
    assert_eq!(threads(&told["unsubscribed"]), [(roots[3].clone(), Value::Null)]);
    assert_eq!(threads(&told["subscribed"]), [(roots[6].clone(), json!(false))]);
    assert_eq!(connection.next().await["extensions"], json!({}), "what is left is asked for");

    let mut from = told["prev_batch"].as_str().unwrap().to_owned();
    let mut found = Vec::new();
    for _ in 0..3 {
        let page = ana.get(&format!("{CHANGES}?dir=b&limit=2&from={from}&to={}", segment(&pos))).await.ok();
        assert_eq!(page["unsubscribed"], json!({}));
        found.extend(threads(&page["subscribed"]).into_iter().map(|(root, _)| root));
        match page["end"].as_str() {
            Some(end) => end.clone_into(&mut from),
            None => break,
        }
    }
    let mut expected = vec![roots[1].clone(), roots[2].clone(), roots[4].clone(), roots[5].clone()];
    expected.sort();
    found.sort();
    assert_eq!(found, expected, "up to where the client stood");
    let all = ana.get(&format!("{CHANGES}?dir=b")).await.ok();
    assert_eq!((threads(&all["subscribed"]).len(), threads(&all["unsubscribed"]).len()), (6, 1));
    assert_eq!(all.get("end"), None);

    ana.get(CHANGES).await.refused(400, "M_MISSING_PARAM");
    for query in ["dir=f", "dir=b&limit=0", "dir=b&from=nonsense", "dir=b&to=nonsense"] {
        ana.get(&format!("{CHANGES}?{query}")).await.refused(400, "M_INVALID_PARAM");
    }
}

#[tokio::test]
async fn subscriptions_survive_a_restart_and_end_with_the_room() {
    let server = Server::start().await;
    let (root_user, ana) = (server.register_admin("root").await, server.register("ana").await);
    let (kept, doomed) = (ana.create_room(json!({})).await, ana.create_room(json!({})).await);
    let (one, two) = (ana.send_text(&kept, "one").await, ana.send_text(&doomed, "two").await);
    subscribe(&ana, &kept, &one).await;
    subscribe(&ana, &doomed, &two).await;
    let folder = server.stop().await;
    let server = Setup::default().start_in(folder).await;
    let (root_user, ana) =
        (server.anonymous().with_token(root_user.token()), server.anonymous().with_token(ana.token()));
    let told = follower(&ana, None).next().await["extensions"][EXTENSION].clone();
    let mut expected = vec![(one.clone(), json!(false)), (two, json!(false))];
    expected.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(threads(&told["subscribed"]), expected);
    root_user.delete(&format!("/_synapse/admin/v1/rooms/{}", segment(&doomed)), json!({})).await.ok();
    let told = follower(&ana, None).next().await["extensions"][EXTENSION].clone();
    assert_eq!(threads(&told["subscribed"]), [(one, json!(false))]);
}
