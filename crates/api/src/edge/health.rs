//! Whether the process lives and whether it can serve, for supervisors and load balancers.

use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde_json::json;

use crate::{
    State,
    body::json_bytes,
    routes::{Access, Routes},
};

pub(crate) fn routes() -> Routes {
    Routes::default().get("/health/live", Access::Public, live).get("/health/ready", Access::Public, ready)
}

/// Answers while the process answers anything.
async fn live() -> Response {
    status(StatusCode::OK, "live")
}

/// Answers 200 while requests can be served: the database answers and no shutdown has begun.
async fn ready(axum::extract::State(api): State) -> Response {
    let core = &api.engine.core;
    if core.shutdown.has_begun() {
        return status(StatusCode::SERVICE_UNAVAILABLE, "stopping");
    }
    match core.store.read(|db| db.next_job_after(0)).await {
        Ok(_) => status(StatusCode::OK, "ready"),
        Err(error) => {
            tracing::error!(%error, "not ready: the database does not answer");
            status(StatusCode::SERVICE_UNAVAILABLE, "the database does not answer")
        }
    }
}

fn status(status: StatusCode, word: &str) -> Response {
    (status, json_bytes(json!({ "status": word }).to_string())).into_response()
}
