//! Queries by which it is known whose devices a user has to hear of: who has changed theirs, and who was where at which
//! place in the stream.

use std::collections::BTreeSet;

use im2_model::{Position, Reached, RoomNid, StreamToken, UserId, UserNid};

use crate::{Result, Row, Snapshot, Transaction, accounts::parsed_user, rooms::SINCE, stream_range::StreamRange};

/// A user's membership in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The user.
    pub user: UserNid,
    /// `join`, `invite`, `knock`, `leave` or `ban`.
    pub membership: String,
    /// The position in the stream since which it is so.
    pub position: Position,
}

fn member(row: &Row<'_>) -> Result<Member> {
    Ok(Member { user: UserNid(row.get(0)?), membership: row.get(1)?, position: Position::from_i64(row.get(2)?) })
}

impl Snapshot<'_> {
    /// The users whose devices or cross-signing keys changed last after `since`.
    pub fn device_lists_changed(&self, since: &StreamToken) -> Result<Vec<UserNid>> {
        let found = self.device_lists_changed_in(&self.range_after(since.stream())?)?;
        Ok(found.into_iter().map(|(user, _)| user).collect())
    }

    /// The users whose devices or cross-signing keys changed last after `since` and not after `until`, with where they
    /// did.
    pub fn device_lists_changed_between(&self, since: &Reached, until: &Reached) -> Result<Vec<(UserNid, Position)>> {
        self.device_lists_changed_in(&self.range(since, until)?)
    }

    fn device_lists_changed_in(&self, range: &StreamRange) -> Result<Vec<(UserNid, Position)>> {
        let sql = "SELECT user_nid, position FROM device_list_changes WHERE position > ?1 AND position <= ?2";
        self.rows_in_range(sql, (range.low, range.high), (range, 1), usize::MAX, |row| {
            Ok((UserNid(row.get(0)?), Position::from_i64(row.get(1)?)))
        })
    }

    /// The other users whose keys `signer` has signed after `since`.
    pub fn keys_signed(&self, signer: UserNid, since: &StreamToken) -> Result<Vec<UserNid>> {
        let sql = "SELECT target_nid, position FROM key_signatures
                   WHERE user_nid = ?1 AND position > ?2 AND position <= ?3 AND target_nid <> ?1";
        let range = self.range_after(since.stream())?;
        let params = (signer.0, range.low, range.high);
        self.rows_in_range(sql, params, (&range, 1), usize::MAX, |row| row.get(0).map(UserNid))
    }

    /// The position at which a room became encrypted, if it did. What is encrypted once stays so.
    pub fn encrypted_since(&self, room: RoomNid) -> Result<Option<Position>> {
        let sql = format!(
            "SELECT {SINCE} FROM state_history h
             WHERE h.room_nid = ?1 AND h.kind = 'm.room.encryption' AND h.state_key = '' ORDER BY h.seq LIMIT 1"
        );
        self.row(&sql, [room.0], |row| row.get(0).map(Position::from_i64))
    }

    /// A user's membership in a room, if they ever had one.
    pub fn member(&self, room: RoomNid, user: UserNid) -> Result<Option<Member>> {
        let sql = "SELECT user_nid, membership, position FROM memberships WHERE user_nid = ?1 AND room_nid = ?2";
        self.row(sql, (user.0, room.0), member)
    }

    /// All who ever were anything to a room.
    pub fn members(&self, room: RoomNid) -> Result<Vec<Member>> {
        self.rows("SELECT user_nid, membership, position FROM memberships WHERE room_nid = ?1", [room.0], member)
    }

    /// Whether more than `limit` users have or had to do with a room. Reads no more rows than that.
    pub fn has_more_members(&self, room: RoomNid, limit: usize) -> Result<bool> {
        let sql = "SELECT count(*) FROM (SELECT 1 FROM memberships WHERE room_nid = ?1 LIMIT ?2)";
        let counted: Option<i64> = self.row(sql, (room.0, limit as i64 + 1), |row| row.get(0))?;
        Ok(counted.is_some_and(|counted| counted as usize > limit))
    }

    /// Those of `users` who have or had to do with a room. Reads about as many rows as there are users or members,
    /// whichever is fewer.
    pub fn members_among(&self, room: RoomNid, users: &BTreeSet<UserNid>) -> Result<Vec<Member>> {
        if self.has_more_members(room, users.len())? {
            let found = users.iter().map(|user| self.member(room, *user));
            return Ok(found.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect());
        }
        let mut members = self.members(room)?;
        members.retain(|member| users.contains(&member.user));
        Ok(members)
    }

    /// The users who are joined to a room, sorted.
    pub fn joined_user_ids(&self, room: RoomNid) -> Result<Vec<UserId>> {
        let sql = "SELECT u.user_id FROM memberships m JOIN users u ON u.nid = m.user_nid
                   WHERE m.room_nid = ?1 AND m.membership = 'join' ORDER BY u.user_id";
        self.rows(sql, [room.0], |row| parsed_user(row, 0))
    }

    /// Whether a user was joined to a room at a place in the stream; `now` is what they are to it today.
    pub fn was_joined(&self, room: RoomNid, now: &Member, at: &StreamToken) -> Result<bool> {
        if at.includes(now.position) {
            return Ok(now.membership == "join");
        }
        let sql = format!(
            "SELECT {SINCE}, e.pdu -> 'content' ->> 'membership'
             FROM state_history h LEFT JOIN events e ON e.position = h.position
             WHERE h.room_nid = ?1 AND h.kind = 'm.room.member'
               AND h.state_key = (SELECT user_id FROM users WHERE nid = ?2)
             ORDER BY h.seq DESC"
        );
        let mut statement = self.prepare(&sql)?;
        let mut rows = statement.query((room.0, now.user.0))?;
        while let Some(row) = rows.next()? {
            if at.includes(Position::from_i64(row.get(0)?)) {
                let membership: Option<String> = row.get(1)?;
                return Ok(membership.as_deref() == Some("join"));
            }
        }
        Ok(false)
    }

    /// Whether two users are joined to the same room, whichever.
    pub fn share_room(&self, one: UserNid, other: UserNid) -> Result<bool> {
        let sql = "SELECT 1 FROM memberships a JOIN memberships b ON b.room_nid = a.room_nid AND b.user_nid = ?2
                   WHERE a.user_nid = ?1 AND a.membership = 'join' AND b.membership = 'join' LIMIT 1";
        Ok(self.row(sql, (one.0, other.0), |_| Ok(()))?.is_some())
    }

    /// The identifiers behind users' numbers, sorted.
    pub fn user_ids(&self, users: impl IntoIterator<Item = UserNid>) -> Result<Vec<UserId>> {
        let mut statement = self.prepare("SELECT user_id FROM users WHERE nid = ?1")?;
        let mut found = Vec::new();
        for user in users {
            // Who joins a large encrypted room hears of all its members: the statement is prepared once.
            found.extend(statement.row([user.0], |row| parsed_user(row, 0))?);
        }
        found.sort_unstable();
        Ok(found)
    }
}

impl Transaction<'_> {
    /// Notes that a user's devices or cross-signing keys changed.
    pub fn note_device_list_change(&self, user: UserNid, position: Position) -> Result<()> {
        let sql = "INSERT INTO device_list_changes (user_nid, position) VALUES (?1, ?2)
                   ON CONFLICT (user_nid) DO UPDATE SET position = excluded.position";
        self.execute(sql, (user.0, position.to_i64())).map(drop)
    }
}
