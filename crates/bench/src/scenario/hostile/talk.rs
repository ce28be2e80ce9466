//! The others: people who talk in rooms and follow them with long polls, and a stranger who asks for the versions.
//!
//! They go on all the time. Everything is noted with the time at which it was due, and a phase of the measurement is
//! what was due between its beginning and its end, however late it came.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use http::Method;
use tokio::task::JoinSet;

use crate::client::{Answer, CallError, Connection};
use crate::matrix::{Session, call, create_filter, encode, expect_ok, failure, get, send_path};
use crate::report::Errors;
use crate::stats::{Latencies, Summary};
use crate::target::Target;
use crate::wire::{Marker, SyncAnswer};

const POLL: Duration = Duration::from_secs(30);
/// How long a call of the others may take: longer than any phase.
const CALL_LIMIT: Duration = Duration::from_secs(120);
const STRANGER_EVERY: Duration = Duration::from_millis(50);
const BODY_BYTES: usize = 80;
/// How long the end of a phase is waited for: what has not come then counts as this late.
const GRACE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A room with the places of its members among the talkers.
#[derive(Debug, Clone)]
pub(super) struct Room {
    /// Its id.
    pub(super) id: String,
    /// Its members.
    pub(super) members: Vec<usize>,
}

/// A time span since the talk began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window(Duration, Duration);

impl Window {
    fn holds(self, at: Duration) -> bool {
        (self.0..self.1).contains(&at)
    }
}

/// The figures of the others in a window.
#[derive(Debug, Default, Clone)]
pub(super) struct Fared {
    /// The time from when a message was due to its acknowledgement.
    pub(super) ack: Summary,
    /// The time from when it was due to each member's sync answer.
    pub(super) delivery: Summary,
    /// A stranger's `GET /versions`, on a connection of its own.
    pub(super) stranger: Summary,
    /// Deliveries that did not come.
    pub(super) missed: u64,
    /// The requests that failed.
    pub(super) errors: Errors,
}

/// A message.
#[derive(Debug)]
struct Sent {
    at: Duration,
    room: usize,
    /// How long the acknowledgement took; `None` until it came.
    answered: Option<Duration>,
    accepted: bool,
    delivered: usize,
}

#[derive(Debug, Default)]
struct Book {
    sent: Vec<Sent>,
    /// When each delivery's message was due, and how long it took.
    deliveries: Vec<(Duration, Duration)>,
    /// The same of the stranger's questions; `None` until the answer came.
    strangers: Vec<(Duration, Option<Duration>)>,
    failures: Vec<(Duration, String)>,
}

/// The state that all talkers share.
#[derive(Debug)]
pub(super) struct Talk {
    run: String,
    began: Instant,
    rooms: Vec<Room>,
    book: Mutex<Book>,
}

/// The talk as it goes on.
#[derive(Debug)]
pub(super) struct Talking {
    talk: Arc<Talk>,
    _people: JoinSet<()>,
}

impl Talking {
    /// Everybody makes a first sync and begins to talk, each every `interval`.
    pub(super) async fn begin(
        target: &Target,
        run: &str,
        people: &[Session],
        rooms: Vec<Room>,
        interval: Duration,
    ) -> Result<Self> {
        let mut followers = Vec::new();
        for (index, session) in people.iter().enumerate() {
            followers.push(Follower::begin(&from(target, index), session.clone()).await?);
        }
        let talk = Arc::new(Talk { run: run.to_owned(), began: Instant::now(), rooms, book: Mutex::default() });
        let mut tasks = JoinSet::new();
        for (index, (session, follower)) in people.iter().zip(followers).enumerate() {
            tasks.spawn(follower.follow(Arc::clone(&talk)));
            let theirs = |(_, room): &(usize, &Room)| room.members.contains(&index);
            let rooms: Vec<usize> = talk.rooms.iter().enumerate().filter(theirs).map(|(room, _)| room).collect();
            let first = interval * index as u32 / people.len().max(1) as u32;
            let talker = Talker { connection: from(target, index).connect(), session: session.clone(), rooms };
            tasks.spawn(talker.talk(Arc::clone(&talk), first, interval));
        }
        tasks.spawn(ask(from(target, usize::from(u16::MAX)), Arc::clone(&talk)));
        Ok(Self { talk, _people: tasks })
    }

    /// Lets them talk for a while, waits until all that was sent has come, and says how they fared. What `meanwhile`
    /// has begun is over when the time is.
    pub(super) async fn phase<T>(&self, length: Duration, end: impl AsyncFnOnce() -> T) -> (Fared, T) {
        let from = self.talk.began.elapsed();
        tokio::time::sleep(length).await;
        let window = Window(from, self.talk.began.elapsed());
        let ended = end().await;
        let until = Instant::now() + GRACE;
        while self.talk.awaits(window) && Instant::now() < until {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        (self.talk.fared(window), ended)
    }
}

/// The server as it is reached from an address of one person's own, where it listens on IPv4 loopback.
fn from(target: &Target, person: usize) -> Target {
    let [high, low] = u16::try_from(person).unwrap_or(u16::MAX).to_be_bytes();
    let mut target = target.clone();
    if target.endpoint.address.is_ipv4() && target.endpoint.address.ip().is_loopback() {
        target.endpoint = target.endpoint.from_address(IpAddr::V4(Ipv4Addr::new(127, 10, high, low.max(1))));
    }
    target
}

impl Talk {
    fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        self.book.lock().expect("nothing panics while it holds the book")
    }

    /// Whether something of the window has not come yet.
    fn awaits(&self, window: Window) -> bool {
        let book = self.book();
        book.sent.iter().rev().skip_while(|sent| sent.at >= window.1).take_while(|sent| sent.at >= window.0).any(
            |sent| sent.answered.is_none() || sent.accepted && sent.delivered < self.rooms[sent.room].members.len(),
        )
    }

    fn fared(&self, window: Window) -> Fared {
        let now = self.began.elapsed();
        let book = self.book();
        let (mut acks, mut deliveries, mut missed) = (Latencies::default(), Latencies::default(), 0);
        for sent in book.sent.iter().filter(|sent| window.holds(sent.at)) {
            acks.record(sent.answered.unwrap_or(now.saturating_sub(sent.at)));
            let expected = if sent.accepted { self.rooms[sent.room].members.len() } else { 0 };
            for _ in sent.delivered..expected {
                deliveries.record(now.saturating_sub(sent.at));
                missed += 1;
            }
        }
        for (_, took) in book.deliveries.iter().filter(|(at, _)| window.holds(*at)) {
            deliveries.record(*took);
        }
        let mut strangers = Latencies::default();
        for (at, took) in book.strangers.iter().filter(|(at, _)| window.holds(*at)) {
            strangers.record(took.unwrap_or(now.saturating_sub(*at)));
        }
        let mut errors = Errors::default();
        for (_, kind) in book.failures.iter().filter(|(at, _)| window.holds(*at)) {
            errors.record(kind);
        }
        let (ack, delivery, stranger) = (acks.summary(), deliveries.summary(), strangers.summary());
        Fared { ack, delivery, stranger, missed, errors }
    }

    fn note_sent(&self, at: Duration, room: usize) -> u64 {
        let sent = &mut self.book().sent;
        sent.push(Sent { at, room, answered: None, accepted: false, delivered: 0 });
        sent.len() as u64 - 1
    }

    fn note_answer(&self, sequence: u64, answer: Result<Answer, CallError>) {
        let now = self.began.elapsed();
        let mut book = self.book();
        let sent = &mut book.sent[sequence as usize];
        sent.answered = Some(now.saturating_sub(sent.at));
        sent.accepted = matches!(&answer, Ok(answer) if answer.status == 200);
        let at = sent.at;
        match answer {
            Ok(answer) if answer.status == 200 => {}
            Ok(answer) => book.failures.push((at, format!("send: {}", failure(&answer)))),
            Err(error) => book.failures.push((at, format!("send: {error}"))),
        }
    }

    fn note_failure(&self, kind: String) {
        let at = self.began.elapsed();
        self.book().failures.push((at, kind));
    }
}

/// Somebody who talks.
#[derive(Debug)]
struct Talker {
    connection: Connection,
    session: Session,
    rooms: Vec<usize>,
}

impl Talker {
    /// Sends whenever a message is due, to each of the rooms in turn. One that comes late because the one before was
    /// late counts from when it was due: a server must not slow its own measurement down.
    async fn talk(mut self, talk: Arc<Talk>, first: Duration, interval: Duration) {
        let mut due = first;
        for room in self.rooms.iter().copied().cycle() {
            tokio::time::sleep_until((talk.began + due).into()).await;
            let sequence = talk.note_sent(due, room);
            let path = format!("{}{}-{sequence}", send_path(&talk.rooms[room].id), talk.run);
            let content = Marker { run: &talk.run, sequence }.content(BODY_BYTES);
            let mut request = call(Method::PUT, path, Some(&self.session), content);
            request.limit = CALL_LIMIT;
            let answer = self.connection.call(&request).await;
            talk.note_answer(sequence, answer);
            due += interval;
        }
    }
}

/// Somebody who follows all their rooms.
#[derive(Debug)]
struct Follower {
    connection: Connection,
    session: Session,
    filter: String,
    since: String,
    received: Vec<bool>,
}

impl Follower {
    async fn begin(target: &Target, session: Session) -> Result<Self> {
        let mut connection = target.connect();
        let filter = encode(&create_filter(&mut connection, &session).await?);
        let path = format!("/_matrix/client/v3/sync?timeout=0&filter={filter}");
        let body = expect_ok(&mut connection, &get(path, &session)).await?;
        let answer: SyncAnswer<'_> = serde_json::from_slice(&body).context("/sync has an unexpected form")?;
        let since = answer.next_batch.0.into_owned();
        Ok(Self { connection, session, filter, since, received: Vec::new() })
    }

    async fn follow(mut self, talk: Arc<Talk>) {
        loop {
            let (timeout, since) = (POLL.as_millis(), encode(&self.since));
            let path = format!("/_matrix/client/v3/sync?timeout={timeout}&filter={}&since={since}", self.filter);
            let mut request = get(path, &self.session);
            request.limit = POLL + CALL_LIMIT;
            let problem = match self.connection.call(&request).await {
                Ok(answer) if answer.status == 200 => match self.take(&answer, &talk) {
                    Ok(()) => continue,
                    Err(error) => format!("sync: {error:#}"),
                },
                Ok(answer) => format!("sync: {}", failure(&answer)),
                Err(error) => format!("sync: {error}"),
            };
            talk.note_failure(problem);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn take(&mut self, answer: &Answer, talk: &Talk) -> Result<()> {
        let now = talk.began.elapsed();
        let answer: SyncAnswer<'_> = serde_json::from_slice(&answer.body).context("unexpected form")?;
        answer.next_batch.0.as_ref().clone_into(&mut self.since);
        let mut book = talk.book();
        self.received.resize(book.sent.len(), false);
        for (id, joined) in &answer.rooms.join {
            let Some(room) = talk.rooms.iter().position(|room| room.id == id.0) else { continue };
            let timeline = &joined.timeline;
            let mut first = book.sent.len();
            for sequence in timeline.events.iter().filter_map(|event| event.sequence_in(&talk.run)) {
                first = first.min(sequence as usize);
                self.receive(&mut book, sequence as usize, now);
            }
            // A client reads what is missing from the history next; it counts from here.
            let missing = |at: &usize| timeline.limited && book.sent[*at].room == room && !self.received[*at];
            let gap: Vec<usize> = (0..first.min(book.sent.len())).filter(missing).collect();
            for sequence in gap {
                self.receive(&mut book, sequence, now);
            }
        }
        Ok(())
    }

    fn receive(&mut self, book: &mut Book, sequence: usize, now: Duration) {
        let Some(received) = self.received.get_mut(sequence).filter(|received| !**received) else { return };
        *received = true;
        let sent = &mut book.sent[sequence];
        sent.delivered += 1;
        let at = sent.at;
        book.deliveries.push((at, now.saturating_sub(at)));
    }
}

/// A stranger who asks for the versions, each time on a new connection.
async fn ask(target: Target, talk: Arc<Talk>) {
    let mut due = Duration::ZERO;
    loop {
        tokio::time::sleep_until((talk.began + due).into()).await;
        let place = {
            let strangers = &mut talk.book().strangers;
            strangers.push((due, None));
            strangers.len() - 1
        };
        let mut request = call(Method::GET, "/_matrix/client/versions", None, "");
        request.limit = CALL_LIMIT;
        let answer = target.connect().call(&request).await;
        talk.book().strangers[place].1 = Some(talk.began.elapsed().saturating_sub(due));
        match answer {
            Ok(answer) if answer.status == 200 => {}
            Ok(answer) => talk.note_failure(format!("versions: {}", failure(&answer))),
            Err(error) => talk.note_failure(format!("versions: {error}")),
        }
        due += STRANGER_EVERY;
    }
}
