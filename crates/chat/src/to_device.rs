//! Messages from device to device, outside of rooms (spec: "Send-to-Device messaging").
//!
//! A message waits in the inbox of its device until the device comes back with a token that includes it: whoever reads
//! an inbox ([`ToDevice::pending`]) first removes what the token they were given acknowledges
//! ([`ToDevice::acknowledge`]). So a crash of either side between answer and acknowledgement repeats messages and loses
//! none.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use im2_model::{DeviceId, Millis, Position, Reached, UserId, UserNid};
use im2_store::{
    Snapshot,
    to_device::{InboxLimits, SendToDevice, SentToDevice, ToDeviceMessage, ToDeviceTransaction},
};
use serde_json::{Map, Value};

use im2_core::{
    Code, Committed, Core, Error, Result, Transaction,
    memory::{Cache, Share},
    session::Session,
    stream::Change,
};

/// Messages in one answer (spec: "100 messages is recommended as a reasonable limit").
const PER_ANSWER: usize = 100;
/// The most that the contents of one answer may weigh together, in bytes, unless a single one is larger.
const BYTES_PER_ANSWER: usize = 1 << 20;
/// The largest content of one message, as for events of rooms.
const MAX_CONTENT_BYTES: usize = 65_536;
/// Devices that one request may send to. Clients send to at most some hundreds at once.
const MAX_RECIPIENTS: usize = 5_000;
/// The most that one request may put into inboxes together, in bytes: a content for all devices of many users
/// multiplies.
const MAX_SENT_BYTES: usize = 16 << 20;
/// Devices that one change delivers to: about a millisecond of the writer's time.
const AT_ONCE: usize = 64;
/// The longest event type and the longest transaction ID.
const MAX_NAME_BYTES: usize = 255;
/// Limits of one inbox: years of room keys for a device that is not used any more. Beyond them the oldest messages are
/// dropped, because a device that comes back needs the newest first.
const INBOX: InboxLimits = InboxLimits { messages: 100_000, bytes: 128 << 20 };
/// How long a request is remembered: clients keep what they could not send over restarts, but not for a month.
const REMEMBERED: Millis = 30 * 24 * 3_600_000;

/// The messages of a request: by user ID, by device ID or `*`, the content.
pub type Messages = BTreeMap<String, BTreeMap<String, Map<String, Value>>>;

/// The use cases of to-device messages.
#[derive(Debug, Clone)]
pub struct ToDevice {
    core: Core,
    /// Whether there is anything in an inbox; "yes" may be outdated, "no" is not.
    filled: Cache<(UserNid, DeviceId), bool>,
}

/// Messages for a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbox {
    /// In order of arrival.
    pub messages: Vec<ToDeviceMessage>,
    /// The place up to which these are all.
    pub reached: Reached,
    /// Whether that is as far as was asked for, so that no more are waiting.
    pub is_complete: bool,
}

impl Inbox {
    /// The position up to which the messages asked for are here.
    fn last(&self) -> Position {
        if self.is_complete {
            return Position::LAST;
        }
        self.messages.last().map_or_else(Position::default, |message| message.position)
    }

    /// Leaves only the first `limit` messages after `after`, from where they were asked for.
    pub fn truncate(&mut self, limit: usize, after: &Reached) {
        if self.messages.len() > limit {
            self.messages.truncate(limit);
            self.is_complete = false;
            self.reached = after.on_the_way(&self.reached, self.last());
        }
    }
}

/// A content for a device: a JSON object.
type Message = (UserNid, DeviceId, Arc<str>);

/// The messages of a request for one user.
struct Addressed {
    user_id: UserId,
    everywhere: Option<Arc<str>>,
    devices: BTreeMap<DeviceId, Arc<str>>,
}

impl ToDevice {
    /// Builds it on the core.
    pub fn new(core: Core) -> Self {
        let weigh = |(_, device_id): &(UserNid, DeviceId), _: &bool| device_id.as_str().len();
        let filled = Cache::new(&core.memory, "inboxes", Share::HundredAndTwentyEighth, weigh);
        Self { core, filled }
    }

    /// Sends messages of one type to devices. Users and devices that are not there are passed over, and a transaction
    /// that was carried out before changes nothing.
    pub async fn send(&self, session: &Session, kind: &str, txn_id: &str, messages: Messages) -> Result<()> {
        check_name(kind, "an event type")?;
        check_name(txn_id, "a transaction ID")?;
        let mut addressed = addressed(messages)?;
        if addressed.iter().any(|to| to.user_id != session.user_id) {
            self.core.refuse_suspended(session.user)?;
        }
        if self.core.shadow_banned.contains(session.user) {
            addressed.retain(|to| to.user_id == session.user_id);
        }
        let mut messages = self.core.store.read(move |db| to_deliver(db, &addressed)).await??;
        let (kind, now) = (Arc::from(kind), self.core.now());
        let forget_before = now.saturating_sub(REMEMBERED);
        let transaction =
            ToDeviceTransaction { device_id: session.device_id.clone(), txn_id: txn_id.into(), now, forget_before };
        let sender = session.user;
        let of_it =
            |messages, completes| SendToDevice { sender, kind: Arc::clone(&kind), messages, completes, limits: INBOX };
        if messages.len() <= AT_ONCE {
            return self.deliver(of_it(messages, Some(transaction))).await;
        }
        // Some at a time, so that the writer is free for others between them. The transaction is noted with the last:
        // after a failure before that, the same request sends once more to those that have theirs. Of one user one
        // request at a time, so that one that is repeated meanwhile finds the transaction noted.
        let _turn = self.core.store.long_write_turn().await?;
        let (before, of_kind) = (transaction.clone(), Arc::clone(&kind));
        let is_known =
            move |db: &Snapshot<'_>| db.is_to_device_transaction(sender, &before.device_id, &of_kind, &before.txn_id);
        if self.core.store.read(is_known).await? {
            return Ok(());
        }
        while !messages.is_empty() {
            let rest = messages.split_off(messages.len().min(AT_ONCE));
            let completes = rest.is_empty().then(|| transaction.clone());
            self.deliver(of_it(messages, completes)).await?;
            messages = rest;
        }
        Ok(())
    }

    async fn deliver(&self, command: SendToDevice) -> Result<()> {
        let sent = self.core.store.carry_out(command, |_, sent| Ok(news_of(sent))).await?;
        for (user, device, dropped) in sent.dropped {
            let user = user.0;
            tracing::warn!(user, %device, dropped, "a device that does not fetch its messages has lost the oldest");
        }
        Ok(())
    }

    /// Forgets whether there is something for a device.
    pub(crate) fn forget(&self, user: UserNid, device_id: &DeviceId) {
        self.filled.remove(&(user, device_id.clone()));
    }

    /// The messages for a device after `after`, as many as one answer holds. `until` is a place that the stream has
    /// reached.
    pub async fn pending(
        &self,
        user: UserNid,
        device_id: &DeviceId,
        after: &Reached,
        until: &Reached,
    ) -> Result<Inbox> {
        if !self.is_filled(user, device_id).await? {
            return Ok(Inbox { messages: Vec::new(), reached: until.clone(), is_complete: true });
        }
        let (device_id, after, until) = (device_id.clone(), after.clone(), until.clone());
        Ok(self.core.store.read(move |db| inbox(db, user, &device_id, &after, &until)).await?)
    }

    /// Removes the messages that a device has got: those up to `reached`. While nothing can be stored they stay, for a
    /// later acknowledgement: whoever asks from `reached` on is not given them again.
    pub async fn acknowledge(&self, user: UserNid, device_id: &DeviceId, reached: &Reached) -> Result<()> {
        if !self.is_filled(user, device_id).await? {
            return Ok(());
        }
        let (device, known) = (device_id.clone(), reached.clone());
        let look =
            move |db: &Snapshot<'_>| Ok(!db.to_device(user, &device, &Reached::default(), &known, 1)?.is_empty());
        if !self.core.store.read(look).await? {
            return Ok(());
        }
        let (device, reached) = (device_id.clone(), reached.clone());
        let remove = move |tx: &mut Transaction<'_>| {
            tx.remove_to_device(user, &device, &reached)?;
            tx.publish(Committed::InboxEmptied(user, device.clone()));
            Ok(())
        };
        match self.core.store.write(remove).await {
            Err(error) if error.unwritable().is_some() => Ok(()),
            removed => Ok(removed?),
        }
    }

    /// Removes the messages for a device that `until` includes, inside a larger change that delivers them in another
    /// way.
    pub fn hand_over(
        &self,
        tx: &mut Transaction<'_>,
        user: UserNid,
        device_id: DeviceId,
        until: &Reached,
    ) -> im2_store::Result<()> {
        tx.remove_to_device(user, &device_id, until)?;
        tx.publish(Committed::InboxEmptied(user, device_id));
        Ok(())
    }

    async fn is_filled(&self, user: UserNid, device_id: &DeviceId) -> Result<bool> {
        let key = (user, device_id.clone());
        if let Some(known) = self.filled.get(&key) {
            return Ok(known);
        }
        let device_id = device_id.clone();
        let load = async move { Ok(self.core.store.read(move |db| db.has_to_device(user, &device_id)).await?) };
        // A commit that removes the entry while it loads also drops what was loaded.
        self.filled.get_or_insert_async(&key, load).await
    }
}

/// What is told of messages that were put into inboxes.
fn news_of(sent: &SentToDevice) -> Vec<Committed> {
    if sent.devices.is_empty() {
        return Vec::new();
    }
    let devices: Arc<[_]> = sent.devices.as_slice().into();
    let users: BTreeSet<UserNid> = devices.iter().map(|(user, _)| *user).collect();
    let changes = vec![Change::ToDevice(devices)];
    vec![Committed::News { position: sent.position, changes, users: users.into_iter().collect() }]
}

/// Writes a message as clients see it.
pub fn write_to_device_event(out: &mut Vec<u8>, message: &ToDeviceMessage) {
    out.extend_from_slice(b"{\"type\":");
    drop(serde_json::to_writer(&mut *out, &message.kind)); // writing to a vector cannot fail
    out.extend_from_slice(b",\"sender\":");
    drop(serde_json::to_writer(&mut *out, &message.sender));
    out.extend_from_slice(b",\"content\":");
    out.extend_from_slice(message.content.as_bytes());
    out.push(b'}');
}

fn inbox(
    db: &Snapshot<'_>,
    user: UserNid,
    device_id: &DeviceId,
    after: &Reached,
    until: &Reached,
) -> im2_store::Result<Inbox> {
    let mut inbox = Inbox { messages: Vec::new(), reached: after.clone(), is_complete: true };
    let mut bytes = 0;
    for message in db.to_device(user, device_id, after, until, PER_ANSWER + 1)? {
        bytes += message.content.len();
        let is_full = inbox.messages.len() == PER_ANSWER || bytes > BYTES_PER_ANSWER;
        if is_full && !inbox.messages.is_empty() {
            inbox.is_complete = false;
            break;
        }
        inbox.messages.push(message);
    }
    inbox.reached = after.on_the_way(until, inbox.last());
    Ok(inbox)
}

/// Sorts the messages by their recipients. An invalid user or device ID stands for nobody.
fn addressed(messages: Messages) -> Result<Vec<Addressed>> {
    let mut addressed = Vec::with_capacity(messages.len());
    for (user_id, contents) in messages {
        let Ok(user_id) = UserId::parse(&user_id) else { continue };
        let mut one = Addressed { user_id, everywhere: None, devices: BTreeMap::new() };
        for (device_id, content) in contents {
            let content = serde_json::to_string(&content).map_err(|error| Error::Internal(error.to_string()))?;
            if content.len() > MAX_CONTENT_BYTES {
                let message = format!("the content of a to-device message is limited to {MAX_CONTENT_BYTES} bytes");
                return Err(Error::refused(Code::TooLarge, message));
            }
            match DeviceId::parse(&device_id) {
                _ if device_id == "*" => one.everywhere = Some(content.into()),
                Ok(device_id) => drop(one.devices.insert(device_id, content.into())),
                Err(_) => {}
            }
        }
        addressed.push(one);
    }
    Ok(addressed)
}

/// The devices that are there. One that is named gets what is for it rather than what is for all of its user's.
fn to_deliver(db: &Snapshot<'_>, addressed: &[Addressed]) -> im2_store::Result<Result<Vec<Message>>> {
    let (mut messages, mut bytes) = (Vec::new(), 0);
    for one in addressed {
        let Some(user) = db.user_nid(&one.user_id)? else { continue };
        let mut add = |device_id: &DeviceId, content: &Arc<str>| {
            bytes += content.len();
            messages.push((user, device_id.clone(), Arc::clone(content)));
        };
        if let Some(everywhere) = &one.everywhere {
            for device_id in db.device_ids(user)? {
                add(&device_id, one.devices.get(&device_id).unwrap_or(everywhere));
            }
        } else {
            for (device_id, content) in &one.devices {
                if db.device(user, device_id)?.is_some() {
                    add(device_id, content);
                }
            }
        }
        if messages.len() > MAX_RECIPIENTS || bytes > MAX_SENT_BYTES {
            let message =
                format!("a request can send to at most {MAX_RECIPIENTS} devices: send the rest in further requests");
            return Ok(Err(Error::refused(Code::TooLarge, message)));
        }
    }
    Ok(Ok(messages))
}

fn check_name(name: &str, what: &str) -> Result<()> {
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        return Err(Error::refused(Code::InvalidParam, format!("{what} must have 1 to {MAX_NAME_BYTES} bytes")));
    }
    Ok(())
}
