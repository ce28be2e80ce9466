//! The whole server in the test's own process.

use std::sync::Arc;

use im2_accounts::PasswordCost;
use im2_engine::Engine;
use im2_model::{Clock, ManualClock, Millis, Random, SeededRandom};
use im2_server::{
    config::{Config, Value},
    server::{Running, World},
};
use tempfile::TempDir;

use crate::Client;

/// The configuration and the world of a server in a test. The default: the real clock and real randomness, open
/// registration, no rate limits, no metrics, no calls, a free port.
pub struct Setup {
    config: Config,
    world: World,
    clock: Option<Arc<ManualClock>>,
}

impl Default for Setup {
    fn default() -> Self {
        // Passwords of tests need no protection, and a hundred of them would cost minutes.
        let password_cost = PasswordCost { memory_kib: 8, iterations: 1 };
        let world = World { password_cost, ..World::default() };
        let setup = Self { config: Config::default(), world, clock: None };
        setup
            .set("http.bind", "127.0.0.1:0")
            .set("metrics.bind", Value::List(Vec::new()))
            .set("registration.mode", "open")
            .set("rate_limits.enabled", false)
            .set("rtc.enabled", false)
    }
}

impl Setup {
    /// Sets a key of the configuration.
    #[must_use]
    pub fn set(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.config.set(key, value).unwrap_or_else(|problems| panic!("{problems}"));
        self
    }

    /// Time stands still at `now` until [`Server::advance`] moves it.
    #[must_use]
    pub fn clock_at(mut self, now: Millis) -> Self {
        let clock = Arc::new(ManualClock::at(now));
        self.world.clock = Arc::clone(&clock) as Arc<dyn Clock>;
        self.clock = Some(clock);
        self
    }

    /// Randomness that is the same in every run.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.world.random = Arc::new(SeededRandom::new(seed)) as Arc<dyn Random>;
        self
    }

    /// Starts the server on a new folder.
    pub async fn start(self) -> Server {
        self.start_in(tempfile::tempdir().expect("a temporary folder can be made")).await
    }

    /// Starts the server on a folder that another server may have used before.
    pub async fn start_in(mut self, folder: TempDir) -> Server {
        self = self.set("data_dir", folder.path().to_str().expect("temporary folders have names in UTF-8"));
        let running = Running::start(&self.config, self.world).await;
        let running = running.unwrap_or_else(|error| panic!("the server did not start: {error:#}"));
        let client = Client::anonymous(running.url());
        Server { running, clock: self.clock, folder, client }
    }
}

/// A running server, gone with the test.
pub struct Server {
    running: Running,
    clock: Option<Arc<ManualClock>>,
    folder: TempDir,
    client: Client,
}

impl Server {
    /// Starts a server with the default setup.
    pub async fn start() -> Self {
        Setup::default().start().await
    }

    /// Registers a user, who is then signed in.
    pub async fn register(&self, name: &str) -> Client {
        self.client.register(name).await
    }

    /// Registers a user who administers the server.
    pub async fn register_admin(&self, name: &str) -> Client {
        let client = self.register(name).await;
        let made = self.engine().people.accounts.set_admin(name, true).await;
        made.unwrap_or_else(|error| panic!("{name} does not administer: {error}"));
        client
    }

    /// Somebody without an account.
    pub fn anonymous(&self) -> &Client {
        &self.client
    }

    /// The server's address, without a slash at the end.
    pub fn url(&self) -> &str {
        self.client.base()
    }

    /// The use cases, for what has no endpoint.
    pub fn engine(&self) -> &Arc<Engine> {
        self.running.engine()
    }

    /// The server, for what is neither a use case nor has an endpoint.
    pub fn running(&self) -> &Running {
        &self.running
    }

    /// A client of the metrics, if they are served.
    pub fn metrics(&self) -> Option<Client> {
        self.running.metrics_addresses().first().map(|address| Client::anonymous(format!("http://{address}")))
    }

    /// Waits until a part of the server has failed, and returns its name.
    pub async fn failed(&mut self) -> &'static str {
        self.running.failed().await.part
    }

    /// Moves the clock of [`Setup::clock_at`] and lets jobs that have become due start.
    pub fn advance(&self, by: Millis) {
        self.clock.as_ref().expect("the setup has a clock of its own").advance(by);
        self.engine().core.store.wake_jobs();
    }

    /// Stops the server in order and returns its folder, for another one to start on.
    pub async fn stop(self) -> TempDir {
        self.running.stop().await.unwrap_or_else(|error| panic!("the server did not stop in order: {error:#}"));
        self.folder
    }
}
