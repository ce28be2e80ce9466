//! Tells one application service what happens, transaction by transaction (spec: "Pushing events").
//!
//! A transaction is written to the database before it is sent, together with how far in the stream it goes, and stays
//! there until the service has acknowledged it: after a crash the same transaction goes out again under the same name,
//! and the next begins where it ends. So the service is told everything once, in order, however often either side is
//! restarted. Only what is not stored anywhere (who types, who is online) is lost with the process.

use std::{collections::HashSet, ops::ControlFlow, sync::Arc, time::Duration};

use bytes::Bytes;
use http::Method;
use im2_model::{DeviceId, Reached, UserNid};
use im2_store::{Transaction, appservices::Delivery};
use tokio::time::{Instant, sleep_until};

use super::{Appservices, call::Call, interest::Interest, services::Service};
use crate::{
    Core, Error, Result, contained::contained, presence::Presence, receipts::Receipts, rooms::Rooms,
    to_device::ToDevice, typing::Typing,
};

/// How long a service may take for one transaction.
const DEADLINE: Duration = Duration::from_secs(60);
/// The time between two attempts doubles from the first to the last of these.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(300);
/// How far the stream may go on without anything for the service before that is written down. After a crash so much is
/// looked through again.
const UNWRITTEN: u64 = 10_000;

/// What tells one service.
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
    /// What the database has of it.
    written: Delivery,
}

impl Sender {
    /// Takes up where the last transaction ended. A service that is new is told what happens from now on.
    pub(super) async fn open(appservices: &Appservices, service: Arc<Service>) -> Result<Self> {
        let Appservices { core, rooms, receipts, typing, presence, to_device, .. } = appservices.clone();
        let (known, reached) = (Arc::clone(&service), core.stream.reached().stream().clone());
        let fresh = Delivery { began_ts: core.now(), number: 0, body: None, reached };
        let open = move |tx: &mut Transaction<'_>| {
            let delivery = tx.service_delivery(&known.id)?.unwrap_or(fresh);
            tx.put_service_delivery(&known.id, &delivery)?;
            let interest = Interest::at(tx, &known, &delivery.reached)?;
            let inboxes = tx.filled_inboxes(|user_id| known.does_encryption && known.claims_user(user_id))?;
            Ok((delivery, interest, inboxes))
        };
        let (written, interest, inboxes) = core.store.write(open).await?;
        Ok(Self {
            ephemeral_reached: core.ephemeral.reached(),
            reached: written.reached.clone(),
            inboxes: inboxes.into_iter().collect(),
            core,
            service,
            rooms,
            receipts,
            typing,
            presence,
            to_device,
            interest,
            written,
        })
    }

    /// Runs until a shutdown begins.
    pub(super) async fn run(mut self) {
        let shutdown = self.core.shutdown.clone();
        let mut stream = self.core.stream.grown();
        let mut signals = self.core.ephemeral.grown();
        loop {
            let worked = tokio::select! {
                () = shutdown.begun() => return,
                worked = contained(self.work()) => worked,
            };
            // A panic over what happened in some room must not end the others' senders, nor the server.
            let worked = worked.unwrap_or_else(|_| Err(Error::Internal("a transaction could not be made".into())));
            let wait = match worked {
                Ok(ControlFlow::Continue(())) => continue,
                Ok(ControlFlow::Break(())) => None,
                Err(error) => {
                    tracing::error!(service = %self.service.id, %error, "an application service could not be told");
                    if let Err(error) = self.start_over().await {
                        tracing::error!(service = %self.service.id, %error, "nor what it knows be read");
                    }
                    Some(Instant::now() + LAST_RETRY.min(10 * FIRST_RETRY))
                }
            };
            tokio::select! {
                () = shutdown.begun() => return,
                () = sleep_until(wait.unwrap_or_else(Instant::now)), if wait.is_some() => {}
                // Neither ends while the core lives.
                _ = stream.changed(), if wait.is_none() => {}
                _ = signals.changed(), if wait.is_none() => {}
            }
        }
    }

    /// Delivers what is written down, or writes down what there is to deliver. Breaks off when there is nothing.
    async fn work(&mut self) -> Result<ControlFlow<()>> {
        let delivered = self.deliver().await;
        let batch = self.batch().await?;
        let (has_more, is_empty) = (batch.has_more, batch.is_empty());
        let (reached, signals) = (batch.reached.clone(), batch.ephemeral_reached);
        let handed_over = batch.handed_over.clone();
        let mut next = Delivery { reached: reached.clone(), ..self.written.clone() };
        if !is_empty {
            next.number += 1;
            next.body = Some(batch.body(self));
        }
        // That the last transaction was acknowledged is written with the next, if there is one.
        if !is_empty || delivered || is_far(&self.written.reached, &reached) {
            let (id, delivery, to_device) = (self.service.id.clone(), next.clone(), self.to_device.clone());
            let write = move |tx: &mut Transaction<'_>| {
                for (user, device_id, until) in handed_over {
                    to_device.hand_over(tx, user, device_id, until)?;
                }
                tx.put_service_delivery(&id, &delivery)
            };
            self.core.store.write(write).await?;
            self.written = next;
        }
        (self.reached, self.ephemeral_reached) = (reached, signals);
        Ok(if is_empty && !has_more { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    /// Sends the transaction that is written down, if there is one, until the service has acknowledged it. Returns
    /// whether there was one.
    async fn deliver(&mut self) -> bool {
        let Some(body) = self.written.body.clone().map(Bytes::from) else { return false };
        // Digits only, as other servers name theirs: there are services that expect a number.
        let name = format!("{}{:012}", self.written.began_ts, self.written.number);
        let mut call = Call::new(Method::PUT, &["transactions", &name], DEADLINE).or_legacy(&["transactions", &name]);
        call.body = body;
        let mut wait = FIRST_RETRY;
        loop {
            let failure = match self.core.services.call(&self.service, call.clone()).await {
                None => break,
                Some(Ok((status, _))) if status.is_success() => break,
                Some(Ok((status, _))) => format!("it answered {status}"),
                Some(Err(failure)) => failure.to_string(),
            };
            let seconds = wait.as_secs();
            tracing::warn!(service = %self.service.id, %name, %failure, seconds, "an application service was not told");
            self.service.wait_or_hear(Instant::now() + FIRST_RETRY, Instant::now() + wait).await;
            wait = (2 * wait).min(LAST_RETRY);
        }
        self.written.body = None;
        true
    }

    /// Forgets what was put together and not written down.
    async fn start_over(&mut self) -> Result<()> {
        let (service, reached) = (Arc::clone(&self.service), self.written.reached.clone());
        let read = move |db: &im2_store::Snapshot<'_>| {
            let inboxes = db.filled_inboxes(|user_id| service.does_encryption && service.claims_user(user_id))?;
            Ok((Interest::at(db, &service, &reached)?, inboxes))
        };
        let (interest, inboxes) = self.core.store.read(read).await?;
        self.reached = self.written.reached.clone();
        self.interest = interest;
        self.inboxes.extend(inboxes);
        Ok(())
    }
}

fn is_far(written: &Reached, reached: &Reached) -> bool {
    let is_behind =
        |position: &im2_model::Position| position.sequence() > written.of(position.writer()).sequence() + UNWRITTEN;
    reached.positions().iter().any(is_behind)
}
