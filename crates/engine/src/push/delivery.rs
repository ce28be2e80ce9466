//! Following the stream on behalf of all pushers, and telling their gateways.
//!
//! One task judges: each event that is committed, for those members of its room who have pushers, by their push rules.
//! What notifies waits in memory for its gateway; each gateway's key is told one thing at a time, in order. How far all
//! of it has got is stored every few seconds, so that after a crash the last of it is delivered again and nothing is
//! lost: gateways recognise an event that they were told before by its identifier.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use http::Method;
use im2_model::{Millis, Position, RoomNid, StreamToken, UserNid};
use im2_rooms::content::Membership;
use im2_store::pushers::Pusher;
use serde_json::Value;
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use url::Url;

use super::{
    Pushers,
    notification::{of_badge, of_event},
    registry::{Item, Registry, Task},
};
use crate::{
    Core, Result,
    outbound::{Exchange, Outbound, Reach},
    rooms::{Actor, Room, RoomEvent, Rooms},
    stream::Change,
    threads,
    unread::Unread,
};

/// Gateways told at the same time: each costs a connection.
const AT_ONCE: usize = 64;
/// How long a gateway may take for one request, and how much it may answer.
const PATIENCE: Duration = Duration::from_secs(30);
const MAX_ANSWER: usize = 64 * 1024;
/// The time between attempts doubles from the first to the last.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(300);
/// How old a notification may become: whoever has not been reached for a day has missed nothing that is still news.
const LIFETIME: Millis = 24 * 60 * 60 * 1000;
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
    /// Pushers that have something to be told, until there is a place for them.
    ready: VecDeque<(UserNid, i64)>,
    running: JoinSet<Ended>,
    /// How many of those are telling and not waiting for their time.
    telling: usize,
}

/// What it takes to tell.
#[derive(Debug)]
struct Teller {
    core: Core,
    rooms: Rooms,
    unread: Unread,
    registry: Arc<Registry>,
    outbound: Outbound,
}

/// How a task ended.
enum Ended {
    Told(UserNid, i64, Told),
    /// The time between two attempts is over.
    Waited(UserNid, i64),
}

/// What became of a delivery.
enum Told {
    /// The gateway knows this number of unread notifications.
    Yes(u64),
    /// There is nothing to tell any more.
    Nothing,
    /// The pusher is no more.
    Gone,
    /// The gateway could not be told.
    Failed,
}

/// What of the stream matters here.
enum News {
    Event(Arc<RoomEvent>),
    /// A user has read something, in this room.
    Read(UserNid, RoomNid),
    /// What a user's numbers depend on has changed.
    Rules(UserNid),
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
            ready: VecDeque::new(),
            running: JoinSet::new(),
            telling: 0,
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
            self.start_ready();
            tokio::select! {
                () = core.shutdown.begun() => break,
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
                    News::Event(event) => self.judge(&event).await?,
                    News::Read(user, room) => self.read(user, room).await?,
                    News::Rules(user) => self.rules_changed(user).await,
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
                    self.judge(&event).await?;
                }
            }
            self.reached.advance(at);
        }
        Ok(())
    }

    /// Has an event wait for the pushers of those whom it notifies.
    async fn judge(&mut self, event: &Arc<RoomEvent>) -> Result<()> {
        let teller = Arc::clone(&self.teller);
        let room = match teller.rooms.by_nid(event.room).await {
            Err(error) if error.code().is_some() => return Ok(()), // purged meanwhile
            room => room?,
        };
        let mut concerned: HashSet<UserNid> = {
            let joined = &room.view().joined;
            teller.registry.among(joined.len(), joined.keys().copied(), |user| joined.contains_key(&user))
        };
        concerned.extend(event.member.filter(|user| teller.registry.has(*user)));
        for user in concerned {
            let Some((user_id, badge)) = teller.registry.owner(user) else { continue };
            let actor = Actor { user, user_id };
            let unread = teller.unread.in_room(&actor, &room).await?;
            let is_member = room.view().joined.contains_key(&user);
            let count = if is_member { unread.counts.total().notification_count } else { 0 };
            badge.set(room.nid, count).await;
            if event.pdu.sender != actor.user_id
                && may_notify(&room, event, &actor)
                && unread.evaluate(&actor.user_id, &event.pdu, event.is_redacted()).notify
            {
                let since = teller.core.now();
                let item = Item { position: event.position, room: room.nid, event_id: event.id().clone(), since };
                self.ready.extend(teller.registry.notify(user, &item).into_iter().map(|nid| (user, nid)));
            } else if (event.pdu.sender == actor.user_id && !is_alone_or_new(&room, event, &actor))
                || event.kind() == "m.room.redaction"
                || !is_member
            {
                self.refresh(user);
            }
        }
        Ok(())
    }

    /// Brings a user's numbers up to date after they have read something.
    async fn read(&mut self, user: UserNid, room: RoomNid) -> Result<()> {
        let teller = Arc::clone(&self.teller);
        let Some((user_id, badge)) = teller.registry.owner(user) else { return Ok(()) };
        let room = match teller.rooms.by_nid(room).await {
            Err(error) if error.code().is_some() => return Ok(()),
            room => room?,
        };
        if room.view().joined.contains_key(&user) {
            let unread = teller.unread.in_room(&Actor { user, user_id }, &room).await?;
            badge.set(room.nid, unread.counts.total().notification_count).await;
        }
        self.refresh(user);
        Ok(())
    }

    async fn rules_changed(&mut self, user: UserNid) {
        if let Some((_, badge)) = self.teller.registry.owner(user) {
            badge.reset().await;
            self.refresh(user);
        }
    }

    fn refresh(&mut self, user: UserNid) {
        self.ready.extend(self.teller.registry.refresh(user).into_iter().map(|nid| (user, nid)));
    }

    /// Starts telling those gateways for which there is a place.
    fn start_ready(&mut self) {
        while self.telling < AT_ONCE
            && let Some((user, nid)) = self.ready.pop_front()
        {
            let Some(task) = self.teller.registry.take(user, nid) else { continue };
            self.telling += 1;
            let teller = Arc::clone(&self.teller);
            self.running.spawn(async move {
                let told = teller.tell(user, nid, task).await.unwrap_or_else(|error| {
                    tracing::error!(%error, "a notification could not be made; it will be tried again");
                    Told::Failed
                });
                Ended::Told(user, nid, told)
            });
        }
    }

    fn ended(&mut self, ended: std::result::Result<Ended, tokio::task::JoinError>) {
        let registry = &self.teller.registry;
        match ended {
            Ok(Ended::Waited(user, nid)) => {
                registry.retry(user, nid);
                self.ready.push_back((user, nid));
            }
            Ok(Ended::Told(user, nid, told)) => {
                self.telling -= 1;
                match told {
                    Told::Yes(badge) => registry.delivered(user, nid, Some(badge)),
                    Told::Nothing => registry.delivered(user, nid, None),
                    Told::Gone => registry.remove(user, nid),
                    Told::Failed => self.wait(user, nid),
                }
                self.ready.push_back((user, nid));
            }
            Err(error) => {
                self.telling = self.telling.saturating_sub(1);
                tracing::error!(%error, "telling a push gateway ended in a way it should not be able to");
            }
        }
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

/// What a change means here, if anything: there are kinds that notify nobody.
fn news(registry: &Registry, change: &Change) -> Option<News> {
    if let Change::Event(event) = change {
        return Some(News::Event(Arc::clone(event)));
    }
    if let Change::Receipt(receipt) = change {
        return registry.has(receipt.user).then_some(News::Read(receipt.user, receipt.room));
    }
    if let Change::AccountData(change) = change {
        let matters = matches!(&*change.kind, "m.push_rules" | "m.ignored_user_list") && registry.has(change.user);
        return matters.then_some(News::Rules(change.user));
    }
    None
}

/// Whether somebody has sent an event to a room in which nothing can have been unread for them: by joining it, or where
/// nobody else has said anything. The number on their devices is as before.
fn is_alone_or_new(room: &Room, event: &RoomEvent, actor: &Actor) -> bool {
    let view = room.view();
    let is_alone = || view.tail_start() <= 1 && view.tail.iter().all(|event| event.pdu.sender == actor.user_id);
    event.joins() == Some(actor.user) || is_alone()
}

/// Whether an event may notify a user at all: as a member of the room, or by inviting them.
fn may_notify(room: &Room, event: &RoomEvent, actor: &Actor) -> bool {
    let invites = event.member == Some(actor.user) && event.pdu.membership == Some(Membership::Invite);
    invites || room.view().joined.contains_key(&actor.user)
}

impl Teller {
    /// Tells a gateway, unless there is nothing to tell any more.
    async fn tell(&self, user: UserNid, nid: i64, task: Task) -> Result<Told> {
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
        let Some(rejected) = self.post(&pusher, &body).await else { return Ok(Told::Failed) };
        if rejected.contains(&pusher.settings.pushkey) {
            tracing::info!(app_id = %pusher.settings.app_id, "a push gateway rejects a key; its pusher is removed");
            self.core.store.write(move |tx| tx.remove_rejected_pusher(nid, pusher.set_ts)).await?;
        }
        Ok(Told::Yes(total))
    }

    /// What is to be said of an event, if it is still to be said: the user has not read it meanwhile, nor left, nor
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

    /// Sends a notification. Returns the keys that the gateway rejects; `None` if it could not be told.
    async fn post(&self, pusher: &Pusher, body: &Value) -> Option<Vec<String>> {
        let url = Url::parse(&pusher.settings.url).ok()?;
        let exchange = Exchange::json(Method::POST, body.to_string(), PATIENCE, MAX_ANSWER);
        match self.outbound.exchange(&url, exchange).await {
            Ok((status, answer)) if status.is_success() => {
                let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
                let keys = answer.get("rejected").and_then(Value::as_array).into_iter().flatten();
                Some(keys.filter_map(|key| key.as_str().map(str::to_owned)).collect())
            }
            Ok((status, _)) => {
                tracing::debug!(%status, host = url.host_str(), "a push gateway refused a notification");
                None
            }
            Err(failure) => {
                tracing::debug!(%failure, host = url.host_str(), "a push gateway could not be told");
                None
            }
        }
    }
}
