//! Acting as somebody else: tokens for administrators that work as a user's, without a device, so that the user does
//! not see one more among theirs.

use im2_core::{Committed, Error, Result, Transaction, session::Session};
use im2_model::{DeviceId, Millis, UserNid};

use super::{Accounts, login::end_tokens, sessions::hash_token};

impl Accounts {
    /// A token with which an administrator acts as `user`. It ends when the administrator signs out everywhere or is
    /// none any more, and with the user's account or password.
    pub async fn impersonate(&self, admin: &Session, user: UserNid, valid_until: Option<Millis>) -> Result<String> {
        let token = format!("im2a_{}", self.core.random.alphanumeric(43));
        let (hash, issuer) = (hash_token(&token), admin.user);
        self.core.store.write(move |tx| tx.add_borrowed_token(user, issuer, &hash, valid_until)).await?;
        Ok(token)
    }

    /// Ends a session that has no device.
    pub(super) async fn end_token(&self, session: &Session) -> Result<()> {
        let (token, ending) = (session.token, session.clone());
        let end = move |tx: &mut Transaction<'_>| {
            let ended = tx.remove_token_pair(token)?;
            end_tokens(tx, ending.user, ended);
            tx.publish(Committed::DeviceRemoved(ending.user, ending.device_id.clone()));
            Ok(())
        };
        Ok(self.core.store.write(end).await?)
    }
}

/// Ends the tokens with which administrators act as `user`, inside a larger change.
pub(super) fn end_of(tx: &mut Transaction<'_>, user: UserNid) -> im2_store::Result<()> {
    let ended = tx.remove_borrowed_tokens(user)?;
    end_tokens(tx, user, ended);
    Ok(())
}

/// Ends the tokens with which `issuer` acts as others, inside a larger change.
pub(super) fn end_by(tx: &mut Transaction<'_>, issuer: UserNid) -> im2_store::Result<()> {
    let ended = tx.remove_tokens_issued_by(issuer)?;
    if !ended.is_empty() {
        tx.publish(Committed::TokensOutdated(ended));
        tx.publish(Committed::SessionsEnded(None));
    }
    Ok(())
}

/// The ID that stands in for a device where a token has none: it is the scope of the token's transaction IDs.
pub(super) fn impersonation_device_id(token: i64) -> Result<DeviceId> {
    DeviceId::parse(&format!("im2 token {token}")).map_err(|error| Error::Internal(error.to_string()))
}
