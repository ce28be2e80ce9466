//! Guessing passwords and tokens: whoever guesses is slowed down, and whoever owns the account gets in.

use im2_testkit::{Answer, Client, Server, Setup};
use reqwest::Method;
use serde_json::{Value, json};

/// The owner's address, and that of somebody else.
const HOME: &str = "192.0.2.1";
const STRANGER: &str = "198.51.100.7";

async fn limited() -> Server {
    Setup::default().set("rate_limits.enabled", true).clock_at(1_700_000_000_000).start().await
}

/// A user who has been at home.
async fn at_home(server: &Server, name: &str) -> Client {
    let client = server.register(name).await;
    let request = client.request(Method::GET, "/v3/account/whoami").header("x-forwarded-for", HOME);
    client.send_request(request).await.ok();
    client
}

async fn post(client: &Client, from: &str, path: &str, body: &Value) -> Answer {
    client.send_request(client.request(Method::POST, path).header("x-forwarded-for", from).json(body)).await
}

fn login(name: &str, password: &str) -> Value {
    let identifier = json!({ "type": "m.id.user", "user": name });
    json!({ "type": "m.login.password", "identifier": identifier, "password": password })
}

async fn log_in(server: &Server, from: &str, name: &str, password: &str) -> Answer {
    post(server.anonymous(), from, "/v3/login", &login(name, password)).await
}

#[tokio::test]
async fn guessing_a_password_is_limited_by_account_and_address() {
    let server = limited().await;
    let ana = at_home(&server, "ana").await;
    server.register("ben").await;
    for spelling in ["ana", "@ana:localhost", "ANA", "ana", "ana", "ana", "ana", "ana", "ana", "ana"] {
        log_in(&server, STRANGER, spelling, "wrong").await.refused(403, "M_FORBIDDEN");
    }
    let refusal = log_in(&server, STRANGER, "ana", "password of ana").await.refused(429, "M_LIMIT_EXCEEDED");
    assert_eq!(refusal["retry_after_ms"], 30_000);
    for elsewhere in [HOME, "203.0.113.5"] {
        log_in(&server, elsewhere, "ana", "password of ana").await.ok();
    }
    log_in(&server, STRANGER, "ben", "password of ben").await.ok();
    server.advance(30_000);
    log_in(&server, STRANGER, "ana", "password of ana").await.ok();
    ana.get("/v3/account/whoami").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_at_the_same_time_are_no_more_than_one_after_the_other() {
    let server = limited().await;
    server.register("ana").await;
    let guess = |_: usize| {
        let client = server.anonymous().nobody();
        tokio::spawn(async move { post(&client, STRANGER, "/v3/login", &login("ana", "wrong")).await.status })
    };
    let guesses: Vec<_> = (0..126).map(guess).collect();
    let mut hashed = 0;
    for status in guesses {
        hashed += usize::from(status.await.unwrap() == 403);
    }
    assert_eq!(hashed, 10);
    log_in(&server, HOME, "ana", "password of ana").await.ok();
}

#[tokio::test]
async fn a_right_password_costs_nothing() {
    let server = limited().await;
    server.register("ana").await;
    for _ in 0..40 {
        log_in(&server, STRANGER, "ana", "password of ana").await.ok();
        server.advance(2_000); // what an address may try at all is another limit
    }
    for _ in 0..10 {
        log_in(&server, STRANGER, "ana", "wrong").await.refused(403, "M_FORBIDDEN");
    }
}

#[tokio::test]
async fn guessers_in_many_networks_are_slowed_down_together_and_the_owner_gets_in_at_home() {
    let server = limited().await;
    let ana = at_home(&server, "ana").await;
    let mut wrong = 0;
    for network in 0..15 {
        for _ in 0..10 {
            wrong += usize::from(log_in(&server, &format!("198.18.{network}.1"), "ana", "wrong").await.status == 403);
        }
    }
    assert_eq!(wrong, 100);
    log_in(&server, "203.0.113.5", "ana", "password of ana").await.refused(429, "M_LIMIT_EXCEEDED");
    log_in(&server, HOME, "ana", "password of ana").await.ok();
    log_in(&server, "203.0.113.5", "ben", "wrong").await.refused(403, "M_FORBIDDEN");
    // A token of the account is a proof, too, wherever it is shown.
    let body = login("ana", "password of ana");
    post(&ana, "203.0.113.5", "/v3/login", &body).await.ok();
    server.advance(10_000);
    log_in(&server, "203.0.113.5", "ana", "password of ana").await.ok();
}

#[tokio::test]
async fn who_tries_many_accounts_is_limited_by_address_and_network() {
    let server = limited().await;
    server.register("ana").await;
    let guess = async |from: &str, number: usize| log_in(&server, from, &format!("user{number}"), "wrong").await.status;
    let mut per_address = Vec::new();
    for address in 1..=5 {
        let mut wrong = 0;
        for number in 0..35 {
            wrong += usize::from(guess(&format!("198.51.100.{address}"), 100 * address + number).await == 403);
        }
        per_address.push(wrong);
    }
    assert_eq!(per_address, [30, 30, 30, 10, 0], "30 an address and 100 a network");
    assert_eq!(guess("203.0.113.5", 1).await, 403);
    log_in(&server, HOME, "ana", "password of ana").await.ok();
}

#[tokio::test]
async fn a_neighbour_behind_the_same_address_does_not_lock_out_a_known_device() {
    let server = limited().await;
    let ana = at_home(&server, "ana").await;
    for _ in 0..10 {
        log_in(&server, HOME, "ana", "wrong").await.refused(403, "M_FORBIDDEN");
    }
    log_in(&server, HOME, "ana", "password of ana").await.refused(429, "M_LIMIT_EXCEEDED");
    let mut again = login("ana", "password of ana");
    again["device_id"] = "another".into();
    post(server.anonymous(), HOME, "/v3/login", &again).await.refused(429, "M_LIMIT_EXCEEDED");
    again["device_id"] = ana.device_id().into();
    post(server.anonymous(), HOME, "/v3/login", &again).await.ok();
}

#[tokio::test]
async fn attempts_of_others_at_the_same_address_do_not_use_up_those_of_a_known_device() {
    let server = limited().await;
    let ana = at_home(&server, "ana").await;
    server.register("eve").await;
    let mut attempts = 0;
    while log_in(&server, HOME, "eve", "password of eve").await.status == 200 {
        attempts += 1;
    }
    assert_eq!(attempts, 60);
    log_in(&server, HOME, "ana", "password of ana").await.ok();
    while log_in(&server, HOME, "ana", "password of ana").await.status == 200 {}
    let mut again = login("ana", "password of ana");
    again["device_id"] = ana.device_id().into();
    post(server.anonymous(), HOME, "/v3/login", &again).await.ok();
}

#[tokio::test]
async fn a_token_does_not_help_to_guess_the_password() {
    let server = limited().await;
    let ana = server.register("ana").await;
    let other = ana.log_in("ana", "password of ana").await;
    let auth = |password: &str| json!({ "type": "m.login.password", "user": "ana", "password": password });
    let change = async |client: &Client, password: &str| {
        client.post("/v3/account/password", json!({ "new_password": "another horse", "auth": auth(password) })).await
    };
    for _ in 0..10 {
        change(&ana, "wrong").await.refused(401, "M_FORBIDDEN");
    }
    change(&ana, "password of ana").await.refused(429, "M_LIMIT_EXCEEDED");
    for (path, body) in
        [("/v3/account/deactivate", json!({})), ("/v3/delete_devices", json!({ "devices": [other.device_id()] }))]
    {
        let mut body = body;
        body["auth"] = auth("password of ana");
        ana.post(path, body).await.refused(429, "M_LIMIT_EXCEEDED");
    }
    let device = json!({ "auth": auth("password of ana"), "devices": ["unknown"] });
    other.post("/v3/delete_devices", device).await.ok();
    log_in(&server, HOME, "ana", "password of ana").await.ok();
    server.advance(30_000);
    change(&ana, "password of ana").await.ok();
}

#[tokio::test]
async fn registration_tokens_and_the_shared_secret_are_not_to_be_guessed() {
    let setup = Setup::default().set("rate_limits.enabled", true).set("registration.mode", "token");
    let setup = setup.set("registration.shared_secret", "secret").clock_at(1_700_000_000_000);
    let server = setup.start().await;
    let nobody = server.anonymous();
    let is_valid = async |from: &str, token: &str| {
        let path = format!("/v1/register/m.login.registration_token/validity?token={token}");
        nobody.send_request(nobody.request(Method::GET, &path).header("x-forwarded-for", from)).await
    };
    for number in 0..15 {
        assert_eq!(is_valid(STRANGER, &format!("guess{number}")).await.ok()["valid"], false);
        let auth = json!({ "type": "m.login.registration_token", "token": format!("guess{number}") });
        let body = json!({ "username": "x", "password": "correct horse", "auth": auth });
        post(nobody, STRANGER, "/v3/register", &body).await.refused(401, "M_UNAUTHORIZED");
    }
    is_valid(STRANGER, "guess").await.refused(429, "M_LIMIT_EXCEEDED");
    let nonce = nobody.get("/_synapse/admin/v1/register").await.ok()["nonce"].clone();
    let body = json!({ "nonce": nonce, "username": "x", "password": "correct horse", "mac": "00" });
    post(nobody, STRANGER, "/_synapse/admin/v1/register", &body).await.refused(429, "M_LIMIT_EXCEEDED");
    assert_eq!(is_valid(HOME, "guess").await.ok()["valid"], false);
    post(nobody, HOME, "/_synapse/admin/v1/register", &body).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn unknown_tokens_of_a_neighbour_do_not_lock_out_who_has_just_signed_in() {
    let server = limited().await;
    server.register("ana").await;
    let stranger = server.anonymous().with_token("im2a_nobodys");
    let whoami = async |client: &Client| {
        let request = client.request(Method::GET, "/v3/account/whoami").header("X-Forwarded-For", "192.0.2.9");
        client.send_request(request).await
    };
    let mut refused = whoami(&stranger).await;
    for _ in 0..400 {
        if refused.status == 429 {
            break;
        }
        refused = whoami(&stranger).await;
    }
    refused.refused(429, "M_LIMIT_EXCEEDED");
    let token = log_in(&server, "192.0.2.9", "ana", "password of ana").await.ok()["access_token"].clone();
    let ana = server.anonymous().with_token(token.as_str().unwrap());
    whoami(&ana).await.ok();
}
