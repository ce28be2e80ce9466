//! The measurements, a module each, and the order in which they run.

pub mod calls;
pub mod crash;
pub mod fanout;
pub mod first_sync;
mod follower;
pub mod hostile;
pub mod idle;
pub mod initial_sync;
pub mod large_room;
pub mod memory;
pub mod sends;
pub mod start;
pub mod verify;

use std::io::Write;

use anyhow::{Context, Result, ensure};

use crate::args::{
    AllOptions, Cli, Common, FanoutOptions, IdleOptions, InitialSyncOptions, Scenario, SendsOptions, ServerCommand,
    StartOptions, defaults,
};
use crate::process::Process;
use crate::report::Report;
use crate::target::{Target, resolve};

/// Receives the reports of one scenario, one for each server, as soon as it is over.
pub type Sink<'a> = &'a mut dyn FnMut(Vec<Report>) -> Result<()>;

/// Runs what the command line asks for.
pub async fn run(cli: &Cli, sink: Sink<'_>) -> Result<()> {
    let common = &cli.common;
    let starts_server = match &cli.scenario {
        Scenario::Start(_) | Scenario::Crash(_) | Scenario::LargeRoom(_) | Scenario::Hostile(_) => true,
        Scenario::FirstSync(options) => !options.command.is_empty(),
        _ => false,
    };
    if starts_server {
        ensure!(common.compare.is_none(), "this scenario starts one server; `all` compares starts");
        let target = first_target(common, &common.url, None)?;
        return sink(measure(&cli.scenario, &[target]).await?);
    }
    let mut targets = vec![first_target(common, &common.url, common.server_pid)?];
    if let Some(url) = &common.compare {
        targets.push(second_target(common, url, common.compare_pid)?);
    }
    match &cli.scenario {
        Scenario::All(options) => all(common, options, &targets, sink).await,
        scenario => sink(measure(scenario, &targets).await?),
    }
}

/// Everything in turn. What leaves the server's memory as it was comes first.
async fn all(common: &Common, options: &AllOptions, targets: &[Target], sink: Sink<'_>) -> Result<()> {
    for scenario in scenarios(options) {
        sink(measure(&scenario, targets).await?)?;
    }
    let mut starts = Vec::new();
    if let (Some(url), Some(command)) = (&options.start_url, &options.start_command) {
        starts.push((first_target(common, url, None)?, command));
    }
    if let (Some(url), Some(command)) = (&options.compare_start_url, &options.compare_start_command) {
        starts.push((second_target(common, url, None)?, command));
    }
    let mut reports = Vec::new();
    for (target, command) in starts {
        let command = command.split_ascii_whitespace().map(str::to_owned).collect();
        let options = StartOptions { times: 3, settle: 2, server: ServerCommand { show_output: false, command } };
        reports.push(start::run(&target, &options).await?);
    }
    if reports.is_empty() { Ok(()) } else { sink(reports) }
}

/// The scenarios of `all` that load a running server.
fn scenarios(options: &AllOptions) -> [Scenario; 4] {
    let seconds = options.seconds;
    [
        Scenario::Idle(IdleOptions { connections: options.connections, seconds, ..defaults() }),
        Scenario::InitialSync(InitialSyncOptions { rooms: options.rooms, ..defaults() }),
        Scenario::Fanout(FanoutOptions { members: options.members, rate: options.rate, seconds, ..defaults() }),
        Scenario::Sends(SendsOptions { rooms: options.rooms, outstanding: options.outstanding, seconds, ..defaults() }),
    ]
}

/// One scenario on each server in turn.
async fn measure(scenario: &Scenario, targets: &[Target]) -> Result<Vec<Report>> {
    let mut reports = Vec::new();
    for target in targets {
        let report = match scenario {
            Scenario::Sends(options) => sends::run(target, options).await,
            Scenario::Fanout(options) => fanout::run(target, options).await,
            Scenario::Idle(options) => idle::run(target, options).await,
            Scenario::InitialSync(options) => initial_sync::run(target, options).await,
            Scenario::FirstSync(options) => first_sync::run(target, options).await,
            Scenario::Start(options) => start::run(target, options).await,
            Scenario::Crash(options) => crash::run(target, options).await,
            Scenario::LargeRoom(options) => large_room::run(target, options).await,
            Scenario::Memory(options) => memory::run(target, options).await,
            Scenario::Hostile(options) => hostile::run(target, options).await,
            Scenario::Calls(options) => calls::run(target, options).await,
            Scenario::All(_) => continue,
        };
        reports.push(report.with_context(|| format!("the measurement of {} failed", target.name))?);
    }
    Ok(reports)
}

fn first_target(common: &Common, url: &str, pid: Option<u32>) -> Result<Target> {
    target(common, url, pid, common.name.clone(), common.shared_secret.clone())
}

fn second_target(common: &Common, url: &str, pid: Option<u32>) -> Result<Target> {
    target(common, url, pid, common.compare_name.clone(), common.compare_shared_secret.clone())
}

fn target(
    common: &Common,
    url: &str,
    pid: Option<u32>,
    name: Option<String>,
    shared_secret: Option<String>,
) -> Result<Target> {
    let endpoint = resolve(url, common.allow_remote)?;
    Ok(Target {
        name: name.unwrap_or_else(|| endpoint.address.to_string()),
        endpoint,
        process: pid.map(Process::find).transpose()?,
        shared_secret,
        room_version: common.room_version.clone(),
    })
}

/// Tells the person who waits what is happening, on standard error.
fn progress(text: std::fmt::Arguments<'_>) {
    // Nobody to tell when standard error is closed.
    let _ = writeln!(std::io::stderr(), "{text}");
}
