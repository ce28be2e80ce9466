//! The parts of the administration of users that are about passwords, sessions and administrators, which only this
//! crate can do.

use im2_core::{
    Code, Error, Result, Transaction,
    committed::{Committed, UserFact},
    names,
};
use im2_model::{Millis, UserId};
use im2_store::{Snapshot, accounts::Account, registration_tokens::RegistrationToken};

use super::{Accounts, impersonation, registration::Creation};

/// An account that an administrator makes.
#[derive(Clone, Default)]
pub struct NewUser {
    /// The password; without one nobody can sign in by password.
    pub password: Option<String>,
    /// The user's first display name.
    pub displayname: Option<String>,
    /// Whether the account administers the server.
    pub is_admin: bool,
}

impl Accounts {
    /// Makes an account of this name, whatever the mode of registration.
    pub async fn create_as(&self, user_id: &UserId, new: NewUser) -> Result<()> {
        let password_hash = self.hash_if_given(user_id, new.password.as_deref()).await?;
        let creation = Creation {
            user_id: self.check_available(user_id.localpart()).await?,
            password_hash,
            is_admin: new.is_admin,
            displayname: new.displayname,
            registration_token: None,
            session: None,
        };
        self.create(creation).await.map(drop)
    }

    /// Sets the password of an account. With `end_sessions` all its sessions end.
    pub async fn set_password_of(&self, account: &Account, password: &str, end_sessions: bool) -> Result<()> {
        self.check_given_password(Some(&account.user_id), password)?;
        let hash = self.passwords.hash(password).await?;
        let (user, accounts) = (account.user, self.clone());
        let change = move |tx: &mut Transaction<'_>| {
            tx.set_password(user, &hash)?;
            if end_sessions {
                accounts.remove_all_devices(tx, user, None)?;
                impersonation::end_of(tx, user)?;
            }
            Ok(())
        };
        Ok(self.core.store.write(change).await?)
    }

    /// Makes a deactivated account work again. Its rooms and devices are gone; its password is another, or none.
    pub async fn reactivate(&self, account: &Account, password: Option<&str>) -> Result<()> {
        let hash = self.hash_if_given(&account.user_id, password).await?;
        let (user, user_id) = (account.user, account.user_id.clone());
        let change = move |tx: &mut Transaction<'_>| {
            tx.reactivate_account(user)?;
            if let Some(hash) = &hash {
                tx.set_password(user, hash)?;
            }
            let displayname = displayname(tx, &user_id)?;
            tx.index_user(user, &names::index(&user_id, displayname.as_deref()))?;
            tx.publish(Committed::User(user, UserFact::Erased, false));
            tx.publish(Committed::IdentityChanged(user));
            Ok(())
        };
        Ok(self.core.store.write(change).await?)
    }

    /// Ends an account. Once more does nothing more, but may erase what was not erased the first time.
    pub async fn end(&self, account: &Account, erase: bool) -> Result<()> {
        self.end_account(account.user, account.user_id.clone(), erase).await
    }

    /// Says what kind of user somebody is.
    pub async fn set_user_type(&self, account: &Account, user_type: Option<String>) -> Result<()> {
        let user = account.user;
        Ok(self.core.store.write(move |tx| tx.set_user_type(user, user_type.as_deref())).await?)
    }

    /// Changes how often and until when a registration token can be used: what is absent stays as it is.
    pub async fn update_registration_token(
        &self,
        token: &str,
        uses_allowed: Option<Option<u32>>,
        expires_at: Option<Option<Millis>>,
    ) -> Result<RegistrationToken> {
        let token = token.to_owned();
        let change = move |tx: &mut Transaction<'_>| {
            let Some(mut found) = tx.registration_token(&token)? else { return Ok(None) };
            found.uses_allowed = uses_allowed.unwrap_or(found.uses_allowed);
            found.expires_at = expires_at.unwrap_or(found.expires_at);
            tx.update_registration_token(&token, found.uses_allowed, found.expires_at)?;
            Ok(Some(found))
        };
        let missing = || Error::refused(Code::NotFound, "there is no such registration token");
        self.core.store.write(change).await?.ok_or_else(missing)
    }

    /// A registration token, valid or not.
    pub async fn registration_token(&self, token: &str) -> Result<RegistrationToken> {
        let token = token.to_owned();
        let missing = || Error::refused(Code::NotFound, "there is no such registration token");
        self.core.store.read(move |db| db.registration_token(&token)).await?.ok_or_else(missing)
    }

    async fn hash_if_given(&self, user_id: &UserId, password: Option<&str>) -> Result<Option<String>> {
        let Some(password) = password else { return Ok(None) };
        self.check_given_password(Some(user_id), password)?;
        self.passwords.hash(password).await.map(Some)
    }
}

fn displayname(db: &Snapshot<'_>, user_id: &UserId) -> im2_store::Result<Option<String>> {
    let fields = db.member_profile(user_id)?;
    Ok(fields.into_iter().find(|(field, _)| field == "displayname").map(|(_, value)| value))
}
