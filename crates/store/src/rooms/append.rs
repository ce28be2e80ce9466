//! Appending to a room: the hot path. A message costs a handful of rows, whatever the room's size.

use std::sync::Arc;

use im2_model::{EventId, Millis, Position, RoomNid, UserId, UserNid};

use super::summaries::SummaryChange;
use crate::{AnyCommand, Command, Error, Request, Result, Transaction};

/// The view and the trigger behind the statement that appends an event. Every connection that writes needs them.
pub(crate) const APPENDING: &str = include_str!("append.sql");
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
    /// The sender.
    pub sender: UserNid,
    /// Its type.
    pub kind: Box<str>,
    /// Its state key, for state.
    pub state_key: Option<Box<str>>,
    /// `origin_server_ts`.
    pub ts: Millis,
    /// The whole event in the room version's format.
    pub pdu: Box<str>,
    /// The user and the new membership, for member events.
    pub membership: Option<(UserId, &'static str)>,
    /// Its relation to another event.
    pub relation: Option<Relation>,
    /// The redaction of another event, when it takes effect.
    pub redaction: Option<Redaction>,
    /// The terms that searches find it by, separated by spaces.
    pub terms: Option<Box<str>>,
    /// The media that its content names, as [`crate::media_references`] has them.
    pub media: Vec<String>,
    /// The client's transaction, so that a retry is recognised.
    pub transaction: Option<TransactionKey>,
    /// Whether it counts as activity in the room.
    pub bumps: bool,
    /// The change that it makes to the room's summary.
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
    /// The redacted form of that event.
    pub pdu: Box<str>,
    /// The terms that searches found it by.
    pub terms: Option<Box<str>>,
    /// The change that this makes to the room's summary, if the event is current state.
    pub summary: Option<SummaryChange>,
}

/// The request of a device that an event answers (spec: "Transaction identifiers").
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TransactionKey {
    /// The device's user.
    pub user: UserNid,
    /// The device.
    pub device_id: im2_model::DeviceId,
    /// The client's identifier.
    pub txn_id: Box<str>,
}

/// The command that appends an event, as [`Transaction::append_event`] does.
#[derive(Debug, Clone)]
pub struct Append {
    /// To which room.
    pub room: RoomNid,
    /// The number of the room's last event.
    pub head_seq: i64,
    /// The event.
    pub event: Arc<NewEvent>,
    /// Whether it is refused with [`Error::AlreadyThere`] if its sender has annotated its target in the same way.
    pub once: bool,
}

impl Command for Append {
    type Outcome = Appended;

    fn carry_out(&self, tx: &mut Transaction<'_>) -> Result<Appended> {
        let Self { room, head_seq, event, once } = self;
        if *once {
            tx.refuse_annotated(*room, event)?;
        }
        tx.append_event(*room, *head_seq, event)
    }

    fn requested<C>(request: Box<Request<Self, C>>) -> AnyCommand<C> {
        AnyCommand::Append(request)
    }
}

/// The place of an appended event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Its position in the stream.
    pub position: Position,
    /// Its number in the room.
    pub seq: i64,
    /// For member events: the number of the user whose membership it is.
    pub member: Option<UserNid>,
}

impl Transaction<'_> {
    /// Appends `event` to the room, if the room's last event is still number `head_seq`; else
    /// [`Conflict`](crate::Error::Conflict).
    ///
    /// A transaction that was used before fails as a duplicate ([`is_duplicate`](crate::Error::is_duplicate)) and leaves
    /// nothing.
    pub fn append_event(&mut self, room: RoomNid, head_seq: i64, event: &NewEvent) -> Result<Appended> {
        let (position, seq) = (self.next_position(), head_seq + 1);
        self.insert_event(room, (position, seq), event)?;
        if let Some(state_key) = &event.state_key {
            self.set_state(room, &event.kind, state_key, seq, position)?;
        }
        let member = match &event.membership {
            Some((user_id, membership)) => {
                let member = (user_id, *membership);
                Some(self.set_membership(room, member, Some(event.sender), (seq, position), None)?)
            }
            None => None,
        };
        if let Some(change) = &event.summary {
            self.change_summary(room, change)?;
        }
        self.index_in_timeline(room, (position, seq), event)?;
        if let Some(redaction) = &event.redaction {
            self.redact_event(room, redaction, &event.event_id, event.ts)?;
        }
        self.refer_to_media(room, position, &event.media)?;
        Ok(Appended { position, seq, member })
    }

    /// Refuses an event with [`Error::AlreadyThere`] if its sender has annotated its target in the same way before. Asked
    /// where one change comes after the other, because two events that are sent at the same moment both find nothing
    /// before.
    pub fn refuse_annotated(&self, room: RoomNid, event: &NewEvent) -> Result<()> {
        let Some(Relation { target, key: Some(key), .. }) = &event.relation else { return Ok(()) };
        if self.is_annotated(room, target, &event.kind, key, event.sender)? { Err(Error::AlreadyThere) } else { Ok(()) }
    }

    pub(super) fn store_event(&self, room: RoomNid, (position, seq): (Position, i64), event: &NewEvent) -> Result<()> {
        let insert = "INSERT INTO events (position, room_nid, seq, event_id, sender_nid, ts, pdu)
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let NewEvent { event_id, sender, ts, pdu, .. } = event;
        let row = (position.to_i64(), room.0, seq, event_id.as_str(), sender.0, *ts as i64, pdu);
        self.execute(insert, row).map(drop)
    }

    /// Enters an event of the timeline where it is looked for: by what it refers to, and by its words.
    pub(super) fn index_in_timeline(
        &self,
        room: RoomNid,
        (position, seq): (Position, i64),
        event: &NewEvent,
    ) -> Result<()> {
        if let Some(relation) = &event.relation {
            let insert = "INSERT INTO relations (room_nid, target_id, rel_type, seq, position, kind, sender_nid, key)
                          VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
            let Relation { target, rel_type, key } = relation;
            let at = position.to_i64();
            let row = (room.0, target.as_str(), rel_type, seq, at, &event.kind, event.sender.0, key);
            self.execute(insert, row)?;
            self.relate_to_ancestors(room, target, seq)?;
        }
        if let Some(terms) = &event.terms {
            self.index_event(position, room, terms)?;
        }
        Ok(())
    }

    /// Adds the event to the room and notes the client's transaction, if the room has not moved on: see [`APPENDING`].
    fn insert_event(&self, room: RoomNid, (position, seq): (Position, i64), event: &NewEvent) -> Result<()> {
        let transaction = event.transaction.as_ref();
        if transaction.is_some() && position.sequence().is_multiple_of(FORGOTTEN_AT_ONCE / 2) {
            self.forget_transactions_before(event.ts.saturating_sub(TRANSACTION_LIFE), FORGOTTEN_AT_ONCE)?;
        }
        let sql = "INSERT INTO appended_events (position, room_nid, seq, event_id, sender_nid, ts, pdu, bumps, kind,
                                                user_nid, device_id, txn_id)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
        let NewEvent { event_id, sender, kind, ts, pdu, bumps, .. } = event;
        let row = (
            position.to_i64(),
            room.0,
            seq,
            event_id.as_str(),
            sender.0,
            *ts as i64,
            pdu,
            bumps,
            kind,
            transaction.map(|key| key.user.0),
            transaction.map(|key| key.device_id.as_str()),
            transaction.map(|key| &key.txn_id),
        );
        self.execute(sql, row).map(drop)
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
                       ON CONFLICT (room_nid, kind, state_key) DO UPDATE SET position = excluded.position, since = NULL";
        self.execute(current, (room.0, kind, state_key, position.to_i64()))?;
        if matches!(kind, "m.room.join_rules" | "m.room.history_visibility") && state_key.is_empty() {
            self.derive_openness(room)?;
        }
        Ok(())
    }

    fn redact_event(&self, room: RoomNid, redaction: &Redaction, by: &EventId, now: Millis) -> Result<()> {
        let sql = "UPDATE events SET pdu = ?3, redacted_by = ?4
                   WHERE event_id = ?1 AND room_nid = ?2 AND redacted_by IS NULL RETURNING position, seq";
        let target = (redaction.target.as_str(), room.0, &redaction.pdu, by.as_str());
        let redacted = self.row(sql, target, |row| Ok((Position::from_i64(row.get(0)?), row.get::<i64>(1)?)))?;
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

#[cfg(test)]
mod tests {
    use im2_model::{DeviceId, EventId, Position, PositionClock, RoomId, UserId};

    use super::{NewEvent, TransactionKey};
    use crate::{Transaction, migrations, sqlite::Connection, sqlite::work::statements};

    #[test]
    fn a_plain_message_takes_two_statements() {
        let connection = Connection::in_memory();
        migrations::migrate(&connection).unwrap();
        let mut clock = PositionClock::new(1, Position::default());
        let mut tx = Transaction::new(&connection, &mut clock);
        let room = tx.create_room(&RoomId::parse("!room:example.org").unwrap(), "12", 0).unwrap();
        let sender = tx.ensure_user(&UserId::parse("@ana:example.org").unwrap()).unwrap();
        let counts = (0..1_000).map(|number| {
            let message = NewEvent {
                event_id: EventId::parse(&format!("$event{number}")).unwrap(),
                sender,
                kind: "m.room.message".into(),
                state_key: None,
                ts: 0,
                pdu: "{}".into(),
                membership: None,
                relation: None,
                redaction: None,
                terms: Some("hello".into()),
                media: Vec::new(),
                transaction: Some(TransactionKey {
                    user: sender,
                    device_id: DeviceId::parse("D").unwrap(),
                    txn_id: number.to_string().into(),
                }),
                bumps: true,
                summary: None,
            };
            let (appended, count) = statements(|| tx.append_event(room, number, &message));
            assert_eq!(appended.unwrap().seq, number + 1);
            count
        });
        let counts: Vec<usize> = counts.collect();
        // Now and then transactions are forgotten, and terms enter the index.
        let plain = counts.iter().filter(|count| **count == 2).count();
        assert!(plain > 960 && counts.iter().all(|count| *count <= 5), "{plain} of 1,000: {counts:?}");
        let all: usize = counts.iter().sum();
        assert!(all <= 2_050, "{all} statements for 1,000 messages");
    }
}
