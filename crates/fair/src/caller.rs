//! The caller that a task works for.
//!
//! The edge gives each request the client's network ([`scope`]), and authentication replaces it by the user
//! ([`assume`]). A task that is spawned on behalf of a request has to [`inherit`] the caller. Work without one is the
//! server's own.

use std::{
    cell::Cell,
    net::{IpAddr, Ipv6Addr},
};

use im2_model::UserNid;

/// The party whose work is queued; the unit of fairness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Caller {
    /// The server itself: jobs, housekeeping, start.
    Server,
    /// A signed-in user.
    User(UserNid),
    /// Work of a user that others may come to wait for: see [`for_others`].
    Shared(UserNid),
    /// The network of somebody who is not signed in.
    Network(IpAddr),
}

impl Caller {
    /// The caller for a client's address. An IPv6 customer has a whole /64, so that is one caller.
    pub fn at(address: IpAddr) -> Self {
        Self::Network(match address.to_canonical() {
            IpAddr::V4(v4) => v4.into(),
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
        })
    }
}

tokio::task_local! {
    static CALLER: Cell<Caller>;
}

/// The caller of the current task.
pub fn current() -> Caller {
    CALLER.try_with(Cell::get).unwrap_or(Caller::Server)
}

/// The caller for work that others may come to wait for, such as bringing a room into memory. It has a turn of its own
/// beside the current caller's, so that they do not wait for what else the caller has queued.
pub fn for_others() -> Caller {
    match current() {
        Caller::User(user) => Caller::Shared(user),
        caller => caller,
    }
}

/// Runs `work` on behalf of `caller`.
pub fn scope<F: Future>(caller: Caller, work: F) -> impl Future<Output = F::Output> {
    // No async function: its future would hold `work` twice, and this is around every request.
    CALLER.scope(Cell::new(caller), work)
}

/// Changes the caller for the rest of the surrounding [`scope`]; without one nothing happens.
pub fn assume(caller: Caller) {
    // Outside a scope there is no caller to replace.
    let _ = CALLER.try_with(|current| current.set(caller));
}

/// `work` on behalf of the current caller, for a task that is about to be spawned.
pub fn inherit<F: Future>(work: F) -> impl Future<Output = F::Output> {
    CALLER.scope(Cell::new(current()), work)
}

#[cfg(test)]
mod tests {
    use super::{Caller, assume, current, inherit, scope};
    use im2_model::UserNid;

    #[tokio::test]
    async fn a_caller_follows_its_task_and_those_that_inherit() {
        let (stranger, user) = (Caller::at("192.0.2.7".parse().unwrap()), Caller::User(UserNid(7)));
        assume(user);
        assert_eq!(current(), Caller::Server, "there is no scope yet");
        scope(stranger, async {
            assert_eq!(current(), stranger);
            tokio::task::yield_now().await;
            assume(user);
            tokio::task::yield_now().await;
            let (child, orphan) = (tokio::spawn(inherit(async { current() })), tokio::spawn(async { current() }));
            assert_eq!((current(), child.await.unwrap(), orphan.await.unwrap()), (user, user, Caller::Server));
        })
        .await;
        assert_eq!(current(), Caller::Server);
    }

    #[test]
    fn one_network_is_one_caller() {
        let at = |address: &str| Caller::at(address.parse().unwrap());
        assert_eq!(at("2001:db8:1:2::1"), at("2001:db8:1:2:ffff::9"));
        assert_ne!(at("2001:db8:1:2::1"), at("2001:db8:1:3::1"));
        assert_eq!(at("::ffff:192.0.2.1"), at("192.0.2.1"));
        assert_ne!(at("192.0.2.1"), at("192.0.2.2"));
    }
}
