//! Limits on requests that administrators give to single users, in place of those for everybody. The edge asks for
//! them at every limited request, so all of them are in memory.

use std::{collections::HashMap, sync::Arc};

use im2_model::UserNid;
use parking_lot::RwLock;

pub use im2_store::rate_limits::RateLimit;

use crate::{Core, Result};

/// The users' own limits.
#[derive(Debug, Clone)]
pub struct RateLimits {
    core: Core,
    /// One entry a user to whom an administrator gave a limit by hand.
    limits: Arc<RwLock<HashMap<UserNid, RateLimit>>>,
}

impl RateLimits {
    pub(crate) async fn open(core: Core) -> Result<Self> {
        let limits: HashMap<_, _> = core.store.read(|db| Ok(db.rate_limits()?.into_iter().collect())).await?;
        Ok(Self { core, limits: Arc::new(RwLock::new(limits)) })
    }

    /// A user's own limit, if they have one.
    pub fn of(&self, user: UserNid) -> Option<RateLimit> {
        let limits = self.limits.read();
        if limits.is_empty() { None } else { limits.get(&user).copied() }
    }

    /// Gives a user a limit, or takes it away.
    pub(crate) async fn set(&self, user: UserNid, limit: Option<RateLimit>) -> Result<()> {
        let limits = Arc::clone(&self.limits);
        let change = move |tx: &mut im2_store::Transaction<'_>| {
            tx.set_rate_limit(user, limit)?;
            tx.on_commit(move || {
                let mut limits = limits.write();
                match limit {
                    Some(limit) => limits.insert(user, limit),
                    None => limits.remove(&user),
                };
            });
            Ok(())
        };
        Ok(self.core.store.write(change).await?)
    }
}
