//! `start`: from the spawn of a server to its first answer, its memory when idle, and its shutdown.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use http::Method;
use rustix::process::{Pid, Signal, kill_process};

use super::progress;
use crate::args::{ServerCommand, StartOptions};
use crate::matrix::call;
use crate::process::Process;
use crate::report::{Better, Report, millis};
use crate::stats::Latencies;
use crate::target::Target;

const READY_LIMIT: Duration = Duration::from_secs(120);
const EXIT_LIMIT: Duration = Duration::from_secs(30);
/// How often the server is asked whether it is ready, and the process whether it has ended.
const ASK_EVERY: Duration = Duration::from_millis(2);

/// A server that does not outlive its measurement.
#[derive(Debug)]
pub(super) struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail when it has ended already, which is what is wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    /// Starts the server and waits for its first answer; gives the time that took.
    pub(super) async fn start(target: &Target, command: &ServerCommand) -> Result<(Self, Duration)> {
        Self::start_with(target, command, &[]).await
    }

    /// The same with variables set in its environment.
    pub(super) async fn start_with(
        target: &Target,
        command: &ServerCommand,
        environment: &[(&str, &str)],
    ) -> Result<(Self, Duration)> {
        ensure!(!answers(target).await, "something already answers at {}: stop it first", target.endpoint.address);
        let spawned = Instant::now();
        let mut server = Self(command.spawn(environment)?);
        while !answers(target).await {
            if let Some(status) = server.0.try_wait()? {
                bail!("the server ended with {status} before it answered; --show-output shows why");
            }
            ensure!(spawned.elapsed() < READY_LIMIT, "no answer from the server after {READY_LIMIT:?}");
            tokio::time::sleep(ASK_EVERY).await;
        }
        Ok((server, spawned.elapsed()))
    }

    /// Its process.
    pub(super) fn process(&self) -> Result<Process> {
        Process::find(self.0.id())
    }

    /// Asks the server to end and waits until it has; gives the time that took.
    pub(super) async fn stop(mut self) -> Result<Duration> {
        let told = Instant::now();
        let pid = Pid::from_raw(self.0.id() as i32).context("the process has no id")?;
        kill_process(pid, Signal::TERM).context("cannot send SIGTERM")?;
        while self.0.try_wait()?.is_none() {
            ensure!(told.elapsed() < EXIT_LIMIT, "the server did not end within {EXIT_LIMIT:?} of SIGTERM");
            tokio::time::sleep(ASK_EVERY).await;
        }
        Ok(told.elapsed())
    }
}

/// The figures of one start.
#[derive(Debug)]
struct Started {
    ready: Duration,
    cpu: Duration,
    resident: u64,
    exit: Duration,
}

/// Measures.
pub async fn run(target: &Target, options: &StartOptions) -> Result<Report> {
    let settings = format!("`{}`, {} times", options.server.command.join(" "), options.times);
    let mut report = Report::new(&target.name, "start", settings);
    let (mut ready, mut exit, mut cpu) = (Latencies::default(), Latencies::default(), Latencies::default());
    let mut resident = 0;
    for turn in 1..=options.times {
        progress(format_args!("start: {turn} of {}", options.times));
        let settle = Duration::from_secs(options.settle.into());
        let started = start_once(target, &options.server, settle).await?;
        ready.record(started.ready);
        exit.record(started.exit);
        cpu.record(started.cpu);
        resident = started.resident.max(resident);
    }
    let ready = ready.summary();
    report.lower("ready after p50", "ms", millis(ready.p50));
    report.lower("ready after max", "ms", millis(ready.max));
    report.lower("CPU until idle p50", "ms", millis(cpu.summary().p50));
    #[expect(clippy::cast_precision_loss, reason = "memory sizes stay far below 2^52")]
    report.add("idle memory", "MiB", Better::Lower, resident as f64 / f64::from(1 << 20));
    report.lower("exit after SIGTERM max", "ms", millis(exit.summary().max));
    Ok(report)
}

async fn start_once(target: &Target, command: &ServerCommand, settle: Duration) -> Result<Started> {
    let (server, ready) = Server::start(target, command).await?;
    tokio::time::sleep(settle).await;
    let process = server.process()?;
    let (resident, cpu) = (process.resident()?, process.cpu()?);
    Ok(Started { ready, cpu, resident, exit: server.stop().await? })
}

impl ServerCommand {
    fn spawn(&self, environment: &[(&str, &str)]) -> Result<Child> {
        let (program, arguments) = self.command.split_first().context("no command to start")?;
        let mut command = Command::new(program);
        command.envs(environment.iter().copied()).args(arguments).stdin(Stdio::null());
        if !self.show_output {
            command.stdout(Stdio::null()).stderr(Stdio::null());
        }
        command.spawn().with_context(|| format!("cannot run `{program}`"))
    }
}

/// Whether the server answers `/versions`, asked on a connection of its own.
async fn answers(target: &Target) -> bool {
    let mut request = call(Method::GET, "/_matrix/client/versions", None, "");
    request.limit = Duration::from_secs(5);
    matches!(target.connect().call(&request).await, Ok(answer) if answer.status == 200)
}
