//! Figures about users' activity, look-ups of what accounts have elsewhere, features of single users, and the clients
//! that devices are.

use im2_testkit::{Client, Server, Setup, segment};
use reqwest::Method;
use serde_json::{Value, json};

const NOW: u64 = 1_700_000_000_000;

fn v1(path: &str) -> String {
    format!("/_synapse/admin/v1/{path}")
}

fn of(user: &Client, rest: &str) -> String {
    v1(&format!("users/{}/{rest}", segment(user.user_id())))
}

#[tokio::test]
async fn invites_and_joins_are_counted_since_a_time() {
    let server = Setup::default().clock_at(NOW).start().await;
    let root = server.register_admin("root").await;
    let (ana, ben, cleo) = (server.register("ana").await, server.register("ben").await, server.register("cleo").await);
    let room = ana.create_room(json!({ "invite": [ben.user_id()] })).await;
    ben.join(&room).await;
    server.advance(1_000);
    let other = ana.create_room(json!({ "preset": "public_chat" })).await;
    ana.invite(&other, cleo.user_id()).await;
    ben.join(&other).await;
    ben.leave(&other).await;
    server.advance(1_000);
    // A change of name is no joining, and inviting is not being invited.
    let path = format!("/v3/rooms/{}/state/m.room.member/{}", segment(&room), segment(ben.user_id()));
    ben.put(&path, json!({ "membership": "join", "displayname": "Benjamin" })).await.ok();
    let count = async |user: &Client, what: &str, since: u64| {
        root.get(&of(user, &format!("{what}?from_ts={since}"))).await.ok()
    };
    for (user, since, invites, joins) in
        [(&ana, 0, 2, 2), (&ana, NOW + 1, 1, 1), (&ana, NOW + 2_000, 0, 0), (&ben, NOW, 0, 2), (&ben, NOW + 1, 0, 1)]
    {
        let user_id = user.user_id();
        let counted = count(user, "sent_invite_count", since).await;
        assert_eq!(counted, json!({ "invite_count": invites }), "{user_id} {since}");
        let counted = count(user, "cumulative_joined_room_count", since).await;
        assert_eq!(counted, json!({ "cumulative_joined_room_count": joins }), "{user_id} {since}");
    }
    for what in ["sent_invite_count", "cumulative_joined_room_count"] {
        root.get(&of(&ana, what)).await.refused(400, "M_MISSING_PARAM");
        root.get(&of(&ana, &format!("{what}?from_ts=now"))).await.refused(400, "M_INVALID_PARAM");
        root.get(&v1(&format!("users/@nobody:localhost/{what}?from_ts=0"))).await.refused(404, "M_NOT_FOUND");
        ana.get(&of(&ana, &format!("{what}?from_ts=0"))).await.refused(403, "M_FORBIDDEN");
    }
}

#[tokio::test]
async fn accounts_have_nothing_elsewhere() {
    let server = Server::start().await;
    let root = server.register_admin("root").await;
    root.get(&v1("auth_providers/oidc/users/somebody")).await.refused(404, "M_NOT_FOUND");
    root.get(&v1("threepid/email/users/root%40example.org")).await.refused(404, "M_NOT_FOUND");
    let renewal = json!({ "user_id": root.user_id(), "expiration_ts": 4_102_444_800_000_u64 });
    root.post(&v1("account_validity/validity"), renewal).await.refused(404, "M_NOT_FOUND");
    root.post(&v1("account_validity/validity"), json!({})).await.refused(400, "M_BAD_JSON");
}

#[tokio::test]
async fn a_feature_is_switched_off_for_a_user() {
    const SLIDING: &str = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync";
    let server = Server::start().await;
    let (root, ana, ben) =
        (server.register_admin("root").await, server.register("ana").await, server.register("ben").await);
    let path = v1(&format!("experimental_features/{}", segment(ana.user_id())));
    let all = json!({ "features": { "msc3575": true, "msc3881": false, "msc4222": true } });
    assert_eq!(root.get(&path).await.ok(), all);
    ana.create_room(json!({})).await;
    let state_after = async |client: &Client| {
        let sync = client.get("/v3/sync?use_state_after=true").await.ok();
        sync["rooms"]["join"].to_string().contains("state_after")
    };
    assert!(state_after(&ana).await);
    ana.post(SLIDING, json!({})).await.ok();

    let off = json!({ "features": { "msc3575": false, "msc3881": false, "msc4222": false } });
    assert_eq!(root.put(&path, off.clone()).await.ok(), json!({}));
    assert_eq!(root.get(&path).await.ok(), off);
    assert!(!state_after(&ana).await);
    ana.post(SLIDING, json!({})).await.refused(404, "M_UNRECOGNIZED");
    ana.post("/_matrix/client/v4/sync", json!({})).await.refused(404, "M_UNRECOGNIZED");
    ben.post(SLIDING, json!({})).await.ok();

    let folder = server.stop().await;
    let server = Setup::default().start_in(folder).await;
    let again = |client: &Client| server.anonymous().with_token(client.token());
    let (root, ana) = (again(&root), again(&ana));
    assert_eq!(root.get(&path).await.ok(), off);
    ana.post(SLIDING, json!({})).await.refused(404, "M_UNRECOGNIZED");
    root.put(&path, json!({ "features": { "msc3575": true } })).await.ok();
    ana.post(SLIDING, json!({})).await.ok();

    for refused in [json!({ "msc3881": true }), json!({ "msc3575": false, "msc1": true })] {
        root.put(&path, json!({ "features": refused })).await.refused(400, "M_INVALID_PARAM");
    }
    assert_eq!(root.get(&path).await.ok()["features"]["msc3575"], true, "all of a request or nothing");
    root.put(&path, json!({})).await.refused(400, "M_BAD_JSON");
    root.get(&v1("experimental_features/@nobody:localhost")).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn devices_tell_what_client_they_are() {
    let server = Server::start().await;
    let (root, ana) = (server.register_admin("root").await, server.register("ana").await);
    let ask_as = async |client: &Client, agent: &str| {
        let request = client.request(Method::GET, "/v3/account/whoami").header("user-agent", agent.as_bytes());
        client.send_request(request).await.ok();
    };
    let device = format!("/_synapse/admin/v2/users/{}/devices/{}", segment(ana.user_id()), segment(ana.device_id()));
    let told = async |root: &Client| {
        let whois = root.get(&v1(&format!("whois/{}", segment(ana.user_id())))).await.ok();
        let connection = whois["devices"][ana.device_id()]["sessions"][0]["connections"][0].clone();
        (root.get(&device).await.ok()["last_seen_user_agent"].clone(), connection["user_agent"].clone())
    };
    ask_as(&ana, "Element/1.11 (X11; Linux)").await;
    assert_eq!(told(&root).await, (json!("Element/1.11 (X11; Linux)"), json!("Element/1.11 (X11; Linux)")));
    ask_as(&ana, "Cinny\tand \u{202E}more").await;
    assert_eq!(told(&root).await.0, "Cinnyand more", "nothing that turns or hides text");

    // It is written with the rest, and a request that names no client does not take it away.
    server.engine().people.accounts.flush_last_seen().await.unwrap();
    assert_eq!(told(&root).await.1, "Cinnyand more");
    ana.get("/v3/account/whoami").await.ok();
    server.engine().people.accounts.flush_last_seen().await.unwrap();
    assert_eq!(told(&root).await.1, "Cinnyand more");
    ask_as(&ana, &"x".repeat(4_000)).await;
    assert_eq!(told(&root).await.0.as_str().unwrap().len(), 256);

    let other = server.register("ben").await;
    let whois = other.get(&format!("/v3/admin/whois/{}", segment(other.user_id()))).await.ok();
    let connection = &whois["devices"][other.device_id()]["sessions"][0]["connections"][0];
    assert_eq!((connection["ip"].is_string(), connection.get("user_agent")), (true, None::<&Value>));
}
