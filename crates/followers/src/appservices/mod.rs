//! Application services: bridges and bots that act as many users and are told what happens in their rooms (spec:
//! application service API).
//!
//! [`im2_core::services`] says who they are and what is theirs: accounts and rooms ask it.
//! [`Appservices`] is above rooms and presence: it tells the services what happens ([`sender`]), and passes on what
//! clients ask about third-party networks.

mod batch;
mod changes;
mod interest;
mod keys;
mod ping;
mod sender;
mod third_party;

use std::{panic::resume_unwind, sync::Arc};

use parking_lot::Mutex;
use tokio::task::JoinSet;

use im2_core::services::Service;
pub use third_party::Kind;

use im2_chat::{Chat, presence::Presence, receipts::Receipts, rooms::Rooms, to_device::ToDevice, typing::Typing};
use im2_core::{Core, Result, shutdown::Shutdown};
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
    pub(crate) fn new(core: Core, chat: &Chat) -> Self {
        Self {
            core,
            rooms: chat.rooms.clone(),
            receipts: chat.receipts.clone(),
            typing: chat.typing.clone(),
            presence: chat.presence.clone(),
            to_device: chat.to_device.clone(),
            protocols: Arc::default(),
        }
    }

    /// Notes which services there are, before anything new happens: one that is new is told what happens from now on.
    pub async fn open_senders(&self) -> Result<Senders> {
        let wants_traffic = |service: &&Arc<Service>| service.url.is_some();
        let services: Vec<Arc<Service>> = self.core.services.all().iter().filter(wants_traffic).cloned().collect();
        let ids: Vec<String> = services.iter().map(|service| service.id.clone()).collect();
        let (now, reached) = (self.core.now(), self.core.stream.reached().stream().clone());
        let begin = move |tx: &mut im2_core::Transaction<'_>| {
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            tx.forget_other_services(&ids, sender::NAMES)?;
            ids.iter().try_for_each(|id| tx.begin_service(id, sender::NAMES, (now, &reached)))
        };
        self.core.store.write(begin).await?;
        Ok(Senders(services.into_iter().map(|service| Sender::new(self, service)).collect()))
    }
}

/// The senders, one for each service, that tell it what happens.
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
