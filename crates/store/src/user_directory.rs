//! The user directory: finding users by parts of their names.

use im2_model::{RoomNid, UserId, UserNid};

use crate::{Result, Row, Snapshot, Transaction, accounts::parsed_user, dialect::Sql};

/// Users looked at, at most, for one search: bounds the time it takes where a short term matches nearly everybody.
const MAX_EXAMINED: usize = 50_000;

/// A user who was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// The user.
    pub user_id: UserId,
    /// Their display name.
    pub displayname: Option<String>,
    /// Their avatar.
    pub avatar_url: Option<String>,
}

/// A run of pairs of characters that follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The pairs: letters, digits and characters beyond ASCII only.
    pub grams: Vec<String>,
    /// Whether the last of them stands for all that begin with it.
    pub open: bool,
}

const ENTRY: &str = "SELECT u.user_id,
        (SELECT json_extract(value, '$') FROM profile_fields WHERE user_nid = u.nid AND field = 'displayname'),
        (SELECT json_extract(value, '$') FROM profile_fields WHERE user_nid = u.nid AND field = 'avatar_url')";

/// Whether `caller` (?2) may see the user `u`: they share a room, or `u` is in a room that anybody may join or read.
const VISIBLE: &str = "
    (u.nid <> ?2 AND u.nid IN (
        SELECT theirs.user_nid FROM memberships mine
        JOIN memberships theirs ON theirs.room_nid = mine.room_nid AND theirs.membership = 'join'
        WHERE mine.user_nid = ?2 AND mine.membership = 'join'))
    OR EXISTS (
        SELECT 1 FROM memberships theirs JOIN open_rooms o ON o.room_nid = theirs.room_nid
        WHERE theirs.user_nid = u.nid AND theirs.membership = 'join')";

fn entry(row: &Row<'_>) -> Result<DirectoryEntry> {
    Ok(DirectoryEntry { user_id: parsed_user(row, 0)?, displayname: row.get(1)?, avatar_url: row.get(2)? })
}

impl Snapshot<'_> {
    /// Up to `limit` users who have all of `runs` in their names. Without `everyone`, only those whom `caller` may
    /// see.
    pub fn search_users(
        &self,
        runs: &[Run],
        caller: UserNid,
        everyone: bool,
        limit: usize,
    ) -> Result<Vec<DirectoryEntry>> {
        let visible = if everyone { "?2 = ?2" } else { VISIBLE };
        let sql = format!(
            "{ENTRY} FROM (SELECT rowid AS nid FROM user_directory WHERE user_directory MATCH ?1 LIMIT {MAX_EXAMINED}) d
             JOIN users u ON u.nid = d.nid WHERE {visible} LIMIT ?3"
        );
        self.rows(Sql::SqliteOnly(&sql), (matching(runs), caller.0, limit as i64), entry)
    }

    /// A user with a working account, whoever asks.
    pub fn directory_entry(&self, user_id: &UserId) -> Result<Option<DirectoryEntry>> {
        let sql = format!(
            "{ENTRY} FROM users u JOIN accounts a ON a.user_nid = u.nid
             WHERE u.user_id = ?1 AND a.deactivated_ts IS NULL"
        );
        self.row(Sql::SqliteOnly(&sql), [user_id.as_str()], entry)
    }
}

/// The runs in FTS5's query language: phrases that all have to match.
fn matching(runs: &[Run]) -> String {
    let phrase = |run: &Run| format!("\"{}\"{}", run.grams.join(" "), if run.open { " *" } else { "" });
    runs.iter().map(phrase).collect::<Vec<_>>().join(" AND ")
}

impl Transaction<'_> {
    /// Enters a user into the directory under these pairs of characters, in place of what was there.
    pub fn index_user(&self, user: UserNid, grams: &str) -> Result<()> {
        self.unindex_user(user)?;
        let sql = "INSERT INTO user_directory (rowid, grams) VALUES (?1, ?2)";
        self.execute(Sql::SqliteOnly(sql), (user.0, grams)).map(drop)
    }

    /// Derives anew whether anybody may join or read a room. To be called when its join rule or history visibility
    /// has changed.
    pub(crate) fn derive_openness(&self, room: RoomNid) -> Result<()> {
        self.execute("DELETE FROM open_rooms WHERE room_nid = ?1", [room.0])?;
        let sql = "INSERT INTO open_rooms (room_nid)
                   SELECT nid FROM rooms WHERE nid = ?1 AND EXISTS (
                       SELECT 1 FROM current_state s JOIN events e ON e.position = s.position
                       WHERE s.room_nid = ?1 AND s.state_key = ''
                         AND (s.kind = 'm.room.join_rules' AND e.pdu -> 'content' ->> 'join_rule' = 'public'
                              OR s.kind = 'm.room.history_visibility'
                                 AND e.pdu -> 'content' ->> 'history_visibility' = 'world_readable'))";
        self.execute(sql, [room.0]).map(drop)
    }

    /// Takes a user out of the directory.
    pub fn unindex_user(&self, user: UserNid) -> Result<()> {
        let sql = "DELETE FROM user_directory WHERE rowid = ?1";
        self.execute(Sql::SqliteOnly(sql), [user.0]).map(drop)
    }
}
