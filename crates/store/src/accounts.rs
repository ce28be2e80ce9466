//! Users and accounts.

use im2_model::{Millis, UserId, UserNid};

use crate::{Error, Result, Row, Snapshot, Transaction};

/// A user whose home this server is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "they are the row's columns, and independent of each other")]
pub struct Account {
    /// The user's number.
    pub user: UserNid,
    /// The user.
    pub user_id: UserId,
    /// The password's digest as a PHC string; `None` when the account has no password.
    pub password_hash: Option<String>,
    /// Whether the account administers the server.
    pub is_admin: bool,
    /// When it was made.
    pub created_ts: Millis,
    /// When it was deactivated, if it was.
    pub deactivated_ts: Option<Millis>,
    /// Whether its owner asked for erasure.
    pub erased: bool,
    /// Whether it is locked.
    pub locked: bool,
    /// Whether it is suspended.
    pub suspended: bool,
    /// Whether it is shadow-banned.
    pub shadow_banned: bool,
    /// The kind of user as administrators set it, if they did.
    pub user_type: Option<String>,
}

/// The values of a new account.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// The user.
    pub user_id: UserId,
    /// The password's digest; `None` for an account without a password.
    pub password_hash: Option<String>,
    /// Whether it administers the server.
    pub is_admin: bool,
    /// Now.
    pub created_ts: Millis,
}

/// The columns that [`account`] reads, for the queries of neighbouring files.
pub(crate) const ACCOUNT_COLUMNS: &str = "a.user_nid, u.user_id, a.password_hash, a.is_admin, a.created_ts,
     a.deactivated_ts, a.erased, a.locked, a.suspended, a.user_type, a.shadow_banned";

fn accounts_where(condition: &str) -> String {
    format!("SELECT {ACCOUNT_COLUMNS} FROM accounts a JOIN users u ON u.nid = a.user_nid WHERE {condition}")
}

/// Reads an account's columns.
pub(crate) fn account(row: &Row<'_>) -> Result<Account> {
    Ok(Account {
        user: UserNid(row.get(0)?),
        user_id: parsed_user(row, 1)?,
        password_hash: row.get(2)?,
        is_admin: row.get(3)?,
        created_ts: row.get::<i64>(4)? as Millis,
        deactivated_ts: row.get::<Option<i64>>(5)?.map(|ts| ts as Millis),
        erased: row.get(6)?,
        locked: row.get(7)?,
        suspended: row.get(8)?,
        user_type: row.get(9)?,
        shadow_banned: row.get(10)?,
    })
}

/// Reads a user ID that the program wrote.
pub(crate) fn parsed_user(row: &Row<'_>, column: usize) -> Result<UserId> {
    row.parsed(column, UserId::parse)
}

impl Snapshot<'_> {
    /// The number of a user, if this server has heard of them.
    pub fn user_nid(&self, user_id: &UserId) -> Result<Option<UserNid>> {
        self.row("SELECT nid FROM users WHERE user_id = ?1", [user_id.as_str()], |row| row.get(0).map(UserNid))
    }

    /// The identifier behind a user's number.
    pub fn user_id(&self, user: UserNid) -> Result<Option<UserId>> {
        let text: Option<String> = self.row("SELECT user_id FROM users WHERE nid = ?1", [user.0], |row| row.get(0))?;
        text.map(|text| UserId::parse(&text).map_err(|_| Error::Corrupt(format!("user {}", user.0)))).transpose()
    }

    /// The account of a user.
    pub fn account(&self, user_id: &UserId) -> Result<Option<Account>> {
        self.row(&accounts_where("u.user_id = ?1"), [user_id.as_str()], account)
    }

    /// The account behind a user's number.
    pub fn account_of(&self, user: UserNid) -> Result<Option<Account>> {
        self.row(&accounts_where("a.user_nid = ?1"), [user.0], account)
    }

    /// Up to `limit` accounts in the order in which they were made, after the one numbered `after`.
    pub fn accounts(&self, after: UserNid, limit: usize) -> Result<Vec<Account>> {
        let sql = accounts_where("a.user_nid > ?1 ORDER BY a.user_nid LIMIT ?2");
        self.rows(&sql, (after.0, limit as i64), account)
    }

    /// The time until which a user may replace their cross-signing keys without showing who they are, if an
    /// administrator has allowed it.
    pub fn cross_signing_replaceable_until(&self, user: UserNid) -> Result<Option<Millis>> {
        let sql = "SELECT cross_signing_until FROM accounts WHERE user_nid = ?1";
        let until: Option<Option<i64>> = self.row(sql, [user.0], |row| row.get(0))?;
        Ok(until.flatten().map(|until| until as Millis))
    }

    /// Whether any working account administers the server.
    pub fn has_admin(&self) -> Result<bool> {
        let sql = "SELECT 1 FROM accounts WHERE is_admin AND deactivated_ts IS NULL LIMIT 1";
        self.row(sql, [], |_| Ok(())).map(|found| found.is_some())
    }

    /// The working accounts that administer the server.
    pub fn administrators(&self) -> Result<Vec<UserId>> {
        let sql = "SELECT u.user_id FROM accounts a JOIN users u ON u.nid = a.user_nid
                   WHERE a.is_admin AND a.deactivated_ts IS NULL";
        self.rows(sql, [], |row| parsed_user(row, 0))
    }

    /// The users who asked to be erased.
    pub fn erased_users(&self) -> Result<Vec<UserNid>> {
        self.rows("SELECT user_nid FROM accounts WHERE erased", [], |row| row.get(0).map(UserNid))
    }

    /// The users whose account is locked.
    pub fn locked_users(&self) -> Result<Vec<UserNid>> {
        self.rows("SELECT user_nid FROM accounts WHERE locked", [], |row| row.get(0).map(UserNid))
    }

    /// The users who are guests.
    pub fn guest_users(&self) -> Result<Vec<UserNid>> {
        self.rows("SELECT user_nid FROM accounts WHERE is_guest", [], |row| row.get(0).map(UserNid))
    }

    /// The users whose account is suspended.
    pub fn suspended_users(&self) -> Result<Vec<UserNid>> {
        self.rows("SELECT user_nid FROM accounts WHERE suspended", [], |row| row.get(0).map(UserNid))
    }

    /// The users who are shadow-banned.
    pub fn shadow_banned_users(&self) -> Result<Vec<UserNid>> {
        self.rows("SELECT user_nid FROM accounts WHERE shadow_banned", [], |row| row.get(0).map(UserNid))
    }
}

impl Transaction<'_> {
    /// The number of a user, given one if they are new.
    pub fn ensure_user(&self, user_id: &UserId) -> Result<UserNid> {
        if let Some(found) = self.user_nid(user_id)? {
            return Ok(found);
        }
        self.insert("INSERT INTO users (user_id) VALUES (?1) RETURNING nid", [user_id.as_str()]).map(UserNid)
    }

    /// Makes an account; `None` if the name is taken.
    pub fn create_account(&self, new: &NewAccount) -> Result<Option<UserNid>> {
        if new.is_admin && self.account(&new.user_id)?.is_none() {
            self.end_first_admin_tokens()?;
        }
        let user = self.ensure_user(&new.user_id)?;
        let sql = "INSERT INTO accounts (user_nid, password_hash, is_admin, created_ts) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT DO NOTHING";
        let made = self.execute(sql, (user.0, &new.password_hash, new.is_admin, new.created_ts as i64))?;
        Ok((made == 1).then_some(user))
    }

    /// Says whether an account is a guest's.
    pub fn set_guest(&self, user: UserNid, is_guest: bool) -> Result<()> {
        self.execute("UPDATE accounts SET is_guest = ?2 WHERE user_nid = ?1", (user.0, is_guest)).map(drop)
    }

    /// Replaces an account's password.
    pub fn set_password(&self, user: UserNid, hash: &str) -> Result<()> {
        self.execute("UPDATE accounts SET password_hash = ?2 WHERE user_nid = ?1", (user.0, hash)).map(drop)
    }

    /// Says whether an account administers the server.
    pub fn set_admin(&self, user: UserNid, is_admin: bool) -> Result<()> {
        if is_admin {
            self.end_first_admin_tokens()?;
        }
        self.execute("UPDATE accounts SET is_admin = ?2 WHERE user_nid = ?1", (user.0, is_admin)).map(drop)
    }

    /// Ends the tokens that make administrators, if what is about to be made is the first one: whatever makes them, the
    /// way to become that has served its purpose. Later ones are made by somebody who may.
    fn end_first_admin_tokens(&self) -> Result<()> {
        if !self.has_admin()? {
            self.execute("DELETE FROM registration_tokens WHERE grants_admin", [])?;
        }
        Ok(())
    }

    /// Locks an account, or unlocks it.
    pub fn set_locked(&self, user: UserNid, locked: bool) -> Result<()> {
        self.execute("UPDATE accounts SET locked = ?2 WHERE user_nid = ?1", (user.0, locked)).map(drop)
    }

    /// Suspends an account, or ends its suspension.
    pub fn set_suspended(&self, user: UserNid, suspended: bool) -> Result<()> {
        self.execute("UPDATE accounts SET suspended = ?2 WHERE user_nid = ?1", (user.0, suspended)).map(drop)
    }

    /// Shadow-bans a user, or ends that.
    pub fn set_shadow_banned(&self, user: UserNid, shadow_banned: bool) -> Result<()> {
        let sql = "UPDATE accounts SET shadow_banned = ?2 WHERE user_nid = ?1";
        self.execute(sql, (user.0, shadow_banned)).map(drop)
    }

    /// Lets a user replace their cross-signing keys without showing who they are.
    pub fn allow_cross_signing_replacement(&self, user: UserNid, until: Millis) -> Result<()> {
        let sql = "UPDATE accounts SET cross_signing_until = ?2 WHERE user_nid = ?1";
        self.execute(sql, (user.0, until as i64)).map(drop)
    }

    /// Says what kind of user somebody is.
    pub fn set_user_type(&self, user: UserNid, user_type: Option<&str>) -> Result<()> {
        self.execute("UPDATE accounts SET user_type = ?2 WHERE user_nid = ?1", (user.0, user_type)).map(drop)
    }

    /// Makes a deactivated account work again, without a password.
    pub fn reactivate_account(&self, user: UserNid) -> Result<()> {
        let sql = "UPDATE accounts SET deactivated_ts = NULL, erased = FALSE, password_hash = NULL WHERE user_nid = ?1";
        self.execute(sql, [user.0]).map(drop)
    }

    /// Marks an account as deactivated; with `erase` its password is forgotten too. Its devices are the caller's to
    /// remove.
    pub fn deactivate_account(&self, user: UserNid, erase: bool, now: Millis) -> Result<()> {
        let sql = "UPDATE accounts SET deactivated_ts = coalesce(deactivated_ts, ?2), is_admin = FALSE,
                          erased = erased OR ?3, password_hash = CASE WHEN ?3 THEN NULL ELSE password_hash END
                   WHERE user_nid = ?1";
        self.execute(sql, (user.0, now as i64, erase)).map(drop)
    }
}
