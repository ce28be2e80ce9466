//! `im2 serve`: the server from start to end.

use std::{
    io::{self, Write as _},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result};
use tokio::{
    runtime,
    signal::unix::{Signal, SignalKind, signal},
};

use super::say;
use crate::{
    config::{Config, LogFormat},
    logging,
    server::{PartEnded, Running, World, decoder},
};

/// Threads for blocking work: files, pictures and password hashes, each of which has its own smaller limit.
const BLOCKING_THREADS: usize = 32;
/// How long blocking work that nobody waits for any more may go on at the end.
const BLOCKING_GRACE: Duration = Duration::from_secs(5);
/// The longest end of a server of which a part has failed. What is left of it may be stuck.
const LAST_RESORT: Duration = Duration::from_secs(20);

pub(super) fn run(config: &Config) -> Result<()> {
    logging::start(&config.log);
    let mut runtime = runtime::Builder::new_multi_thread();
    let runtime = runtime.enable_all().max_blocking_threads(BLOCKING_THREADS).thread_name("im2").build()?;
    let outcome = runtime.block_on(serve(config));
    runtime.shutdown_timeout(BLOCKING_GRACE);
    outcome
}

async fn serve(config: &Config) -> Result<()> {
    // From here on a signal ends the server in order, also while it is starting.
    let mut signals = Signals::listen()?;
    let mut running = Running::start(config, World { decoder: decoder(), ..World::default() }).await?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        server_name = %config.server_name(),
        data_dir = %config.data_dir.display(),
        registration = %config.registration_mode(),
        addresses = ?running.addresses(),
        metrics = ?running.metrics_addresses(),
        "started"
    );
    if let Some(link) = running.first_admin_link().await? {
        invite_first_admin(&link, config.log.format)?;
    }
    say(format_args!("IM2 is ready on {}", running.url()))?;
    let failure = tokio::select! {
        name = signals.next() => {
            tracing::info!(signal = name, "stopping");
            None
        }
        failure = running.failed() => Some(failure),
    };
    if let Some(failure) = failure {
        return end_after(failure, running).await;
    }
    tokio::select! {
        stopped = running.stop() => stopped?,
        name = signals.next() => anyhow::bail!("ended at once by a second {name}"),
    }
    tracing::info!("stopped");
    Ok(())
}

/// Ends a server of which a part has failed: in order, if it can still do so. The process fails in any case, so that
/// its supervisor starts it anew.
async fn end_after(failure: PartEnded, running: Running) -> Result<()> {
    tracing::error!(%failure, "stopping");
    thread::spawn(|| {
        thread::sleep(LAST_RESORT);
        tracing::error!(seconds = LAST_RESORT.as_secs(), "the server did not stop in time");
        std::process::abort();
    });
    if !failure.is_unsafe
        && let Err(error) = running.stop().await
    {
        tracing::error!(error = format!("{error:#}"), "the server did not stop in order");
    }
    Err(failure.into())
}

/// Prints the link beside the log rather than through it, whatever its level: without the link nobody administers
/// the server. It works once.
fn invite_first_admin(link: &str, format: LogFormat) -> Result<()> {
    let message = "The server has no administrator yet. The first to register by this link becomes one:";
    let line = match format {
        LogFormat::Text => format!("{message}\n  {link}"),
        LogFormat::Json => serde_json::json!({ "level": "INFO", "message": message, "link": link }).to_string(),
    };
    Ok(writeln!(io::stderr(), "{line}")?)
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> Result<Self> {
        let listen = |kind| signal(kind).context("signals cannot be listened for");
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
