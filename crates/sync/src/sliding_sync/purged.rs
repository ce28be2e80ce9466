//! Rooms that have been purged: to a client that was told of one it is a room that was left, and it hears so once.

use im2_kernel::content::Membership;
use im2_model::{Millis, RoomId, UserId};
use serde_json::{Value, json};

use super::{Answering, object::Object, request::Dialect, sent::Delta};
use crate::changes::GoneNews;

impl Answering<'_> {
    /// Writes the rooms that are gone and that the client does not know to have been left.
    pub(super) fn write_gone(&self, rooms: &mut Object, delta: &mut Delta) {
        for gone in &self.changes.gone {
            let Some(known) = self.before.rooms.get(&gone.room) else { continue };
            delta.rooms.remove(&gone.room);
            delta.gone.push(gone.room);
            if !matches!(known.membership, Membership::Leave | Membership::Ban) {
                let body = self.gone(gone);
                rooms.key(gone.room_id.as_str(), |out| out.extend_from_slice(&body));
            }
        }
    }

    /// A room that is gone: the event by which the user left it, as state and as the end of the timeline, because
    /// clients of the older form know from the state alone what the user is to a room.
    fn gone(&self, gone: &GoneNews) -> Vec<u8> {
        let mut out = Object::new();
        if self.request.dialect == Dialect::Stable {
            out.member("membership", "leave").member("lists", [""; 0]);
        }
        let own = || stand_in(&self.session.user_id, &gone.room_id, self.sync.core.now()).to_string();
        let event = gone.event.as_deref().map_or_else(own, str::to_owned);
        for name in ["required_state", "timeline"] {
            out.key(name, |out| out.extend_from_slice(format!("[{event}]").as_bytes()));
        }
        out.member("limited", false).member("num_live", 1);
        out.finish()
    }
}

/// A stand-in for the event by which a user left a room that was purged with the user in it: there is no such event,
/// and no room for one.
fn stand_in(user_id: &UserId, room_id: &RoomId, now: Millis) -> Value {
    json!({
        "type": "m.room.member",
        "state_key": user_id,
        "sender": user_id,
        "content": { "membership": "leave" },
        "event_id": room_id.as_str().replacen('!', "$", 1),
        "origin_server_ts": now,
    })
}

#[cfg(test)]
mod tests {
    use im2_model::{EventId, RoomId, UserId};

    use super::stand_in;

    #[test]
    fn a_purge_with_somebody_in_the_room_reads_as_their_leaving() {
        let (ana, room) = (UserId::parse("@ana:x").unwrap(), RoomId::parse("!room:x").unwrap());
        let event = stand_in(&ana, &room, 7);
        assert_eq!((&event["state_key"], &event["content"]["membership"]), (&"@ana:x".into(), &"leave".into()));
        assert!(EventId::parse(event["event_id"].as_str().unwrap()).is_ok());
    }
}
