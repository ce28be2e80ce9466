//! The requests that are measured, made as clients make them, and checks that their answers are whole.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use super::setup::Account;
use crate::client::{Call, Connection};
use crate::matrix::{call, encode, expect_ok, get};
use crate::process::{Process, ThreadClocks};
use crate::target::Target;
use crate::wire::{SlidingAnswer, SyncAnswer};

const SLIDING: &str = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync";
/// The rooms that a client asks for first.
pub(super) const FIRST_ROOMS: usize = 20;
/// A server is quiet when it does next to nothing for so long; it gets that many chances.
const QUIET: Duration = Duration::from_millis(5);
const NEXT_TO_NOTHING: Duration = Duration::from_micros(250);
const CHANCES: usize = 400;
/// How often a client that follows asks again before a message counts as lost.
const POLLS: usize = 20;
/// How long a client that follows lets the server wait, in milliseconds.
const POLL_TIMEOUT: u32 = 10_000;

/// One answer and what it took.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) time: Duration,
    /// The CPU time that the server used, where its process is known.
    pub(super) cpu: Option<Duration>,
    pub(super) body: Bytes,
}

/// A client's first request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Opening {
    /// A `/sync` of everything.
    Sync { lazy_members: bool },
    /// The first rooms of a list.
    Sliding { events: usize },
    /// All rooms of a list, after the first.
    Growing { events: usize },
}

impl Opening {
    pub(super) const ALL: [Self; 6] = [
        Self::Sync { lazy_members: false },
        Self::Sync { lazy_members: true },
        Self::Sliding { events: 1 },
        Self::Sliding { events: 20 },
        Self::Growing { events: 0 },
        Self::Growing { events: 1 },
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Sync { lazy_members: false } => "first /sync",
            Self::Sync { lazy_members: true } => "first /sync with lazy members",
            Self::Sliding { events: 1 } => "first sliding sync, 20 rooms and 1 event each",
            Self::Sliding { .. } => "first sliding sync, 20 rooms and 20 events each",
            Self::Growing { events: 0 } => "list grown to all rooms, no events",
            Self::Growing { .. } => "list grown to all rooms, 1 event each",
        }
    }

    /// Begins in this way.
    pub(super) async fn measure(self, client: &mut Client<'_>) -> Result<Sample> {
        match self {
            Self::Sync { lazy_members } => Ok(client.sync(lazy_members).await?.0),
            Self::Sliding { events } => Ok(client.sliding(FIRST_ROOMS, events, None).await?.0),
            Self::Growing { events } => {
                let (_, pos) = client.sliding(FIRST_ROOMS, events, None).await?;
                Ok(client.sliding(client.account.rooms, events, Some(&pos)).await?.0)
            }
        }
    }
}

/// One account's client on a connection of its own.
#[derive(Debug)]
pub(super) struct Client<'a> {
    pub(super) account: &'a Account,
    process: Option<Process>,
    connection: Connection,
    /// Makes requests differ, because servers may keep the answers of equal ones for a while.
    turn: u32,
}

impl<'a> Client<'a> {
    /// Connects, so that a measurement does not pay for it.
    pub(super) async fn connect(target: &Target, process: Option<Process>, account: &'a Account) -> Result<Self> {
        let mut client = Self { account, process, connection: target.connect(), turn: 0 };
        expect_ok(&mut client.connection, &call(Method::GET, "/_matrix/client/versions", None, "")).await?;
        Ok(client)
    }

    /// A first `/sync`; gives its token too.
    pub(super) async fn sync(&mut self, lazy_members: bool) -> Result<(Sample, String)> {
        self.turn += 1;
        let lazy = json!({"room": {"state": {"lazy_load_members": true}}}).to_string();
        let filter = if lazy_members { format!("&filter={}", encode(&lazy)) } else { String::new() };
        let path = format!("/_matrix/client/v3/sync?timeout={}{filter}", self.turn);
        let sample = self.measure(&get(path, &self.account.session)).await?;
        let answer: SyncAnswer<'_> = serde_json::from_slice(&sample.body).context("/sync has an unexpected form")?;
        let (found, wanted) = (answer.rooms.join.len(), self.account.rooms);
        ensure!(found == wanted, "/sync has {found} rooms instead of {wanted}");
        let token = answer.next_batch.0.into_owned();
        Ok((sample, token))
    }

    /// The `/sync` that brings one event, with its token.
    pub(super) async fn sync_since(&mut self, since: &str, event_id: &str) -> Result<(Sample, String)> {
        let mut since = since.to_owned();
        for _ in 0..POLLS {
            let path = format!("/_matrix/client/v3/sync?timeout={POLL_TIMEOUT}&since={}", encode(&since));
            let sample = self.measure(&get(path, &self.account.session)).await?;
            let answer: SyncAnswer<'_> =
                serde_json::from_slice(&sample.body).context("/sync has an unexpected form")?;
            since = answer.next_batch.0.into_owned();
            let mut events = answer.rooms.join.values().flat_map(|room| &room.timeline.events);
            if events.any(|event| event.event_id.0 == event_id) {
                return Ok((sample, since));
            }
        }
        anyhow::bail!("/sync does not bring {event_id}")
    }

    /// A sliding sync of one list with these numbers of rooms and of events of each; gives its `pos` too.
    pub(super) async fn sliding(&mut self, rooms: usize, events: usize, pos: Option<&str>) -> Result<(Sample, String)> {
        let known = if pos.is_some() { FIRST_ROOMS } else { 0 };
        let (sample, pos) = self.sliding_once(rooms, events, pos).await?;
        let answer: SlidingAnswer<'_> = serde_json::from_slice(&sample.body)?;
        let (found, wanted) = (answer.rooms.len(), self.account.rooms.min(rooms).saturating_sub(known));
        ensure!(found == wanted, "the sliding sync has {found} rooms instead of {wanted}");
        let listed = answer.lists.values().map(|list| list.count).max();
        ensure!(listed == Some(self.account.rooms), "the list has {listed:?} rooms instead of {}", self.account.rooms);
        Ok((sample, pos))
    }

    /// The sliding sync of one list with these numbers of rooms and of events of each that brings one event, with its
    /// `pos`.
    pub(super) async fn sliding_since(
        &mut self,
        pos: &str,
        rooms: usize,
        events: usize,
        event_id: &str,
    ) -> Result<(Sample, String)> {
        let mut pos = pos.to_owned();
        for _ in 0..POLLS {
            let (sample, next) = self.sliding_once(rooms, events, Some(&pos)).await?;
            if sample.body.windows(event_id.len()).any(|part| part == event_id.as_bytes()) {
                return Ok((sample, next));
            }
            pos = next;
        }
        anyhow::bail!("the sliding sync does not bring {event_id}")
    }

    async fn sliding_once(&mut self, rooms: usize, events: usize, pos: Option<&str>) -> Result<(Sample, String)> {
        let body = sliding_request(rooms, events).to_string();
        let path = match pos {
            Some(pos) => format!("{SLIDING}?timeout={POLL_TIMEOUT}&pos={}", encode(pos)),
            None => SLIDING.to_owned(),
        };
        let sample = self.measure(&call(Method::POST, path, Some(&self.account.session), body)).await?;
        let answer: SlidingAnswer<'_> =
            serde_json::from_slice(&sample.body).context("the sliding sync has an unexpected form")?;
        let pos = answer.pos.0.into_owned();
        Ok((sample, pos))
    }

    async fn measure(&mut self, request: &Call<'_>) -> Result<Sample> {
        let before = self.quiet().await?;
        let started = Instant::now();
        let body = expect_ok(&mut self.connection, request).await?;
        let time = started.elapsed();
        let after = self.quiet().await?;
        let cpu = before.zip(after).map(|(before, after)| after.since(&before));
        Ok(Sample { time, cpu, body })
    }

    /// Waits until the server does nothing any more, and reads its clocks.
    async fn quiet(&self) -> Result<Option<ThreadClocks>> {
        let Some(process) = self.process else { return Ok(None) };
        let mut clocks = process.thread_clocks()?;
        for _ in 0..CHANCES {
            tokio::time::sleep(QUIET).await;
            let now = process.thread_clocks()?;
            let used = now.since(&clocks);
            clocks = now;
            if used < NEXT_TO_NOTHING {
                break;
            }
        }
        Ok(Some(clocks))
    }
}

/// A list as mobile clients ask for it.
fn sliding_request(rooms: usize, events: usize) -> Value {
    let state = [
        ["m.room.create", ""],
        ["m.room.name", ""],
        ["m.room.topic", ""],
        ["m.room.avatar", ""],
        ["m.room.canonical_alias", ""],
        ["m.room.encryption", ""],
        ["m.room.power_levels", ""],
        ["m.room.join_rules", ""],
        ["m.room.history_visibility", ""],
        ["m.room.tombstone", ""],
        ["m.room.pinned_events", ""],
        ["io.element.functional_members", ""],
        ["m.space.parent", "*"],
        ["m.space.child", "*"],
        ["org.matrix.msc3401.call.member", "*"],
        ["m.room.member", "$LAZY"],
        ["m.room.member", "$ME"],
    ];
    json!({
        "conn_id": "room-list",
        "lists": {"all": {
            "ranges": [[0, rooms - 1]],
            "timeline_limit": events,
            "required_state": state,
            "filters": {"not_room_types": ["m.space"]},
        }},
        "extensions": {
            "account_data": {"enabled": true},
            "receipts": {"enabled": true},
            "typing": {"enabled": true},
        },
    })
}
