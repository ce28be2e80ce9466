//! Keys of end-to-end encryption (spec: "Key management API", "Cross-signing").

use std::collections::BTreeMap;

use axum::{extract::State as Extract, response::Response};
use im2_accounts::uia::Auth;
use im2_chat::e2ee::{ClaimRequest, CrossSigningUpload, DeviceLists, QueryRequest, SignaturesUpload, Upload};
use im2_core::Code;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use im2_edge::State;
use im2_edge::{
    auth::User,
    body::{Answer, Json, QueryParams, RawBody, empty},
    error::{ApiError, ApiResult},
    interactive::Interactive,
    limits::Class,
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .post("/_matrix/client/v3/keys/upload", Access::User, upload)
        .limited(Class::Keys)
        .post("/_matrix/client/v3/keys/query", Access::User, query)
        .limited(Class::Keys)
        .post("/_matrix/client/v3/keys/claim", Access::User, claim)
        .limited(Class::Keys)
        .get("/_matrix/client/v3/keys/changes", Access::User, changes)
        .limited(Class::Keys)
        .post("/_matrix/client/v3/keys/device_signing/upload", Access::User, upload_cross_signing)
        .limited(Class::Keys)
        // matrix-js-sdk still asks here.
        .post("/_matrix/client/unstable/keys/device_signing/upload", Access::User, upload_cross_signing)
        .limited(Class::Keys)
        .post("/_matrix/client/v3/keys/signatures/upload", Access::User, upload_signatures)
        .limited(Class::Keys)
}

#[derive(Serialize)]
struct UploadAnswer {
    one_time_key_counts: BTreeMap<String, u64>,
}

async fn upload(
    Extract(api): State,
    User(session): User,
    Json(upload): Json<Upload>,
) -> ApiResult<Answer<UploadAnswer>> {
    let counts = api.engine.chat.e2ee.upload(&session, upload).await?;
    let counts = counts.by_algorithm().map(|(algorithm, count)| (algorithm.to_owned(), count));
    Ok(Answer(UploadAnswer { one_time_key_counts: counts.collect() }))
}

#[derive(Deserialize)]
struct QueryBody {
    device_keys: QueryRequest,
}

async fn query(Extract(api): State, User(session): User, Json(body): Json<QueryBody>) -> ApiResult<Answer<Value>> {
    Ok(Answer(api.engine.chat.e2ee.query(&session, body.device_keys).await?))
}

#[derive(Deserialize)]
struct ClaimBody {
    one_time_keys: ClaimRequest,
}

async fn claim(Extract(api): State, User(_): User, Json(body): Json<ClaimBody>) -> ApiResult<Answer<Value>> {
    Ok(Answer(api.engine.chat.e2ee.claim(body.one_time_keys).await?))
}

#[derive(Deserialize)]
struct ChangesQuery {
    from: Option<String>,
    to: Option<String>,
}

async fn changes(
    Extract(api): State,
    User(session): User,
    QueryParams(query): QueryParams<ChangesQuery>,
) -> ApiResult<Answer<DeviceLists>> {
    let token = async |text: Option<String>, name: &str| {
        let text = text.ok_or_else(|| ApiError::new(Code::MissingParam, format!("{name} is missing")))?;
        Ok::<_, ApiError>(api.engine.core.token(&text, name).await?)
    };
    let (from, to) = (token(query.from, "`from`").await?, token(query.to, "`to`").await?);
    Ok(Answer(api.engine.chat.e2ee.changes(&session, &from, &to).await?))
}

#[derive(Deserialize)]
struct CrossSigningBody {
    master_key: Option<Map<String, Value>>,
    self_signing_key: Option<Map<String, Value>>,
    user_signing_key: Option<Map<String, Value>>,
    auth: Option<Auth>,
}

async fn upload_cross_signing(Extract(api): State, User(session): User, RawBody(sent): RawBody) -> ApiResult<Response> {
    let request = Interactive::new(&api, "keys/device_signing/upload", Some(&session), sent);
    let CrossSigningBody { master_key, self_signing_key, user_signing_key, auth } = request.parse()?;
    let is_empty = [&master_key, &self_signing_key, &user_signing_key].into_iter().all(Option::is_none);
    if is_empty && auth.is_some() {
        // Success would say that the keys with which the client began are published.
        return Err(ApiError::new(Code::MissingParam, "the request has no keys: send them again along with `auth`"));
    }
    let upload = CrossSigningUpload { master_key, self_signing_key, user_signing_key };
    let publish = api.engine.chat.e2ee.upload_cross_signing(&session, upload, auth);
    request.confirm(publish).await?;
    Ok(empty())
}

async fn upload_signatures(
    Extract(api): State,
    User(session): User,
    Json(body): Json<SignaturesUpload>,
) -> ApiResult<Answer<Value>> {
    Ok(Answer(api.engine.chat.e2ee.upload_signatures(&session, body).await?))
}
