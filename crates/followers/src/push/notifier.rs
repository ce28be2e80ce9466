//! Telling a gateway what one pusher is due.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Response};
use im2_chat::{
    rooms::{Actor, Rooms},
    threads,
    unread::Unread,
};
use im2_core::{
    Core, Result,
    outbound::{Exchange, Failure, Outbound},
};
use im2_kernel::content::Membership;
use im2_model::UserNid;
use im2_store::pushers::{Activation, Pusher, PusherKind};
use serde_json::{Value, json};
use url::Url;

use super::{
    LIFETIME,
    gateways::Contact,
    notification::{of_badge, of_event},
    registry::{Item, Registry, Task},
    web_push::{DeviceKeys, MAX_TEXT, Sender},
};
use crate::follower::retry_after;

/// How long a gateway may take for one request: they pass on what they are told, and do so in less than a second.
const PATIENCE: Duration = Duration::from_secs(10);
/// How much it may answer.
const MAX_ANSWER: usize = 64 * 1024;

/// Makes notifications and sends them.
#[derive(Debug)]
pub(super) struct Notifier {
    pub(super) core: Core,
    pub(super) rooms: Rooms,
    pub(super) unread: Unread,
    pub(super) registry: Arc<Registry>,
    pub(super) outbound: Outbound,
    pub(super) sender: Arc<Sender>,
}

/// The outcome of an attempt.
pub(crate) enum Outcome {
    /// The gateway knows this number of unread notifications.
    Delivered(u64),
    /// There is nothing to tell any more.
    Nothing,
    /// The pusher is no more.
    Gone,
    /// The gateway answered with an error, and wants to be left alone for so long.
    Refused(Option<Duration>),
    /// The notification could not be made or sent, for a reason of this server's.
    NotSent,
    /// The gateway could not be reached.
    Unreachable,
}

impl Outcome {
    pub(super) fn contact(&self) -> Contact {
        match self {
            Self::Delivered(_) | Self::Refused(_) => Contact::Reached,
            Self::Unreachable => Contact::Unreachable,
            Self::Nothing | Self::Gone | Self::NotSent => Contact::None,
        }
    }
}

/// A gateway's answer to a notification.
enum Posted {
    /// It takes it.
    Taken,
    /// It knows the device no more.
    Rejected,
    Refused(Option<Duration>),
    NotSent,
    Unreachable,
}

impl Notifier {
    /// Tells a gateway, unless there is nothing to tell any more.
    pub(super) async fn notify(&self, user: UserNid, nid: i64, task: Task) -> Result<Outcome> {
        let Some(pusher) = self.core.store.read(move |db| db.pusher(nid)).await? else { return Ok(Outcome::Gone) };
        let Some((user_id, badge)) = self.registry.owner(user) else { return Ok(Outcome::Gone) };
        let actor = Actor { user, user_id };
        let total = badge.total(&self.core, &self.rooms, &self.unread, &actor).await?;
        let body = match (&pusher.activation, task) {
            (Some(activation), Task::Badge) => self.activation(&pusher, activation),
            (Some(_), Task::Event(_)) => None,
            (None, Task::Event(item)) => self.notification(&pusher, &actor, &item, total).await?,
            (None, Task::Badge) if is_for_events_only(&pusher) => None,
            (None, Task::Badge) if self.registry.told(user, nid) == Some(total) => None,
            (None, Task::Badge) => Some(of_badge(&pusher, total)),
        };
        let Some(body) = body else { return Ok(Outcome::Nothing) };
        let posted = match pusher.settings.kind {
            PusherKind::Http => self.post(&pusher, &body).await,
            PusherKind::WebPush => self.push(&pusher, body).await?,
        };
        match posted {
            // What the device has been told is no number.
            Posted::Taken if pusher.activation.is_some() => return Ok(Outcome::Nothing),
            Posted::Taken => {}
            Posted::Rejected => {
                tracing::info!(app_id = %pusher.settings.app_id, "a push gateway rejects a key; its pusher is removed");
                self.core.store.write(move |tx| tx.remove_rejected_pusher(nid, pusher.set_ts)).await?;
            }
            Posted::Refused(pause) => return Ok(Outcome::Refused(pause)),
            Posted::NotSent => return Ok(Outcome::NotSent),
            Posted::Unreachable => return Ok(Outcome::Unreachable),
        }
        Ok(Outcome::Delivered(total))
    }

    /// The activation token that the client has to answer with, to show that notifications arrive; `None` once it has
    /// expired.
    fn activation(&self, pusher: &Pusher, activation: &Activation) -> Option<Value> {
        let is_valid = self.core.now() < activation.until;
        is_valid.then(|| json!({ "app_id": pusher.settings.app_id, "ack_token": activation.token }))
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

    /// Tells a gateway.
    async fn post(&self, pusher: &Pusher, body: &Value) -> Posted {
        let Ok(url) = Url::parse(&pusher.settings.url) else { return Posted::NotSent };
        let exchange = Exchange::json(Method::POST, body.to_string(), PATIENCE, MAX_ANSWER);
        let answer = match self.outbound.exchange(&url, exchange).await {
            Ok(answer) => answer,
            Err(failure) => return not_told(&url, &failure),
        };
        if !answer.status().is_success() {
            return refused(&url, &answer);
        }
        let answer: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        let mut keys = answer.get("rejected").and_then(Value::as_array).into_iter().flatten();
        let is_rejected = keys.any(|key| key.as_str() == Some(&pusher.settings.pushkey));
        if is_rejected { Posted::Rejected } else { Posted::Taken }
    }

    /// Sends to a push service, encrypted.
    async fn push(&self, pusher: &Pusher, body: Value) -> Result<Posted> {
        let data: Value = serde_json::from_str(&pusher.settings.data).unwrap_or_default();
        let auth = data.get("auth").and_then(Value::as_str).unwrap_or_default();
        let Ok(keys) = DeviceKeys::parse(&pusher.settings.pushkey, auth) else { return Ok(Posted::Rejected) };
        let Ok(url) = Url::parse(&pusher.settings.url) else { return Ok(Posted::Rejected) };
        let is_urgent = body["notification"]["prio"] == "high";
        let exchange = Exchange {
            method: Method::POST,
            headers: self.sender.headers(&url, is_urgent, self.core.now())?,
            body: keys.encrypt(fitting(body).as_bytes())?.into(),
            deadline: PATIENCE,
            max_answer: MAX_ANSWER,
        };
        Ok(match self.outbound.exchange(&url, exchange).await {
            Ok(answer) if answer.status().is_success() => Posted::Taken,
            // RFC 8030, section 7.3, and MSC4174.
            Ok(answer) if matches!(answer.status().as_u16(), 403 | 404 | 410) => Posted::Rejected,
            Ok(answer) => refused(&url, &answer),
            Err(failure) => not_told(&url, &failure),
        })
    }
}

fn refused(url: &Url, answer: &Response<Bytes>) -> Posted {
    tracing::debug!(status = %answer.status(), host = url.host_str(), "a push gateway refused a notification");
    Posted::Refused(retry_after(answer.headers()))
}

fn not_told(url: &Url, failure: &Failure) -> Posted {
    tracing::debug!(%failure, host = url.host_str(), "a push gateway could not be told");
    // That too much of one user's waits already says nothing about the gateway.
    if matches!(failure, Failure::Busy(_)) { Posted::NotSent } else { Posted::Unreachable }
}

/// Whether a device wants to hear of events and not of numbers alone: browsers end the subscription of a page that is
/// told something and shows nothing.
fn is_for_events_only(pusher: &Pusher) -> bool {
    let data: Value = serde_json::from_str(&pusher.settings.data).unwrap_or_default();
    pusher.settings.kind == PusherKind::WebPush && data["events_only"] == true
}

/// A message that fits into what push services take: without the event's content if it would not, and then without all
/// but what the device finds the event by.
fn fitting(mut body: Value) -> String {
    let text = body.to_string();
    if text.len() <= MAX_TEXT {
        return text;
    }
    if let Some(notification) = body["notification"].as_object_mut() {
        notification.remove("content");
        if Value::Object(notification.clone()).to_string().len() > MAX_TEXT / 2 {
            notification.retain(|name, _| matches!(name.as_str(), "event_id" | "room_id" | "prio" | "counts"));
        }
    }
    body.to_string()
}
