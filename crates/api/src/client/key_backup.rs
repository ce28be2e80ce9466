//! Server-side key backups (spec: "Server-side key backups").

use std::collections::BTreeMap;

use axum::{body::Bytes, extract::State as Extract, response::Response};
use futures_util::stream;
use im2_accounts::key_backup::{BackupInfo, Export, KeyData, Keys, KeysChanged, RoomKeys, UploadedKeys};
use im2_core::{Code, session::Session};
use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};

use im2_edge::{Api, State};
use im2_edge::{
    auth::User,
    body::{Answer, Json, Params, QueryParams, empty, json_bytes, streamed as sent_as_made},
    error::{ApiError, ApiResult},
    limits::Class,
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    const CURRENT: &str = "/_matrix/client/v3/room_keys/version";
    const VERSION: &str = "/_matrix/client/v3/room_keys/version/{version}";
    const ALL: &str = "/_matrix/client/v3/room_keys/keys";
    const ROOM: &str = "/_matrix/client/v3/room_keys/keys/{roomId}";
    const SESSION: &str = "/_matrix/client/v3/room_keys/keys/{roomId}/{sessionId}";
    Routes::default()
        .post(CURRENT, Access::User, create)
        .limited(Class::KeyBackup)
        .get(CURRENT, Access::User, current)
        .get(VERSION, Access::User, info)
        .put(VERSION, Access::User, update)
        .limited(Class::KeyBackup)
        .delete(VERSION, Access::User, delete)
        .limited(Class::KeyBackup)
        .get(ALL, Access::User, get_all)
        .put(ALL, Access::User, put_all)
        .limited(Class::KeyBackup)
        .delete(ALL, Access::User, delete_all)
        .limited(Class::KeyBackup)
        .get(ROOM, Access::User, get_room)
        .put(ROOM, Access::User, put_room)
        .limited(Class::KeyBackup)
        .delete(ROOM, Access::User, delete_room)
        .limited(Class::KeyBackup)
        .get(SESSION, Access::User, get_session)
        .put(SESSION, Access::User, put_session)
        .limited(Class::KeyBackup)
        .delete(SESSION, Access::User, delete_session)
        .limited(Class::KeyBackup)
}

#[derive(Deserialize)]
struct Backup {
    algorithm: String,
    auth_data: Map<String, Value>,
    version: Option<String>,
}

async fn create(
    Extract(api): State,
    User(session): User,
    Json(Backup { algorithm, auth_data, .. }): Json<Backup>,
) -> ApiResult<Answer<Value>> {
    let version = api.engine.people.key_backups.create(&session, &algorithm, &auth_data).await?;
    Ok(Answer(json!({ "version": version })))
}

async fn current(Extract(api): State, User(session): User) -> ApiResult<Answer<BackupInfo>> {
    Ok(Answer(api.engine.people.key_backups.info(&session, None).await?))
}

async fn info(
    Extract(api): State,
    User(session): User,
    Params(version): Params<String>,
) -> ApiResult<Answer<BackupInfo>> {
    Ok(Answer(api.engine.people.key_backups.info(&session, Some(&version)).await?))
}

async fn update(
    Extract(api): State,
    User(session): User,
    Params(path): Params<String>,
    Json(Backup { algorithm, auth_data, version }): Json<Backup>,
) -> ApiResult<Response> {
    if version.is_some_and(|version| version != path) {
        return Err(ApiError::new(Code::InvalidParam, "the version in the body differs from the one in the path"));
    }
    api.engine.people.key_backups.update(&session, &path, &algorithm, &auth_data).await?;
    Ok(empty())
}

async fn delete(Extract(api): State, User(session): User, Params(version): Params<String>) -> ApiResult<Response> {
    api.engine.people.key_backups.delete(&session, &version).await?;
    Ok(empty())
}

#[derive(Deserialize)]
struct Query {
    version: Option<String>,
}

impl Query {
    /// The version, which the specification requires.
    fn version(self) -> ApiResult<String> {
        self.version
            .ok_or_else(|| ApiError::new(Code::MissingParam, "`version` is missing: the version of the key backup"))
    }
}

async fn get_all(
    Extract(api): State,
    User(session): User,
    QueryParams(query): QueryParams<Query>,
) -> ApiResult<Response> {
    Ok(streamed(api.engine.people.key_backups.export(&session, &query.version()?, None).await?))
}

async fn get_room(
    Extract(api): State,
    User(session): User,
    Params(room_id): Params<String>,
    QueryParams(query): QueryParams<Query>,
) -> ApiResult<Response> {
    Ok(streamed(api.engine.people.key_backups.export(&session, &query.version()?, Some(room_id)).await?))
}

async fn get_session(
    Extract(api): State,
    User(session): User,
    Params((room_id, session_id)): Params<(String, String)>,
    QueryParams(query): QueryParams<Query>,
) -> ApiResult<Answer<Box<RawValue>>> {
    Ok(Answer(api.engine.people.key_backups.session(&session, &query.version()?, room_id, session_id).await?))
}

/// The answer as it is read: a backup may be larger than what a request should hold in memory.
fn streamed(export: Export) -> Response {
    let pieces = stream::unfold(export, |mut export| async {
        let piece =
            export.next().await.inspect_err(|error| tracing::error!(%error, "a key backup broke off")).transpose()?;
        Some((piece.map(Bytes::from), export))
    });
    json_bytes(sent_as_made(pieces))
}

async fn put_all(
    Extract(api): State,
    User(session): User,
    QueryParams(query): QueryParams<Query>,
    Json(keys): Json<UploadedKeys>,
) -> ApiResult<Answer<KeysChanged>> {
    Ok(Answer(api.engine.people.key_backups.upload(&session, &query.version()?, keys).await?))
}

async fn put_room(
    Extract(api): State,
    User(session): User,
    Params(room_id): Params<String>,
    QueryParams(query): QueryParams<Query>,
    Json(keys): Json<RoomKeys>,
) -> ApiResult<Answer<KeysChanged>> {
    let keys = UploadedKeys { rooms: BTreeMap::from([(room_id, keys)]) };
    Ok(Answer(api.engine.people.key_backups.upload(&session, &query.version()?, keys).await?))
}

async fn put_session(
    Extract(api): State,
    User(session): User,
    Params((room_id, session_id)): Params<(String, String)>,
    QueryParams(query): QueryParams<Query>,
    Json(key): Json<KeyData>,
) -> ApiResult<Answer<KeysChanged>> {
    let keys = RoomKeys { sessions: BTreeMap::from([(session_id, key)]) };
    let keys = UploadedKeys { rooms: BTreeMap::from([(room_id, keys)]) };
    Ok(Answer(api.engine.people.key_backups.upload(&session, &query.version()?, keys).await?))
}

async fn delete_keys(api: &Api, session: &Session, query: Query, keys: Keys) -> ApiResult<Answer<KeysChanged>> {
    Ok(Answer(api.engine.people.key_backups.delete_keys(session, &query.version()?, keys).await?))
}

async fn delete_all(
    Extract(api): State,
    User(session): User,
    QueryParams(query): QueryParams<Query>,
) -> ApiResult<Answer<KeysChanged>> {
    delete_keys(&api, &session, query, Keys::All).await
}

async fn delete_room(
    Extract(api): State,
    User(session): User,
    Params(room_id): Params<String>,
    QueryParams(query): QueryParams<Query>,
) -> ApiResult<Answer<KeysChanged>> {
    delete_keys(&api, &session, query, Keys::Room(room_id)).await
}

async fn delete_session(
    Extract(api): State,
    User(session): User,
    Params((room_id, session_id)): Params<(String, String)>,
    QueryParams(query): QueryParams<Query>,
) -> ApiResult<Answer<KeysChanged>> {
    delete_keys(&api, &session, query, Keys::Session(room_id, session_id)).await
}
