//! `hostile`: what one ordinary account can do to everybody else.
//!
//! The server is started without rate limits, and each attack is prepared as if its account had had a long time for
//! it. Then the server is started anew as it comes, with its limits, and people begin to talk. Attacks follow each
//! other, with quiet between them: how long the others wait during an attack is compared with the quiet beside it, so
//! that a machine that is busy with other things does not decide.

mod attack;
mod attacks;
mod ground;
mod hosts;
mod raw;
mod talk;
mod verdict;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use self::attack::{Attack, Running, Tally};
use self::ground::Ground;
use self::hosts::Hosts;
use self::talk::{Fared, Talking};
use self::verdict::{Bound, Verdict};
use super::progress;
use super::start::Server;
use crate::args::HostileOptions;
use crate::client::Endpoint;
use crate::matrix::new_run;
use crate::process::{Cpu, Process};
use crate::report::{Better, Figure, Report, Row, millis};
use crate::stats::Summary;
use crate::target::Target;

/// How long the others talk before anything is measured.
const WARM_UP: Duration = Duration::from_secs(5);
/// How often the server's memory is looked at during an attack.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Measures.
pub async fn run(target: &Target, options: &HostileOptions) -> Result<Report> {
    let names = chosen(options)?;
    let always = variables(&options.with)?;
    let preparing: Vec<_> = always.iter().copied().chain(variables(&options.prepare_with)?).collect();
    let hosts = Hosts::listen().await?;
    let run = new_run();

    let (server, _) = Server::start_with(target, &options.server, &preparing).await?;
    progress(format_args!("hostile: {} people in {} rooms", options.talkers, options.rooms));
    let ground = Ground::build(target, &run, options, hosts).await?;
    let mut attacks = Vec::new();
    for name in names {
        progress(format_args!("hostile: preparing {name}"));
        attacks.push(attacks::prepare(name, &ground).await.with_context(|| format!("cannot prepare `{name}`"))?);
    }
    server.stop().await?;

    let (server, _) = Server::start_with(target, &options.server, &always).await?;
    let target = Target { process: Some(server.process()?), ..target.clone() };
    let interval = Duration::from_millis(options.interval.into());
    let talking = Talking::begin(&target, &run, &ground.talkers, ground.rooms.clone(), interval).await?;
    let measure = Measure { target: &target, talking: &talking, options };
    let settings = format!(
        "{} attacks of {} s; {} people in {} rooms, a message each every {} ms",
        attacks.len(),
        options.seconds,
        options.talkers,
        options.rooms,
        options.interval
    );
    let mut report = Report::new(&target.name, "hostile", settings);
    measure.all(attacks, &mut report).await?;
    server.stop().await?;
    Ok(report)
}

/// The attacks that were asked for.
fn chosen(options: &HostileOptions) -> Result<Vec<&'static str>> {
    for name in &options.only {
        ensure!(
            attacks::NAMES.contains(&name.as_str()),
            "there is no attack `{name}`, but {}",
            attacks::NAMES.join(", ")
        );
    }
    let is_chosen = |name: &&str| options.only.is_empty() || options.only.iter().any(|only| only == name);
    Ok(attacks::NAMES.into_iter().filter(is_chosen).collect())
}

fn variables(texts: &[String]) -> Result<Vec<(&str, &str)>> {
    let mut pairs = Vec::new();
    for text in texts {
        pairs.push(text.split_once('=').with_context(|| format!("`{text}` is not NAME=VALUE"))?);
    }
    Ok(pairs)
}

/// The server during one attack.
#[derive(Debug)]
struct Strain {
    tally: Arc<Tally>,
    cpu: Cpu,
    /// Growth of resident memory, at its highest.
    grown: u64,
}

struct Measure<'a> {
    target: &'a Target,
    talking: &'a Talking,
    options: &'a HostileOptions,
}

impl Measure<'_> {
    async fn all(&self, attacks: Vec<Attack>, report: &mut Report) -> Result<()> {
        tokio::time::sleep(WARM_UP).await;
        let mut before = self.quiet().await;
        for (index, attack) in attacks.into_iter().enumerate() {
            let name = attack.name;
            progress(format_args!("hostile: {name}"));
            let endpoint = attacker_endpoint(self.target, index);
            let (fared, strain) = self.attack(attack, endpoint).await?;
            tokio::time::sleep(Duration::from_secs(self.options.settle.into())).await;
            let after = self.quiet().await;
            let bound = Bound { times: self.options.bound, floor: Duration::from_millis(self.options.floor.into()) };
            let verdict = Verdict::of(bound, &before, &fared, &after);
            progress(format_args!(
                "hostile: {name}: {:.1} × (quiet {:.1} and {:.1} ms); {}",
                verdict.ratio(),
                millis(before.delivery.p99),
                millis(after.delivery.p99),
                strain.tally.describe()
            ));
            report.faults.extend(verdict.faults(name));
            report.rows.push(self.row(name, &fared, &verdict, &strain));
            for (kind, fared) in [("during", &fared), ("after", &after)] {
                if fared.errors.total() > 0 {
                    report.faults.push(format!("{kind} {name}: {} requests of others failed", fared.errors.total()));
                    report.faults.extend(fared.errors.describe());
                }
            }
            before = after;
        }
        Ok(())
    }

    async fn quiet(&self) -> Fared {
        self.talking.phase(Duration::from_secs(self.options.quiet.into()), async || ()).await.0
    }

    async fn attack(&self, attack: Attack, endpoint: Endpoint) -> Result<(Fared, Strain)> {
        let meter = self.target.meter();
        let (resident, before) = (meter.resident()?.unwrap_or(0), meter.sample()?);
        let highest = Highest::watch(self.target.process)?;
        let running = Running::begin(attack, endpoint)?;
        let length = Duration::from_secs(self.options.seconds.into());
        let (fared, ended) = self
            .talking
            .phase(length, async || {
                let cpu = meter.since(&before)?;
                let highest = highest.value();
                anyhow::Ok((running.end().await?, cpu, highest))
            })
            .await;
        let (tally, cpu, highest) = ended?;
        Ok((fared, Strain { tally, cpu, grown: highest.saturating_sub(resident) }))
    }

    #[expect(clippy::cast_precision_loss, reason = "counts and sizes stay far below 2^52")]
    fn row(&self, name: &str, fared: &Fared, verdict: &Verdict, strain: &Strain) -> Row {
        let mut figures = Vec::new();
        let mut add = |name: &str, unit, better, value| {
            figures.push(Figure { name: name.to_owned(), unit, value, better });
        };
        let tally = &strain.tally;
        add("2xx", "", Better::Neither, tally.among(200..300) as f64);
        add("429", "", Better::Neither, tally.among(429..430) as f64);
        add("other", "", Better::Neither, tally.other() as f64);
        let mut latency = |name: &str, summary: &Summary, ratio: f64| {
            add(&format!("{name} p50"), "ms", Better::Lower, millis(summary.p50));
            add(&format!("{name} p99"), "ms", Better::Lower, millis(summary.p99));
            add("×", "", Better::Lower, ratio);
        };
        latency("ack", &fared.ack, verdict.ack);
        latency("delivery", &fared.delivery, verdict.delivery);
        add("stranger p99", "ms", Better::Lower, millis(fared.stranger.p99));
        let share = |used: Duration| 100.0 * used.as_secs_f64() / f64::from(self.options.seconds);
        add("CPU", "%", Better::Lower, strain.cpu.server.map_or(0.0, share));
        add("bench CPU", "%", Better::Neither, share(strain.cpu.generator));
        add("memory", "+MiB", Better::Lower, strain.grown as f64 / f64::from(1 << 20));
        Row { name: name.to_owned(), figures }
    }
}

/// The server as an attacker reaches it: from an address of their own, in a network of their own.
fn attacker_endpoint(target: &Target, index: usize) -> Endpoint {
    let endpoint = &target.endpoint;
    if !endpoint.address.is_ipv4() || !endpoint.address.ip().is_loopback() {
        return endpoint.clone();
    }
    let network = u8::try_from(index % 250 + 1).unwrap_or(1);
    endpoint.from_address(IpAddr::V4(Ipv4Addr::new(127, 20, network, 1)))
}

/// Looks at the memory of a process again and again, on a thread of its own because that takes a while.
#[derive(Debug)]
struct Highest(Arc<AtomicU64>);

impl Highest {
    fn watch(process: Option<Process>) -> Result<Self> {
        let value = Arc::new(AtomicU64::new(0));
        let watched = Arc::downgrade(&value);
        std::thread::Builder::new().name("memory".to_owned()).spawn(move || {
            while let (Some(value), Some(process)) = (watched.upgrade(), process) {
                value.fetch_max(process.resident().unwrap_or(0), Ordering::Relaxed);
                drop(value);
                std::thread::sleep(LOOK_EVERY);
            }
        })?;
        Ok(Self(value))
    }

    fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
