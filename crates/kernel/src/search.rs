//! The text of an event that is searched (spec: client-server API, "Server Side Search").

use serde_json::{Map, Value};

use crate::{
    event::Pdu,
    relations::{Relation, rel_type},
};

/// A part of events that can be searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SearchKey {
    /// `content.body` of `m.room.message`.
    Body,
    /// `content.name` of `m.room.name`.
    Name,
    /// `content.topic` of `m.room.topic`, and what `m.topic` says in plain text.
    Topic,
}

impl SearchKey {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Body, Self::Name, Self::Topic];

    /// The part that `text` names.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "content.body" => Some(Self::Body),
            "content.name" => Some(Self::Name),
            "content.topic" => Some(Self::Topic),
            _ => None,
        }
    }
}

/// The text of `event` that searches look into; `None` for events that are not searched, or say nothing. Of an edit
/// it is the new text.
pub fn searched_text(event: &Pdu) -> Option<(SearchKey, String)> {
    let key = match (&*event.kind, event.state_key.as_deref()) {
        ("m.room.message", None) => SearchKey::Body,
        ("m.room.name", Some("")) => SearchKey::Name,
        ("m.room.topic", Some("")) => SearchKey::Topic,
        _ => return None,
    };
    let content = event.content_map();
    let text = match key {
        SearchKey::Body => body(event, &content)?,
        SearchKey::Name => content.get("name")?.as_str()?.to_owned(),
        SearchKey::Topic => topic(&content),
    };
    (!text.trim().is_empty()).then_some((key, text))
}

fn body(event: &Pdu, content: &Map<String, Value>) -> Option<String> {
    let is_edit = Relation::of(event).is_some_and(|relation| relation.is(rel_type::REPLACE));
    let content = if is_edit { content.get("m.new_content")?.as_object()? } else { content };
    let body = content.get("body")?.as_str()?;
    let is_reply = content.get("m.relates_to").is_some_and(|relates_to| relates_to.get("m.in_reply_to").is_some());
    Some(if is_reply { without_quote(body) } else { body }.to_owned())
}

/// The body of a reply without the message replied to, which clients used to put before it: `> <@user> …`.
fn without_quote(body: &str) -> &str {
    if !body.starts_with("> <") {
        return body;
    }
    let mut rest = body;
    while rest.starts_with('>') {
        rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
    }
    rest
}

fn topic(content: &Map<String, Value>) -> String {
    let mut texts: Vec<&str> = content.get("topic").and_then(Value::as_str).into_iter().collect();
    let forms = content.get("m.topic").and_then(|topic| topic.get("m.text")).and_then(Value::as_array);
    for form in forms.into_iter().flatten() {
        let is_plain = form.get("mimetype").is_none_or(|mimetype| mimetype == "text/plain");
        if let Some(text) = form.get("body").and_then(Value::as_str).filter(|text| is_plain && !texts.contains(text)) {
            texts.push(text);
        }
    }
    texts.join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{SearchKey, searched_text};
    use crate::{testing::event, version::RoomVersion::V12};

    fn searched(properties: &Value) -> Option<(SearchKey, String)> {
        searched_text(&event(V12, properties))
    }

    fn message(content: &Value) -> Option<String> {
        searched(&json!({ "type": "m.room.message", "content": content })).map(|(_, text)| text)
    }

    #[test]
    fn messages_names_and_topics_are_searched() {
        assert_eq!(message(&json!({ "msgtype": "m.text", "body": "hello" })).as_deref(), Some("hello"));
        let name = json!({ "type": "m.room.name", "state_key": "", "content": { "name": "The room" } });
        assert_eq!(searched(&name), Some((SearchKey::Name, "The room".into())));
        let topic = json!({ "type": "m.room.topic", "state_key": "", "content": { "topic": "Old",
            "m.topic": { "m.text": [{ "body": "<b>New</b>", "mimetype": "text/html" }, { "body": "New" },
                { "body": "Old", "mimetype": "text/plain" }] } } });
        assert_eq!(searched(&topic), Some((SearchKey::Topic, "Old\nNew".into())));
        for nothing in [
            json!({ "type": "m.room.message", "content": {} }),
            json!({ "type": "m.room.message", "content": { "body": " \n" } }),
            json!({ "type": "m.room.message", "content": { "body": 5 } }),
            json!({ "type": "m.room.message", "state_key": "", "content": { "body": "state" } }),
            json!({ "type": "m.room.encrypted", "content": { "body": "no" } }),
            json!({ "type": "m.room.name", "state_key": "other", "content": { "name": "no" } }),
            json!({ "type": "m.room.name", "content": { "name": "no" } }),
        ] {
            assert_eq!(searched(&nothing), None, "{nothing}");
        }
    }

    #[test]
    fn an_edit_says_its_new_text_and_a_reply_not_what_it_replies_to() {
        let edit = json!({ "body": "* new", "m.new_content": { "body": "new" },
            "m.relates_to": { "rel_type": "m.replace", "event_id": "$a" } });
        assert_eq!(message(&edit).as_deref(), Some("new"));
        let broken = json!({ "body": "* new", "m.relates_to": { "rel_type": "m.replace", "event_id": "$a" } });
        assert_eq!(message(&broken), None);
        let reply =
            |body: &str| message(&json!({ "body": body, "m.relates_to": { "m.in_reply_to": { "event_id": "$a" } } }));
        assert_eq!(reply("> <@a:x> first\n> second\n\nanswer").as_deref(), Some("\nanswer"));
        assert_eq!(reply("> 5 is my answer").as_deref(), Some("> 5 is my answer"));
        assert_eq!(reply("> <@a:x> only"), None);
        assert_eq!(message(&json!({ "body": "> <@a:x> no reply" })).as_deref(), Some("> <@a:x> no reply"));
    }
}
