//! Commands: writes that happen with every message or request, as values.
//!
//! Most changes are functions: they read, decide and write as their use case needs it, one statement after the other
//! ([`Store::write`](crate::Store::write)). The few that make up nearly all of the load are values, which say what is to
//! be done before any of it is done. So the writer can take those that wait as a set. In SQLite, where a statement costs
//! microseconds, a set saves the savepoints; an engine on the other side of a network can carry out all commands of one
//! kind with few statements.
//!
//! A command is the same in a set as alone: if one fails, the writer undoes the set and carries out each by itself.

use tokio::sync::oneshot;

use crate::{
    Change, Error, Result, Transaction,
    account_data::SetAccountData,
    devices::NoteSeen,
    e2ee::ClaimKeys,
    presence::SavePresence,
    receipts::MarkRead,
    rooms::Append,
    to_device::SendToDevice,
    writer::{Queued, Requested},
};

/// A write as a value.
pub trait Command: Send + Sized + 'static {
    /// Its outcome, for whoever asked for it.
    type Outcome: Send + 'static;

    /// Carries it out. It may be carried out again after that was undone.
    fn carry_out(&self, tx: &mut Transaction<'_>) -> Result<Self::Outcome>;

    /// A request for it, among those for commands of all kinds.
    fn requested<C>(request: Box<Request<Self, C>>) -> AnyCommand<C>;
}

/// A request for a command, of any kind.
pub enum AnyCommand<C> {
    /// To append an event.
    Append(Box<Request<Append, C>>),
    /// To mark a room as read.
    MarkRead(Box<Request<MarkRead, C>>),
    /// To put messages into the inboxes of devices.
    SendToDevice(Box<Request<SendToDevice, C>>),
    /// To set account data.
    SetAccountData(Box<Request<SetAccountData, C>>),
    /// To hand out keys.
    ClaimKeys(Box<Request<ClaimKeys, C>>),
    /// To note when devices were last heard of.
    NoteSeen(Box<Request<NoteSeen, C>>),
    /// To keep users' presence.
    SavePresence(Box<Request<SavePresence, C>>),
}

impl<C: 'static> AnyCommand<C> {
    /// The request for a writer that carries out one command after the other.
    pub(crate) fn into_requested(self) -> Box<dyn Requested<C>> {
        match self {
            Self::Append(request) => request,
            Self::MarkRead(request) => request,
            Self::SendToDevice(request) => request,
            Self::SetAccountData(request) => request,
            Self::ClaimKeys(request) => request,
            Self::NoteSeen(request) => request,
            Self::SavePresence(request) => request,
        }
    }
}

impl<C> std::fmt::Debug for AnyCommand<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AnyCommand")
    }
}

/// What is published of a command that was carried out.
type Tell<W, C> = Box<dyn Fn(&W, &<W as Command>::Outcome) -> Result<Vec<C>> + Send>;

/// A request for one command.
pub struct Request<W: Command, C> {
    command: W,
    tell: Tell<W, C>,
    outcome: Option<W::Outcome>,
    sender: oneshot::Sender<Result<W::Outcome>>,
}

impl<W: Command, C> Request<W, C> {
    /// A request for the queue, and what waits for its outcome.
    pub(crate) fn prepare(
        command: W,
        tell: impl Fn(&W, &W::Outcome) -> Result<Vec<C>> + Send + 'static,
    ) -> (AnyCommand<C>, Queued<W::Outcome>) {
        let (sender, queued) = Queued::new();
        let request = Box::new(Self { command, tell: Box::new(tell), outcome: None, sender });
        (W::requested(request), queued)
    }
}

impl<W: Command, C> Requested<C> for Request<W, C> {
    fn make(&mut self, change: &mut Change<'_, C>) -> Result<()> {
        let outcome = self.command.carry_out(change)?;
        for told in (self.tell)(&self.command, &outcome)? {
            change.publish(told);
        }
        self.outcome = Some(outcome);
        Ok(())
    }

    fn answer(self: Box<Self>, done: Result<()>) {
        let Self { command, tell, outcome, sender } = *self;
        drop((command, tell)); // what they hold is free before the caller goes on
        drop(sender.send(done.and_then(|()| outcome.ok_or(Error::Closed)))); // a caller that went away needs no answer
    }
}

impl<W: Command, C> std::fmt::Debug for Request<W, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Request")
    }
}
