//! The parts of answers that the generator reads, borrowed from the body so that parsing stays cheap.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

/// A string that is borrowed unless it contains escapes.
#[derive(Debug, Default, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
pub struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// The answer to `/sync`.
#[derive(Debug, Deserialize)]
pub struct SyncAnswer<'a> {
    /// The token to continue with.
    #[serde(borrow)]
    pub next_batch: Text<'a>,
    /// The rooms with news.
    #[serde(borrow, default)]
    pub rooms: SyncRooms<'a>,
}

/// `rooms` of a `/sync` answer.
#[derive(Debug, Default, Deserialize)]
pub struct SyncRooms<'a> {
    /// Rooms that the user is a member of.
    #[serde(borrow, default)]
    pub join: BTreeMap<Text<'a>, JoinedRoom<'a>>,
}

/// One room of `rooms.join`.
#[derive(Debug, Deserialize)]
pub struct JoinedRoom<'a> {
    /// The new events.
    #[serde(borrow, default)]
    pub timeline: Timeline<'a>,
}

/// The timeline of one room.
#[derive(Debug, Default, Deserialize)]
pub struct Timeline<'a> {
    /// The events, oldest first.
    #[serde(borrow, default)]
    pub events: Vec<Event<'a>>,
    /// Whether events are missing between the last answer and this one.
    #[serde(default)]
    pub limited: bool,
    /// The token from which missing events are read, backwards.
    #[serde(borrow)]
    pub prev_batch: Option<Text<'a>>,
}

/// An event of a room.
#[derive(Debug, Deserialize)]
pub struct Event<'a> {
    /// Its id.
    #[serde(borrow)]
    pub event_id: Text<'a>,
    /// Its type.
    #[serde(borrow, rename = "type")]
    pub kind: Text<'a>,
    /// Its content, parsed only for messages.
    #[serde(borrow)]
    pub content: &'a RawValue,
}

/// The answer to a simplified sliding sync.
#[derive(Debug, Deserialize)]
pub struct SlidingAnswer<'a> {
    /// The token to continue with.
    #[serde(borrow)]
    pub pos: Text<'a>,
    /// The lists that were asked for.
    #[serde(borrow, default)]
    pub lists: BTreeMap<Text<'a>, SlidingList>,
    /// The rooms with news.
    #[serde(borrow, default)]
    pub rooms: BTreeMap<Text<'a>, &'a RawValue>,
}

/// One list of a sliding sync.
#[derive(Debug, Deserialize)]
pub struct SlidingList {
    /// How many rooms it has, whatever the range.
    pub count: usize,
}

/// The answer to `/rooms/{roomId}/messages`.
#[derive(Debug, Deserialize)]
pub struct MessagesAnswer<'a> {
    /// The events of this page.
    #[serde(borrow)]
    pub chunk: Vec<Event<'a>>,
    /// The token of the next page; absent on the last.
    #[serde(borrow)]
    pub end: Option<Text<'a>>,
}

/// The answer to `/send`.
#[derive(Debug, Deserialize)]
pub struct SendAnswer<'a> {
    /// The id of the new event.
    #[serde(borrow)]
    pub event_id: Text<'a>,
}

/// The spec's standard error.
#[derive(Debug, Deserialize)]
pub struct ErrorAnswer<'a> {
    /// The error code.
    #[serde(borrow)]
    pub errcode: Text<'a>,
    /// The sentence for people.
    #[serde(borrow, default)]
    pub error: Text<'a>,
}

#[derive(Deserialize)]
struct MessageContent<'a> {
    #[serde(borrow)]
    body: Text<'a>,
}

/// The marker in the body of a generated message: the run it belongs to and its place among the run's messages.
///
/// The body reads `im2-bench RUN SEQUENCE padding…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marker<'a> {
    /// The run.
    pub run: &'a str,
    /// The place among the messages of the run.
    pub sequence: u64,
}

impl<'a> Marker<'a> {
    /// The content of a message with this marker, `size` bytes of text long where the marker is shorter.
    pub fn content(&self, size: usize) -> String {
        const FILLER: &str = "the quick brown fox jumps over the lazy dog ";
        let mut body = format!("im2-bench {} {}", self.run, self.sequence);
        if body.len() < size {
            body.push(' ');
            body.extend(FILLER.chars().cycle().take(size - body.len()));
        }
        format!(r#"{{"msgtype":"m.text","body":"{body}"}}"#)
    }

    /// Reads the marker out of a message's text.
    pub fn parse(body: &'a str) -> Option<Self> {
        let mut words = body.split(' ');
        if words.next() != Some("im2-bench") {
            return None;
        }
        Some(Self { run: words.next()?, sequence: words.next()?.parse().ok()? })
    }
}

impl Event<'_> {
    /// The sequence number, when this is a message of the run.
    pub fn sequence_in(&self, run: &str) -> Option<u64> {
        if self.kind.0 != "m.room.message" {
            return None;
        }
        let content: MessageContent<'_> = serde_json::from_str(self.content.get()).ok()?;
        Marker::parse(&content.body.0).filter(|marker| marker.run == run).map(|marker| marker.sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_survives_its_message() {
        for size in [0, 30, 500] {
            let marker = Marker { run: "5f3a", sequence: 1234 };
            let content = marker.content(size);
            let json = format!(r#"{{"type":"m.room.message","event_id":"$a","content":{content}}}"#);
            let event: Event<'_> = serde_json::from_str(&json).expect("an event");
            assert_eq!(event.sequence_in("5f3a"), Some(1234));
            assert_eq!(event.sequence_in("other"), None);
            let parsed: MessageContent<'_> = serde_json::from_str(&content).expect("content");
            assert_eq!(parsed.body.0.len(), size.max("im2-bench 5f3a 1234".len()));
        }
    }

    #[test]
    fn other_texts_carry_no_marker() {
        for body in ["", "hello", "im2-bench", "im2-bench run", "im2-bench run x", "xim2-bench run 1"] {
            assert_eq!(Marker::parse(body), None, "{body:?}");
        }
    }

    #[test]
    fn a_sync_answer_is_borrowed() {
        let body = r#"{"next_batch":"s1_2","device_one_time_keys_count":{},"rooms":{"join":{"!r:h":{"timeline":
            {"events":[{"type":"m.room.message","event_id":"$a","sender":"@a:h","content":{"body":"im2-bench r 7 x"}},
            {"type":"m.room.member","event_id":"$b","content":{"membership":"join"},"state_key":"@b:h"}],
            "limited":true,"prev_batch":"p\u0031"},"unread_notifications":{}}},"leave":{}},"presence":{"events":[]}}"#;
        let answer: SyncAnswer<'_> = serde_json::from_str(body).expect("a sync answer");
        assert!(matches!(answer.next_batch.0, Cow::Borrowed("s1_2")));
        let (room, joined) = answer.rooms.join.first_key_value().expect("a room");
        assert!(matches!(room.0, Cow::Borrowed("!r:h")));
        assert!(joined.timeline.limited);
        assert_eq!(joined.timeline.prev_batch, Some(Text("p1".into())));
        let sequences: Vec<_> = joined.timeline.events.iter().map(|event| event.sequence_in("r")).collect();
        assert_eq!(sequences, [Some(7), None]);
    }

    #[test]
    fn an_empty_sync_answer_has_no_rooms() {
        let answer: SyncAnswer<'_> = serde_json::from_str(r#"{"next_batch":"s1"}"#).expect("a sync answer");
        assert!(answer.rooms.join.is_empty());
    }
}
