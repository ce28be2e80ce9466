//! Application services: bridges and bots that act as many users and are told what happens in their rooms (spec:
//! application service API).
//!
//! [`Services`] says who they are and what is theirs; it is part of the core, because accounts and rooms ask it.
//! [`Appservices`] is above rooms and presence: it tells the services what happens ([`sender`]), and passes on what
//! clients ask about third-party networks.

mod batch;
mod call;
mod changes;
mod interest;
mod keys;
mod ping;
mod queries;
mod registration;
mod sender;
mod services;
mod third_party;

use std::{panic::resume_unwind, sync::Arc};

use parking_lot::Mutex;
use tokio::task::JoinSet;

pub use services::{Service, Services};
pub use third_party::Kind;
pub(crate) use third_party::instance_id;

use crate::{
    Core, Result, presence::Presence, receipts::Receipts, rooms::Rooms, shutdown::Shutdown, to_device::ToDevice,
    typing::Typing,
};
use sender::Sender;

/// The use cases of application services. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Appservices {
    core: Core,
    rooms: Rooms,
    receipts: Receipts,
    typing: Typing,
    presence: Presence,
    to_device: ToDevice,
    protocols: Arc<Mutex<third_party::Protocols>>,
}

impl Appservices {
    pub(crate) fn new(
        core: Core,
        rooms: Rooms,
        receipts: Receipts,
        typing: Typing,
        presence: Presence,
        to_device: ToDevice,
    ) -> Self {
        Self { core, rooms, receipts, typing, presence, to_device, protocols: Arc::default() }
    }

    /// Reads how far each service has been told, before anything new happens.
    pub async fn open_senders(&self) -> Result<Senders> {
        let wants_traffic = |service: &&Arc<Service>| service.url.is_some();
        let services: Vec<Arc<Service>> = self.core.services.all().iter().filter(wants_traffic).cloned().collect();
        let known: Vec<Arc<Service>> = services.clone();
        let forget = move |tx: &mut im2_store::Transaction<'_>| {
            let ids: Vec<&str> = known.iter().map(|service| service.id.as_str()).collect();
            tx.forget_other_services(&ids)
        };
        self.core.store.write(forget).await?;
        let mut senders = Vec::with_capacity(services.len());
        for service in services {
            senders.push(Sender::open(self, service).await?);
        }
        Ok(Senders(senders))
    }
}

/// What tells each service what happens.
pub struct Senders(Vec<Sender>);

impl Senders {
    /// Runs until a shutdown begins. Panics if one of them does.
    pub async fn run(self, shutdown: Shutdown) {
        let mut running = JoinSet::new();
        for sender in self.0 {
            running.spawn(sender.run());
        }
        while let Some(ended) = running.join_next().await {
            if let Err(error) = ended
                && error.is_panic()
            {
                resume_unwind(error.into_panic());
            }
        }
        shutdown.begun().await; // there may be no services
    }
}
