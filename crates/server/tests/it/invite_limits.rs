//! Invites to people whom one shares no room with are limited, by whatever endpoint.

use im2_testkit::{Client, Setup, segment};
use serde_json::{Value, json};

const DAY: u64 = 24 * 60 * 60 * 1000;

fn setup() -> Setup {
    // How many people one may invite in a moment, whoever they are, is another limit.
    let classes = im2_server::config::Value::List(vec!["invite 1000 1000".into()]);
    limited().set("rate_limits.classes", classes)
}

fn limited() -> Setup {
    Setup::default().set("rate_limits.enabled", true).clock_at(1_700_000_000_000)
}

/// Users whom nobody has met. An invite goes out before there is an account, too.
fn strangers(from: usize, to: usize) -> Vec<String> {
    (from..to).map(|number| format!("@stranger{number}:localhost")).collect()
}

async fn invite(client: &Client, room: &str, user_id: &str) -> u16 {
    client.post(&format!("/v3/rooms/{}/invite", segment(room)), json!({ "user_id": user_id })).await.status
}

async fn set_membership(client: &Client, room: &str, user_id: &str, membership: &str) -> u16 {
    let path = format!("/v3/rooms/{}/state/m.room.member/{}", segment(room), segment(user_id));
    client.put(&path, json!({ "membership": membership })).await.status
}

async fn invited(client: &Client, room: &str) -> usize {
    let members = client.get(&format!("/v3/rooms/{}/members?membership=invite", segment(room))).await.ok();
    members["chunk"].as_array().map_or(0, Vec::len)
}

#[tokio::test]
async fn all_ways_to_invite_share_one_budget() {
    let server = setup().start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let too_many = json!({ "invite": strangers(0, 51) });
    let refusal = ana.post("/v3/createRoom", too_many).await.refused(403, "M_USER_LIMIT_EXCEEDED");
    assert!(refusal["info_uri"].as_str().unwrap().starts_with("https://"), "{refusal}");
    let room = ana.create_room(json!({ "invite": strangers(0, 30) })).await;
    assert_eq!(invited(&ana, &room).await, 30);
    let refusal = ana.post("/v3/createRoom", json!({ "invite": strangers(30, 51) })).await;
    let wait = refusal.refused(429, "M_LIMIT_EXCEEDED")["retry_after_ms"].as_u64().unwrap();
    assert_eq!(wait, DAY / 50, "one of fifty a day is missing");
    for (number, stranger) in strangers(100, 120).iter().enumerate() {
        let status = match number % 2 {
            0 => invite(&ana, &room, stranger).await,
            _ => set_membership(&ana, &room, stranger, "invite").await,
        };
        assert_eq!(status, 200);
    }
    assert_eq!(invite(&ana, &room, "@one_more:localhost").await, 429);
    assert_eq!(set_membership(&ana, &room, "@one_more:localhost", "invite").await, 429);
    assert_eq!(invite(&ana, &room, "@stranger100:localhost").await, 200, "who is invited already is");
    assert_eq!(invited(&ana, &room).await, 50);
    let other = ben.create_room(json!({ "invite": strangers(0, 30) })).await;
    assert_eq!(invited(&ben, &other).await, 30, "another user has a budget of their own");

    let folder = server.stop().await;
    let server = setup().start_in(folder).await;
    let ana = server.anonymous().with_token(ana.token());
    assert_eq!(invite(&ana, &room, "@one_more:localhost").await, 429, "a restart gives nothing back");
    server.advance(DAY / 50);
    assert_eq!(invite(&ana, &room, "@one_more:localhost").await, 200);
    assert_eq!(invite(&ana, &room, "@two_more:localhost").await, 429);
}

#[tokio::test]
async fn what_is_refused_costs_nothing_and_who_is_known_neither() {
    let setup = setup().set("rate_limits.strangers_per_day", 5_i64);
    let server = setup.start().await;
    let (ana, ben, cai) = (server.register("ana").await, server.register("ben").await, server.register("cai").await);
    let rooms = [ana.create_room(json!({})).await, ana.create_room(json!({})).await];
    for _ in 0..10 {
        assert_eq!(invite(&ben, &rooms[0], "@nobody:localhost").await, 403, "ben is not in this room");
    }
    ana.invite(&rooms[0], ben.user_id()).await;
    ben.join(&rooms[0]).await;
    assert_eq!(invite(&ana, &rooms[1], ben.user_id()).await, 200);
    // One of five is spent; that it was accepted gives one more.
    for stranger in strangers(0, 5) {
        assert_eq!(invite(&ana, &rooms[0], &stranger).await, 200, "{stranger}");
    }
    assert_eq!(invite(&ana, &rooms[0], cai.user_id()).await, 429);
    let knock = json!([{ "type": "m.room.join_rules", "state_key": "", "content": { "join_rule": "knock" } }]);
    let open = ana.create_room(json!({ "initial_state": knock })).await;
    cai.post(&format!("/v3/knock/{}", segment(&open)), json!({})).await.ok();
    assert_eq!(invite(&ana, &open, cai.user_id()).await, 200, "who asked to be let in is no stranger");
    ana.leave(&rooms[1]).await;
    assert_eq!(invite(&ben, &rooms[0], "@somebody:localhost").await, 200, "refused invites cost nothing");
}

#[tokio::test]
async fn declined_invites_leave_fewer() {
    let setup = setup().set("rate_limits.strangers_per_day", 5_i64);
    let server = setup.start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({})).await;
    for name in ["ben", "cai"] {
        let client = server.register(name).await;
        ana.invite(&room, client.user_id()).await;
        client.leave(&room).await;
    }
    // 5 less twice 2 is 1, and 2 are spent.
    assert_eq!(invite(&ana, &room, "@stranger:localhost").await, 429);
}

#[tokio::test]
async fn administrators_are_not_counted() {
    let server = setup().start().await;
    let root = server.register_admin("root").await;
    let room = root.create_room(json!({ "invite": strangers(0, 60) })).await;
    assert_eq!(invited(&root, &room).await, 60);
}

#[tokio::test]
async fn a_thousand_invites_count_a_thousand() {
    let setup = limited().set("rate_limits.strangers_per_day", 0_i64);
    let server = setup.start().await;
    let (ana, ben): (Client, Client) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "invite": strangers(0, 300) })).await;
    assert_eq!(invited(&ana, &room).await, 300);
    let refusal = ana.post("/v3/createRoom", json!({ "invite": strangers(0, 1) })).await;
    let wait: Value = refusal.refused(429, "M_LIMIT_EXCEEDED")["retry_after_ms"].clone();
    assert_eq!(wait, 201_000, "300 were taken from 100, and one comes back in a second");
    ben.create_room(json!({ "invite": strangers(0, 50) })).await;
}
