//! Device lists: which users hear of whose changed devices.

use im2_testkit::{Client, PATIENCE, Server, segment};
use serde_json::{Value, json};

use super::{Identity, Key, encrypted_room, listed, publish, token};

async fn changes(client: &Client, from: &str, to: &str) -> Value {
    client.get(&format!("/v3/keys/changes?from={}&to={}", segment(from), segment(to))).await.ok()
}

/// The `changed` and `left` of a sync from `since`. Checks that `/keys/changes` answers the same.
async fn heard(client: &Client, since: &str) -> (Vec<String>, Vec<String>) {
    let answer = client.sync(Some(since)).await;
    let (changed, left) = (listed(&answer, "changed"), listed(&answer, "left"));
    let asked = changes(client, since, answer["next_batch"].as_str().unwrap()).await;
    assert_eq!(asked, json!({ "changed": changed, "left": left }));
    (changed, left)
}

fn nothing() -> (Vec<String>, Vec<String>) {
    (Vec::new(), Vec::new())
}

fn changed(clients: &[&Client]) -> (Vec<String>, Vec<String>) {
    (clients.iter().map(|client| client.user_id().to_owned()).collect(), Vec::new())
}

fn left(clients: &[&Client]) -> (Vec<String>, Vec<String>) {
    (Vec::new(), clients.iter().map(|client| client.user_id().to_owned()).collect())
}

#[tokio::test]
async fn those_who_share_a_room_hear_of_new_keys_and_nobody_else() {
    let server = Server::start().await;
    let (ana, ben, eve) = (server.register("ana").await, server.register("ben").await, server.register("eve").await);
    let dan = server.register("dan").await;
    let encrypted = encrypted_room(&ana).await;
    ben.join(&encrypted).await;
    let open = ana.create_room(json!({ "preset": "public_chat" })).await;
    eve.join(&open).await;
    let (of_ana, of_ben, of_eve, of_dan) = (token(&ana).await, token(&ben).await, token(&eve).await, token(&dan).await);
    publish(&ana, &Key::new(1)).await;
    assert_eq!(heard(&ana, &of_ana).await, changed(&[&ana]), "one's own too");
    assert_eq!(heard(&ben, &of_ben).await, changed(&[&ana]));
    assert_eq!(heard(&eve, &of_eve).await, changed(&[&ana]), "in a room that is not encrypted");
    assert_eq!(heard(&dan, &of_dan).await, nothing());

    let of_ben = token(&ben).await;
    publish(&ana, &Key::new(1)).await;
    assert_eq!(heard(&ben, &of_ben).await, nothing(), "the same keys again");
    Identity::new(10).publish(&ana).await;
    assert_eq!(heard(&ben, &of_ben).await, changed(&[&ana]));
    let of_ben = token(&ben).await;
    ana.put(&format!("/v3/devices/{}", ana.device_id()), json!({ "display_name": "Phone" })).await.ok();
    assert_eq!(heard(&ben, &of_ben).await, changed(&[&ana]));
}

#[tokio::test]
async fn signing_out_is_a_change_if_the_device_had_keys() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = encrypted_room(&ana).await;
    ben.join(&room).await;
    let (first, second) = (ana.log_in("ana", "password of ana").await, ana.log_in("ana", "password of ana").await);
    publish(&first, &Key::new(1)).await;
    let since = token(&ben).await;
    second.post("/v3/logout", json!({})).await.ok();
    assert_eq!(heard(&ben, &since).await, nothing());
    first.post("/v3/logout", json!({})).await.ok();
    assert_eq!(heard(&ben, &since).await, changed(&[&ana]));
}

#[tokio::test]
async fn coming_together_in_a_room_is_a_change_for_both() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    let (of_ana, of_ben) = (token(&ana).await, token(&ben).await);
    ben.join(&room).await;
    assert_eq!(heard(&ana, &of_ana).await, changed(&[&ben]));
    assert_eq!(heard(&ben, &of_ben).await, changed(&[&ana]));
    let (of_ana, of_ben) = (token(&ana).await, token(&ben).await);
    ana.send_text(&room, "hello").await;
    assert_eq!(heard(&ben, &of_ben).await, nothing());
    let content = json!({ "algorithm": "m.megolm.v1.aes-sha2" });
    ana.set_state(&room, "m.room.encryption", "", content).await;
    assert_eq!(heard(&ana, &of_ana).await, changed(&[&ben]));
    assert_eq!(heard(&ben, &of_ben).await, changed(&[&ana]));

    let (of_ana, of_ben) = (token(&ana).await, token(&ben).await);
    let second = encrypted_room(&ana).await;
    ben.join(&second).await;
    assert_eq!(heard(&ana, &of_ana).await, changed(&[&ben]), "another room together");
    let of_ana = token(&ana).await;
    let member = json!({ "membership": "join", "displayname": "Ben" });
    ben.set_state(&second, "m.room.member", ben.user_id(), member).await;
    assert_eq!(heard(&ana, &of_ana).await, nothing(), "a new name is no coming");
    ben.leave(&second).await;
    assert_eq!(heard(&ana, &of_ana).await, nothing(), "there is a room left");
    ben.leave(&room).await;
    assert_eq!(heard(&ana, &of_ana).await, left(&[&ben]));
    assert_eq!(heard(&ben, &of_ben).await, left(&[&ana]));

    let of_ana = token(&ana).await;
    publish(&ben, &Key::new(1)).await;
    assert_eq!(heard(&ana, &of_ana).await, nothing(), "they have nothing to do with each other");
    ben.join(&room).await;
    assert_eq!(heard(&ana, &of_ana).await, changed(&[&ben]));
}

#[tokio::test]
async fn everybody_in_a_room_is_named_to_everybody_once_it_is_encrypted_and_to_whoever_comes_later() {
    let server = Server::start().await;
    let mut people = Vec::new();
    for name in ["ana", "ben", "cem"] {
        people.push(server.register(name).await);
    }
    let [ana, ben, cem] = people.as_slice() else { unreachable!("three were registered") };
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    cem.join(&room).await;
    let mut since = Vec::new();
    for person in &people {
        since.push(token(person).await);
    }
    let (waiter, mut at) = (cem.clone(), since[2].clone());
    let waiting = tokio::spawn(async move {
        loop {
            let answer = waiter.sync_wait(&at, 60_000).await;
            let named = listed(&answer, "changed");
            if !named.is_empty() {
                return named; // others may have come or gone online before
            }
            answer["next_batch"].as_str().unwrap().clone_into(&mut at);
        }
    });
    server.until_somebody_waits().await;
    ana.set_state(&room, "m.room.encryption", "", json!({ "algorithm": "m.megolm.v1.aes-sha2" })).await;
    let named = tokio::time::timeout(PATIENCE, waiting).await.expect("a client that waits is told").unwrap();
    assert_eq!(named, [ana.user_id(), ben.user_id()], "a client that waits");
    assert_eq!(heard(ana, &since[0]).await, changed(&[ben, cem]));
    assert_eq!(heard(ben, &since[1]).await, changed(&[ana, cem]));

    let dan = server.register("dan").await;
    let (of_ana, of_ben, of_dan) = (token(ana).await, token(ben).await, token(&dan).await);
    dan.join(&room).await;
    assert_eq!(heard(ana, &of_ana).await, changed(&[&dan]));
    assert_eq!(heard(ben, &of_ben).await, changed(&[&dan]));
    assert_eq!(heard(&dan, &of_dan).await, changed(&[ana, ben, cem]));
}

#[tokio::test]
async fn a_waiting_client_hears_of_new_keys_and_of_devices_that_are_gone() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = encrypted_room(&ana).await;
    ben.join(&room).await;
    let phone = ana.log_in("ana", "password of ana").await;
    let mut since = token(&ben).await;
    for act in 0..2 {
        let waiter = ben.clone();
        let waiting = tokio::spawn(async move { waiter.sync_wait(&since, 60_000).await });
        server.until_somebody_waits().await;
        if act == 0 {
            publish(&phone, &Key::new(1)).await;
        } else {
            phone.post("/v3/logout", json!({})).await.ok();
        }
        let answer = waiting.await.unwrap();
        assert_eq!(listed(&answer, "changed"), [ana.user_id()]);
        since = answer["next_batch"].as_str().unwrap().to_owned();
    }
}

#[tokio::test]
async fn a_question_about_changes_needs_two_tokens() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let now = token(&ana).await;
    for (query, errcode) in [
        (String::new(), "M_MISSING_PARAM"),
        (format!("from={now}"), "M_MISSING_PARAM"),
        (format!("from={now}&to=nonsense"), "M_INVALID_PARAM"),
        (format!("from=nonsense&to={now}"), "M_INVALID_PARAM"),
    ] {
        ana.get(&format!("/v3/keys/changes?{query}")).await.refused(400, errcode);
    }
    assert_eq!(changes(&ana, &now, &now).await, json!({ "changed": [], "left": [] }));
}
