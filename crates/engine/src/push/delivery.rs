//! Following the stream on behalf of all pushers, and telling their gateways.
//!
//! Each event that is committed is judged for those members of its room who have pushers, by their push rules
//! ([`judge`](super::judge)): in order for each user, and no user waits for another. What notifies waits in memory for
//! its gateway; each gateway's key is told one thing at a time, in order. How far all
//! of it has got is stored every few seconds, so that after a crash the last of it is delivered again and nothing is
//! lost: gateways recognise an event that they were told before by its identifier.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use im2_fair::{Caller, caller};
use im2_model::{Position, StreamToken, UserId, UserNid};
use parking_lot::Mutex;
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout},
};

use super::{
    LIFETIME, Pushers,
    gateways::{Contact, Gateway, Gateways},
    registry::{News, Ready, Registry},
    teller::{Teller, Told},
};
use crate::{
    Result,
    contained::contained,
    outbound::{Outbound, Reach},
    rooms::{RoomEvent, Rooms},
    stream::Change,
    unread::Unread,
};

/// Users whose news are judged at the same time. One after the other would do, but that users may have the server busy
/// with work that judging theirs has to wait for.
const JUDGES: usize = 32;
/// The time between attempts for one pusher doubles from the first to the last.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(300);
/// How often progress is stored: so much is delivered twice after a crash.
const STORE_EVERY: Duration = Duration::from_secs(2);
/// Events looked at after a start or a long break, the newest, and how many are read at a time.
const MOST_MISSED: u64 = 50_000;
const CHUNK: usize = 256;
/// How long a shutdown waits for gateways that are being told. What they have not confirmed is told again.
const GRACE: Duration = Duration::from_secs(2);

/// Tells gateways. Made once, run until the shutdown.
#[derive(Debug)]
pub struct Delivery {
    teller: Arc<Teller>,
    /// How far events have been judged.
    reached: StreamToken,
    /// How far that is stored.
    stored: StreamToken,
    /// Users whose news are to be judged, until there is a place for them.
    to_judge: VecDeque<UserNid>,
    /// How many are being judged.
    judging: usize,
    /// Pushers that have something to be told.
    gateways: Arc<Mutex<Gateways>>,
    running: JoinSet<Ended>,
}

/// How a task ended.
enum Ended {
    Judged(UserNid, Vec<Ready>),
    Told(UserNid, i64, Gateway, Told),
    /// The time between two attempts is over.
    Waited(UserNid, i64),
}

impl Pushers {
    /// What tells the gateways.
    pub(crate) fn delivery(&self, rooms: Rooms, unread: Unread) -> Delivery {
        let reach = if self.options.allow_private_addresses { Reach::Anywhere } else { Reach::Public(Vec::new()) };
        let outbound = Outbound::new(reach, None, concat!("IM2/", env!("CARGO_PKG_VERSION")));
        let (core, registry) = (self.core.clone(), Arc::clone(&self.registry));
        let reached = core.stream.reached();
        Delivery {
            teller: Arc::new(Teller { core, rooms, unread, registry, outbound }),
            stored: reached.clone(),
            reached,
            to_judge: VecDeque::new(),
            judging: 0,
            gateways: Arc::clone(&self.gateways),
            running: JoinSet::new(),
        }
    }
}

impl Delivery {
    /// Runs until a shutdown begins.
    pub async fn run(mut self) {
        let core = self.teller.core.clone();
        let mut grown = core.stream.grown();
        let mut ticks = interval(STORE_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while let Err(error) = self.restore().await {
            tracing::error!(%error, "pushers could not be read; it will be tried again");
            tokio::select! {
                () = core.shutdown.begun() => return,
                () = sleep(FIRST_RETRY) => {}
            }
        }
        loop {
            if let Err(error) = self.follow().await {
                tracing::error!(%error, "events could not be judged for notifications; it will be tried again");
            }
            self.start_judging();
            let next_attempt = self.start_ready();
            tokio::select! {
                () = core.shutdown.begun() => break,
                () = sleep_until(next_attempt.unwrap_or_else(Instant::now)), if next_attempt.is_some() => {}
                _ = grown.changed() => {}
                Some(ended) = self.running.join_next() => self.ended(ended),
                _ = ticks.tick() => self.store().await,
            }
        }
        let finish = async {
            while let Some(ended) = self.running.join_next().await {
                self.ended(ended);
            }
        };
        if timeout(GRACE, finish).await.is_err() {
            tracing::info!("push gateways that have not answered are told again after the next start");
        }
        self.store().await;
    }

    /// Reads the pushers and where each of them is.
    async fn restore(&mut self) -> Result<()> {
        let store = &self.teller.core.store;
        let read = |db: &im2_store::Snapshot<'_>| db.push_cursor();
        let cursor = store.read(read).await?.unwrap_or_else(|| self.reached.clone());
        let mut from = cursor.clone();
        let mut after = 0;
        loop {
            let page = store.read(move |db| db.pushers_after(after, CHUNK)).await?;
            let Some(last) = page.last() else { break };
            after = last.nid;
            for pusher in &page {
                let own = pusher.behind.unwrap_or_default();
                let since = pusher.behind.unwrap_or_else(|| cursor.reached(self.writer()));
                self.teller.registry.restore(pusher, since);
                if pusher.behind.is_some() && from.includes(own.next()) {
                    from = StreamToken::at(own, 0);
                }
            }
        }
        if !self.teller.registry.is_empty() {
            self.reached = from;
        }
        self.stored = cursor;
        Ok(())
    }

    /// The one writer that there is.
    fn writer(&self) -> im2_model::WriterId {
        self.teller.core.store.opened_at().writer()
    }

    /// Judges what has been committed since the last time.
    async fn follow(&mut self) -> Result<()> {
        let teller = Arc::clone(&self.teller);
        let (core, registry) = (&teller.core, &teller.registry);
        loop {
            // In this order: a pusher that is added in between is told of what comes after it.
            let reached = core.stream.reached();
            if registry.is_empty() {
                self.reached = reached;
                return Ok(());
            }
            let Some((news, until)) = core.stream.since(&self.reached, |_, change| news(registry, change)) else {
                self.follow_in_database().await?;
                continue;
            };
            if until == self.reached {
                return Ok(());
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
        }
    }

    /// The same from the database, a chunk at a time, for what the stream no longer has in memory.
    async fn follow_in_database(&mut self) -> Result<()> {
        let core = self.teller.core.clone();
        let until = core.stream.reached().reached(self.writer());
        let oldest = Position::new(until.writer(), until.sequence().saturating_sub(MOST_MISSED));
        let mut at = self.reached.reached(self.writer()).max(oldest);
        let still_news = core.now().saturating_sub(LIFETIME);
        while at < until {
            let from = at;
            let rows = core.store.read(move |db| db.events_between(from, until, CHUNK)).await?;
            at = rows.last().filter(|_| rows.len() == CHUNK).map_or(until, |row| row.position);
            for row in rows {
                let room = self.teller.rooms.by_nid(row.room).await?;
                if let Some(event) = self.teller.rooms.event(&room, &row.event_id).await?
                    && event.pdu.origin_server_ts >= still_news
                {
                    self.note_event(&event).await?;
                }
            }
            self.judge_all().await;
            self.reached.advance(at);
        }
        Ok(())
    }

    /// Waits until everything noted so far has been judged, so that a long way to catch up does not push any of it out.
    async fn judge_all(&mut self) {
        let shutdown = self.teller.core.shutdown.clone();
        loop {
            self.start_judging();
            if self.judging == 0 {
                return;
            }
            tokio::select! {
                () = shutdown.begun() => return,
                Some(ended) = self.running.join_next() => self.ended(ended),
            }
        }
    }

    /// Has an event judged for those of its room's members who have pushers.
    async fn note_event(&mut self, event: &Arc<RoomEvent>) -> Result<()> {
        let teller = Arc::clone(&self.teller);
        let room = match teller.rooms.by_nid(event.room).await {
            Err(error) if error.code().is_some() => return Ok(()), // purged meanwhile
            room => room?,
        };
        let mut concerned: HashSet<UserNid> = {
            let joined = &room.view().joined;
            teller.registry.among(joined.len(), joined.keys().copied(), |user| joined.contains_key(&user))
        };
        concerned.extend(self.member_of(event).await?.filter(|user| teller.registry.has(*user)));
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
            (None, Some(user_id)) => Ok(self.teller.core.store.read(move |db| db.user_nid(&user_id)).await?),
            (member, _) => Ok(member),
        }
    }

    /// Has news of a user judged, after what is to be judged of theirs already.
    fn note(&mut self, user: UserNid, news: News) {
        if self.teller.registry.note(user, news) {
            self.to_judge.push_back(user);
        }
    }

    /// Starts judging for those users for whom there is a place.
    fn start_judging(&mut self) {
        while self.judging < JUDGES
            && let Some(user) = self.to_judge.pop_front()
        {
            self.judging += 1;
            let teller = Arc::clone(&self.teller);
            self.running.spawn(caller::scope(Caller::User(user), async move {
                Ended::Judged(user, teller.judge_some(user).await)
            }));
        }
    }

    /// Queues pushers for their gateways.
    fn queue(&self, user: UserNid, ready: impl IntoIterator<Item = Ready>) {
        let mut gateways = self.gateways.lock();
        ready.into_iter().for_each(|(nid, gateway)| gateways.push(user, nid, gateway));
    }

    /// Starts telling those gateways for which there is a place; returns when one that was away is to be tried again.
    fn start_ready(&mut self) -> Option<Instant> {
        let gateways = Arc::clone(&self.gateways);
        let mut gateways = gateways.lock();
        gateways.try_again();
        while let Some((user, nid, gateway)) = gateways.take() {
            let Some(task) = self.teller.registry.take(user, nid) else {
                gateways.done(user, &gateway, Contact::None);
                if let Some((nid, gateway)) = self.teller.registry.unqueue(user, nid) {
                    gateways.push(user, nid, gateway);
                }
                continue;
            };
            let teller = Arc::clone(&self.teller);
            self.running.spawn(caller::scope(Caller::User(user), async move {
                let told = match contained(teller.tell(user, nid, task)).await {
                    Ok(Ok(told)) => told,
                    Ok(Err(error)) => {
                        tracing::error!(%error, "a notification could not be made; it will be tried again");
                        Told::NotSent
                    }
                    Err(_) => Told::Nothing, // would panic again; the hook has logged it
                };
                Ended::Told(user, nid, gateway, told)
            }));
        }
        gateways.next_attempt()
    }

    fn ended(&mut self, ended: std::result::Result<Ended, tokio::task::JoinError>) {
        let registry = &self.teller.registry;
        let (user, nid) = match ended {
            Ok(Ended::Judged(user, ready)) => {
                self.judging -= 1;
                if registry.stop_judging(user) {
                    self.to_judge.push_back(user);
                }
                return self.queue(user, ready);
            }
            Ok(Ended::Waited(user, nid)) => {
                registry.retry(user, nid);
                (user, nid)
            }
            Ok(Ended::Told(user, nid, gateway, told)) => {
                self.gateways.lock().done(user, &gateway, told.contact());
                match told {
                    Told::Yes(badge) => registry.delivered(user, nid, Some(badge)),
                    Told::Nothing => registry.delivered(user, nid, None),
                    Told::Gone => registry.remove(user, nid),
                    Told::Refused | Told::NotSent | Told::Unreachable => return self.wait(user, nid),
                }
                (user, nid)
            }
            Err(error) => {
                tracing::error!(%error, "telling a push gateway ended in a way it should not be able to");
                return;
            }
        };
        self.queue(user, registry.unqueue(user, nid));
    }

    /// Has a pusher wait before the next attempt.
    fn wait(&mut self, user: UserNid, nid: i64) {
        let Some(failures) = self.teller.registry.failed(user, nid) else { return };
        let pause = FIRST_RETRY.saturating_mul(1 << (failures - 1).min(16)).min(LAST_RETRY);
        let shutdown = self.teller.core.shutdown.clone();
        self.running.spawn(async move {
            tokio::select! {
                () = sleep(pause) => {}
                () = shutdown.begun() => {}
            }
            Ended::Waited(user, nid)
        });
    }

    /// Stores how far everything has got, if that has changed.
    async fn store(&mut self) {
        if self.teller.registry.is_empty() {
            return;
        }
        let cursor = self.reached.clone();
        let progress = self.teller.registry.take_progress(&cursor);
        if progress.is_empty() && cursor == self.stored {
            return;
        }
        let (reached, behind) = (cursor.clone(), progress.clone());
        let saved = self.teller.core.store.write(move |tx| tx.save_push_progress(&reached, &behind)).await;
        match saved {
            Ok(()) => self.stored = cursor,
            Err(error) => {
                self.teller.registry.put_back(&progress);
                tracing::error!(%error, "how far notifications have got could not be stored; it will be tried again");
            }
        }
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
