//! The server's queries to a service: for users and aliases that do not exist yet, and pings.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::{Bridge, bridged, irc, listener::Listener, server_with};
use im2_testkit::segment;

/// Makes what is asked for with the service's token, while the listener's answer waits for it.
fn make(url: &str, method: Method, path: &str, body: &serde_json::Value) -> bool {
    let client = im2_testkit::Client::anonymous(url).with_token("irc-as-token");
    let work = async { client.send_request(client.request(method, path).json(body)).await.status == 200 };
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

#[tokio::test]
async fn a_service_makes_users_and_aliases_when_they_are_asked_for() {
    let mut listener = Listener::start().await;
    let (server, bridge) = bridged(&listener.url).await;
    let room = bridge.client.create_room(json!({ "preset": "public_chat" })).await;
    let (url, known) = (server.url().to_owned(), room.clone());
    listener.answer(move |told| {
        let is_made = match told.path.rsplit('/').next() {
            Some("@_irc_ana:localhost") => {
                let body =
                    json!({ "type": "m.login.application_service", "username": "_irc_ana", "inhibit_login": true });
                make(&url, Method::POST, "/v3/register", &body)
            }
            Some("#_irc_chan:localhost") => {
                make(&url, Method::PUT, "/v3/directory/room/%23_irc_chan:localhost", &json!({ "room_id": known }))
            }
            _ => !told.path.contains("/users/") && !told.path.contains("/rooms/"),
        };
        if is_made { (200, json!({})) } else { (404, json!({ "errcode": "ORG.IRC_NOT_FOUND" })) }
    });
    let human = server.register("human").await;
    let mine = human.create_room(json!({ "invite": ["@_irc_ana:localhost"] })).await;
    let told = listener.until(|told| told.method == "GET").await;
    assert_eq!(
        (told.path.as_str(), told.token.as_str()),
        ("/_matrix/app/v1/users/@_irc_ana:localhost", "irc-hs-token")
    );
    bridge.join(&mine, "@_irc_ana:localhost").await;
    human.invite(&mine, "@_irc_nobody:localhost").await; // nobody knows them, but they may come later
    human.invite(&mine, "@_irc_ana_is_there:localhost").await;
    let joined = human.post(&format!("/v3/join/{}", segment("#_irc_chan:localhost")), json!({})).await.ok();
    assert_eq!(joined["room_id"], room.as_str());
    let missing = format!("/v3/directory/room/{}", segment("#_irc_none:localhost"));
    human.get(&missing).await.refused(404, "M_NOT_FOUND");
    human.get("/v3/directory/room/%23elsewhere:localhost").await.refused(404, "M_NOT_FOUND");
    let asked = listener.until(|told| told.path.ends_with("_irc_none:localhost")).await;
    assert_eq!(asked.path, "/_matrix/app/v1/rooms/#_irc_none:localhost");
}

#[tokio::test]
async fn who_asks_for_an_alias_of_a_service_that_does_not_answer_is_told_so() {
    let server = server_with(&[irc("http://127.0.0.1:1")]).await;
    let human = server.register("human").await;
    let join = format!("/v3/join/{}", segment("#_irc_chan:localhost"));
    assert_eq!(human.post(&join, json!({})).await.status_is(408)["errcode"], "M_UNKNOWN");
}

#[tokio::test]
async fn a_service_finds_out_whether_it_can_be_reached() {
    let mut listener = Listener::start().await;
    let unreachable = irc("http://127.0.0.1:1").replace("irc", "down").replace("guest", "friend");
    let silent = irc("null").replace("irc", "silent").replace("guest", "neighbour");
    let server = server_with(&[irc(&listener.url), unreachable, silent]).await;
    let bridge = Bridge::irc(&server);
    let ping = |id: &str| format!("/v1/appservice/{id}/ping");
    let answer = bridge.client.post(&ping("irc"), json!({ "transaction_id": "meow" })).await.ok();
    assert!(answer["duration_ms"].as_u64().unwrap() < Duration::from_secs(60).as_millis() as u64);
    let told = listener.next().await;
    assert_eq!(
        (told.method.as_str(), told.path.as_str(), told.token.as_str(), &told.body),
        ("POST", "/_matrix/app/v1/ping", "irc-hs-token", &json!({ "transaction_id": "meow" }))
    );
    bridge.client.post(&ping("down"), json!({})).await.refused(403, "M_FORBIDDEN");
    server.register("human").await.post(&ping("irc"), json!({})).await.refused(403, "M_FORBIDDEN");
    listener.answer(|_| (403, json!({ "errcode": "M_FORBIDDEN" })));
    let refusal = bridge.client.post(&ping("irc"), json!({})).await.refused(502, "M_BAD_STATUS");
    assert_eq!((&refusal["status"], &refusal["body"]), (&json!(403), &json!("{\"errcode\":\"M_FORBIDDEN\"}")));
    let down = Bridge::new(server.anonymous(), "down-as-token");
    down.client.post(&ping("down"), json!({})).await.refused(502, "M_CONNECTION_FAILED");
    let silent = Bridge::new(server.anonymous(), "silent-as-token");
    silent.client.post(&ping("silent"), json!({})).await.refused(400, "M_URL_NOT_SET");
}
