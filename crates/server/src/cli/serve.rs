//! `im2 serve`: the server from start to end.

use std::io::{self, Write as _};

use anyhow::{Context as _, Result};
use tokio::{
    runtime,
    signal::unix::{Signal, SignalKind, signal},
};

use super::say;
use crate::{
    config::{Config, LogFormat},
    logging,
    server::{Running, World},
};

/// Threads for blocking work: reading the database (which has its own smaller limit), files, password hashes.
const BLOCKING_THREADS: usize = 32;

pub(super) fn run(config: &Config) -> Result<()> {
    logging::start(&config.log);
    let mut runtime = runtime::Builder::new_multi_thread();
    let runtime = runtime.enable_all().max_blocking_threads(BLOCKING_THREADS).thread_name("im2").build()?;
    runtime.block_on(serve(config))
}

async fn serve(config: &Config) -> Result<()> {
    // From here on a signal ends the server in order, also while it is starting.
    let mut signals = Signals::listen()?;
    let running = Running::start(config, World::default()).await?;
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
    let name = signals.next().await;
    tracing::info!(signal = name, "stopping");
    tokio::select! {
        stopped = running.stop() => stopped?,
        name = signals.next() => anyhow::bail!("ended at once by a second {name}"),
    }
    tracing::info!("stopped");
    Ok(())
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
