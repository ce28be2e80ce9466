//! Simplified sliding sync (MSC4186), on its stable route and on the older one that clients use today.

use axum::{extract::State as Extract, response::Response};
use im2_core::{Code, features::Feature};
use im2_sync::sliding_sync::{Body, Dialect, SlidingRequest};
use serde::Deserialize;

use im2_edge::{Api, State};
use im2_edge::{
    auth::Waiting,
    body::{Json, QueryParams, json_bytes},
    error::{ApiError, ApiResult},
    limits::Class,
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .post("/_matrix/client/v4/sync", Access::User, stable)
        .limited(Class::Sync)
        .post("/_matrix/client/unstable/org.matrix.simplified_msc3575/sync", Access::User, older)
        .limited(Class::Sync)
}

/// The parameters that the older form has in the query instead of the body.
#[derive(Deserialize)]
struct Query {
    pos: Option<String>,
    timeout: Option<u64>,
    set_presence: Option<String>,
}

async fn stable(
    Extract(api): State,
    waiting: Waiting,
    QueryParams(query): QueryParams<Query>,
    Json(body): Json<Body>,
) -> ApiResult<Response> {
    answer(&api, waiting, Dialect::Stable, query, body).await
}

async fn older(
    Extract(api): State,
    waiting: Waiting,
    QueryParams(query): QueryParams<Query>,
    Json(body): Json<Body>,
) -> ApiResult<Response> {
    answer(&api, waiting, Dialect::Older, query, body).await
}

async fn answer(api: &Api, waiting: Waiting, dialect: Dialect, query: Query, body: Body) -> ApiResult<Response> {
    let Query { pos, timeout, set_presence } = query;
    let body = Body {
        pos: pos.or(body.pos),
        timeout: timeout.or(body.timeout),
        set_presence: set_presence.or(body.set_presence),
        ..body
    };
    let request = SlidingRequest::new(dialect, body)?;
    let session = waiting.session.clone();
    if api.engine.core.withheld_features.contains(session.user, Feature::SlidingSync) {
        return Err(ApiError::new(
            Code::Unrecognized,
            "an administrator has switched sliding sync off for this account",
        ));
    }
    Ok(json_bytes(waiting.unless_ended(api, api.engine.sync.sliding.sync(&session, request)).await?))
}
