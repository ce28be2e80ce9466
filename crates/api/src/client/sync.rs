//! `/sync` (spec: "Syncing").

use std::{io, sync::Arc, time::Duration};

use axum::{extract::State as Extract, response::Response};
use bytes::Bytes;
use futures_util::stream;
use im2_chat::{filters::Filter, presence::Availability};
use im2_core::features::Feature;
use im2_sync::{Answer, Pieces, StateForm, SyncRequest};
use serde::Deserialize;

use im2_edge::{Api, State};
use im2_edge::{
    auth::Waiting,
    body::{QueryParams, json_bytes, streamed},
    error::ApiResult,
    limits::Class,
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
    /// The same under the name that it had as a draft, which clients on matrix-js-sdk use.
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

async fn sync(
    Extract(api): State,
    mut waiting: Waiting,
    QueryParams(query): QueryParams<Query>,
) -> ApiResult<Response> {
    let session = waiting.session.clone();
    let filter = match query.filter.as_deref().filter(|filter| !filter.is_empty()) {
        Some(parameter) => api.engine.chat.filters.resolve(session.user, parameter).await?,
        None => Arc::new(Filter::default()),
    };
    let since = match query.since.as_deref().filter(|since| !since.is_empty()) {
        Some(since) => Some(api.engine.core.token(since, "`since`").await?),
        None => None,
    };
    let state = match (query.use_state_after, query.drafted_state_after) {
        _ if api.engine.core.withheld_features.contains(session.user, Feature::StateAfter) => StateForm::Before,
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
    match waiting.while_open(&api, api.engine.sync.classic.sync(&session, request)).await? {
        Answer::Whole(whole) => Ok(json_bytes(whole)),
        Answer::Pieces(pieces) => {
            let open = Open { api, waiting, pieces };
            Ok(json_bytes(streamed(stream::unfold(open, next))))
        }
    }
}

/// A large answer under way.
struct Open {
    api: Arc<Api>,
    waiting: Waiting,
    pieces: Pieces,
}

/// The next piece of a large answer. It breaks off when the session ends.
async fn next(mut open: Open) -> Option<(io::Result<Bytes>, Open)> {
    let Open { api, waiting, pieces } = &mut open;
    let next = async { pieces.next().await.transpose() };
    let piece = match waiting.while_open(api, next).await {
        Ok(piece) => Ok(Bytes::from(piece?)),
        Err(error) => {
            tracing::warn!(?error, "an answer of /sync broke off");
            Err(io::Error::other("the response was interrupted"))
        }
    };
    Some((piece, open))
}
