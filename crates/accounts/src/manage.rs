//! Changes to an account by its owner or by an administrator.

use im2_core::{
    Code, Error, Result, Transaction,
    committed::{Committed, UserFact},
    session::Session,
};
use im2_model::{Millis, UserId, UserNid};
use im2_store::accounts::Account;

use super::{
    Accounts, impersonation, local_user,
    registration::Creation,
    uia::{Auth, Proof, Purpose},
};
use crate::key_backup;

/// The outbox job that takes a deactivated user out of their rooms. Its payload is [`Departure`].
pub const LEAVE_ROOMS: &str = "accounts.leave_rooms";

/// Accounts read at once.
const PAGE: usize = 1_000;

/// The payload of [`LEAVE_ROOMS`].
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Departure {
    /// The user who leaves.
    pub user_id: UserId,
}

/// An account as administrators see it in lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountSummary {
    /// The user.
    pub user_id: UserId,
    /// Whether it administers the server.
    pub is_admin: bool,
    /// When it was made.
    pub created_ts: Millis,
    /// Whether it has been deactivated.
    pub is_deactivated: bool,
}

impl From<Account> for AccountSummary {
    fn from(account: Account) -> Self {
        Self {
            is_deactivated: account.deactivated_ts.is_some(),
            user_id: account.user_id,
            is_admin: account.is_admin,
            created_ts: account.created_ts,
        }
    }
}

impl Accounts {
    /// Changes the password of the session's user (spec: `POST /account/password`). With `logout_devices` all their
    /// other sessions end.
    pub async fn change_password(
        &self,
        session: &Session,
        new_password: &str,
        logout_devices: bool,
        auth: Option<Auth>,
    ) -> Result<()> {
        if session.service.is_some() {
            let message = "an application service cannot set passwords for its users";
            return Err(Error::refused(Code::Forbidden, message));
        }
        self.check_chosen_password(Some(&session.user_id), new_password)?;
        let Proof { .. } = self.uia.confirm(Purpose::ChangePassword, session, auth).await?;
        let hash = self.passwords.hash(new_password).await?;
        let (session, accounts) = (session.clone(), self.clone());
        let change = move |tx: &mut Transaction<'_>| {
            tx.set_password(session.user, &hash)?;
            if logout_devices {
                accounts.remove_all_devices(tx, session.user, Some(&session.device_id))?;
                impersonation::end_of(tx, session.user)?;
            }
            Ok(())
        };
        Ok(self.core.store.write(change).await?)
    }

    /// Ends the account of the session's user (spec: `POST /account/deactivate`).
    pub async fn deactivate(&self, session: &Session, erase: bool, auth: Option<Auth>) -> Result<()> {
        let Proof { .. } = self.confirm(Purpose::Deactivate, session, auth).await?;
        self.end_account(session.user, session.user_id.clone(), erase).await
    }

    /// Makes an account, whatever the mode of registration: for administrators.
    pub async fn create_user(&self, username: &str, password: &str, is_admin: bool) -> Result<UserId> {
        let user_id = self.check_available(username).await?;
        self.check_given_password(Some(&user_id), password)?;
        let password_hash = Some(self.passwords.hash(password).await?);
        let creation =
            Creation { user_id, password_hash, is_admin, displayname: None, registration_token: None, session: None };
        self.create(creation).await.map(|registered| registered.user_id)
    }

    /// The accounts in the order in which they were made: the first page after `after`.
    pub async fn list_users(&self, after: Option<&UserId>) -> Result<Vec<AccountSummary>> {
        let after = after.cloned();
        let read = move |db: &im2_store::Snapshot<'_>| {
            let after = match &after {
                Some(user_id) => db.user_nid(user_id)?.unwrap_or(UserNid(i64::MAX)),
                None => UserNid(0),
            };
            db.accounts(after, PAGE)
        };
        let accounts = self.core.store.read(read).await?;
        Ok(accounts.into_iter().map(AccountSummary::from).collect())
    }

    /// Sets somebody's password and ends all their sessions: for administrators.
    pub async fn reset_password(&self, user: &str, password: &str) -> Result<UserId> {
        let account = self.find(user).await?;
        self.set_password_of(&account, password, true).await?;
        Ok(account.user_id)
    }

    /// Deactivates somebody's account: for administrators.
    pub async fn deactivate_user(&self, user: &str, erase: bool) -> Result<UserId> {
        let account = self.find(user).await?;
        self.end_account(account.user, account.user_id.clone(), erase).await?;
        Ok(account.user_id)
    }

    /// Says whether an account administers the server: for administrators.
    pub async fn set_admin(&self, user: &str, is_admin: bool) -> Result<UserId> {
        let account = self.find(user).await?;
        let change = move |tx: &mut Transaction<'_>| {
            tx.set_admin(account.user, is_admin)?;
            if !is_admin {
                impersonation::end_by(tx, account.user)?;
            }
            // The cached sessions say what was true before.
            let outdated = tx.access_hashes(account.user, None)?;
            tx.publish(Committed::TokensOutdated(outdated));
            tx.publish(Committed::IdentityChanged(account.user));
            Ok(())
        };
        self.core.store.write(change).await?;
        Ok(account.user_id)
    }

    /// The working account of a user given as user ID or localpart.
    async fn find(&self, user: &str) -> Result<Account> {
        let unknown = || Error::refused(Code::NotFound, "there is no such account on this server");
        let user_id = local_user(user, &self.core.server_name).ok_or_else(unknown)?;
        let account = self.core.store.read(move |db| db.account(&user_id)).await?.ok_or_else(unknown)?;
        if account.deactivated_ts.is_some() {
            return Err(Error::refused(Code::UserDeactivated, "this account has been deactivated"));
        }
        Ok(account)
    }

    /// Ends an account and, in the same change, queues its leaving of all rooms.
    pub(super) async fn end_account(&self, user: UserNid, user_id: UserId, erase: bool) -> Result<()> {
        let payload = serde_json::to_string(&Departure { user_id })
            .map_err(|error| Error::Internal(format!("job payload: {error}")))?;
        let (accounts, now) = (self.clone(), self.core.now());
        let end = move |tx: &mut Transaction<'_>| {
            tx.deactivate_account(user, erase, now)?;
            tx.unindex_user(user)?;
            tx.remove_pushers_of(user)?;
            tx.erase_thread_subscriptions(user)?;
            tx.forget_delayed_events_of(user)?;
            if erase {
                tx.remove_profile(user)?;
                tx.erase_account_data(user)?;
                tx.remove_presence(user)?;
                tx.delete_media_of(user)?;
                tx.publish(Committed::User(user, UserFact::Erased, true));
            }
            // With what services know of the account.
            accounts.remove_all_devices(tx, user, None)?;
            key_backup::delete_all(tx, user, now)?;
            tx.remove_cross_signing(user)?;
            impersonation::end_of(tx, user)?;
            impersonation::end_by(tx, user)?;
            tx.remove_short_lived_tokens(user)?;
            tx.add_job(LEAVE_ROOMS, &payload, now)
        };
        Ok(self.core.store.write(end).await?)
    }
}
