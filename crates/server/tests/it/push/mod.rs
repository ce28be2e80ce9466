//! Push notifications: pushers, and what a push gateway hears.

mod delivery;
mod gateway;
mod new_rooms;
mod pushers;
mod web_push;

use im2_testkit::{Client, Server, Setup};
use serde_json::{Value, json};

use gateway::Gateway;

/// A server that may speak to gateways on this machine.
async fn server() -> Server {
    Setup::default().set("push.allow_private_addresses", true).start().await
}

/// A request for a pusher at a gateway.
fn pusher(url: &str, pushkey: &str) -> Value {
    json!({
        "kind": "http", "app_id": "org.example.app", "pushkey": pushkey, "app_display_name": "Example",
        "device_display_name": "Phone", "lang": "en", "data": { "url": url },
    })
}

async fn set(client: &Client, request: Value) {
    client.post("/v3/pushers/set", request).await.ok();
}

/// The keys of a user's pushers.
async fn keys(client: &Client) -> Vec<String> {
    let answer = client.get("/v3/pushers").await.ok();
    let pushers = answer["pushers"].as_array().expect("a list of pushers");
    pushers.iter().map(|pusher| pusher["pushkey"].as_str().expect("a key").to_owned()).collect()
}
