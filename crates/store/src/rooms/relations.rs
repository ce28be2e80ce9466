//! Relations of events, as `/relations` and threads ask for them.

use im2_model::{EventId, Position, Reached, RoomNid, UserNid};

use super::events::{Direction, EVENT_COLUMNS, EventRow, conversion, read_event, read_event_id};
use crate::{Result, Row, Snapshot, Transaction, dialect::Sql};

/// How many relations lie at most between an event and those that are found with `recurse`.
pub const RECURSION_DEPTH: usize = 3;

/// The events to look for among those that refer to one event.
#[derive(Debug, Clone)]
pub struct RelatedQuery {
    /// The event referred to.
    pub target: EventId,
    /// Only this `rel_type`.
    pub rel_type: Option<String>,
    /// Only this event type.
    pub kind: Option<String>,
    /// The number to start from, exclusive.
    pub from_seq: Option<i64>,
    /// The direction.
    pub direction: Direction,
    /// Whether events that refer to those are looked for too, through [`RECURSION_DEPTH`] relations.
    pub recurse: bool,
    /// How many to look at.
    pub limit: usize,
}

/// An event that was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Related {
    /// Its place in the room.
    pub seq: i64,
    /// Whether it is one of those that were looked for.
    pub is_wanted: bool,
}

/// The replies of a thread.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ThreadSummary {
    /// How many there are.
    pub count: usize,
    /// Whether one of them is by the user that was asked for.
    pub by_user: bool,
}

/// An event that refers to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referring {
    /// Its place in the room.
    pub seq: i64,
    /// Its identifier.
    pub event_id: EventId,
    /// The sender.
    pub sender: UserNid,
    /// The type of its relation to the other.
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

    /// The next events that refer to one event, in the order of the room: a page costs as much as it has entries, however
    /// many events there are.
    pub fn related(&self, room: RoomNid, query: &RelatedQuery) -> Result<Vec<Related>> {
        let (comparison, order, start) = match query.direction {
            Direction::Forward => (">", "ASC", i64::MIN),
            Direction::Backward => ("<", "DESC", i64::MAX),
        };
        let direct = format!(
            "SELECT r.seq, (?3 IS NULL OR r.rel_type = ?3) AND (?4 IS NULL OR r.kind = ?4) FROM relations r
             WHERE r.room_nid = ?1 AND r.target_id = ?2 AND r.seq {comparison} ?5"
        );
        // Every event on the way to the ancestor has to refer to the next one still. `CROSS JOIN` has SQLite go that
        // way; it would begin with any relation of the room.
        let distant = format!(
            "SELECT d.seq, EXISTS (
                 SELECT 1 FROM relations r INDEXED BY relations_by_event
                 CROSS JOIN events parent ON parent.event_id = r.target_id AND parent.room_nid = ?1
                 CROSS JOIN relations second INDEXED BY relations_by_event
                     ON second.room_nid = ?1 AND second.seq = parent.seq
                 LEFT JOIN events grandparent
                     ON grandparent.event_id = second.target_id AND grandparent.room_nid = ?1
                 LEFT JOIN relations third INDEXED BY relations_by_event
                     ON third.room_nid = ?1 AND third.seq = grandparent.seq
                 WHERE r.room_nid = ?1 AND r.seq = d.seq AND (?3 IS NULL OR r.rel_type = ?3)
                   AND (?4 IS NULL OR r.kind = ?4) AND (second.target_id = ?2 OR third.target_id = ?2))
             FROM distant_relations d
             WHERE d.room_nid = ?1 AND d.ancestor_id = ?2 AND d.seq {comparison} ?5"
        );
        // Each half has the limit, so that neither is read further than the page goes.
        let page = format!("ORDER BY 1 {order} LIMIT ?6");
        let sql = if query.recurse {
            format!("SELECT * FROM ({direct} {page}) UNION ALL SELECT * FROM ({distant} {page}) {page}")
        } else {
            format!("{direct} {page}")
        };
        let RelatedQuery { target, rel_type, kind, from_seq, limit, .. } = query;
        let params = (room.0, target.as_str(), rel_type, kind, from_seq.unwrap_or(start), *limit as i64);
        // Without `recurse` the two engines read the same.
        let sql = if query.recurse { Sql::SqliteOnly(&sql) } else { Sql::Common(&sql) };
        self.rows(sql, params, |row| Ok(Related { seq: row.get(0)?, is_wanted: row.get(1)? }))
    }

    /// The newest edits of an event, references to it or replies in its thread, the newest first.
    pub fn newest_children(
        &self,
        room: RoomNid,
        target: &EventId,
        rel_type: &str,
        limit: usize,
    ) -> Result<Vec<EventRow>> {
        // Each has an index of its own, whose condition has to be in the query word for word.
        let (index, rel_type) = match rel_type {
            "m.thread" => ("relations_threads", "m.thread"),
            "m.replace" => ("relations_edits", "m.replace"),
            "m.reference" => ("relations_references", "m.reference"),
            _ => return Ok(Vec::new()), // others are not bundled
        };
        let sql = format!(
            "SELECT {EVENT_COLUMNS} FROM relations r INDEXED BY {index}
             JOIN events e ON e.room_nid = r.room_nid AND e.seq = r.seq
             WHERE r.room_nid = ?1 AND r.target_id = ?2 AND r.rel_type = '{rel_type}'
             ORDER BY r.seq DESC LIMIT ?3"
        );
        self.rows(Sql::SqliteOnly(&sql), (room.0, target.as_str(), limit as i64), read_event)
    }

    /// The replies of the thread that starts at an event.
    pub fn thread_summary(&self, room: RoomNid, root: &EventId, user: UserNid) -> Result<ThreadSummary> {
        let sql = "SELECT count(*), coalesce(max(sender_nid = ?3), 0) FROM relations INDEXED BY relations_threads
                   WHERE room_nid = ?1 AND target_id = ?2 AND rel_type = 'm.thread'";
        let read = |row: &Row<'_>| Ok(ThreadSummary { count: row.get::<i64>(0)? as usize, by_user: row.get(1)? });
        Ok(self.row(Sql::SqliteOnly(sql), (room.0, root.as_str(), user.0), read)?.unwrap_or_default())
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
        let sql = "SELECT 1 FROM relations INDEXED BY annotations
                   WHERE room_nid = ?1 AND target_id = ?2 AND rel_type = 'm.annotation' AND kind = ?3 AND key = ?4 AND sender_nid = ?5 LIMIT 1";
        Ok(self.row(Sql::SqliteOnly(sql), (room.0, target.as_str(), kind, key, sender.0), |_| Ok(()))?.is_some())
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
                 SELECT target_id, max(seq) AS latest, max(CASE WHEN sender_nid = ?4 THEN 1 ELSE 0 END) AS replied FROM relations
                 WHERE room_nid = ?1 AND rel_type = 'm.thread' AND seq <= ?2 GROUP BY target_id) t
             JOIN events e ON e.event_id = t.target_id AND e.room_nid = ?1
             WHERE t.latest <= ?3 AND (?4 IS NULL OR t.replied = 1 OR e.sender_nid = ?4)
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

    /// The position of a thread's newest reply among those that `until` includes.
    pub fn newest_reply(&self, room: RoomNid, root: &EventId, until: &Reached) -> Result<Option<Position>> {
        let sql = "SELECT position FROM relations
                   WHERE room_nid = ?1 AND target_id = ?2 AND rel_type = 'm.thread' ORDER BY seq DESC";
        let mut statement = self.prepare(sql)?;
        let mut rows = statement.query((room.0, root.as_str()))?;
        while let Some(row) = rows.next()? {
            let position = Position::from_i64(row.get(0)?);
            if until.includes(position) {
                return Ok(Some(position));
            }
        }
        Ok(None)
    }
}

impl Transaction<'_> {
    /// Notes what the event numbered `seq` refers to by way of its target.
    pub(super) fn relate_to_ancestors(&self, room: RoomNid, target: &EventId, seq: i64) -> Result<()> {
        let sql = "SELECT r.target_id FROM events e JOIN relations r ON r.room_nid = e.room_nid AND r.seq = e.seq
                   WHERE e.event_id = ?1 AND e.room_nid = ?2";
        let mut descendant = target.as_str().to_owned();
        for _ in 1..RECURSION_DEPTH {
            let Some(ancestor) = self.row(sql, (&descendant, room.0), |row| row.get::<String>(0))? else { break };
            let insert = "INSERT INTO distant_relations (room_nid, ancestor_id, seq) VALUES (?1, ?2, ?3)
                          ON CONFLICT DO NOTHING";
            self.execute(insert, (room.0, &ancestor, seq))?;
            descendant = ancestor;
        }
        Ok(())
    }

    /// Forgets what the event numbered `seq` refers to.
    pub(super) fn unrelate(&self, room: RoomNid, seq: i64) -> Result<()> {
        for table in ["relations", "distant_relations"] {
            self.execute(&format!("DELETE FROM {table} WHERE room_nid = ?1 AND seq = ?2"), (room.0, seq))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use im2_model::{EventId, Position, RoomId, RoomNid, UserId, UserNid};

    use super::{super::Direction, RelatedQuery};
    use crate::{
        Change, Options, Result, Snapshot, Store, Transaction,
        rooms::{NewEvent, Redaction, Relation},
        sqlite::work::steps,
    };

    fn id(number: i64) -> EventId {
        EventId::parse(&format!("$event{number}")).unwrap()
    }

    /// Appends the room's event with this number, which may refer to another.
    fn append(
        tx: &mut Transaction<'_>,
        (room, sender): (RoomNid, UserNid),
        number: i64,
        relation: Option<(i64, &str)>,
        redacts: Option<i64>,
    ) -> Result<Position> {
        let relation = relation.map(|(target, rel_type)| Relation {
            target: id(target),
            rel_type: rel_type.into(),
            key: (rel_type == "m.annotation").then(|| number.to_string().into()),
        });
        let redaction =
            redacts.map(|target| Redaction { target: id(target), pdu: "{}".into(), terms: None, summary: None });
        let event = NewEvent {
            event_id: id(number),
            sender,
            kind: "m.reaction".into(),
            state_key: None,
            ts: 0,
            pdu: "{}".into(),
            membership: None,
            relation,
            redaction,
            terms: None,
            media: Vec::new(),
            transaction: None,
            bumps: false,
            summary: None,
        };
        Ok(tx.append_event(room, number - 1, &event)?.position)
    }

    /// A room whose first event has `reactions` events that refer to it, each with one that refers to that.
    async fn busy(store: &Store<()>, name: &str, reactions: i64) -> (RoomNid, UserNid) {
        let (room_id, user_id) = (RoomId::parse(name).unwrap(), UserId::parse("@ana:example.org").unwrap());
        let write = move |tx: &mut Change<'_, ()>| {
            let at = (tx.create_room(&room_id, "12", 0)?, tx.ensure_user(&user_id)?);
            append(tx, at, 1, None, None)?;
            for number in 0..reactions {
                let rel_type = ["m.annotation", "m.replace", "m.thread", "other"][number as usize % 4];
                append(tx, at, 2 + 2 * number, Some((1, rel_type)), None)?;
                append(tx, at, 3 + 2 * number, Some((2 + 2 * number, "m.reference")), None)?;
            }
            Ok(at)
        };
        store.write(write).await.unwrap()
    }

    fn query(from_seq: Option<i64>, direction: Direction, recurse: bool) -> RelatedQuery {
        RelatedQuery { target: id(1), rel_type: None, kind: None, from_seq, direction, recurse, limit: 50 }
    }

    /// The steps of everything that a page or a bundle asks of an event with this many reactions.
    async fn costs(reactions: i64) -> Vec<i64> {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::<()>::open(&Options::new(directory.path())).unwrap();
        let (room, user) = busy(&store, "!room:example.org", reactions).await;
        let read = move |db: &Snapshot<'_>| {
            let mut costs = Vec::new();
            for from in [None, Some(reactions)] {
                for direction in [Direction::Forward, Direction::Backward] {
                    for recurse in [false, true] {
                        let (found, cost) = steps(|| db.related(room, &query(from, direction, recurse)));
                        assert_eq!(found?.len(), 50);
                        costs.push(cost);
                    }
                }
            }
            for rel_type in ["m.replace", "m.reference", "m.thread"] {
                costs.push(steps(|| db.newest_children(room, &id(1), rel_type, 10)).1);
            }
            costs.push(steps(|| db.is_annotated(room, &id(1), "m.reaction", "2", user)).1);
            for sequence in [2, reactions as u64, 2 * reactions as u64] {
                let (seq, cost) = steps(|| db.seq_behind(room, |at| at <= Position::new(1, sequence)));
                assert_eq!(seq?, sequence as i64);
                costs.push(cost);
            }
            Ok(costs)
        };
        store.read(read).await.unwrap()
    }

    #[tokio::test]
    async fn a_page_costs_what_it_has_and_not_what_the_room_has() {
        let (few, many) = (costs(200).await, costs(3_200).await);
        for (number, (few, many)) in few.into_iter().zip(many).enumerate() {
            assert!(many <= few + few / 2 + 100, "query {number}: {few} steps with 200 reactions, {many} with 3,200");
        }
    }

    #[tokio::test]
    async fn pages_go_through_three_relations_and_not_through_redacted_events() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::<()>::open(&Options::new(directory.path())).unwrap();
        let (room_id, user_id) =
            (RoomId::parse("!room:example.org").unwrap(), UserId::parse("@ana:example.org").unwrap());
        let write = move |tx: &mut Change<'_, ()>| {
            let at = (tx.create_room(&room_id, "12", 0)?, tx.ensure_user(&user_id)?);
            append(tx, at, 1, None, None)?;
            // Each refers to the one before it, and the last to the first.
            for number in 2..=5 {
                append(tx, at, number, Some((number - 1, "other")), None)?;
            }
            append(tx, at, 6, Some((1, "m.annotation")), None)?;
            Ok(at)
        };
        let at = store.write(write).await.unwrap();
        let found = async |direction, rel_type: Option<&str>| {
            let query = RelatedQuery { rel_type: rel_type.map(Into::into), ..query(None, direction, true) };
            let related = store.read(move |db| db.related(at.0, &query)).await.unwrap();
            related.into_iter().filter(|related| related.is_wanted).map(|related| related.seq).collect::<Vec<_>>()
        };
        assert_eq!(found(Direction::Forward, None).await, [2, 3, 4, 6]);
        assert_eq!(found(Direction::Backward, None).await, [6, 4, 3, 2]);
        assert_eq!(found(Direction::Forward, Some("other")).await, [2, 3, 4]);
        store.write(move |tx| append(tx, at, 7, None, Some(3))).await.unwrap();
        assert_eq!(found(Direction::Forward, None).await, [2, 6]);
    }

    #[tokio::test]
    async fn places_are_found_where_events_were_deleted() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::<()>::open(&Options::new(directory.path())).unwrap();
        let (room, _) = busy(&store, "!room:example.org", 40).await;
        let write = move |tx: &mut Change<'_, ()>| {
            tx.execute("DELETE FROM events WHERE room_nid = ?1 AND (seq < 4 OR seq % 5 < 3)", [room.0])
        };
        store.write(write).await.unwrap();
        let read = move |db: &Snapshot<'_>| {
            let there = |seq: i64| seq >= 4 && seq % 5 >= 3;
            for sequence in 0..90_i64 {
                let expected = (0..=sequence.min(81)).rev().find(|seq| there(*seq)).unwrap_or(0);
                let found = db.seq_behind(room, |at| at <= Position::new(1, sequence as u64))?;
                assert_eq!(found, expected, "{sequence}");
            }
            Ok(())
        };
        store.read(read).await.unwrap();
    }
}
