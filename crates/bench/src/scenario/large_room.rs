//! `large-room`: a room of very many members, beside a small one, after a restart.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{HeaderValue, Method};
use serde_json::json;

use super::progress;
use super::start::Server;
use crate::args::LargeRoomOptions;
use crate::client::{Call, Connection};
use crate::matrix::{
    Session, call, create_filter, create_room, encode, expect_ok, get, join, new_run, register_all, send_path, spread,
};
use crate::process::Meter;
use crate::report::{Report, millis};
use crate::stats::Latencies;
use crate::target::Target;
use crate::wire::Marker;

/// Requests outstanding while the room is filled.
const WIDTH: usize = 8;
/// How often requests are repeated whose answers are large.
const FEW: u32 = 5;

/// The server, accounts and service that the scenario works with.
struct Scene<'a> {
    target: &'a Target,
    run: String,
    /// The application service, for whose users a request names one.
    service: Session,
    server_name: String,
    /// An ordinary member, who reads.
    reader: Session,
    writer: Session,
    filter: String,
}

/// Measures.
pub async fn run(target: &Target, options: &LargeRoomOptions) -> Result<Report> {
    let (server, _) = Server::start(target, &options.server).await?;
    let scene = Scene::new(target, options).await?;
    let connection = &mut target.connect();
    let large = create_room(connection, target, &scene.writer).await?;
    let small = create_room(connection, target, &scene.writer).await?;
    for room in [&large, &small] {
        join(connection, &scene.reader, room).await?;
    }
    progress(format_args!("large-room on {}: {} members are joining", target.name, options.members));
    scene.register(0, options.members).await?;
    let filling = Instant::now();
    spread(target, WIDTH, options.members as usize, async |connection, index| {
        scene.act(connection, &large, "join", index as u32).await
    })
    .await?;
    let filled = filling.elapsed();
    server.stop().await?;

    progress(format_args!("large-room on {}: measuring after a restart", target.name));
    let (server, _) = Server::start(target, &options.server).await?;
    let settings = format!("{} members, each request {} times", options.members, options.times);
    let mut report = Report::new(&target.name, "large-room", settings);
    report.lower("join while the room is filled", "ms", millis(filled) / f64::from(options.members));
    let process = server.process()?;
    let mut measuring =
        Measuring { report, meter: Meter::new(Some(process)), connection: target.connect(), times: options.times };
    scene.measure_first_send(&mut measuring, &large).await?;
    let fresh = options.members;
    scene.register(fresh, 2 * options.times).await?;
    for (name, room, first) in [("small room", &small, fresh), ("large room", &large, fresh + options.times)] {
        scene.measure_room(&mut measuring, name, room, first).await?;
    }
    scene.measure_reading(&mut measuring, &large).await?;
    Ok(measuring.report)
}

/// Measures requests into a report.
struct Measuring {
    report: Report,
    meter: Meter,
    connection: Connection,
    times: u32,
}

impl Measuring {
    /// Repeats a request; gives the size of the last answer.
    async fn repeat<'a>(&mut self, what: &str, times: u32, make: impl Fn(u32) -> Call<'a>) -> Result<usize> {
        let mut latencies = Latencies::default();
        let before = self.meter.sample()?;
        let mut size = 0;
        for turn in 0..times {
            let started = Instant::now();
            size = expect_ok(&mut self.connection, &make(turn)).await?.len();
            latencies.record(started.elapsed());
        }
        let cpu = self.meter.since(&before)?;
        let latencies = latencies.summary();
        self.report.lower(&format!("{what} p50"), "ms", millis(latencies.p50));
        self.report.lower(&format!("{what} max"), "ms", millis(latencies.max));
        if let Some(server) = cpu.server {
            let each = server.as_secs_f64() * 1e6 / f64::from(times.max(1));
            self.report.lower(&format!("server CPU per {what}"), "µs", each);
        }
        Ok(size)
    }
}

impl<'a> Scene<'a> {
    async fn new(target: &'a Target, options: &LargeRoomOptions) -> Result<Self> {
        let run = new_run();
        let mut people = register_all(target, &run, "large", 2).await?;
        let (Some(reader), Some(writer)) = (people.pop(), people.pop()) else { anyhow::bail!("two were registered") };
        let (_, server_name) = reader.user_id.split_once(':').context("a user ID without a server")?;
        let mut authorization = HeaderValue::from_str(&format!("Bearer {}", options.as_token))?;
        authorization.set_sensitive(true);
        let filter = create_filter(&mut target.connect(), &reader).await?;
        let service = Session { user_id: String::new(), authorization };
        Ok(Self { target, run, service, server_name: server_name.to_owned(), reader, writer, filter })
    }

    fn localpart(&self, member: u32) -> String {
        format!("bench-member-{}-{member}", self.run)
    }

    /// Registers some users of the application service.
    async fn register(&self, first: u32, count: u32) -> Result<()> {
        spread(self.target, WIDTH, count as usize, async |connection, index| {
            let username = self.localpart(first + index as u32);
            let body = json!({
                "type": "m.login.application_service", "username": username, "inhibit_login": true,
            });
            let path = "/_matrix/client/v3/register";
            expect_ok(connection, &call(Method::POST, path, Some(&self.service), body.to_string())).await.map(drop)
        })
        .await
        .map(drop)
    }

    /// A request by which a member joins or leaves.
    fn action(&self, room: &str, action: &str, member: u32) -> Call<'_> {
        let user_id = format!("@{}:{}", self.localpart(member), self.server_name);
        let path = format!("/_matrix/client/v3/rooms/{}/{action}?user_id={}", encode(room), encode(&user_id));
        call(Method::POST, path, Some(&self.service), "{}")
    }

    async fn act(&self, connection: &mut Connection, room: &str, action: &str, member: u32) -> Result<()> {
        expect_ok(connection, &self.action(room, action, member)).await.map(drop)
    }

    fn sending(&self, room: &str, name: &str, turn: u32) -> Call<'_> {
        let path = format!("{}{}-{}-{turn}", send_path(room), self.run, encode(name));
        let content = Marker { run: &self.run, sequence: turn.into() }.content(80);
        call(Method::PUT, path, Some(&self.writer), Bytes::from(content))
    }

    /// The first send after a start brings the room into memory.
    async fn measure_first_send(&self, measuring: &mut Measuring, room: &str) -> Result<()> {
        expect_ok(&mut measuring.connection, &get("/_matrix/client/v3/account/whoami", &self.writer)).await?;
        let before = measuring.meter.resident()?;
        measuring.repeat("first send after a start", 1, |turn| self.sending(room, "first", turn)).await?;
        // What the load used for itself is given back a moment later.
        tokio::time::sleep(Duration::from_secs(1)).await;
        if let (Some(before), Some(after)) = (before, measuring.meter.resident()?) {
            #[expect(clippy::cast_precision_loss, reason = "memory sizes stay far below 2^52")]
            let grown = after.saturating_sub(before) as f64 / f64::from(1 << 20);
            measuring.report.lower("memory of the room", "MiB", grown);
        }
        Ok(())
    }

    /// Measures the requests that are to cost the same in every room.
    async fn measure_room(&self, measuring: &mut Measuring, name: &str, room: &str, first: u32) -> Result<()> {
        let times = measuring.times;
        measuring.repeat(&format!("send, {name}"), times, |turn| self.sending(room, name, turn)).await?;
        for action in ["join", "leave"] {
            let what = format!("{action}, {name}");
            measuring.repeat(&what, times, |turn| self.action(room, action, first + turn)).await?;
        }
        Ok(())
    }

    /// First syncs of somebody in both rooms, and the lists of members.
    async fn measure_reading(&self, measuring: &mut Measuring, room: &str) -> Result<()> {
        let times = measuring.times;
        // The timeouts make requests differ, because servers may keep the answers of equal ones for a while.
        let lazily =
            |turn| get(format!("/_matrix/client/v3/sync?filter={}&timeout={turn}", encode(&self.filter)), &self.reader);
        measuring.repeat("first lazy /sync", times, lazily).await?;
        let whole = |turn| get(format!("/_matrix/client/v3/sync?timeout={turn}"), &self.reader);
        let size = measuring.repeat("first full /sync", FEW, whole).await?;
        measuring.report.count("bytes of the first full /sync", size as u64);
        for name in ["members", "joined_members", "state"] {
            let path = format!("/_matrix/client/v3/rooms/{}/{name}", encode(room));
            let size = measuring.repeat(&format!("/{name}"), FEW, |_| get(path.clone(), &self.reader)).await?;
            measuring.report.count(&format!("bytes of /{name}"), size as u64);
        }
        Ok(())
    }
}
