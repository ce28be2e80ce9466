//! `first-sync`: what it takes to answer clients that begin, for accounts in very many rooms, and what the answers
//! cost that follow. Each request is measured by itself: its time, and the CPU time of the server for it.

mod requests;
pub(super) mod setup;

use anyhow::{Context, Result};

use self::requests::{Client, FIRST_ROOMS, Opening, Sample};
use self::setup::{Account, World};
use super::progress;
use super::start::Server;
use crate::args::{FirstSyncOptions, ServerCommand};
use crate::report::{Better, Report, millis};
use crate::stats::Latencies;
use crate::target::Target;

/// Measures.
pub async fn run(target: &Target, options: &FirstSyncOptions) -> Result<Report> {
    let mut host = Host::new(target, options).await?;
    let world = World::build(target, options).await?;
    let settings =
        format!("rooms of {} members and {} messages, {} times", options.members + 1, options.messages, options.times);
    let mut report = Report::new(&target.name, "first-sync", settings);
    for account in &world.accounts {
        let name = |what: &str, caches: &str| format!("{} rooms, {caches}: {what}", account.rooms);
        if host.command.is_some() {
            for opening in Opening::ALL {
                progress(format_args!("first-sync on {}: {}", target.name, name(opening.name(), "cold")));
                let mut figures = Figures::default();
                for _ in 0..options.times {
                    host.restart().await?;
                    figures.add(&opening.measure(&mut host.client(account).await?).await?);
                }
                figures.report(&mut report, &name(opening.name(), "cold"));
            }
        }
        for opening in Opening::ALL {
            progress(format_args!("first-sync on {}: {}", target.name, name(opening.name(), "warm")));
            let mut client = host.client(account).await?;
            opening.measure(&mut client).await?;
            let mut figures = Figures::default();
            for _ in 0..options.times {
                figures.add(&opening.measure(&mut client).await?);
            }
            figures.report(&mut report, &name(opening.name(), "warm"));
        }
        let followed = follow(target, &mut host.client(account).await?, &world, options.times).await?;
        followed.sync.report(&mut report, &name("/sync of one message", "warm"));
        followed.sliding.report(&mut report, &name("sliding sync of one message", "warm"));
        followed.all_in_sight.report(&mut report, &name("sliding sync of one message, all rooms in sight", "warm"));
    }
    host.end().await?;
    Ok(report)
}

/// The figures of answers that bring one message.
#[derive(Debug, Default)]
struct Followed {
    sync: Figures,
    /// Sliding syncs with the first rooms in sight.
    sliding: Figures,
    /// Sliding syncs with a list that has been grown to all rooms.
    all_in_sight: Figures,
}

/// Measures the answers to clients that follow, each time one message after the last.
async fn follow(target: &Target, client: &mut Client<'_>, world: &World, times: u32) -> Result<Followed> {
    let mut sender = target.connect();
    let mut followed = Followed::default();
    let (_, mut token) = client.sync(true).await?;
    let (_, mut pos) = client.sliding(FIRST_ROOMS, 20, None).await?;
    for turn in 0..=times {
        let event_id = world.say(&mut sender, client.account).await?;
        let (one, next_token) = client.sync_since(&token, &event_id).await?;
        let (other, next_pos) = client.sliding_since(&pos, FIRST_ROOMS, 20, &event_id).await?;
        (token, pos) = (next_token, next_pos);
        // The first of them fills caches.
        if turn > 0 {
            followed.sync.add(&one);
            followed.sliding.add(&other);
        }
    }
    let all = client.account.rooms;
    let (_, pos) = client.sliding(FIRST_ROOMS, 1, None).await?;
    let (_, mut pos) = client.sliding(all, 1, Some(&pos)).await?;
    for turn in 0..=times {
        let event_id = world.say(&mut sender, client.account).await?;
        let (sample, next_pos) = client.sliding_since(&pos, all, 1, &event_id).await?;
        pos = next_pos;
        if turn > 0 {
            followed.all_in_sight.add(&sample);
        }
    }
    Ok(followed)
}

/// The server: one that was there, or one that can be started anew.
struct Host<'a> {
    target: &'a Target,
    command: Option<ServerCommand>,
    server: Option<Server>,
}

impl<'a> Host<'a> {
    async fn new(target: &'a Target, options: &FirstSyncOptions) -> Result<Self> {
        let command = ServerCommand { show_output: options.show_output, command: options.command.clone() };
        let mut host = Self { target, command: Some(command).filter(|it| !it.command.is_empty()), server: None };
        host.restart().await?;
        Ok(host)
    }

    /// Starts the server anew, if that is possible.
    async fn restart(&mut self) -> Result<()> {
        self.end().await?;
        if let Some(command) = &self.command {
            self.server = Some(Server::start(self.target, command).await?.0);
        }
        Ok(())
    }

    async fn end(&mut self) -> Result<()> {
        match self.server.take() {
            Some(server) => server.stop().await.map(drop).context("the server does not end"),
            None => Ok(()),
        }
    }

    /// A client of one account.
    async fn client<'w>(&self, account: &'w Account) -> Result<Client<'w>> {
        let process = self.server.as_ref().map(Server::process).transpose()?.or(self.target.process);
        Client::connect(self.target, process, account).await
    }
}

/// The figures of one kind of request.
#[derive(Debug, Default)]
struct Figures {
    times: Latencies,
    cpu: Latencies,
    bytes: usize,
}

impl Figures {
    fn add(&mut self, sample: &Sample) {
        self.times.record(sample.time);
        if let Some(cpu) = sample.cpu {
            self.cpu.record(cpu);
        }
        self.bytes = sample.body.len();
    }

    #[expect(clippy::cast_precision_loss, reason = "sizes stay far below 2^52")]
    fn report(self, report: &mut Report, name: &str) {
        let time = self.times.summary();
        report.lower(&format!("{name}, time p50"), "ms", millis(time.p50));
        report.lower(&format!("{name}, time p95"), "ms", millis(time.p95));
        if !self.cpu.is_empty() {
            let cpu = self.cpu.summary();
            report.lower(&format!("{name}, server CPU p50"), "ms", millis(cpu.p50));
            report.lower(&format!("{name}, server CPU p95"), "ms", millis(cpu.p95));
        }
        report.add(&format!("{name}, answer"), "KiB", Better::Neither, self.bytes as f64 / 1024.0);
    }
}
