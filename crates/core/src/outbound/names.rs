//! Addresses of other servers by their names.
//!
//! Users choose the names, so a look-up that gets no answer must cost nobody else anything: it holds no thread, has a
//! time limit, and is one of few at a time for its caller and the only one for its name. Whether an address may be
//! connected to is for the caller to check.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use hickory_resolver::{
    TokioResolver,
    config::{LookupIpStrategy, ResolverConfig, ResolverOpts},
    net::runtime::TokioRuntimeProvider,
};
use im2_fair::{Bounds, Turns, caller};
use parking_lot::Mutex;
use quick_cache::sync::Cache;
use tokio::time::{Instant, timeout};

use super::Failure;

/// Look-ups at the same time. The target is the name: whoever else wants it finds the answer in the cache.
const BOUNDS: Bounds =
    Bounds { running: 64, running_per_key: 8, running_per_target: 1, waiting: 4_096, waiting_per_key: 256 };
/// The time for one look-up, with all its attempts.
const LIMIT: Duration = Duration::from_secs(5);
/// The time for one question to one name server, and how often it is asked.
const ATTEMPT: Duration = Duration::from_secs(2);
const ATTEMPTS: usize = 2;
/// Answers that are kept, a few hundred bytes each, and for how long at most: addresses move.
const KEPT: u64 = 1_024;
const KEPT_FOR: Duration = Duration::from_secs(3_600);
/// Names whose look-up failed, and how long that is the answer.
const FAILED: usize = 4_096;
const FAILED_FOR: Duration = Duration::from_secs(10);
/// The system's configuration, and how often it is looked at for changes.
const FILES: [&str; 2] = ["/etc/resolv.conf", "/etc/hosts"];
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// Resolves names.
pub(super) struct Names {
    turns: Turns<String>,
    failed: Cache<String, (Instant, String)>,
    loaded: Mutex<Option<Loaded>>,
}

struct Loaded {
    resolver: Arc<TokioResolver>,
    /// When the files had changed last.
    changed: [Option<SystemTime>; 2],
    looked: Instant,
}

impl Default for Names {
    fn default() -> Self {
        Self { turns: Turns::new(BOUNDS), failed: Cache::new(FAILED), loaded: Mutex::default() }
    }
}

impl Names {
    /// The addresses of a name, of both kinds in turn.
    pub(super) async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, Failure> {
        self.refuse_failed(name)?;
        let _turn = self.turns.take_for(caller::current(), Some(name.to_owned())).await?;
        self.refuse_failed(name)?; // while it waited
        let failure = match timeout(LIMIT, self.resolver().lookup_ip(name)).await {
            Ok(Ok(found)) => return Ok(alternating(found.iter())),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no name server answered in time".to_owned(),
        };
        self.failed.insert(name.to_owned(), (Instant::now(), failure.clone()));
        Err(Failure::Name(failure))
    }

    fn refuse_failed(&self, name: &str) -> Result<(), Failure> {
        let failed = self.failed.get(name).filter(|(at, _)| at.elapsed() < FAILED_FOR);
        failed.map_or(Ok(()), |(_, failure)| Err(Failure::Name(failure)))
    }

    /// The resolver for the system's configuration as it is now.
    fn resolver(&self) -> Arc<TokioResolver> {
        let mut loaded = self.loaded.lock();
        let known = loaded.as_ref().filter(|loaded| loaded.looked.elapsed() < LOOK_AGAIN);
        if let Some(known) = known {
            return Arc::clone(&known.resolver);
        }
        let changed = FILES.map(|file| std::fs::metadata(file).and_then(|file| file.modified()).ok());
        let looked = Instant::now();
        if let Some(known) = loaded.as_mut().filter(|known| known.changed == changed) {
            known.looked = looked;
            return Arc::clone(&known.resolver);
        }
        let resolver = Arc::new(of_the_system());
        *loaded = Some(Loaded { resolver: Arc::clone(&resolver), changed, looked });
        resolver
    }
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Names").field("turns", &self.turns).finish_non_exhaustive()
    }
}

fn of_the_system() -> TokioResolver {
    let configured = TokioResolver::builder_tokio().and_then(|mut builder| {
        set_limits(builder.options_mut());
        builder.build()
    });
    configured.unwrap_or_else(|error| {
        tracing::warn!(%error, "the system names no name server: only names in /etc/hosts can be resolved");
        with_config(ResolverConfig::from_parts(None, Vec::new(), Vec::new()))
    })
}

fn with_config(config: ResolverConfig) -> TokioResolver {
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    set_limits(builder.options_mut());
    builder.build().expect("only TLS and trust anchors can fail to load, and there are none")
}

fn set_limits(options: &mut ResolverOpts) {
    options.timeout = ATTEMPT;
    options.attempts = ATTEMPTS;
    options.cache_size = KEPT;
    options.positive_max_ttl = Some(KEPT_FOR);
    options.negative_max_ttl = Some(KEPT_FOR);
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
}

/// First one of each kind, so that a machine that has only one of them soon comes to an address that it can reach.
fn alternating(addresses: impl Iterator<Item = IpAddr>) -> Vec<IpAddr> {
    let (mut v4, mut v6): (Vec<_>, Vec<_>) = addresses.partition(IpAddr::is_ipv4);
    let mut sorted = Vec::with_capacity(v4.len() + v6.len());
    v4.reverse();
    v6.reverse();
    while !(v4.is_empty() && v6.is_empty()) {
        sorted.extend(v4.pop());
        sorted.extend(v6.pop());
    }
    sorted
}

#[cfg(test)]
mod tests {
    use std::{net::IpAddr, sync::Arc};

    use hickory_resolver::config::{NameServerConfig, ResolverConfig};
    use im2_fair::{Caller, caller::scope};
    use im2_model::UserNid;
    use tokio::{net::UdpSocket, task::JoinSet, time::Instant};

    use super::{BOUNDS, Failure, LIMIT, Loaded, Names, alternating, with_config};

    /// Names that only a server which never answers could resolve.
    async fn with_a_silent_server() -> (Arc<Names>, UdpSocket) {
        let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let mut server = NameServerConfig::udp("127.0.0.1".parse().unwrap());
        server.connections[0].port = silent.local_addr().unwrap().port();
        let resolver = Arc::new(with_config(ResolverConfig::from_parts(None, Vec::new(), vec![server])));
        let names = Names::default();
        let changed = super::FILES.map(|file| std::fs::metadata(file).and_then(|file| file.modified()).ok());
        *names.loaded.lock() = Some(Loaded { resolver, changed, looked: Instant::now() });
        (Arc::new(names), silent)
    }

    #[tokio::test]
    async fn the_machine_itself_has_a_name() {
        let found = Names::default().addresses("localhost").await.unwrap();
        assert!(found.contains(&IpAddr::from([127, 0, 0, 1])), "{found:?}");
        assert!(found.iter().all(IpAddr::is_loopback), "{found:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn names_that_do_not_resolve_hold_up_only_who_asks_for_them() {
        let (names, _silent) = with_a_silent_server().await;
        let mut asking = JoinSet::new();
        for number in 0..200 {
            let names = Arc::clone(&names);
            asking.spawn(scope(Caller::User(UserNid(1)), async move {
                names.addresses(&format!("silent{number}.example.org")).await.map(drop)
            }));
        }
        let began = Instant::now();
        while names.turns.load().waiting == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(names.turns.load().running, BOUNDS.running_per_key);
        let other = scope(Caller::User(UserNid(2)), names.addresses("localhost")).await;
        assert!(other.is_ok_and(|found| !found.is_empty()));
        assert_eq!(began.elapsed().as_millis(), 0, "the other user has not waited");
        let failed = asking.join_next().await.unwrap().unwrap();
        assert!(matches!(failed, Err(Failure::Name(_))), "{failed:?}");
        assert!(began.elapsed() <= 2 * LIMIT, "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_the_answer_for_a_while() {
        let (names, _silent) = with_a_silent_server().await;
        assert!(names.addresses("silent.example.org").await.is_err());
        let (began, started) = (Instant::now(), names.turns.load().started);
        assert!(names.addresses("silent.example.org").await.is_err());
        assert_eq!((began.elapsed().as_millis(), names.turns.load().started), (0, started));
    }

    #[test]
    fn kinds_of_addresses_alternate() {
        let list = |text: &str| text.split_whitespace().map(|ip| ip.parse().unwrap()).collect::<Vec<IpAddr>>();
        let sorted = alternating(list("192.0.2.1 192.0.2.2 192.0.2.3 2001:db8::1").into_iter());
        assert_eq!(sorted, list("192.0.2.1 2001:db8::1 192.0.2.2 192.0.2.3"));
    }
}
