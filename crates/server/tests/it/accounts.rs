//! Accounts over HTTP: registration, login, tokens, user-interactive authentication, devices, shared-secret
//! registration.

use im2_testkit::{Client, Server, Setup, segment};
use ring::hmac;
use serde_json::{Value, json};

const PASSWORD: &str = "correct horse";

fn by_password(user: &str, password: &str) -> Value {
    json!({ "type": "m.login.password", "identifier": { "type": "m.id.user", "user": user }, "password": password })
}

/// The body of a 401 answer of user-interactive authentication.
fn challenged(answer: &im2_testkit::Answer) -> Value {
    assert_eq!(answer.status, 401, "{}", answer.text());
    let body = answer.json();
    assert!(body["flows"].is_array() && body["params"].is_object() && body["session"].is_string(), "{body}");
    body
}

async fn register(server: &Server, name: &str) -> Client {
    let body = json!({ "username": name, "password": PASSWORD, "auth": { "type": "m.login.dummy" } });
    let client = server.anonymous();
    client.signed_in(&client.post("/v3/register", body).await.ok())
}

#[tokio::test]
async fn registering_takes_two_steps_and_signs_in() {
    let server = Server::start().await;
    let client = server.anonymous();
    let body = challenged(&client.post("/v3/register", json!({})).await);
    assert_eq!(body["flows"], json!([{ "stages": ["m.login.dummy"] }]));
    assert!(body.get("errcode").is_none() && body.get("completed").is_none());
    let auth = json!({ "type": "m.login.dummy", "session": body["session"] });
    let request = json!({
        "username": "Ana", "password": PASSWORD, "device_id": "PHONE", "initial_device_display_name": "Ana's phone",
        "refresh_token": true, "auth": auth,
    });
    let answer = client.post("/v3/register", request).await.ok();
    assert_eq!(answer["user_id"], "@ana:localhost");
    assert_eq!(answer["device_id"], "PHONE");
    assert!(answer["refresh_token"].is_string() && answer["expires_in_ms"].is_u64());
    let ana = client.signed_in(&answer);
    let who = ana.get("/v3/account/whoami").await.ok();
    assert_eq!(who, json!({ "user_id": "@ana:localhost", "device_id": "PHONE", "is_guest": false }));
    let device = ana.get("/v3/devices/PHONE").await.ok();
    assert_eq!((&device["display_name"], &device["last_seen_ip"]), (&json!("Ana's phone"), &json!("127.0.0.1")));
    assert!(device["last_seen_ts"].is_u64());
}

#[tokio::test]
async fn registration_refuses_what_it_cannot_take() {
    let server = Server::start().await;
    let client = server.anonymous();
    register(&server, "ana").await;
    let with = |name: &str| json!({ "username": name, "password": PASSWORD, "auth": { "type": "m.login.dummy" } });
    client.post("/v3/register", with("ana")).await.refused(400, "M_USER_IN_USE");
    client.post("/v3/register", with("a!b")).await.refused(400, "M_INVALID_USERNAME");
    client.post("/v3/register?kind=guest", json!({})).await.refused(403, "M_FORBIDDEN");
    client.post("/v3/register?kind=robot", json!({})).await.refused(400, "M_INVALID_PARAM");
    client.get("/v3/register/available?username=ana").await.refused(400, "M_USER_IN_USE");
    client.get("/v3/register/available?username=a!b").await.refused(400, "M_INVALID_USERNAME");
    client.get("/v3/register/available").await.refused(400, "M_MISSING_PARAM");
    assert_eq!(client.get("/v3/register/available?username=ben").await.ok(), json!({ "available": true }));
    let inhibited = json!({
        "username": "ben", "password": PASSWORD, "inhibit_login": true, "auth": { "type": "m.login.dummy" },
    });
    let answer = client.post("/v3/register", inhibited).await.ok();
    assert_eq!(answer, json!({ "user_id": "@ben:localhost", "home_server": "localhost" }));
}

#[tokio::test]
async fn a_closed_server_registers_nobody() {
    let server = Setup::default().set("registration.mode", "closed").start().await;
    server.engine().people.accounts.create_user("root", PASSWORD, true).await.unwrap();
    let client = server.anonymous();
    client.post("/v3/register", json!({})).await.refused(403, "M_FORBIDDEN");
    let validity = "/v1/register/m.login.registration_token/validity?token=x";
    client.get(validity).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn signing_in_by_password() {
    let server = Server::start().await;
    register(&server, "ana").await;
    let client = server.anonymous();
    assert_eq!(client.get("/v3/login").await.ok(), json!({ "flows": [{ "type": "m.login.password" }] }));
    let answer = client.post("/v3/login", by_password("@ana:localhost", PASSWORD)).await.ok();
    assert_eq!(answer["well_known"]["m.homeserver"]["base_url"], server.url());
    let older = json!({ "type": "m.login.password", "user": "ana", "password": PASSWORD });
    assert_eq!(client.post("/v3/login", older).await.ok()["user_id"], "@ana:localhost");
    for (user, password) in [("ana", "wrong"), ("nobody", PASSWORD), ("@ana:elsewhere", PASSWORD)] {
        client.post("/v3/login", by_password(user, password)).await.refused(403, "M_FORBIDDEN");
    }
    client.post("/v3/login", json!({ "type": "m.login.token", "token": "x" })).await.refused(400, "M_UNKNOWN");
    client.post("/v3/login", json!({ "type": "m.login.password" })).await.refused(400, "M_MISSING_PARAM");
    let nobody = json!({ "type": "m.login.password", "password": PASSWORD, "identifier": { "type": "m.id.user" } });
    client.post("/v3/login", nobody).await.refused(400, "M_MISSING_PARAM");
    client.post("/v3/login", json!({})).await.refused(400, "M_BAD_JSON");
    let by_mail = json!({
        "type": "m.login.password", "password": PASSWORD,
        "identifier": { "type": "m.id.thirdparty", "medium": "email", "address": "ana@im.test" },
    });
    client.post("/v3/login", by_mail).await.refused(400, "M_UNKNOWN");
}

#[tokio::test]
async fn tokens_are_refreshed_and_end_with_the_session() {
    let server = Server::start().await;
    register(&server, "ana").await;
    let client = server.anonymous();
    let mut request = by_password("ana", PASSWORD);
    request["refresh_token"] = json!(true);
    let first = client.post("/v3/login", request).await.ok();
    let refreshed = client.post("/v3/refresh", json!({ "refresh_token": first["refresh_token"] })).await.ok();
    assert_ne!(refreshed["access_token"], first["access_token"]);
    let ana = client.with_token(refreshed["access_token"].as_str().unwrap());
    assert_eq!(ana.get("/v3/account/whoami").await.ok()["device_id"], first["device_id"]);
    let again = client.post("/v3/refresh", json!({ "refresh_token": first["refresh_token"] })).await;
    again.refused(401, "M_UNKNOWN_TOKEN");
    ana.post("/v3/logout", json!({})).await.ok();
    ana.get("/v3/account/whoami").await.refused(401, "M_UNKNOWN_TOKEN");
    let ended = client.post("/v3/refresh", json!({ "refresh_token": refreshed["refresh_token"] })).await;
    ended.refused(401, "M_UNKNOWN_TOKEN");
    client.get("/v3/account/whoami").await.refused(401, "M_MISSING_TOKEN");
}

#[tokio::test]
async fn devices_are_listed_renamed_and_removed_with_the_password() {
    let server = Server::start().await;
    let ana = register(&server, "ana").await;
    let ben = register(&server, "ben").await;
    let other = ana.log_in("ana", PASSWORD).await;
    let path = format!("/v3/devices/{}", other.device_id());
    assert_eq!(ana.get("/v3/devices").await.ok()["devices"].as_array().unwrap().len(), 2);
    ana.put(&path, json!({ "display_name": "Old laptop" })).await.ok();
    ana.put(&path, json!({})).await.ok();
    assert_eq!(ana.get(&path).await.ok()["display_name"], "Old laptop");
    ben.get(&path).await.refused(404, "M_NOT_FOUND");
    ben.put(&path, json!({ "display_name": "Mine" })).await.refused(404, "M_NOT_FOUND");
    let body = challenged(&ana.delete(&path, json!({})).await);
    assert_eq!(body["flows"], json!([{ "stages": ["m.login.password"] }]));
    let body = challenged(&ana.delete(&path, json!({ "auth": by_password("ana", "wrong") })).await);
    assert_eq!(body["errcode"], "M_FORBIDDEN");
    ana.delete(&path, json!({ "auth": by_password("ben", PASSWORD) })).await.refused(403, "M_FORBIDDEN");
    other.get("/v3/account/whoami").await.ok();
    ana.delete(&path, json!({ "auth": by_password("ana", PASSWORD) })).await.ok();
    other.get("/v3/account/whoami").await.refused(401, "M_UNKNOWN_TOKEN");
    ana.get(&path).await.refused(404, "M_NOT_FOUND");
    let many = json!({ "devices": [ana.device_id(), "GONE"], "auth": by_password("ana", PASSWORD) });
    ana.post("/v3/delete_devices", many).await.ok();
    ana.get("/v3/account/whoami").await.refused(401, "M_UNKNOWN_TOKEN");
}

#[tokio::test]
async fn the_password_is_changed_and_the_account_ended_by_its_owner() {
    let server = Server::start().await;
    let ana = register(&server, "ana").await;
    let other = ana.log_in("ana", PASSWORD).await;
    let change = |password: &str, auth: Value| json!({ "new_password": password, "auth": auth });
    ana.post("/v3/account/password", change("short", Value::Null)).await.refused(400, "M_WEAK_PASSWORD");
    challenged(&ana.post("/v3/account/password", change("another horse", Value::Null)).await);
    ana.post("/v3/account/password", change("another horse", by_password("ana", PASSWORD))).await.ok();
    other.get("/v3/account/whoami").await.refused(401, "M_UNKNOWN_TOKEN");
    assert_eq!(ana.get("/v3/account/3pid").await.ok(), json!({ "threepids": [] }));
    let body = challenged(&ana.post("/v3/account/deactivate", json!({})).await);
    let mut auth = by_password("ana", "another horse");
    auth["session"] = body["session"].clone();
    let ended = ana.post("/v3/account/deactivate", json!({ "auth": auth })).await.ok();
    assert_eq!(ended, json!({ "id_server_unbind_result": "success" }));
    let client = server.anonymous();
    client.post("/v3/login", by_password("ana", "another horse")).await.refused(403, "M_USER_DEACTIVATED");
}

fn mac(parts: &[&str]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"shared secret");
    let mac = hmac::sign(&key, parts.join("\0").as_bytes());
    mac.as_ref().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[tokio::test]
async fn the_shared_secret_makes_accounts() {
    const PATH: &str = "/_synapse/admin/v1/register";
    let server = Server::start().await;
    server.anonymous().get(PATH).await.refused(400, "M_UNKNOWN");
    let server = Setup::default()
        .set("registration.shared_secret", "shared secret")
        .set("registration.mode", "closed")
        .start()
        .await;
    let client = server.anonymous();
    let nonce = client.get(PATH).await.ok()["nonce"].as_str().unwrap().to_owned();
    let request = json!({
        "nonce": nonce, "username": "Root", "password": "pw", "admin": true, "displayname": "The Root",
        "mac": mac(&[&nonce, "Root", "pw", "admin"]),
    });
    let answer = client.post(PATH, request.clone()).await.ok();
    assert_eq!(answer["user_id"], "@root:localhost");
    let profile = client.get("/v3/profile/@root:localhost/displayname").await.ok();
    assert_eq!(profile, json!({ "displayname": "The Root" }));
    client.post(PATH, request).await.refused(400, "M_UNKNOWN");
    let nonce = client.get(PATH).await.ok()["nonce"].as_str().unwrap().to_owned();
    let forged = json!({
        "nonce": nonce, "username": "eve", "password": "pw", "admin": true,
        "mac": mac(&[&nonce, "eve", "pw", "notadmin"]),
    });
    client.post(PATH, forged).await.refused(403, "M_FORBIDDEN");
    client.post(PATH, json!({ "username": "eve" })).await.refused(400, "M_BAD_JSON");
}

#[tokio::test]
async fn capabilities_are_honest() {
    let server = Server::start().await;
    let ana = register(&server, "ana").await;
    let capabilities = &ana.get("/v3/capabilities").await.ok()["capabilities"];
    let versions = &capabilities["m.room_versions"];
    assert_eq!(versions["default"], "12");
    let stable = json!({ "6": "stable", "7": "stable", "8": "stable", "9": "stable", "10": "stable", "11": "stable",
        "12": "stable" });
    assert_eq!(versions["available"], stable);
    assert_eq!(capabilities["m.change_password"]["enabled"], true);
    assert_eq!(capabilities["m.3pid_changes"]["enabled"], false);
    assert_eq!(capabilities["m.get_login_token"]["enabled"], false);
    let added = ana.post("/v3/account/3pid/add", json!({ "sid": "1", "client_secret": "secret" })).await;
    added.refused(403, "M_THREEPID_DENIED");
    ana.post("/v1/login/get_token", json!({})).await.refused(404, "M_UNRECOGNIZED");
}

#[tokio::test]
async fn who_did_not_hear_that_they_are_registered_is_told_again() {
    let server = Setup::default().clock_at(1_700_000_000_000).start().await;
    let nobody = server.anonymous();
    let ask = json!({ "username": "ana", "password": "a long one" });
    let challenge = nobody.post("/v3/register", ask.clone()).await;
    assert_eq!(challenge.status, 401);
    let auth = json!({ "type": "m.login.dummy", "session": challenge.json()["session"] });
    let with = |username: &str, password: &str| json!({ "username": username, "password": password, "auth": auth });
    let first = nobody.post("/v3/register", with("ana", "a long one")).await.ok();
    let again = nobody.post("/v3/register", with("Ana", "a long one")).await.ok();
    for same in ["user_id", "device_id"] {
        assert_eq!(first[same], again[same]);
    }
    nobody.signed_in(&again).get("/v3/account/whoami").await.ok();
    nobody.signed_in(&first).get("/v3/account/whoami").await.refused(401, "M_UNKNOWN_TOKEN");
    // It is the same request only with the same name and password.
    nobody.post("/v3/register", with("ana", "another one")).await.refused(403, "M_FORBIDDEN");
    assert_eq!(nobody.post("/v3/register", with("ben", "a long one")).await.status, 401);
    server.advance(31 * 60 * 1000);
    nobody.post("/v3/register", with("ana", "a long one")).await.refused(400, "M_USER_IN_USE");
}

#[tokio::test]
async fn a_new_account_is_called_as_its_user_name_unless_something_else_is_said() {
    let setup = Setup::default().set("registration.shared_secret", "s3cret").set("registration.guests", true);
    let server = setup.start().await;
    let nobody = server.anonymous();
    let root = server.register_admin("root").await;
    let name = async |user_id: &str| {
        nobody.get(&format!("/v3/profile/{}", segment(user_id))).await.ok()["displayname"].clone()
    };
    assert_eq!(name(root.user_id()).await, "root");
    server.engine().people.accounts.create_user("ben", "password of ben", false).await.unwrap();
    assert_eq!(name("@ben:localhost").await, "ben", "the command line");
    let account = |user: &str| format!("/_synapse/admin/v2/users/{}", segment(user));
    root.put(&account("@eve:localhost"), json!({ "password": "password of eve" })).await.status_is(201);
    assert_eq!(name("@eve:localhost").await, "eve");
    root.put(&account("@dan:localhost"), json!({ "displayname": "Dan" })).await.status_is(201);
    assert_eq!(name("@dan:localhost").await, "Dan");
    let drawn = json!({ "password": "password of cem", "auth": { "type": "m.login.dummy" } });
    let drawn = nobody.post("/v3/register", drawn).await.ok();
    let drawn = drawn["user_id"].as_str().unwrap();
    assert_eq!(json!(format!("@{}:localhost", name(drawn).await.as_str().unwrap())), drawn);
    let guest = nobody.post("/v3/register?kind=guest", json!({})).await.ok();
    assert_eq!(name(guest["user_id"].as_str().unwrap()).await, Value::Null, "a drawn name says nothing of a guest");

    let room = root.create_room(json!({ "invite": ["@ben:localhost"] })).await;
    let state = root.get(&format!("/v3/rooms/{}/state/m.room.member/@ben:localhost", segment(&room))).await.ok();
    assert_eq!(state["displayname"], "ben", "and rooms show it");
    root.delete("/v3/profile/@root:localhost/displayname", json!({})).await.ok();
    assert_eq!(name(root.user_id()).await, Value::Null, "it can be removed");
}
