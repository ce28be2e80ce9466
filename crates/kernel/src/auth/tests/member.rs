//! Rule 4: memberships.

use serde_json::{Value, json};

use super::{ALL, PASS, Room, from, refused, until};
use crate::{
    content::JoinRule,
    sign::{tests::spec_key, to_base64},
    state::StateMap,
    version::RoomVersion::{V6, V7, V8, V10, V12},
};

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
    for version in until(V10) {
        let room = Room::with_create(version, &json!({ "creator": "@carl:x" }));
        let join = |sender: &str| {
            room.judge(json!({ "sender": sender, "type": "m.room.member", "state_key": sender,
                "prev_events": [room.create.event_id], "content": { "membership": "join" } }))
        };
        assert_eq!(join("@carl:x"), PASS);
        refused(join("@dora:x"), "not invited");
    }
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
            // A rule that the version does not know lets nobody in.
            let known = JoinRule::parse(rule).is_known_in(version);
            let room = Room::new(version).join_rule(rule);
            let join = |id: &str| room.membership(id, id, "join").is_ok();
            assert_eq!(join("@stranger:x"), stranger && known, "{rule} in {version}");
            assert_eq!(join("@kim:x"), stranger && known, "{rule} in {version}");
            assert_eq!(join("@ivy:x"), invited && known, "{rule} in {version}");
            assert_eq!(join("@bob:x"), member && known, "{rule} in {version}");
            if !known {
                refused(room.membership("@ivy:x", "@ivy:x", "join"), "does not have its join rule");
            }
            refused(room.membership("@eve:x", "@eve:x", "join"), "banned");
            refused(room.membership("@bob:x", "@ivy:x", "join"), "for somebody else");
        }
        let room = Room::new(version).with("m.room.join_rules", "", "@ana:x", &json!({ "join_rule": ["public"] }));
        refused(room.membership("@stranger:x", "@stranger:x", "join"), "not invited");
    }
}

#[test]
fn rules_4_2_and_4_3_5_restricted_joins() {
    for version in from(V8) {
        for rule in ["restricted", "knock_restricted"] {
            if !JoinRule::parse(rule).is_known_in(version) {
                continue;
            }
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
fn until_version_7_nobody_authorises_a_join() {
    for version in until(V7) {
        let join = |rule: &str| {
            Room::new(version).join_rule(rule).judge(json!({ "sender": "@new:z", "type": "m.room.member",
                "state_key": "@new:z", "content": { "membership": "join", "join_authorised_via_users_server": "@mod:x" },
                "signatures": { "x": { "ed25519:1": "s" } } }))
        };
        refused(join("restricted"), "does not have its join rule");
        refused(join("invite"), "not invited");
        // The property means nothing yet, so that nobody has to have signed for it.
        let unsigned = json!({ "sender": "@new:z", "type": "m.room.member", "state_key": "@new:z",
            "content": { "membership": "join", "join_authorised_via_users_server": 5 } });
        assert_eq!(Room::new(version).join_rule("public").judge(unsigned.clone()), PASS);
        refused(Room::new(V8).join_rule("public").judge(unsigned), "not signed by the server");
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
        refused(room.membership("@bob:x", "@new:x", "invite"), "requires power level 10 in this room; yours is 0");
        refused(room.membership("@gone:x", "@new:x", "invite"), "not a member");
        refused(room.membership("@mod:x", "@bob:x", "invite"), "already in the room");
        refused(room.membership("@mod:x", "@eve:x", "invite"), "banned");
    }
}

/// The object that an identity server signs for a third-party invite, with `changes` made before signing.
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
            refused(invite(&room, "@mod:x", "@new:x", third_party), "has no user or no token");
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
        let knocked = version >= V7;
        for (id, may) in
            [("@bob:x", true), ("@ivy:x", true), ("@kim:x", knocked), ("@gone:x", false), ("@eve:x", false)]
        {
            assert_eq!(room.membership(id, id, "leave").is_ok(), may, "{id}");
        }
        assert_eq!(room.membership("@mod:x", "@bob:x", "leave"), PASS);
        assert_eq!(room.membership("@mod:x", "@ivy:x", "leave"), PASS);
        assert_eq!(room.membership("@mod:x", "@eve:x", "leave"), PASS);
        refused(room.membership("@gone:x", "@bob:x", "leave"), "not a member");
        refused(room.membership("@bob:x", "@ivy:x", "leave"), "removing users requires power level 50");
        refused(room.membership("@bob:x", "@eve:x", "leave"), "unbanning requires power level 50");
        refused(room.membership("@mod:x", "@ana:x", "leave"), "not below yours");

        let mut content = room.levels(&json!({ "@mod:x": 50, "@eve:x": 50, "@two:x": 50 }));
        content["ban"] = json!(60);
        let strict = Room::new(version).with("m.room.power_levels", "", "@ana:x", &content).member("@two:x", "join");
        refused(strict.membership("@mod:x", "@eve:x", "leave"), "unbanning requires power level 60");
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
        refused(room.membership("@bob:x", "@ivy:x", "ban"), "banning requires power level 50");
        refused(room.membership("@mod:x", "@ana:x", "ban"), "not below yours");
        refused(room.membership("@mod:x", "@mod:x", "ban"), "not below yours");
    }
}

#[test]
fn rule_4_7_knocking() {
    refused(Room::new(V6).join_rule("knock").membership("@new:x", "@new:x", "knock"), "does not have knocking");
    refused(Room::new(V6).join_rule("public").membership("@new:x", "@new:x", "knock"), "came with version 7");
    for version in from(V7) {
        for (rule, allows) in [
            ("knock", true),
            ("knock_restricted", version >= V10),
            ("public", false),
            ("invite", false),
            ("restricted", false),
        ] {
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
