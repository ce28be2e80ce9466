//! Locking, suspending and shadow-banning accounts (spec: "Account moderation", "Server Administration").

use im2_model::UserId;
use im2_store::{Snapshot, accounts::Account};

use im2_core::{
    Code, Core, Error, Result, Transaction,
    committed::{Committed, UserFact},
    session::Session,
};

/// A measure against an account that can be undone again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Nothing works but signing out.
    Lock,
    /// Reading and leaving work.
    Suspension,
    /// Everything seems to work, and nothing reaches anybody.
    ShadowBan,
}

/// The use cases of moderating accounts.
#[derive(Debug, Clone)]
pub struct Moderation {
    core: Core,
}

impl Moderation {
    pub(crate) fn new(core: Core) -> Self {
        Self { core }
    }

    /// Whether a measure holds for an account.
    pub async fn is_in_force(&self, admin: &Session, measure: Measure, user_id: &UserId) -> Result<bool> {
        self.check_local(user_id)?;
        let (admin, user_id) = (admin.clone(), user_id.clone());
        let account = self.core.store.read(move |db| target(db, &admin, &user_id)).await??;
        Ok(match measure {
            Measure::Lock => account.locked,
            Measure::Suspension => account.suspended,
            Measure::ShadowBan => account.shadow_banned,
        })
    }

    /// Puts a measure in force for an account, or ends it. It holds from the moment this returns, for sessions too that have
    /// begun before.
    pub async fn set(&self, admin: &Session, measure: Measure, user_id: &UserId, in_force: bool) -> Result<()> {
        self.check_local(user_id)?;
        if *user_id == admin.user_id {
            return Err(Error::refused(Code::Forbidden, "you cannot do this to your own account"));
        }
        let (admin, user_id) = (admin.clone(), user_id.clone());
        let change = move |tx: &mut Transaction<'_>| match target(tx, &admin, &user_id)? {
            Ok(account) => apply(tx, measure, account.user, in_force).map(Ok),
            Err(refusal) => Ok(Err(refusal)),
        };
        self.core.store.write(change).await?
    }

    fn check_local(&self, user_id: &UserId) -> Result<()> {
        if user_id.server_name() == self.core.server_name.as_str() {
            return Ok(());
        }
        Err(Error::refused(Code::InvalidParam, "this user belongs to another server"))
    }
}

/// Puts a measure in force, or ends it, inside a larger change.
pub(super) fn apply(
    tx: &mut Transaction<'_>,
    measure: Measure,
    user: im2_model::UserNid,
    in_force: bool,
) -> im2_store::Result<()> {
    let fact = match measure {
        Measure::Lock => {
            tx.set_locked(user, in_force)?;
            UserFact::Locked
        }
        Measure::Suspension => {
            tx.set_suspended(user, in_force)?;
            UserFact::Suspended
        }
        Measure::ShadowBan => {
            tx.set_shadow_banned(user, in_force)?;
            UserFact::ShadowBanned
        }
    };
    tx.publish(Committed::User(user, fact, in_force));
    Ok(())
}

/// The account meant, if administrators may do such things to it: it works, and is not another administrator's.
fn target(db: &Snapshot<'_>, admin: &Session, user_id: &UserId) -> im2_store::Result<Result<Account>> {
    let found = db.account(user_id)?.filter(|account| account.deactivated_ts.is_none());
    Ok(match found {
        None => Err(Error::refused(Code::NotFound, "there is no such active account on this server")),
        Some(account) if account.is_admin && account.user != admin.user => {
            Err(Error::refused(Code::Forbidden, "this user is an administrator of the server too"))
        }
        Some(account) => Ok(account),
    })
}
