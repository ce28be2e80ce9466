//! A process that is killed in the middle hands out no key twice.

use std::collections::HashMap;

use im2_testkit::{Binary, Client};
use serde_json::json;
use tokio::sync::mpsc;

use super::{claim, one_time_keys, upload};

const KEYS: usize = 400;

fn all_keys() -> Vec<String> {
    (0..KEYS).map(|number| format!("K{number:04}")).collect()
}

async fn hand_in(client: &Client) {
    let keys = all_keys();
    upload(client, json!({ "one_time_keys": one_time_keys(keys.iter().map(String::as_str)) })).await.ok();
}

/// Claims until there is none left or the server is gone, and says what it got.
fn claimants(count: usize, ben: &Client, ana: &Client, got: &mpsc::UnboundedSender<String>) {
    for _ in 0..count {
        let (ben, ana, got) = (ben.clone(), ana.clone(), got.clone());
        tokio::spawn(async move {
            loop {
                // Panics when the server is gone, which ends this task.
                let claimed = claim(&ben, &ana).await;
                let Some(name) = claimed.as_object().and_then(|keys| keys.keys().next()) else { return };
                let _ = got.send(name.clone());
            }
        });
    }
}

/// The claims race, the server is killed among them, and the owner, who knows nothing of it, uploads everything anew
/// before and after.
#[tokio::test]
async fn no_key_is_handed_out_twice_though_the_server_is_killed_and_the_keys_are_uploaded_again() {
    let binary = Binary::new(env!("CARGO_BIN_EXE_im2"));
    let server = binary.serve(&[]);
    let (ana, ben) = (server.anonymous().register("ana").await, server.anonymous().register("ben").await);
    hand_in(&ana).await;
    let (got, mut heard) = mpsc::unbounded_channel();
    let mut times: HashMap<String, usize> = HashMap::new();
    claimants(8, &ben, &ana, &got);
    drop(got);
    while times.len() < KEYS / 4 {
        let name = heard.recv().await.expect("there are keys left");
        *times.entry(name).or_default() += 1;
        if times.len() == KEYS / 8 {
            hand_in(&ana).await;
        }
    }
    server.kill();
    while let Some(name) = heard.recv().await {
        *times.entry(name).or_default() += 1;
    }
    let before = times.len();
    assert!(before < KEYS, "the server was killed in the middle");

    let server = binary.serve(&[]);
    let sign_in = |name: &str, device: &str| {
        let body = json!({
            "type": "m.login.password", "identifier": { "type": "m.id.user", "user": name },
            "password": format!("password of {name}"), "device_id": device,
        });
        let nobody = server.anonymous();
        async move { nobody.signed_in(&nobody.post("/v3/login", body).await.ok()) }
    };
    let (ana, ben) = (sign_in("ana", ana.device_id()).await, sign_in("ben", ben.device_id()).await);
    hand_in(&ana).await;
    let (got, mut heard) = mpsc::unbounded_channel();
    claimants(8, &ben, &ana, &got);
    drop(got);
    while let Some(name) = heard.recv().await {
        *times.entry(name).or_default() += 1;
    }
    let twice: Vec<_> = times.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "handed out more than once: {twice:?}");
    // A key may be lost with an answer that the kill cut off: one for each who was asking.
    assert!(times.len() >= KEYS - 8, "{} of {KEYS} keys reached anybody, {before} before the kill", times.len());
}
