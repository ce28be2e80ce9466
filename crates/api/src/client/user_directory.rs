//! Finding people (spec: "User Directory").

use im2_accounts::user_directory::DirectoryEntry;
use serde::{Deserialize, Serialize};

use im2_edge::State;
use im2_edge::{
    auth::User,
    body::{Answer, Json},
    error::ApiResult,
    limits::Class,
    routes::{Access, Routes},
};

/// Results when the client does not say how many it wants.
const DEFAULT_LIMIT: usize = 10;

pub(super) fn routes() -> Routes {
    Routes::default().post("/_matrix/client/v3/user_directory/search", Access::User, search).limited(Class::Search)
}

#[derive(Debug, Deserialize)]
struct SearchBody {
    search_term: String,
    limit: Option<usize>,
}

#[derive(Debug, Serialize)]
struct SearchAnswer {
    results: Vec<UserAnswer>,
    limited: bool,
}

#[derive(Debug, Serialize)]
struct UserAnswer {
    user_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    avatar_url: Option<String>,
}

impl From<DirectoryEntry> for UserAnswer {
    fn from(entry: DirectoryEntry) -> Self {
        Self { user_id: entry.user_id.to_string(), display_name: entry.displayname, avatar_url: entry.avatar_url }
    }
}

async fn search(
    axum::extract::State(api): State,
    User(session): User,
    Json(body): Json<SearchBody>,
) -> ApiResult<Answer<SearchAnswer>> {
    let limit = body.limit.unwrap_or(DEFAULT_LIMIT);
    let found = api.engine.people.directory.search(&session, &body.search_term, limit).await?;
    let results = found.results.into_iter().map(UserAnswer::from).collect();
    Ok(Answer(SearchAnswer { results, limited: found.limited }))
}
