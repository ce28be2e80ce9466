//! Rooms shared with another user (spec: "Mutual Rooms").

use axum::extract::State as Extract;
use im2_chat::rooms::{Actor, MutualToken};
use im2_core::Code;
use im2_model::UserId;
use serde::Deserialize;
use serde_json::{Value, json};

use im2_edge::State;
use im2_edge::{
    auth::User,
    body::{Answer, QueryParams},
    error::{ApiError, ApiResult},
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/_matrix/client/v1/mutual_rooms", Access::User, {
            |api: State, user: User, query: Params| mutual_rooms(api, user, query, "next_batch")
        })
        // As MSC2666 was while it was a draft.
        .get("/_matrix/client/unstable/uk.half-shot.msc2666/user/mutual_rooms", Access::User, {
            |api: State, user: User, query: Params| mutual_rooms(api, user, query, "next_batch_token")
        })
}

type Params = QueryParams<Query>;

#[derive(Deserialize)]
struct Query {
    user_id: Option<String>,
    #[serde(alias = "batch_token")]
    from: Option<String>,
}

/// Answers with the token of the next page in the member `next_batch`.
async fn mutual_rooms(
    Extract(api): State,
    User(session): User,
    QueryParams(query): Params,
    next_batch: &str,
) -> ApiResult<Answer<Value>> {
    let invalid = || ApiError::new(Code::InvalidParam, "`user_id` must be another user's ID");
    let other = query.user_id.as_deref().and_then(|text| UserId::parse(text).ok()).ok_or_else(invalid)?;
    let from = query.from.as_deref().map(str::parse::<MutualToken>).transpose()?;
    let found = api.engine.chat.rooms.mutual(&Actor::from(&session), &other, from).await?;
    let mut answer = json!({ "joined": found.joined, "count": found.count });
    if let Some(next) = found.next {
        answer[next_batch] = next.to_string().into();
    }
    Ok(Answer(answer))
}
