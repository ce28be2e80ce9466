//! The inboxes of devices: to-device messages that wait until they are acknowledged.

use std::sync::Arc;

use im2_model::{DeviceId, Millis, Position, Reached, UserId, UserNid};

use crate::{AnyCommand, Command, Request, Result, Snapshot, Transaction, accounts::parsed_user};

/// A message that waits for a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToDeviceMessage {
    /// When it was sent; also what tells it from the others of its device.
    pub position: Position,
    /// The sender.
    pub sender: UserId,
    /// The event type.
    pub kind: String,
    /// The content, a JSON object.
    pub content: String,
}

/// A message to be put into inboxes.
#[derive(Debug, Clone, Copy)]
pub struct NewToDeviceMessage<'a> {
    /// Its place in the stream: one that the device has no message at yet.
    pub position: Position,
    /// The sender.
    pub sender: UserNid,
    /// The event type.
    pub kind: &'a str,
    /// The content, a JSON object.
    pub content: &'a str,
}

/// The command that puts messages of one type into the inboxes of devices, at one place in the stream. Devices that are
/// gone are passed over.
#[derive(Debug, Clone)]
pub struct SendToDevice {
    /// Who sends them.
    pub sender: UserNid,
    /// The event type.
    pub kind: Arc<str>,
    /// By device, at most one each, the content, which is a JSON object.
    pub messages: Vec<(UserNid, DeviceId, Arc<str>)>,
    /// The client's request, if this completes it. One that was completed before sends nothing.
    pub completes: Option<ToDeviceTransaction>,
    /// What one inbox may hold.
    pub limits: InboxLimits,
}

/// A client's request to send to devices (spec: "Transaction identifiers").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToDeviceTransaction {
    /// The device that makes it, which is the sender's.
    pub device_id: DeviceId,
    /// The client's identifier.
    pub txn_id: Arc<str>,
    /// When it is made.
    pub now: Millis,
    /// Those from before this are forgotten.
    pub forget_before: Millis,
}

/// What was put into inboxes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SentToDevice {
    /// Where in the stream, if anything was.
    pub position: Position,
    /// The devices that have a message.
    pub devices: Vec<(UserNid, DeviceId)>,
    /// The devices whose inboxes could not hold it all, and how many old messages they have lost.
    pub dropped: Vec<(UserNid, DeviceId, usize)>,
}

impl Command for SendToDevice {
    type Outcome = SentToDevice;

    fn carry_out(&self, tx: &mut Transaction<'_>) -> Result<SentToDevice> {
        let Self { sender, kind, messages, completes, limits } = self;
        let mut sent = SentToDevice::default();
        if let Some(ToDeviceTransaction { device_id, txn_id, now, forget_before }) = completes
            && !tx.begin_to_device_transaction(*sender, device_id, kind, txn_id, *now, *forget_before)?
        {
            return Ok(sent);
        }
        for (user, device_id, content) in messages {
            if tx.device(*user, device_id)?.is_none() {
                continue;
            }
            if sent.devices.is_empty() {
                sent.position = tx.next_position();
            }
            let message = NewToDeviceMessage { position: sent.position, sender: *sender, kind, content };
            let dropped = tx.add_to_device(*user, device_id, message, *limits)?;
            if dropped > 0 {
                sent.dropped.push((*user, device_id.clone(), dropped));
            }
            sent.devices.push((*user, device_id.clone()));
        }
        Ok(sent)
    }

    fn requested<C>(request: Box<Request<Self, C>>) -> AnyCommand<C> {
        AnyCommand::SendToDevice(request)
    }
}

/// Limits of one inbox.
#[derive(Debug, Clone, Copy)]
pub struct InboxLimits {
    /// Messages.
    pub messages: i64,
    /// Bytes of their contents together.
    pub bytes: i64,
}

/// Old transactions that are removed as each new one is added: more than come in, so that they never pile up.
const FORGOTTEN_AT_ONCE: i64 = 4;

impl Snapshot<'_> {
    /// Whether any message waits for a device.
    pub fn has_to_device(&self, user: UserNid, device_id: &DeviceId) -> Result<bool> {
        let sql = "SELECT 1 FROM to_device WHERE user_nid = ?1 AND device_id = ?2 LIMIT 1";
        self.row(sql, (user.0, device_id.as_str()), |_| Ok(())).map(|found| found.is_some())
    }

    /// Whether a device's request has been carried out.
    pub fn is_to_device_transaction(
        &self,
        user: UserNid,
        device_id: &DeviceId,
        kind: &str,
        txn_id: &str,
    ) -> Result<bool> {
        let sql = "SELECT 1 FROM to_device_transactions
                   WHERE user_nid = ?1 AND device_id = ?2 AND kind = ?3 AND txn_id = ?4";
        self.row(sql, (user.0, device_id.as_str(), kind, txn_id), |_| Ok(())).map(|found| found.is_some())
    }

    /// The first `limit` messages for a device after `after` and not after `until`.
    pub fn to_device(
        &self,
        user: UserNid,
        device_id: &DeviceId,
        after: &Reached,
        until: &Reached,
        limit: usize,
    ) -> Result<Vec<ToDeviceMessage>> {
        let sql = "SELECT t.position, u.user_id, t.kind, t.content
                   FROM to_device t JOIN users u ON u.nid = t.sender_nid
                   WHERE t.user_nid = ?1 AND t.device_id = ?2 AND t.position > ?3 AND t.position <= ?4
                   ORDER BY t.position";
        let range = self.range(after, until)?;
        let params = (user.0, device_id.as_str(), range.low, range.high);
        self.rows_in_range(sql, params, (&range, 0), limit, |row| {
            Ok(ToDeviceMessage {
                position: Position::from_i64(row.get(0)?),
                sender: parsed_user(row, 1)?,
                kind: row.get(2)?,
                content: row.get(3)?,
            })
        })
    }

    /// The number and the running total of an inbox's newest message.
    fn last_to_device(&self, user: UserNid, device_id: &DeviceId) -> Result<Option<(i64, i64)>> {
        let sql = "SELECT number, total_bytes FROM to_device WHERE user_nid = ?1 AND device_id = ?2
                   ORDER BY position DESC LIMIT 1";
        self.row(sql, (user.0, device_id.as_str()), |row| Ok((row.get(0)?, row.get(1)?)))
    }
}

impl Transaction<'_> {
    /// Puts a message into the inbox of a device, which exists. What the inbox cannot hold is dropped at its old end;
    /// returns how many messages those were.
    pub fn add_to_device(
        &self,
        user: UserNid,
        device_id: &DeviceId,
        message: NewToDeviceMessage<'_>,
        limits: InboxLimits,
    ) -> Result<usize> {
        let (last, before) = self.last_to_device(user, device_id)?.unwrap_or((0, 0));
        let (number, total) = (last + 1, before + message.content.len() as i64);
        let insert = "INSERT INTO to_device
                      (user_nid, device_id, position, number, total_bytes, sender_nid, kind, content)
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let NewToDeviceMessage { position, sender, kind, content } = message;
        let row = (user.0, device_id.as_str(), position.to_i64(), number, total, sender.0, kind, content);
        self.execute(insert, row)?;
        self.trim_inbox(user, device_id, number - limits.messages, total - limits.bytes)
    }

    /// Drops messages at the old end while they are numbered up to `number` or lie within the first `bytes` bytes that
    /// the inbox ever held.
    fn trim_inbox(&self, user: UserNid, device_id: &DeviceId, number: i64, bytes: i64) -> Result<usize> {
        let oldest = "SELECT nid, number, total_bytes FROM to_device WHERE user_nid = ?1 AND device_id = ?2
                      ORDER BY position LIMIT 1";
        let mut dropped = 0;
        loop {
            let first = self.row(oldest, (user.0, device_id.as_str()), |row| {
                Ok((row.get::<i64>(0)?, row.get::<i64>(1)?, row.get::<i64>(2)?))
            })?;
            match first {
                Some((nid, first, total)) if first <= number || total <= bytes => {
                    self.execute("DELETE FROM to_device WHERE nid = ?1", [nid])?;
                    dropped += 1;
                }
                _ => return Ok(dropped),
            }
        }
    }

    /// Removes the messages for a device that `until` includes. Returns how many there were.
    pub fn remove_to_device(&self, user: UserNid, device_id: &DeviceId, until: &Reached) -> Result<usize> {
        let whole = self.whole_until(until)?;
        let sql = "DELETE FROM to_device WHERE user_nid = ?1 AND device_id = ?2 AND position <= ?3";
        let mut removed = self.execute(sql, (user.0, device_id.as_str(), whole.to_i64()))?;
        // Between what all writers have got to and what some have, one by one.
        let range = self.range(&Reached::everything_until(whole), until)?;
        let sql = "SELECT nid, position FROM to_device
                   WHERE user_nid = ?1 AND device_id = ?2 AND position > ?3 AND position <= ?4";
        let params = (user.0, device_id.as_str(), range.low, range.high);
        let rest: Vec<i64> = self.rows_in_range(sql, params, (&range, 1), usize::MAX, |row| row.get(0))?;
        for nid in rest {
            removed += self.execute("DELETE FROM to_device WHERE nid = ?1", [nid])?;
        }
        Ok(removed)
    }

    /// Notes that a device's request is being carried out; returns whether it is the first time. Requests from before
    /// `forget_before` are forgotten.
    pub fn begin_to_device_transaction(
        &self,
        user: UserNid,
        device_id: &DeviceId,
        kind: &str,
        txn_id: &str,
        now: Millis,
        forget_before: Millis,
    ) -> Result<bool> {
        let forget = "DELETE FROM to_device_transactions WHERE nid IN
                      (SELECT nid FROM to_device_transactions WHERE ts < ?1 ORDER BY ts LIMIT ?2)";
        self.execute(forget, (forget_before as i64, FORGOTTEN_AT_ONCE))?;
        let insert = "INSERT INTO to_device_transactions (user_nid, device_id, kind, txn_id, ts)
                      VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING";
        Ok(self.execute(insert, (user.0, device_id.as_str(), kind, txn_id, now as i64))? == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::{InboxLimits, NewToDeviceMessage};
    use crate::{Options, Store, accounts::NewAccount};
    use im2_model::{DeviceId, Reached, UserId};

    /// The contents that an inbox with these limits has after these were put into it.
    async fn kept(limits: InboxLimits, contents: &'static [&'static str]) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::<()>::open(&Options::new(directory.path())).unwrap();
        let kept = store.write(move |tx| {
            let user_id = UserId::parse("@ana:example.org").unwrap();
            let account = NewAccount { user_id, password_hash: None, is_admin: false, created_ts: 0 };
            let user = tx.create_account(&account)?.unwrap();
            let device = DeviceId::parse("D").unwrap();
            tx.ensure_device(user, &device, None, 0)?;
            let mut dropped = 0;
            for content in contents {
                let position = tx.next_position();
                let message = NewToDeviceMessage { position, sender: user, kind: "m.x", content };
                dropped += tx.add_to_device(user, &device, message, limits)?;
            }
            let (nothing, mut last) = (Reached::default(), Reached::default());
            last.advance(tx.next_position());
            let left = tx.to_device(user, &device, &nothing, &last, 100)?;
            assert_eq!(dropped + left.len(), contents.len());
            tx.remove_to_device(user, &device, &last.up_to(left[0].position))?;
            assert_eq!(tx.to_device(user, &device, &nothing, &last, 100)?, left[1..]);
            Ok(left.into_iter().map(|message| message.content).collect())
        });
        kept.await.unwrap()
    }

    #[tokio::test]
    async fn an_inbox_drops_its_oldest_beyond_its_limits() {
        let roomy = InboxLimits { messages: 10, bytes: 1_000 };
        assert_eq!(kept(roomy, &["1", "2", "3"]).await, ["1", "2", "3"]);
        assert_eq!(kept(InboxLimits { messages: 2, ..roomy }, &["1", "2", "3"]).await, ["2", "3"]);
        assert_eq!(kept(InboxLimits { bytes: 5, ..roomy }, &["111", "22", "333"]).await, ["22", "333"]);
        assert_eq!(kept(InboxLimits { bytes: 5, ..roomy }, &["1", "2", "more than five"]).await, ["more than five"]);
    }
}
