//! Health checks for supervisors and load balancers: whether the process lives, and whether it can serve.

use std::{borrow::Cow, time::Duration};

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

/// Whether the database answered when it was asked last; if not, what is wrong with it.
#[derive(Debug, Default)]
pub struct Readiness(Mutex<Option<(Instant, Ready)>>);

type Ready = Result<(), Cow<'static, str>>;

const SILENT: &str = "the database does not respond";

impl Readiness {
    /// Asks the writer and the readers, unless somebody has just done so.
    async fn check(&self, api: &Api) -> Ready {
        let mut last = self.0.lock().await;
        if let Some((at, ready)) = &*last
            && at.elapsed() < FRESH
        {
            return ready.clone();
        }
        let answers = timeout(PATIENCE, caller::scope(Caller::Server, api.engine.answers())).await;
        let ready = match answers {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                if let Some(why) = api.engine.unwritable() {
                    Err(format!("read only: {why}").into()) // the store has said so in the log
                } else {
                    tracing::error!(%error, "not ready: the database does not answer");
                    Err(SILENT.into())
                }
            }
            Err(_) => {
                tracing::error!(seconds = PATIENCE.as_secs(), "not ready: the database does not answer in time");
                Err(SILENT.into())
            }
        };
        *last = Some((Instant::now(), ready.clone()));
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
    match api.readiness.check(&api).await {
        Ok(()) => status(StatusCode::OK, "ready"),
        Err(problem) => status(StatusCode::SERVICE_UNAVAILABLE, &problem),
    }
}

fn status(status: StatusCode, word: &str) -> Response {
    (status, json_bytes(json!({ "status": word }).to_string())).into_response()
}
