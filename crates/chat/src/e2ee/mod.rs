//! End-to-end encryption, the server's half: the public keys of devices and users, and who has to hear of changes
//! (spec: client-server API, "End-to-End Encryption").
//!
//! The server judges the shape of keys and the signatures that tie a user's keys together; what they are worth is for
//! clients to decide. A one-time key leaves the database in the transaction that hands it out, and is remembered.

mod claim;
mod cross_signing;
mod dehydrated;
mod device_lists;
mod keys;
mod query;
mod signatures;
mod upload;

use std::{collections::HashSet, sync::Arc};

use im2_accounts::Accounts;
use im2_core::{Core, Error, Result, jobs::Handlers};
use im2_kernel::content::Membership;
use im2_model::{DeviceId, UserId, UserNid};
use serde_json::{Map, Value, json};

pub use crate::key_counts::KeyCounts;
pub use claim::ClaimRequest;
pub use cross_signing::CrossSigningUpload;
pub use cross_signing::MASTER;
pub use dehydrated::{DehydratedEvents, Dehydration};
pub use device_lists::LARGE;
pub use device_lists::{DeviceLists, KeyNews};
pub use query::QueryRequest;
pub use signatures::SignaturesUpload;
pub use upload::Upload;

use crate::{key_counts, rooms::Rooms, to_device::ToDevice};

/// The use cases. Cheap to clone.
#[derive(Debug, Clone)]
pub struct E2ee {
    core: Core,
    accounts: Accounts,
    rooms: Rooms,
    to_device: ToDevice,
}

impl E2ee {
    /// Builds it on the core.
    pub fn new(core: Core, accounts: Accounts, rooms: Rooms, to_device: ToDevice) -> Self {
        Self { core, accounts, rooms, to_device }
    }

    /// The counts of a device's one-time and fallback keys in store. From memory, as a rule.
    pub async fn key_counts(&self, user: UserNid, device_id: &DeviceId) -> Result<Arc<KeyCounts>> {
        key_counts::of_device(&self.core, user, device_id).await
    }

    /// Adds the handlers of this module's jobs.
    pub fn register(&self, handlers: Handlers) -> Handlers {
        let this = self.clone();
        handlers.on(im2_accounts::device_lists::WAKE, move |payload| {
            let this = this.clone();
            async move {
                let user = payload.parse().map_err(|error| format!("payload: {error}"))?;
                this.wake_company(UserNid(user)).await.map_err(|error| error.to_string())
            }
        })
    }

    /// Wakes the waiting syncs of those who share a room with a user: each looks for itself whether there is news.
    async fn wake_company(&self, user: UserNid) -> Result<()> {
        let theirs: HashSet<_> = self.rooms.of_user(user).await?.with(Membership::Join).into_iter().collect();
        let shares = |waiting: UserNid| {
            self.rooms.of_user_in_memory(waiting).is_some_and(|rooms| rooms.is_joined_to_one_of(&theirs))
        };
        self.core.bus.wake_all(usize::MAX, std::iter::empty(), shares);
        Ok(())
    }
}

/// `failures` of an answer: the servers of users who are not of this one, none of which can be asked.
fn failures<'a>(core: &Core, users: impl Iterator<Item = &'a UserId>) -> Map<String, Value> {
    let elsewhere = users.map(UserId::server_name).filter(|server| *server != core.server_name.as_str());
    let failure = || json!({ "errcode": "M_UNKNOWN", "error": "this server does not federate with other servers" });
    elsewhere.map(|server| (server.to_owned(), failure())).collect()
}

/// A key that is in the database.
fn stored(text: &str) -> Result<Map<String, Value>> {
    serde_json::from_str(text).map_err(|error| Error::Internal(format!("a stored key: {error}")))
}
