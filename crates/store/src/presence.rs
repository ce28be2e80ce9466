//! Presence of users, as far as it is stored.

use im2_model::{Millis, UserId, UserNid};

use crate::{AnyCommand, Command, Request, Result, Row, Snapshot, Transaction, accounts::parsed_user};

/// The stored presence of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresenceRow {
    /// The user's number.
    pub user: UserNid,
    /// The user.
    pub user_id: UserId,
    /// Their status message.
    pub status_msg: Option<String>,
    /// When they last did something.
    pub last_active_ts: Millis,
    /// Whether others had last been told something else than `offline`.
    pub live: bool,
}

/// The command that keeps users' presence.
#[derive(Debug, Clone)]
pub struct SavePresence(pub Vec<PresenceRow>);

impl Command for SavePresence {
    type Outcome = ();

    fn carry_out(&self, tx: &mut Transaction<'_>) -> Result<()> {
        self.0.iter().try_for_each(|row| tx.save_presence(row))
    }

    fn requested<C>(request: Box<Request<Self, C>>) -> AnyCommand<C> {
        AnyCommand::SavePresence(request)
    }
}

const PRESENCE: &str = "SELECT p.user_nid, u.user_id, p.status_msg, p.last_active_ts, p.live
                        FROM presence p JOIN users u ON u.nid = p.user_nid";

fn presence(row: &Row<'_>) -> Result<PresenceRow> {
    Ok(PresenceRow {
        user: UserNid(row.get(0)?),
        user_id: parsed_user(row, 1)?,
        status_msg: row.get(2)?,
        last_active_ts: row.get::<i64>(3)? as Millis,
        live: row.get(4)?,
    })
}

impl Snapshot<'_> {
    /// One user's presence.
    pub fn presence(&self, user: UserNid) -> Result<Option<PresenceRow>> {
        self.row(&format!("{PRESENCE} WHERE p.user_nid = ?1"), [user.0], presence)
    }

    /// Those whom others last knew as something else than offline, at most `limit`.
    pub fn live_presence(&self, limit: usize) -> Result<Vec<PresenceRow>> {
        self.rows(&format!("{PRESENCE} WHERE p.live LIMIT ?1"), [limit as i64], presence)
    }
}

impl Transaction<'_> {
    /// Forgets a user's presence.
    pub fn remove_presence(&self, user: UserNid) -> Result<()> {
        self.execute("DELETE FROM presence WHERE user_nid = ?1", [user.0]).map(drop)
    }

    /// Keeps a user's presence.
    pub fn save_presence(&self, row: &PresenceRow) -> Result<()> {
        let sql = "INSERT INTO presence (user_nid, status_msg, last_active_ts, live) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT (user_nid) DO UPDATE SET status_msg = excluded.status_msg,
                          last_active_ts = excluded.last_active_ts, live = excluded.live";
        self.execute(sql, (row.user.0, &row.status_msg, row.last_active_ts as i64, row.live)).map(drop)
    }
}
