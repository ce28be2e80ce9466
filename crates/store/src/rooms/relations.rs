//! Which events refer to which: what `/relations` and threads ask.

use im2_model::{EventId, Position, RoomNid, UserNid};

use super::events::{Direction, EVENT_COLUMNS, EventRow, RelatedQuery, conversion, read_event, read_event_id};
use crate::{Result, Snapshot};

/// An event that refers to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referring {
    /// Its place in the room.
    pub seq: i64,
    /// Its identifier.
    pub event_id: EventId,
    /// Who sent it.
    pub sender: UserNid,
    /// How it refers to the other.
    pub rel_type: String,
}

/// A reply in a thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadReply {
    /// The event that the thread starts at.
    pub root: EventId,
    /// The reply.
    pub event_id: EventId,
    /// Its place in the room.
    pub seq: i64,
    /// Its place in the stream.
    pub position: Position,
}

impl Snapshot<'_> {
    /// The first `limit` events that refer to one event, other than as messages of its thread.
    pub fn referring_events(&self, room: RoomNid, target: &EventId, limit: usize) -> Result<Vec<Referring>> {
        let sql = "SELECT r.seq, e.event_id, r.sender_nid, r.rel_type
                   FROM relations r JOIN events e ON e.room_nid = r.room_nid AND e.seq = r.seq
                   WHERE r.room_nid = ?1 AND r.target_id = ?2 AND r.rel_type <> 'm.thread' ORDER BY r.seq LIMIT ?3";
        self.rows(sql, (room.0, target.as_str(), limit as i64), |row| {
            let (event_id, sender) = (read_event_id(row, 1)?, UserNid(row.get(2)?));
            Ok(Referring { seq: row.get(0)?, event_id, sender, rel_type: row.get(3)? })
        })
    }

    /// The events that refer to one event, or to one that does, and so on through `depth` events.
    pub fn related_events_within(&self, room: RoomNid, query: &RelatedQuery, depth: usize) -> Result<Vec<EventRow>> {
        let (comparison, order) = match query.direction {
            Direction::Forward => (">", "ASC"),
            Direction::Backward => ("<", "DESC"),
        };
        let sql = format!(
            "WITH RECURSIVE related (seq, depth) AS (
                 SELECT seq, 1 FROM relations WHERE room_nid = ?1 AND target_id = ?2
                 UNION
                 SELECT r.seq, related.depth + 1 FROM related
                 JOIN events p ON p.room_nid = ?1 AND p.seq = related.seq
                 JOIN relations r ON r.room_nid = ?1 AND r.target_id = p.event_id
                 WHERE related.depth < ?7)
             SELECT {EVENT_COLUMNS} FROM (SELECT DISTINCT seq FROM related) d
             JOIN relations r ON r.room_nid = ?1 AND r.seq = d.seq
             JOIN events e ON e.room_nid = ?1 AND e.seq = d.seq
             WHERE (?3 IS NULL OR r.rel_type = ?3) AND (?4 IS NULL OR r.kind = ?4)
               AND (?5 IS NULL OR d.seq {comparison} ?5)
             ORDER BY d.seq {order} LIMIT ?6"
        );
        let RelatedQuery { target, rel_type, kind, from_seq, limit, .. } = query;
        let params = (room.0, target.as_str(), rel_type, kind, from_seq, *limit as i64, depth as i64);
        self.rows(&sql, params, read_event)
    }

    /// Whether a user has annotated an event with `key` in an event of type `kind`.
    pub fn is_annotated(
        &self,
        room: RoomNid,
        target: &EventId,
        kind: &str,
        key: &str,
        sender: UserNid,
    ) -> Result<bool> {
        let sql = "SELECT 1 FROM relations WHERE room_nid = ?1 AND target_id = ?2 AND rel_type = 'm.annotation'
                   AND kind = ?3 AND key = ?4 AND sender_nid = ?5 LIMIT 1";
        Ok(self.row(sql, (room.0, target.as_str(), kind, key, sender.0), |_| Ok(()))?.is_some())
    }

    /// The roots of a room's threads with the sequence of each one's latest reply, latest first. Only replies up to
    /// `until` count, only threads whose latest reply is at or before `from` are returned, and with `taken_part`
    /// only those that this user started or replied to.
    pub fn thread_roots(
        &self,
        room: RoomNid,
        until: i64,
        from: i64,
        taken_part: Option<UserNid>,
        limit: usize,
    ) -> Result<Vec<(EventRow, i64)>> {
        let sql = format!(
            "SELECT {EVENT_COLUMNS}, t.latest FROM (
                 SELECT target_id, max(seq) AS latest, max(sender_nid = ?4) AS replied FROM relations
                 WHERE room_nid = ?1 AND rel_type = 'm.thread' AND seq <= ?2 GROUP BY target_id) t
             JOIN events e ON e.event_id = t.target_id AND e.room_nid = ?1
             WHERE t.latest <= ?3 AND (?4 IS NULL OR t.replied OR e.sender_nid = ?4)
             ORDER BY t.latest DESC LIMIT ?5"
        );
        let params = (room.0, until, from, taken_part.map(|user| user.0), limit as i64);
        self.rows(&sql, params, |row| Ok((read_event(row)?, row.get(7)?)))
    }

    /// The replies in a room's threads before event number `before`, the newest first. As many as `limit`.
    pub fn thread_replies(&self, room: RoomNid, before: i64, limit: usize) -> Result<Vec<ThreadReply>> {
        // The second condition on `rel_type` is that of the index, which has a room's replies by their number.
        let sql = "SELECT r.target_id, e.event_id, r.seq, r.position
                   FROM relations r JOIN events e ON e.position = r.position
                   WHERE r.room_nid = ?1 AND r.rel_type = 'm.thread' AND rel_type NOT IN ('m.annotation', 'm.replace')
                     AND r.seq < ?2 ORDER BY r.seq DESC LIMIT ?3";
        self.rows(sql, (room.0, before, limit as i64), |row| {
            let (root, event_id): (String, String) = (row.get(0)?, row.get(1)?);
            Ok(ThreadReply {
                root: EventId::parse(&root).map_err(|error| conversion(0, error))?,
                event_id: EventId::parse(&event_id).map_err(|error| conversion(1, error))?,
                seq: row.get(2)?,
                position: Position::from_i64(row.get(3)?),
            })
        })
    }

    /// Where the newest reply of a thread stands in the stream that is not after `until`.
    pub fn newest_reply(&self, room: RoomNid, root: &EventId, until: Position) -> Result<Option<Position>> {
        let sql = "SELECT position FROM relations
                   WHERE room_nid = ?1 AND target_id = ?2 AND rel_type = 'm.thread' AND position <= ?3
                   ORDER BY seq DESC LIMIT 1";
        self.row(sql, (room.0, root.as_str(), until.to_i64()), |row| Ok(Position::from_i64(row.get(0)?)))
    }
}
