//! Push rules over HTTP.

use im2_testkit::{Client, Server, segment};
use serde_json::{Value, json};

const RULES: &str = "/v3/pushrules/global";

fn rule(kind: &str, id: &str) -> String {
    format!("{RULES}/{kind}/{}", segment(id))
}

/// The identifiers of the user's own rules of a kind, most important first.
async fn own(client: &Client, kind: &str) -> Vec<String> {
    let rules = client.get(&format!("{RULES}/")).await.ok();
    let rules = rules[kind].as_array().unwrap().iter().filter(|rule| rule["default"] == false);
    rules.map(|rule| rule["rule_id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_rule_is_added_read_changed_and_removed() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let all = ana.get("/v3/pushrules/").await.ok();
    assert_eq!(all["global"], ana.get(&format!("{RULES}/")).await.ok());
    assert_eq!(all["global"]["override"][0]["rule_id"], ".m.rule.master");

    let before = ana.sync(None).await;
    let body = json!({ "pattern": "cake*lie", "actions": ["notify"] });
    assert_eq!(ana.put(&rule("content", "nocake"), body).await.ok(), json!({}));
    let expected =
        json!({ "rule_id": "nocake", "default": false, "enabled": true, "pattern": "cake*lie", "actions": ["notify"] });
    assert_eq!(ana.get(&rule("content", "nocake")).await.ok(), expected);
    let news = ana.sync(before["next_batch"].as_str()).await;
    let streamed = &news["account_data"]["events"][0];
    assert_eq!((&streamed["type"], &streamed["content"]["global"]["content"][0]), (&json!("m.push_rules"), &expected));

    let enabled = rule("content", "nocake") + "/enabled";
    let actions = rule("content", "nocake") + "/actions";
    assert_eq!(ana.get(&enabled).await.ok(), json!({ "enabled": true }));
    ana.put(&enabled, json!({ "enabled": false })).await.ok();
    assert_eq!(ana.get(&enabled).await.ok(), json!({ "enabled": false }));
    let quiet = json!({ "actions": [] });
    ana.put(&actions, quiet.clone()).await.ok();
    assert_eq!(ana.get(&actions).await.ok(), quiet);
    ana.delete(&rule("content", "nocake"), json!({})).await.ok();
    for path in [&rule("content", "nocake"), &enabled, &actions] {
        ana.get(path).await.refused(404, "M_NOT_FOUND");
    }
    ana.put(&enabled, json!({ "enabled": true })).await.refused(404, "M_NOT_FOUND");
    ana.put(&actions, quiet).await.refused(404, "M_NOT_FOUND");
    ana.delete(&rule("content", "nocake"), json!({})).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn rules_are_put_before_and_after_each_other() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let body = || json!({ "actions": ["notify"], "conditions": [] });
    for (id, place) in [("b", ""), ("a", ""), ("d", "?after=b"), ("c", "?before=d"), ("a", "?after=d")] {
        ana.put(&(rule("override", id) + place), body()).await.ok();
    }
    assert_eq!(own(&ana, "override").await, ["b", "c", "d", "a"]);
    for place in ["?before=nothing", "?after=.m.rule.master"] {
        ana.put(&(rule("override", "x") + place), body()).await.refused(400, "M_UNKNOWN");
    }
    for id in [".mine", "back\\slash", "sl/ash"] {
        let refused = ana.put(&rule("override", id), body()).await;
        assert_eq!(refused.status, 400, "{id}");
    }
    ana.put(&rule("nonsense", "x"), body()).await.refused(400, "M_INVALID_PARAM");
    ana.put(&rule("content", "x"), json!({ "actions": [] })).await.refused(400, "M_MISSING_PARAM");
    ana.put(&rule("room", "x"), json!({ "actions": "notify" })).await.refused(400, "M_INVALID_PARAM");
    ana.delete(&rule("override", ".m.rule.master"), json!({})).await.refused(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn a_condition_has_what_its_kind_is_judged_by() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let put = async |condition: &Value| {
        ana.put(&rule("override", "x"), json!({ "actions": [], "conditions": [condition] })).await
    };
    for (kind, members) in [
        ("event_match", json!({ "key": "content.body", "pattern": "cake" })),
        ("event_property_is", json!({ "key": "content.n", "value": 5 })),
        ("event_property_contains", json!({ "key": "content.n", "value": null })),
        ("room_member_count", json!({ "is": ">2" })),
        ("sender_notification_permission", json!({ "key": "room" })),
    ] {
        let mut condition = members.clone();
        condition["kind"] = kind.into();
        put(&condition).await.ok();
        for name in members.as_object().expect("an object").keys() {
            for wrong in [json!([]), json!({}), json!(1.5)] {
                let mut condition = condition.clone();
                condition[name] = wrong;
                put(&condition).await.refused(400, "M_INVALID_PARAM");
            }
            let mut condition = condition.clone();
            condition.as_object_mut().expect("an object").remove(name);
            put(&condition).await.refused(400, "M_INVALID_PARAM");
        }
    }
    for kind in ["contains_display_name", "org.example.of_a_later_client"] {
        put(&json!({ "kind": kind })).await.ok();
    }
}

#[tokio::test]
async fn a_changed_default_rule_decides_what_counts() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    ana.send_text(&room, "hello").await;
    let count = async || {
        let sync: Value = ben.sync(None).await;
        sync["rooms"]["join"][&room]["unread_notifications"]["notification_count"].clone()
    };
    assert_eq!(count().await, 1);
    let master = rule("override", ".m.rule.master") + "/enabled";
    ben.put(&master, json!({ "enabled": true })).await.ok();
    assert_eq!(count().await, 0);
    ben.put(&master, json!({ "enabled": false })).await.ok();
    ben.put(&rule("room", &room), json!({ "actions": ["dont_notify"] })).await.ok();
    assert_eq!(count().await, 0);
    ben.delete(&rule("room", &room), json!({})).await.ok();
    assert_eq!(count().await, 1);
}
