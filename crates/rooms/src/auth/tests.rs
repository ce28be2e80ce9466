//! Each authorisation rule with a case that it lets pass and one that it refuses, in every version it is part of.

use serde_json::{Map, Value, json};

use super::{auth_event_keys, authorize, check_auth_events};
use crate::{
    event::Pdu,
    sign::{tests::spec_key, to_base64},
    state::StateMap,
    testing::{create, event, state_event, user},
    version::RoomVersion::{self, V10, V11, V12},
};

/// A room of `@ana` (its creator), `@mod` (level 50), `@bob` and `@other:y` (0); `@eve` is banned, `@ivy` invited and
/// `@kim` knocking. One joins by invite, inviting takes level 10.
struct Room {
    version: RoomVersion,
    create: Pdu,
    state: StateMap<Pdu>,
}

impl Room {
    fn new(version: RoomVersion) -> Self {
        Self::with_create(version, &json!({ "room_version": version.as_str() }))
    }

    fn with_create(version: RoomVersion, content: &Value) -> Self {
        let create = create(version, "@ana:x", content);
        let mut state = StateMap::default();
        state.insert("m.room.create", "", create.clone());
        let mut room = Self { version, create, state };
        for (id, membership) in [
            ("@ana:x", "join"),
            ("@mod:x", "join"),
            ("@bob:x", "join"),
            ("@other:y", "join"),
            ("@eve:x", "ban"),
            ("@ivy:x", "invite"),
            ("@kim:x", "knock"),
            ("@gone:x", "leave"),
        ] {
            room = room.with("m.room.member", id, id, &json!({ "membership": membership }));
        }
        let levels = room.levels(&json!({ "@mod:x": 50 }));
        room.with("m.room.power_levels", "", "@ana:x", &levels).join_rule("invite")
    }

    /// Power levels with these users; the creator has 100 where that is how creators get their level.
    fn levels(&self, users: &Value) -> Value {
        let mut users = users.clone();
        if self.version != V12 {
            users["@ana:x"] = json!(100);
        }
        json!({ "users": users, "invite": 10, "events": { "m.room.name": 50 }, "notifications": { "room": 20 } })
    }

    fn with(mut self, kind: &str, key: &str, sender: &str, content: &Value) -> Self {
        let event = state_event(self.version, &self.create, kind, key, sender, content);
        self.state.insert(kind, key, event);
        self
    }

    fn member(self, id: &str, membership: &str) -> Self {
        self.with("m.room.member", id, id, &json!({ "membership": membership }))
    }

    fn join_rule(self, rule: &str) -> Self {
        self.with("m.room.join_rules", "", "@ana:x", &json!({ "join_rule": rule }))
    }

    fn judge(&self, properties: Value) -> Result<(), String> {
        let mut properties = properties;
        if properties.get("room_id").is_none() {
            properties["room_id"] = json!(self.create.room_id);
        }
        authorize(self.version, &event(self.version, &properties), &self.state).map_err(|error| error.to_string())
    }

    fn state_by(&self, sender: &str, kind: &str, key: &str, content: Value) -> Result<(), String> {
        let mut event = json!({ "sender": sender, "type": kind, "state_key": key });
        event["content"] = content;
        self.judge(event)
    }

    fn membership(&self, sender: &str, target: &str, membership: &str) -> Result<(), String> {
        self.state_by(sender, "m.room.member", target, json!({ "membership": membership }))
    }

    fn power(&self, sender: &str, content: &Value) -> Result<(), String> {
        self.state_by(sender, "m.room.power_levels", "", content.clone())
    }
}

#[track_caller]
fn refused(result: Result<(), String>, because: &str) {
    let sentence = result.expect_err(because);
    assert!(sentence.contains(because), "refused with {sentence:?}, expected {because:?}");
}

const ALL: [RoomVersion; 3] = RoomVersion::ALL;
const PASS: Result<(), String> = Ok(());

fn judge_create(version: RoomVersion, properties: &Value) -> Result<(), String> {
    let mut event = json!({ "type": "m.room.create", "state_key": "", "sender": "@ana:x", "origin_server_ts": 1,
        "depth": 1, "prev_events": [], "auth_events": [], "content": { "creator": "@ana:x" } });
    if version != V12 {
        event["room_id"] = json!("!room:x");
    }
    for (key, value) in properties.as_object().unwrap() {
        event[key] = value.clone();
    }
    let event = Pdu::from_stored(version, None, &event.to_string()).map_err(|error| error.to_string())?;
    authorize(version, &event, &StateMap::<Pdu>::default()).map_err(|error| error.to_string())
}

#[test]
fn rule_1_create() {
    for version in ALL {
        assert_eq!(judge_create(version, &json!({})), PASS);
        refused(judge_create(version, &json!({ "prev_events": ["$a"] })), "first of its room");
        let content = |content: Value| json!({ "content": content });
        for stated in ["10", "11", "12"] {
            let named = content(json!({ "creator": "@ana:x", "room_version": stated }));
            assert_eq!(judge_create(version, &named), PASS);
        }
        for stated in [json!("99"), json!(10), json!(null)] {
            let unknown = content(json!({ "creator": "@ana:x", "room_version": stated }));
            refused(judge_create(version, &unknown), "version that is not supported");
        }
    }
    for version in [V10, V11] {
        refused(judge_create(version, &json!({ "room_id": "!room:y" })), "the server that its ID names");
        refused(judge_create(version, &json!({ "room_id": "!hash" })), "the server that its ID names");
    }
    refused(judge_create(V10, &json!({ "content": {} })), "does not name its creator");
    assert_eq!(judge_create(V11, &json!({ "content": {} })), PASS);
    refused(judge_create(V12, &json!({ "room_id": "!room:x" })), "has no room_id");
}

#[test]
fn rule_1_additional_creators() {
    let with = |version, additional: Value| {
        judge_create(version, &json!({ "content": { "creator": "@ana:x", "additional_creators": additional } }))
    };
    assert_eq!(with(V12, json!(["@a:x", "@b:y"])), PASS);
    assert_eq!(with(V12, json!([])), PASS);
    for wrong in [json!("@a:x"), json!([1]), json!(["nobody"]), json!({}), json!(null), json!(["@a:x", "@b"])] {
        refused(with(V12, wrong.clone()), "list of user IDs");
        assert_eq!(with(V11, wrong), PASS);
    }
}

#[test]
fn rule_2_auth_events() {
    for version in ALL {
        let room = Room::new(version);
        let event = event(version, &json!({ "sender": "@bob:x", "room_id": room.create.room_id }));
        let get = |kind: &str, key: &str| room.state.get(kind, key).unwrap();
        let (power, bob, mod_, create) = (
            get("m.room.power_levels", ""),
            get("m.room.member", "@bob:x"),
            get("m.room.member", "@mod:x"),
            get("m.room.create", ""),
        );
        let check = |auth_events: &[&Pdu]| {
            check_auth_events(version, &event, auth_events, |id| *id == mod_.event_id).map_err(|e| e.to_string())
        };
        let fitting: &[&Pdu] = if version == V12 { &[power, bob] } else { &[create, power, bob] };
        assert_eq!(check(fitting), PASS);
        refused(check(&[fitting, &[bob]].concat()), "two auth events for the same state");
        refused(check(&[fitting, &[mod_]].concat()), "does not belong there");
        if version == V12 {
            refused(check(&[power, bob, create]), "does not belong there");
        } else {
            refused(check(&[power, bob]), "does not name the room's create event");
        }
        let rejected =
            check_auth_events(version, &event, fitting, |id| *id == bob.event_id).map_err(|error| error.to_string());
        refused(rejected, "was rejected");
        let elsewhere = create_elsewhere(version);
        let foreign = state_event(version, &elsewhere, "m.room.power_levels", "", "@ana:x", &json!({}));
        let with_foreign: Vec<&Pdu> =
            fitting.iter().map(|event| if &*event.kind == "m.room.power_levels" { &foreign } else { *event }).collect();
        refused(check(&with_foreign), "another room");
    }
}

fn create_elsewhere(version: RoomVersion) -> Pdu {
    let mut create = create(version, "@ana:x", &json!({}));
    create.room_id = im2_model::RoomId::parse("!elsewhere:x").unwrap();
    create
}

#[test]
fn selection_of_auth_events() {
    let select = |version, kind: &str, key: Option<&str>, content: Value| {
        let content: Map<String, Value> = content.as_object().unwrap().clone();
        let mut keys: Vec<(String, String)> = auth_event_keys(version, &user("@a:x"), kind, key, &content)
            .into_iter()
            .map(|(kind, key)| (kind.trim_start_matches("m.room.").to_owned(), key.to_owned()))
            .collect();
        keys.sort();
        keys.into_iter().map(|(kind, key)| format!("{kind} {key}").trim_end().to_owned()).collect::<Vec<_>>()
    };
    let v12 = |kind: &str, key: Option<&str>, content| select(V12, kind, key, content);
    assert!(v12("m.room.create", Some(""), json!({})).is_empty());
    assert_eq!(v12("m.room.message", None, json!({})), ["member @a:x", "power_levels"]);
    assert_eq!(select(V11, "m.room.message", None, json!({})), ["create", "member @a:x", "power_levels"]);
    let member = |content| v12("m.room.member", Some("@b:x"), content);
    let both = ["member @a:x", "member @b:x", "power_levels"];
    let with_rules = ["join_rules", "member @a:x", "member @b:x", "power_levels"];
    assert_eq!(member(json!({ "membership": "leave" })), both);
    assert_eq!(member(json!({ "membership": "ban", "join_authorised_via_users_server": "@c:x" })), both);
    assert_eq!(member(json!({ "membership": 5 })), both);
    assert_eq!(member(json!({ "membership": "invite" })), with_rules);
    assert_eq!(member(json!({ "membership": "knock" })), with_rules);
    assert_eq!(
        member(json!({ "membership": "join", "join_authorised_via_users_server": "@c:x" })),
        ["join_rules", "member @a:x", "member @b:x", "member @c:x", "power_levels"]
    );
    assert_eq!(member(json!({ "membership": "join", "join_authorised_via_users_server": 7 })), with_rules);
    assert_eq!(
        member(json!({ "membership": "invite", "third_party_invite": { "signed": { "token": "t" } } })),
        ["join_rules", "member @a:x", "member @b:x", "power_levels", "third_party_invite t"]
    );
    assert_eq!(member(json!({ "membership": "invite", "third_party_invite": [] })), with_rules);
    let own = v12("m.room.member", Some("@a:x"), json!({ "membership": "leave" }));
    assert_eq!(own, ["member @a:x", "power_levels"]);
}

#[test]
fn rule_3_the_room_and_federation() {
    for version in ALL {
        let room = Room::new(version);
        assert_eq!(room.judge(json!({ "sender": "@other:y" })), PASS);
        refused(room.judge(json!({ "sender": "@bob:x", "room_id": "!elsewhere:x" })), "another room");
        let nowhere = authorize(version, &event(version, &json!({})), &StateMap::<Pdu>::default());
        refused(nowhere.map_err(|error| error.to_string()), "does not exist");
        let closed = Room::with_create(version, &json!({ "m.federate": false }));
        assert_eq!(closed.judge(json!({ "sender": "@bob:x" })), PASS);
        refused(closed.judge(json!({ "sender": "@other:y" })), "other servers");
        let odd = Room::with_create(version, &json!({ "m.federate": "false" }));
        assert_eq!(odd.judge(json!({ "sender": "@other:y" })), PASS);
    }
}

#[test]
fn rule_4_1_a_membership_needs_a_user_and_a_known_membership() {
    for version in ALL {
        let room = Room::new(version);
        let member = |key: &str, content: Value| room.state_by("@bob:x", "m.room.member", key, content);
        let message =
            room.judge(json!({ "sender": "@bob:x", "type": "m.room.member", "content": { "membership": "join" } }));
        refused(message, "name a user");
        refused(member("", json!({ "membership": "join" })), "name a user");
        for content in [json!({}), json!({ "membership": "dance" }), json!({ "membership": ["join"] })] {
            refused(member("@bob:x", content), "must be one of");
        }
    }
}

#[test]
fn rule_4_3_the_creator_joins_first() {
    for version in ALL {
        let mut room = Room::new(version);
        room.state = StateMap::default();
        room.state.insert("m.room.create", "", room.create.clone());
        let join = |sender: &str, prev: Value| {
            room.judge(json!({ "sender": sender, "type": "m.room.member", "state_key": sender, "prev_events": prev,
                "content": { "membership": "join" } }))
        };
        let create_id = room.create.event_id.as_str();
        assert_eq!(join("@ana:x", json!([create_id])), PASS);
        refused(join("@bob:x", json!([create_id])), "not invited");
        refused(join("@ana:x", json!([create_id, "$other"])), "not invited");
        refused(join("@ana:x", json!(["$other"])), "not invited");
    }
    let room = Room::with_create(V10, &json!({ "creator": "@carl:x" }));
    let join = |sender: &str| {
        room.judge(json!({ "sender": sender, "type": "m.room.member", "state_key": sender,
            "prev_events": [room.create.event_id], "content": { "membership": "join" } }))
    };
    assert_eq!(join("@carl:x"), PASS);
    refused(join("@dora:x"), "not invited");
}

#[test]
fn rule_4_3_joining_by_each_join_rule() {
    for version in ALL {
        for (rule, stranger, invited, member) in [
            ("public", true, true, true),
            ("invite", false, true, true),
            ("knock", false, true, true),
            ("restricted", false, true, true),
            ("knock_restricted", false, true, true),
            ("private", false, false, false),
            ("unheard_of", false, false, false),
        ] {
            let room = Room::new(version).join_rule(rule);
            let join = |id: &str| room.membership(id, id, "join").is_ok();
            assert_eq!(join("@stranger:x"), stranger, "{rule}");
            assert_eq!(join("@kim:x"), stranger, "{rule}");
            assert_eq!(join("@ivy:x"), invited, "{rule}");
            assert_eq!(join("@bob:x"), member, "{rule}");
            refused(room.membership("@eve:x", "@eve:x", "join"), "banned");
            refused(room.membership("@bob:x", "@ivy:x", "join"), "for somebody else");
        }
        let room = Room::new(version).with("m.room.join_rules", "", "@ana:x", &json!({ "join_rule": ["public"] }));
        refused(room.membership("@stranger:x", "@stranger:x", "join"), "not invited");
    }
}

#[test]
fn rules_4_2_and_4_3_5_restricted_joins() {
    for version in ALL {
        for rule in ["restricted", "knock_restricted"] {
            let room = Room::new(version).join_rule(rule);
            let join = |authoriser: Value, signer: &str| {
                room.judge(json!({ "sender": "@stranger:z", "type": "m.room.member", "state_key": "@stranger:z",
                    "content": { "membership": "join", "join_authorised_via_users_server": authoriser },
                    "signatures": { "z": { "ed25519:1": "s" }, signer: { "ed25519:1": "s" } } }))
            };
            assert_eq!(join(json!("@mod:x"), "x"), PASS);
            assert_eq!(join(json!("@ana:x"), "x"), PASS);
            refused(join(json!("@bob:x"), "x"), "may not invite");
            refused(join(json!("@gone:x"), "x"), "may not invite");
            refused(join(json!("@mod:x"), "z"), "not signed by the server");
            refused(join(json!(5), "x"), "not signed by the server");
        }
    }
}

#[test]
fn rule_4_4_inviting() {
    for version in ALL {
        let room = Room::new(version);
        assert_eq!(room.membership("@mod:x", "@new:x", "invite"), PASS);
        assert_eq!(room.membership("@mod:x", "@kim:x", "invite"), PASS);
        assert_eq!(room.membership("@mod:x", "@ivy:x", "invite"), PASS);
        assert_eq!(room.membership("@ana:x", "@gone:x", "invite"), PASS);
        refused(room.membership("@bob:x", "@new:x", "invite"), "takes power level 10 in this room; yours is 0");
        refused(room.membership("@gone:x", "@new:x", "invite"), "not a member");
        refused(room.membership("@mod:x", "@bob:x", "invite"), "already in the room");
        refused(room.membership("@mod:x", "@eve:x", "invite"), "banned");
    }
}

/// What an identity server signs for a third-party invite, with `changes` made before signing.
fn signed(changes: &Value) -> Value {
    let mut signed = json!({ "mxid": "@new:x", "token": "tok" }).as_object().unwrap().clone();
    for (key, value) in changes.as_object().unwrap() {
        signed.insert(key.clone(), value.clone());
    }
    spec_key().sign_json("identity", &mut signed).unwrap();
    Value::Object(signed)
}

#[test]
fn rule_4_4_1_third_party_invites() {
    let key = to_base64(spec_key().public_key());
    for version in ALL {
        let plain = Room::new(version);
        let with_keys =
            |content: Value| Room::new(version).with("m.room.third_party_invite", "tok", "@mod:x", &content);
        let invite = |room: &Room, sender: &str, target: &str, third_party: Value| {
            let content = json!({ "membership": "invite", "third_party_invite": third_party });
            room.state_by(sender, "m.room.member", target, content)
        };
        let good = || json!({ "display_name": "n", "signed": signed(&json!({})) });
        for content in [
            json!({ "public_key": key }),
            json!({ "public_key": "AAAA", "public_keys": [{ "public_key": "x" }, { "public_key": key }] }),
            json!({ "public_keys": [7, {}, { "public_key": key }] }),
        ] {
            assert_eq!(invite(&with_keys(content), "@mod:x", "@new:x", good()), PASS);
        }
        let room = with_keys(json!({ "public_key": key }));
        refused(invite(&room, "@mod:x", "@eve:x", good()), "banned");
        for unsigned in [json!({}), json!(3), json!({ "signed": [] })] {
            refused(invite(&room, "@mod:x", "@new:x", unsigned), "is not signed");
        }
        for missing in ["mxid", "token"] {
            let third_party = json!({ "signed": signed(&json!({ missing: null })) });
            refused(invite(&room, "@mod:x", "@new:x", third_party), "names no user or no token");
        }
        refused(invite(&room, "@mod:x", "@gone:x", good()), "for another user");
        refused(invite(&plain, "@mod:x", "@new:x", good()), "not known in this room");
        refused(invite(&room, "@ana:x", "@new:x", good()), "sent by another user");
        for keys in [json!({}), json!({ "public_key": to_base64(&[1; 32]) }), json!({ "public_keys": "no" })] {
            refused(invite(&with_keys(keys), "@mod:x", "@new:x", good()), "not signed by a key");
        }
        let mut forged = good();
        forged["signed"]["extra"] = json!(1);
        refused(invite(&room, "@mod:x", "@new:x", forged), "not signed by a key");
    }
}

#[test]
fn rule_4_5_leaving_kicking_and_unbanning() {
    for version in ALL {
        let room = Room::new(version);
        for (id, may) in [("@bob:x", true), ("@ivy:x", true), ("@kim:x", true), ("@gone:x", false), ("@eve:x", false)] {
            assert_eq!(room.membership(id, id, "leave").is_ok(), may, "{id}");
        }
        assert_eq!(room.membership("@mod:x", "@bob:x", "leave"), PASS);
        assert_eq!(room.membership("@mod:x", "@ivy:x", "leave"), PASS);
        assert_eq!(room.membership("@mod:x", "@eve:x", "leave"), PASS);
        refused(room.membership("@gone:x", "@bob:x", "leave"), "not a member");
        refused(room.membership("@bob:x", "@ivy:x", "leave"), "removing users takes power level 50");
        refused(room.membership("@bob:x", "@eve:x", "leave"), "unbanning takes power level 50");
        refused(room.membership("@mod:x", "@ana:x", "leave"), "not below yours");

        let mut content = room.levels(&json!({ "@mod:x": 50, "@eve:x": 50, "@two:x": 50 }));
        content["ban"] = json!(60);
        let strict = Room::new(version).with("m.room.power_levels", "", "@ana:x", &content).member("@two:x", "join");
        refused(strict.membership("@mod:x", "@eve:x", "leave"), "unbanning takes power level 60");
        refused(strict.membership("@mod:x", "@two:x", "leave"), "not below yours");
        assert_eq!(strict.membership("@ana:x", "@two:x", "leave"), PASS);
        assert_eq!(strict.membership("@ana:x", "@eve:x", "leave"), PASS);
    }
}

#[test]
fn rule_4_6_banning() {
    for version in ALL {
        let room = Room::new(version);
        for target in ["@bob:x", "@ivy:x", "@nobody:x"] {
            assert_eq!(room.membership("@mod:x", target, "ban"), PASS);
        }
        refused(room.membership("@gone:x", "@bob:x", "ban"), "not a member");
        refused(room.membership("@bob:x", "@ivy:x", "ban"), "banning takes power level 50");
        refused(room.membership("@mod:x", "@ana:x", "ban"), "not below yours");
        refused(room.membership("@mod:x", "@mod:x", "ban"), "not below yours");
    }
}

#[test]
fn rule_4_7_knocking() {
    for version in ALL {
        for (rule, allows) in
            [("knock", true), ("knock_restricted", true), ("public", false), ("invite", false), ("restricted", false)]
        {
            let room = Room::new(version).join_rule(rule);
            assert_eq!(room.membership("@new:x", "@new:x", "knock").is_ok(), allows, "{rule}");
        }
        let room = Room::new(version).join_rule("knock");
        assert_eq!(room.membership("@kim:x", "@kim:x", "knock"), PASS);
        refused(room.membership("@bob:x", "@new:x", "knock"), "for somebody else");
        refused(room.membership("@eve:x", "@eve:x", "knock"), "banned");
        refused(room.membership("@ivy:x", "@ivy:x", "knock"), "already invited");
        refused(room.membership("@bob:x", "@bob:x", "knock"), "already in this room");
    }
}

#[test]
fn rules_5_to_8() {
    for version in ALL {
        let room = Room::new(version);
        for id in ["@gone:x", "@eve:x", "@ivy:x", "@kim:x", "@nobody:x"] {
            refused(room.judge(json!({ "sender": id })), "not a member");
        }
        assert_eq!(room.state_by("@mod:x", "m.room.third_party_invite", "t", json!({})), PASS);
        refused(room.state_by("@bob:x", "m.room.third_party_invite", "t", json!({})), "takes power level 10");

        assert_eq!(room.judge(json!({ "sender": "@bob:x" })), PASS);
        assert_eq!(room.judge(json!({ "sender": "@bob:x", "type": "m.room.redaction" })), PASS);
        assert_eq!(room.state_by("@mod:x", "m.room.name", "", json!({})), PASS);
        refused(
            room.state_by("@bob:x", "m.room.name", "", json!({})),
            "sending m.room.name takes power level 50 in this room; yours is 0",
        );
        refused(room.state_by("@bob:x", "org.custom", "", json!({})), "takes power level 50");
        refused(room.judge(json!({ "sender": "@bob:x", "type": "m.room.name" })), "takes power level 50");

        assert_eq!(room.state_by("@mod:x", "org.custom", "@mod:x", json!({})), PASS);
        refused(room.state_by("@mod:x", "org.custom", "@bob:x", json!({})), "belongs to another user");
        refused(room.state_by("@ana:x", "org.custom", "@", json!({})), "belongs to another user");
    }
}

#[test]
fn rules_9_1_to_9_3_well_formed_levels() {
    for version in ALL {
        let room = Room::new(version);
        for property in ["users_default", "events_default", "state_default", "ban", "redact", "kick", "invite"] {
            let mut content = room.levels(&json!({ "@mod:x": 50 }));
            for wrong in [json!("50"), json!(null), json!([]), json!(true), json!(1.5)] {
                content[property] = wrong;
                refused(room.power("@ana:x", &content), "must be an integer");
            }
            content[property] = json!(10);
            assert_eq!(room.power("@ana:x", &content), PASS);
        }
        for property in ["events", "notifications", "users"] {
            let mut content = room.levels(&json!({ "@mod:x": 50 }));
            for wrong in [json!(1), json!([]), json!({ "@a:x": "1" }), json!({ "@a:x": 1.5 })] {
                content[property] = wrong;
                refused(room.power("@ana:x", &content), "malformed");
            }
        }
        refused(room.power("@ana:x", &room.levels(&json!({ "nobody": 1 }))), "user IDs");
    }
}

#[test]
fn rule_10_4_creators_have_no_level_in_version_12() {
    let content = json!({ "room_version": "12", "additional_creators": ["@co:x"] });
    let room = Room::with_create(V12, &content).member("@co:x", "join");
    for creator in ["@ana:x", "@co:x"] {
        refused(room.power("@ana:x", &room.levels(&json!({ creator: 100 }))), "creators");
        assert_eq!(room.power(creator, &room.levels(&json!({ "@bob:x": 1_000_000 }))), PASS);
        refused(room.membership("@mod:x", creator, "ban"), "not below yours");
    }
    refused(room.membership("@ana:x", "@co:x", "leave"), "not below yours");
    for version in [V10, V11] {
        let room = Room::with_create(version, &content).member("@co:x", "join");
        assert_eq!(room.power("@ana:x", &room.levels(&json!({ "@co:x": 100 }))), PASS);
        refused(room.power("@co:x", &room.levels(&json!({}))), "takes power level 50");
    }
}

#[test]
fn rule_9_4_the_first_levels_are_free() {
    for version in ALL {
        let mut room = Room::new(version);
        room.state = StateMap::default();
        room.state.insert("m.room.create", "", room.create.clone());
        let room = room.member("@ana:x", "join").member("@bob:x", "join");
        assert_eq!(room.power("@ana:x", &json!({ "users": { "@bob:x": 9000 }, "ban": 9000 })), PASS);
        refused(room.power("@bob:x", &json!({})), "takes power level 50");
    }
}

#[test]
fn rules_9_5_to_9_9_changing_levels() {
    for version in ALL {
        let room = Room::new(version);
        let mut base = room.levels(&json!({ "@mod:x": 50, "@two:x": 50, "@low:x": 10 }));
        base["ban"] = json!(60);
        base["kick"] = json!(50);
        base["events"]["m.room.tombstone"] = json!(60);
        let room = room.with("m.room.power_levels", "", "@ana:x", &base);
        let edit = |change: &dyn Fn(&mut Value)| {
            let mut content = base.clone();
            change(&mut content);
            room.power("@mod:x", &content)
        };
        let remove = |content: &mut Value, pointer: &str, key: &str| {
            content.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(key);
        };
        assert_eq!(edit(&|_| {}), PASS);
        // 9.5: properties.
        assert_eq!(edit(&|content| content["kick"] = json!(40)), PASS);
        assert_eq!(edit(&|content| content["redact"] = json!(50)), PASS);
        assert_eq!(edit(&|content| remove(content, "", "kick")), PASS);
        refused(edit(&|content| content["redact"] = json!(51)), "for redact");
        refused(edit(&|content| content["kick"] = json!(51)), "for kick");
        refused(edit(&|content| content["ban"] = json!(50)), "for ban");
        refused(edit(&|content| remove(content, "", "ban")), "for ban");
        // 9.6 and 9.7: events and notifications.
        assert_eq!(edit(&|content| content["events"]["x"] = json!(50)), PASS);
        assert_eq!(edit(&|content| content["notifications"]["room"] = json!(0)), PASS);
        assert_eq!(edit(&|content| remove(content, "/events", "m.room.name")), PASS);
        refused(edit(&|content| content["events"]["x"] = json!(51)), "for x");
        refused(edit(&|content| content["events"]["m.room.tombstone"] = json!(50)), "for m.room.tombstone");
        refused(edit(&|content| remove(content, "/events", "m.room.tombstone")), "for m.room.tombstone");
        refused(edit(&|content| remove(content, "", "events")), "for m.room.tombstone");
        refused(edit(&|content| content["notifications"]["room"] = json!(51)), "for room");
        // 9.8 and 9.9: users.
        assert_eq!(edit(&|content| content["users"]["@new:x"] = json!(50)), PASS);
        assert_eq!(edit(&|content| content["users"]["@low:x"] = json!(50)), PASS);
        assert_eq!(edit(&|content| remove(content, "/users", "@low:x")), PASS);
        assert_eq!(edit(&|content| content["users"]["@mod:x"] = json!(10)), PASS);
        assert_eq!(edit(&|content| remove(content, "/users", "@mod:x")), PASS);
        refused(edit(&|content| content["users"]["@new:x"] = json!(51)), "level above yours");
        refused(edit(&|content| content["users"]["@mod:x"] = json!(51)), "level above yours");
        refused(edit(&|content| content["users"]["@two:x"] = json!(40)), "not below yours");
        refused(edit(&|content| remove(content, "/users", "@two:x")), "not below yours");
        refused(edit(&|content| remove(content, "", "users")), "not below yours");
    }
}

#[test]
fn a_join_can_be_authorised_by_a_privileged_creator_without_levels() {
    let mut room = Room::new(V12).join_rule("restricted");
    let levels = json!({ "invite": 9000 });
    room = room.with("m.room.power_levels", "", "@ana:x", &levels);
    let join = |authoriser: &str| {
        room.judge(json!({ "sender": "@new:x", "type": "m.room.member", "state_key": "@new:x",
            "content": { "membership": "join", "join_authorised_via_users_server": authoriser },
            "signatures": { "x": { "ed25519:1": "s" } } }))
    };
    assert_eq!(join("@ana:x"), PASS);
    refused(join("@mod:x"), "may not invite");
}
