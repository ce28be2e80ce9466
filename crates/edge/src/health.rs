//! Health checks for supervisors and load balancers: whether the process lives, and whether it can serve.

use std::time::Duration;

use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use im2_fair::{Caller, caller};
use serde_json::json;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

use crate::{
    Api, State,
    body::json_bytes,
    routes::{Access, Routes},
};

/// Whether the server is well.
pub fn routes() -> Routes {
    Routes::default().get("/health/live", Access::Public, live).get("/health/ready", Access::Public, ready)
}

/// How long the database may take to give a sign of life. It is busy for longer only when something is wrong.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long an answer holds: anybody may ask, as often as they like.
const FRESH: Duration = Duration::from_millis(200);

/// Whether the database answered when it was asked last.
#[derive(Debug, Default)]
pub struct Readiness(Mutex<Option<(Instant, bool)>>);

impl Readiness {
    /// Asks the writer and the readers, unless somebody has just done so.
    async fn check(&self, api: &Api) -> bool {
        let mut last = self.0.lock().await;
        if let Some((at, ready)) = *last
            && at.elapsed() < FRESH
        {
            return ready;
        }
        let answers = timeout(PATIENCE, caller::scope(Caller::Server, api.engine.answers())).await;
        let ready = match answers {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                tracing::error!(%error, "not ready: the database does not answer");
                false
            }
            Err(_) => {
                tracing::error!(seconds = PATIENCE.as_secs(), "not ready: the database does not answer in time");
                false
            }
        };
        *last = Some((Instant::now(), ready));
        ready
    }
}

/// Answers while the process answers anything.
async fn live() -> Response {
    status(StatusCode::OK, "live")
}

/// Answers 200 while requests can be served: the database reads and writes, and no shutdown has begun.
async fn ready(axum::extract::State(api): State) -> Response {
    if api.engine.core.shutdown.has_begun() {
        return status(StatusCode::SERVICE_UNAVAILABLE, "stopping");
    }
    if api.readiness.check(&api).await {
        status(StatusCode::OK, "ready")
    } else {
        status(StatusCode::SERVICE_UNAVAILABLE, "the database does not respond")
    }
}

fn status(status: StatusCode, word: &str) -> Response {
    (status, json_bytes(json!({ "status": word }).to_string())).into_response()
}
