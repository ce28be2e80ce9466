//! Account data that clients keep for an account and for its rooms.

use im2_model::{Position, RoomId, RoomNid, UserNid};

use crate::{AnyCommand, Command, Request, Result, Row, Snapshot, Transaction};

/// One piece of account data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountData {
    /// The room; `None` for the account.
    pub room: Option<RoomNid>,
    /// The event type.
    pub kind: String,
    /// The content, a JSON object.
    pub content: String,
    /// When it last changed.
    pub position: Position,
}

/// The command that sets the content of one type, for the account or for a room that the user has to do with.
#[derive(Debug, Clone)]
pub struct SetAccountData {
    /// Whose.
    pub user: UserNid,
    /// For which room; `None` for the account.
    pub room: Option<RoomId>,
    /// The event type.
    pub kind: String,
    /// The content, a JSON object.
    pub content: String,
    /// How many bytes the user may keep, for the account and for rooms. What does not grow is not counted.
    pub most_bytes: u64,
    /// How many types the user may keep for the account, and again for each room.
    pub most_types: usize,
}

/// What has become of account data that was to be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountDataSet {
    /// It is set, for the room with this number if for one.
    Done(Option<RoomNid>, Position),
    /// The user has nothing to do with the room.
    NoRoom,
    /// The user would keep too many bytes.
    TooManyBytes,
    /// The user would keep too many types.
    TooManyTypes,
}

impl Command for SetAccountData {
    type Outcome = AccountDataSet;

    fn carry_out(&self, tx: &mut Transaction<'_>) -> Result<AccountDataSet> {
        let Self { user, kind, content, .. } = self;
        let room = match &self.room {
            None => None,
            Some(room_id) => match tx.room_of_user(*user, room_id)? {
                None => return Ok(AccountDataSet::NoRoom),
                found => found,
            },
        };
        let before = tx.account_data(*user, room, kind)?;
        let bytes = before.as_ref().map_or(0, |before| before.len() + kind.len());
        let more = (content.len() + kind.len()).saturating_sub(bytes) as u64;
        if more > 0 && tx.account_data_bytes(*user)? + more > self.most_bytes {
            return Ok(AccountDataSet::TooManyBytes);
        }
        if before.is_none() && tx.account_data_count(*user, room)? >= self.most_types {
            return Ok(AccountDataSet::TooManyTypes);
        }
        let position = tx.next_position();
        tx.set_account_data(*user, room, kind, content, position)?;
        Ok(AccountDataSet::Done(room, position))
    }

    fn requested<C>(request: Box<Request<Self, C>>) -> AnyCommand<C> {
        AnyCommand::SetAccountData(request)
    }
}

/// The room number that stands for "no room" in the table.
const ACCOUNT: i64 = 0;

fn room_column(room: Option<RoomNid>) -> i64 {
    room.map_or(ACCOUNT, |room| room.0)
}

fn read_row(row: &Row<'_>) -> Result<AccountData> {
    let room: i64 = row.get(0)?;
    Ok(AccountData {
        room: (room != ACCOUNT).then_some(RoomNid(room)),
        kind: row.get(1)?,
        content: row.get(2)?,
        position: Position::from_i64(row.get(3)?),
    })
}

impl Snapshot<'_> {
    /// The content of one type.
    pub fn account_data(&self, user: UserNid, room: Option<RoomNid>, kind: &str) -> Result<Option<String>> {
        let sql = "SELECT content FROM account_data WHERE user_nid = ?1 AND room_nid = ?2 AND kind = ?3";
        self.row(sql, (user.0, room_column(room), kind), |row| row.get(0))
    }

    /// Everything a user keeps, for the account and for rooms. Bounded by what the use cases let a user store.
    pub fn all_account_data(&self, user: UserNid) -> Result<Vec<AccountData>> {
        let sql =
            "SELECT room_nid, kind, content, position FROM account_data WHERE user_nid = ?1 ORDER BY room_nid, kind";
        self.rows(sql, [user.0], read_row)
    }

    /// The content of one type in all rooms.
    pub fn account_data_of_rooms(&self, user: UserNid, kind: &str) -> Result<Vec<(RoomNid, String)>> {
        let sql = "SELECT room_nid, content FROM account_data WHERE user_nid = ?1 AND kind = ?2 AND room_nid <> 0";
        self.rows(sql, (user.0, kind), |row| Ok((RoomNid(row.get(0)?), row.get(1)?)))
    }

    /// Everything a user keeps for the account or for one room.
    pub fn account_data_of_room(&self, user: UserNid, room: Option<RoomNid>) -> Result<Vec<AccountData>> {
        let sql = "SELECT room_nid, kind, content, position FROM account_data
                   WHERE user_nid = ?1 AND room_nid = ?2 ORDER BY kind";
        self.rows(sql, (user.0, room_column(room)), read_row)
    }

    /// The number of a room, if the user has anything to do with it.
    pub fn room_of_user(&self, user: UserNid, room_id: &RoomId) -> Result<Option<RoomNid>> {
        let sql = "SELECT r.nid FROM rooms r JOIN memberships m ON m.room_nid = r.nid
                   WHERE r.room_id = ?1 AND m.user_nid = ?2";
        self.row(sql, (room_id.as_str(), user.0), |row| row.get(0).map(RoomNid))
    }

    /// How many bytes a user keeps, for the account and for rooms.
    pub fn account_data_bytes(&self, user: UserNid) -> Result<u64> {
        let sql =
            "SELECT coalesce(sum(octet_length(content) + octet_length(kind)), 0) FROM account_data WHERE user_nid = ?1";
        let sum: Option<i64> = self.row(sql, [user.0], |row| row.get(0))?;
        Ok(sum.unwrap_or(0) as u64)
    }

    /// How many types a user keeps for the account or for one room.
    pub fn account_data_count(&self, user: UserNid, room: Option<RoomNid>) -> Result<usize> {
        let sql = "SELECT count(*) FROM account_data WHERE user_nid = ?1 AND room_nid = ?2";
        let count: Option<i64> = self.row(sql, (user.0, room_column(room)), |row| row.get(0))?;
        Ok(count.unwrap_or(0) as usize)
    }
}

impl Transaction<'_> {
    /// Sets the content of one type. `content` is a JSON object.
    pub fn set_account_data(
        &self,
        user: UserNid,
        room: Option<RoomNid>,
        kind: &str,
        content: &str,
        position: Position,
    ) -> Result<()> {
        let sql = "INSERT INTO account_data (user_nid, room_nid, kind, content, position) VALUES (?1, ?2, ?3, ?4, ?5)
                   ON CONFLICT (user_nid, room_nid, kind) DO UPDATE SET content = excluded.content, position = excluded.position";
        self.execute(sql, (user.0, room_column(room), kind, content, position.to_i64())).map(drop)
    }

    /// Removes all account data of a user, global and of rooms.
    pub fn erase_account_data(&self, user: UserNid) -> Result<()> {
        self.execute("DELETE FROM account_data WHERE user_nid = ?1", [user.0]).map(drop)
    }
}
