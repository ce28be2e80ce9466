//! Limits on requests that administrators give to single users, in place of those for everybody. They are asked for at
//! every request, so all of them are in memory.

use im2_model::UserNid;
use im2_store::rate_limits::RateLimit;

use im2_core::{Committed, Core, Result, Transaction};

/// The users' own limits.
#[derive(Debug, Clone)]
pub struct RateLimits {
    core: Core,
}

impl RateLimits {
    /// Builds it on the core.
    pub fn new(core: Core) -> Self {
        Self { core }
    }

    /// A user's own limit, if they have one.
    pub fn of(&self, user: UserNid) -> Option<RateLimit> {
        self.core.limits.own(user)
    }

    /// Gives a user a limit, or takes it away.
    pub async fn set(&self, user: UserNid, limit: Option<RateLimit>) -> Result<()> {
        let change = move |tx: &mut Transaction<'_>| {
            tx.set_rate_limit(user, limit)?;
            tx.publish(Committed::RateLimit(user, limit));
            Ok(())
        };
        Ok(self.core.store.write(change).await?)
    }
}
