//! Joining, leaving and doing that to others.

use im2_testkit::{Answer, Client, Server, segment};
use serde_json::{Value, json};

use super::{of, state};

async fn act(client: &Client, room: &str, act: &str, target: &Client) -> Answer {
    client.post(&of(room, act), json!({ "user_id": target.user_id(), "reason": "because" })).await
}

async fn membership(client: &Client, room: &str, of_whom: &Client) -> Value {
    let answer = client.get(&of(room, &format!("state/m.room.member/{}", segment(of_whom.user_id())))).await;
    if answer.status == 404 { Value::Null } else { answer.ok()["membership"].clone() }
}

/// Brings a newcomer to a room of ana's into a membership.
async fn bring(ana: &Client, room: &str, ben: &Client, to: &str) {
    match to {
        "none" => {}
        "invite" => drop(act(ana, room, "invite", ben).await.ok()),
        "knock" => drop(ben.post(&format!("/v3/knock/{}", segment(room)), json!({})).await.ok()),
        "join" => {
            act(ana, room, "invite", ben).await.ok();
            ben.join(room).await;
        }
        "leave" => {
            act(ana, room, "invite", ben).await.ok();
            ben.leave(room).await;
        }
        "ban" => drop(act(ana, room, "ban", ben).await.ok()),
        other => panic!("{other}"),
    }
}

/// An answer: its status and error code.
type Outcome = (u16, &'static str);

const OK: Outcome = (200, "");
const FORBIDDEN: Outcome = (403, "M_FORBIDDEN");
const BAD: Outcome = (403, "M_BAD_STATE");

const MEMBERSHIPS: [&str; 6] = ["none", "invite", "knock", "join", "leave", "ban"];

/// For each action, of the room's creator (the first four) and of the user, its outcome in each of [`MEMBERSHIPS`] and
/// the membership that follows.
const TRANSITIONS: [(&str, [(Outcome, &str); 6]); 8] = [
    // From no membership, invite, knock, join, leave and ban.
    (
        "invite",
        [(OK, "invite"), (OK, "invite"), (OK, "invite"), (FORBIDDEN, "join"), (OK, "invite"), (FORBIDDEN, "ban")],
    ),
    ("kick", [(FORBIDDEN, ""), (OK, "leave"), (OK, "leave"), (OK, "leave"), (FORBIDDEN, "leave"), (FORBIDDEN, "ban")]),
    ("ban", [(OK, "ban"), (OK, "ban"), (OK, "ban"), (OK, "ban"), (OK, "ban"), (OK, "ban")]),
    ("unban", [(BAD, ""), (BAD, "invite"), (BAD, "knock"), (BAD, "join"), (BAD, "leave"), (OK, "leave")]),
    (
        "join",
        [(FORBIDDEN, ""), (OK, "join"), (FORBIDDEN, "knock"), (OK, "join"), (FORBIDDEN, "leave"), (FORBIDDEN, "ban")],
    ),
    (
        "knock",
        [(OK, "knock"), (FORBIDDEN, "invite"), (OK, "knock"), (FORBIDDEN, "join"), (OK, "knock"), (FORBIDDEN, "ban")],
    ),
    ("leave", [(FORBIDDEN, ""), (OK, "leave"), (OK, "leave"), (OK, "leave"), (OK, "leave"), (FORBIDDEN, "ban")]),
    (
        "forget",
        [
            (OK, ""),
            ((400, "M_UNKNOWN"), "invite"),
            ((400, "M_UNKNOWN"), "knock"),
            ((400, "M_UNKNOWN"), "join"),
            (OK, "leave"),
            (OK, "ban"),
        ],
    ),
];

#[tokio::test]
async fn every_transition() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let mut wrong = Vec::new();
    for (what, outcomes) in TRANSITIONS {
        for (from, (expected, becomes)) in MEMBERSHIPS.into_iter().zip(outcomes) {
            let rules = json!([{ "type": "m.room.join_rules", "content": { "join_rule": "knock" } }]);
            let room = ana.create_room(json!({ "initial_state": rules })).await;
            bring(&ana, &room, &ben, from).await;
            let answer = match what {
                "invite" | "kick" | "ban" | "unban" => act(&ana, &room, what, &ben).await,
                "knock" => ben.post(&format!("/v3/knock/{}", segment(&room)), json!({})).await,
                own => ben.post(&of(&room, own), json!({})).await,
            };
            let errcode = answer.json()["errcode"].as_str().unwrap_or_default().to_owned();
            let now = membership(&ana, &room, &ben).await;
            let got = ((answer.status, errcode.as_str()), now.as_str().unwrap_or_default());
            if got != (expected, becomes) {
                wrong.push(format!("{what} from {from}: expected {expected:?} {becomes:?}, got {got:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn reasons_are_kept_and_repetitions_change_nothing() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({})).await;
    act(&ana, &room, "invite", &ben).await.ok();
    let event = format!("state/m.room.member/{}?format=event", segment(ben.user_id()));
    let invite = ana.get(&of(&room, &event)).await.ok();
    assert_eq!(invite["content"]["reason"], "because");
    act(&ana, &room, "invite", &ben).await.ok();
    assert_eq!(ana.get(&of(&room, &event)).await.ok()["event_id"], invite["event_id"]);
    let joined = ben.post(&of(&room, "join"), json!({ "reason": "why not" })).await.ok();
    assert_eq!(joined, json!({ "room_id": room }));
    let join = ana.get(&of(&room, &event)).await.ok();
    assert_eq!(join["content"]["reason"], "why not");
    ben.join(&room).await;
    assert_eq!(ana.get(&of(&room, &event)).await.ok()["event_id"], join["event_id"]);
    act(&ana, &room, "kick", &ben).await.ok();
    assert_eq!(ana.get(&of(&room, &event)).await.ok()["content"]["reason"], "because");
}

#[tokio::test]
async fn rooms_are_joined_and_knocked_at_by_alias() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let open = ana.create_room(json!({ "preset": "public_chat", "room_alias_name": "open" })).await;
    let rules = json!([{ "type": "m.room.join_rules", "content": { "join_rule": "knock" } }]);
    let knocked = ana.create_room(json!({ "room_alias_name": "door", "initial_state": rules })).await;
    let by_alias = |verb: &str, alias: &str| format!("/v3/{verb}/{}?via=localhost&via=example.org", segment(alias));
    assert_eq!(ben.post(&by_alias("join", "#open:localhost"), json!({})).await.ok()["room_id"], json!(open));
    let knock = json!({ "reason": "let me in" });
    assert_eq!(ben.post(&by_alias("knock", "#door:localhost"), knock).await.ok()["room_id"], json!(knocked));
    assert_eq!(membership(&ana, &knocked, &ben).await, "knock");
    for verb in ["join", "knock"] {
        ben.post(&by_alias(verb, "#none:localhost"), json!({})).await.refused(404, "M_NOT_FOUND");
        ben.post(&by_alias(verb, "!none:localhost"), json!({})).await.refused(404, "M_NOT_FOUND");
        ben.post(&by_alias(verb, "none"), json!({})).await.refused(400, "M_INVALID_PARAM");
    }
    act(&ana, &knocked, "invite", &ben).await.ok();
    ben.join(&knocked).await;
}

#[tokio::test]
async fn a_restricted_room_is_joined_from_the_rooms_it_allows() {
    let server = Server::start().await;
    let (ana, ben, eve) = (server.register("ana").await, server.register("ben").await, server.register("eve").await);
    for (version, rule) in [
        ("8", "restricted"),
        ("9", "restricted"),
        ("12", "restricted"),
        ("10", "knock_restricted"),
        ("12", "knock_restricted"),
    ] {
        let allowed = ana.create_room(json!({ "invite": [ben.user_id()] })).await;
        let allow = json!([{ "type": "m.room_membership", "room_id": allowed }]);
        let rules = json!([{ "type": "m.room.join_rules", "content": { "join_rule": rule, "allow": allow } }]);
        let room = ana.create_room(json!({ "room_version": version, "initial_state": rules })).await;
        ben.post(&of(&room, "join"), json!({})).await.refused(403, "M_FORBIDDEN"); // invited there is not joined
        ben.join(&allowed).await;
        ben.join(&room).await;
        let member = format!("state/m.room.member/{}", segment(ben.user_id()));
        let content = ana.get(&of(&room, &member)).await.ok();
        assert_eq!(content["join_authorised_via_users_server"], ana.user_id());
        eve.post(&of(&room, "join"), json!({})).await.refused(403, "M_FORBIDDEN");
        // The same through the state endpoint.
        ben.leave(&room).await;
        ben.set_state(&room, "m.room.member", ben.user_id(), json!({ "membership": "join" })).await;
        assert_eq!(membership(&ana, &room, &ben).await, "join");
    }
}

#[tokio::test]
async fn nobody_lets_themselves_into_a_restricted_room_by_naming_a_member() {
    let server = Server::start().await;
    let (ana, eve) = (server.register("ana").await, server.register("eve").await);
    let allow = json!([{ "type": "m.room_membership", "room_id": "!elsewhere:localhost" }]);
    let rules = json!([{ "type": "m.room.join_rules", "content": { "join_rule": "restricted", "allow": allow } }]);
    let room = ana.create_room(json!({ "initial_state": rules })).await;
    let path = of(&room, &format!("state/m.room.member/{}", segment(eve.user_id())));
    let forged = json!({ "membership": "join", "join_authorised_via_users_server": ana.user_id() });
    eve.put(&path, forged).await.refused(403, "M_FORBIDDEN");
    assert_eq!(membership(&ana, &room, &eve).await, Value::Null);
}

#[tokio::test]
async fn invites_need_the_right_and_a_user_of_this_server() {
    let server = Server::start().await;
    let (ana, ben, eve) = (server.register("ana").await, server.register("ben").await, server.register("eve").await);
    let levels = json!({ "invite": 50 });
    let room = ana.create_room(json!({ "preset": "public_chat", "power_level_content_override": levels })).await;
    ben.join(&room).await;
    act(&ben, &room, "invite", &eve).await.refused(403, "M_FORBIDDEN");
    for act in ["kick", "ban"] {
        ben.post(&of(&room, act), json!({ "user_id": ana.user_id() })).await.refused(403, "M_FORBIDDEN");
    }
    ana.post(&of(&room, "invite"), json!({ "user_id": "@x:example.org" })).await.refused(404, "M_NOT_FOUND");
    ana.post(&of(&room, "invite"), json!({ "user_id": "x" })).await.refused(400, "M_BAD_JSON");
    ana.post(&of(&room, "invite"), json!({})).await.refused(400, "M_BAD_JSON");
    let address = json!({ "medium": "email", "address": "x@example.org", "id_server": "x", "id_access_token": "t" });
    ana.post(&of(&room, "invite"), address).await.refused(403, "M_THREEPID_DENIED");
    let claim = json!({ "third_party_signed": { "token": "t", "mxid": eve.user_id(), "sender": ana.user_id() } });
    let private = ana.create_room(json!({})).await;
    eve.post(&of(&private, "join"), claim).await.refused(403, "M_FORBIDDEN");
    assert_eq!(state(&ana, &private, "m.room.join_rules").await["join_rule"], "invite");
}

#[tokio::test]
async fn a_forgotten_room_is_gone_until_one_comes_back() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ana.send_text(&room, "hello").await;
    ben.join(&room).await;
    ben.leave(&room).await;
    ben.get(&of(&room, "messages?dir=b")).await.ok();
    ben.post(&of(&room, "forget"), json!({})).await.ok();
    ben.get(&of(&room, "messages?dir=b")).await.refused(403, "M_FORBIDDEN");
    ben.get(&of(&room, "state")).await.refused(403, "M_FORBIDDEN");
    ben.post(&of(&room, "forget"), json!({})).await.ok();
    ben.join(&room).await;
    ben.get(&of(&room, "messages?dir=b")).await.ok();
}

#[tokio::test]
async fn who_wants_no_invites_gets_none() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let (before, room) =
        (ana.create_room(json!({ "invite": [ben.user_id()] })).await, ana.create_room(json!({})).await);
    let invites = async || ben.sync(None).await["rooms"]["invite"].clone();
    assert!(invites().await[&before].is_object());
    let config = format!("/v3/user/{}/account_data/m.invite_permission_config", segment(ben.user_id()));
    ben.put(&config, json!({ "default_action": "block" })).await.ok();
    act(&ana, &room, "invite", &ben).await.refused(403, "M_INVITE_BLOCKED");
    ana.post("/v3/createRoom", json!({ "invite": [ben.user_id()] })).await.refused(403, "M_INVITE_BLOCKED");
    let member = of(&room, &format!("state/m.room.member/{}", segment(ben.user_id())));
    ana.put(&member, json!({ "membership": "invite" })).await.refused(403, "M_INVITE_BLOCKED");
    assert!(invites().await[&before].is_null());
    ben.put(&config, json!({})).await.ok();
    act(&ana, &room, "invite", &ben).await.ok();
    assert!(invites().await[&room].is_object());
}

#[tokio::test]
async fn the_invited_are_shown_the_room_as_it_was_when_they_were_invited() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "private_chat", "name": "Then", "invite": [ben.user_id()] })).await;
    ana.set_state(&room, "m.room.name", "", json!({ "name": "Now" })).await;
    ana.set_state(&room, "m.room.topic", "", json!({ "topic": "Not for the invited" })).await;
    let invite = ben.sync(None).await["rooms"]["invite"][&room]["invite_state"].to_string();
    assert!(invite.contains("Then") && !invite.contains("Now") && !invite.contains("Not for"), "{invite}");
    ben.join(&room).await;
    let joined = ben.sync(None).await["rooms"]["join"][&room].to_string();
    assert!(joined.contains("Now"), "{joined}");
}
