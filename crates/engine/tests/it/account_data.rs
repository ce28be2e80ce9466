//! Account data, tags, filters and push rules: what is kept, what is streamed, what is refused.

use std::sync::Arc;

use im2_chat::{
    account_data::{MAX_CONTENT_BYTES, MAX_TYPES},
    rooms::{Actor, CreateRoom, RoomVersion},
};
use im2_core::{
    Code,
    stream::{AccountDataChange, Change},
};
use im2_kernel::push::RuleKind;
use im2_model::{RoomId, RoomNid, StreamToken, UserId};
use serde_json::{Map, Value, json};

use crate::{Fixture, builders::object};

/// The account data on the stream after `since`, as type, whether it is of a room, and content.
fn streamed(fixture: &Fixture, since: &StreamToken) -> Vec<(String, bool, Value)> {
    let pick = |_, change: &Change| match change {
        Change::AccountData(change) => Some(parts(change)),
        _ => None,
    };
    fixture.engine.core.stream.since(since, pick).unwrap().0
}

fn parts(change: &AccountDataChange) -> (String, bool, Value) {
    (change.kind.to_string(), change.room.is_some(), serde_json::from_str(change.content.get()).unwrap())
}

async fn all(fixture: &Fixture, user: &Actor) -> Vec<(String, bool, Value)> {
    fixture.engine.chat.account_data.all(user.user, &user.user_id).await.unwrap().iter().map(parts).collect()
}

#[tokio::test]
async fn what_is_set_is_read_streamed_and_survives_a_restart() {
    let fixture = Fixture::new().await;
    let (ana, ben) = (fixture.user("ana").await, fixture.user("ben").await);
    let room = fixture.engine.chat.rooms.create(&ana, CreateRoom::default()).await.unwrap();
    let since = fixture.engine.core.stream.reached();
    let data = &fixture.engine.chat.account_data;
    data.set(ana.user, None, "org.colour", &object(json!({ "is": "red" }))).await.unwrap();
    data.set(ana.user, None, "org.colour", &object(json!({ "is": "blue" }))).await.unwrap();
    data.set(ana.user, Some(&room.id), "org.colour", &object(json!({ "is": "green" }))).await.unwrap();

    let colour = |room: bool, is: &str| ("org.colour".to_owned(), room, json!({ "is": is }));
    assert_eq!(streamed(&fixture, &since), [colour(false, "red"), colour(false, "blue"), colour(true, "green")]);
    let unseen = data.since(ana.user, &ana.user_id, &since).await.unwrap();
    assert_eq!(unseen.iter().map(parts).collect::<Vec<_>>(), [colour(false, "blue"), colour(true, "green")]);
    let reached = fixture.engine.core.stream.reached();
    assert!(data.since(ana.user, &ana.user_id, &reached).await.unwrap().is_empty());
    let refused = data.get(ben.user, &ben.user_id, None, "org.colour").await.unwrap_err();
    assert_eq!(refused.code(), Some(Code::NotFound));

    let fixture = fixture.reopen().await;
    let data = &fixture.engine.chat.account_data;
    let content = data.get(ana.user, &ana.user_id, Some(&room.id), "org.colour").await.unwrap();
    assert_eq!(content.get(), r#"{"is":"green"}"#);
    let kept = all(&fixture, &ana).await;
    assert!(kept.contains(&colour(false, "blue")) && kept.contains(&colour(true, "green")), "{kept:?}");
    assert_eq!(all(&fixture, &ben).await.len(), 1, "push rules are always there");
}

#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let fixture = Fixture::new().await;
    let (ana, ben) = (fixture.user("ana").await, fixture.user("ben").await);
    let room = fixture.engine.chat.rooms.create(&ana, CreateRoom::default()).await.unwrap();
    let data = &fixture.engine.chat.account_data;
    let set = async |user: &Actor, room: Option<&RoomId>, kind: &str, content: Value| {
        data.set(user.user, room, kind, &object(content)).await.map_err(|error| error.code())
    };
    for kind in ["m.fully_read", "m.push_rules"] {
        assert_eq!(set(&ana, None, kind, json!({})).await, Err(Some(Code::BadJson)));
        assert_eq!(set(&ana, Some(&room.id), kind, json!({})).await, Err(Some(Code::BadJson)));
    }
    assert_eq!(set(&ana, None, &"k".repeat(256), json!({})).await, Err(Some(Code::InvalidParam)));
    let large = json!({ "text": "x".repeat(MAX_CONTENT_BYTES) });
    assert_eq!(set(&ana, None, "org.large", large).await, Err(Some(Code::TooLarge)));
    assert_eq!(set(&ben, Some(&room.id), "org.x", json!({})).await, Err(Some(Code::NotFound)));
    let nowhere = RoomId::parse("!nowhere:im.test").unwrap();
    assert_eq!(set(&ana, Some(&nowhere), "org.x", json!({})).await, Err(Some(Code::NotFound)));
    for number in 0..MAX_TYPES {
        set(&ben, None, &format!("org.{number}"), json!({})).await.unwrap();
    }
    assert_eq!(set(&ben, None, "org.more", json!({})).await, Err(Some(Code::TooLarge)));
    assert_eq!(set(&ben, None, "org.0", json!({ "changed": true })).await, Ok(()));
}

#[tokio::test]
async fn tags_are_the_account_data_of_their_room() {
    let fixture = Fixture::new().await;
    let ana = fixture.user("ana").await;
    let room = fixture.engine.chat.rooms.create(&ana, CreateRoom::default()).await.unwrap();
    let data = &fixture.engine.chat.account_data;
    let since = fixture.engine.core.stream.reached();
    assert_eq!(data.tags(ana.user, &room.id).await.unwrap(), json!({ "tags": {} }));
    data.set_tag(ana.user, &room.id, "m.favourite", object(json!({ "order": 0.25 }))).await.unwrap();
    data.set_tag(ana.user, &room.id, "u.工作", Map::new()).await.unwrap();
    data.set_tag(ana.user, &room.id, "u.工作", Map::new()).await.unwrap();
    data.delete_tag(ana.user, &room.id, "m.favourite").await.unwrap();
    data.delete_tag(ana.user, &room.id, "m.favourite").await.unwrap();
    assert_eq!(data.tags(ana.user, &room.id).await.unwrap(), json!({ "tags": { "u.工作": {} } }));
    let tags: Vec<Value> = streamed(&fixture, &since).into_iter().map(|(_, _, content)| content).collect();
    assert_eq!(
        tags,
        [
            json!({ "tags": { "m.favourite": { "order": 0.25 } } }),
            json!({ "tags": { "m.favourite": { "order": 0.25 }, "u.工作": {} } }),
            json!({ "tags": { "u.工作": {} } }),
        ],
        "what changes nothing is not streamed"
    );
    for order in [json!(1.5), json!(-0.1), json!("0.5"), json!(null)] {
        let refused = data.set_tag(ana.user, &room.id, "u.x", object(json!({ "order": order }))).await.unwrap_err();
        assert_eq!(refused.code(), Some(Code::BadJson));
    }
    let refused = data.set_tag(ana.user, &room.id, &"x".repeat(256), Map::new()).await.unwrap_err();
    assert_eq!(refused.code(), Some(Code::InvalidParam));
}

#[tokio::test]
async fn the_ignored_users_follow_the_list() {
    let fixture = Fixture::new().await;
    let ana = fixture.user("ana").await;
    let data = &fixture.engine.chat.account_data;
    let ignored = async || data.ignored_users(ana.user, &ana.user_id).await.unwrap();
    assert!(ignored().await.is_empty());
    let list = json!({ "ignored_users": { "@ben:im.test": {}, "@ana:im.test": {}, "nobody": {} } });
    data.set(ana.user, None, "m.ignored_user_list", &object(list)).await.unwrap();
    let first = ignored().await;
    assert_eq!(first.iter().map(UserId::as_str).collect::<Vec<_>>(), ["@ben:im.test"]);
    assert!(Arc::ptr_eq(&first, &ignored().await), "read once");
    data.set(ana.user, None, "m.ignored_user_list", &object(json!({ "ignored_users": 1 }))).await.unwrap();
    assert!(ignored().await.is_empty());
}

#[tokio::test]
async fn a_filter_has_one_id_and_is_its_owners() {
    let fixture = Fixture::new().await;
    let (ana, ben) = (fixture.user("ana").await, fixture.user("ben").await);
    let filters = &fixture.engine.chat.filters;
    let definition = object(json!({ "room": { "timeline": { "limit": 7 } }, "org.unknown": 1 }));
    let id = filters.define(ana.user, &definition).await.unwrap();
    assert_eq!(filters.define(ana.user, &definition).await.unwrap(), id);
    assert_ne!(filters.define(ana.user, &Map::new()).await.unwrap(), id);
    let kept: Value = serde_json::from_str(filters.definition(ana.user, &id).await.unwrap().get()).unwrap();
    assert_eq!(kept, Value::Object(definition));
    for resolved in [&id, r#"{"room":{"timeline":{"limit":7}}}"#] {
        assert_eq!(filters.resolve(ana.user, resolved).await.unwrap().room.timeline.limit_or(10, 100), 7);
    }
    for (parameter, code) in [
        (id.as_str(), Code::InvalidParam),
        ("01", Code::InvalidParam),
        ("", Code::InvalidParam),
        ("{", Code::NotJson),
        (r#"{"room":[]}"#, Code::BadJson),
    ] {
        assert_eq!(filters.resolve(ben.user, parameter).await.unwrap_err().code(), Some(code), "{parameter}");
    }
    assert_eq!(filters.definition(ben.user, &id).await.unwrap_err().code(), Some(Code::NotFound));
    let wrong = object(json!({ "room": { "timeline": { "limit": "7" } } }));
    assert_eq!(filters.define(ana.user, &wrong).await.unwrap_err().code(), Some(Code::BadJson));
}

#[tokio::test]
async fn a_changed_push_rule_is_streamed_and_used_and_survives_a_restart() {
    let fixture = Fixture::new().await;
    let ana = fixture.user("ana").await;
    let rules = &fixture.engine.chat.push_rules;
    let (user, id) = (ana.user, &ana.user_id);
    let since = fixture.engine.core.stream.reached();
    let defaults = rules.compiled(user, id).await.unwrap();
    rules.set_enabled(user, id, (RuleKind::Override, ".m.rule.master"), true).await.unwrap();
    rules.set_enabled(user, id, (RuleKind::Override, ".m.rule.master"), true).await.unwrap();
    let changed = rules.compiled(user, id).await.unwrap();
    assert!(!Arc::ptr_eq(&defaults, &changed));
    let body = object(json!({ "pattern": "cake", "actions": ["notify"] }));
    rules.put(user, id, (RuleKind::Content, "cake"), &body, (None, None)).await.unwrap();

    let streamed = streamed(&fixture, &since);
    assert_eq!(streamed.len(), 2, "what changes nothing is not streamed");
    let (kind, _, content) = &streamed[1];
    assert_eq!(kind, "m.push_rules");
    assert_eq!(content["global"]["override"][0]["enabled"], true);
    assert_eq!(content["global"]["content"][0]["pattern"], "cake");
    let fixture = fixture.reopen().await;
    let read = fixture.engine.chat.account_data.get(user, id, None, "m.push_rules").await.unwrap();
    assert_eq!(serde_json::from_str::<Value>(read.get()).unwrap(), *content);
    assert_eq!(all(&fixture, &ana).await, [("m.push_rules".to_owned(), false, content.clone())]);

    let rules = &fixture.engine.chat.push_rules;
    let missing = rules.delete(user, id, RuleKind::Content, "pie").await.unwrap_err();
    assert_eq!(missing.code(), Some(Code::NotFound));
    let own = rules.put(user, id, (RuleKind::Content, ".mine"), &body, (None, None)).await.unwrap_err();
    assert_eq!(own.code(), Some(Code::InvalidParam));
    let beside = (Some("nothing".to_owned()), None);
    let beside = rules.put(user, id, (RuleKind::Content, "tea"), &body, beside).await.unwrap_err();
    assert_eq!(beside.code(), Some(Code::Unknown));
    rules.delete(user, id, RuleKind::Content, "cake").await.unwrap();
    rules.set_enabled(user, id, (RuleKind::Override, ".m.rule.master"), false).await.unwrap();
    let defaults = im2_kernel::push::Ruleset::defaults(id);
    assert_eq!(rules.ruleset(user, id).await.unwrap(), defaults);
}

#[tokio::test]
async fn tags_that_follow_into_a_successor_are_not_hidden_by_what_was_in_memory() {
    let fixture = Fixture::new().await;
    let ana = fixture.user("ana").await;
    let (rooms, data) = (&fixture.engine.chat.rooms, &fixture.engine.chat.account_data);
    let old = rooms.create(&ana, CreateRoom::default()).await.unwrap();
    data.set_tag(ana.user, &old.id, "m.favourite", Map::new()).await.unwrap();
    let tags = async |room: RoomNid| data.tags_and_direct(ana.user).await.unwrap().tags.get(&room).cloned();
    assert_eq!(tags(old.nid).await, Some(vec!["m.favourite".into()]));
    let new = rooms.upgrade(&ana, &old.id, RoomVersion::V12, &[]).await.unwrap();
    let new = rooms.find(&new).await.unwrap().unwrap();
    assert_eq!(tags(new.nid).await, Some(vec!["m.favourite".into()]));
}
