//! `fanout`: messages at a fixed rate into one room whose members follow it with long polls.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use http::Method;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::follower::{Followed, Follower};
use super::progress;
use crate::args::FanoutOptions;
use crate::client::Connection;
use crate::matrix::{
    Session, call, create_filter, create_room, failure, join, new_run, register_all, send_path, spread,
};
use crate::report::{Better, Errors, Report, millis};
use crate::stats::Latencies;
use crate::target::Target;
use crate::wire::Marker;

/// Bound what is remembered: of every message, and of every message for every member.
const MAX_MESSAGES: u64 = 1_000_000;
const MAX_DELIVERIES: u64 = 100_000_000;

/// The state that senders and followers share.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) run: String,
    path: String,
    body_bytes: usize,
    interval: Duration,
    first: Instant,
    total: u64,
    /// The messages before this one are warm-up.
    pub(super) measured_from: u64,
    next: AtomicU64,
    epoch: Instant,
    /// When each message was sent, in microseconds since the epoch.
    sent: Vec<AtomicU64>,
    /// Whether the server acknowledged each message.
    acknowledged: Vec<AtomicBool>,
    /// First deliveries of a message to a member.
    pub(super) delivered: AtomicU64,
}

impl Load {
    fn note_sent(&self, sequence: u64, at: Instant) {
        if let Some(slot) = self.sent.get(sequence as usize) {
            slot.store((at - self.epoch).as_micros() as u64, Ordering::Relaxed);
        }
    }

    /// When the message was sent.
    pub(super) fn sent_at(&self, sequence: u64) -> Option<Instant> {
        let micros = self.sent.get(sequence as usize)?.load(Ordering::Relaxed);
        Some(self.epoch + Duration::from_micros(micros))
    }

    /// How many messages there will be.
    pub(super) fn total(&self) -> usize {
        self.sent.len()
    }

    /// The acknowledged messages of the measurement that are not in `received`.
    pub(super) fn missed(&self, received: &[bool]) -> u64 {
        let due = self.acknowledged.iter().zip(received).skip(self.measured_from as usize);
        due.filter(|(acknowledged, received)| acknowledged.load(Ordering::Relaxed) && !**received).count() as u64
    }
}

/// The sends of all senders, counted.
#[derive(Debug, Default)]
struct Sent {
    latencies: Latencies,
    errors: Errors,
    /// How late the latest send began because all senders were busy.
    latest: Duration,
    /// Acknowledged messages, with those of the warm-up.
    acknowledged: u64,
}

/// Measures.
pub async fn run(target: &Target, options: &FanoutOptions) -> Result<Report> {
    let total = u64::from(options.rate) * u64::from(options.warm_up + options.seconds);
    ensure!(total <= MAX_MESSAGES, "more than {MAX_MESSAGES} messages: lower the rate or the time");
    ensure!(total * u64::from(options.members) <= MAX_DELIVERIES, "more than {MAX_DELIVERIES} deliveries");
    let run = new_run();
    let members = options.members as usize;
    progress(format_args!("fanout on {}: registering {} users", target.name, members + 1));
    let sessions = register_all(target, &run, "fanout", members + 1).await?;
    let sender = &sessions[members];
    let room = create_room(&mut target.connect(), target, sender).await?;
    let filters = spread(target, 4, members, async |connection, index| {
        join(connection, &sessions[index], &room).await?;
        create_filter(connection, &sessions[index]).await
    })
    .await?;

    let (stop, stopped) = watch::channel(false);
    let mut followers = Vec::new();
    for (session, filter) in sessions.iter().zip(filters) {
        followers.push(Follower::begin(target, session.clone(), room.clone(), filter).await?);
    }
    progress(format_args!("fanout on {}: sending for {} s", target.name, options.warm_up + options.seconds));
    let load = Arc::new(new_load(options, run, &room, total));
    let mut following = JoinSet::new();
    for follower in followers {
        following.spawn(follower.follow(Arc::clone(&load), stopped.clone()));
    }
    let mut senders = JoinSet::new();
    for _ in 0..options.senders {
        senders.spawn(send_when_due(Arc::clone(&load), target.connect(), sender.clone()));
    }

    let meter = target.meter();
    let begin = load.first + load.interval * load.measured_from as u32;
    tokio::time::sleep_until(begin.into()).await;
    let before = meter.sample()?;
    let sent = gather_sent(senders).await?;
    wait_for_deliveries(&load, sent.acknowledged * u64::from(options.members), options).await;
    let cpu = meter.since(&before)?;
    let window = begin.elapsed();
    stop.send_replace(true);
    let followed = gather_followed(following).await?;
    Ok(make_report(target, options, sent, followed, &cpu, (begin, window)))
}

fn new_load(options: &FanoutOptions, run: String, room: &str, total: u64) -> Load {
    let now = Instant::now();
    Load {
        run,
        path: send_path(room),
        body_bytes: options.body_bytes as usize,
        interval: Duration::from_secs(1) / options.rate,
        // The followers' first polls reach the server meanwhile.
        first: now + Duration::from_secs(1),
        total,
        measured_from: u64::from(options.rate) * u64::from(options.warm_up),
        next: AtomicU64::new(0),
        epoch: now,
        sent: (0..total).map(|_| AtomicU64::new(0)).collect(),
        acknowledged: (0..total).map(|_| AtomicBool::new(false)).collect(),
        delivered: AtomicU64::new(0),
    }
}

/// Takes the next message, waits until it is due and sends it. Latency counts from when the message was due if all
/// senders were busy then: a server that falls behind must not slow its own measurement down.
async fn send_when_due(load: Arc<Load>, mut connection: Connection, session: Session) -> Sent {
    let mut sent = Sent::default();
    loop {
        let sequence = load.next.fetch_add(1, Ordering::Relaxed);
        if sequence >= load.total {
            return sent;
        }
        let due = load.first + load.interval * sequence as u32;
        let now = Instant::now();
        let began = if now < due {
            tokio::time::sleep_until(due.into()).await;
            Instant::now()
        } else {
            sent.latest = sent.latest.max(now - due);
            due
        };
        load.note_sent(sequence, began);
        let path = format!("{}{}-{sequence}", load.path, load.run);
        let content = Marker { run: &load.run, sequence }.content(load.body_bytes);
        match connection.call(&call(Method::PUT, path, Some(&session), content)).await {
            Ok(answer) if answer.status == 200 => {
                load.acknowledged[sequence as usize].store(true, Ordering::Relaxed);
                sent.acknowledged += 1;
                if sequence >= load.measured_from {
                    sent.latencies.record(began.elapsed());
                }
            }
            Ok(answer) => sent.errors.record(&format!("send: {}", failure(&answer))),
            Err(error) => sent.errors.record(&format!("send: {error}")),
        }
    }
}

async fn gather_sent(mut senders: JoinSet<Sent>) -> Result<Sent> {
    let mut sent = Sent::default();
    while let Some(one) = senders.join_next().await {
        let one = one.context("a sender failed")?;
        sent.latencies.merge(one.latencies);
        sent.errors.merge(&one.errors);
        sent.latest = sent.latest.max(one.latest);
        sent.acknowledged += one.acknowledged;
    }
    Ok(sent)
}

/// Waits until every member has every acknowledged message, or the grace is over.
async fn wait_for_deliveries(load: &Load, expected: u64, options: &FanoutOptions) {
    let until = Instant::now() + Duration::from_secs(options.grace.into());
    while load.delivered.load(Ordering::Relaxed) < expected && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn gather_followed(mut following: JoinSet<Followed>) -> Result<Followed> {
    let mut followed = Followed::default();
    while let Some(one) = following.join_next().await {
        followed.merge(one.context("a follower failed")?);
    }
    Ok(followed)
}

fn make_report(
    target: &Target,
    options: &FanoutOptions,
    sent: Sent,
    followed: Followed,
    cpu: &crate::process::Cpu,
    (begin, window): (Instant, Duration),
) -> Report {
    let settings = format!(
        "{} syncing members, {} messages/s, {} s after {} s of warm-up, {} bytes of text",
        options.members, options.rate, options.seconds, options.warm_up, options.body_bytes
    );
    let mut report = Report::new(&target.name, "fanout", settings);
    let deliveries = followed.latencies.len() as u64;
    // From the first send to the last receipt.
    let span = followed.last.map_or(window, |last| last.saturating_duration_since(begin)).as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    report.add("deliveries", "/s", Better::Higher, deliveries as f64 / span.max(1e-9));
    report.latency("delivery", followed.latencies.summary());
    report.latency("send", sent.latencies.summary());
    report.cpu_per("delivery", cpu, deliveries);
    report.cpu_share(cpu, window);
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    report.add("deliveries per sync answer", "", Better::Neither, deliveries as f64 / followed.answers.max(1) as f64);
    report.count("messages delivered", deliveries);
    report.must_be_zero("missed deliveries", followed.missed);
    report.must_be_zero("duplicate deliveries", followed.duplicates);
    report.count("gaps filled from /messages", followed.gaps);
    report.lower("latest start of a send", "ms", millis(sent.latest));
    let mut errors = sent.errors;
    errors.merge(&followed.errors);
    report.errors(&errors);
    report
}
