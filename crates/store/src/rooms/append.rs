//! Appending to a room: the hot path. A message costs a handful of rows, whatever the room's size.

use im2_model::{EventId, Millis, Position, RoomNid, UserId, UserNid};

use super::summaries::SummaryChange;
use crate::{Error, Result, Transaction};

/// How long a client may wait with trying again: a device that was away for a week has not sent it twice.
const TRANSACTION_LIFE: Millis = 7 * 24 * 60 * 60 * 1_000;
/// Transactions looked at in one go to forget them, and positions between two looks, which is half as many, so that
/// they do not pile up.
const FORGOTTEN_AT_ONCE: u64 = 64;

/// An event ready to be stored.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// Its identifier.
    pub event_id: EventId,
    /// Who sent it.
    pub sender: UserNid,
    /// Its type.
    pub kind: Box<str>,
    /// Its state key, for state.
    pub state_key: Option<Box<str>>,
    /// `origin_server_ts`.
    pub ts: Millis,
    /// The whole event in the room version's format.
    pub pdu: Box<str>,
    /// For member events: whose membership, and what it becomes.
    pub membership: Option<(UserId, &'static str)>,
    /// What it refers to.
    pub relation: Option<Relation>,
    /// What it redacts, when the redaction takes effect.
    pub redaction: Option<Redaction>,
    /// The terms that searches find it by, separated by spaces.
    pub terms: Option<Box<str>>,
    /// The media that its content names, as [`crate::media_references`] has them.
    pub media: Vec<String>,
    /// The client's transaction, so that a retry is recognised.
    pub transaction: Option<TransactionKey>,
    /// Whether it counts as activity in the room.
    pub bumps: bool,
    /// What it changes of what lists of rooms are filtered by.
    pub summary: Option<SummaryChange>,
}

/// An event's `m.relates_to`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// The event referred to.
    pub target: EventId,
    /// `rel_type`.
    pub rel_type: Box<str>,
    /// `key` of an annotation.
    pub key: Option<Box<str>>,
}

/// The effect of a redaction on its target.
#[derive(Debug, Clone)]
pub struct Redaction {
    /// The event redacted.
    pub target: EventId,
    /// What is left of it.
    pub pdu: Box<str>,
    /// The terms that searches found it by.
    pub terms: Option<Box<str>>,
    /// What that changes of what lists of rooms are filtered by, if the event is current state.
    pub summary: Option<SummaryChange>,
}

/// Which request of which device an event answers (spec: "Transaction identifiers").
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TransactionKey {
    /// The device's user.
    pub user: UserNid,
    /// The device.
    pub device_id: im2_model::DeviceId,
    /// The client's identifier.
    pub txn_id: Box<str>,
}

/// Where an event came to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// In the stream.
    pub position: Position,
    /// In the room.
    pub seq: i64,
    /// For member events: the number of the user whose membership it is.
    pub member: Option<UserNid>,
}

impl Transaction<'_> {
    /// Appends `event` to the room, if the room's last event is still number `head_seq`; else [`Error::Conflict`].
    ///
    /// A transaction that was used before fails as a duplicate ([`Error::is_duplicate`]) and leaves nothing.
    pub fn append_event(&mut self, room: RoomNid, head_seq: i64, event: &NewEvent) -> Result<Appended> {
        let position = self.next_position();
        let moved = "UPDATE rooms SET head_seq = ?2 + 1, last_position = ?3, bump_position = iif(?4, ?3, bump_position)
                     WHERE nid = ?1 AND head_seq = ?2 AND NOT purging";
        if self.execute(moved, (room.0, head_seq, position.to_i64(), event.bumps))? != 1 {
            return Err(Error::Conflict);
        }
        let seq = head_seq + 1;
        let insert = "INSERT INTO events (position, room_nid, seq, event_id, sender_nid, ts, pdu)
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let (at, ts) = (position.to_i64(), event.ts as i64);
        self.execute(insert, (at, room.0, seq, event.event_id.as_str(), event.sender.0, ts, &event.pdu))?;
        if let Some(transaction) = &event.transaction {
            self.record_transaction(position, room, event, transaction)?;
        }
        if let Some(state_key) = &event.state_key {
            self.set_state(room, &event.kind, state_key, seq, position)?;
        }
        let member = match &event.membership {
            Some((user_id, membership)) => {
                Some(self.set_membership(room, user_id, membership, event.sender, seq, position)?)
            }
            None => None,
        };
        if let Some(change) = &event.summary {
            self.change_summary(room, change)?;
        }
        if let Some(relation) = &event.relation {
            let insert = "INSERT INTO relations (room_nid, target_id, rel_type, seq, position, kind, sender_nid, key)
                          VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
            let Relation { target, rel_type, key } = relation;
            let row = (room.0, target.as_str(), rel_type, seq, at, &event.kind, event.sender.0, key);
            self.execute(insert, row)?;
            self.relate_to_ancestors(room, target, seq)?;
        }
        if let Some(terms) = &event.terms {
            self.index_event(position, room, terms)?;
        }
        if let Some(redaction) = &event.redaction {
            self.redact_event(room, redaction, &event.event_id, event.ts)?;
        }
        self.refer_to_media(room, position, &event.media)?;
        Ok(Appended { position, seq, member })
    }

    fn record_transaction(
        &self,
        position: Position,
        room: RoomNid,
        event: &NewEvent,
        transaction: &TransactionKey,
    ) -> Result<()> {
        if position.sequence().is_multiple_of(FORGOTTEN_AT_ONCE / 2) {
            self.forget_transactions_before(event.ts.saturating_sub(TRANSACTION_LIFE), FORGOTTEN_AT_ONCE)?;
        }
        let insert = "INSERT INTO transactions (position, user_nid, device_id, room_nid, kind, txn_id)
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let TransactionKey { user, device_id, txn_id } = transaction;
        let row = (position.to_i64(), user.0, device_id.as_str(), room.0, &event.kind, txn_id);
        self.execute(insert, row).map(drop)
    }

    /// Forgets those of the `limit` oldest transactions whose events were sent before `ts`.
    fn forget_transactions_before(&self, ts: Millis, limit: u64) -> Result<()> {
        let sql = "DELETE FROM transactions WHERE position IN (
                       SELECT t.position FROM (SELECT position FROM transactions ORDER BY position LIMIT ?2) t
                       LEFT JOIN events e ON e.position = t.position
                       WHERE e.ts IS NULL OR e.ts < ?1 OR e.ts > ?1 + 2 * ?3)";
        self.execute(sql, (ts as i64, limit as i64, TRANSACTION_LIFE as i64)).map(drop)
    }

    fn set_state(&self, room: RoomNid, kind: &str, state_key: &str, seq: i64, position: Position) -> Result<()> {
        let history =
            "INSERT INTO state_history (room_nid, kind, state_key, seq, position) VALUES (?1, ?2, ?3, ?4, ?5)";
        self.execute(history, (room.0, kind, state_key, seq, position.to_i64()))?;
        let current = "INSERT INTO current_state (room_nid, kind, state_key, position) VALUES (?1, ?2, ?3, ?4)
                       ON CONFLICT DO UPDATE SET position = excluded.position";
        self.execute(current, (room.0, kind, state_key, position.to_i64()))?;
        if matches!(kind, "m.room.join_rules" | "m.room.history_visibility") && state_key.is_empty() {
            self.derive_openness(room)?;
        }
        Ok(())
    }

    fn set_membership(
        &self,
        room: RoomNid,
        user_id: &UserId,
        membership: &str,
        sender: UserNid,
        seq: i64,
        position: Position,
    ) -> Result<UserNid> {
        let user = self.ensure_user(user_id)?;
        let sql = "INSERT INTO memberships (user_nid, room_nid, membership, position, seq, by_self, was_joined)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?3 = 'join')
                   ON CONFLICT DO UPDATE SET membership = excluded.membership, position = excluded.position,
                                             seq = excluded.seq, forgotten = 0, by_self = excluded.by_self,
                                             was_joined = max(was_joined, excluded.was_joined)";
        self.execute(sql, (user.0, room.0, membership, position.to_i64(), seq, sender == user))?;
        if membership != "join" {
            self.execute("DELETE FROM unread_counts WHERE user_nid = ?1 AND room_nid = ?2", (user.0, room.0))?;
        }
        Ok(user)
    }

    fn redact_event(&self, room: RoomNid, redaction: &Redaction, by: &EventId, now: Millis) -> Result<()> {
        let sql = "UPDATE events SET pdu = ?3, redacted_by = ?4
                   WHERE event_id = ?1 AND room_nid = ?2 AND redacted_by IS NULL RETURNING position, seq";
        let target = (redaction.target.as_str(), room.0, &redaction.pdu, by.as_str());
        let redacted = self.row(sql, target, |row| Ok((Position::from_i64(row.get(0)?), row.get::<_, i64>(1)?)))?;
        if let Some((position, seq)) = redacted {
            self.unrelate(room, seq)?;
            if let Some(terms) = &redaction.terms {
                self.unindex_event(position, room, terms)?;
            }
            self.release_media(room, position, now)?;
        }
        match &redaction.summary {
            Some(change) if self.is_current_state(room, &redaction.target)? => self.change_summary(room, change),
            _ => Ok(()),
        }
    }
}
