//! What only application services call (spec: application service API, "Client-Server API Extensions").

use axum::extract::State as Extract;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    State,
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
    let took = api.engine.appservices.ping(&service, &id, transaction_id.as_deref()).await?;
    Ok(Answer(json!({ "duration_ms": took.as_millis() as u64 })))
}
