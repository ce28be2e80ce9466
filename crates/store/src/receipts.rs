//! Receipts: how far each user has read in a room.

use im2_model::{EventId, Millis, Position, Reached, RoomNid, StreamToken, UserId, UserNid};

use crate::{AnyCommand, Command, Request, Result, Row, Snapshot, Transaction, rooms::numbers, values::Value};

/// A user's newest receipt of one kind for one thread of a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The room.
    pub room: RoomNid,
    /// The user's number.
    pub user: UserNid,
    /// The user.
    pub user_id: UserId,
    /// `m.read` or `m.read.private`.
    pub kind: String,
    /// The thread it is for: `None` for unthreaded, else `main` or the thread root.
    pub thread_id: Option<String>,
    /// The event read up to.
    pub event_id: EventId,
    /// That event's place in the room.
    pub event_seq: i64,
    /// When it was sent.
    pub ts: Millis,
    /// When it changed, in the stream.
    pub position: Position,
}

/// The command that marks a room as read: moves a user's receipts forward, and a marker that is kept as account data, each
/// to a position of its own. What is as far already stays where it is.
#[derive(Debug, Clone)]
pub struct MarkRead {
    /// The room.
    pub room: RoomNid,
    /// Whose receipts and marker.
    pub user: UserNid,
    /// The receipts, at most one of each kind and thread. What they say of their position does not count.
    pub receipts: Vec<Receipt>,
    /// The marker.
    pub marker: Option<ReadMarker>,
    /// How many receipts a user may have in a room when one for another thread is added.
    pub most: u64,
}

/// A place in a room that is kept as account data.
#[derive(Debug, Clone)]
pub struct ReadMarker {
    /// The type of the account data.
    pub kind: &'static str,
    /// Its content, which names an event.
    pub content: String,
    /// That event's place in the room.
    pub event_seq: i64,
    /// Finds the event that a content names.
    pub names: fn(&str) -> Option<EventId>,
}

/// What was moved.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MarkedRead {
    /// Receipts, with their positions.
    pub receipts: Vec<Receipt>,
    /// The marker's position, if it was moved.
    pub marker: Option<Position>,
}

impl Command for MarkRead {
    /// Nothing if there would be too many receipts for threads: then nothing was moved.
    type Outcome = Option<MarkedRead>;

    fn carry_out(&self, tx: &mut Transaction<'_>) -> Result<Option<MarkedRead>> {
        let Self { room, user, receipts, marker, most } = self;
        let mut ahead = Vec::with_capacity(receipts.len());
        for receipt in receipts {
            let thread_id = receipt.thread_id.as_deref();
            let before = tx.receipt_seq(*room, *user, &receipt.kind, thread_id)?;
            if before.is_none() && thread_id.is_some() && tx.receipt_count(*room, *user)? >= *most {
                return Ok(None);
            }
            if before < Some(receipt.event_seq) {
                ahead.push(receipt);
            }
        }
        let mut marked = MarkedRead::default();
        for receipt in ahead {
            let receipt = Receipt { position: tx.next_position(), ..receipt.clone() };
            tx.set_receipt(&receipt)?;
            marked.receipts.push(receipt);
        }
        if let Some(marker) = marker
            && marker.is_ahead(tx, *room, *user)?
        {
            let position = tx.next_position();
            tx.set_account_data(*user, Some(*room), marker.kind, &marker.content, position)?;
            marked.marker = Some(position);
        }
        Ok(Some(marked))
    }

    fn requested<C>(request: Box<Request<Self, C>>) -> AnyCommand<C> {
        AnyCommand::MarkRead(request)
    }
}

impl ReadMarker {
    fn is_ahead(&self, db: &Snapshot<'_>, room: RoomNid, user: UserNid) -> Result<bool> {
        let before = db.account_data(user, Some(room), self.kind)?;
        let Some(before) = before.and_then(|content| (self.names)(&content)) else { return Ok(true) };
        Ok(db.event(room, &before)?.is_none_or(|event| event.seq < self.event_seq))
    }
}

const SELECT: &str = "SELECT room_nid, user_nid, user_id, kind, thread_id, event_id, event_seq, ts, position
                      FROM receipts JOIN users ON users.nid = receipts.user_nid";
/// The column of the position in it.
const POSITION: usize = 8;

fn read_receipt(row: &Row<'_>) -> Result<Receipt> {
    Ok(Receipt {
        room: RoomNid(row.get(0)?),
        user: UserNid(row.get(1)?),
        user_id: row.parsed(2, UserId::parse)?,
        kind: row.get(3)?,
        thread_id: Some(row.get(4)?).filter(|thread: &String| !thread.is_empty()),
        event_id: row.parsed(5, EventId::parse)?,
        event_seq: row.get(6)?,
        ts: row.get::<i64>(7)? as Millis,
        position: Position::from_i64(row.get(8)?),
    })
}

impl Snapshot<'_> {
    /// The receipts of `rooms`: everybody's public ones and the private ones of `reader`.
    pub fn receipts_in_rooms(&self, rooms: &[RoomNid], reader: UserNid) -> Result<Vec<Receipt>> {
        let sql = |slots: &str| {
            format!("{SELECT} WHERE room_nid IN ({slots}) AND (kind <> 'm.read.private' OR user_nid = ?1)")
        };
        self.rows_of_set(&[Value::Integer(reader.0)], numbers(rooms), sql, read_receipt)
    }

    /// Those of one room that changed after `since`.
    pub fn receipts_since(&self, room: RoomNid, reader: UserNid, since: &StreamToken) -> Result<Vec<Receipt>> {
        let sql = format!(
            "{SELECT} WHERE room_nid = ?1 AND (kind <> 'm.read.private' OR user_nid = ?2)
             AND position > ?3 AND position <= ?4"
        );
        let range = self.range_after(since.stream())?;
        let params = (room.0, reader.0, range.low, range.high);
        self.rows_in_range(&sql, params, (&range, POSITION), usize::MAX, read_receipt)
    }

    /// Everybody's receipts in a room, private ones too, that changed after `after` and not after `until`.
    pub fn receipts_between(&self, room: RoomNid, after: &Reached, until: &Reached) -> Result<Vec<Receipt>> {
        let sql = format!("{SELECT} WHERE room_nid = ?1 AND position > ?2 AND position <= ?3");
        let range = self.range(after, until)?;
        let params = (room.0, range.low, range.high);
        self.rows_in_range(&sql, params, (&range, POSITION), usize::MAX, read_receipt)
    }

    /// The rooms in which a receipt changed after `after` and not after `until`.
    pub fn rooms_read_between(&self, after: &Reached, until: &Reached) -> Result<Vec<RoomNid>> {
        let sql = "SELECT room_nid, position FROM receipts WHERE position > ?1 AND position <= ?2";
        let range = self.range(after, until)?;
        let params = (range.low, range.high);
        let mut rooms = self.rows_in_range(sql, params, (&range, 1), usize::MAX, |row| row.get(0).map(RoomNid))?;
        rooms.sort_unstable();
        rooms.dedup();
        Ok(rooms)
    }

    /// Those that changed after `since` in all rooms that `reader` is joined to.
    pub fn receipts_of_rooms_since(&self, reader: UserNid, since: &StreamToken) -> Result<Vec<Receipt>> {
        let sql = "SELECT r.room_nid, r.user_nid, user_id, kind, thread_id, event_id, event_seq, ts, r.position
                   FROM memberships m
                   JOIN receipts r ON r.room_nid = m.room_nid AND r.position > ?2 AND r.position <= ?3
                   JOIN users ON users.nid = r.user_nid
                   WHERE m.user_nid = ?1 AND m.membership = 'join' AND (kind <> 'm.read.private' OR r.user_nid = ?1)";
        let range = self.range_after(since.stream())?;
        let params = (reader.0, range.low, range.high);
        self.rows_in_range(sql, params, (&range, POSITION), usize::MAX, read_receipt)
    }

    /// One user's receipts in `rooms`, of every kind and thread.
    pub fn receipts_of(&self, rooms: &[RoomNid], user: UserNid) -> Result<Vec<Receipt>> {
        let sql = |slots: &str| format!("{SELECT} WHERE room_nid IN ({slots}) AND user_nid = ?1");
        self.rows_of_set(&[Value::Integer(user.0)], numbers(rooms), sql, read_receipt)
    }

    /// How many receipts a user has in a room.
    pub fn receipt_count(&self, room: RoomNid, user: UserNid) -> Result<u64> {
        let sql = "SELECT count(*) FROM receipts WHERE room_nid = ?1 AND user_nid = ?2";
        let count: Option<i64> = self.row(sql, (room.0, user.0), |row| row.get(0))?;
        Ok(count.unwrap_or(0) as u64)
    }

    /// The place in the room that a user's receipt of one kind and thread has reached.
    pub fn receipt_seq(
        &self,
        room: RoomNid,
        user: UserNid,
        kind: &str,
        thread_id: Option<&str>,
    ) -> Result<Option<i64>> {
        let sql = "SELECT event_seq FROM receipts
                   WHERE room_nid = ?1 AND user_nid = ?2 AND kind = ?3 AND thread_id = ?4";
        self.row(sql, (room.0, user.0, kind, thread_id.unwrap_or("")), |row| row.get(0))
    }
}

impl Transaction<'_> {
    /// Sets a receipt, in the place of the one of the same user, kind and thread.
    pub fn set_receipt(&self, receipt: &Receipt) -> Result<()> {
        let sql = "INSERT INTO receipts (room_nid, user_nid, kind, thread_id, event_id, event_seq, ts, position)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                   ON CONFLICT (room_nid, user_nid, kind, thread_id) DO UPDATE SET event_id = excluded.event_id, event_seq = excluded.event_seq,
                                             ts = excluded.ts, position = excluded.position";
        let thread_id = receipt.thread_id.as_deref().unwrap_or("");
        let Receipt { room, user, kind, event_id, event_seq, ts, position, .. } = receipt;
        let row = (room.0, user.0, kind, thread_id, event_id.as_str(), event_seq, *ts as i64, position.to_i64());
        self.execute(sql, row).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::Receipt;
    use crate::{Options, Result, Store};
    use im2_model::{EventId, RoomId, StreamToken, UserId};

    #[tokio::test]
    async fn a_private_receipt_is_read_by_its_owner_only_and_since_skips_what_was_seen() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::<()>::open(&Options::new(directory.path())).unwrap();
        let (room, ana, ben, first) = store
            .write(|tx| {
                let room = tx.create_room(&RoomId::parse("!room:example.org").unwrap(), "12", 0)?;
                let users = ["@ana:example.org", "@ben:example.org"].map(|text| UserId::parse(text).unwrap());
                let [ana, ben] = [tx.ensure_user(&users[0])?, tx.ensure_user(&users[1])?];
                let mut positions = Vec::new();
                for (kind, thread) in [("m.read", None), ("m.read", Some("main")), ("m.read.private", None)] {
                    let position = tx.next_position();
                    positions.push(position);
                    tx.set_receipt(&Receipt {
                        room,
                        user: ana,
                        user_id: users[0].clone(),
                        kind: kind.into(),
                        thread_id: thread.map(Into::into),
                        event_id: EventId::parse("$event").unwrap(),
                        event_seq: 3,
                        ts: 5,
                        position,
                    })?;
                }
                Ok((room, ana, ben, positions[0]))
            })
            .await
            .unwrap();
        let since = StreamToken::at(first, 0);
        let kinds = |receipts: Result<Vec<Receipt>>| {
            let receipts = receipts.unwrap().into_iter();
            receipts.map(|receipt| (receipt.kind, receipt.thread_id)).collect::<Vec<_>>()
        };
        store
            .read(move |db| {
                assert_eq!(kinds(db.receipts_in_rooms(&[room], ana)).len(), 3);
                assert_eq!(kinds(db.receipts_in_rooms(&[room], ben)).len(), 2);
                assert_eq!(kinds(db.receipts_since(room, ben, &since)), [("m.read".into(), Some("main".into()))]);
                assert_eq!(db.receipt_seq(room, ana, "m.read", Some("main"))?, Some(3));
                assert_eq!(db.receipt_seq(room, ben, "m.read", None)?, None);
                Ok(())
            })
            .await
            .unwrap();
    }
}
