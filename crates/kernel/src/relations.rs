//! Relations between events (spec: client-server API, "Forming relationships between events"), edits ("Event
//! replacements") and threads ("Threading").

use im2_model::EventId;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::event::Pdu;

/// The relation of an event to another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// `m.annotation`, `m.replace`, `m.reference`, `m.thread`, or one that only clients know.
    pub rel_type: Box<str>,
    /// The event related to.
    pub event_id: EventId,
    /// The key of an annotation: usually an emoji.
    pub key: Option<Box<str>>,
    /// Whether a reply in a thread is only there for clients without threads.
    pub is_falling_back: bool,
}

/// The kinds of relation that the server understands.
pub mod rel_type {
    /// A reaction.
    pub const ANNOTATION: &str = "m.annotation";
    /// An edit.
    pub const REPLACE: &str = "m.replace";
    /// A reference without further meaning.
    pub const REFERENCE: &str = "m.reference";
    /// A message in a thread.
    pub const THREAD: &str = "m.thread";
}

impl Relation {
    /// The relation of `event`, if its content forms one: `rel_type` and `event_id` are there and are strings.
    pub fn of(event: &Pdu) -> Option<Self> {
        Self::in_content(&relates_to(event)?)
    }

    /// The relation that the `m.relates_to` of a content that is about to be sent forms.
    pub fn in_content(relates_to: &Map<String, Value>) -> Option<Self> {
        let text = |key: &str| relates_to.get(key).and_then(Value::as_str);
        Some(Self {
            rel_type: text("rel_type")?.into(),
            event_id: EventId::parse(text("event_id")?).ok()?,
            key: text("key").map(Into::into),
            is_falling_back: relates_to.get("is_falling_back") == Some(&Value::Bool(true)),
        })
    }

    /// Whether this is a relation of the type `rel_type`.
    pub fn is(&self, rel_type: &str) -> bool {
        &*self.rel_type == rel_type
    }
}

/// The event that `event` replies to (spec: "Rich replies").
pub fn in_reply_to(event: &Pdu) -> Option<EventId> {
    let relates_to = relates_to(event)?;
    EventId::parse(relates_to.get("m.in_reply_to")?.get("event_id")?.as_str()?).ok()
}

fn relates_to(event: &Pdu) -> Option<Map<String, Value>> {
    #[derive(Deserialize)]
    struct Content {
        #[serde(rename = "m.relates_to")]
        relates_to: Map<String, Value>,
    }
    // Nearly no event relates to another: looking for the key is cheaper than reading the content.
    if !event.content_json().contains("\"m.relates_to\"") {
        return None;
    }
    event.content::<Content>().ok().map(|content| content.relates_to)
}

/// Whether `edit` is a valid replacement of `original` (spec: "Validity of replacement events"). An original that was
/// redacted has nothing left to replace.
///
/// The new content of an encrypted edit is inside the encryption, so that it is not asked for there.
pub fn is_valid_edit(original: &Pdu, original_is_redacted: bool, edit: &Pdu) -> bool {
    let replaces = |event: &Pdu| Relation::of(event).filter(|relation| relation.is(rel_type::REPLACE));
    !original_is_redacted
        && replaces(edit).is_some_and(|relation| relation.event_id == original.event_id)
        && original.room_id == edit.room_id
        && original.sender == edit.sender
        && original.kind == edit.kind
        && !original.is_state()
        && !edit.is_state()
        && replaces(original).is_none()
        && (&*edit.kind == "m.room.encrypted" || edit.content_map().get("m.new_content").is_some_and(Value::is_object))
}

/// The edit that counts among valid ones: the newest by `origin_server_ts`, and of two in the same millisecond the
/// one with the greater id (spec: "Server-side aggregation of `m.replace` relationships").
pub fn newest_edit<'a>(edits: impl IntoIterator<Item = &'a Pdu>) -> Option<&'a Pdu> {
    edits.into_iter().max_by(|a, b| (a.origin_server_ts, &a.event_id).cmp(&(b.origin_server_ts, &b.event_id)))
}

/// Whether a thread may start at an event with this relation: only at one that is no child of another (spec:
/// "Validation of `m.thread` relationships").
pub fn may_root_thread(relation: Option<&Relation>) -> bool {
    relation.is_none()
}

/// The part of a room's conversation that an event belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Thread {
    /// The main timeline.
    Main,
    /// The thread that starts at this event.
    Root(EventId),
}

impl Thread {
    /// The thread that a `thread_id` names.
    pub fn parse(thread_id: &str) -> Option<Self> {
        if thread_id == "main" { Some(Self::Main) } else { EventId::parse(thread_id).ok().map(Self::Root) }
    }

    /// The thread's `thread_id`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Main => "main",
            Self::Root(root) => root.as_str(),
        }
    }
}

/// How many relations are followed to find an event's thread.
pub const MAX_THREAD_HOPS: usize = 3;

/// The thread of an event with this relation. `relation_of` gives the relation of another event of the room, as far
/// as it is known (spec: "Threaded read receipts").
///
/// A thread's root belongs to the main timeline, and so does what relates to it other than by `m.thread`.
pub fn thread_of(relation: Option<&Relation>, relation_of: impl Fn(&EventId) -> Option<Relation>) -> Thread {
    let mut current = relation.cloned();
    for hop in 0..=MAX_THREAD_HOPS {
        let Some(relation) = current else { return Thread::Main };
        if relation.is(rel_type::THREAD) {
            return Thread::Root(relation.event_id);
        }
        current = if hop < MAX_THREAD_HOPS { relation_of(&relation.event_id) } else { None };
    }
    Thread::Main
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use im2_model::EventId;
    use serde_json::{Value, json};

    use super::{Relation, Thread, in_reply_to, is_valid_edit, may_root_thread, newest_edit, thread_of};
    use crate::{event::Pdu, testing::event, version::RoomVersion::V12};

    fn with_relation(relates_to: &Value) -> Pdu {
        event(V12, &json!({ "content": { "m.relates_to": relates_to } }))
    }

    #[test]
    fn relations_and_replies() {
        let annotation = json!({ "rel_type": "m.annotation", "event_id": "$a", "key": "👍" });
        let relation = Relation::of(&with_relation(&annotation)).unwrap();
        assert_eq!((relation.event_id.as_str(), relation.key.as_deref()), ("$a", Some("👍")));
        assert!(relation.is("m.annotation") && !may_root_thread(Some(&relation)));
        for none in [
            json!({}),
            json!([]),
            json!(null),
            json!({ "rel_type": "m.thread" }),
            json!({ "rel_type": 1, "event_id": "$a" }),
            json!({ "rel_type": "m.thread", "event_id": "a" }),
            json!({ "m.in_reply_to": { "event_id": "$a" } }),
        ] {
            assert_eq!(Relation::of(&with_relation(&none)), None, "{none}");
        }
        let reply = with_relation(&json!({ "rel_type": "m.thread", "event_id": "$r", "is_falling_back": true,
            "m.in_reply_to": { "event_id": "$a" } }));
        assert_eq!(in_reply_to(&reply), EventId::parse("$a").ok());
        assert!(Relation::of(&reply).unwrap().is_falling_back);
        assert_eq!(in_reply_to(&with_relation(&json!({ "m.in_reply_to": "$a" }))), None);
        assert!(may_root_thread(None));
    }

    /// A message and an edit of it, each with changes.
    fn edited(original: &Value, edit: &Value) -> bool {
        let original = event(V12, original);
        let mut properties = json!({ "content": { "m.new_content": { "body": "new" },
            "m.relates_to": { "rel_type": "m.replace", "event_id": original.event_id } } });
        for (path, value) in edit.as_object().unwrap() {
            match path.strip_prefix("content.") {
                Some(key) => properties["content"][key] = value.clone(),
                None => properties[path] = value.clone(),
            }
        }
        is_valid_edit(&original, false, &event(V12, &properties))
    }

    #[test]
    fn each_requirement_of_an_edit() {
        let same = json!({});
        assert!(edited(&same, &same));
        assert!(edited(&json!({ "type": "org.custom" }), &json!({ "type": "org.custom" })));
        assert!(!edited(&same, &json!({ "room_id": "!other:x" })));
        assert!(!edited(&same, &json!({ "sender": "@eve:x" })));
        assert!(!edited(&same, &json!({ "type": "org.custom" })));
        assert!(!edited(&json!({ "state_key": "" }), &same));
        assert!(!edited(&same, &json!({ "state_key": "" })));
        assert!(!edited(&same, &json!({ "content.m.new_content": "text" })));
        assert!(!edited(&same, &json!({ "content.m.relates_to": { "rel_type": "m.replace", "event_id": "$x" } })));
        assert!(!edited(&same, &json!({ "content.m.relates_to": {} })));
        let is_edit = json!({ "content": { "m.relates_to": { "rel_type": "m.replace", "event_id": "$x" } } });
        assert!(!edited(&is_edit, &same));
        let in_thread = json!({ "content": { "m.relates_to": { "rel_type": "m.thread", "event_id": "$x" } } });
        assert!(edited(&in_thread, &same));
        let encrypted = json!({ "type": "m.room.encrypted" });
        assert!(edited(&encrypted, &json!({ "type": "m.room.encrypted", "content.m.new_content": null })));
    }

    #[test]
    fn a_redacted_event_has_no_edits() {
        let original = event(V12, &json!({}));
        let edit = event(
            V12,
            &json!({ "content": { "m.new_content": {},
                "m.relates_to": { "rel_type": "m.replace", "event_id": original.event_id } } }),
        );
        assert!(is_valid_edit(&original, false, &edit) && !is_valid_edit(&original, true, &edit));
        assert!(!is_valid_edit(&original, false, &edit.redacted(V12).unwrap()));
    }

    #[test]
    fn the_newest_edit_wins_and_ties_have_an_order() {
        let at = |ts: u64| event(V12, &json!({ "origin_server_ts": ts }));
        let (old, new, tie) = (at(1), at(2), at(2));
        let winner = newest_edit([&new, &old, &tie]).unwrap();
        assert_eq!(winner.event_id, std::cmp::max(&new.event_id, &tie.event_id).clone());
        assert!(newest_edit([]).is_none());
    }

    #[test]
    fn threads_are_found_through_three_relations_and_no_more() {
        let id = |text: &str| EventId::parse(text).unwrap();
        let relation = |rel_type: &str, target: &str| Relation {
            rel_type: rel_type.into(),
            event_id: id(target),
            key: None,
            is_falling_back: false,
        };
        let known: HashMap<EventId, Relation> = [
            (id("$reply"), relation("m.thread", "$root")),
            (id("$one"), relation("m.annotation", "$reply")),
            (id("$two"), relation("m.reference", "$one")),
            (id("$three"), relation("m.reference", "$two")),
            (id("$loop"), relation("m.reference", "$loop")),
        ]
        .into();
        let thread = |event: &str| thread_of(known.get(&id(event)), |id| known.get(id).cloned());
        for inside in ["$reply", "$one", "$two", "$three"] {
            assert_eq!(thread(inside), Thread::Root(id("$root")), "{inside}");
        }
        let four = relation("m.reference", "$three");
        assert_eq!(thread_of(Some(&four), |id| known.get(id).cloned()), Thread::Main);
        for main in ["$root", "$loop", "$unknown"] {
            assert_eq!(thread(main), Thread::Main, "{main}");
        }
        let to_root = relation("m.annotation", "$root");
        assert_eq!(thread_of(Some(&to_root), |id| known.get(id).cloned()), Thread::Main);
        assert_eq!(Thread::parse("main"), Some(Thread::Main));
        assert_eq!(Thread::parse("$r").map(|thread| thread.as_str().to_owned()).as_deref(), Some("$r"));
        assert_eq!(Thread::parse("other"), None);
    }
}
