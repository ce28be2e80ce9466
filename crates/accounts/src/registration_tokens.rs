//! Registration tokens: made, listed and revoked by administrators.

use im2_core::{Code, Error, Result};
use im2_model::Millis;
use im2_store::registration_tokens::RegistrationToken;

use super::{Accounts, RegistrationMode};

/// The longest token (spec: "Token-authenticated registration").
const MAX_TOKEN: usize = 64;
/// How long the first administrator's token works.
const FIRST_ADMIN_LIFETIME: Millis = 24 * 60 * 60 * 1000;
/// Tokens read at once.
const PAGE: usize = 1_000;

/// A registration token to be made.
#[derive(Debug, Clone, Default)]
pub struct NewRegistrationToken {
    /// Its text; drawn if absent.
    pub token: Option<String>,
    /// How many accounts may be made with it; `None` for any number.
    pub uses_allowed: Option<u32>,
    /// When it ends, if ever.
    pub expires_at: Option<Millis>,
    /// Whether accounts made with it administer the server.
    pub grants_admin: bool,
}

impl Accounts {
    /// Makes a registration token.
    pub async fn create_registration_token(&self, new: NewRegistrationToken) -> Result<RegistrationToken> {
        let text = new.token.unwrap_or_else(|| self.core.random.alphanumeric(16));
        let is_opaque = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'=' | b'_' | b'~');
        if text.is_empty() || text.len() > MAX_TOKEN || !text.bytes().all(is_opaque) {
            let message = "a registration token must have 1 to 64 characters: letters, digits and - . = _ ~";
            return Err(Error::refused(Code::InvalidParam, message));
        }
        let token = RegistrationToken {
            token: text,
            uses_allowed: new.uses_allowed,
            uses: 0,
            expires_at: new.expires_at,
            grants_admin: new.grants_admin,
        };
        let (stored, now) = (token.clone(), self.core.now());
        if !self.core.store.write(move |tx| tx.add_registration_token(&stored, now)).await? {
            return Err(Error::refused(Code::InvalidParam, "this registration token exists already"));
        }
        Ok(token)
    }

    /// The registration tokens, valid or not, in the order of their text: the first page after `after`.
    pub async fn registration_tokens(&self, after: &str) -> Result<Vec<RegistrationToken>> {
        let after = after.to_owned();
        Ok(self.core.store.read(move |db| db.registration_tokens(&after, PAGE)).await?)
    }

    /// Removes a registration token.
    pub async fn revoke_registration_token(&self, token: &str) -> Result<()> {
        let token = token.to_owned();
        if self.core.store.write(move |tx| tx.remove_registration_token(&token)).await? {
            return Ok(());
        }
        Err(Error::refused(Code::NotFound, "there is no such registration token"))
    }

    /// The one-time token with which the first administrator registers; `None` once there is one. While it is valid
    /// every call gives the same.
    pub async fn first_admin_token(&self) -> Result<Option<RegistrationToken>> {
        let now = self.core.now();
        let (has_admin, pending) =
            self.core.store.read(move |db| Ok((db.has_admin()?, db.admin_registration_token(now)?))).await?;
        if has_admin || pending.is_some() {
            return Ok(pending.filter(|_| !has_admin));
        }
        let new = NewRegistrationToken {
            token: Some(self.core.random.alphanumeric(32)),
            uses_allowed: Some(1),
            expires_at: Some(now + FIRST_ADMIN_LIFETIME),
            grants_admin: true,
        };
        self.create_registration_token(new).await.map(Some)
    }

    /// Whether somebody could register with this token now (spec: `GET
    /// /register/m.login.registration_token/validity`).
    pub async fn is_registration_token_valid(&self, token: &str) -> Result<bool> {
        self.check_registration_offered().await?;
        let (token, now) = (token.to_owned(), self.core.now());
        let found = self.core.store.read(move |db| db.registration_token(&token)).await?;
        let admins_only = self.options.registration == RegistrationMode::Closed;
        Ok(found.is_some_and(|token| token.is_valid(now) && (token.grants_admin || !admins_only)))
    }
}
