//! Tokens for one thing: signing in once without a password (spec: `POST /login/get_token`, `m.login.token`), and
//! showing others who one is (spec: "OpenID").

use im2_core::{Code, Error, Result, Transaction, session::Session};
use im2_model::{Millis, UserId, UserNid};
use im2_store::{Snapshot, short_lived_tokens::Purpose as TokenPurpose};

use super::{
    Accounts, NewSession, SignedIn, check_device_name,
    login::{begin_session, end_tokens},
    sessions::hash_token,
    uia::{Auth, Proof, Purpose},
};
use crate::device_lists;

/// How long a login token works: what the specification recommends, time to carry it to another device.
const LOGIN_LIFETIME: Millis = 2 * 60 * 1000;
/// How long an OpenID token works.
const OPENID_LIFETIME: Millis = 60 * 60 * 1000;

/// A token that works for a while.
#[derive(Clone)]
pub struct ShortLivedToken {
    /// The token: the only time it is seen.
    pub token: String,
    /// How long it works, in milliseconds.
    pub expires_in_ms: Millis,
}

impl Accounts {
    /// Whether people can make tokens for signing in on other devices.
    pub fn offers_login_tokens(&self) -> bool {
        self.options.login_tokens
    }

    /// A token with which another device signs in as the session's user, once. Asks for the password each time.
    pub async fn create_login_token(&self, session: &Session, auth: Option<Auth>) -> Result<ShortLivedToken> {
        if !self.offers_login_tokens() {
            let message = "this server does not issue login tokens";
            return Err(Error::refused(Code::Unrecognized, message));
        }
        let Proof { .. } = self.uia.confirm(Purpose::LoginToken, session, auth).await?;
        self.create_short_lived_token(session, TokenPurpose::Login, LOGIN_LIFETIME).await
    }

    /// Signs in with such a token, which is then used up.
    pub async fn login_with_token(&self, token: &str, device: NewSession) -> Result<SignedIn> {
        check_device_name(device.initial_device_display_name.as_deref())?;
        let unknown = || Error::refused(Code::Forbidden, "this login token is unknown, expired or already used");
        let (hash, now) = (hash_token(token), self.core.now());
        let find = move |db: &Snapshot<'_>| match db.short_lived_token(TokenPurpose::Login, &hash, now)? {
            Some(user) => db.account_of(user),
            None => Ok(None),
        };
        let account = self.core.store.read(find).await?.ok_or_else(unknown)?;
        self.core.refuse_locked(account.user)?;
        let (signed_in, pair) = self.new_pair(account.user, &account.user_id, &device);
        let accounts = self.clone();
        let begin = move |tx: &mut Transaction<'_>| {
            if let Err(refusal) = device_lists::check_device_id(tx, pair.user, &pair.device_id)? {
                return Ok(Err(refusal));
            }
            if let Err(refusal) = accounts.make_room_for_device(tx, pair.user, &pair.device_id)? {
                return Ok(Err(refusal));
            }
            // Deactivating an account removes its tokens, so one that is there is one of a working account.
            if !tx.use_pass(TokenPurpose::Login, &hash)? {
                return Ok(Ok(false));
            }
            let ended = begin_session(tx, &pair, device.initial_device_display_name.as_deref(), now)?;
            end_tokens(tx, pair.user, ended);
            Ok(Ok(true))
        };
        if self.core.store.write(begin).await?? { Ok(signed_in) } else { Err(unknown()) }
    }

    /// A token with which the session's user shows others who they are, and nothing else.
    pub async fn create_openid_token(&self, session: &Session, user_id: &UserId) -> Result<ShortLivedToken> {
        if *user_id != session.user_id {
            return Err(Error::refused(Code::Forbidden, "you can only request an OpenID token for yourself"));
        }
        self.create_short_lived_token(session, TokenPurpose::OpenId, OPENID_LIFETIME).await
    }

    /// The user to whom this OpenID token was given (spec: server-server API, `GET /openid/userinfo`). An unknown or
    /// expired one is `M_UNKNOWN_TOKEN`.
    pub async fn openid_user(&self, token: &str) -> Result<(UserNid, UserId)> {
        let (hash, now) = (hash_token(token), self.core.now());
        let find = move |db: &Snapshot<'_>| match db.short_lived_token(TokenPurpose::OpenId, &hash, now)? {
            Some(user) => db.account_of(user),
            None => Ok(None),
        };
        let account = self.core.store.read(find).await?.filter(|account| !self.core.locked.contains(account.user));
        let unknown = || Error::refused(Code::UnknownToken, "this OpenID token is unknown or has expired");
        account.map(|account| (account.user, account.user_id)).ok_or_else(unknown)
    }

    async fn create_short_lived_token(
        &self,
        session: &Session,
        purpose: TokenPurpose,
        lifetime: Millis,
    ) -> Result<ShortLivedToken> {
        let token = format!("im2p_{}", self.core.random.alphanumeric(43));
        let (hash, user, now) = (hash_token(&token), session.user, self.core.now());
        self.core.store.write(move |tx| tx.add_pass(purpose, &hash, user, now, now + lifetime)).await?;
        Ok(ShortLivedToken { token, expires_in_ms: lifetime })
    }
}
