//! Events as their readers see them: what all readers see, and what is only for this reader in `unsigned`.
//!
//! Every event that a client is shown is written here, whatever its form: outside the engine nobody reads the stored
//! event.

use std::{collections::HashMap, io::Write as _};

use im2_core::{Core, UserSet, session::Session};
use im2_kernel::{client::write_client_event, content::Membership};
use im2_model::{DeviceId, EventId, Millis, UserId, UserNid};

use serde_json::value::RawValue;

use super::{DELAYED_PREFIX, RoomEvent, event::Replaced};

/// The reader that events are written for, and the time.
#[derive(Debug, Clone, Copy)]
pub struct Viewer<'a> {
    /// The user's number.
    pub user: UserNid,
    /// The user.
    pub user_id: &'a UserId,
    /// The device, which is told the transactions it sent events in.
    pub device: Option<&'a DeviceId>,
    /// The current time, for `age`.
    pub now: Millis,
    /// The erased users, whose messages are hidden from whoever came later.
    pub erased: &'a UserSet,
}

impl<'a> Viewer<'a> {
    /// The user of a session, on its device, now.
    pub fn of(session: &'a Session, core: &'a Core) -> Self {
        let (user, user_id, device) = (session.user, &session.user_id, Some(&session.device_id));
        Self { user, user_id, device, now: core.now(), erased: &core.erased }
    }
}

/// The form in which a client is shown an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// With `room_id`, as most endpoints have it.
    Full,
    /// Without `room_id`, inside an object that is about one room.
    InRoom,
    /// As servers exchange it (a filter's `event_format`), without `unsigned`.
    Federation,
}

/// The bundled aggregations of each event (`m.relations`), as JSON.
pub type Bundles = HashMap<EventId, Box<str>>;

/// Writes an event as JSON for a viewer who had this membership when it was sent.
pub fn write_event(
    out: &mut Vec<u8>,
    event: &RoomEvent,
    form: Form,
    viewer: &Viewer<'_>,
    membership: Membership,
    bundles: &Bundles,
) {
    let emptied = is_hidden(event, viewer, membership).then(|| event.pdu.without_content());
    let shown = emptied.as_ref().unwrap_or(&event.pdu);
    if form == Form::Federation {
        return out.extend_from_slice(shown.json().as_bytes());
    }
    write_client_event(out, shown, form == Form::Full);
    let age = viewer.now.saturating_sub(event.pdu.origin_server_ts);
    // Writing to a vector cannot fail.
    drop(write!(out, ",\"unsigned\":{{\"age\":{age},\"membership\":\"{}\"", membership.as_str()));
    if let Some(replaced) = &event.replaced {
        // The previous state is shown to those who could see it then: the members of that time, and its subject.
        let may_see = membership == Membership::Join || event.pdu.is("m.room.member", viewer.user_id.as_str());
        write_replaced(out, replaced, may_see);
    }
    if let Some(redaction) = &event.redacted_because {
        drop(write!(out, ",\"redacted_because\":{}", redaction.json));
    }
    if let Some(sent) = event.transaction.as_ref().filter(|sent| sent.user == viewer.user) {
        if let Some(delay_id) = sent.txn_id.strip_prefix(DELAYED_PREFIX) {
            // For all devices of the sender (MSC4140).
            out.extend_from_slice(b",\"org.matrix.msc4140.delay_id\":");
            drop(serde_json::to_writer(&mut *out, delay_id));
        } else if viewer.device == Some(&sent.device_id) {
            out.extend_from_slice(b",\"transaction_id\":");
            drop(serde_json::to_writer(&mut *out, &sent.txn_id));
        }
    }
    if let Some(bundle) = bundles.get(event.id()) {
        drop(write!(out, ",\"m.relations\":{bundle}"));
    }
    out.extend_from_slice(b"}}");
}

/// An event as application services are told of it: with all that is in `unsigned` for everybody, and with the content
/// of senders who have been erased since, for a service is told of events when they happen. `introduction` is
/// the name and the JSON of what introduces the room to whom the event is about.
pub fn write_event_for_service(event: &RoomEvent, introduction: Option<(&str, Vec<u8>)>, now: Millis) -> Box<RawValue> {
    let age = now.saturating_sub(event.pdu.origin_server_ts);
    let mut json = Vec::new();
    write_client_event(&mut json, &event.pdu, true);
    // Writing to a vector cannot fail.
    drop(write!(json, ",\"unsigned\":{{\"age\":{age}"));
    if let Some(replaced) = &event.replaced {
        write_replaced(&mut json, replaced, true);
    }
    if let Some(redaction) = &event.redacted_because {
        drop(write!(json, ",\"redacted_because\":{}", redaction.json));
    }
    if let Some((name, introduction)) = introduction {
        drop(write!(json, ",\"{name}\":"));
        json.extend_from_slice(&introduction);
    }
    json.extend_from_slice(b"}}");
    serde_json::from_slice(&json).expect("what is put together of JSON is JSON")
}

/// Writes the members of `unsigned` about the previous state. The specification does not name `prev_sender`, but clients
/// read it: matrix-js-sdk finds there who invited a user that has joined since, and so which rooms are direct chats.
fn write_replaced(out: &mut Vec<u8>, replaced: &Replaced, with_content: bool) {
    let Replaced { event_id, sender, content } = replaced;
    // Writing to a vector cannot fail.
    drop(write!(out, ",\"replaces_state\":\"{event_id}\""));
    if with_content {
        out.extend_from_slice(b",\"prev_sender\":");
        drop(serde_json::to_writer(&mut *out, sender));
        drop(write!(out, ",\"prev_content\":{content}"));
    }
}

/// Whether the content is not for this viewer: a message of somebody who asked to be erased, from before the viewer
/// came.
fn is_hidden(event: &RoomEvent, viewer: &Viewer<'_>, membership: Membership) -> bool {
    !event.is_state() && membership != Membership::Join && viewer.erased.contains(event.sender)
}

/// Writes a JSON array, each element by `write`.
pub fn write_array<T>(out: &mut Vec<u8>, items: impl IntoIterator<Item = T>, mut write: impl FnMut(&mut Vec<u8>, T)) {
    out.push(b'[');
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}
