//! `initial-sync`: the first, full `/sync` of an account in many rooms.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use http::Method;

use super::progress;
use crate::args::InitialSyncOptions;
use crate::client::Connection;
use crate::matrix::{
    Session, call, create_room, expect_ok, get, join, new_run, prepare, register_all, send_path, spread,
};
use crate::report::{Better, Report, millis};
use crate::stats::Latencies;
use crate::target::Target;
use crate::wire::{Marker, SyncAnswer};

/// Measures.
pub async fn run(target: &Target, options: &InitialSyncOptions) -> Result<Report> {
    let run = new_run();
    progress(format_args!("initial-sync on {}: registering {} users", target.name, options.members));
    let sessions = register_all(target, &run, "initial", options.members as usize).await?;
    progress(format_args!("initial-sync on {}: filling {} rooms", target.name, options.rooms));
    spread(target, 4, options.rooms as usize, async |connection, index| {
        fill_room(connection, target, &sessions, &run, index, options).await
    })
    .await?;

    progress(format_args!("initial-sync on {}: syncing {} times", target.name, options.times));
    let mut connection = target.connect();
    let session = &sessions[0];
    let first = Instant::now();
    let bytes = full_sync(&mut connection, session, 0, options).await?;
    let first = first.elapsed();
    let meter = target.meter();
    let before = meter.sample()?;
    let mut latencies = Latencies::default();
    for turn in 1..=options.times {
        let started = Instant::now();
        full_sync(&mut connection, session, turn, options).await?;
        latencies.record(started.elapsed());
    }
    let cpu = meter.since(&before)?;

    let settings = format!(
        "{} rooms of {} members and {} messages, {} times",
        options.rooms, options.members, options.messages, options.times
    );
    let mut report = Report::new(&target.name, "initial-sync", settings);
    report.lower("first time", "ms", millis(first));
    report.latency("time", latencies.summary());
    report.cpu_per("sync", &cpu, options.times.into());
    #[expect(clippy::cast_precision_loss, reason = "sizes stay far below 2^52")]
    report.add("answer", "KiB", Better::Neither, bytes as f64 / 1024.0);
    Ok(report)
}

async fn fill_room(
    connection: &mut Connection,
    target: &Target,
    sessions: &[Session],
    run: &str,
    index: usize,
    options: &InitialSyncOptions,
) -> Result<()> {
    let creator = &sessions[index % sessions.len()];
    let room = create_room(connection, target, creator).await?;
    for session in sessions.iter().filter(|session| session.user_id != creator.user_id) {
        join(connection, session, &room).await?;
    }
    let path = send_path(&room);
    for message in 0..u64::from(options.messages) {
        let sender = &sessions[message as usize % sessions.len()];
        let content = Marker { run, sequence: message }.content(80);
        let path = format!("{path}{run}-{index}-{message}");
        prepare(connection, &call(Method::PUT, path, Some(sender), content)).await?;
    }
    Ok(())
}

/// One full sync; gives the size of the answer. `turn` makes requests differ, because servers may keep the answers
/// of equal ones for a while.
async fn full_sync(
    connection: &mut Connection,
    session: &Session,
    turn: u32,
    options: &InitialSyncOptions,
) -> Result<usize> {
    let path = format!("/_matrix/client/v3/sync?timeout={turn}");
    let body = expect_ok(connection, &get(path, session)).await?;
    let answer: SyncAnswer<'_> = serde_json::from_slice(&body).context("/sync has an unexpected form")?;
    let rooms = answer.rooms.join.len();
    ensure!(rooms == options.rooms as usize, "/sync has {rooms} rooms instead of {}", options.rooms);
    Ok(body.len())
}
