//! Signing in with a token from another device, showing others who one is, and what this server does not have: single
//! sign-on, OAuth, e-mail addresses and phone numbers.

use im2_testkit::{Client, Server, Setup, segment};
use serde_json::{Value, json};

fn password(of: &str) -> Value {
    json!({ "type": "m.login.password", "user": of, "password": format!("password of {of}") })
}

async fn login_token(user: &Client, name: &str) -> String {
    let made = user.post("/v1/login/get_token", json!({ "auth": password(name) })).await.ok();
    assert_eq!(made["expires_in_ms"], 120_000);
    made["login_token"].as_str().unwrap().to_owned()
}

async fn sign_in(client: &Client, token: &str) -> im2_testkit::Answer {
    client.nobody().post("/v3/login", json!({ "type": "m.login.token", "token": token })).await
}

#[tokio::test]
async fn a_login_token_signs_another_device_in_once() {
    let setup = Setup::default().set("login.tokens", true).clock_at(1_700_000_000_000);
    let server = setup.start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    assert_eq!(ana.get("/v3/capabilities").await.ok()["capabilities"]["m.get_login_token"], json!({ "enabled": true }));
    let flows = ana.nobody().get("/v3/login").await.ok()["flows"].clone();
    assert!(
        flows.as_array().unwrap().contains(&json!({ "type": "m.login.token", "get_login_token": true })),
        "{flows}"
    );

    // The password is asked for, each time anew.
    let challenge = ana.post("/v1/login/get_token", json!({})).await.status_is(401);
    assert_eq!(challenge["flows"], json!([{ "stages": ["m.login.password"] }]));
    let token = login_token(&ana, "ana").await;
    ana.post("/v1/login/get_token", json!({})).await.status_is(401);

    let session = sign_in(&ana, &token).await.ok();
    assert_eq!((&session["user_id"], session["device_id"] == ana.device_id()), (&json!(ana.user_id()), false));
    ana.signed_in(&session).get("/v3/account/whoami").await.ok();
    sign_in(&ana, &token).await.refused(403, "M_FORBIDDEN");
    sign_in(&ana, "unknown").await.refused(403, "M_FORBIDDEN");
    let none = ana.nobody().post("/v3/login", json!({ "type": "m.login.token" })).await;
    none.refused(400, "M_MISSING_PARAM");

    let late = login_token(&ana, "ana").await;
    server.advance(120_000);
    sign_in(&ana, &late).await.refused(403, "M_FORBIDDEN");

    let (kept, ended) = (login_token(&ana, "ana").await, login_token(&ben, "ben").await);
    server.engine().people.accounts.deactivate_user("ben", false).await.unwrap();
    let folder = server.stop().await;
    let server = Setup::default().set("login.tokens", true).clock_at(1_700_000_120_000).start_in(folder).await;
    sign_in(server.anonymous(), &ended).await.refused(403, "M_FORBIDDEN");
    let session = sign_in(server.anonymous(), &kept).await.ok();
    assert_eq!(session["user_id"], ana.user_id());
}

#[tokio::test]
async fn two_devices_that_race_for_a_login_token_are_not_both_signed_in() {
    let server = Setup::default().set("login.tokens", true).start().await;
    let ana = server.register("ana").await;
    for _ in 0..5 {
        let token = login_token(&ana, "ana").await;
        let (one, other) = tokio::join!(sign_in(&ana, &token), sign_in(&ana, &token));
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 403]);
    }
}

#[tokio::test]
async fn login_tokens_are_off_unless_switched_on() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let request = json!({ "auth": password("ana") });
    ana.post("/v1/login/get_token", request).await.refused(404, "M_UNRECOGNIZED");
    sign_in(&ana, "x").await.refused(400, "M_UNKNOWN");
    assert_eq!(ana.nobody().get("/v3/login").await.ok()["flows"], json!([{ "type": "m.login.password" }]));
}

#[tokio::test]
async fn an_openid_token_says_who_made_it_for_an_hour() {
    let server = Setup::default().clock_at(1_700_000_000_000).start().await;
    let (root, ana) = (server.register_admin("root").await, server.register("ana").await);
    let path = |user: &Client| format!("/v3/user/{}/openid/request_token", segment(user.user_id()));
    let made = ana.post(&path(&ana), json!({})).await.ok();
    assert_eq!(made["token_type"], "Bearer");
    assert_eq!((&made["matrix_server_name"], &made["expires_in"]), (&json!("localhost"), &json!(3_600)));
    let token = made["access_token"].as_str().unwrap().to_owned();
    let redeem = format!("/_matrix/federation/v1/openid/userinfo?access_token={}", segment(&token));
    let anybody = ana.nobody();
    assert_eq!(anybody.get(&redeem).await.ok(), json!({ "sub": "@ana:localhost" }));
    assert_eq!(anybody.get(&redeem).await.ok(), json!({ "sub": "@ana:localhost" }), "it is not used up");
    // It is good for nothing else, and other tokens are not good for this.
    anybody.with_token(&token).get("/v3/account/whoami").await.refused(401, "M_UNKNOWN_TOKEN");
    let wrong = format!("/_matrix/federation/v1/openid/userinfo?access_token={}", ana.token());
    anybody.get(&wrong).await.refused(401, "M_UNKNOWN_TOKEN");
    anybody.get("/_matrix/federation/v1/openid/userinfo").await.refused(401, "M_MISSING_TOKEN");
    ana.post(&path(&root), json!({})).await.refused(403, "M_FORBIDDEN");

    let locking = format!("/v1/admin/lock/{}", segment(ana.user_id()));
    root.put(&locking, json!({ "locked": true })).await.ok();
    anybody.get(&redeem).await.refused(401, "M_UNKNOWN_TOKEN");
    root.put(&locking, json!({ "locked": false })).await.ok();
    anybody.get(&redeem).await.ok();
    server.advance(3_600_000);
    anybody.get(&redeem).await.refused(401, "M_UNKNOWN_TOKEN");
}

#[tokio::test]
async fn there_is_no_single_sign_on_and_no_oauth() {
    let server = Server::start().await;
    let client = server.anonymous();
    for path in ["/v3/login/sso/redirect", "/v3/login/sso/redirect/oidc"] {
        client.get(&format!("{path}?redirectUrl=https%3A%2F%2Fexample.org")).await.refused(404, "M_NOT_FOUND");
    }
    client.get("/v1/auth_metadata").await.refused(404, "M_UNRECOGNIZED");
}

#[tokio::test]
async fn third_party_identifiers_are_refused_in_the_words_of_the_specification() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    assert_eq!(ana.get("/v3/capabilities").await.ok()["capabilities"]["m.3pid_changes"], json!({ "enabled": false }));
    assert_eq!(ana.get("/v3/account/3pid").await.ok(), json!({ "threepids": [] }));
    let credentials = json!({ "client_secret": "secret", "id_server": "id.test", "id_access_token": "t", "sid": "1" });
    let post = async |path: &str, body: Value| ana.post(path, body).await;
    post("/v3/account/3pid", json!({ "three_pid_creds": credentials })).await.refused(403, "M_THREEPID_AUTH_FAILED");
    post("/v3/account/3pid/add", json!({ "client_secret": "secret", "sid": "1" }))
        .await
        .refused(403, "M_THREEPID_DENIED");
    post("/v3/account/3pid/bind", credentials).await.refused(400, "M_SERVER_NOT_TRUSTED");
    let address = json!({ "medium": "email", "address": "ana@example.org" });
    for path in ["/v3/account/3pid/delete", "/v3/account/3pid/unbind"] {
        assert_eq!(post(path, address.clone()).await.ok(), json!({ "id_server_unbind_result": "no-support" }));
        post(path, json!({ "medium": "pigeon", "address": "x" })).await.refused(400, "M_BAD_JSON");
    }
    for (path, status, errcode) in [
        ("/v3/account/3pid", 400, "M_THREEPID_MEDIUM_NOT_SUPPORTED"),
        ("/v3/account/password", 400, "M_THREEPID_NOT_FOUND"),
        ("/v3/register", 403, "M_THREEPID_DENIED"),
    ] {
        let email = json!({ "client_secret": "secret", "email": "ana@example.org", "send_attempt": 1 });
        let phone = json!({ "client_secret": "secret", "country": "GB", "phone_number": "1", "send_attempt": 1 });
        for (medium, body) in [("email", email), ("msisdn", phone)] {
            let path = format!("{path}/{medium}/requestToken");
            let with = |key: &str, value: &str| {
                let mut body = body.clone();
                body[key] = value.into();
                body
            };
            let nobody = ana.nobody();
            nobody.post(&path, body.clone()).await.refused(status, errcode);
            nobody.post(&path, with("id_server", "id.test")).await.refused(400, "M_SERVER_NOT_TRUSTED");
            nobody.post(&path, with("client_secret", "not a secret")).await.refused(400, "M_INVALID_PARAM");
            nobody.post(&path, json!({})).await.refused(400, "M_BAD_JSON");
        }
    }
}
