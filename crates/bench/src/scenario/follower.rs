//! One member who follows a room with long polls, as a client does, and notes when each message arrives.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::sync::watch;

use super::fanout::Load;
use crate::client::{Answer, CallError, Connection};
use crate::matrix::{Session, encode, expect_ok, failure, get};
use crate::report::Errors;
use crate::stats::Latencies;
use crate::target::Target;
use crate::wire::{MessagesAnswer, SyncAnswer};

/// The timeout that clients commonly ask for.
const POLL: Duration = Duration::from_secs(30);
/// Pages of `/messages` that are read to fill one gap.
const MAX_PAGES: usize = 20;

/// The messages that followers received, counted.
#[derive(Debug, Default)]
pub(super) struct Followed {
    /// The times from send to receipt, for the messages of the measurement.
    pub(super) latencies: Latencies,
    /// When the last of them came.
    pub(super) last: Option<Instant>,
    /// Sync answers that brought some of them.
    pub(super) answers: u64,
    /// Acknowledged messages that never came.
    pub(super) missed: u64,
    /// Messages that came in more than one sync answer.
    pub(super) duplicates: u64,
    /// Limited timelines, after which the rest was read from `/messages`.
    pub(super) gaps: u64,
    /// The requests that failed.
    pub(super) errors: Errors,
}

impl Followed {
    /// Adds what another follower received.
    pub(super) fn merge(&mut self, other: Self) {
        self.latencies.merge(other.latencies);
        self.last = self.last.max(other.last);
        self.answers += other.answers;
        self.missed += other.missed;
        self.duplicates += other.duplicates;
        self.gaps += other.gaps;
        self.errors.merge(&other.errors);
    }
}

/// A member with its position in the stream.
#[derive(Debug)]
pub(super) struct Follower {
    connection: Connection,
    session: Session,
    room: String,
    filter: String,
    since: String,
    /// The messages received so far, by sequence number.
    received: Vec<bool>,
    followed: Followed,
}

impl Follower {
    /// Makes the first sync.
    pub(super) async fn begin(target: &Target, session: Session, room: String, filter: String) -> Result<Self> {
        let mut connection = target.connect();
        let path = format!("/_matrix/client/v3/sync?timeout=0&filter={}", encode(&filter));
        let body = expect_ok(&mut connection, &get(path, &session)).await?;
        let answer: SyncAnswer<'_> = serde_json::from_slice(&body).context("/sync has an unexpected form")?;
        let since = answer.next_batch.0.into_owned();
        let (received, followed) = (Vec::new(), Followed::default());
        Ok(Self { connection, session, room, filter: encode(&filter), since, received, followed })
    }

    /// Follows until told to stop.
    pub(super) async fn follow(mut self, load: Arc<Load>, mut stopped: watch::Receiver<bool>) -> Followed {
        self.received = vec![false; load.total()];
        loop {
            let answer = tokio::select! {
                biased;
                answer = poll(&mut self.connection, &self.session, &self.filter, &self.since) => answer,
                _ = stopped.wait_for(|stopped| *stopped) => break,
            };
            let problem = match answer {
                Ok(answer) if answer.status == 200 => match self.take(&answer, &load).await {
                    Ok(()) => continue,
                    Err(error) => format!("sync: {error:#}"),
                },
                Ok(answer) => format!("sync: {}", failure(&answer)),
                Err(error) => format!("sync: {error}"),
            };
            self.followed.errors.record(&problem);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.followed.missed = load.missed(&self.received);
        self.followed
    }

    async fn take(&mut self, answer: &Answer, load: &Load) -> Result<()> {
        let now = Instant::now();
        let answer: SyncAnswer<'_> = serde_json::from_slice(&answer.body).context("unexpected form")?;
        answer.next_batch.0.as_ref().clone_into(&mut self.since);
        let joined = answer.rooms.join.iter().find(|(room, _)| room.0 == self.room);
        if let Some((_, joined)) = joined {
            let before = self.followed.latencies.len();
            for event in &joined.timeline.events {
                if let Some(sequence) = event.sequence_in(&load.run)
                    && !self.receive(sequence, now, load)
                {
                    self.followed.duplicates += 1;
                }
            }
            if self.followed.latencies.len() > before {
                self.followed.answers += 1;
            }
            if joined.timeline.limited
                && let Some(from) = &joined.timeline.prev_batch
            {
                self.fill(from.0.as_ref(), load).await?;
            }
        }
        Ok(())
    }

    /// Reads backwards from a gap until what was received before it.
    async fn fill(&mut self, from: &str, load: &Load) -> Result<()> {
        self.followed.gaps += 1;
        let mut from = from.to_owned();
        for _ in 0..MAX_PAGES {
            let room = encode(&self.room);
            let path = format!("/_matrix/client/v3/rooms/{room}/messages?dir=b&limit=100&from={}", encode(&from));
            let body = expect_ok(&mut self.connection, &get(path, &self.session)).await?;
            let now = Instant::now();
            let answer: MessagesAnswer<'_> = serde_json::from_slice(&body).context("unexpected form of /messages")?;
            for event in &answer.chunk {
                // An event that is no message of the run is older than all of them.
                let Some(sequence) = event.sequence_in(&load.run) else { return Ok(()) };
                if !self.receive(sequence, now, load) {
                    return Ok(());
                }
            }
            let Some(end) = answer.end else { return Ok(()) };
            from = end.0.into_owned();
        }
        anyhow::bail!("a gap of more than {MAX_PAGES} pages")
    }

    /// Notes a message; `false` when it had come before.
    fn receive(&mut self, sequence: u64, now: Instant, load: &Load) -> bool {
        let (Some(received), Some(sent)) = (self.received.get_mut(sequence as usize), load.sent_at(sequence)) else {
            return true;
        };
        if *received {
            return false;
        }
        *received = true;
        load.delivered.fetch_add(1, Ordering::Relaxed);
        if sequence >= load.measured_from {
            self.followed.latencies.record(now.saturating_duration_since(sent));
            self.followed.last = Some(now);
        }
        true
    }
}

async fn poll(connection: &mut Connection, session: &Session, filter: &str, since: &str) -> Result<Answer, CallError> {
    let since = encode(since);
    let path = format!("/_matrix/client/v3/sync?timeout={}&filter={filter}&since={since}", POLL.as_millis());
    let mut request = get(path, session);
    request.limit = POLL + Duration::from_secs(30);
    connection.call(&request).await
}
