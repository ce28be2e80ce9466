//! The outbox's jobs of this module, and what is done once a day.

use im2_chat::{
    reports::{self, Notify, Reports},
    rooms::{Forgotten, PURGE_FORGOTTEN, Rooms},
};
use im2_core::jobs::{Failure, Handlers};
use im2_media::Media;
use serde::de::DeserializeOwned;

use super::{
    housekeeping::{self, Housekeeping},
    tasks::{self, Payload, Tasks},
};

/// The state that the job handlers share.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) rooms: Rooms,
    pub(crate) media: Media,
    pub(crate) tasks: Tasks,
    pub(crate) reports: Reports,
}

/// Adds the handlers.
pub(crate) fn register(handlers: Handlers, context: Context) -> Handlers {
    let Context { rooms, media, tasks, reports } = context;
    let housekeeping = Housekeeping::new(media);
    let handlers = handlers.on(tasks::RUN, move |payload| {
        let tasks = tasks.clone();
        async move { tasks.run(&parse::<Payload>(&payload)?.task).await }
    });
    let handlers = handlers.on(PURGE_FORGOTTEN, move |payload| {
        let rooms = rooms.clone();
        async move {
            let Forgotten { room_id } = parse(&payload)?;
            rooms.purge_if_forgotten(&room_id).await.map_err(|error| error.to_string())
        }
    });
    let handlers = handlers.on(reports::NOTIFY, move |payload| {
        let reports = reports.clone();
        async move {
            let notify: Notify = parse(&payload)?;
            reports.notify(&notify).await.map_err(|error| error.to_string())
        }
    });
    handlers.on(housekeeping::DAILY, move |_| {
        let housekeeping = housekeeping.clone();
        async move { housekeeping.run().await.map_err(|error| error.to_string()) }
    })
}

fn parse<T: DeserializeOwned>(payload: &str) -> Result<T, Failure> {
    serde_json::from_str(payload).map_err(|error| format!("payload: {error}"))
}
