//! Figures about a user's activity, and the features that they may use, for administrators.

use std::collections::BTreeMap;

use im2_core::{Code, Committed, Error, Result, Transaction, features::Feature};
use im2_model::{Millis, UserId};

use super::users::Users;

impl Users {
    /// The number of invites that a user has sent since a time.
    pub async fn sent_invites(&self, user_id: &UserId, since: Millis) -> Result<u64> {
        let (user, since) = (self.account(user_id).await?.user, since.min(1 << 53));
        Ok(self.core.store.read(move |db| db.invites_sent_since(user, since)).await?)
    }

    /// The number of rooms that a user has joined since a time, including those that they have left again.
    pub async fn rooms_joined(&self, user_id: &UserId, since: Millis) -> Result<u64> {
        let (user, since) = (self.account(user_id).await?.user, since.min(1 << 53));
        let user_id = user_id.clone();
        Ok(self.core.store.read(move |db| db.rooms_joined_since(user, &user_id, since)).await?)
    }

    /// All features by name, each with whether the user has it.
    pub async fn features(&self, user_id: &UserId) -> Result<BTreeMap<&'static str, bool>> {
        let user = self.account(user_id).await?.user;
        Ok(self.core.withheld_features.of(user))
    }

    /// Switches features on or off for a user; all of them or none.
    pub async fn set_features(&self, user_id: &UserId, wanted: BTreeMap<String, bool>) -> Result<()> {
        let user = self.account(user_id).await?.user;
        let refuse = |message: String| Err(Error::refused(Code::InvalidParam, message));
        let mut changes = Vec::with_capacity(wanted.len());
        for (name, enabled) in wanted {
            match Feature::named(&name) {
                Some(feature) => changes.push((feature, !enabled)),
                None if !Feature::is_known(&name) => return refuse(format!("there is no feature called {name}")),
                None if enabled => return refuse(format!("this server does not implement {name}")),
                None => {}
            }
        }
        let change = move |tx: &mut Transaction<'_>| {
            for (feature, withheld) in &changes {
                tx.withhold_feature(user, feature.name(), *withheld)?;
                tx.publish(Committed::FeatureWithheld(user, *feature, *withheld));
            }
            Ok(())
        };
        Ok(self.core.store.write(change).await?)
    }
}
