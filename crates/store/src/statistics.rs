//! Statistics of the users' media and the rooms' storage.

use im2_model::Millis;

use crate::{Result, Snapshot, dialect::Sql};

/// A user's uploads: how many, and how many bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the administration API's")]
pub struct UserMedia {
    pub user_id: String,
    pub displayname: Option<String>,
    pub media_count: u64,
    pub media_length: u64,
}

/// The column that a list of users' media is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names are the columns'")]
pub enum UserMediaOrder {
    #[default]
    UserId,
    Displayname,
    MediaCount,
    MediaLength,
}

/// A query for users and their media.
#[derive(Debug, Clone, Default)]
pub struct UserMediaQuery {
    /// How many users to pass over.
    pub from: usize,
    /// At most so many.
    pub limit: usize,
    /// The order.
    pub order: UserMediaOrder,
    /// Whether the order is reversed.
    pub reversed: bool,
    /// Only what was uploaded at this time or later.
    pub from_ts: Option<Millis>,
    /// Only what was uploaded at this time or earlier.
    pub until_ts: Option<Millis>,
    /// Only users with this in their localpart or display name, as `im2_model::NameSearch` finds it.
    pub search: Option<String>,
}

const USERS: &str = "
    SELECT u.user_id,
        (SELECT json_extract(value, '$') FROM profile_fields p
         WHERE p.user_nid = u.nid AND p.field = 'displayname' AND json_type(value) = 'text') AS displayname,
        count(*) AS media_count, sum(m.size) AS media_length
    FROM media m JOIN users u ON u.nid = m.owner_nid
    WHERE m.sha256 IS NOT NULL AND (?1 IS NULL OR m.created_ts >= ?1) AND (?2 IS NULL OR m.created_ts <= ?2)
    GROUP BY u.nid";
const WANTED: &str = "?3 IS NULL OR name_has(displayname, ?3)
    OR name_has(substr(user_id, 2, instr(user_id, ':') - 2), ?3)";

/// Events of a room that are looked at to guess how large its events are.
const SAMPLE: i64 = 100;
/// Bytes of an event beside its text: its columns and its entries in the indexes.
const PER_EVENT: i64 = 250;

impl Snapshot<'_> {
    /// A part of the users who have uploaded something, and how many there are.
    pub fn users_media(&self, query: &UserMediaQuery) -> Result<(Vec<UserMedia>, u64)> {
        let column = match query.order {
            UserMediaOrder::UserId => "user_id",
            UserMediaOrder::Displayname => "displayname COLLATE NOCASE",
            UserMediaOrder::MediaCount => "media_count",
            UserMediaOrder::MediaLength => "media_length",
        };
        let direction = if query.reversed { "DESC" } else { "ASC" };
        let times = (query.from_ts.map(|ts| ts as i64), query.until_ts.map(|ts| ts as i64));
        let search = &query.search;
        let sql = format!(
            "SELECT * FROM ({USERS}) WHERE {WANTED} ORDER BY {column} {direction}, user_id {direction}
             LIMIT ?4 OFFSET ?5"
        );
        let page = (times.0, times.1, search, query.limit as i64, query.from as i64);
        let found = self.rows(Sql::SqliteOnly(&sql), page, |row| {
            Ok(UserMedia {
                user_id: row.get(0)?,
                displayname: row.get(1)?,
                media_count: row.get::<i64>(2)? as u64,
                media_length: row.get::<i64>(3)? as u64,
            })
        })?;
        let sql = format!("SELECT count(*) FROM ({USERS}) WHERE {WANTED}");
        let total: Option<i64> = self.row(Sql::SqliteOnly(&sql), (times.0, times.1, search), |row| row.get(0))?;
        Ok((found, total.unwrap_or(0) as u64))
    }

    /// The `limit` rooms that take most of the database with a guess at how many bytes: their number of events times
    /// the size of the newest ones.
    pub fn largest_rooms(&self, limit: usize) -> Result<Vec<(String, u64)>> {
        let sql = "SELECT room_id, CAST(events * (?2 + coalesce((
                       SELECT avg(length(pdu)) FROM (
                           SELECT pdu FROM events WHERE room_nid = nid ORDER BY seq DESC LIMIT ?3)), 0)) AS INTEGER)
                   FROM (SELECT nid, room_id, head_seq - first_seq + 1 AS events FROM rooms WHERE NOT purging
                         ORDER BY events DESC LIMIT ?1)
                   ORDER BY 2 DESC, room_id";
        self.rows(sql, (limit as i64, PER_EVENT, SAMPLE), |row| Ok((row.get(0)?, row.get::<i64>(1)? as u64)))
    }
}
