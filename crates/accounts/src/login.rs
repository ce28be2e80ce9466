//! Signing in and out, and whose a token is.

use im2_core::{Code, Committed, Error, Result, Transaction, rate_limits::Quota, session::Session};
use im2_model::{DeviceId, Millis, UserId, UserNid};
use im2_store::tokens::{NewTokenPair, TokenHash};

use super::{
    Accounts, Origin, check_device_name,
    guess_limits::attempted_name,
    impersonation::{self, impersonation_device_id},
    local_user,
    sessions::{Known, hash_token},
    uia::{Auth, Proof, Purpose},
};
use crate::device_lists;

/// How long a device has not been heard of that makes way for another, of an account that has as many as it may.
const FORGOTTEN_DEVICE: Millis = 90 * 24 * 60 * 60 * 1000;

/// Signing in by password (spec: `POST /login` with `m.login.password`).
#[derive(Clone)]
pub struct LoginRequest {
    /// The user, as a user ID or a localpart.
    pub user: String,
    /// The password.
    pub password: String,
    /// The device to sign in on, and the kind of tokens.
    pub device: NewSession,
    /// The address that the request comes from, and the token that the client shows.
    pub origin: Origin,
}

/// A client's wishes for a new session.
#[derive(Debug, Clone, Default)]
pub struct NewSession {
    /// The device to continue on; a new one if absent or unknown.
    pub device_id: Option<DeviceId>,
    /// The display name of the device if it is new.
    pub initial_device_display_name: Option<String>,
    /// Whether the client can refresh its access token, which then expires.
    pub refresh_token: bool,
}

/// A session that has just begun, with its tokens: the only time they are seen.
#[derive(Clone)]
pub struct SignedIn {
    /// The user.
    pub user_id: UserId,
    /// The device.
    pub device_id: DeviceId,
    /// The access token.
    pub access_token: String,
    /// The refresh token, if the client asked for one.
    pub refresh_token: Option<String>,
    /// How long the access token lives, if not for ever.
    pub expires_in_ms: Option<Millis>,
}

impl Accounts {
    /// Signs somebody in by password. The same refusal, after the same time, whether the user or the password is
    /// unknown; that an account is deactivated is told only to who knows its password.
    pub async fn login(&self, request: LoginRequest) -> Result<SignedIn> {
        let LoginRequest { user, password, device, origin } = request;
        check_device_name(device.initial_device_display_name.as_deref())?;
        let wrong = || Error::refused(Code::Forbidden, "the user name or the password is wrong");
        let found = match local_user(&user, &self.core.server_name) {
            Some(user_id) => self.core.store.read(move |db| db.account(&user_id)).await?,
            None => None,
        };
        let hash = found.as_ref().and_then(|account| account.password_hash.as_deref());
        let name = attempted_name(&user);
        let guess = self.reserve_guess(&name, found.as_ref(), &origin, device.device_id.as_ref()).await?;
        let verified = self.passwords.verify(&password, hash).await;
        if matches!(verified, Ok(false)) {
            return Err(wrong());
        }
        guess.give_back();
        verified?;
        let account = found.ok_or_else(wrong)?;
        if account.deactivated_ts.is_some() {
            return Err(Error::refused(Code::UserDeactivated, "this account has been deactivated"));
        }
        self.core.refuse_locked(account.user)?;
        let (signed_in, pair) = self.new_pair(account.user, &account.user_id, &device);
        let accounts = self.clone();
        let now = self.core.now();
        let user = account.user;
        let begun = self
            .core
            .store
            .write(move |tx| {
                // The password may have changed, or the account ended, while the hash was computed.
                let current = tx.account_of(user)?;
                let unchanged = current.is_some_and(|current| {
                    current.password_hash == account.password_hash && current.deactivated_ts.is_none()
                });
                if let Err(refusal) = device_lists::check_device_id(tx, user, &pair.device_id)? {
                    return Ok(Err(refusal));
                }
                if let Err(refusal) = accounts.make_room_for_device(tx, user, &pair.device_id)? {
                    return Ok(Err(refusal));
                }
                if unchanged {
                    let name = device.initial_device_display_name.as_deref();
                    let ended = begin_session(tx, &pair, name, now)?;
                    end_tokens(tx, user, ended);
                }
                Ok(Ok(unchanged))
            })
            .await??;
        if begun { Ok(signed_in) } else { Err(wrong()) }
    }

    /// Exchanges a refresh token for a new pair (spec: "Refreshing access tokens"). The old pair works until one of
    /// the new pair is used.
    pub async fn refresh(&self, refresh_token: &str) -> Result<SignedIn> {
        let hash = hash_token(refresh_token);
        let unknown = || Error::refused(Code::UnknownToken, "this refresh token is unknown or has been used");
        let pair = self.core.store.read(move |db| db.token_pair_by_refresh(&hash)).await?.ok_or_else(unknown)?;
        self.core.refuse_locked(pair.user)?;
        let device = NewSession { device_id: pair.device_id, refresh_token: true, ..NewSession::default() };
        let (signed_in, new) = self.new_pair(pair.user, &pair.user_id, &device);
        let user = pair.user;
        let refreshed = self
            .core
            .store
            .write(move |tx| {
                let Some(old) = tx.token_pair_by_refresh(&hash)? else { return Ok(false) };
                let confirmed = tx.confirm_token_pair(old.nid)?;
                let lost = tx.remove_unused_successor(old.nid)?;
                tx.add_token_pair(&NewTokenPair { replaces: Some(old.nid), ..new.clone() })?;
                end_tokens(tx, user, confirmed.into_iter().chain(lost));
                Ok(true)
            })
            .await?;
        if refreshed { Ok(signed_in) } else { Err(unknown()) }
    }

    /// The user of an access token that has been used lately: its session is in memory.
    pub fn in_use(&self, token: &str) -> Option<UserNid> {
        self.sessions.get(&hash_token(token)).map(|known| known.session.user)
    }

    /// Whether an access token was used or given out lately: it is no guess.
    pub fn is_expected(&self, token: &str) -> bool {
        self.sessions.is_expected(&hash_token(token))
    }

    /// The session of an access token. That of a locked account is refused.
    pub async fn authenticate(&self, token: &str) -> Result<Session> {
        let session = self.authenticate_even_locked(token).await?;
        self.core.refuse_locked(session.user)?;
        Ok(session)
    }

    /// The session of an access token, whether or not the account is locked: for signing out.
    pub async fn authenticate_even_locked(&self, token: &str) -> Result<Session> {
        let hash = hash_token(token);
        if let Some(known) = self.sessions.get(&hash) {
            self.check_expiry(known.session.user, known.expires_at)?;
            return Ok(known.session);
        }
        let revocations = self.sessions.revocations();
        let unknown = || Error::refused(Code::UnknownToken, "this access token is unknown: sign in again");
        let pair = self.core.store.read(move |db| db.token_pair(&hash)).await?.ok_or_else(unknown)?;
        self.check_expiry(pair.user, pair.expires_at)?;
        if pair.replaces.is_some() {
            let user = pair.user;
            let confirm = move |tx: &mut Transaction<'_>| {
                let ended = tx.confirm_token_pair(pair.nid)?;
                end_tokens(tx, user, ended);
                Ok(())
            };
            self.core.store.write(confirm).await?;
        }
        let has_device = pair.device_id.is_some();
        let session = Session {
            user: pair.user,
            user_id: pair.user_id,
            device_id: match pair.device_id {
                Some(device_id) => device_id,
                None => impersonation_device_id(pair.nid)?,
            },
            token: pair.nid,
            is_admin: pair.is_admin,
            has_device,
            service: None,
        };
        self.sessions.keep(hash, Known { session: session.clone(), expires_at: pair.expires_at }, revocations);
        Ok(session)
    }

    /// Ends a session: its tokens and its device are gone.
    pub async fn logout(&self, session: &Session) -> Result<()> {
        if session.service.is_some() {
            return Err(Error::refused(Code::Forbidden, "an application service's token cannot be invalidated"));
        }
        if !session.has_device {
            return self.end_token(session).await;
        }
        self.remove_devices(session.user, vec![session.device_id.clone()]).await
    }

    /// Ends all sessions of a user.
    pub async fn logout_all(&self, session: &Session) -> Result<()> {
        let (user, accounts) = (session.user, self.clone());
        let end = move |tx: &mut Transaction<'_>| {
            impersonation::end_by(tx, user)?;
            accounts.remove_all_devices(tx, user, None)
        };
        Ok(self.core.store.write(end).await?)
    }

    /// Completes the user-interactive authentication of a signed-in user. An application service has shown who it is
    /// with its token.
    pub async fn confirm(&self, purpose: Purpose, session: &Session, auth: Option<Auth>) -> Result<Proof> {
        if session.service.is_some() {
            return Ok(Proof { id: String::new(), registration_token: None });
        }
        self.uia.confirm(purpose, session, auth).await
    }

    /// Removes devices for somebody who has proved who they are.
    pub(crate) async fn remove_proven_devices(
        &self,
        _proof: Proof,
        user: UserNid,
        devices: Vec<DeviceId>,
    ) -> Result<()> {
        self.remove_devices(user, devices).await
    }

    /// Removes devices with their tokens. Those that are not there are passed over.
    pub async fn remove_devices(&self, user: UserNid, devices: Vec<DeviceId>) -> Result<()> {
        let accounts = self.clone();
        Ok(self.core.store.write(move |tx| accounts.remove_these(tx, user, &devices)).await?)
    }

    /// Removes all devices of a user, except for `keep`, inside a larger change.
    pub(super) fn remove_all_devices(
        &self,
        tx: &mut Transaction<'_>,
        user: UserNid,
        keep: Option<&DeviceId>,
    ) -> im2_store::Result<()> {
        let devices = tx.devices(user)?.into_iter().map(|device| device.device_id);
        let devices: Vec<_> = devices.filter(|device_id| keep != Some(device_id)).collect();
        self.remove_these(tx, user, &devices)
    }

    /// Makes room for a device in an account that has as many as it may: removes one that has not been heard of for a
    /// long time, or refuses. The inner error is the refusal.
    pub(crate) fn make_room_for_device(
        &self,
        tx: &mut Transaction<'_>,
        user: UserNid,
        device_id: &DeviceId,
    ) -> im2_store::Result<Result<()>> {
        let limits = &self.core.limits;
        if tx.device_count(user)? < limits.quota(Quota::Devices) || tx.device(user, device_id)?.is_some() {
            return Ok(Ok(()));
        }
        let Some(oldest) = tx.oldest_device(user, self.core.now().saturating_sub(FORGOTTEN_DEVICE))? else {
            return Ok(Err(limits.over_quota(Quota::Devices)));
        };
        self.remove_these(tx, user, &[oldest]).map(Ok)
    }

    fn remove_these(&self, tx: &mut Transaction<'_>, user: UserNid, devices: &[DeviceId]) -> im2_store::Result<()> {
        let mut ended = Vec::new();
        for device_id in devices {
            ended.extend(tx.access_hashes(user, Some(device_id))?);
        }
        end_tokens(tx, user, ended);
        device_lists::remove_devices(&self.core, tx, user, devices)
    }

    /// Draws the tokens of a new session and prepares their row.
    pub(super) fn new_pair(&self, user: UserNid, user_id: &UserId, device: &NewSession) -> (SignedIn, NewTokenPair) {
        let random = &self.core.random;
        let device_id = device.device_id.clone().unwrap_or_else(|| {
            DeviceId::parse(&random.alphanumeric(10).to_ascii_uppercase()).expect("letters and digits make a device ID")
        });
        let access_token = format!("im2a_{}", random.alphanumeric(43));
        let refresh_token = device.refresh_token.then(|| format!("im2r_{}", random.alphanumeric(43)));
        let expires_in_ms = device.refresh_token.then_some(self.options.access_token_lifetime);
        let pair = NewTokenPair {
            user,
            device_id: device_id.clone(),
            access: hash_token(&access_token),
            refresh: refresh_token.as_deref().map(hash_token),
            expires_at: expires_in_ms.map(|lifetime| self.core.now() + lifetime),
            replaces: None,
        };
        self.sessions.issue(pair.access);
        (SignedIn { user_id: user_id.clone(), device_id, access_token, refresh_token, expires_in_ms }, pair)
    }

    fn check_expiry(&self, user: UserNid, expires_at: Option<Millis>) -> Result<()> {
        if expires_at.is_some_and(|at| at <= self.core.now()) {
            self.core.refuse_locked(user)?; // a new token would be refused as well
            let expired = Error::refused(Code::UnknownToken, "this access token has expired: refresh it");
            return Err(expired.with("soft_logout", true));
        }
        Ok(())
    }
}

/// Forgets tokens that this change removes, and ends the requests that wait with them.
pub(super) fn end_tokens(tx: &mut Transaction<'_>, user: UserNid, ended: impl IntoIterator<Item = TokenHash>) {
    tx.publish(Committed::TokensOutdated(ended.into_iter().collect()));
    tx.publish(Committed::SessionsEnded(Some(user)));
}

/// Stores a session; the tokens that its device had before end, and their digests are returned.
pub(super) fn begin_session(
    tx: &Transaction<'_>,
    pair: &NewTokenPair,
    device_name: Option<&str>,
    now: Millis,
) -> im2_store::Result<Vec<TokenHash>> {
    let ended = tx.access_hashes(pair.user, Some(&pair.device_id))?;
    tx.ensure_device(pair.user, &pair.device_id, device_name, now)?;
    tx.remove_device_tokens(pair.user, &pair.device_id)?;
    tx.add_token_pair(pair)?;
    Ok(ended)
}
