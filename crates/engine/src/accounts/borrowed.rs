//! Acting as somebody else: tokens for administrators that work as a user's, without a device, so that the user does
//! not see one more among theirs.

use im2_model::{DeviceId, Millis, UserNid};
use im2_store::Transaction;

use super::{Accounts, sessions::hash_token};
use crate::{Error, Result, session::Session};

impl Accounts {
    /// A token with which an administrator acts as `user`. It ends when the administrator signs out everywhere or is
    /// none any more, and with the user's account or password.
    pub(crate) async fn borrow(&self, admin: &Session, user: UserNid, valid_until: Option<Millis>) -> Result<String> {
        let token = format!("im2a_{}", self.core.random.alphanumeric(43));
        let (hash, issuer) = (hash_token(&token), admin.user);
        self.core.store.write(move |tx| tx.add_borrowed_token(user, issuer, &hash, valid_until)).await?;
        Ok(token)
    }

    /// Ends the tokens with which administrators act as `user`, inside a larger change.
    pub(super) fn end_borrowed(&self, tx: &mut Transaction<'_>, user: UserNid) -> im2_store::Result<()> {
        let ended = tx.remove_borrowed_tokens(user)?;
        self.end_tokens(tx, user, ended);
        Ok(())
    }

    /// Ends the tokens with which `issuer` acts as others, inside a larger change.
    pub(super) fn end_issued(&self, tx: &mut Transaction<'_>, issuer: UserNid) -> im2_store::Result<()> {
        let ended = tx.remove_tokens_issued_by(issuer)?;
        if !ended.is_empty() {
            let (sessions, core) = (self.sessions.clone(), self.core.clone());
            tx.on_commit(move || {
                sessions.revoke(ended);
                core.session_ends.of_anybody();
            });
        }
        Ok(())
    }

    /// Ends a session that has no device.
    pub(super) async fn end_token(&self, session: &Session) -> Result<()> {
        let (token, ending, accounts) = (session.token, session.clone(), self.clone());
        let end = move |tx: &mut Transaction<'_>| {
            let ended = tx.remove_token_pair(token)?;
            accounts.end_tokens(tx, ending.user, ended);
            tx.on_commit(move || accounts.core.typists.end_user(ending.user, Some(&ending.device_id)));
            Ok(())
        };
        Ok(self.core.store.write(end).await?)
    }
}

/// What stands in the place of a device for a token without one: transaction identifiers have a scope by it.
pub(super) fn stand_in(token: i64) -> Result<DeviceId> {
    DeviceId::parse(&format!("im2 token {token}")).map_err(|error| Error::Internal(error.to_string()))
}
