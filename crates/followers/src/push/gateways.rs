//! The order in which gateways are told: fair between users and between gateways.
//!
//! Anybody may name a gateway, also one that accepts connections and says nothing. So no user and no gateway has more
//! than a share of what is told at the same time, and a gateway that cannot be reached is left alone for a while: then
//! one attempt shows whether it is back.

use std::{collections::HashMap, sync::Arc, time::Duration};

use im2_fair::{Bounds, FairQueue, Load};
use im2_model::UserNid;
use tokio::time::Instant;
use url::{Position, Url};

use crate::follower::Backoff;

const BOUNDS: Bounds = Bounds {
    // Each costs a connection.
    running: 64,
    // A user has a few devices.
    running_per_key: 4,
    // Most users have one of very few gateways, which answer in a tenth of a second.
    running_per_target: 16,
    // A pusher waits once, so this is bounded by the number of pushers.
    waiting: usize::MAX,
    waiting_per_key: usize::MAX,
};
/// Attempts in a row that did not reach a gateway before it is left alone.
const FAILURES: u32 = 3;
/// How long it is left alone at first, and then.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const PAUSES: Backoff = Backoff { first: FIRST_PAUSE, last: Duration::from_secs(300), longest_asked: Duration::ZERO };

/// A push gateway: the host and port of its URL.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Gateway(Arc<str>);

impl Gateway {
    /// The gateway that a pusher's URL names.
    pub(super) fn of(url: &str) -> Self {
        let parsed = Url::parse(url).ok();
        Self(parsed.as_ref().map_or(url, |url| &url[Position::BeforeHost..Position::AfterPort]).into())
    }
}

/// Whether a gateway was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contact {
    /// It answered, whatever it said.
    Reached,
    /// No connection could be made, or no answer came.
    Unreachable,
    /// It was not spoken to.
    None,
}

/// Pushers that have something to be told.
#[derive(Debug)]
pub(super) struct Gateways {
    queue: FairQueue<UserNid, Gateway, i64>,
    failing: HashMap<Gateway, Failing>,
}

#[derive(Debug, Default)]
struct Failing {
    failures: u32,
    /// The time until which it is left alone.
    until: Option<Instant>,
}

impl Gateways {
    pub(super) fn new() -> Self {
        Self { queue: FairQueue::new(BOUNDS), failing: HashMap::new() }
    }

    /// Queues a pusher.
    pub(super) fn push(&mut self, user: UserNid, nid: i64, gateway: Gateway) {
        self.queue.push_always(user, Some(gateway), nid);
    }

    /// The next pusher whose gateway may be told something.
    pub(super) fn take(&mut self) -> Option<(UserNid, i64, Gateway)> {
        let taken = self.queue.take()?;
        // All work is pushed with a target.
        taken.target.map(|gateway| (taken.key, taken.work, gateway))
    }

    /// Notes that a pusher of `user` is no longer being told.
    pub(super) fn done(&mut self, user: UserNid, gateway: &Gateway, contact: Contact) {
        self.queue.done(&user, Some(gateway));
        match contact {
            Contact::None => {}
            Contact::Reached => {
                if self.failing.remove(gateway).is_some() {
                    self.queue.limit(gateway, None);
                }
            }
            Contact::Unreachable => {
                let failing = self.failing.entry(gateway.clone()).or_default();
                if failing.until.is_some() {
                    return; // began before it was left alone
                }
                failing.failures = failing.failures.saturating_add(1);
                if failing.failures >= FAILURES {
                    failing.until = Some(Instant::now() + PAUSES.pause(failing.failures - FAILURES + 1, None));
                    self.queue.limit(gateway, Some(0));
                }
            }
        }
    }

    /// When the next gateway has been left alone for long enough.
    pub(super) fn next_attempt(&self) -> Option<Instant> {
        self.failing.values().filter_map(|failing| failing.until).min()
    }

    /// Lets gateways that have been left alone for long enough be tried once.
    pub(super) fn try_again(&mut self) {
        let now = Instant::now();
        for (gateway, failing) in &mut self.failing {
            if failing.until.is_some_and(|until| until <= now) {
                failing.until = None;
                self.queue.limit(gateway, Some(1));
            }
        }
    }

    /// The state, for metrics.
    pub(super) fn load(&self) -> Load {
        self.queue.load()
    }
}

#[cfg(test)]
mod tests {
    use im2_model::UserNid;
    use tokio::time::advance;

    use super::{BOUNDS, Contact, FAILURES, FIRST_PAUSE, Gateway, Gateways};

    fn gateway(host: &str) -> Gateway {
        Gateway::of(&format!("https://{host}/_matrix/push/v1/notify"))
    }

    #[test]
    fn the_pushers_of_one_user_do_not_hold_up_those_of_another() {
        let mut gateways = Gateways::new();
        for nid in 0..200 {
            let host = if nid % 2 == 0 { "silent.example".to_owned() } else { format!("silent{nid}.example") };
            gateways.push(UserNid(1), nid, gateway(&host));
        }
        let told = std::iter::from_fn(|| gateways.take()).count();
        assert_eq!(told, BOUNDS.running_per_key);
        gateways.push(UserNid(2), 1_000, gateway("push.example"));
        assert_eq!(gateways.take(), Some((UserNid(2), 1_000, gateway("push.example"))));
    }

    #[test]
    fn a_silent_gateway_of_many_users_does_not_hold_up_another() {
        let mut gateways = Gateways::new();
        for user in 0..1_000 {
            gateways.push(UserNid(user), user, gateway("silent.example"));
        }
        assert_eq!(std::iter::from_fn(|| gateways.take()).count(), BOUNDS.running_per_target);
        gateways.push(UserNid(5), 1_000, gateway("push.example"));
        assert!(gateways.take().is_some_and(|(.., other)| other == gateway("push.example")));
    }

    #[tokio::test(start_paused = true)]
    async fn a_gateway_that_cannot_be_reached_is_left_alone_and_then_tried_once() {
        let (mut gateways, away) = (Gateways::new(), gateway("away.example"));
        for user in 0..20 {
            gateways.push(UserNid(user), user, away.clone());
        }
        for _ in 0..FAILURES {
            let (user, ..) = gateways.take().unwrap();
            gateways.done(user, &away, Contact::Unreachable);
        }
        assert_eq!(gateways.take(), None, "it is left alone");
        gateways.try_again();
        assert_eq!(gateways.take(), None, "it is not time yet");
        advance(FIRST_PAUSE).await;
        gateways.try_again();
        let (user, ..) = gateways.take().unwrap();
        assert_eq!(gateways.take(), None, "one attempt is enough");
        gateways.done(user, &away, Contact::Unreachable);
        advance(FIRST_PAUSE).await;
        gateways.try_again();
        assert_eq!(gateways.take(), None, "the pause doubles");
        advance(FIRST_PAUSE).await;
        gateways.try_again();
        let (user, ..) = gateways.take().unwrap();
        gateways.done(user, &away, Contact::Reached);
        assert_eq!(std::iter::from_fn(|| gateways.take()).count(), 20 - FAILURES as usize - 2);
        assert_eq!(gateways.next_attempt(), None);
    }
}
