//! `/sync` (spec: "Syncing").

use std::{sync::Arc, time::Duration};

use axum::{extract::State as Extract, response::Response};
use im2_engine::{
    Code,
    filters::Filter,
    presence::Availability,
    sync::{StateForm, SyncRequest},
};
use serde::Deserialize;

use crate::{
    State,
    auth::Waiting,
    body::{QueryParams, json_bytes},
    edge::limits::Class,
    error::{ApiError, ApiResult},
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    Routes::default().get("/_matrix/client/v3/sync", Access::User, sync).limited(Class::Sync)
}

#[derive(Deserialize)]
struct Query {
    filter: Option<String>,
    since: Option<String>,
    #[serde(default)]
    full_state: bool,
    #[serde(default)]
    use_state_after: bool,
    /// What clients on matrix-js-sdk ask for, by the name that it had as a draft.
    #[serde(default, rename = "org.matrix.msc4222.use_state_after")]
    drafted_state_after: bool,
    #[serde(default)]
    timeout: u64,
    #[serde(default = "online")]
    set_presence: Availability,
}

fn online() -> Availability {
    Availability::Online
}

async fn sync(Extract(api): State, waiting: Waiting, QueryParams(query): QueryParams<Query>) -> ApiResult<Response> {
    let session = waiting.session.clone();
    let filter = match query.filter.as_deref().filter(|filter| !filter.is_empty()) {
        Some(parameter) => api.engine.filters.resolve(session.user, parameter).await?,
        None => Arc::new(Filter::default()),
    };
    let since = query.since.as_deref().filter(|since| !since.is_empty()).map(str::parse).transpose();
    let since = since.map_err(|_| ApiError::new(Code::InvalidParam, "`since` is no token of this server"))?;
    let state = match (query.use_state_after, query.drafted_state_after) {
        (true, _) => StateForm::After,
        (false, true) => StateForm::AfterAsDrafted,
        (false, false) => StateForm::Before,
    };
    let request = SyncRequest {
        since,
        filter,
        full_state: query.full_state,
        state,
        timeout: Duration::from_millis(query.timeout),
        set_presence: query.set_presence,
    };
    Ok(json_bytes(waiting.unless_ended(&api, api.engine.sync.sync(&session, request)).await?))
}
