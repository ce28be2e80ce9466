//! `event_fields`: which properties of events a client wants.

use std::collections::BTreeMap;

use im2_kernel::push::parse_path;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// The properties to keep, as a tree of their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFields(BTreeMap<Box<str>, Node>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    /// Keep the property as it is.
    Whole,
    /// Keep these properties of it.
    Parts(EventFields),
}

impl EventFields {
    /// The event with the properties that are listed and no others.
    pub fn project(&self, event: Map<String, Value>) -> Map<String, Value> {
        let kept = event.into_iter().filter_map(|(name, value)| {
            let value = match (self.0.get(name.as_str())?, value) {
                (Node::Whole, value) => value,
                (Node::Parts(parts), Value::Object(value)) => Value::Object(parts.project(value)),
                (Node::Parts(_), _) => return None,
            };
            Some((name, value))
        });
        kept.collect()
    }

    fn keep(&mut self, mut path: std::vec::IntoIter<Box<str>>) {
        let Some(name) = path.next() else { return };
        if path.len() == 0 {
            self.0.insert(name, Node::Whole);
            return;
        }
        match self.0.entry(name).or_insert_with(|| Node::Parts(Self::default())) {
            Node::Whole => {}
            Node::Parts(parts) => parts.keep(path),
        }
    }
}

impl<'de> Deserialize<'de> for EventFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Self::default();
        for path in Vec::<String>::deserialize(deserializer)? {
            let names = parse_path(&path);
            if names.len() > MAX_DEPTH {
                return Err(serde::de::Error::custom("a path of event_fields has too many parts"));
            }
            fields.keep(names.into_iter());
        }
        Ok(fields)
    }
}

/// The deepest JSON that this server reads.
const MAX_DEPTH: usize = 128;

#[cfg(test)]
mod tests {
    use super::EventFields;
    use serde_json::{Value, from_value, json};

    fn project(fields: Value, event: Value) -> Value {
        let fields: EventFields = from_value(fields).unwrap();
        Value::Object(fields.project(from_value(event).unwrap()))
    }

    #[test]
    fn only_what_is_listed_is_kept() {
        let event = json!({ "type": "t", "content": { "body": "b", "m.x": { "y": 1, "z": 2 } }, "sender": "s" });
        assert_eq!(
            project(json!(["type", "content.body"]), event.clone()),
            json!({ "type": "t", "content": { "body": "b" } })
        );
        assert_eq!(project(json!([r"content.m\.x.y"]), event.clone()), json!({ "content": { "m.x": { "y": 1 } } }));
        assert_eq!(project(json!(["type.inner"]), event.clone()), json!({}));
        assert_eq!(project(json!(["content.body", "content"]), event.clone())["content"], event["content"]);
        assert_eq!(project(json!(["content", "content.body"]), event.clone())["content"], event["content"]);
        assert_eq!(project(json!([]), event), json!({}));
    }
}
