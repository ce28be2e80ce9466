//! Subscriptions of users to threads (MSC4306).

use im2_model::{EventId, Position, Reached, RoomId, RoomNid, StreamToken, UserNid};

use crate::{Result, Row, Snapshot, Transaction};

/// A user's subscription to one thread, or its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThreadSubscription {
    /// Whether it is followed.
    pub subscribed: bool,
    /// Whether a client made the subscription by itself.
    pub automatic: bool,
    /// The number of the room's last event when it was taken back; 0 while it holds.
    pub until_seq: i64,
}

/// The same as clients are told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadSubscriptionChange {
    /// The room that the thread is in.
    pub room_id: RoomId,
    /// The event that the thread starts at.
    pub root: EventId,
    /// Whether it is followed.
    pub subscribed: bool,
    /// Whether a client made the subscription by itself.
    pub automatic: bool,
    /// When it changed, in the stream.
    pub position: Position,
}

fn read_change(row: &Row<'_>) -> Result<ThreadSubscriptionChange> {
    Ok(ThreadSubscriptionChange {
        room_id: row.parsed(0, RoomId::parse)?,
        root: row.parsed(1, EventId::parse)?,
        subscribed: row.get(2)?,
        automatic: row.get(3)?,
        position: Position::from_i64(row.get(4)?),
    })
}

impl Snapshot<'_> {
    /// A user's subscription to a thread, if they ever made or ended one.
    pub fn thread_subscription(
        &self,
        user: UserNid,
        room: RoomNid,
        root: &EventId,
    ) -> Result<Option<ThreadSubscription>> {
        let sql = "SELECT subscribed, automatic, until_seq FROM thread_subscriptions
                   WHERE user_nid = ?1 AND room_nid = ?2 AND root_id = ?3";
        self.row(sql, (user.0, room.0, root.as_str()), |row| {
            Ok(ThreadSubscription { subscribed: row.get(0)?, automatic: row.get(1)?, until_seq: row.get(2)? })
        })
    }

    /// The subscriptions that a user made or ended after `since` and before `before`, the latest first. As many as
    /// `limit`.
    pub fn thread_subscriptions(
        &self,
        user: UserNid,
        since: Option<&StreamToken>,
        before: Option<Position>,
        limit: usize,
    ) -> Result<Vec<ThreadSubscriptionChange>> {
        let sql = "SELECT room_id, root_id, subscribed, automatic, t.position
                   FROM thread_subscriptions t JOIN rooms ON rooms.nid = t.room_nid AND NOT rooms.purging
                   WHERE t.user_nid = ?1 AND t.position > ?2 AND t.position <= ?3 ORDER BY t.position DESC";
        let range = self.range_after(since.map_or(&Reached::default(), StreamToken::stream))?;
        let high = before.map_or(i64::MAX, |before| before.just_before().to_i64()).min(range.high);
        self.rows_in_range(sql, (user.0, range.low, high), (&range, 4), limit, read_change)
    }
}

impl Transaction<'_> {
    /// Sets what a user says of following a thread.
    pub fn set_thread_subscription(
        &self,
        user: UserNid,
        room: RoomNid,
        root: &EventId,
        subscription: ThreadSubscription,
        position: Position,
    ) -> Result<()> {
        let sql = "INSERT INTO thread_subscriptions
                       (user_nid, room_nid, root_id, subscribed, automatic, until_seq, position)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                   ON CONFLICT (user_nid, room_nid, root_id) DO UPDATE SET subscribed = excluded.subscribed, automatic = excluded.automatic,
                                             until_seq = excluded.until_seq, position = excluded.position";
        let ThreadSubscription { subscribed, automatic, until_seq } = subscription;
        let row = (user.0, room.0, root.as_str(), subscribed, automatic, until_seq, position.to_i64());
        self.execute(sql, row).map(drop)
    }

    /// Removes all that a user has said of threads.
    pub fn erase_thread_subscriptions(&self, user: UserNid) -> Result<()> {
        self.execute("DELETE FROM thread_subscriptions WHERE user_nid = ?1", [user.0]).map(drop)
    }
}
