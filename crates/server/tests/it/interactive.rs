//! Requests that are confirmed with `auth` alone, after their parameters were sent once.

use im2_testkit::{Answer, Client, Server, Setup};
use serde_json::{Value, json};

const NOW: u64 = 1_700_000_000_000;
const MINUTE: u64 = 60_000;

fn session(answer: &Answer) -> Value {
    assert_eq!(answer.status, 401, "{}", answer.text());
    answer.json()["session"].clone()
}

fn dummy(session: &Value) -> Value {
    json!({ "auth": { "type": "m.login.dummy", "session": session } })
}

fn password(of: &str, session: &Value) -> Value {
    let identifier = json!({ "type": "m.id.user", "user": of });
    let password = format!("password of {of}");
    json!({ "auth": { "type": "m.login.password", "identifier": identifier, "password": password, "session": session } })
}

/// Begins a request, confirms it with a wrong password and then with the right one, never repeating its parameters.
async fn confirm(client: &Client, name: &str, path: &str, parameters: Value) -> Answer {
    let session = session(&client.post(path, parameters).await);
    let mut wrong = password(name, &session);
    wrong["auth"]["password"] = json!("a guess");
    client.post(path, wrong).await.status_is(401);
    client.post(path, password(name, &session)).await
}

#[tokio::test]
async fn registering_needs_its_parameters_once() {
    let server = Setup::default().clock_at(NOW).start().await;
    let nobody = server.anonymous();
    let begin = json!({ "username": "ana", "password": "password of ana", "initial_device_display_name": "Phone",
        "device_id": "PHONE" });
    let challenge = session(&nobody.post("/v3/register", begin.clone()).await);
    let ana = nobody.signed_in(&nobody.post("/v3/register", dummy(&challenge)).await.ok());
    assert_eq!((ana.user_id(), ana.device_id()), ("@ana:localhost", "PHONE"));
    let device = ana.get("/v3/devices/PHONE").await.ok();
    assert_eq!(device["display_name"], "Phone");
    nobody.log_in("ana", "password of ana").await;
    let again = nobody.signed_in(&nobody.post("/v3/register", dummy(&challenge)).await.ok());
    assert_eq!((again.user_id(), again.device_id()), ("@ana:localhost", "PHONE"), "the answer was lost");
    server.advance(2 * MINUTE);
    let late = nobody.post("/v3/register", dummy(&challenge)).await;
    assert_ne!(late.status, 200, "the password is not kept: {}", late.text());

    let challenge =
        session(&nobody.post("/v3/register", json!({ "username": "ben", "password": "pass of ben" })).await);
    let other = json!({ "username": "eve", "password": "pass of eve", "auth": dummy(&challenge)["auth"] });
    let eve = nobody.post("/v3/register", other).await.ok();
    assert_eq!(eve["user_id"], "@eve:localhost", "what is sent again counts");

    let challenge =
        session(&nobody.post("/v3/register", json!({ "username": "ben", "password": "pass of ben" })).await);
    server.advance(30 * MINUTE);
    nobody.post("/v3/register", dummy(&challenge)).await.status_is(401);
    nobody.get("/v3/register/available?username=ben").await.ok();
    let large = json!({ "username": "ben", "password": "pass of ben", "org.example.more": "x".repeat(5_000) });
    let challenge = session(&nobody.post("/v3/register", large).await);
    nobody.post("/v3/register", dummy(&challenge)).await.refused(400, "M_MISSING_PARAM");
}

#[tokio::test]
async fn what_a_signed_in_user_asks_for_is_sent_once() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let (second, third) = (ana.log_in("ana", "password of ana").await, ana.log_in("ana", "password of ana").await);
    let devices = json!({ "devices": [second.device_id()] });
    confirm(&ana, "ana", "/v3/delete_devices", devices).await.ok();
    second.get("/v3/account/whoami").await.refused(401, "M_UNKNOWN_TOKEN");
    third.get("/v3/account/whoami").await.ok();

    let new = json!({ "new_password": "another password", "logout_devices": false });
    confirm(&ana, "ana", "/v3/account/password", new).await.ok();
    third.get("/v3/account/whoami").await.ok();
    let fourth = ana.log_in("ana", "another password").await;

    let ben = server.register("ben").await;
    let room = ben.create_room(json!({ "preset": "public_chat" })).await;
    ben.send_text(&room, "a word").await;
    confirm(&ben, "ben", "/v3/account/deactivate", json!({ "erase": true })).await.ok();
    let erased = server.engine().core.store.read(|db| Ok(db.erased_users()?.len())).await.unwrap();
    assert_eq!(erased, 1, "it was asked to be erased");

    // A session is worth nothing to somebody else, nor for something else.
    let eve = server.register("eve").await;
    let begun = session(&fourth.post("/v3/delete_devices", json!({ "devices": [third.device_id()] })).await);
    eve.post("/v3/delete_devices", password("eve", &begun)).await.refused(400, "M_BAD_JSON");
    let mut auth = password("ana", &begun);
    auth["auth"]["password"] = json!("another password");
    fourth.post("/v3/account/password", auth.clone()).await.refused(400, "M_BAD_JSON");
    let mut other = auth.clone();
    other["devices"] = json!([fourth.device_id()]);
    fourth.post("/v3/delete_devices", other).await.status_is(401);
    third.get("/v3/account/whoami").await.ok();
    fourth.post("/v3/delete_devices", auth.clone()).await.ok();
    third.get("/v3/account/whoami").await.refused(401, "M_UNKNOWN_TOKEN");
    fourth.post("/v3/delete_devices", auth).await.refused(400, "M_BAD_JSON");
}
