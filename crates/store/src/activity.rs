//! Figures about what users have done, for administrators, and the features that they go without.

use im2_model::{Millis, UserId, UserNid};

use crate::{Result, Snapshot, Transaction};

impl Snapshot<'_> {
    /// The number of invites that a user has sent since a time, to rooms that still exist. Reads the member events of the
    /// rooms that the user has had to do with.
    pub fn invites_sent_since(&self, user: UserNid, since: Millis) -> Result<u64> {
        // What is the state again by a resolution was sent once.
        let sql = "SELECT count(DISTINCT h.position) FROM memberships mine
                   JOIN state_history h ON h.room_nid = mine.room_nid AND h.kind = 'm.room.member'
                   JOIN events e ON e.position = h.position
                   WHERE mine.user_nid = ?1 AND e.sender_nid = ?1 AND e.ts >= ?2
                     AND e.pdu -> 'content' ->> 'membership' = 'invite'";
        let count: Option<i64> = self.row(sql, (user.0, since as i64), |row| row.get(0))?;
        Ok(count.unwrap_or(0) as u64)
    }

    /// The number of rooms that a user has joined since a time, left ones included. A member's change of name is not a
    /// join.
    pub fn rooms_joined_since(&self, user: UserNid, user_id: &UserId, since: Millis) -> Result<u64> {
        let sql = "SELECT count(DISTINCT h.room_nid) FROM memberships mine
                   JOIN state_history h
                     ON h.room_nid = mine.room_nid AND h.kind = 'm.room.member' AND h.state_key = ?2
                   JOIN events e ON e.position = h.position
                   WHERE mine.user_nid = ?1 AND e.ts >= ?3 AND e.pdu -> 'content' ->> 'membership' = 'join'
                     AND coalesce((
                         SELECT before.pdu -> 'content' ->> 'membership'
                         FROM state_history b LEFT JOIN events before ON before.position = b.position
                         WHERE b.room_nid = h.room_nid AND b.kind = h.kind AND b.state_key = h.state_key
                           AND b.seq < h.seq
                         ORDER BY b.seq DESC LIMIT 1), '') <> 'join'";
        let count: Option<i64> = self.row(sql, (user.0, user_id.as_str(), since as i64), |row| row.get(0))?;
        Ok(count.unwrap_or(0) as u64)
    }

    /// All features that users go without.
    pub fn withheld_features(&self) -> Result<Vec<(UserNid, String)>> {
        self.rows("SELECT user_nid, feature FROM withheld_features", [], |row| Ok((UserNid(row.get(0)?), row.get(1)?)))
    }
}

impl Transaction<'_> {
    /// Withholds a feature from a user, or gives it back.
    pub fn withhold_feature(&self, user: UserNid, feature: &str, withheld: bool) -> Result<()> {
        let sql = if withheld {
            "INSERT INTO withheld_features (user_nid, feature) VALUES (?1, ?2) ON CONFLICT DO NOTHING"
        } else {
            "DELETE FROM withheld_features WHERE user_nid = ?1 AND feature = ?2"
        };
        self.execute(sql, (user.0, feature)).map(drop)
    }
}
