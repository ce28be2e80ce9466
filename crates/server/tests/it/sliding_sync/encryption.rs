//! Encryption over sliding sync: keys in store, whose devices to look up again, messages to devices.

use im2_testkit::{Binary, Client, Server, Setup};
use serde_json::{Value, json};

use super::{Connection, rooms};
use crate::keys::{Key, claim, encrypted_room, one_time_keys, publish, upload};

/// A connection as clients keep for encryption alone.
fn encryption(client: &Client) -> Connection {
    let wanted = json!({ "e2ee": { "enabled": true }, "to_device": { "enabled": true } });
    Connection::new(client, json!({ "conn_id": "encryption", "extensions": wanted }))
}

fn e2ee(answer: &Value) -> &Value {
    &answer["extensions"]["e2ee"]
}

/// The users whose devices changed, and those who share no room any more.
fn lists(answer: &Value) -> (Vec<&str>, Vec<&str>) {
    let named = |name: &str| {
        let users = e2ee(answer)["device_lists"][name].as_array().into_iter().flatten();
        users.map(|user| user.as_str().unwrap()).collect()
    };
    (named("changed"), named("left"))
}

fn count(answer: &Value) -> &Value {
    &e2ee(answer)["device_one_time_keys_count"]["signed_curve25519"]
}

#[tokio::test]
async fn keys_in_store_are_told_every_time_and_their_going_ends_a_wait() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let mut connection = encryption(&ana);
    let first = connection.next().await;
    assert_eq!(
        (count(&first), &e2ee(&first)["device_unused_fallback_key_types"]),
        (&json!(0), &json!([])),
        "silence would be taken for a server without fallback keys"
    );
    publish(&ana, &Key::new(1)).await;
    let fallback = json!({ "signed_curve25519:fallback": { "key": "fallback", "fallback": true, "signatures": {} } });
    upload(&ana, json!({ "one_time_keys": one_time_keys(["a", "b"]), "fallback_keys": fallback })).await.ok();
    let answer = connection.next().await;
    assert_eq!(count(&answer), 2);
    assert_eq!(e2ee(&answer)["device_unused_fallback_key_types"], json!(["signed_curve25519"]));
    assert_eq!(count(&connection.next().await), 2, "they are told though nothing has changed");

    let waiting = async { count(&connection.wait(60_000).await).clone() };
    let (left, _) = tokio::join!(waiting, claim(&ben, &ana));
    assert_eq!(left, 1);
    claim(&ben, &ana).await;
    let answer = connection.next().await;
    assert_eq!(count(&answer), 0);
    assert_eq!(e2ee(&answer)["device_unused_fallback_key_types"], json!(["signed_curve25519"]));
    claim(&ben, &ana).await;
    let answer = connection.wait(60_000).await;
    assert_eq!(e2ee(&answer)["device_unused_fallback_key_types"], json!([]), "the fallback key was handed out");
}

#[tokio::test]
async fn changed_devices_are_told_once_and_again_if_the_answer_was_lost() {
    let server = Server::start().await;
    let (ana, ben, eve) = (server.register("ana").await, server.register("ben").await, server.register("eve").await);
    let room = encrypted_room(&ana).await;
    let mut connection = encryption(&ana);
    assert_eq!(lists(&connection.next().await), (vec![], vec![]), "a new connection knows nobody's devices yet");
    publish(&eve, &Key::new(3)).await;
    ben.join(&room).await;
    assert_eq!(lists(&connection.wait(60_000).await), (vec![ben.user_id()], vec![]));
    publish(&ben, &Key::new(2)).await;
    let before = connection.pos.clone();
    assert_eq!(lists(&connection.wait(60_000).await), (vec![ben.user_id()], vec![]));
    connection.pos = before;
    assert_eq!(lists(&connection.next().await), (vec![ben.user_id()], vec![]), "the answer was lost");
    assert_eq!(lists(&connection.next().await), (vec![], vec![]));
    ben.leave(&room).await;
    let answer = connection.wait(60_000).await;
    assert_eq!((lists(&answer), rooms(&answer)), ((vec![], vec![ben.user_id()]), vec![]));
    publish(&ben, &Key::new(4)).await;
    assert_eq!(lists(&connection.next().await), (vec![], vec![]));
}

#[tokio::test]
async fn a_connection_that_begins_anew_has_no_changes_and_all_keys_in_store() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = encrypted_room(&ana).await;
    ben.join(&room).await;
    publish(&ana, &Key::new(1)).await;
    upload(&ana, json!({ "one_time_keys": one_time_keys(["a", "b", "c"]) })).await.ok();
    let mut connection = encryption(&ana);
    connection.next().await;
    publish(&ben, &Key::new(2)).await;
    // A client that begins anew looks up everybody's devices again.
    connection.pos = None;
    let answer = connection.next().await;
    assert_eq!((lists(&answer), count(&answer)), ((vec![], vec![]), &json!(3)));

    let folder = server.stop().await;
    let server = Setup::default().start_in(folder).await;
    let ben = server.anonymous().with_token(ben.token());
    connection.client = server.anonymous().with_token(ana.token());
    connection.try_next(0).await.refused(400, "M_UNKNOWN_POS");
    connection.pos = None;
    let answer = connection.next().await;
    assert_eq!((lists(&answer), count(&answer)), ((vec![], vec![]), &json!(3)));
    let keys = json!({ "display_name": "Ben's phone" });
    ben.put(&format!("/v3/devices/{}", device(&ben).await), keys).await.ok();
    assert_eq!(lists(&connection.wait(60_000).await), (vec!["@ben:localhost"], vec![]));
}

/// The only device of a client that was made from its token.
async fn device(client: &Client) -> String {
    let devices = client.get("/v3/devices").await.ok();
    devices["devices"][0]["device_id"].as_str().unwrap().to_owned()
}

/// The numbers of the messages in an answer, and the token behind them.
fn messages(answer: &Value) -> (Vec<u64>, Value) {
    let inbox = &answer["extensions"]["to_device"];
    let events = inbox["events"].as_array().unwrap_or_else(|| panic!("no messages in {answer}"));
    (events.iter().map(|event| event["content"]["number"].as_u64().unwrap()).collect(), inbox["next_batch"].clone())
}

async fn send(from: &Client, to: &Client, number: u64) {
    let body = json!({ "messages": { to.user_id(): { "*": { "number": number } } } });
    from.put(&format!("/v3/sendToDevice/org.example.note/{}", from.transaction()), body).await.ok();
}

#[tokio::test]
async fn a_kill_loses_no_message_to_a_device_and_repeats_none_that_was_acknowledged() {
    let binary = Binary::new(env!("CARGO_BIN_EXE_im2"));
    let open = [("IM2_REGISTRATION__MODE", "open")];
    let server = binary.serve(&open);
    let (ana, ben) = (server.anonymous().register("ana").await, server.anonymous().register("ben").await);
    let mut connection = encryption(&ben);
    connection.body["extensions"]["to_device"]["limit"] = json!(3);
    connection.next().await;
    for number in 0..8 {
        send(&ana, &ben, number).await;
    }
    let (told, since) = messages(&connection.next().await);
    assert_eq!(told, [0, 1, 2]);
    server.kill();

    let server = binary.serve(&open);
    connection.client = server.anonymous().with_token(ben.token());
    connection.try_next(0).await.refused(400, "M_UNKNOWN_POS");
    connection.pos = None;
    assert_eq!(messages(&connection.next().await).0, [0, 1, 2], "the client may not have kept them");
    connection.body["extensions"]["to_device"]["since"] = since;
    let (told, since) = messages(&connection.next().await);
    assert_eq!(told, [3, 4, 5]);
    server.kill();

    let server = binary.serve(&open);
    connection.client = server.anonymous().with_token(ben.token());
    connection.pos = None;
    connection.body["extensions"]["to_device"].as_object_mut().unwrap().remove("since");
    assert_eq!(messages(&connection.next().await).0, [3, 4, 5], "what was acknowledged is gone for good");
    connection.body["extensions"]["to_device"]["since"] = since;
    assert_eq!(messages(&connection.next().await).0, [6, 7]);
}
