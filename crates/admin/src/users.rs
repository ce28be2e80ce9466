//! Looking at accounts, making and changing them, for administrators.

use std::collections::BTreeMap;

use im2_accounts::{
    Accounts, NewUser,
    devices::{Device, Devices},
    own_limits::RateLimits,
};
use im2_chat::{account_data::AccountData, e2ee::MASTER, profile::Profiles};
use im2_core::{Code, Core, Error, Result, rate_limits::RateLimit, session::Session, stream::AccountDataChange};
use im2_kernel::content::Membership;
use im2_model::{Millis, RoomId, UserId, UserNid};
use im2_store::{Snapshot, accounts::Account, pushers::Pusher};

pub use im2_store::account_list::{AccountOrder, AccountQuery, ListedAccount};

use super::moderation::{Measure, Moderation};

/// The kinds of users that tools know, beside those without a kind.
const USER_TYPES: &[&str] = &["bot", "support"];
/// How long cross-signing keys can be replaced without showing who one is: time to do it by hand.
const REPLACEMENT_WINDOW: Millis = 10 * 60 * 1000;

/// Changes to an account; a field that is absent stays as it is.
#[derive(Clone, Default)]
pub struct Changes {
    /// The password.
    pub password: Option<String>,
    /// Whether the sessions go on although the password is another.
    pub keep_sessions: bool,
    /// The display name; empty for none.
    pub displayname: Option<String>,
    /// The avatar; empty for none.
    pub avatar_url: Option<String>,
    /// Whether the account administers the server.
    pub is_admin: Option<bool>,
    /// Whether the account is ended.
    pub deactivated: Option<bool>,
    /// Whether the account is locked.
    pub locked: Option<bool>,
    /// The kind of user; the inner `None` for no kind.
    pub user_type: Option<Option<String>>,
}

/// The use cases of administering users.
#[derive(Debug, Clone)]
pub struct Users {
    pub(crate) core: Core,
    pub(crate) accounts: Accounts,
    pub(crate) devices: Devices,
    pub(crate) profiles: Profiles,
    pub(crate) account_data: AccountData,
    pub(crate) rate_limits: RateLimits,
    pub(crate) moderation: Moderation,
}

/// Looking.
impl Users {
    /// A page of accounts, and how many there are in all.
    pub async fn list(&self, query: AccountQuery) -> Result<(Vec<ListedAccount>, usize)> {
        Ok(self.core.store.read(move |db| db.list_accounts(&query)).await?)
    }

    /// One account.
    pub async fn get(&self, user_id: &UserId) -> Result<ListedAccount> {
        let user = self.account(user_id).await?.user;
        self.core.store.read(move |db| db.listed_account(user)).await?.ok_or_else(no_such_account)
    }

    /// The user's devices.
    pub async fn devices(&self, user_id: &UserId) -> Result<Vec<Device>> {
        self.devices.of(self.account(user_id).await?.user).await
    }

    /// The devices that a user has been connected from, for themselves and for administrators (spec: `GET
    /// /admin/whois/{userId}`).
    pub async fn whois(&self, session: &Session, user_id: &UserId) -> Result<Vec<Device>> {
        if !session.is_admin && *user_id != session.user_id {
            return Err(Error::refused(Code::Forbidden, "this requires a server administrator"));
        }
        self.devices(user_id).await
    }

    /// The user's membership in each room that they have had to do with, forgotten ones included.
    pub async fn memberships(&self, user_id: &UserId) -> Result<BTreeMap<RoomId, String>> {
        let user = self.account(user_id).await?.user;
        let read = move |db: &Snapshot<'_>| {
            let mut found = BTreeMap::new();
            for row in db.memberships_of(user)? {
                if let Some(room) = db.room_by_nid(row.room)? {
                    found.insert(room.room_id, row.membership);
                }
            }
            Ok(found)
        };
        Ok(self.core.store.read(read).await?)
    }

    /// The rooms that the user is a member of.
    pub async fn joined_rooms(&self, user_id: &UserId) -> Result<Vec<RoomId>> {
        let rooms = self.memberships(user_id).await?.into_iter();
        Ok(rooms.filter(|(_, membership)| membership == Membership::Join.as_str()).map(|(room, _)| room).collect())
    }

    /// The account data of the user: that of the account, and that of rooms.
    pub async fn account_data(
        &self,
        user_id: &UserId,
    ) -> Result<(Vec<AccountDataChange>, BTreeMap<RoomId, Vec<AccountDataChange>>)> {
        let user = self.account(user_id).await?.user;
        let (of_rooms, global): (Vec<_>, Vec<_>) =
            self.account_data.all(user, user_id).await?.into_iter().partition(|entry| entry.room.is_some());
        let nids: Vec<_> = of_rooms.iter().filter_map(|entry| entry.room).collect();
        let read = move |db: &Snapshot<'_>| {
            nids.iter()
                .map(|room| Ok(db.room_by_nid(*room)?.map(|row| row.room_id)))
                .collect::<im2_store::Result<Vec<_>>>()
        };
        let ids = self.core.store.read(read).await?;
        let mut rooms: BTreeMap<RoomId, Vec<_>> = BTreeMap::new();
        for (room, entry) in ids.into_iter().zip(of_rooms) {
            if let Some(room) = room {
                rooms.entry(room).or_default().push(entry);
            }
        }
        Ok((global, rooms))
    }

    /// The user's pushers.
    pub async fn pushers(&self, user_id: &UserId) -> Result<Vec<Pusher>> {
        let user = self.account(user_id).await?.user;
        Ok(self.core.store.read(move |db| db.pushers_of(user)).await?)
    }

    /// The user's own limit on requests, if an administrator gave them one.
    pub async fn rate_limit(&self, user_id: &UserId) -> Result<Option<RateLimit>> {
        Ok(self.rate_limits.of(self.account(user_id).await?.user))
    }

    /// The account of a local user.
    pub(super) async fn account(&self, user_id: &UserId) -> Result<Account> {
        self.check_local(user_id)?;
        let user_id = user_id.clone();
        self.core.store.read(move |db| db.account(&user_id)).await?.ok_or_else(no_such_account)
    }

    fn check_local(&self, user_id: &UserId) -> Result<()> {
        if user_id.server_name() == self.core.server_name.as_str() {
            return Ok(());
        }
        Err(Error::refused(Code::InvalidParam, "this user belongs to another server"))
    }
}

/// Changing.
impl Users {
    /// Makes an account or changes one. Returns whether it is new.
    pub async fn put(&self, admin: &Session, user_id: &UserId, changes: Changes) -> Result<bool> {
        self.check_local(user_id)?;
        check(&changes)?;
        let wanted = user_id.clone();
        let found = self.core.store.read(move |db| db.account(&wanted)).await?;
        let is_new = found.is_none();
        let account = match found {
            Some(account) => self.change_password(account, &changes).await?,
            None => self.create(user_id, &changes).await?,
        };
        self.change(admin, account, changes).await?;
        Ok(is_new)
    }

    async fn create(&self, user_id: &UserId, changes: &Changes) -> Result<Account> {
        let displayname = changes.displayname.clone().filter(|name| !name.is_empty());
        let is_admin = changes.is_admin.unwrap_or(false);
        let new = NewUser { password: changes.password.clone(), displayname, is_admin };
        self.accounts.create_as(user_id, new).await?;
        self.account(user_id).await
    }

    /// Brings an account that has ended to life again, or sets its password, as far as that is asked for.
    async fn change_password(&self, account: Account, changes: &Changes) -> Result<Account> {
        if account.deactivated_ts.is_some() && changes.deactivated == Some(false) {
            self.accounts.reactivate(&account, changes.password.as_deref()).await?;
            return self.account(&account.user_id).await;
        }
        if let Some(password) = &changes.password {
            self.accounts.set_password_of(&account, password, !changes.keep_sessions).await?;
        }
        Ok(account)
    }

    async fn change(&self, admin: &Session, account: Account, changes: Changes) -> Result<()> {
        if let Some(is_admin) = changes.is_admin.filter(|wanted| *wanted != account.is_admin) {
            self.set_admin(admin, &account.user_id, is_admin).await?;
        }
        if let Some(user_type) = changes.user_type.filter(|wanted| *wanted != account.user_type) {
            self.accounts.set_user_type(&account, user_type).await?;
        }
        for (field, value) in [("displayname", changes.displayname), ("avatar_url", changes.avatar_url)] {
            if let Some(value) = value {
                self.profiles.set_for(account.user, &account.user_id, field, value.into()).await?;
            }
        }
        if let Some(locked) = changes.locked.filter(|wanted| *wanted != account.locked) {
            self.moderation.set(admin, Measure::Lock, &account.user_id, locked).await?;
        }
        if changes.deactivated == Some(true) && account.deactivated_ts.is_none() {
            self.accounts.end(&account, false).await?;
        }
        Ok(())
    }

    /// Ends an account; `erase` hides what the user said from whoever comes later.
    pub async fn deactivate(&self, user_id: &UserId, erase: bool) -> Result<()> {
        self.accounts.end(&self.account(user_id).await?, erase).await
    }

    /// Sets a password; unless they are kept, all sessions of the account end.
    pub async fn reset_password(&self, user_id: &UserId, password: &str, end_sessions: bool) -> Result<()> {
        self.accounts.set_password_of(&self.account(user_id).await?, password, end_sessions).await
    }

    /// Says whether an account administers the server.
    pub async fn set_admin(&self, admin: &Session, user_id: &UserId, is_admin: bool) -> Result<()> {
        self.check_local(user_id)?;
        if *user_id == admin.user_id && !is_admin {
            return Err(Error::refused(Code::Unknown, "you may not demote yourself"));
        }
        self.accounts.set_admin(user_id.as_str(), is_admin).await.map(drop)
    }

    /// A token with which the administrator acts as the user.
    pub async fn log_in_as(&self, admin: &Session, user_id: &UserId, valid_until: Option<Millis>) -> Result<String> {
        if *user_id == admin.user_id {
            return Err(Error::refused(Code::Unknown, "you cannot use this to sign in as yourself"));
        }
        let account = self.account(user_id).await?;
        if account.deactivated_ts.is_some() {
            return Err(Error::refused(Code::UserDeactivated, "this account has been deactivated"));
        }
        self.accounts.impersonate(admin, account.user, valid_until).await
    }

    /// Lets a user replace their cross-signing keys for a while without showing who they are. Returns until when.
    pub async fn allow_cross_signing_replacement(&self, user_id: &UserId) -> Result<Millis> {
        let user = self.account(user_id).await?.user;
        let until = self.core.now() + REPLACEMENT_WINDOW;
        let allow = move |tx: &mut im2_core::Transaction<'_>| {
            let has_master = tx.cross_signing_keys(user)?.iter().any(|key| key.usage == MASTER);
            if has_master {
                tx.allow_cross_signing_replacement(user, until)?;
            }
            Ok(has_master)
        };
        if self.core.store.write(allow).await? {
            return Ok(until);
        }
        Err(Error::refused(Code::NotFound, "this user has no master cross-signing key"))
    }

    /// Gives a user a limit on requests of their own, or takes it away.
    pub async fn set_rate_limit(&self, user_id: &UserId, limit: Option<RateLimit>) -> Result<()> {
        let user: UserNid = self.account(user_id).await?.user;
        self.rate_limits.set(user, limit).await
    }
}

fn no_such_account() -> Error {
    Error::refused(Code::NotFound, "there is no such account on this server")
}

/// Refuses what cannot be, before anything is changed.
fn check(changes: &Changes) -> Result<()> {
    let refuse = |message: &'static str| Err(Error::refused(Code::InvalidParam, message));
    for (field, value) in [("displayname", &changes.displayname), ("avatar_url", &changes.avatar_url)] {
        if let Some(value) = value {
            im2_chat::profile::check_value(field, &value.as_str().into())?;
        }
    }
    let is_picture = |url: &String| url.is_empty() || im2_model::MxcUri::parse(url).is_ok();
    if !changes.avatar_url.as_ref().is_none_or(is_picture) {
        return refuse("an avatar must be an mxc:// URI");
    }
    if changes.deactivated == Some(true) && changes.locked == Some(true) {
        return refuse("an account cannot be both deactivated and locked");
    }
    match &changes.user_type {
        Some(Some(kind)) if !USER_TYPES.contains(&kind.as_str()) => {
            refuse("a user's type must be bot, support or null")
        }
        _ => Ok(()),
    }
}
