//! Requests that wait end with the session that they were made in.

use im2_testkit::{Answer, Client, Server, segment};
use reqwest::Method;
use serde_json::json;
use tokio::task::JoinHandle;

const SLIDING: &str = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync";
/// Requests that wait for news.
const KINDS: [&str; 3] = ["sync", "sliding sync", "events"];

/// A request that waits for news, and has none yet.
async fn waiting(server: &Server, ana: &Client, kind: &str) -> JoinHandle<Answer> {
    let since = ana.sync(None).await["next_batch"].as_str().unwrap().to_owned();
    let request = match kind {
        "sync" => ana.request(Method::GET, &format!("/v3/sync?timeout=30000&since={}", segment(&since))),
        "events" => ana.request(Method::GET, &format!("/v3/events?timeout=30000&from={}", segment(&since))),
        _ => {
            let lists = json!({ "all": { "ranges": [[0, 9]], "timeline_limit": 1, "required_state": [] } });
            let body = json!({ "lists": lists });
            let pos = ana.post(SLIDING, body.clone()).await.ok()["pos"].as_str().unwrap().to_owned();
            ana.request(Method::POST, &format!("{SLIDING}?timeout=30000&pos={}", segment(&pos))).json(&body)
        }
    };
    let ana = ana.clone();
    let waiting = tokio::spawn(async move { ana.send_request(request).await });
    server.until_somebody_waits().await;
    waiting
}

#[tokio::test]
async fn requests_that_wait_end_with_their_session() {
    let server = Server::start().await;
    let (root, ben) = (server.register_admin("root").await, server.register("ben").await);
    let auth =
        |name: &str| json!({ "type": "m.login.password", "user": name, "password": format!("password of {name}") });
    let ways = ["logout", "logout/all", "device", "password", "new session", "lock", "reset", "deactivate"];
    for (n, (way, kind)) in ways.iter().flat_map(|way| KINDS.map(|kind| (*way, kind))).enumerate() {
        let name = format!("user{n}");
        let first = server.register(&name).await;
        let room = first.create_room(json!({ "preset": "public_chat" })).await;
        ben.join(&room).await;
        let ana = first.log_in(&name, &format!("password of {name}")).await;
        let user = segment(ana.user_id());
        let request = waiting(&server, &ana, kind).await;
        match way {
            "logout" => drop(ana.post("/v3/logout", json!({})).await.ok()),
            "logout/all" => drop(first.post("/v3/logout/all", json!({})).await.ok()),
            "device" => {
                let path = format!("/v3/devices/{}", segment(ana.device_id()));
                first.delete(&path, json!({ "auth": auth(&name) })).await.ok();
            }
            "password" => {
                let body = json!({ "new_password": "another horse", "auth": auth(&name), "logout_devices": true });
                first.post("/v3/account/password", body).await.ok();
            }
            "new session" => {
                let mut body = auth(&name);
                body["device_id"] = ana.device_id().into();
                server.anonymous().post("/v3/login", body).await.ok();
            }
            "lock" => drop(root.put(&format!("/v1/admin/lock/{user}"), json!({ "locked": true })).await.ok()),
            "reset" => {
                let path = format!("/_synapse/admin/v1/reset_password/{user}");
                root.post(&path, json!({ "new_password": "another horse" })).await.ok();
            }
            _ => drop(root.post(&format!("/_synapse/admin/v1/deactivate/{user}"), json!({})).await.ok()),
        }
        ben.send_text(&room, "not for them any more").await;
        let answer = request.await.unwrap();
        assert_eq!(answer.status, 401, "{kind} after {way}: {}", answer.text());
        answer.refused(401, if way == "lock" { "M_USER_LOCKED" } else { "M_UNKNOWN_TOKEN" });
    }
}

#[tokio::test]
async fn what_ends_another_session_leaves_requests_waiting() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    for kind in KINDS {
        let (other, request) = (ana.log_in("ana", "password of ana").await, waiting(&server, &ana, kind).await);
        other.post("/v3/logout", json!({})).await.ok();
        ben.send_text(&room, "for her").await;
        let answer = request.await.unwrap();
        assert_eq!(answer.status, 200, "{kind}: {}", answer.text());
    }
}

/// A stolen token can be used for reading no longer than until it is replaced.
#[tokio::test]
async fn a_request_that_waits_ends_when_its_token_is_replaced() {
    let server = Server::start().await;
    server.register("ana").await;
    for kind in KINDS {
        let login = json!({ "type": "m.login.password", "identifier": { "type": "m.id.user", "user": "ana" },
                            "password": "password of ana", "refresh_token": true });
        let first = server.anonymous().post("/v3/login", login).await.ok();
        let old = server.anonymous().with_token(first["access_token"].as_str().unwrap());
        let request = waiting(&server, &old, kind).await;
        let refresh = json!({ "refresh_token": first["refresh_token"] });
        let second = server.anonymous().post("/v3/refresh", refresh).await.ok();
        let new = server.anonymous().with_token(second["access_token"].as_str().unwrap());
        new.get("/v3/account/whoami").await.ok();
        request.await.unwrap().refused(401, "M_UNKNOWN_TOKEN");
    }
}
