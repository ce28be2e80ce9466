//! The whole server as a value: opened, listening, and ended in order.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail};
use im2_accounts::PasswordCost;
use im2_core::{Store, jobs};
use im2_edge::{Api, observe::Observing, peer::Proxies};
use im2_engine::Engine;
use im2_model::{Clock, Random, ServerName, SystemClock, SystemRandom};
use im2_rtc::Sfu;
use im2_turn::Turn;

use crate::{
    config::Config,
    control,
    essential_tasks::Essential,
    http::{Bound, Bounds, ConnectionLimit, Http},
    metrics,
    options::{self, Shares},
    process, rtc, web,
};

pub use crate::essential_tasks::PartEnded;

/// How long requests under way may take to end after a stop. Long polls are answered at once, so what is left are
/// slow uploads and downloads.
const DRAIN: Duration = Duration::from_secs(6);
/// Files kept for the database, media and ourselves when connections are counted against the limit of open files.
const OWN_FILES: u64 = 256;
/// The most connections at once, whatever the system would allow: each costs up to 30 KB.
const MOST_CONNECTIONS: u64 = 100_000;
/// Letters and digits of the secret for relays: 256 bits.
const SECRET_LENGTH: usize = 43;
/// Prometheus and a curious operator.
const METRICS_CONNECTIONS: u32 = 16;
/// How long they may take to read.
const METRICS_PATIENCE: Duration = Duration::from_secs(60);

/// The parts of a server that a test chooses and a configuration does not.
pub struct World {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// The cost of hashing a password.
    pub password_cost: PasswordCost,
    /// The program that decodes AVIF pictures; `None` to decode none.
    pub decoder: Option<im2_media::Decoder>,
}

impl Default for World {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            password_cost: PasswordCost::default(),
            decoder: None,
        }
    }
}

/// The decoder of AVIF pictures: this program itself, with another command. By this path it is the same program even if
/// a newer one has taken its place on the disk. `None` on other systems than Linux.
pub(crate) fn decoder() -> Option<im2_media::Decoder> {
    cfg!(target_os = "linux").then(|| im2_media::Decoder::new("/proc/self/exe", &["picture-decoder"]))
}

/// A running server.
#[derive(Debug)]
pub struct Running {
    engine: Arc<Engine>,
    http: Http,
    metrics: Option<Http>,
    rtc: Option<Sfu>,
    public_url: String,
    /// The tasks that run beside the requests and end when the shutdown begins.
    essential: Essential,
}

/// Opens the data directory and puts the engine on it.
pub async fn open(config: &Config, world: World) -> Result<Engine> {
    let options = options::engine(config, &world, Shares::of(config).caches)?;
    let store = open_store(config).await?;
    Ok(Engine::open(options, store, world.clock, world.random).await?)
}

/// Opens the data directory, or makes it.
async fn open_store(config: &Config) -> Result<Arc<Store>> {
    let directory = &config.data_dir;
    let store = Shares::of(config).store;
    let open = move || make_private(&store.directory).map_err(Into::into).and_then(|()| Store::open(&store));
    let opened = tokio::task::spawn_blocking(open).await?;
    let store = Arc::new(opened.with_context(|| format!("cannot open {}", directory.display()))?);
    let server_name = config.server_name();
    let made_for = claim(&store, &server_name).await?;
    if made_for != server_name.as_str() {
        bail!(
            "{} was made for the server name {made_for}, not {server_name}: users and rooms carry the name in their \
             identifiers, so it cannot change. Set server_name = \"{made_for}\", or choose another data_dir",
            directory.display()
        );
    }
    Ok(store)
}

/// The secret of credentials for relays: the one that was set, else one that is made once and kept, so that credentials
/// outlive a restart.
async fn relay_secret(config: &Config, store: &Store, world: &World) -> Result<String> {
    const KEY: &str = "turn_secret";
    if let Some(secret) = &config.turn.shared_secret {
        return Ok(secret.reveal().to_owned());
    }
    let new = world.random.alphanumeric(SECRET_LENGTH).into_bytes();
    let found = store.write(move |tx| match tx.server_value(KEY)? {
        Some(found) => Ok(found),
        None => tx.set_server_value(KEY, &new).map(|()| new.clone()),
    });
    String::from_utf8(found.await?).context("the database's secret for relays is damaged")
}

/// Makes the folder, if there is none, for its owner alone: it will hold messages and keys.
fn make_private(directory: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

/// The server name that the database was made for; ours, if it is new.
async fn claim(store: &Store, server_name: &ServerName) -> Result<String> {
    const KEY: &str = "server_name";
    let ours = server_name.as_str().as_bytes().to_vec();
    let found = store.write(move |tx| match tx.server_value(KEY)? {
        Some(found) => Ok(found),
        None => tx.set_server_value(KEY, &ours).map(|()| ours.clone()),
    });
    String::from_utf8(found.await?).context("the database's server name is damaged")
}

impl Running {
    /// Starts a server. When this returns it answers.
    pub async fn start(config: &Config, world: World) -> Result<Self> {
        let files = process::raise_file_limit();
        let mut options = options::engine(config, &world, Shares::of(config).caches)?;
        let store = open_store(config).await?;
        let (mut own_files, mut turn) = (OWN_FILES, None);
        if config.relays() {
            let secret = relay_secret(config, &store, &world).await?;
            let relaying = options::turn::options(config, &world, &secret, files)?;
            own_files += options::turn::sockets(&relaying);
            let bound = Turn::bind(relaying).await.context("the built-in TURN server")?;
            options.chat.turn = Some(options::turn::relays(config, &bound, &secret));
            turn = Some(bound);
        }
        let most = files.saturating_sub(own_files).clamp(64, MOST_CONNECTIONS);
        let engine = Arc::new(Engine::open(options, store, world.clock, world.random).await?);
        let senders = engine.followers.appservices.open_senders().await?;
        let bound = Bound::to(&config.http.bind).await.context("http.bind")?;
        let requests = metrics::Requests::default();
        let public_url = config.public_url.clone().unwrap_or_else(|| address_url(bound.addresses().next()));
        let rtc = rtc::start(config, &engine).await?;
        let options = im2_edge::Options {
            public_url: config.public_url.clone(),
            proxies: Proxies::new(config.http.trusted_proxies.clone()),
            observer: Observing::by(requests.clone()),
            web: web::client().with_homeservers(&config.web_homeservers),
            support: config.support(),
            calls: rtc.as_ref().map(rtc::signer),
        };
        let relayed = turn.as_ref().map(Turn::counters);
        let metrics = start_metrics(config, requests, &engine, rtc.clone(), relayed).await?;
        let proxies = Proxies::new(config.http.trusted_proxies.clone());
        let bounds = Bounds {
            most: most as u32,
            connection_limit: ConnectionLimit::new(config.http.connections_per_address, proxies),
            patience: Duration::from_secs(config.http.write_timeout),
        };
        let router = im2_api::router(Arc::new(Api::new(Arc::clone(&engine), options)));
        let router = match &rtc {
            Some(sfu) => rtc::mount(router, sfu.clone(), Proxies::new(config.http.trusted_proxies.clone())),
            None => router,
        };
        let http = bound.serve(&router, &bounds);
        let mut essential = Essential::default();
        essential.spawn("the job runner", jobs::run(engine.core.clone(), engine.job_handlers()));
        essential.spawn("the control socket", control::listen(Arc::clone(&engine), config.data_dir.clone()));
        essential.spawn("upkeep", engine.upkeep().run());
        essential.spawn("push delivery", engine.push_delivery().run());
        essential.spawn("application services", senders.run(engine.core.shutdown.clone()));
        if let Some(sfu) = &rtc {
            essential.spawn("the watch over calls", rtc::watch(Arc::clone(&engine), sfu.clone()));
        }
        if let Some(turn) = turn {
            let shutdown = engine.core.shutdown.clone();
            essential.spawn("the TURN server", turn.run(async move { shutdown.begun().await }));
        }
        Ok(Self { engine, http, metrics, rtc, public_url, essential })
    }

    /// The page on which the first administrator registers; `None` once there is one.
    pub async fn first_admin_link(&self) -> Result<Option<String>> {
        let token = self.engine.people.accounts.first_admin_token().await?;
        Ok(token.map(|token| format!("{}/register?token={}", self.public_url, token.token)))
    }

    /// The use cases.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// The forwarding of calls, if it is on.
    pub fn rtc(&self) -> Option<&Sfu> {
        self.rtc.as_ref()
    }

    /// The addresses listened on, with the ports that the operating system chose.
    pub fn addresses(&self) -> &[SocketAddr] {
        self.http.addresses()
    }

    /// The addresses metrics are served on.
    pub fn metrics_addresses(&self) -> &[SocketAddr] {
        self.metrics.as_ref().map_or(&[], Http::addresses)
    }

    /// An address of this machine at which the server answers.
    pub fn url(&self) -> String {
        address_url(self.addresses().first().copied())
    }

    /// Completes when a part without which the server is not whole has ended. The process has to end then.
    pub async fn failed(&mut self) -> PartEnded {
        let metrics = async {
            match &mut self.metrics {
                Some(metrics) => metrics.ended().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            part = self.engine.core.store.failed() => PartEnded { part, is_unsafe: true },
            ended = self.essential.ended() => ended,
            () = self.http.ended() => PartEnded { part: "a listener", is_unsafe: false },
            () = metrics => PartEnded { part: "the metrics listener", is_unsafe: false },
        }
    }

    /// Ends in order: no new connections, requests under way are answered, jobs end, everything is on disk.
    pub async fn stop(self) -> Result<()> {
        self.engine.core.shutdown.begin();
        if let Some(sfu) = &self.rtc {
            sfu.stop().await;
        }
        if !self.http.stop(DRAIN).await {
            tracing::warn!(seconds = DRAIN.as_secs(), "requests that did not end in time are cut off");
        }
        if let Some(metrics) = self.metrics {
            metrics.stop(Duration::ZERO).await;
        }
        self.essential.join().await?;
        self.engine.upkeep().flush().await?;
        self.engine.core.store.flush().await.map(drop).context("the database could not be flushed")
    }
}

async fn start_metrics(
    config: &Config,
    requests: metrics::Requests,
    engine: &Arc<Engine>,
    rtc: Option<Sfu>,
    relayed: Option<Arc<im2_turn::Counters>>,
) -> Result<Option<Http>> {
    if config.metrics.bind.is_empty() {
        return Ok(None);
    }
    let router = metrics::router(requests, engine, rtc, relayed);
    match Bound::to(&config.metrics.bind).await {
        Ok(bound) => Ok(Some(bound.serve(&router, &metrics_bounds()))),
        Err(error) if config.metrics.chosen => Err(error.context("metrics.bind")),
        Err(error) => {
            tracing::warn!(%error, "no metrics: set metrics.bind to serve them elsewhere, or to [] to do without");
            Ok(None)
        }
    }
}

/// Prometheus and a curious operator need little.
fn metrics_bounds() -> Bounds {
    let connection_limit = ConnectionLimit::new(METRICS_CONNECTIONS as usize, Proxies::default());
    Bounds { most: METRICS_CONNECTIONS, connection_limit, patience: METRICS_PATIENCE }
}

/// An address as a URL; one that stands for all of the machine's addresses becomes the loopback one.
fn address_url(address: Option<SocketAddr>) -> String {
    let Some(address) = address else { return String::new() };
    match (address.ip().is_unspecified(), address.is_ipv6()) {
        (true, false) => format!("http://127.0.0.1:{}", address.port()),
        (true, true) => format!("http://[::1]:{}", address.port()),
        _ => format!("http://{address}"),
    }
}
