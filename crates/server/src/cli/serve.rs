//! `im2 serve`: the server from start to end.

use anyhow::{Context as _, Result};
use tokio::{
    runtime,
    signal::unix::{Signal, SignalKind, signal},
};

use super::say;
use crate::{
    config::Config,
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
