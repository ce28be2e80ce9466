//! Each authorisation rule with a case that it lets pass and one that it refuses, in every version it is part of.

mod member;
mod power_levels;
mod properties;

use im2_model::EventId;
use serde_json::{Map, Value, json};

use super::{auth_event_keys, authorize, check_auth_events};
use crate::{
    event::Pdu,
    state::StateMap,
    testing::{create, event, in_form_of, state_event, user},
    version::RoomVersion::{self, V2, V5, V6, V8, V10, V11, V12},
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

const ALL: [RoomVersion; 12] = RoomVersion::UNDERSTOOD;

fn until(last: RoomVersion) -> impl Iterator<Item = RoomVersion> {
    ALL.into_iter().filter(move |version| *version <= last)
}

fn from(first: RoomVersion) -> impl Iterator<Item = RoomVersion> {
    ALL.into_iter().filter(move |version| *version >= first)
}

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
    let event_id = EventId::parse("$create:x").unwrap();
    let event = in_form_of(version, &event_id, &event).to_string();
    let event = Pdu::from_stored(version, Some(event_id), &event).map_err(|error| error.to_string())?;
    authorize(version, &event, &StateMap::<Pdu>::default()).map_err(|error| error.to_string())
}

#[test]
fn rule_1_create() {
    for version in ALL {
        assert_eq!(judge_create(version, &json!({})), PASS);
        refused(judge_create(version, &json!({ "prev_events": ["$a"] })), "first of its room");
        let content = |content: Value| json!({ "content": content });
        for stated in ALL {
            let named = content(json!({ "creator": "@ana:x", "room_version": stated.as_str() }));
            assert_eq!(judge_create(version, &named), PASS);
        }
        for stated in [json!("99"), json!("0"), json!(10), json!(null)] {
            let unknown = content(json!({ "creator": "@ana:x", "room_version": stated }));
            refused(judge_create(version, &unknown), "version that is not supported");
        }
    }
    for version in until(V11) {
        refused(judge_create(version, &json!({ "room_id": "!room:y" })), "the server that its ID names");
        refused(judge_create(version, &json!({ "room_id": "!hash" })), "the server that its ID names");
    }
    for version in until(V10) {
        refused(judge_create(version, &json!({ "content": {} })), "does not name its creator");
    }
    for version in from(V11) {
        assert_eq!(judge_create(version, &json!({ "content": {} })), PASS);
    }
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
        for version in until(V11) {
            assert_eq!(with(version, wrong.clone()), PASS);
        }
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
    for version in until(V11) {
        assert_eq!(select(version, "m.room.message", None, json!({})), ["create", "member @a:x", "power_levels"]);
        let join = json!({ "membership": "join", "join_authorised_via_users_server": "@c:x" });
        let mut expected = vec!["create", "join_rules", "member @a:x", "member @b:x", "member @c:x", "power_levels"];
        if version < V8 {
            expected.retain(|key| *key != "member @c:x");
        }
        assert_eq!(select(version, "m.room.member", Some("@b:x"), join), expected, "{version}");
    }
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
fn rules_5_to_8() {
    for version in ALL {
        let room = Room::new(version);
        for id in ["@gone:x", "@eve:x", "@ivy:x", "@kim:x", "@nobody:x"] {
            refused(room.judge(json!({ "sender": id })), "not a member");
        }
        assert_eq!(room.state_by("@mod:x", "m.room.third_party_invite", "t", json!({})), PASS);
        refused(room.state_by("@bob:x", "m.room.third_party_invite", "t", json!({})), "takes power level 10");

        assert_eq!(room.judge(json!({ "sender": "@bob:x" })), PASS);
        if version > V2 {
            assert_eq!(room.judge(json!({ "sender": "@bob:x", "type": "m.room.redaction" })), PASS);
        }
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
    for version in from(V6) {
        let room = Room::new(version);
        assert_eq!(room.state_by("@mod:x", "m.room.aliases", "x", json!({ "aliases": [] })), PASS);
        assert_eq!(room.state_by("@mod:x", "m.room.aliases", "elsewhere", json!({})), PASS);
        refused(room.state_by("@bob:x", "m.room.aliases", "x", json!({})), "takes power level 50");
    }
}

#[test]
fn until_version_5_aliases_belong_to_servers() {
    for version in until(V5) {
        let room = Room::new(version);
        // Members or not, whatever their level.
        for sender in ["@ana:x", "@bob:x", "@eve:x", "@nobody:x"] {
            assert_eq!(room.state_by(sender, "m.room.aliases", "x", json!({ "aliases": [] })), PASS);
            refused(room.state_by(sender, "m.room.aliases", "y", json!({})), "of another server");
            refused(room.state_by(sender, "m.room.aliases", "", json!({})), "of another server");
            refused(room.judge(json!({ "sender": sender, "type": "m.room.aliases" })), "of another server");
        }
        assert_eq!(room.state_by("@nobody:y", "m.room.aliases", "y", json!({})), PASS);
        let closed = Room::with_create(version, &json!({ "m.federate": false }));
        refused(closed.state_by("@nobody:y", "m.room.aliases", "y", json!({})), "other servers");
    }
}

#[test]
fn until_version_2_redactions_are_authorised() {
    for version in ALL {
        let room = Room::new(version);
        let redact = |sender: &str, target: Value| {
            let content = json!({ "redacts": target });
            room.judge(json!({ "sender": sender, "type": "m.room.redaction", "redacts": target, "content": content }))
        };
        // The event IDs of these tests are of the server x.
        for target in ["$message:x", "$message:y", "$message"] {
            assert_eq!(redact("@mod:x", json!(target)), PASS);
            let may = version > V2 || target == "$message:x";
            assert_eq!(redact("@bob:x", json!(target)).is_ok(), may, "{target} in {version}");
            assert_eq!(redact("@other:y", json!(target)).is_ok(), may, "{target} in {version}");
            refused(redact("@gone:x", json!(target)), "not a member");
        }
        if version <= V2 {
            refused(redact("@bob:x", json!(null)), "redacting events of others requires power level 50");
            assert_eq!(redact("@ana:x", json!(5)), PASS);
        }
    }
}
