//! Events and uploads of users (Synapse's administration API, "User media", "Redact events of a user"), their pushers,
//! and the permission to replace their cross-signing keys.

use axum::response::Response;
use im2_admin::{
    redaction::{RedactUser, Redaction},
    user_media::{MediaInfo, MediaOrder, MediaPage},
};
use im2_core::Code;
use im2_edge::State;
use im2_edge::{
    auth::Admin,
    body::{Answer, Json, Params, QueryParams, json_bytes},
    error::{ApiError, ApiResult},
    routes::{Access, Routes},
};
use im2_model::{RoomId, UserId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::paging::{Dir, NoBody, limit};
use crate::client::shown_pusher;

/// Events of each room that are looked at when the caller does not say how many.
const DEFAULT_REDACTED: usize = 1_000;

pub(super) fn routes() -> Routes {
    const MEDIA: &str = "/_synapse/admin/v1/users/{userId}/media";
    const REPLACE: &str = "/_synapse/admin/v1/users/{userId}/_allow_cross_signing_replacement_without_uia";
    Routes::default()
        .get(MEDIA, Access::Admin, media)
        .delete(MEDIA, Access::Admin, delete_media)
        .get("/_synapse/admin/v1/users/{userId}/pushers", Access::Admin, pushers)
        .post(REPLACE, Access::Admin, allow_replacement)
        .post("/_synapse/admin/v1/user/{userId}/redact", Access::Admin, redact)
        .get("/_synapse/admin/v1/user/redact_status/{redactId}", Access::Admin, redact_status)
}

#[derive(Debug, Deserialize)]
struct MediaQuery {
    order_by: Option<String>,
    dir: Option<Dir>,
    #[serde(default)]
    from: usize,
    limit: Option<usize>,
}

impl MediaQuery {
    /// The newest first, unless something is said.
    fn page(&self) -> ApiResult<MediaPage> {
        let order = self.order_by.as_deref().map(order).transpose()?;
        let newest_first = order.is_none() && self.dir.is_none();
        Ok(MediaPage {
            order: order.unwrap_or_default(),
            descending: newest_first || self.dir == Some(Dir::Backward),
            from: self.from,
            limit: limit(self.limit),
        })
    }
}

fn order(name: &str) -> ApiResult<MediaOrder> {
    Ok(match name {
        "media_id" => MediaOrder::MediaId,
        "upload_name" => MediaOrder::Filename,
        "created_ts" => MediaOrder::Created,
        "last_access_ts" => MediaOrder::Accessed,
        "media_length" => MediaOrder::Size,
        "media_type" => MediaOrder::ContentType,
        "quarantined_by" => MediaOrder::QuarantinedBy,
        "safe_from_quarantine" => MediaOrder::Protected,
        _ => return Err(ApiError::new(Code::InvalidParam, "media cannot be sorted by this field")),
    })
}

fn shown(info: &MediaInfo) -> Value {
    json!({
        "media_id": info.media_id,
        "media_type": info.content_type,
        "media_length": info.size,
        "upload_name": info.filename,
        "created_ts": info.created_ts,
        "last_access_ts": info.accessed_ts,
        "quarantined_by": info.quarantined_by,
        "safe_from_quarantine": info.protected,
    })
}

async fn media(
    axum::extract::State(api): State,
    Admin(_): Admin,
    Params(user_id): Params<UserId>,
    QueryParams(query): QueryParams<MediaQuery>,
) -> ApiResult<Answer<Value>> {
    let (media, total) = api.engine.admin.users.media(&user_id, query.page()?).await?;
    let next = query.from.saturating_add(media.len());
    let mut answer = json!({ "media": media.iter().map(shown).collect::<Vec<_>>(), "total": total });
    if next < total && !media.is_empty() {
        answer["next_token"] = next.into();
    }
    Ok(Answer(answer))
}

async fn delete_media(
    axum::extract::State(api): State,
    Admin(_): Admin,
    Params(user_id): Params<UserId>,
    QueryParams(query): QueryParams<MediaQuery>,
) -> ApiResult<Answer<Value>> {
    let page = query.page()?;
    let deleted = api.engine.admin.users.delete_media(&api.engine.admin.media, &user_id, page).await?;
    Ok(Answer(json!({ "deleted_media": deleted, "total": deleted.len() })))
}

async fn pushers(
    axum::extract::State(api): State,
    Admin(_): Admin,
    Params(user_id): Params<UserId>,
) -> ApiResult<Answer<Value>> {
    let pushers = api.engine.admin.users.pushers(&user_id).await?;
    let pushers: Vec<Value> = pushers.into_iter().map(shown_pusher).collect();
    Ok(Answer(json!({ "total": pushers.len(), "pushers": pushers })))
}

async fn allow_replacement(
    axum::extract::State(api): State,
    Admin(_): Admin,
    Params(user_id): Params<UserId>,
    _: NoBody,
) -> ApiResult<Response> {
    let until = api.engine.admin.users.allow_cross_signing_replacement(&user_id).await?;
    Ok(json_bytes(json!({ "updatable_without_uia_before_ms": until }).to_string()))
}

#[derive(Debug, Deserialize)]
struct RedactBody {
    rooms: Vec<RoomId>,
    reason: Option<String>,
    limit: Option<usize>,
    #[serde(default)]
    use_admin: bool,
    after_ts: Option<u64>,
    before_ts: Option<u64>,
}

async fn redact(
    axum::extract::State(api): State,
    Admin(admin): Admin,
    Params(user_id): Params<UserId>,
    Json(body): Json<RedactBody>,
) -> ApiResult<Response> {
    let far = |ts: &Option<u64>| ts.is_some_and(|ts| i64::try_from(ts).is_err());
    if body.limit == Some(0) || far(&body.after_ts) || far(&body.before_ts) {
        return Err(ApiError::new(
            Code::InvalidParam,
            "limit must be at least 1, and times are in milliseconds since 1970",
        ));
    }
    let request = RedactUser {
        rooms: body.rooms,
        reason: body.reason,
        limit: body.limit.unwrap_or(DEFAULT_REDACTED),
        after: body.after_ts,
        before: body.before_ts,
        by: body.use_admin.then(|| admin.user_id.clone()),
    };
    let id = api.engine.admin.users.redact(&user_id, request).await?;
    Ok(json_bytes(json!({ "redact_id": id }).to_string()))
}

async fn redact_status(
    axum::extract::State(api): State,
    Admin(_): Admin,
    Params(id): Params<String>,
) -> ApiResult<Answer<Value>> {
    let Redaction { status, failed } = api.engine.admin.users.redaction(&id).await?;
    Ok(Answer(json!({ "status": status, "failed_redactions": failed })))
}
