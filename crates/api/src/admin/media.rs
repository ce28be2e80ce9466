//! Media: looking at it, withdrawing it, deleting it (Synapse's administration API, "Media").

use axum::{extract::State as Extract, response::Response};
use im2_core::Code;
use im2_edge::State;
use im2_edge::{
    auth::Admin,
    body::{Answer, Params, QueryParams, empty},
    error::{ApiError, ApiResult},
    routes::{Access, Routes},
};
use im2_model::{RoomId, UserId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::paging::NoBody;

pub(super) fn routes() -> Routes {
    const MEDIA: &str = "/_synapse/admin/v1/media/{serverName}/{mediaId}";
    Routes::default()
        .get(MEDIA, Access::Admin, info)
        .delete(MEDIA, Access::Admin, delete)
        .post("/_synapse/admin/v1/media/delete", Access::Admin, delete_old)
        .post("/_synapse/admin/v1/media/{serverName}/delete", Access::Admin, delete_old_of)
        .post("/_synapse/admin/v1/media/quarantine/{serverName}/{mediaId}", Access::Admin, quarantine)
        .post("/_synapse/admin/v1/media/unquarantine/{serverName}/{mediaId}", Access::Admin, unquarantine)
        .get("/_synapse/admin/v1/media/quarantine_changes", Access::Admin, quarantine_changes)
        .post("/_synapse/admin/v1/media/protect/{mediaId}", Access::Admin, protect)
        .post("/_synapse/admin/v1/media/unprotect/{mediaId}", Access::Admin, unprotect)
        .get("/_synapse/admin/v1/room/{roomId}/media", Access::Admin, in_room)
        .post("/_synapse/admin/v1/room/{roomId}/media/quarantine", Access::Admin, quarantine_room)
        .post("/_synapse/admin/v1/quarantine_media/{roomId}", Access::Admin, quarantine_room)
        .post("/_synapse/admin/v1/user/{userId}/media/quarantine", Access::Admin, quarantine_user)
        .post("/_synapse/admin/v1/purge_media_cache", Access::Admin, purge_cache)
}

type Name = Params<(String, String)>;

async fn info(Extract(api): State, Admin(_): Admin, Params((server_name, media_id)): Name) -> ApiResult<Answer<Value>> {
    let info = api.engine.admin.media.info(&server_name, &media_id).await?;
    Ok(Answer(json!({
        "media_info": {
            "media_origin": server_name,
            "user_id": info.owner,
            "media_id": info.media_id,
            "media_type": info.content_type,
            "media_length": info.size,
            "upload_name": info.filename,
            "created_ts": info.created_ts,
            "filesystem_id": info.digest.map(|digest| digest.to_string()),
            "url_cache": null,
            "last_access_ts": info.accessed_ts,
            "quarantined_by": info.quarantined_by,
            "authenticated": true,
            "safe_from_quarantine": info.protected,
            "sha256": info.digest.map(|digest| digest.to_string()),
        }
    })))
}

fn deleted(media: &[String]) -> Answer<Value> {
    Answer(json!({ "deleted_media": media, "total": media.len() }))
}

async fn delete(
    Extract(api): State,
    Admin(_): Admin,
    Params((server_name, media_id)): Name,
) -> ApiResult<Answer<Value>> {
    Ok(deleted(&api.engine.admin.media.delete(&server_name, &media_id).await?))
}

#[derive(Deserialize)]
struct OldQuery {
    before_ts: Option<u64>,
    #[serde(default)]
    size_gt: u64,
    keep_profiles: Option<bool>,
}

async fn delete_old(
    Extract(api): State,
    Admin(_): Admin,
    QueryParams(query): QueryParams<OldQuery>,
    _: NoBody,
) -> ApiResult<Answer<Value>> {
    let OldQuery { before_ts, size_gt, keep_profiles } = query;
    let before = before_ts.ok_or_else(no_time)?;
    let keep_profiles = keep_profiles.unwrap_or(true);
    Ok(deleted(&api.engine.admin.media.delete_old(before, size_gt, keep_profiles).await?))
}

/// The older form of the path, which names this server.
async fn delete_old_of(
    extract: State,
    admin: Admin,
    Params(server_name): Params<String>,
    query: QueryParams<OldQuery>,
    body: NoBody,
) -> ApiResult<Answer<Value>> {
    if server_name != extract.engine.core.server_name.as_str() {
        return Err(ApiError::new(Code::Unknown, "only media of this server can be deleted"));
    }
    delete_old(extract, admin, query, body).await
}

fn no_time() -> ApiError {
    ApiError::new(Code::MissingParam, "before_ts is missing: a time in milliseconds since 1970")
}

/// Defines a handler that withdraws a piece of media or gives it back.
macro_rules! quarantining {
    ($name:ident, $quarantine:expr) => {
        async fn $name(
            Extract(api): State,
            Admin(session): Admin,
            Params((server_name, media_id)): Name,
            _: NoBody,
        ) -> ApiResult<Response> {
            api.engine.admin.media.quarantine(&session, &server_name, &media_id, $quarantine).await?;
            Ok(empty())
        }
    };
}

quarantining!(quarantine, true);
quarantining!(unquarantine, false);

#[derive(Deserialize)]
struct ChangesQuery {
    #[serde(default)]
    from: i64,
}

async fn quarantine_changes(
    Extract(api): State,
    Admin(_): Admin,
    QueryParams(ChangesQuery { from }): QueryParams<ChangesQuery>,
) -> ApiResult<Answer<Value>> {
    let (changes, next) = api.engine.admin.media.quarantine_changes(from).await?;
    let origin = &api.engine.core.server_name;
    let changes: Vec<_> = changes
        .iter()
        .map(|change| json!({ "origin": origin, "media_id": change.media_id, "quarantined": change.quarantined }))
        .collect();
    Ok(Answer(json!({ "next_batch": next, "changes": changes })))
}

/// Defines a handler that keeps a piece of media from being withdrawn, or no longer.
macro_rules! protecting {
    ($name:ident, $protect:expr) => {
        async fn $name(
            Extract(api): State,
            Admin(_): Admin,
            Params(media_id): Params<String>,
            _: NoBody,
        ) -> ApiResult<Response> {
            api.engine.admin.media.protect(&media_id, $protect).await?;
            Ok(empty())
        }
    };
}

protecting!(protect, true);
protecting!(unprotect, false);

async fn in_room(Extract(api): State, Admin(_): Admin, Params(room_id): Params<RoomId>) -> ApiResult<Answer<Value>> {
    let (local, remote) = api.engine.admin.media.in_room(&room_id).await?;
    let server_name = &api.engine.core.server_name;
    let local: Vec<_> = local.into_iter().map(|id| format!("mxc://{server_name}/{id}")).collect();
    let remote: Vec<_> = remote.into_iter().map(|name| format!("mxc://{name}")).collect();
    Ok(Answer(json!({ "local": local, "remote": remote })))
}

async fn quarantine_room(
    Extract(api): State,
    Admin(session): Admin,
    Params(room_id): Params<RoomId>,
    _: NoBody,
) -> ApiResult<Answer<Value>> {
    let count = api.engine.admin.media.quarantine_room(&session, &room_id).await?;
    Ok(Answer(json!({ "num_quarantined": count })))
}

async fn quarantine_user(
    Extract(api): State,
    Admin(session): Admin,
    Params(user_id): Params<UserId>,
    _: NoBody,
) -> ApiResult<Answer<Value>> {
    let count = api.engine.admin.media.quarantine_user(&session, &user_id).await?;
    Ok(Answer(json!({ "num_quarantined": count })))
}

#[derive(Deserialize)]
struct CacheQuery {
    before_ts: Option<u64>,
}

/// Nothing of other servers is kept here.
async fn purge_cache(
    Admin(_): Admin,
    QueryParams(CacheQuery { before_ts }): QueryParams<CacheQuery>,
    _: NoBody,
) -> ApiResult<Answer<Value>> {
    before_ts.ok_or_else(no_time)?;
    Ok(Answer(json!({ "deleted": 0 })))
}
