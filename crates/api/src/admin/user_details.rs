//! Details of a user (Synapse's administration API, "User Admin API"): rooms, account data, connections, limits.

use std::collections::BTreeMap;

use axum::response::Response;
use im2_accounts::devices::Device;
use im2_admin::moderation::Measure;
use im2_core::{Code, rate_limits::RateLimit, stream::AccountDataChange};
use im2_model::UserId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json, value::RawValue};

use im2_edge::State;
use im2_edge::{
    auth::{Admin, User},
    body::{Answer, Json, OptionalJson, Params, empty, json_bytes},
    error::{ApiError, ApiResult},
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    const LIMIT: &str = "/_synapse/admin/v1/users/{userId}/override_ratelimit";
    Routes::default()
        .get("/_synapse/admin/v1/users/{userId}/joined_rooms", Access::Admin, joined_rooms)
        .get("/_synapse/admin/v1/users/{userId}/memberships", Access::Admin, memberships)
        .get("/_synapse/admin/v1/users/{userId}/accountdata", Access::Admin, account_data)
        .get("/_synapse/admin/v1/whois/{userId}", Access::Admin, whois)
        .get("/_matrix/client/v3/admin/whois/{userId}", Access::User, whois_by_anybody)
        .put("/_synapse/admin/v1/suspend/{userId}", Access::Admin, suspend)
        .get(LIMIT, Access::Admin, rate_limit)
        .post(LIMIT, Access::Admin, set_rate_limit)
        .delete(LIMIT, Access::Admin, remove_rate_limit)
}

async fn joined_rooms(
    axum::extract::State(api): State,
    Admin(_): Admin,
    Params(user_id): Params<UserId>,
) -> ApiResult<Response> {
    let rooms = api.engine.admin.users.joined_rooms(&user_id).await?;
    Ok(json_bytes(json!({ "joined_rooms": rooms, "total": rooms.len() }).to_string()))
}

async fn memberships(
    axum::extract::State(api): State,
    Admin(_): Admin,
    Params(user_id): Params<UserId>,
) -> ApiResult<Response> {
    let rooms = api.engine.admin.users.memberships(&user_id).await?;
    let rooms: Map<String, Value> =
        rooms.into_iter().map(|(room, membership)| (room.to_string(), membership.into())).collect();
    Ok(json_bytes(json!({ "memberships": rooms }).to_string()))
}

#[derive(Serialize)]
struct AccountDataAnswer {
    account_data: AllAccountData,
}

#[derive(Serialize)]
struct AllAccountData {
    global: BTreeMap<String, Box<RawValue>>,
    rooms: BTreeMap<String, BTreeMap<String, Box<RawValue>>>,
}

async fn account_data(
    axum::extract::State(api): State,
    Admin(_): Admin,
    Params(user_id): Params<UserId>,
) -> ApiResult<Answer<AccountDataAnswer>> {
    let (global, rooms) = api.engine.admin.users.account_data(&user_id).await?;
    let by_type = |entries: Vec<AccountDataChange>| {
        entries.into_iter().map(|entry| (entry.kind.to_string(), entry.content)).collect::<BTreeMap<_, _>>()
    };
    let rooms = rooms.into_iter().map(|(room, entries)| (room.to_string(), by_type(entries))).collect();
    Ok(Answer(AccountDataAnswer { account_data: AllAccountData { global: by_type(global), rooms } }))
}

async fn whois(
    axum::extract::State(api): State,
    Admin(admin): Admin,
    Params(user_id): Params<UserId>,
) -> ApiResult<Response> {
    Ok(connections(&user_id, &api.engine.admin.users.whois(&admin, &user_id).await?))
}

/// The specification's own route, with which everybody may look at themselves.
async fn whois_by_anybody(
    axum::extract::State(api): State,
    User(session): User,
    Params(user_id): Params<UserId>,
) -> ApiResult<Response> {
    Ok(connections(&user_id, &api.engine.admin.users.whois(&session, &user_id).await?))
}

fn connections(user_id: &UserId, devices: &[Device]) -> Response {
    let connection = |device: &Device| match (&device.last_seen_ip, device.last_seen_ts) {
        (None, None) => json!([]),
        (ip, seen) => {
            let mut connection = json!({ "ip": ip, "last_seen": seen });
            // Absent rather than null, which the specification does not have here.
            if let Some(user_agent) = &device.last_seen_user_agent {
                connection["user_agent"] = user_agent.as_str().into();
            }
            json!([connection])
        }
    };
    let devices: Map<String, Value> = devices
        .iter()
        .map(|device| (device.device_id.to_string(), json!({ "sessions": [{ "connections": connection(device) }] })))
        .collect();
    json_bytes(json!({ "user_id": user_id, "devices": devices }).to_string())
}

#[derive(Debug, Deserialize)]
struct SuspendBody {
    suspend: bool,
}

async fn suspend(
    axum::extract::State(api): State,
    Admin(admin): Admin,
    Params(user_id): Params<UserId>,
    Json(SuspendBody { suspend }): Json<SuspendBody>,
) -> ApiResult<Answer<Map<String, Value>>> {
    api.engine.admin.moderation.set(&admin, Measure::Suspension, &user_id, suspend).await?;
    Ok(Answer(Map::from_iter([(format!("user_{user_id}_suspended"), suspend.into())])))
}

async fn rate_limit(
    axum::extract::State(api): State,
    Admin(_): Admin,
    Params(user_id): Params<UserId>,
) -> ApiResult<Response> {
    let limit = api.engine.admin.users.rate_limit(&user_id).await?;
    Ok(limit.map_or_else(empty, limit_answer))
}

#[derive(Debug, Deserialize)]
struct LimitBody {
    messages_per_second: Option<i64>,
    burst_count: Option<i64>,
}

async fn set_rate_limit(
    axum::extract::State(api): State,
    Admin(_): Admin,
    Params(user_id): Params<UserId>,
    OptionalJson(body): OptionalJson<LimitBody>,
) -> ApiResult<Response> {
    let number = |number: Option<i64>| {
        let refused = || ApiError::new(Code::InvalidParam, "limits must be non-negative integers");
        u32::try_from(number.unwrap_or(0)).map_err(|_| refused())
    };
    let limit = RateLimit { per_second: number(body.messages_per_second)?, burst: number(body.burst_count)? };
    api.engine.admin.users.set_rate_limit(&user_id, Some(limit)).await?;
    Ok(limit_answer(limit))
}

async fn remove_rate_limit(
    axum::extract::State(api): State,
    Admin(_): Admin,
    Params(user_id): Params<UserId>,
) -> ApiResult<Response> {
    api.engine.admin.users.set_rate_limit(&user_id, None).await?;
    Ok(empty())
}

fn limit_answer(limit: RateLimit) -> Response {
    json_bytes(json!({ "messages_per_second": limit.per_second, "burst_count": limit.burst }).to_string())
}
