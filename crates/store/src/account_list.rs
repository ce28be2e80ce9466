//! Accounts as administrators list them: filtered, sorted, a page at a time.

use im2_model::{Millis, UserNid};

use crate::{
    Result, Row, Snapshot,
    accounts::{ACCOUNT_COLUMNS, Account, account},
    dialect::Sql,
};

/// A query for accounts, and their order.
#[derive(Debug, Clone, Default)]
pub struct AccountQuery {
    /// Those with this in their localpart or display name, as `im2_model::NameSearch` finds it.
    pub name: Option<String>,
    /// Those with this in their user ID. Not looked at beside `name`.
    pub user_id: Option<String>,
    /// Only deactivated ones, or only working ones.
    pub deactivated: Option<bool>,
    /// Only administrators, or only others.
    pub admins: Option<bool>,
    /// Guests too.
    pub guests: bool,
    /// Locked ones too.
    pub locked: bool,
    /// None of these types; the empty text is for those without a type.
    pub not_user_types: Vec<String>,
    /// Sorted by this, and by name where it is the same.
    pub order: AccountOrder,
    /// Whether the order is reversed.
    pub descending: bool,
    /// Leaving out so many.
    pub from: usize,
    /// At most so many.
    pub limit: usize,
}

/// The column that accounts are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names are the columns'")]
pub enum AccountOrder {
    #[default]
    Name,
    Guest,
    Admin,
    UserType,
    Deactivated,
    DisplayName,
    AvatarUrl,
    Created,
    LastSeen,
    Locked,
    ShadowBanned,
}

impl AccountOrder {
    fn expression(self) -> &'static str {
        match self {
            Self::Name => "user_id",
            Self::Guest => "is_guest",
            Self::Admin => "is_admin",
            Self::UserType => "user_type",
            Self::Deactivated => "deactivated_ts IS NOT NULL",
            Self::DisplayName => "displayname",
            Self::AvatarUrl => "avatar_url",
            Self::Created => "created_ts",
            Self::LastSeen => "last_seen_ts",
            Self::Locked => "locked",
            Self::ShadowBanned => "shadow_banned",
        }
    }
}

/// An account in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedAccount {
    /// The account.
    pub account: Account,
    /// Whether it is a guest's.
    pub is_guest: bool,
    /// The user's display name.
    pub displayname: Option<String>,
    /// The user's avatar.
    pub avatar_url: Option<String>,
    /// When one of the user's devices was last heard of.
    pub last_seen_ts: Option<Millis>,
}

/// Everything that is listed of the accounts that pass the filters ?1 to ?7.
fn listing() -> String {
    const FIELD: &str = "SELECT json_extract(value, '$') FROM profile_fields WHERE user_nid = a.user_nid AND field =";
    format!(
        "SELECT * FROM (
             SELECT {ACCOUNT_COLUMNS}, ({FIELD} 'displayname') AS displayname, ({FIELD} 'avatar_url') AS avatar_url,
                    (SELECT max(last_seen_ts) FROM devices WHERE user_nid = a.user_nid) AS last_seen_ts,
                    a.is_guest
             FROM accounts a JOIN users u ON u.nid = a.user_nid)
         WHERE (?1 IS NULL OR name_has(substr(user_id, 2, instr(user_id, ':') - 2), ?1) OR name_has(displayname, ?1))
           AND (?2 IS NULL OR name_has(user_id, ?2))
           AND (?3 IS NULL OR (deactivated_ts IS NOT NULL) = ?3)
           AND (?4 IS NULL OR is_admin = ?4)
           AND (?5 OR NOT locked)
           AND (?7 OR NOT is_guest)
           AND coalesce(user_type, '') NOT IN (SELECT value FROM json_each(?6))"
    )
}

impl Snapshot<'_> {
    /// A page of accounts, and how many there are in all.
    pub fn list_accounts(&self, query: &AccountQuery) -> Result<(Vec<ListedAccount>, usize)> {
        let AccountQuery { deactivated, admins, locked, order, descending, from, limit, .. } = query;
        let name = query.name.as_deref();
        let user_id = query.user_id.as_deref().filter(|_| name.is_none());
        let types = serde_json::json!(query.not_user_types).to_string();
        let (listing, order) = (listing(), order.expression());
        let direction = if *descending { "DESC" } else { "ASC" };
        let sql = format!("{listing} ORDER BY {order} {direction}, user_id ASC LIMIT ?8 OFFSET ?9");
        let filters = (&name, &user_id, deactivated, admins, locked, &types, query.guests);
        let (limit, from) = (*limit as i64, *from as i64);
        let page = (&name, &user_id, deactivated, admins, locked, &types, query.guests, limit, from);
        let accounts = self.rows(Sql::SqliteOnly(&sql), page, listed)?;
        let count: Option<i64> =
            self.row(Sql::SqliteOnly(&format!("SELECT count(*) FROM ({listing})")), filters, |row| row.get(0))?;
        Ok((accounts, count.unwrap_or(0) as usize))
    }

    /// One account as it is listed.
    pub fn listed_account(&self, user: UserNid) -> Result<Option<ListedAccount>> {
        let sql = format!("{} AND user_nid = ?8", listing());
        self.row(
            Sql::SqliteOnly(&sql),
            (None::<&str>, None::<&str>, None::<bool>, None::<bool>, true, "[]", true, user.0),
            listed,
        )
    }
}

fn listed(row: &Row<'_>) -> Result<ListedAccount> {
    Ok(ListedAccount {
        account: account(row)?,
        displayname: row.get(11)?,
        avatar_url: row.get(12)?,
        last_seen_ts: row.get::<Option<i64>>(13)?.map(|ts| ts as Millis),
        is_guest: row.get(14)?,
    })
}
