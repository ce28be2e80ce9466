//! Telling a gateway what one pusher is due.

use std::{sync::Arc, time::Duration};

use http::Method;
use im2_model::UserNid;
use im2_rooms::content::Membership;
use im2_store::pushers::Pusher;
use serde_json::Value;
use url::Url;

use super::{
    LIFETIME,
    gateways::Contact,
    notification::{of_badge, of_event},
    registry::{Item, Registry, Task},
};
use crate::{
    Core, Result,
    outbound::{Exchange, Failure, Outbound},
    rooms::{Actor, Rooms},
    threads,
    unread::Unread,
};

/// How long a gateway may take for one request: they pass on what they are told, and do so in less than a second.
const PATIENCE: Duration = Duration::from_secs(10);
/// How much it may answer.
const MAX_ANSWER: usize = 64 * 1024;

/// Makes notifications and sends them.
#[derive(Debug)]
pub(super) struct Teller {
    pub(super) core: Core,
    pub(super) rooms: Rooms,
    pub(super) unread: Unread,
    pub(super) registry: Arc<Registry>,
    pub(super) outbound: Outbound,
}

/// The outcome of an attempt.
pub(super) enum Told {
    /// The gateway knows this number of unread notifications.
    Yes(u64),
    /// There is nothing to tell any more.
    Nothing,
    /// The pusher is no more.
    Gone,
    /// The gateway answered with an error.
    Refused,
    /// The notification could not be made or sent, for a reason of this server's.
    NotSent,
    /// The gateway could not be reached.
    Unreachable,
}

impl Told {
    pub(super) fn contact(&self) -> Contact {
        match self {
            Self::Yes(_) | Self::Refused => Contact::Reached,
            Self::Unreachable => Contact::Unreachable,
            Self::Nothing | Self::Gone | Self::NotSent => Contact::None,
        }
    }
}

/// A gateway's answer to a notification.
enum Posted {
    /// It takes it, and rejects these keys.
    Taken(Vec<String>),
    Refused,
    NotSent,
    Unreachable,
}

impl Teller {
    /// Tells a gateway, unless there is nothing to tell any more.
    pub(super) async fn tell(&self, user: UserNid, nid: i64, task: Task) -> Result<Told> {
        let Some(pusher) = self.core.store.read(move |db| db.pusher(nid)).await? else { return Ok(Told::Gone) };
        let Some((user_id, badge)) = self.registry.owner(user) else { return Ok(Told::Gone) };
        let actor = Actor { user, user_id };
        let total = badge.total(&self.core, &self.rooms, &self.unread, &actor).await?;
        let body = match task {
            Task::Event(item) => self.notification(&pusher, &actor, &item, total).await?,
            Task::Badge if self.registry.told(user, nid) == Some(total) => None,
            Task::Badge => Some(of_badge(&pusher, total)),
        };
        let Some(body) = body else { return Ok(Told::Nothing) };
        let rejected = match self.post(&pusher, &body).await {
            Posted::Taken(rejected) => rejected,
            Posted::Refused => return Ok(Told::Refused),
            Posted::NotSent => return Ok(Told::NotSent),
            Posted::Unreachable => return Ok(Told::Unreachable),
        };
        if rejected.contains(&pusher.settings.pushkey) {
            tracing::info!(app_id = %pusher.settings.app_id, "a push gateway rejects a key; its pusher is removed");
            self.core.store.write(move |tx| tx.remove_rejected_pusher(nid, pusher.set_ts)).await?;
        }
        Ok(Told::Yes(total))
    }

    /// The notification of an event, if there is still one to send: the user has not read it meanwhile, nor left, nor
    /// was it redacted, and the rules still ask for it.
    async fn notification(&self, pusher: &Pusher, actor: &Actor, item: &Item, total: u64) -> Result<Option<Value>> {
        if self.core.now().saturating_sub(item.since) > LIFETIME {
            return Ok(None);
        }
        let room = match self.rooms.by_nid(item.room).await {
            Err(error) if error.code().is_some() => return Ok(None),
            room => room?,
        };
        let Some(event) = self.rooms.event(&room, &item.event_id).await? else { return Ok(None) };
        let is_invited = room.view().membership(&actor.user_id) == Some(Membership::Invite);
        if !is_invited && !room.view().joined.contains_key(&actor.user) {
            return Ok(None);
        }
        let unread = self.unread.in_room(actor, &room).await?;
        let evaluation = unread.evaluate(&actor.user_id, &event.pdu, event.is_redacted());
        if !evaluation.notify {
            return Ok(None);
        }
        let (handle, pdu) = (Arc::clone(&room), Arc::clone(&event.pdu));
        let thread = self.core.store.read(move |db| threads::in_database(db, &handle, &pdu)).await?;
        if unread.is_read(&thread, event.seq) {
            return Ok(None);
        }
        let sender = room.member(&self.core, event.pdu.sender.as_str()).await?;
        Ok(Some(of_event(pusher, &room, (&event, sender.as_deref()), &evaluation, total)))
    }

    async fn post(&self, pusher: &Pusher, body: &Value) -> Posted {
        let Ok(url) = Url::parse(&pusher.settings.url) else { return Posted::NotSent };
        let exchange = Exchange::json(Method::POST, body.to_string(), PATIENCE, MAX_ANSWER);
        match self.outbound.exchange(&url, exchange).await {
            Ok((status, answer)) if status.is_success() => {
                let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
                let keys = answer.get("rejected").and_then(Value::as_array).into_iter().flatten();
                Posted::Taken(keys.filter_map(|key| key.as_str().map(str::to_owned)).collect())
            }
            Ok((status, _)) => {
                tracing::debug!(%status, host = url.host_str(), "a push gateway refused a notification");
                Posted::Refused
            }
            Err(failure) => {
                tracing::debug!(%failure, host = url.host_str(), "a push gateway could not be told");
                // That too much of one user's waits already says nothing about the gateway.
                if matches!(failure, Failure::Busy(_)) { Posted::NotSent } else { Posted::Unreachable }
            }
        }
    }
}
