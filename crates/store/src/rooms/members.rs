//! Memberships of rooms.

use im2_model::{Position, RoomNid, UserId, UserNid};

use super::{
    events::{EVENT_COLUMNS, EventRow, conversion, read_event},
    numbers,
};
use crate::{Result, Row, Snapshot, Transaction};

/// A user's membership in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MembershipRow {
    /// The room.
    pub room: RoomNid,
    /// The user.
    pub user: UserNid,
    /// `join`, `invite`, `knock`, `leave` or `ban`.
    pub membership: String,
    /// The position in the stream since which it is so.
    pub position: Position,
    /// The number of the room since which it is so: that of the member event, unless a resolution made it the state.
    pub seq: i64,
    /// Whether the user has forgotten the room since.
    pub forgotten: bool,
    /// Whether the user sent the member event.
    pub by_self: bool,
    /// Whether the user is or ever was joined.
    pub was_joined: bool,
}

/// A user's current member event in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberEvent {
    /// The user.
    pub user: UserNid,
    /// Whether the user has forgotten the room.
    pub forgotten: bool,
    /// The event; `None` if a resolution has left none.
    pub event: Option<EventRow>,
}

/// A user's membership in a room, in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomMember<'a> {
    /// The room.
    pub room: RoomNid,
    /// The user's number.
    pub user: UserNid,
    /// The user.
    pub user_id: UserId,
    /// `join`, `invite`, `knock`, `leave` or `ban`.
    pub membership: &'a str,
    /// The number of the member event.
    pub seq: i64,
    /// The number of the room since which it is so.
    pub since: i64,
}

const COLUMNS: &str = "room_nid, user_nid, membership, position, seq, forgotten, by_self, was_joined";

impl Snapshot<'_> {
    /// All rooms that a user has to do with, left and forgotten ones included.
    pub fn memberships_of(&self, user: UserNid) -> Result<Vec<MembershipRow>> {
        self.rows(&format!("SELECT {COLUMNS} FROM memberships WHERE user_nid = ?1"), [user.0], read_membership)
    }

    /// The current member events of a room, each with the membership it says.
    pub fn member_events(&self, room: RoomNid) -> Result<Vec<(MemberEvent, String)>> {
        let sql = format!(
            "SELECT {EVENT_COLUMNS}, m.user_nid, m.forgotten, m.membership
             FROM memberships m LEFT JOIN events e ON e.room_nid = m.room_nid AND e.seq = coalesce(m.member_seq, m.seq)
             WHERE m.room_nid = ?1"
        );
        self.rows(&sql, [room.0], |row| {
            let has_event = row.get::<Option<i64>>(0)?.is_some();
            let event = has_event.then(|| read_event(row)).transpose()?;
            Ok((MemberEvent { user: UserNid(row.get(7)?), forgotten: row.get(8)?, event }, row.get(9)?))
        })
    }

    /// The number of the room from which on a user has been a member, who is what they are since number `member`: what
    /// came in between only changed their profile. Any number up to `enough` says that it is not after that.
    pub fn joined_since(&self, room: RoomNid, user_id: &UserId, member: i64, enough: i64) -> Result<i64> {
        let sql = "SELECT h.seq, e.pdu -> 'content' ->> 'membership' = 'join'
                   FROM state_history h LEFT JOIN events e ON e.position = h.position
                   WHERE h.room_nid = ?1 AND h.kind = 'm.room.member' AND h.state_key = ?2
                     AND h.seq < ?3
                   ORDER BY h.seq DESC";
        let mut statement = self.prepare(sql)?;
        let mut rows = statement.query((room.0, user_id.as_str(), member))?;
        let mut joined = member;
        while joined > enough
            && let Some(row) = rows.next()?
        {
            if row.get::<Option<bool>>(1)? != Some(true) {
                break;
            }
            joined = row.get(0)?;
        }
        Ok(joined)
    }

    /// Tells `take` of all who have or had to do with `rooms` and have a member event, one after the other: of a large
    /// room they are very many. Reads no events.
    pub fn members_in_short(&self, rooms: &[RoomNid], mut take: impl FnMut(RoomMember<'_>)) -> Result<()> {
        let sql = |slots: &str| {
            format!(
                "SELECT u.nid, u.user_id, m.membership, coalesce(m.member_seq, m.seq), m.seq, m.room_nid
                 FROM memberships m JOIN users u ON u.nid = m.user_nid
                 WHERE m.room_nid IN ({slots}) AND coalesce(m.member_seq, m.seq) <> 0"
            )
        };
        let tell = |row: &Row<'_>| {
            let text = |column| row.get::<&str>(column);
            let user_id = UserId::parse(text(1)?).map_err(|error| conversion(1, error))?;
            let (user, seq, since, room) = (UserNid(row.get(0)?), row.get(3)?, row.get(4)?, RoomNid(row.get(5)?));
            take(RoomMember { room, user, user_id, membership: text(2)?, seq, since });
            Ok(())
        };
        self.rows_of_set(&[], numbers(rooms), sql, tell).map(drop)
    }

    /// The rooms that a user is invited to, and by whom.
    pub fn inviters_of(&self, user: UserNid) -> Result<Vec<(RoomNid, UserId)>> {
        let sql = "SELECT m.room_nid, u.user_id FROM memberships m
                   JOIN events e ON e.room_nid = m.room_nid AND e.seq = coalesce(m.member_seq, m.seq)
                   JOIN users u ON u.nid = e.sender_nid WHERE m.user_nid = ?1 AND m.membership = 'invite'";
        self.rows(sql, [user.0], |row| {
            let text: String = row.get(1)?;
            Ok((RoomNid(row.get(0)?), UserId::parse(&text).map_err(|error| conversion(1, error))?))
        })
    }

    /// The users that are joined to a room, by number and name.
    pub fn joined_users(&self, room: RoomNid) -> Result<Vec<(UserNid, UserId)>> {
        let sql = "SELECT u.nid, u.user_id FROM memberships m JOIN users u ON u.nid = m.user_nid
                   WHERE m.room_nid = ?1 AND m.membership = 'join'";
        self.rows(sql, [room.0], |row| {
            let text: String = row.get(1)?;
            Ok((UserNid(row.get(0)?), UserId::parse(&text).map_err(|error| conversion(1, error))?))
        })
    }
}

impl Transaction<'_> {
    /// Marks a room that a user has left as forgotten.
    pub fn forget_room(&self, user: UserNid, room: RoomNid) -> Result<()> {
        let sql = "UPDATE memberships SET forgotten = TRUE WHERE user_nid = ?1 AND room_nid = ?2";
        self.execute(sql, (user.0, room.0)).map(drop)
    }

    /// Sets what a user is to a room, since a number of the room and a position: by the member event of number `event`,
    /// or of the same number if that is `None`, which `sender` has sent.
    pub(super) fn set_membership(
        &self,
        room: RoomNid,
        (user_id, membership): (&UserId, &str),
        sender: Option<UserNid>,
        (seq, position): (i64, Position),
        event: Option<i64>,
    ) -> Result<UserNid> {
        let user = self.ensure_user(user_id)?;
        let sql = "INSERT INTO memberships (user_nid, room_nid, membership, position, seq, by_self, was_joined,
                                            member_seq)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?3 = 'join', ?7)
                   ON CONFLICT (user_nid, room_nid) DO UPDATE SET membership = excluded.membership,
                       position = excluded.position, seq = excluded.seq, forgotten = FALSE, by_self = excluded.by_self,
                       was_joined = memberships.was_joined OR excluded.was_joined, member_seq = excluded.member_seq";
        let by_self = sender == Some(user);
        self.execute(sql, (user.0, room.0, membership, position.to_i64(), seq, by_self, event))?;
        if membership != "join" {
            self.execute("DELETE FROM unread_counts WHERE user_nid = ?1 AND room_nid = ?2", (user.0, room.0))?;
        }
        Ok(user)
    }
}

fn read_membership(row: &Row<'_>) -> Result<MembershipRow> {
    Ok(MembershipRow {
        room: RoomNid(row.get(0)?),
        user: UserNid(row.get(1)?),
        membership: row.get(2)?,
        position: Position::from_i64(row.get(3)?),
        seq: row.get(4)?,
        forgotten: row.get(5)?,
        by_self: row.get(6)?,
        was_joined: row.get(7)?,
    })
}
