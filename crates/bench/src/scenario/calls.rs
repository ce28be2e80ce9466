//! `calls`: what forwarding the media of calls costs, how long those who join wait for the first of them, and how long
//! those wait whose address changes.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use http::Method;
use im2_rtc::client::{Client, Sends};
use serde::Deserialize;
use serde_json::{Value, json};

use super::progress;
use crate::args::CallsOptions;
use crate::client::{Answer, Call};
use crate::matrix::{
    CALL_LIMIT, Session, call, create_room_with, encode, join, new_run, prepare, register_all, spread,
};
use crate::process::Cpu;
use crate::report::{Better, Errors, Figure, Report, Row, millis};
use crate::stats::Latencies;
use crate::target::Target;

/// How long media may take to reach everybody, or to come back.
const PATIENCE: Duration = Duration::from_secs(20);
/// Time between two who join: nobody's clock is that exact.
const APART: Duration = Duration::from_millis(50);
/// The time in which sizes are chosen and bandwidth is measured.
const SETTLE: Duration = Duration::from_secs(8);
/// Participants of a group whose address changes at once.
const MOVING: usize = 5;

/// The right to join: the unit's address and a token.
#[derive(Debug, Deserialize)]
struct Ticket {
    url: String,
    jwt: String,
}

/// Measures.
pub async fn run(target: &Target, options: &CallsOptions) -> Result<Report> {
    let settings = format!(
        "{} voices of 40 kbit/s, {} cameras of 150, 500 and 1,500 kbit/s, {} s",
        options.voices, options.cameras, options.seconds
    );
    let mut report = Report::new(&target.name, "calls", settings);
    let mut errors = Errors::default();
    for group in &options.groups {
        progress(format_args!("calls on {}: a group of {group}", target.name));
        let row = measure(target, options, *group as usize, &mut errors).await?;
        report.rows.push(row);
    }
    report.errors(&errors);
    Ok(report)
}

/// One group.
async fn measure(target: &Target, options: &CallsOptions, size: usize, errors: &mut Errors) -> Result<Row> {
    let tickets = if options.unit { unit_tickets(target, size).await? } else { tickets(target, size).await? };
    let (voices, cameras) = (size.min(options.voices as usize), size.min(options.cameras as usize));
    let mut clients = Vec::new();
    for (index, Ticket { url, jwt }) in tickets.iter().enumerate() {
        clients.push(Client::join(url, jwt, Sends { voice: index < voices, camera: index < cameras }));
        tokio::time::sleep(APART).await;
    }
    let everything =
        |index: usize| (voices + cameras - usize::from(index < voices) - usize::from(index < cameras)) as u64;
    let waits = |(index, client): (usize, &Client)| client.received().tracks() < everything(index);
    let missing = wait_until(|| clients.iter().enumerate().filter(|one| waits(*one)).count()).await;
    (0..missing).for_each(|_| errors.record("participants who do not receive everything"));
    tokio::time::sleep(SETTLE).await;

    let (meter, before, began) = (target.meter(), totals(&clients), Instant::now());
    let cpu = meter.sample()?;
    tokio::time::sleep(Duration::from_secs(options.seconds.into())).await;
    let (used, window, after) = (meter.since(&cpu)?, began.elapsed(), totals(&clients));
    let resident = meter.resident()?;

    let mut first = Latencies::default();
    // Whoever comes before there is something to receive has nobody to wait for but others.
    let later = clients.iter().skip(voices.max(cameras).min(size / 2));
    later.filter_map(|client| client.received().first_media()).for_each(|wait| first.record(wait));
    let recovered = recover(&clients, errors).await;
    for client in &clients {
        if let Some(failure) = client.received().failure() {
            errors.record(&failure);
        }
    }
    let streams: u64 = clients.iter().map(|client| client.received().tracks()).sum();
    let traffic = Traffic {
        packets: after.packets - before.packets,
        bytes: after.bytes - before.bytes,
        lost: after.lost.saturating_sub(before.lost),
    };
    drop(clients);
    let figures = figures(&traffic, streams, &used, window, resident);
    let figures = figures.into_iter().chain(waits_of("first media", first)).chain(waits_of("new address", recovered));
    Ok(Row { name: format!("{size} people"), figures: figures.collect() })
}

/// What all participants have received.
#[derive(Debug, Default, Clone, Copy)]
struct Traffic {
    packets: u64,
    bytes: u64,
    lost: u64,
}

fn totals(clients: &[Client]) -> Traffic {
    clients.iter().map(Client::received).fold(Traffic::default(), |all, one| Traffic {
        packets: all.packets + one.packets(),
        bytes: all.bytes + one.bytes(),
        lost: all.lost + one.lost(),
    })
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn figures(traffic: &Traffic, streams: u64, used: &Cpu, window: Duration, resident: Option<u64>) -> Vec<Figure> {
    let seconds = window.as_secs_f64();
    let megabits = traffic.bytes as f64 * 8.0 / 1e6 / seconds;
    let mut figures = Vec::new();
    let mut add = |name: &str, unit, better, value| {
        figures.push(Figure { name: name.to_owned(), unit, better, value });
    };
    add("streams", "", Better::Neither, streams as f64);
    add("forwarded", "Mbit/s", Better::Neither, megabits);
    add("lost", "%", Better::Lower, 100.0 * traffic.lost as f64 / (traffic.lost + traffic.packets).max(1) as f64);
    if let Some(server) = used.server {
        let share = server.as_secs_f64() / seconds;
        add("CPU", "% of a core", Better::Lower, 100.0 * share);
        add("CPU per Mbit/s", "% of a core", Better::Lower, 100.0 * share / megabits.max(1e-9));
        add("CPU per stream", "% of a core", Better::Lower, 100.0 * share / streams.max(1) as f64);
        add("CPU per packet", "µs", Better::Lower, server.as_secs_f64() * 1e6 / traffic.packets.max(1) as f64);
    }
    add("generator", "% of a core", Better::Neither, 100.0 * used.generator.as_secs_f64() / seconds);
    if let Some(resident) = resident {
        add("resident", "MiB", Better::Lower, resident as f64 / f64::from(1 << 20));
    }
    figures
}

fn waits_of(name: &str, waits: Latencies) -> Vec<Figure> {
    let summary = waits.summary();
    let of = |percentile: &str, value| Figure {
        name: format!("{name} {percentile}"),
        unit: "ms",
        value: millis(value),
        better: Better::Lower,
    };
    vec![of("p50", summary.p50), of("p95", summary.p95)]
}

/// The address of some changes; the time until they receive again.
async fn recover(clients: &[Client], errors: &mut Errors) -> Latencies {
    let moving: Vec<_> = clients.iter().rev().filter(|client| client.received().tracks() > 0).take(MOVING).collect();
    for client in &moving {
        client.move_away();
    }
    let missing = wait_until(|| moving.iter().filter(|client| client.received().recovered().is_empty()).count()).await;
    (0..missing).for_each(|_| errors.record("participants who receive nothing at another address"));
    let mut waits = Latencies::default();
    moving.iter().flat_map(|client| client.received().recovered()).for_each(|wait| waits.record(wait));
    waits
}

/// Waits until nothing is missing, and gives how much still is when patience ends.
async fn wait_until(missing: impl Fn() -> usize) -> usize {
    let began = Instant::now();
    loop {
        let left = missing();
        if left == 0 || began.elapsed() > PATIENCE {
            return left;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Members of a room with the right to join its call.
async fn tickets(target: &Target, size: usize) -> Result<Vec<Ticket>> {
    let sessions = register_all(target, &new_run(), "calls", size).await?;
    let creator = sessions.first().context("a call has participants")?;
    let events = json!({ "org.matrix.msc3401.call.member": 0 });
    let body = json!({ "name": "A call of im2-bench", "power_level_content_override": { "events": events } });
    let room = create_room_with(&mut target.connect(), target, creator, body).await?;
    spread(target, 4, size, async |connection, index| {
        let session = &sessions[index];
        if index > 0 {
            join(connection, session, &room).await?;
        }
        let path = format!("/_matrix/client/v3/user/{}/openid/request_token", encode(&session.user_id));
        let openid: Value =
            serde_json::from_slice(&prepare(connection, &call(Method::POST, path, Some(session), "{}")).await?)?;
        let body = json!({ "room": room, "device_id": format!("BENCH{index}"), "openid_token": openid });
        let request = call(Method::POST, "/livekit/jwt/sfu/get", None::<&Session>, body.to_string());
        serde_json::from_slice(&prepare(connection, &request).await?).context("the answer is no right to join")
    })
    .await
}

/// The same from the example `unit` of im2-rtc, which lets everybody in.
async fn unit_tickets(target: &Target, size: usize) -> Result<Vec<Ticket>> {
    let host = target.endpoint.host.to_str().context("the host is no text")?;
    let room = new_run();
    spread(target, 1, size, async |connection, index| {
        let path = format!("/token?room={room}&identity=bench-{index}");
        let request =
            Call { method: Method::GET, path: path.into(), authorization: None, body: "".into(), limit: CALL_LIMIT };
        let Answer { status, body } = connection.call(&request).await?;
        if status != 200 {
            bail!("the unit gives no token: status {status}");
        }
        Ok(Ticket { url: format!("ws://{host}"), jwt: String::from_utf8(body.to_vec())? })
    })
    .await
}
