//! Attacks by what an account keeps, and by secrets that are guessed.

use anyhow::{Context, Result};
use http::Method;
use serde_json::{Value, json};

use super::super::attack::{Attack, Shot};
use super::super::ground::Ground;
use crate::matrix::encode;

/// Connections that guess.
const GUESSERS: usize = 64;

/// Sessions of key backup as large as they may be.
pub(super) async fn key_backup(name: &'static str, ground: &Ground<'_>) -> Result<Attack> {
    let account = ground.account("backup").await?;
    let about = json!({
        "algorithm": "m.megolm_backup.v1.curve25519-aes-sha2",
        "auth_data": {"public_key": "abcdefg", "signatures": {}},
    });
    let version = ground.ask(Method::POST, "/room_keys/version", &account, about).await?;
    let version = version["version"].as_str().context("a key backup without a version")?.to_owned();
    let key = |bytes: usize| {
        json!({
            "first_message_index": 1, "forwarded_count": 0, "is_verified": true,
            "session_data": {"ciphertext": "x".repeat(bytes), "ephemeral": "e", "mac": "m"},
        })
    };
    let one = format!("/_matrix/client/v3/room_keys/keys/%21room%3Aexample.org/{{number}}?version={version}");
    let all = format!("/_matrix/client/v3/room_keys/keys?version={version}");
    let sessions: serde_json::Map<String, Value> =
        (0..500).map(|number| (format!("{{number}}-{number}"), key(1_000))).collect();
    let many = json!({"rooms": {"!room:example.org": {"sessions": sessions}}}).to_string();
    let shots = vec![
        Shot::new("PUT", &one, &account, key(60_000).to_string()),
        Shot::new("PUT", &all, &account, many),
        Shot::get(&all, &account),
    ];
    Ok(Attack::volley(name, ground.lanes, shots))
}

/// Account data as large as it may be, always the same and always another.
pub(super) async fn account_data(name: &'static str, ground: &Ground<'_>) -> Result<Attack> {
    let account = ground.account("account-data").await?;
    let user = encode(&account.user_id);
    let path = |kind: &str| format!("/_matrix/client/v3/user/{user}/account_data/{kind}");
    let large = json!({"text": "x".repeat(200_000), "number": "{number}"}).to_string();
    let small = json!({"number": "{number}"}).to_string();
    let ignored: serde_json::Map<String, Value> =
        (0..2_000).map(|number| (format!("@ignored-{number}-{{number}}:example.org"), json!({}))).collect();
    let shots = vec![
        Shot::new("PUT", &path("im2.bench.{number}"), &account, large),
        Shot::new("PUT", &path("im2.bench"), &account, small),
        Shot::new("PUT", &path("m.ignored_user_list"), &account, json!({"ignored_users": ignored}).to_string()),
    ];
    Ok(Attack::volley(name, ground.lanes, shots))
}

/// Filters, each another one.
pub(super) async fn filters(name: &'static str, ground: &Ground<'_>) -> Result<Attack> {
    let account = ground.account("filters").await?;
    let path = format!("/_matrix/client/v3/user/{}/filter", encode(&account.user_id));
    let senders: Vec<String> = (0..1_500).map(|number| format!("@{number}-{{number}}:example.org")).collect();
    let types: Vec<String> = (0..60).map(|number| format!("*{number}*")).collect();
    let large = json!({"room": {"timeline": {"not_senders": senders}}}).to_string();
    let wild = json!({"room": {"timeline": {"types": types, "senders": ["@{number}:example.org"]}}}).to_string();
    let shots = vec![Shot::new("POST", &path, &account, large), Shot::new("POST", &path, &account, wild)];
    Ok(Attack::volley(name, ground.lanes, shots))
}

/// Device keys, one-time keys and questions for the keys of everybody.
pub(super) async fn keys(name: &'static str, ground: &Ground<'_>) -> Result<Attack> {
    let account = ground.account_among_others("keys").await?;
    let server = ground.server_name();
    let unknown = (0..).map(|number| format!("@nobody-{number}:{server}"));
    let users = ground.talkers.iter().map(|talker| talker.user_id.clone()).chain(unknown).take(1_000);
    let users: serde_json::Map<String, Value> = users.map(|user| (user, json!([]))).collect();
    let claims: serde_json::Map<String, Value> =
        users.keys().map(|user| (user.clone(), json!({"DEVICE": "signed_curve25519"}))).collect();
    let one_time: serde_json::Map<String, Value> = (0..100)
        .map(|number| (format!("signed_curve25519:{{number}}{number}"), json!({"key": "k", "signatures": {}})))
        .collect();
    let path = |what: &str| format!("/_matrix/client/v3/keys/{what}");
    let shots = vec![
        Shot::new("POST", &path("query"), &account, json!({"device_keys": users}).to_string()),
        Shot::new("POST", &path("claim"), &account, json!({"one_time_keys": claims}).to_string()),
        Shot::new("POST", &path("upload"), &account, json!({"one_time_keys": one_time}).to_string()),
        Shot::get(&path("changes?from=s0&to=s0"), &account),
    ];
    Ok(Attack::volley(name, ground.lanes, shots))
}

/// Passwords for names that nobody has and for one that somebody has, from one address.
pub(super) fn sign_ins(name: &'static str, ground: &Ground<'_>) -> Attack {
    let attempt = |user: &str| {
        let identifier = json!({"type": "m.id.user", "user": user});
        let body = json!({"type": "m.login.password", "identifier": identifier, "password": "guess {number}"});
        Shot::anonymous("POST", "/_matrix/client/v3/login", body.to_string())
    };
    let known = ground.talkers.first().map_or("nobody", |talker| &talker.user_id);
    Attack::volley(name, GUESSERS, vec![attempt("nobody-{number}"), attempt(known)])
}

/// Access tokens that nobody has.
pub(super) fn token_guesses(name: &'static str, ground: &Ground<'_>) -> Attack {
    let guess = "GET /_matrix/client/v3/account/whoami HTTP/1.1\r\nHost: im2-bench\r\n\
                 Authorization: Bearer guess-{number}\r\n\r\n";
    Attack::volley(name, ground.lanes, vec![Shot::written([guess.into()])])
}

/// Accounts, as many as an address may make.
pub(super) fn registrations(name: &'static str, ground: &Ground<'_>) -> Attack {
    let body = json!({
        "username": format!("bench-{}-made-{{number}}", ground.run), "password": "correct horse battery staple",
        "auth": {"type": "m.login.dummy"},
    });
    let available = format!("/_matrix/client/v3/register/available?username=bench-{}-{{number}}", ground.run);
    let shots = vec![
        Shot::anonymous("POST", "/_matrix/client/v3/register", body.to_string()),
        Shot::anonymous("GET", &available, ""),
    ];
    Attack::volley(name, ground.lanes, shots)
}
