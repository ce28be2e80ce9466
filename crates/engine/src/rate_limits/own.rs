//! Limits on requests that administrators give to single users, in place of those for everybody. They are asked for at
//! every request, so all of them are in memory.

use im2_model::UserNid;
use im2_store::{Transaction, rate_limits::RateLimit};

use crate::{Core, Result};

/// The users' own limits.
#[derive(Debug, Clone)]
pub struct RateLimits {
    core: Core,
}

impl RateLimits {
    pub(crate) fn new(core: Core) -> Self {
        Self { core }
    }

    /// A user's own limit, if they have one.
    pub fn of(&self, user: UserNid) -> Option<RateLimit> {
        self.core.limits.own(user)
    }

    /// Gives a user a limit, or takes it away.
    pub(crate) async fn set(&self, user: UserNid, limit: Option<RateLimit>) -> Result<()> {
        let core = self.core.clone();
        let change = move |tx: &mut Transaction<'_>| {
            tx.set_rate_limit(user, limit)?;
            tx.on_commit(move || {
                let mut own = core.limits.own.write();
                match limit {
                    Some(limit) => own.insert(user, limit),
                    None => own.remove(&user),
                };
            });
            Ok(())
        };
        Ok(self.core.store.write(change).await?)
    }
}
