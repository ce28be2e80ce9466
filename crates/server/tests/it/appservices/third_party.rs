//! Third-party networks: what clients find there, and the rooms that bridges publish for them.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Bridge, bridged, irc, listener::Listener, server_with, start};
use im2_testkit::{Setup, segment};

fn about(network: &str) -> Value {
    json!({
        "user_fields": ["nick"],
        "location_fields": ["channel"],
        "icon": "mxc://localhost/irc",
        "field_types": {},
        "instances": [{ "desc": network, "fields": {}, "network_id": network }],
    })
}

#[tokio::test]
async fn what_several_bridges_know_is_put_together() {
    let mut libera = Listener::start().await;
    let mut oftc = Listener::start().await;
    libera.answer(|told| match told.path.strip_prefix("/_matrix/app/v1/thirdparty/") {
        Some("protocol/irc") => (200, about("libera")),
        Some("location/irc" | "location") => {
            let found = json!({ "alias": "#_irc_a:localhost", "protocol": "irc", "fields": { "channel": "#a" } });
            (200, json!([found, { "alias": "#of-no-shape:localhost" }]))
        }
        Some("user/irc" | "user") => {
            (200, json!([{ "userid": "@_irc_a:localhost", "protocol": "irc", "fields": { "nick": "a" } }]))
        }
        _ => (404, json!({ "errcode": "M_NOT_FOUND" })),
    });
    // One that knows only the paths from before they were specified.
    oftc.answer(|told| match told.path.strip_prefix("/_matrix/app/unstable/thirdparty/") {
        Some("protocol/irc") => (200, about("oftc")),
        Some("location/irc") => {
            (200, json!([{ "alias": "#_oftc_b:localhost", "protocol": "irc", "fields": { "channel": "#b" } }]))
        }
        _ => (404, json!({ "errcode": "M_UNRECOGNIZED" })),
    });
    let second = irc(&oftc.url).replace("irc", "oftc").replace("guest", "friend").replace("[oftc]", "[irc, dead]");
    let server = server_with(&[irc(&libera.url), second]).await;
    let human = server.register("human").await;
    let both = human.get("/v3/thirdparty/protocol/irc").await.ok();
    let ids: Vec<_> = both["instances"].as_array().unwrap().iter().map(|one| &one["instance_id"]).collect();
    assert_eq!(ids, ["irc|libera", "oftc|oftc"], "{both}");
    assert_eq!(both["icon"], "mxc://localhost/irc");
    let protocols = human.get("/v3/thirdparty/protocols").await.ok();
    assert_eq!(protocols, json!({ "irc": both }), "a bridge that says nothing of a protocol does not have it");
    human.get("/v3/thirdparty/protocol/dead").await.refused(404, "M_NOT_FOUND");
    human.get("/v3/thirdparty/protocol/xmpp").await.refused(404, "M_NOT_FOUND");

    let found = human.get("/v3/thirdparty/location/irc?channel=%23a+b&access_token=x").await.ok();
    let aliases: Vec<_> = found.as_array().unwrap().iter().map(|one| &one["alias"]).collect();
    assert_eq!(aliases, ["#_irc_a:localhost", "#_oftc_b:localhost"], "{found}");
    let asked = libera.until(|told| told.path.ends_with("/location/irc")).await;
    assert_eq!((asked.query.as_str(), asked.token.as_str()), ("channel=%23a+b", "irc-hs-token"));
    assert_eq!(human.get("/v3/thirdparty/user/irc?nick=a").await.ok()[0]["userid"], "@_irc_a:localhost");
    let alias = format!("/v3/thirdparty/location?alias={}", segment("#_irc_a:localhost"));
    assert_eq!(human.get(&alias).await.ok()[0]["fields"]["channel"], "#a");
    let asked = libera.until(|told| told.path.ends_with("/location")).await;
    assert_eq!(asked.query, "alias=%23_irc_a%3Alocalhost");
    let user = format!("/v3/thirdparty/user?userid={}", segment("@_irc_a:localhost"));
    assert_eq!(human.get(&user).await.ok()[0]["fields"]["nick"], "a");
    libera.answer(|_| (200, json!([])));
    for path in [&user, &alias, "/v3/thirdparty/user/irc", "/v3/thirdparty/location/xmpp"] {
        human.get(path).await.refused(404, "M_NOT_FOUND");
    }
    let told_oftc = oftc.until(|told| told.path.contains("unstable")).await;
    assert_eq!(told_oftc.token, "oftc-hs-token");
}

/// The names of the rooms that a search of the directory finds.
async fn listed(client: &im2_testkit::Client, search: Value) -> Vec<String> {
    let page = client.post("/v3/publicRooms", search).await.ok();
    let mut names: Vec<_> =
        page["chunk"].as_array().unwrap().iter().map(|room| room["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(page["total_room_count_estimate"], names.len(), "{page}");
    names.sort();
    names
}

#[tokio::test]
async fn a_bridge_publishes_rooms_for_its_networks() {
    let (server, bridge) = bridged("null").await;
    let human = server.register("human").await;
    let own = human.create_room(json!({ "visibility": "public", "name": "Ours" })).await;
    let bridged = bridge.client.create_room(json!({ "preset": "public_chat", "name": "Bridged" })).await;
    let both = human.create_room(json!({ "visibility": "public", "name": "Both" })).await;
    let put = |room: &str| format!("/v3/directory/list/appservice/libera/{}", segment(room));
    human.put(&put(&own), json!({ "visibility": "public" })).await.refused(403, "M_FORBIDDEN");
    for room in [&bridged, &both] {
        bridge.client.put(&put(room), json!({ "visibility": "public" })).await.ok();
    }
    bridge.client.put(&put("!nowhere:localhost"), json!({ "visibility": "public" })).await.refused(404, "M_NOT_FOUND");
    bridge.client.put(&put(&bridged), json!({})).await.refused(400, "M_BAD_JSON");

    assert_eq!(listed(&human, json!({})).await, ["Both", "Ours"]);
    assert_eq!(listed(&human, json!({ "include_all_networks": true })).await, ["Both", "Bridged", "Ours"]);
    let network = json!({ "third_party_instance_id": "irc|libera" });
    assert_eq!(listed(&human, network.clone()).await, ["Both", "Bridged"]);
    assert!(listed(&human, json!({ "third_party_instance_id": "irc|other" })).await.is_empty());
    let contradiction = json!({ "third_party_instance_id": "irc|libera", "include_all_networks": true });
    human.post("/v3/publicRooms", contradiction).await.refused(400, "M_INVALID_PARAM");

    let path = format!("/v3/rooms/{}/state/m.room.name/", segment(&bridged));
    bridge.call(Method::PUT, &path, "@_irc_bot:localhost", json!({ "name": "Renamed" })).await.ok();
    assert_eq!(listed(&human, network.clone()).await, ["Both", "Renamed"]);
    let folder = server.stop().await;
    let server = start(Setup::default(), &[irc("null")], folder).await;
    let (bridge, human) = (Bridge::irc(&server), server.anonymous().log_in("human", "password of human").await);
    assert_eq!(listed(&human, network.clone()).await, ["Both", "Renamed"], "after a restart too");
    assert_eq!(listed(&human, json!({})).await, ["Both", "Ours"]);
    bridge.client.put(&put(&both), json!({ "visibility": "private" })).await.ok();
    assert_eq!(listed(&human, network).await, ["Renamed"]);
    assert_eq!(listed(&human, json!({})).await, ["Both", "Ours"], "the server's own directory is another");
}
