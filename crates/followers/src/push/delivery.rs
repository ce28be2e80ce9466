//! The follower ([`crate::follower`]) on behalf of all pushers, which tells their gateways.
//!
//! Each event that is committed is judged for those members of its room who have pushers, by their push rules
//! ([`judge`](super::evaluation)): in order for each user, and no user waits for another. What notifies waits in memory for
//! its gateway; each gateway's key is told one thing at a time, in order. After a crash the last of it is delivered again:
//! gateways recognise an event that they were told before by its identifier.

use std::{
    collections::{HashSet, VecDeque},
    ops::ControlFlow,
    sync::Arc,
};

use im2_chat::{
    rooms::{RoomEvent, Rooms},
    unread::Unread,
};
use im2_core::{
    Result,
    outbound::{Outbound, Reach},
    panics::catch_panic,
    stream::Change,
};
use im2_fair::{Caller, caller};
use im2_model::{Position, StreamToken, UserId, UserNid};
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

use super::{
    LIFETIME, Pushers,
    gateways::{Contact, Gateway, Gateways},
    notifier::{Notifier, Outcome},
    registry::{News, Ready, Registry},
};
use crate::follower::{self, Follow, HeldLease, RETRIES, Start};

/// Users whose news are judged at the same time. One after the other would do, but that users may have the server busy
/// with work that judging theirs has to wait for.
const JUDGES: usize = 32;
/// Events looked at after a start or a long break, the newest, and how many are read at a time.
const MOST_MISSED: usize = 50_000;
const CHUNK: usize = 256;
/// The follower's name.
const NAME: &str = "push";

/// Tasks beside the follower.
type Running = follower::Running<Ended>;

/// Tells gateways. Made once, run until the shutdown.
#[derive(Debug)]
pub struct Delivery {
    notifier: Arc<Notifier>,
    lease: HeldLease,
    /// How far events have been read.
    reached: StreamToken,
    /// How far that is stored.
    stored: StreamToken,
    /// Users whose news are to be judged, until there is a place for them.
    to_judge: VecDeque<UserNid>,
    /// How many are being judged.
    judging: usize,
    /// Pushers that have something to be told.
    gateways: Arc<Mutex<Gateways>>,
    /// Notified when one was queued from outside.
    queued: Arc<Notify>,
    grown: watch::Receiver<()>,
}

/// How a task ended.
pub(crate) enum Ended {
    Judged(UserNid, Vec<Ready>),
    Notified(UserNid, i64, Gateway, Outcome),
    /// The time between two attempts is over.
    Waited(UserNid, i64),
}

impl Pushers {
    /// The follower that notifies the gateways.
    pub fn delivery(&self, rooms: Rooms, unread: Unread) -> Delivery {
        let reach = if self.options.allow_private_addresses { Reach::Anywhere } else { Reach::Public(Vec::new()) };
        let outbound = Outbound::new(reach, None, concat!("IM2/", env!("CARGO_PKG_VERSION")));
        let (core, registry) = (self.core.clone(), Arc::clone(&self.registry));
        let reached = core.stream.reached();
        Delivery {
            lease: HeldLease::new(core.clone(), NAME),
            grown: core.stream.grown(),
            notifier: Arc::new(Notifier { core, rooms, unread, registry, outbound, sender: Arc::clone(&self.sender) }),
            stored: reached.clone(),
            reached,
            to_judge: VecDeque::new(),
            judging: 0,
            gateways: Arc::clone(&self.gateways),
            queued: Arc::clone(&self.queued),
        }
    }
}

impl Follow for Delivery {
    type Ended = Ended;

    async fn take_up(&mut self) -> Result<()> {
        let store = &self.notifier.core.store;
        let (place, ()) = self.lease.place(|_| Ok(())).await?;
        let cursor = place.map_or_else(|| self.reached.clone(), StreamToken::from);
        let told = Arc::new(cursor.stream().clone());
        let (mut from, mut after) = (Position::LAST, 0);
        loop {
            let page = store.read(move |db| db.pushers_after(after, CHUNK)).await?;
            let Some(last) = page.last() else { break };
            after = last.nid;
            for pusher in &page {
                let start = match pusher.behind {
                    None => Start::Told(Arc::clone(&told)),
                    // It was told of what lies up to there of all that was followed …
                    Some(behind) if behind < told.highest() => Start::Told(Arc::new(told.up_to(behind))),
                    // … or it was added after all that.
                    Some(behind) => Start::Added(behind),
                };
                self.notifier.registry.restore(pusher, start);
                from = from.min(pusher.behind.unwrap_or(Position::LAST));
            }
        }
        if !self.notifier.registry.is_empty() {
            self.reached = cursor.moved_to(told.up_to(from));
        }
        self.stored = cursor;
        Ok(())
    }

    async fn read_on(&mut self, _: &mut Running) -> Result<ControlFlow<()>> {
        let notifier = Arc::clone(&self.notifier);
        let (core, registry) = (&notifier.core, &notifier.registry);
        // In this order: a pusher that is added in between is told of what comes after it.
        let reached = core.stream.reached();
        if registry.is_empty() {
            self.reached = reached;
            return Ok(ControlFlow::Break(()));
        }
        let Some((news, until)) = core.stream.since(&self.reached, |_, change| news(registry, change)) else {
            return self.read_in_database().await;
        };
        if until == self.reached {
            return Ok(ControlFlow::Break(()));
        }
        for news in news {
            match news {
                Change::Event(event) => self.note_event(&event).await?,
                Change::Receipt(receipt) => self.note(receipt.user, News::Read(receipt.room)),
                Change::AccountData(change) => self.note(change.user, News::Rules),
                _ => {}
            }
        }
        self.reached = until;
        Ok(ControlFlow::Continue(()))
    }

    fn start(&mut self, running: &mut Running) -> Option<Instant> {
        self.start_judging(running);
        self.start_ready(running)
    }

    fn ended(&mut self, ended: Ended, running: &mut Running) {
        let registry = &self.notifier.registry;
        let (user, nid) = match ended {
            Ended::Judged(user, ready) => {
                self.judging -= 1;
                if registry.stop_judging(user) {
                    self.to_judge.push_back(user);
                }
                return self.queue(user, ready);
            }
            Ended::Waited(user, nid) => {
                registry.retry(user, nid);
                (user, nid)
            }
            Ended::Notified(user, nid, gateway, outcome) => {
                self.gateways.lock().done(user, &gateway, outcome.contact());
                let asked = match outcome {
                    Outcome::Refused(pause) => pause,
                    Outcome::NotSent | Outcome::Unreachable => None,
                    Outcome::Delivered(badge) => return self.delivered(user, nid, Some(badge)),
                    Outcome::Nothing => return self.delivered(user, nid, None),
                    Outcome::Gone => return registry.remove(user, nid),
                };
                let Some(failures) = registry.failed(user, nid) else { return };
                return running.after_pause(RETRIES.pause(failures, asked), Ended::Waited(user, nid));
            }
        };
        self.queue(user, registry.unqueue(user, nid));
    }

    async fn woken(&mut self) {
        tokio::select! {
            // It does not end while the core lives.
            _ = self.grown.changed() => {}
            () = self.queued.notified() => {}
        }
    }

    async fn save(&mut self) -> Result<()> {
        if self.notifier.registry.is_empty() {
            return Ok(());
        }
        let cursor = self.reached.clone();
        let progress = self.notifier.registry.take_progress(&cursor);
        if progress.is_empty() && cursor == self.stored {
            return Ok(());
        }
        let behind = progress.clone();
        let saved = self.lease.save(cursor.stream().clone(), move |tx| tx.save_push_progress(&behind)).await;
        match saved {
            Ok(()) => self.stored = cursor,
            Err(_) => self.notifier.registry.put_back(&progress),
        }
        saved
    }

    fn let_go(&mut self) {
        self.notifier.registry.clear();
        *self.gateways.lock() = Gateways::new();
        self.to_judge.clear();
        self.judging = 0;
    }
}

impl Delivery {
    /// Runs until a shutdown begins.
    pub async fn run(self) {
        let (lease, shutdown) = (self.lease.clone(), self.notifier.core.shutdown.clone());
        follower::run(self, lease, shutdown).await;
    }

    /// Reads a chunk from the database, of what the stream no longer has in memory. The next is read when everything
    /// read so far has been judged, so that a long way to catch up does not push any of it out.
    async fn read_in_database(&mut self) -> Result<ControlFlow<()>> {
        if self.judging > 0 || !self.to_judge.is_empty() {
            return Ok(ControlFlow::Break(()));
        }
        let core = self.notifier.core.clone();
        let until = core.stream.reached();
        let mut from = self.reached.stream().clone();
        if let Some(oldest) = core.store.read(|db| db.position_before_newest(MOST_MISSED)).await? {
            from.join(&until.stream().up_to(oldest));
        }
        let still_news = core.now().saturating_sub(LIFETIME);
        let end = until.stream().clone();
        let found = core.store.read(move |db| db.events_between(&from, &end, CHUNK)).await?;
        for row in found.rows {
            let room = self.notifier.rooms.by_nid(row.room).await?;
            if let Some(event) = self.notifier.rooms.event(&room, &row.event_id).await?
                && event.pdu.origin_server_ts >= still_news
            {
                self.note_event(&event).await?;
            }
        }
        self.reached = self.reached.moved_to(found.reached);
        Ok(ControlFlow::Continue(()))
    }

    /// Notes that there is nothing more to be done about what a pusher was told.
    fn delivered(&mut self, user: UserNid, nid: i64, badge: Option<u64>) {
        self.notifier.registry.delivered(user, nid, badge);
        self.queue(user, self.notifier.registry.unqueue(user, nid));
    }

    /// Has an event judged for those of its room's members who have pushers.
    async fn note_event(&mut self, event: &Arc<RoomEvent>) -> Result<()> {
        let notifier = Arc::clone(&self.notifier);
        let room = match notifier.rooms.by_nid(event.room).await {
            Err(error) if error.code().is_some() => return Ok(()), // purged meanwhile
            room => room?,
        };
        let mut concerned: HashSet<UserNid> = {
            let joined = &room.view().joined;
            notifier.registry.among(joined.len(), joined.keys().copied(), |user| joined.contains_key(&user))
        };
        concerned.extend(self.member_of(event).await?.filter(|user| notifier.registry.has(*user)));
        for user in concerned {
            self.note(user, News::Event(event.position, event.room, event.id().clone()));
        }
        Ok(())
    }

    /// The user whom a membership event is about.
    async fn member_of(&self, event: &RoomEvent) -> Result<Option<UserNid>> {
        // Events that come from the database do not have their member's number.
        let user_id = event.pdu.membership.and_then(|_| event.state_key()?.parse::<UserId>().ok());
        match (event.member, user_id) {
            (None, Some(user_id)) => Ok(self.notifier.core.store.read(move |db| db.user_nid(&user_id)).await?),
            (member, _) => Ok(member),
        }
    }

    /// Has news of a user judged, after what is to be judged of theirs already.
    fn note(&mut self, user: UserNid, news: News) {
        if self.notifier.registry.note(user, news) {
            self.to_judge.push_back(user);
        }
    }

    /// Starts judging for those users for whom there is a place.
    fn start_judging(&mut self, running: &mut Running) {
        while self.judging < JUDGES
            && let Some(user) = self.to_judge.pop_front()
        {
            self.judging += 1;
            let notifier = Arc::clone(&self.notifier);
            running.spawn(caller::scope(Caller::User(user), async move {
                Ended::Judged(user, notifier.evaluate_some(user).await)
            }));
        }
    }

    /// Queues pushers for their gateways.
    fn queue(&self, user: UserNid, ready: impl IntoIterator<Item = Ready>) {
        let mut gateways = self.gateways.lock();
        ready.into_iter().for_each(|(nid, gateway)| gateways.push(user, nid, gateway));
    }

    /// Starts telling those gateways for which there is a place; returns when one that was away is to be tried again.
    fn start_ready(&mut self, running: &mut Running) -> Option<Instant> {
        let gateways = Arc::clone(&self.gateways);
        let mut gateways = gateways.lock();
        gateways.try_again();
        while let Some((user, nid, gateway)) = gateways.take() {
            let Some(task) = self.notifier.registry.take(user, nid) else {
                gateways.done(user, &gateway, Contact::None);
                if let Some((nid, gateway)) = self.notifier.registry.unqueue(user, nid) {
                    gateways.push(user, nid, gateway);
                }
                continue;
            };
            let notifier = Arc::clone(&self.notifier);
            running.spawn(caller::scope(Caller::User(user), async move {
                let outcome = match catch_panic(notifier.notify(user, nid, task)).await {
                    Ok(Ok(outcome)) => outcome,
                    Ok(Err(error)) => {
                        tracing::error!(%error, "a notification could not be made; it will be tried again");
                        Outcome::NotSent
                    }
                    Err(_) => Outcome::Nothing, // would panic again; the hook has logged it
                };
                Ended::Notified(user, nid, gateway, outcome)
            }));
        }
        gateways.next_attempt()
    }
}

/// The change, if it may matter to somebody's pushers: there are kinds that notify nobody.
fn news(registry: &Registry, change: &Change) -> Option<Change> {
    let matters = match change {
        Change::Event(_) => true,
        Change::Receipt(receipt) => registry.has(receipt.user),
        Change::AccountData(change) => {
            matches!(&*change.kind, "m.push_rules" | "m.ignored_user_list") && registry.has(change.user)
        }
        _ => false,
    };
    matters.then(|| change.clone())
}
