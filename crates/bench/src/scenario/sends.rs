//! `sends`: as many messages as the server acknowledges with a fixed number of requests outstanding.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use http::Method;
use tokio::task::JoinSet;

use super::progress;
use super::verify::{Ledger, Outcome, read_room};
use crate::args::SendsOptions;
use crate::client::Connection;
use crate::matrix::{Session, call, create_room, failure, join, new_run, register_all, send_path, spread};
use crate::report::{Better, Errors, Report};
use crate::stats::Latencies;
use crate::target::Target;
use crate::wire::{Marker, SendAnswer};

/// No run sends more, so that the ledger of acknowledged events stays in memory.
const MAX_SENDS: u64 = 5_000_000;

/// The state that all workers share.
#[derive(Debug)]
struct Load {
    run: String,
    /// Path prefixes of the rooms' send requests.
    paths: Vec<String>,
    body_bytes: usize,
    next: AtomicU64,
    window: (Instant, Instant),
}

/// The sends of one worker.
#[derive(Debug, Default)]
struct Work {
    latencies: Latencies,
    /// Room and event id of every acknowledged send, also of those outside the window.
    acknowledged: Vec<(usize, String)>,
    errors: Errors,
    reconnects: u64,
}

/// Measures and verifies.
pub async fn run(target: &Target, options: &SendsOptions) -> Result<Report> {
    let run = new_run();
    progress(format_args!("sends on {}: registering {} users", target.name, options.users));
    let sessions = register_all(target, &run, "sends", options.users as usize).await?;
    progress(format_args!("sends on {}: creating {} rooms", target.name, options.rooms));
    let rooms = create_rooms(target, &sessions, options.rooms as usize).await?;

    progress(format_args!("sends on {}: sending for {} s", target.name, options.warm_up + options.seconds));
    let begin = Instant::now() + Duration::from_secs(options.warm_up.into());
    let end = begin + Duration::from_secs(options.seconds.into());
    let load = Arc::new(Load {
        run: run.clone(),
        paths: rooms.iter().map(|room| send_path(room)).collect(),
        body_bytes: options.body_bytes as usize,
        next: AtomicU64::new(0),
        window: (begin, end),
    });
    let mut workers = JoinSet::new();
    for index in 0..options.outstanding as usize {
        let session = sessions[index % sessions.len()].clone();
        workers.spawn(send_until_the_end(Arc::clone(&load), target.connect(), session));
    }
    let meter = target.meter();
    tokio::time::sleep_until(begin.into()).await;
    let before = meter.sample()?;
    tokio::time::sleep_until(end.into()).await;
    let cpu = meter.since(&before)?;

    let mut work = Work::default();
    while let Some(done) = workers.join_next().await {
        let done = done.context("a worker failed")?;
        work.latencies.merge(done.latencies);
        work.acknowledged.extend(done.acknowledged);
        work.errors.merge(&done.errors);
        work.reconnects += done.reconnects;
    }
    let outcome = verify(target, &sessions, &rooms, &run, work.acknowledged).await?;

    let window = end - begin;
    let sends = work.latencies.len() as u64;
    let settings = format!(
        "{} rooms, {} users, {} outstanding, {} s after {} s of warm-up, {} bytes of text",
        options.rooms, options.users, options.outstanding, options.seconds, options.warm_up, options.body_bytes
    );
    let mut report = Report::new(&target.name, "sends", settings);
    #[expect(clippy::cast_precision_loss, reason = "bounded by MAX_SENDS")]
    report.add("acknowledged sends", "/s", Better::Higher, sends as f64 / window.as_secs_f64());
    report.latency("latency", work.latencies.summary());
    report.cpu_per("send", &cpu, sends);
    report.cpu_share(&cpu, window);
    report.count("verified messages", outcome.acknowledged);
    report.must_be_zero("lost", outcome.lost);
    report.must_be_zero("duplicated", outcome.duplicated);
    report.errors(&work.errors);
    report.count("stored though the request failed", outcome.unacknowledged);
    report.count("reconnects", work.reconnects);
    Ok(report)
}

/// Rooms with every user in them; user `i` creates every `i`-th.
pub(super) async fn create_rooms(target: &Target, sessions: &[Session], count: usize) -> Result<Vec<String>> {
    spread(target, 4, count, async |connection, index| {
        let creator = index % sessions.len();
        let room = create_room(connection, target, &sessions[creator]).await?;
        for (user, session) in sessions.iter().enumerate() {
            if user != creator {
                join(connection, session, &room).await?;
            }
        }
        Ok(room)
    })
    .await
}

async fn send_until_the_end(load: Arc<Load>, mut connection: Connection, session: Session) -> Work {
    let mut work = Work::default();
    let (begin, end) = load.window;
    loop {
        let started = Instant::now();
        let sequence = load.next.fetch_add(1, Ordering::Relaxed);
        if started >= end || sequence >= MAX_SENDS {
            break;
        }
        let room = (sequence % load.paths.len() as u64) as usize;
        let path = format!("{}{}-{sequence}", load.paths[room], load.run);
        let content = Marker { run: &load.run, sequence }.content(load.body_bytes);
        let answer = connection.call(&call(Method::PUT, path, Some(&session), content)).await;
        let finished = Instant::now();
        match answer {
            Ok(answer) if answer.status == 200 => match serde_json::from_slice::<SendAnswer<'_>>(&answer.body) {
                Ok(SendAnswer { event_id }) => {
                    work.acknowledged.push((room, event_id.0.into_owned()));
                    if (begin..end).contains(&finished) {
                        work.latencies.record(finished - started);
                    }
                }
                Err(_) => work.errors.record("200 without an event id"),
            },
            Ok(answer) => work.errors.record(&failure(&answer)),
            Err(error) => {
                work.errors.record(&error.to_string());
                // A server that is down refuses at once: without a pause the failures would be counted in millions.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    work.reconnects = connection.reconnects();
    work
}

/// Compares what was acknowledged (room and event id) with what the rooms' histories list.
pub(super) async fn verify(
    target: &Target,
    sessions: &[Session],
    rooms: &[String],
    run: &str,
    acknowledged: Vec<(usize, String)>,
) -> Result<Outcome> {
    progress(format_args!("verifying {} messages on {}", acknowledged.len(), target.name));
    let mut by_room: Vec<Vec<String>> = vec![Vec::new(); rooms.len()];
    for (room, event_id) in acknowledged {
        by_room[room].push(event_id);
    }
    let outcomes = spread(target, 2, rooms.len(), async |connection, index| {
        let mut ledger = Ledger::default();
        for event_id in &by_room[index] {
            ledger.acknowledge(event_id.clone());
        }
        read_room(connection, &sessions[index % sessions.len()], &rooms[index], run, &mut ledger).await?;
        Ok(ledger.outcome())
    })
    .await?;
    let mut total = Outcome::default();
    for outcome in outcomes {
        total.add(outcome);
    }
    Ok(total)
}
