//! The draft of an event: the part that its sender decides.

use im2_model::{EventId, Millis};
use im2_store::rooms::TransactionKey;
use serde_json::{Map, Value};

/// An event that somebody wants to send.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// The event type.
    pub kind: Box<str>,
    /// The state key, for state.
    pub state_key: Option<Box<str>>,
    /// The content.
    pub content: Map<String, Value>,
    /// The event that it redacts.
    pub redacts: Option<EventId>,
    /// The timestamp, where the sender may choose it; else the current time.
    pub ts: Option<Millis>,
    /// Whether only a member may send it, even where the rules would let the sender join by it.
    pub members_only: bool,
    /// The state event that it replaces. If there is another by then, the event is not sent, which is
    /// [`im2_store::Error::Conflict`].
    pub replaces: Option<EventId>,
    /// Whether it is sent for the server or an administrator: also in the name of a user who is shadow-banned.
    pub despite_shadow_ban: bool,
}

impl Draft {
    /// A state event.
    pub fn state(kind: &str, state_key: &str, content: Map<String, Value>) -> Self {
        Self { kind: kind.into(), state_key: Some(state_key.into()), content, ..Self::default() }
    }

    /// A message event.
    pub fn message(kind: &str, content: Map<String, Value>) -> Self {
        Self { kind: kind.into(), content, ..Self::default() }
    }
}

/// The client's transaction identifier, and the device it is of.
pub type Transaction = TransactionKey;
