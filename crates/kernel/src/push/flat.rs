//! An event as conditions look at it: properties by path (spec: appendices, "Dot-separated property paths").

use std::cell::OnceCell;

use serde_json::{Map, Value};

use super::{glob::fold, words::mark};
use crate::event::Pdu;

/// An event whose properties can be asked for by path. Its content is read once, and only if some condition asks for
/// it: make one per event and judge it for any number of users.
#[derive(Debug)]
pub struct FlatEvent<'a> {
    event: &'a Pdu,
    content: OnceCell<Map<String, Value>>,
    lower_body: OnceCell<Option<Box<str>>>,
    marked_body: OnceCell<Option<Box<[u8]>>>,
}

/// A property of an event.
pub(super) enum Property<'a> {
    Text(&'a str),
    Number(u64),
    Json(&'a Value),
}

impl<'a> FlatEvent<'a> {
    /// Wraps an event.
    pub fn new(event: &'a Pdu) -> Self {
        Self { event, content: OnceCell::new(), lower_body: OnceCell::new(), marked_body: OnceCell::new() }
    }

    /// The event.
    pub fn event(&self) -> &'a Pdu {
        self.event
    }

    /// The property at `path`.
    pub(super) fn property(&self, path: &[Box<str>]) -> Option<Property<'_>> {
        let (first, rest) = path.split_first()?;
        if rest.is_empty() {
            let event = self.event;
            return match &**first {
                "type" => Some(Property::Text(&event.kind)),
                "state_key" => event.state_key.as_deref().map(Property::Text),
                "sender" => Some(Property::Text(event.sender.as_str())),
                "room_id" => Some(Property::Text(event.room_id.as_str())),
                "event_id" => Some(Property::Text(event.event_id.as_str())),
                "redacts" => event.redacts.as_ref().map(|redacts| Property::Text(redacts.as_str())),
                "origin_server_ts" => Some(Property::Number(event.origin_server_ts)),
                _ => None,
            };
        }
        if &**first != "content" {
            return None;
        }
        let (key, rest) = rest.split_first()?;
        let mut value = self.content().get(&**key)?;
        for key in rest {
            value = value.as_object()?.get(&**key)?;
        }
        Some(Property::Json(value))
    }

    /// The property at `path` if it is a string.
    pub(super) fn text(&self, path: &[Box<str>]) -> Option<&str> {
        match self.property(path)? {
            Property::Text(text) => Some(text),
            Property::Json(value) => value.as_str(),
            Property::Number(_) => None,
        }
    }

    /// `content.body`, [folded](fold).
    pub(super) fn lower_body(&self) -> Option<&str> {
        let lower = || self.content().get("body").and_then(Value::as_str).map(|body| fold(body).into());
        self.lower_body.get_or_init(lower).as_deref()
    }

    /// `content.body`, [folded](fold), with its word boundaries [marked](mark).
    pub(super) fn marked_body(&self) -> Option<&[u8]> {
        self.marked_body.get_or_init(|| self.lower_body().map(mark)).as_deref()
    }

    fn content(&self) -> &Map<String, Value> {
        self.content.get_or_init(|| self.event.content_map())
    }
}

/// Splits a path at its dots; `\.` and `\\` are a dot and a backslash within a name.
pub fn parse_path(path: &str) -> Vec<Box<str>> {
    let mut names = Vec::new();
    let mut name = String::new();
    let mut characters = path.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, characters.peek()) {
            ('.', _) => names.push(std::mem::take(&mut name).into()),
            ('\\', Some(&escaped @ ('.' | '\\'))) => {
                name.push(escaped);
                characters.next();
            }
            _ => name.push(character),
        }
    }
    names.push(name.into());
    names
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{FlatEvent, Property, parse_path};
    use crate::{testing::event, version::RoomVersion::V12};

    #[test]
    fn paths() {
        for (path, names) in [
            ("content.body", vec!["content", "body"]),
            (r"content.m\.relates_to", vec!["content", "m.relates_to"]),
            (r"content.m\\foo", vec!["content", r"m\foo"]),
            (r"a\x", vec![r"a\x"]),
            (r"a\", vec![r"a\"]),
            ("", vec![""]),
            (".", vec!["", ""]),
        ] {
            let parsed = parse_path(path);
            assert_eq!(parsed.iter().map(|name| &**name).collect::<Vec<_>>(), names, "{path}");
        }
    }

    #[test]
    fn properties() {
        let event = event(
            V12,
            &json!({ "state_key": "k", "content": { "body": "Hello", "a": { "b.c": [1] }, "n": 5, "": "empty" } }),
        );
        let flat = FlatEvent::new(&event);
        let text = |path: &str| flat.text(&parse_path(path)).map(str::to_owned);
        assert_eq!(text("type").as_deref(), Some("m.room.message"));
        assert_eq!(text("state_key").as_deref(), Some("k"));
        assert_eq!(text("sender").as_deref(), Some("@ana:x"));
        assert_eq!(text("content.body").as_deref(), Some("Hello"));
        assert_eq!(text("content.").as_deref(), Some("empty"));
        for none in ["content", "content.n", "content.a", "content.body.x", "depth", "origin_server_ts", "", "x.y"] {
            assert_eq!(text(none), None, "{none}");
        }
        assert!(matches!(flat.property(&parse_path(r"content.a.b\.c")), Some(Property::Json(list)) if list.is_array()));
        assert!(matches!(flat.property(&parse_path("origin_server_ts")), Some(Property::Number(1))));
        assert_eq!(flat.lower_body(), Some("hello"));
    }
}
