//! Endpoints for application services only (spec: application service API, "Client-Server API Extensions").

use axum::extract::State as Extract;
use serde::Deserialize;
use serde_json::{Value, json};

use im2_edge::State;
use im2_edge::{
    auth::Service,
    body::{Answer, OptionalJson, Params},
    error::ApiResult,
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    Routes::default().post("/_matrix/client/v1/appservice/{appserviceId}/ping", Access::User, ping)
}

#[derive(Deserialize)]
struct Ping {
    transaction_id: Option<String>,
}

async fn ping(
    Extract(api): State,
    Service(service): Service,
    Params(id): Params<String>,
    OptionalJson(Ping { transaction_id }): OptionalJson<Ping>,
) -> ApiResult<Answer<Value>> {
    let took = api.engine.followers.appservices.ping(&service, &id, transaction_id.as_deref()).await?;
    // Rounded up: bridges take nought for an answer without a time.
    Ok(Answer(json!({ "duration_ms": took.as_micros().div_ceil(1_000) as u64 })))
}
