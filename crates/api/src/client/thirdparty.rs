//! Bridged networks, and the rooms and users that are found there (spec: "Third-party Networks").

use axum::extract::State as Extract;
use im2_core::session::Session;
use im2_followers::appservices::Kind;
use serde::Deserialize;
use serde_json::{Map, Value};

use im2_edge::State;
use im2_edge::{
    auth::User,
    body::{Answer, Params, QueryParams},
    error::ApiResult,
    limits::Class,
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/_matrix/client/v3/thirdparty/protocols", Access::User, protocols)
        .limited(Class::Search)
        .get("/_matrix/client/v3/thirdparty/protocol/{protocol}", Access::User, protocol)
        .limited(Class::Search)
        .get("/_matrix/client/v3/thirdparty/location/{protocol}", Access::User, locations)
        .limited(Class::Search)
        .get("/_matrix/client/v3/thirdparty/user/{protocol}", Access::User, users)
        .limited(Class::Search)
        .get("/_matrix/client/v3/thirdparty/location", Access::User, location_of_alias)
        .limited(Class::Search)
        .get("/_matrix/client/v3/thirdparty/user", Access::User, user_of_id)
        .limited(Class::Search)
}

async fn protocols(Extract(api): State, User(_): User) -> Answer<Map<String, Value>> {
    Answer(api.engine.followers.appservices.protocols().await)
}

async fn protocol(Extract(api): State, User(_): User, Params(protocol): Params<String>) -> ApiResult<Answer<Value>> {
    Ok(Answer(api.engine.followers.appservices.protocol(&protocol).await?))
}

type Query = QueryParams<Vec<(String, String)>>;

async fn locations(
    Extract(api): State,
    User(session): User,
    Params(protocol): Params<String>,
    QueryParams(query): Query,
) -> ApiResult<Answer<Vec<Value>>> {
    let fields = fields(&session, query);
    Ok(Answer(api.engine.followers.appservices.search(Kind::Location, &protocol, fields).await?))
}

async fn users(
    Extract(api): State,
    User(session): User,
    Params(protocol): Params<String>,
    QueryParams(query): Query,
) -> ApiResult<Answer<Vec<Value>>> {
    let fields = fields(&session, query);
    Ok(Answer(api.engine.followers.appservices.search(Kind::User, &protocol, fields).await?))
}

/// The query parameters that are passed on to the bridge: all except those for this server.
fn fields(session: &Session, query: Vec<(String, String)>) -> Vec<(String, String)> {
    const ASSERTED: [&str; 3] = ["user_id", "device_id", "org.matrix.msc3202.device_id"];
    let is_field = |name: &str| name != "access_token" && (session.service.is_none() || !ASSERTED.contains(&name));
    query.into_iter().filter(|(name, _)| is_field(name)).collect()
}

#[derive(Deserialize)]
struct AliasQuery {
    alias: String,
}

async fn location_of_alias(
    Extract(api): State,
    User(_): User,
    QueryParams(AliasQuery { alias }): QueryParams<AliasQuery>,
) -> ApiResult<Answer<Vec<Value>>> {
    Ok(Answer(api.engine.followers.appservices.reverse(Kind::Location, &alias).await?))
}

#[derive(Deserialize)]
struct UserQuery {
    userid: String,
}

async fn user_of_id(
    Extract(api): State,
    User(_): User,
    QueryParams(UserQuery { userid }): QueryParams<UserQuery>,
) -> ApiResult<Answer<Vec<Value>>> {
    Ok(Answer(api.engine.followers.appservices.reverse(Kind::User, &userid).await?))
}
