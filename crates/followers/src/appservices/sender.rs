//! The follower ([`crate::follower`]) that tells one application service what happens, transaction by transaction (spec:
//! "Pushing events").
//!
//! A transaction is written to the database before it is sent, together with how far in the stream it goes, and stays
//! there until the service has acknowledged it: after a crash the same transaction goes out again under the same name,
//! and the next begins where it ends. So the service is told everything once, in order, however often either side is
//! restarted. Only what is not stored anywhere (who types, who is online) is lost with the process.

use std::{collections::HashSet, ops::ControlFlow, sync::Arc, time::Duration};

use bytes::Bytes;
use http::Method;
use im2_chat::{presence::Presence, receipts::Receipts, rooms::Rooms, to_device::ToDevice, typing::Typing};
use im2_core::{
    Core, Error, Result, Transaction,
    panics::catch_panic,
    services::{Call, Service},
};
use im2_model::{DeviceId, Reached, UserNid};
use im2_store::{Snapshot, appservices::Delivery};
use tokio::{sync::watch, time::Instant};

use super::{Appservices, interest::Interest};
use crate::follower::{self, Due, Follow, HeldLease, Outbox, RETRIES, Running, retry_after};

/// Prefix of these followers' names; the service's ID comes after it.
pub(super) const NAMES: &str = "appservice/";
/// How long a service may take for one transaction.
const DEADLINE: Duration = Duration::from_secs(60);
/// How far the stream may go on without anything for the service before that is written down. After a crash so much is
/// looked through again.
const UNWRITTEN: u64 = 10_000;

/// Tells one service.
pub(super) struct Sender {
    pub(super) core: Core,
    pub(super) service: Arc<Service>,
    pub(super) rooms: Rooms,
    pub(super) receipts: Receipts,
    pub(super) typing: Typing,
    pub(super) presence: Presence,
    pub(super) to_device: ToDevice,
    pub(super) interest: Interest,
    /// How far the service has been told, or is being told.
    pub(super) reached: Reached,
    /// The same among the memory-only signals.
    pub(super) ephemeral_reached: u64,
    /// The devices whose inboxes have something for the service.
    pub(super) inboxes: HashSet<(UserNid, DeviceId)>,
    lease: HeldLease,
    /// The last transaction, as it is written down.
    written: Delivery,
    /// The place in the stream up to which it goes.
    written_until: Reached,
    /// Whether it was acknowledged, which is not written down yet.
    is_acknowledged: bool,
    /// The last transaction, until it is acknowledged.
    outbox: Outbox<(String, Bytes)>,
    /// Whether nothing went wrong in between since the database was looked at.
    is_certain: bool,
    stream_grown: watch::Receiver<()>,
    signals_grown: watch::Receiver<()>,
}

/// How a task ended.
pub(crate) enum Ended {
    Acknowledged,
    /// The error, and how long the service wants to be left alone.
    Failed(String, Option<Duration>),
    /// The time between two attempts is over.
    Waited,
}

impl Sender {
    pub(super) fn new(appservices: &Appservices, service: Arc<Service>) -> Self {
        let Appservices { core, rooms, receipts, typing, presence, to_device, .. } = appservices.clone();
        Self {
            lease: HeldLease::new(core.clone(), &format!("{NAMES}{}", service.id)),
            ephemeral_reached: core.ephemeral.reached(),
            stream_grown: core.stream.grown(),
            signals_grown: core.ephemeral.grown(),
            core,
            service,
            rooms,
            receipts,
            typing,
            presence,
            to_device,
            interest: Interest::default(),
            reached: Reached::default(),
            inboxes: HashSet::new(),
            written: Delivery::default(),
            written_until: Reached::default(),
            is_acknowledged: false,
            outbox: Outbox::default(),
            is_certain: false,
        }
    }

    /// Runs until a shutdown begins.
    pub(super) async fn run(self) {
        let (lease, shutdown) = (self.lease.clone(), self.core.shutdown.clone());
        follower::run(self, lease, shutdown).await;
    }

    /// Looks up what has to be known to make the next transaction.
    async fn look_up(&mut self) -> Result<()> {
        let (service, reached) = (Arc::clone(&self.service), self.written_until.clone());
        let read = move |db: &Snapshot<'_>| {
            let inboxes = db.filled_inboxes(|user_id| service.does_encryption && service.claims_user(user_id))?;
            Ok((Interest::at(db, &service, &reached)?, inboxes))
        };
        let (interest, inboxes) = self.core.store.read(read).await?;
        self.reached = self.written_until.clone();
        self.interest = interest;
        self.inboxes.extend(inboxes);
        self.is_certain = true;
        Ok(())
    }

    /// Writes down what there is to deliver. Breaks off when there is nothing.
    async fn write_next(&mut self) -> Result<ControlFlow<()>> {
        let batch = self.batch().await?;
        let (has_more, is_empty) = (batch.has_more, batch.is_empty());
        let (reached, signals) = (batch.reached.clone(), batch.ephemeral_reached);
        let handed_over = batch.handed_over.clone();
        let mut next = self.written.clone();
        if !is_empty {
            next.number += 1;
            next.body = Some(batch.body(self));
        }
        // That the last transaction was acknowledged is written with the next, if there is one.
        if !is_empty || self.is_acknowledged || is_far(&self.written_until, &reached) {
            let (id, delivery, to_device) = (self.service.id.clone(), next.clone(), self.to_device.clone());
            let write = move |tx: &mut Transaction<'_>| {
                for (user, device_id, until) in &handed_over {
                    to_device.hand_over(tx, *user, device_id.clone(), until)?;
                }
                tx.put_service_delivery(&id, &delivery)
            };
            self.lease.save(reached.clone(), write).await?;
            (self.written, self.written_until, self.is_acknowledged) = (next, reached.clone(), false);
        }
        (self.reached, self.ephemeral_reached) = (reached, signals);
        self.send_written();
        Ok(if is_empty && !has_more { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    /// Has the transaction that is written down sent, if there is one.
    fn send_written(&mut self) {
        let Some(body) = self.written.body.clone().filter(|_| self.outbox.is_idle()) else { return };
        // Digits only, as other servers name theirs: there are services that expect a number.
        let name = format!("{}{:012}", self.written.began_ts, self.written.number);
        self.outbox.push((name, body.into()), 1);
    }
}

impl Follow for Sender {
    type Ended = Ended;

    async fn take_up(&mut self) -> Result<()> {
        let id = self.service.id.clone();
        let (place, written) = self.lease.place(move |db| db.service_delivery(&id)).await?;
        let missing = || Error::Internal("what an application service was told is not known".into());
        (self.written_until, self.written) = place.zip(written).ok_or_else(missing)?;
        self.send_written();
        self.look_up().await
    }

    async fn read_on(&mut self, _: &mut Running<Ended>) -> Result<ControlFlow<()>> {
        if !self.outbox.is_idle() {
            return Ok(ControlFlow::Break(()));
        }
        // What was put together and not written down is forgotten after an error.
        if !std::mem::replace(&mut self.is_certain, false) {
            self.look_up().await?;
        }
        let more = self.write_next().await?;
        self.is_certain = true;
        Ok(more)
    }

    fn start(&mut self, running: &mut Running<Ended>) -> Option<Instant> {
        if let Some(Due::Item((name, body))) = self.outbox.take() {
            let (core, service) = (self.core.clone(), Arc::clone(&self.service));
            running.spawn(async move {
                let told = catch_panic(tell(&core, &service, name, body)).await;
                told.unwrap_or_else(|_| Ended::Failed("sending it has panicked".into(), None))
            });
        }
        None
    }

    fn ended(&mut self, ended: Ended, running: &mut Running<Ended>) {
        match ended {
            Ended::Acknowledged => {
                self.outbox.confirmed();
                self.written.body = None;
                self.is_acknowledged = true;
            }
            Ended::Failed(failure, asked) => {
                let pause = RETRIES.pause(self.outbox.failed(), asked);
                let (number, seconds) = (self.written.number, pause.as_secs());
                tracing::warn!(service = %self.service.id, number, %failure, seconds, "an application service was not told");
                let (service, now) = (Arc::clone(&self.service), Instant::now());
                let earliest = now + RETRIES.pause(1, asked);
                running.after(async move { service.wait_or_hear(earliest, now + pause).await }, Ended::Waited);
            }
            Ended::Waited => self.outbox.try_again(1),
        }
    }

    async fn woken(&mut self) {
        // Neither ends while the core lives.
        tokio::select! {
            _ = self.stream_grown.changed() => {}
            _ = self.signals_grown.changed() => {}
        }
    }

    async fn save(&mut self) -> Result<()> {
        if self.is_acknowledged {
            let (id, delivery) = (self.service.id.clone(), self.written.clone());
            let write = move |tx: &mut Transaction<'_>| tx.put_service_delivery(&id, &delivery);
            self.lease.save(self.written_until.clone(), write).await?;
            self.is_acknowledged = false;
        }
        Ok(())
    }

    fn let_go(&mut self) {
        self.outbox = Outbox::default();
        self.inboxes.clear();
        (self.is_acknowledged, self.is_certain) = (false, false);
    }
}

/// Sends a transaction.
async fn tell(core: &Core, service: &Service, name: String, body: Bytes) -> Ended {
    let mut call = Call::new(Method::PUT, &["transactions", &name], DEADLINE).or_legacy(&["transactions", &name]);
    call.body = body;
    match core.services.call(service, call).await {
        None => Ended::Acknowledged,
        Some(Ok(answer)) if answer.status().is_success() => Ended::Acknowledged,
        Some(Ok(answer)) => Ended::Failed(format!("it answered {}", answer.status()), retry_after(answer.headers())),
        Some(Err(failure)) => Ended::Failed(failure.to_string(), None),
    }
}

fn is_far(written: &Reached, reached: &Reached) -> bool {
    reached.highest().sequence() > written.highest().sequence() + UNWRITTEN
}
