//! Figures, and the state of what runs in the background (Synapse's administration API, "Statistics", "Background
//! Updates", "Federation").

use axum::extract::State as Extract;
use im2_admin::statistics::{UserMediaOrder, UserMediaQuery};
use im2_core::Code;
use im2_edge::State;
use im2_edge::{
    auth::Admin,
    body::{Answer, Json, QueryParams},
    error::{ApiError, ApiResult},
    routes::{Access, Routes},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::paging::{self, Dir};

pub(super) fn routes() -> Routes {
    const ENABLED: &str = "/_synapse/admin/v1/background_updates/enabled";
    Routes::default()
        .get("/_synapse/admin/v1/statistics/users/media", Access::Admin, users_media)
        .get("/_synapse/admin/v1/statistics/database/rooms", Access::Admin, largest_rooms)
        .get("/_synapse/admin/v1/background_updates/status", Access::Admin, background_updates)
        .get(ENABLED, Access::Admin, background_updates_enabled)
        .post(ENABLED, Access::Admin, enable_background_updates)
        .post("/_synapse/admin/v1/background_updates/start_job", Access::Admin, start_job)
        .get("/_synapse/admin/v1/federation/destinations", Access::Admin, destinations)
}

#[derive(Deserialize)]
struct MediaQuery {
    #[serde(default)]
    from: usize,
    limit: Option<usize>,
    order_by: Option<OrderName>,
    dir: Option<Dir>,
    from_ts: Option<u64>,
    until_ts: Option<u64>,
    search_term: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum OrderName {
    UserId,
    Displayname,
    MediaCount,
    MediaLength,
}

impl From<OrderName> for UserMediaOrder {
    fn from(name: OrderName) -> Self {
        match name {
            OrderName::UserId => Self::UserId,
            OrderName::Displayname => Self::Displayname,
            OrderName::MediaCount => Self::MediaCount,
            OrderName::MediaLength => Self::MediaLength,
        }
    }
}

async fn users_media(
    Extract(api): State,
    Admin(_): Admin,
    QueryParams(query): QueryParams<MediaQuery>,
) -> ApiResult<Answer<Map<String, Value>>> {
    let from = query.from;
    let query = UserMediaQuery {
        from,
        limit: paging::limit(query.limit),
        order: query.order_by.map(UserMediaOrder::from).unwrap_or_default(),
        reversed: query.dir == Some(Dir::Backward),
        from_ts: query.from_ts,
        until_ts: query.until_ts.map(|ts| ts.min(1 << 53)),
        search: query.search_term.filter(|term| !term.is_empty()),
    };
    let (users, total) = api.engine.admin.statistics.users_media(query).await?;
    let shown = users.iter().map(|user| {
        json!({
            "user_id": user.user_id,
            "displayname": user.displayname,
            "media_count": user.media_count,
            "media_length": user.media_length,
        })
    });
    let mut answer = Map::new();
    answer.insert("users".into(), shown.collect());
    answer.insert("total".into(), total.into());
    paging::add_next(&mut answer, "next_token", from, users.len(), total);
    Ok(Answer(answer))
}

async fn largest_rooms(Extract(api): State, Admin(_): Admin) -> ApiResult<Answer<Value>> {
    let rooms = api.engine.admin.statistics.largest_rooms().await?;
    let shown = rooms.iter().map(|(room_id, bytes)| json!({ "room_id": room_id, "estimated_size": bytes }));
    Ok(Answer(json!({ "rooms": shown.collect::<Value>() })))
}

/// The schema is brought up to date before the server starts, and indexes are kept with what they index: there is
/// nothing to catch up with in the background.
async fn background_updates(Admin(_): Admin) -> Answer<Value> {
    Answer(json!({ "enabled": true, "current_updates": {} }))
}

async fn background_updates_enabled(Admin(_): Admin) -> Answer<Value> {
    Answer(json!({ "enabled": true }))
}

#[derive(Deserialize)]
struct Enabled {
    enabled: bool,
}

async fn enable_background_updates(Admin(_): Admin, Json(body): Json<Enabled>) -> ApiResult<Answer<Value>> {
    if body.enabled {
        return Ok(Answer(json!({ "enabled": true })));
    }
    Err(ApiError::new(Code::Unknown, "this server has no background updates to pause"))
}

#[derive(Deserialize)]
struct StartJob {
    job_name: String,
}

/// Accepts the jobs that tools start and does nothing: the figures are always up to date here.
async fn start_job(Admin(_): Admin, Json(StartJob { job_name }): Json<StartJob>) -> ApiResult<Answer<Value>> {
    match &*job_name {
        "populate_stats_process_rooms" | "regenerate_directory" => Ok(Answer(json!({}))),
        _ => Err(ApiError::new(Code::InvalidParam, "there is no such background update")),
    }
}

/// This server does not talk to other servers.
async fn destinations(Admin(_): Admin) -> Answer<Value> {
    Answer(json!({ "destinations": [], "total": 0 }))
}
