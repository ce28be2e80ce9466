//! Rule 9 (10 in version 12): power levels.

use serde_json::{Value, json};

use super::{ALL, PASS, Room, from, refused, until};
use crate::{
    auth::check_power_levels,
    state::StateMap,
    version::RoomVersion::{V6, V9, V10, V11, V12},
};

#[test]
fn rules_9_1_to_9_3_well_formed_levels() {
    for version in ALL {
        let room = Room::new(version);
        // Numbers with a fraction are levels until version 5.
        let fraction = if version < V6 { json!({}) } else { json!(1.5) };
        for property in ["users_default", "events_default", "state_default", "ban", "redact", "kick", "invite"] {
            let mut content = room.levels(&json!({ "@mod:x": 50 }));
            for wrong in [json!("fifty"), json!(null), json!([]), json!(true), fraction.clone()] {
                content[property] = wrong;
                refused(room.power("@ana:x", &content), "must be an integer");
            }
            content[property] = json!(10);
            assert_eq!(room.power("@ana:x", &content), PASS);
        }
        for property in ["events", "notifications", "users"] {
            let mut content = room.levels(&json!({ "@mod:x": 50 }));
            for wrong in [json!(1), json!([]), json!({ "@a:x": "one" }), json!({ "@a:x": fraction.clone() })] {
                content[property] = wrong;
                if version < V6 && property == "notifications" {
                    assert_eq!(room.power("@ana:x", &content), PASS);
                } else {
                    refused(room.power("@ana:x", &content), "malformed");
                }
            }
        }
        refused(room.power("@ana:x", &room.levels(&json!({ "nobody": 1 }))), "user IDs");
    }
}

#[test]
fn strings_are_levels_until_version_9() {
    let strings = |room: &Room| {
        let mut content = room.levels(&json!({ "@mod:x": " 50 ", "@bob:x": "0" }));
        content["ban"] = json!("+60");
        content["events"]["m.room.topic"] = json!("0020");
        content
    };
    for version in until(V9) {
        let room = Room::new(version);
        let content = strings(&room);
        assert_eq!(room.power("@ana:x", &content), PASS);
        refused(room.power("@mod:x", &content), "for ban");
        let room = room.with("m.room.power_levels", "", "@ana:x", &content);
        // The same levels in other words are no change.
        let mut integers = content.clone();
        (integers["ban"], integers["users"]["@mod:x"]) = (json!(60), json!(50));
        assert_eq!(room.power("@mod:x", &integers), PASS);
        integers["ban"] = json!("61");
        refused(room.power("@mod:x", &integers), "for ban");
        refused(room.membership("@mod:x", "@bob:x", "ban"), "banning requires power level 60");
        assert_eq!(room.membership("@mod:x", "@bob:x", "leave"), PASS);
        // Clients are not to send them anywhere (spec: "Deprecated event content schemas").
        let new = content.as_object().unwrap();
        assert!(check_power_levels(version, &room.create, new).is_err());
    }
    for version in from(V10) {
        let room = Room::new(version);
        refused(room.power("@ana:x", &strings(&room)), "must be an integer");
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
    for version in until(V11) {
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
        let notifications = edit(&|content| content["notifications"]["room"] = json!(51));
        if version < V6 {
            assert_eq!(notifications, PASS);
        } else {
            refused(notifications, "for room");
        }
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
