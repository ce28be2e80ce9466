//! Reports each request to the binary's metrics. The edge knows routes and statuses; how they are counted and shown is
//! not its business.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http::{Method, StatusCode};

/// The route of requests that matched none: bounded, unlike their paths.
pub const NO_ROUTE: &str = "none";

/// Is told when requests begin and end. Called on the request's path: must be quick.
pub trait Observer: Send + Sync + 'static {
    /// A request has been read.
    fn began(&self);
    /// It was answered after `elapsed`, or, without a status, given up by its client.
    fn ended(&self, method: &Method, route: &str, status: Option<StatusCode>, elapsed: Duration);
}

/// Observes nothing.
#[derive(Debug, Clone, Copy)]
pub struct NoObserver;

impl Observer for NoObserver {
    fn began(&self) {}
    fn ended(&self, _: &Method, _: &str, _: Option<StatusCode>, _: Duration) {}
}

/// An observer as the edge holds it.
#[derive(Clone)]
pub struct Observing(Arc<dyn Observer>);

impl Observing {
    /// Tells `observer`.
    pub fn by(observer: impl Observer) -> Self {
        Self(Arc::new(observer))
    }

    /// Starts watching a request.
    pub(super) fn watch<'a>(&self, method: &Method, route: &'a str) -> Watch<'a> {
        self.0.began();
        Watch { observer: self.clone(), method: method.clone(), route, began: Instant::now(), status: None }
    }
}

impl Default for Observing {
    fn default() -> Self {
        Self::by(NoObserver)
    }
}

impl std::fmt::Debug for Observing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Observing")
    }
}

/// A request under way. Dropped without being finished when its client goes away.
#[derive(Debug)]
pub(super) struct Watch<'a> {
    observer: Observing,
    method: Method,
    route: &'a str,
    began: Instant,
    status: Option<StatusCode>,
}

impl Watch<'_> {
    /// Records the answer and returns how long it took.
    pub(super) fn finish(mut self, status: StatusCode) -> Duration {
        self.status = Some(status);
        self.began.elapsed()
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.observer.0.ended(&self.method, self.route, self.status, self.began.elapsed());
    }
}
