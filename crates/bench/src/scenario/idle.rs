//! `idle`: what long polls cost that have nothing to say.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::task::JoinSet;

use super::progress;
use crate::args::IdleOptions;
use crate::client::{Answer, CallError, Connection};
use crate::matrix::{Session, create_filter, create_room, encode, expect_ok, failure, get, new_run, register, spread};
use crate::process::Meter;
use crate::report::{Better, Errors, Report};
use crate::target::Target;
use crate::wire::SyncAnswer;

/// The longest time that the server is given to become quiet once all polls are open.
const MAX_SETTLE: Duration = Duration::from_secs(20);
/// Polls that open at once; more would fill the queue of connections that the server has yet to accept.
const OPENING: usize = 64;

/// A user who only listens.
#[derive(Debug)]
struct Listener {
    session: Session,
    filter: String,
    since: String,
}

/// Counts what all polls do.
#[derive(Debug, Default)]
struct Counts {
    /// Answers before the run was over; the poll is repeated, as a client would.
    answered: AtomicU64,
}

/// Measures.
pub async fn run(target: &Target, options: &IdleOptions) -> Result<Report> {
    raise_file_limit(u64::from(options.connections) + 100)?;
    let run = new_run();
    let users = options.users.min(options.connections) as usize;
    progress(format_args!("idle on {}: registering {users} users", target.name));
    let listeners = spread(target, 4, users, async |connection, index| {
        let session = register(connection, target, &format!("bench-{run}-idle-{index}")).await?;
        create_room(connection, target, &session).await?;
        let filter = encode(&create_filter(connection, &session).await?);
        let mut listener = Listener { session, filter, since: String::new() };
        // Twice: the second answer says what a client that is up to date knows.
        for _ in 0..2 {
            listener.since = catch_up(connection, &listener).await?;
        }
        Ok(Arc::new(listener))
    })
    .await?;

    let meter = target.meter();
    settle(&meter).await?;
    let before = meter.resident()?;
    progress(format_args!("idle on {}: opening {} long polls", target.name, options.connections));
    let counts = Arc::new(Counts::default());
    // Longer than the run, so that no poll ends in it on a server that allows such polls.
    let timeout = Duration::from_secs(u64::from(options.seconds) + 600);
    let mut polls = JoinSet::new();
    for index in 0..options.connections as usize {
        let listener = Arc::clone(&listeners[index % users]);
        // Servers may share the answers of requests that are equal, which polls of different people are not.
        let timeout = timeout + Duration::from_millis(index as u64);
        polls.spawn(hold(target.connect(), listener, timeout, Arc::clone(&counts)));
        if index % OPENING == OPENING - 1 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let settled = settle(&meter).await?;
    let after = meter.resident()?;
    let started = Instant::now();
    let cpu_before = meter.sample()?;
    let answered_before = counts.answered.load(Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(options.seconds.into())).await;
    let cpu = meter.since(&cpu_before)?;
    let window = started.elapsed();
    let answered = counts.answered.load(Ordering::Relaxed) - answered_before;
    let errors = failures(&mut polls)?;
    let open = polls.len() as u64;
    polls.shutdown().await;

    let settings = format!("{} long polls of {users} users, idle for {} s", options.connections, options.seconds);
    let mut report = Report::new(&target.name, "idle", settings);
    report.count("polls open at the end", open);
    add_memory(&mut report, before, after, options.connections);
    if let Some(server) = cpu.server {
        let per_second = server.as_secs_f64() * 1e3 / window.as_secs_f64();
        report.lower("server CPU while idle", "ms/s", per_second);
    }
    report.lower("time until quiet", "s", settled.as_secs_f64());
    report.count("polls answered while idle", answered);
    report.errors(&errors);
    Ok(report)
}

#[expect(clippy::cast_precision_loss, reason = "memory sizes stay far below 2^52")]
fn add_memory(report: &mut Report, before: Option<u64>, after: Option<u64>, connections: u32) {
    let Some((before, after)) = before.zip(after) else { return };
    let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    report.add("server memory before", "MiB", Better::Lower, mebibytes(before));
    report.add("server memory with polls", "MiB", Better::Lower, mebibytes(after));
    let each = after.saturating_sub(before) as f64 / f64::from(connections);
    report.lower("server memory per idle poll", "KiB", each / 1024.0);
}

async fn catch_up(connection: &mut Connection, listener: &Listener) -> Result<String> {
    let since = if listener.since.is_empty() { String::new() } else { format!("&since={}", encode(&listener.since)) };
    let path = format!("/_matrix/client/v3/sync?timeout=0&set_presence=offline&filter={}{since}", listener.filter);
    let body = expect_ok(connection, &get(path, &listener.session)).await?;
    next_batch(&body)
}

fn next_batch(body: &[u8]) -> Result<String> {
    let answer: SyncAnswer<'_> = serde_json::from_slice(body).context("/sync has an unexpected form")?;
    Ok(answer.next_batch.0.into_owned())
}

/// Keeps one long poll open for ever; ends with what failed.
async fn hold(mut connection: Connection, listener: Arc<Listener>, timeout: Duration, counts: Arc<Counts>) -> String {
    let mut since = listener.since.clone();
    loop {
        match poll(&mut connection, &listener, &since, timeout).await {
            Ok(answer) if answer.status == 200 => match next_batch(&answer.body) {
                Ok(next) => since = next,
                Err(error) => return format!("{error:#}"),
            },
            Ok(answer) => return failure(&answer),
            Err(error) => return error.to_string(),
        }
        counts.answered.fetch_add(1, Ordering::Relaxed);
    }
}

async fn poll(
    connection: &mut Connection,
    listener: &Listener,
    since: &str,
    timeout: Duration,
) -> Result<Answer, CallError> {
    let path = format!(
        "/_matrix/client/v3/sync?timeout={}&set_presence=offline&filter={}&since={}",
        timeout.as_millis(),
        listener.filter,
        encode(since)
    );
    let mut request = get(path, &listener.session);
    request.limit = timeout + Duration::from_secs(30);
    connection.call(&request).await
}

/// The polls that have ended so far: each ended with a failure.
fn failures(polls: &mut JoinSet<String>) -> Result<Errors> {
    let mut errors = Errors::default();
    while let Some(ended) = polls.try_join_next() {
        errors.record(&ended.context("a poll failed")?);
    }
    Ok(errors)
}

/// Waits until the server has used next to no CPU for a second; gives the time that took. Without a process to look
/// at, a few seconds have to do.
async fn settle(meter: &Meter) -> Result<Duration> {
    const QUIET: Duration = Duration::from_millis(30);
    const BLIND: Duration = Duration::from_secs(3);
    let started = Instant::now();
    loop {
        let sample = meter.sample()?;
        let turn = Instant::now();
        tokio::time::sleep(Duration::from_secs(1)).await;
        match meter.since(&sample)?.server {
            Some(used) if used <= QUIET => return Ok(turn.duration_since(started)),
            None if started.elapsed() >= BLIND => return Ok(started.elapsed()),
            _ if started.elapsed() >= MAX_SETTLE => return Ok(started.elapsed()),
            _ => {}
        }
    }
}

/// Raises the soft limit of open files as far as needed; refused where the hard limit is lower.
fn raise_file_limit(needed: u64) -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    ensure!(
        limit.maximum.is_none_or(|maximum| maximum >= needed),
        "{needed} open files are needed and {} are allowed: raise the limit (ulimit -Hn)",
        limit.maximum.unwrap_or_default()
    );
    setrlimit(Resource::Nofile, Rlimit { current: Some(needed), maximum: limit.maximum })
        .context("cannot raise the limit of open files")
}
