//! Attacks by `/sync` and sliding sync.

use anyhow::Result;
use serde_json::json;

use super::super::attack::{Attack, Lane, Shot};
use super::super::ground::Ground;
use crate::matrix::{Session, encode};

/// Small rooms of an account that syncs.
const ROOMS: usize = 300;
/// Rooms whose state is as large as the server takes.
const LARGE_ROOMS: usize = 2;
const STATE_EVENTS: usize = 600;
const STATE_BYTES: usize = 55_000;
const SLOW_READERS: usize = 40;
const SYNC: &str = "/_matrix/client/v3/sync?timeout=0";

/// An account whose first sync is of many megabytes.
async fn large_account(ground: &Ground<'_>, name: &str) -> Result<Session> {
    let account = ground.account(name).await?;
    for _ in 0..LARGE_ROOMS {
        let room = ground.room(&account).await?;
        let text = "x".repeat(STATE_BYTES);
        ground
            .fill_state(&account, &room, "im2.bench", STATE_EVENTS, |key| (key.to_string(), json!({"text": text})))
            .await?;
    }
    Ok(account)
}

/// First syncs of an account in many rooms, those of the others among them, as if it knew nothing.
pub(super) async fn first_syncs(name: &'static str, ground: &Ground<'_>) -> Result<Attack> {
    let account = ground.account_among_others("first-syncs").await?;
    ground.many_rooms(&account, ROOMS, json!({})).await?;
    let filter = encode(&json!({"room": {"timeline": {"limit": 1_000}}}).to_string());
    let shots = vec![
        Shot::get(SYNC, &account),
        Shot::get(&format!("{SYNC}&filter={filter}"), &account),
        Shot::get("/_matrix/client/v3/initialSync?limit=100", &account),
    ];
    Ok(Attack::volley(name, ground.lanes, shots))
}

/// Syncs with the whole state of rooms that have as much as they may.
pub(super) async fn full_state(name: &'static str, ground: &Ground<'_>) -> Result<Attack> {
    let account = large_account(ground, "full-state").await?;
    let shots = vec![Shot::get(&format!("{SYNC}&full_state=true"), &account), Shot::get(SYNC, &account)];
    Ok(Attack::volley(name, ground.lanes, shots))
}

/// Readers that ask for many megabytes and do not read them.
pub(super) async fn slow_readers(name: &'static str, ground: &Ground<'_>) -> Result<Attack> {
    let account = large_account(ground, "slow-readers").await?;
    let ask = |number: usize| Shot::get(&format!("{SYNC}&full_state={}", number.is_multiple_of(2)), &account);
    Ok(Attack { name, lanes: (0..SLOW_READERS).map(|number| Lane::Stall(ask(number))).collect() })
}

/// Syncs with a filter of their own each, as large as a head may be.
pub(super) async fn inline_filters(name: &'static str, ground: &Ground<'_>) -> Result<Attack> {
    let account = ground.account_among_others("inline-filters").await?;
    ground.many_rooms(&account, ROOMS / 3, json!({})).await?;
    let types: Vec<String> = (0..64).map(|number| format!("*a*{number}")).collect();
    let senders: Vec<String> = (0..300).map(|number| format!("@{number}:example.org")).collect();
    let filter = json!({
        "event_fields": (0..100).map(|field| format!("content.a.b.c.{field}")).collect::<Vec<_>>(),
        "room": {"timeline": {"types": types, "not_senders": senders, "limit": 100}, "state": {"types": types}},
        "presence": {"senders": ["@{number}:example.org"]},
    });
    // Only braces and quotes have to be encoded; the mark for a number has to stay readable.
    let filter = encode(&filter.to_string()).replace("%7Bnumber%7D", "{number}");
    Ok(Attack::volley(name, ground.lanes, vec![Shot::get(&format!("{SYNC}&filter={filter}"), &account)]))
}

/// Sliding syncs of many lists with all rooms, all state and long timelines, each on a new connection.
pub(super) async fn sliding(name: &'static str, ground: &Ground<'_>) -> Result<Attack> {
    let account = ground.account_among_others("sliding").await?;
    ground.many_rooms(&account, ROOMS, json!({})).await?;
    let list = |number: usize| {
        let filters = json!({"room_name_like": format!("{number}"), "is_dm": number.is_multiple_of(2)});
        let list = json!({
            "ranges": [[0, 100_000]], "timeline_limit": 500, "required_state": [["*", "*"]],
            "filters": if number == 0 { json!({}) } else { filters },
        });
        (format!("list-{number}"), list)
    };
    let body = |lists: usize| {
        let lists: serde_json::Map<_, _> = (0..lists).map(list).collect();
        let everything = json!({"enabled": true, "lists": ["*"], "rooms": ["*"]});
        let extensions = json!({
            "to_device": {"enabled": true}, "e2ee": {"enabled": true}, "account_data": everything,
            "receipts": everything, "typing": everything,
        });
        json!({"conn_id": "{number}", "timeout": 0, "lists": lists, "extensions": extensions}).to_string()
    };
    let path = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync?timeout=0";
    let shots = [1, 50, 100].map(|lists| Shot::new("POST", path, &account, body(lists)));
    Ok(Attack::volley(name, ground.lanes, shots.into()))
}
