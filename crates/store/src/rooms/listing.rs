//! Rooms as administrators list them: by what their current state says.

use im2_model::RoomNid;

use crate::{Result, Row, Snapshot, dialect::Sql};

/// A room in an administrator's list. The names are those of the administration API.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the state's")]
pub struct ListedRoom {
    pub room_id: String,
    pub name: Option<String>,
    pub canonical_alias: Option<String>,
    pub joined_members: u64,
    pub joined_local_members: u64,
    pub version: String,
    pub creator: Option<String>,
    pub encryption: Option<String>,
    pub federatable: bool,
    pub public: bool,
    pub join_rules: Option<String>,
    pub guest_access: Option<String>,
    pub history_visibility: Option<String>,
    pub state_events: u64,
    pub room_type: Option<String>,
}

/// The column that a list of rooms is ordered by. Written as the administration API has it, which has two names for
/// some.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the columns'")]
pub enum RoomOrder {
    #[default]
    #[serde(alias = "alphabetical")]
    Name,
    CanonicalAlias,
    #[serde(alias = "size")]
    JoinedMembers,
    JoinedLocalMembers,
    Version,
    Creator,
    Encryption,
    Federatable,
    Public,
    JoinRules,
    GuestAccess,
    HistoryVisibility,
    StateEvents,
}

impl RoomOrder {
    /// The column, and whether large values come first.
    fn column(self) -> (&'static str, bool) {
        match self {
            Self::Name => ("name COLLATE NOCASE", false),
            Self::CanonicalAlias => ("canonical_alias", false),
            Self::JoinedMembers => ("joined_members", true),
            Self::JoinedLocalMembers => ("joined_local_members", true),
            Self::Version => ("CAST(version AS INTEGER)", true),
            Self::Creator => ("creator", false),
            Self::Encryption => ("encryption", false),
            Self::Federatable => ("federatable", false),
            Self::Public => ("public", false),
            Self::JoinRules => ("join_rules", false),
            Self::GuestAccess => ("guest_access", false),
            Self::HistoryVisibility => ("history_visibility", false),
            Self::StateEvents => ("state_events", true),
        }
    }
}

/// A query for rooms.
#[derive(Debug, Clone, Default)]
pub struct RoomsQuery {
    /// How many to pass over.
    pub from: usize,
    /// At most so many.
    pub limit: usize,
    /// The order.
    pub order: RoomOrder,
    /// Whether the order is reversed.
    pub reversed: bool,
    /// Only rooms with this in their name or alias, as `im2_model::NameSearch` finds it, or exactly so in their
    /// identifier.
    pub search: Option<String>,
    /// Only those in the published directory, or only the others.
    pub public: Option<bool>,
    /// Only those without members, or only the others.
    pub empty: Option<bool>,
}

/// A text in the content of a piece of the room's state.
fn text(kind: &str, path: &str) -> String {
    format!(
        "(SELECT json_extract(e.pdu, '$.{path}') FROM current_state s JOIN events e ON e.position = s.position
          WHERE s.room_nid = r.nid AND s.kind = '{kind}' AND s.state_key = ''
            AND json_type(e.pdu, '$.{path}') = 'text')"
    )
}

/// The columns of [`ListedRoom`] of the rooms `r`.
fn columns() -> String {
    let federatable = "(SELECT coalesce(json_extract(e.pdu, '$.content.\"m.federate\"'), 1) <> 0
                        FROM current_state s JOIN events e ON e.position = s.position
                        WHERE s.room_nid = r.nid AND s.kind = 'm.room.create' AND s.state_key = '')";
    format!(
        "SELECT r.room_id, {name} AS name, {alias} AS canonical_alias,
            (SELECT count(*) FROM memberships m WHERE m.room_nid = r.nid AND m.membership = 'join') AS joined_members,
            (SELECT count(*) FROM memberships m JOIN accounts a ON a.user_nid = m.user_nid
             WHERE m.room_nid = r.nid AND m.membership = 'join') AS joined_local_members,
            r.version, {creator} AS creator, {encryption} AS encryption, coalesce({federatable}, 1) AS federatable,
            EXISTS (SELECT 1 FROM published_rooms p WHERE p.room_nid = r.nid) AS public,
            {join_rules} AS join_rules, {guest_access} AS guest_access, {visibility} AS history_visibility,
            (SELECT count(*) FROM current_state s WHERE s.room_nid = r.nid AND s.position <> 0) AS state_events, {room_type} AS room_type
         FROM rooms r WHERE NOT r.purging",
        name = text("m.room.name", "content.name"),
        alias = text("m.room.canonical_alias", "content.alias"),
        creator = text("m.room.create", "sender"),
        encryption = text("m.room.encryption", "content.algorithm"),
        join_rules = text("m.room.join_rules", "content.join_rule"),
        guest_access = text("m.room.guest_access", "content.guest_access"),
        visibility = text("m.room.history_visibility", "content.history_visibility"),
        room_type = text("m.room.create", "content.type"),
    )
}

/// ?1 is the term that is searched for, ?2 and ?3 are the two filters.
const WANTED: &str = "
    (?1 IS NULL OR instr(room_id, ?1) OR name_has(name, ?1)
     OR name_has(substr(canonical_alias, 1, instr(canonical_alias, ':') - 1), ?1))
    AND (?2 IS NULL OR public = ?2) AND (?3 IS NULL OR (joined_members = 0) = ?3)";

impl Snapshot<'_> {
    /// A part of all rooms, and how many there are that the query wants.
    pub fn list_rooms(&self, query: &RoomsQuery) -> Result<(Vec<ListedRoom>, u64)> {
        let rooms = columns();
        let (column, descending) = query.order.column();
        let direction = if descending == query.reversed { "ASC" } else { "DESC" };
        let ties = if query.reversed { "DESC" } else { "ASC" };
        let (search, public, empty) = (&query.search, query.public, query.empty);
        let sql = format!(
            "WITH listed AS MATERIALIZED ({rooms}) SELECT * FROM listed WHERE {WANTED}
             ORDER BY {column} {direction}, room_id {ties} LIMIT ?4 OFFSET ?5"
        );
        let page = (search, public, empty, query.limit as i64, query.from as i64);
        let listed = self.rows(Sql::SqliteOnly(&sql), page, read_room)?;
        let sql = format!("WITH listed AS MATERIALIZED ({rooms}) SELECT count(*) FROM listed WHERE {WANTED}");
        let total: Option<i64> = self.row(Sql::SqliteOnly(&sql), (search, public, empty), |row| row.get(0))?;
        Ok((listed, total.unwrap_or(0) as u64))
    }

    /// One room as it is listed.
    pub fn listed_room(&self, room: RoomNid) -> Result<Option<ListedRoom>> {
        self.row(Sql::SqliteOnly(&format!("{} AND r.nid = ?1", columns())), [room.0], read_room)
    }

    /// How many devices the local users joined to a room have.
    pub fn devices_in_room(&self, room: RoomNid) -> Result<u64> {
        let sql = "SELECT count(*) FROM memberships m JOIN devices d ON d.user_nid = m.user_nid
                   WHERE m.room_nid = ?1 AND m.membership = 'join'";
        let count: Option<i64> = self.row(sql, [room.0], |row| row.get(0))?;
        Ok(count.unwrap_or(0) as u64)
    }

    /// Whether nobody has to do with a room any more: all have left and forgotten it, or have no account any more.
    pub fn is_forgotten_room(&self, room: RoomNid) -> Result<bool> {
        let sql = "SELECT NOT EXISTS (
                       SELECT 1 FROM memberships m LEFT JOIN accounts a ON a.user_nid = m.user_nid
                       WHERE m.room_nid = ?1
                         AND NOT (m.forgotten OR (m.membership IN ('leave', 'ban') AND a.deactivated_ts IS NOT NULL)))";
        Ok(self.row(sql, [room.0], |row| row.get(0))?.unwrap_or(false))
    }
}

fn read_room(row: &Row<'_>) -> Result<ListedRoom> {
    let number = |column: usize| row.get::<i64>(column).map(|number| number as u64);
    Ok(ListedRoom {
        room_id: row.get(0)?,
        name: row.get(1)?,
        canonical_alias: row.get(2)?,
        joined_members: number(3)?,
        joined_local_members: number(4)?,
        version: row.get(5)?,
        creator: row.get(6)?,
        encryption: row.get(7)?,
        federatable: row.get(8)?,
        public: row.get(9)?,
        join_rules: row.get(10)?,
        guest_access: row.get(11)?,
        history_visibility: row.get(12)?,
        state_events: number(13)?,
        room_type: row.get(14)?,
    })
}
