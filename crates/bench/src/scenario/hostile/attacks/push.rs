//! Attacks by push rules and push gateways.

use anyhow::Result;
use http::Method;
use serde_json::json;

use super::super::attack::{Attack, Shot};
use super::super::ground::Ground;
use super::floods::send;
use crate::matrix::{encode, join};

/// Rules with a pattern of one letter a thousand times.
const LONG_RULES: usize = 200;
/// Rules with a pattern of many wildcards; the server takes as many as its limits allow.
const WILD_RULES: usize = 200;
const LETTERS: usize = 60_000;

/// Rules whose patterns nearly match, for messages of one letter, and for all that the others say.
pub(super) async fn rules(name: &'static str, ground: &Ground<'_>) -> Result<Attack> {
    let owner = ground.account_among_others("rules").await?;
    let accomplice = ground.account("rules-accomplice").await?;
    let room = ground.room(&owner).await?;
    join(&mut ground.target.connect(), &accomplice, &room).await?;
    let wild = format!("{}b", "*a".repeat(15));
    ground
        .ask_many(Method::PUT, &owner, WILD_RULES, |index| {
            let pattern = format!("{wild}{index}");
            (format!("/pushrules/global/content/wild{index}"), json!({"pattern": pattern, "actions": ["notify"]}))
        })
        .await?;
    ground
        .ask_many(Method::PUT, &owner, LONG_RULES, |index| {
            let pattern = format!("{}{index}", "a".repeat(1_000));
            (format!("/pushrules/global/content/long{index}"), json!({"pattern": pattern, "actions": ["notify"]}))
        })
        .await?;
    let text = json!({"msgtype": "m.text", "body": "a".repeat(LETTERS)}).to_string();
    let spaced = json!({"msgtype": "m.text", "body": "aaa ".repeat(LETTERS / 4)}).to_string();
    let rule = json!({"pattern": "*a*a*a*b", "actions": ["notify"]}).to_string();
    let shots = vec![
        send(&accomplice, &room, text),
        send(&accomplice, &room, spaced),
        Shot::new("PUT", "/_matrix/client/v3/pushrules/global/content/wild0", &owner, rule),
        Shot::get("/_matrix/client/v3/notifications?limit=100", &owner),
    ];
    Ok(Attack::volley(name, ground.lanes, shots))
}

/// Pushers whose gateways do not exist or never answer, told of every message of the others.
pub(super) async fn pushers(name: &'static str, ground: &Ground<'_>) -> Result<Attack> {
    let owner = ground.account_among_others("pushers").await?;
    let accomplice = ground.account("pushers-accomplice").await?;
    let room = ground.room(&owner).await?;
    join(&mut ground.target.connect(), &accomplice, &room).await?;
    let silent: Vec<_> = ground.hosts.silent().collect();
    ground
        .ask_many(Method::POST, &owner, 2 * silent.len(), |index| {
            let host = match silent.get(index) {
                Some(address) => format!("http://{address}"),
                None => format!("https://no-host-{index}-{}.invalid", ground.run),
            };
            let data = json!({"url": format!("{host}/_matrix/push/v1/notify")});
            let body = json!({
                "kind": "http", "app_id": "im2.bench", "pushkey": format!("key-{index}"), "lang": "en",
                "app_display_name": "Bench", "device_display_name": "Bench", "data": data, "append": true,
            });
            ("/pushers/set".to_owned(), body)
        })
        .await?;
    let say = send(&accomplice, &room, json!({"msgtype": "m.text", "body": "hello"}).to_string());
    let path = format!("/_matrix/client/v3/rooms/{}/read_markers", encode(&room));
    Ok(Attack::volley(name, ground.lanes, vec![say, Shot::new("POST", &path, &owner, "{}")]))
}
