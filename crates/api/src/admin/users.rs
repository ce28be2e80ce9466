//! Accounts (Synapse's administration API, "User Admin API"): listing, looking, making, changing, ending.

use axum::{
    extract::RawQuery,
    response::{IntoResponse as _, Response},
};
use http::StatusCode;
use im2_admin::users::{AccountOrder, AccountQuery, Changes, ListedAccount};
use im2_core::Code;
use im2_model::UserId;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use im2_edge::{Api, State};
use im2_edge::{
    auth::Admin,
    body::{Answer, Json, OptionalJson, Params, QueryParams, empty, json_bytes},
    error::{ApiError, ApiResult},
    routes::{Access, Routes},
};

/// Accounts in a page when the caller does not say how many.
const DEFAULT_LIMIT: usize = 100;
/// Accounts in a page at most.
const MAX_LIMIT: usize = 1_000;

pub(super) fn routes() -> Routes {
    const USER: &str = "/_synapse/admin/v2/users/{userId}";
    const ADMIN: &str = "/_synapse/admin/v1/users/{userId}/admin";
    Routes::default()
        .get("/_synapse/admin/v2/users", Access::Admin, list_v2)
        .get("/_synapse/admin/v3/users", Access::Admin, list_v3)
        .get(USER, Access::Admin, get)
        .put(USER, Access::Admin, put)
        .post("/_synapse/admin/v1/deactivate/{userId}", Access::Admin, deactivate)
        .post("/_synapse/admin/v1/reset_password/{userId}", Access::Admin, reset_password)
        .get(ADMIN, Access::Admin, is_admin)
        .put(ADMIN, Access::Admin, set_admin)
        .post("/_synapse/admin/v1/users/{userId}/login", Access::Admin, log_in_as)
        .get("/_synapse/admin/v1/username_available", Access::Admin, username_available)
}

#[derive(Debug, Deserialize)]
struct ListQuery {
    name: Option<String>,
    user_id: Option<String>,
    deactivated: Option<bool>,
    admins: Option<bool>,
    locked: Option<bool>,
    guests: Option<bool>,
    order_by: Option<String>,
    dir: Option<Dir>,
    from: Option<usize>,
    limit: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Dir {
    #[serde(rename = "f")]
    Forwards,
    #[serde(rename = "b")]
    Backwards,
}

/// The older form: without the parameter `deactivated` only working accounts, with it those too that have ended.
async fn list_v2(
    state: State,
    admin: Admin,
    RawQuery(raw): RawQuery,
    QueryParams(mut query): QueryParams<ListQuery>,
) -> ApiResult<Response> {
    query.deactivated = if query.deactivated == Some(true) { None } else { Some(false) };
    list(state, admin, raw.as_deref(), query).await
}

async fn list_v3(
    state: State,
    admin: Admin,
    RawQuery(raw): RawQuery,
    QueryParams(query): QueryParams<ListQuery>,
) -> ApiResult<Response> {
    list(state, admin, raw.as_deref(), query).await
}

async fn list(
    axum::extract::State(api): State,
    Admin(_): Admin,
    raw: Option<&str>,
    query: ListQuery,
) -> ApiResult<Response> {
    let from = query.from.unwrap_or(0);
    let query = AccountQuery {
        name: query.name.filter(|name| !name.is_empty()),
        user_id: query.user_id.filter(|user_id| !user_id.is_empty()),
        deactivated: query.deactivated,
        admins: query.admins,
        guests: query.guests.unwrap_or(true),
        locked: query.locked.unwrap_or(false),
        not_user_types: values_of(raw, "not_user_type"),
        order: query.order_by.as_deref().map(order).transpose()?.unwrap_or_default(),
        descending: query.dir == Some(Dir::Backwards),
        from,
        limit: query.limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT),
    };
    let (accounts, total) = api.engine.admin.users.list(query).await?;
    let next = from.saturating_add(accounts.len());
    let users: Vec<Value> = accounts.iter().map(listed).collect();
    let mut answer = json!({ "users": users, "total": total });
    if next < total && !users.is_empty() {
        answer["next_token"] = next.to_string().into();
    }
    Ok(json_bytes(answer.to_string()))
}

fn order(name: &str) -> ApiResult<AccountOrder> {
    Ok(match name {
        "name" => AccountOrder::Name,
        "is_guest" => AccountOrder::Guest,
        "admin" => AccountOrder::Admin,
        "user_type" => AccountOrder::UserType,
        "deactivated" => AccountOrder::Deactivated,
        "displayname" => AccountOrder::DisplayName,
        "avatar_url" => AccountOrder::AvatarUrl,
        "creation_ts" => AccountOrder::Created,
        "last_seen_ts" => AccountOrder::LastSeen,
        "locked" => AccountOrder::Locked,
        "shadow_banned" => AccountOrder::ShadowBanned,
        _ => return Err(ApiError::new(Code::InvalidParam, "users cannot be sorted by this field")),
    })
}

/// All values of a query parameter that may be there several times.
fn values_of(query: Option<&str>, name: &str) -> Vec<String> {
    let pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    let values = pairs.filter(|(found, _)| *found == name).map(|(_, value)| value.replace('+', " "));
    values.map(|value| percent_encoding::percent_decode_str(&value).decode_utf8_lossy().into_owned()).collect()
}

fn listed(listed: &ListedAccount) -> Value {
    let ListedAccount { account, is_guest, displayname, avatar_url, last_seen_ts } = listed;
    json!({
        "name": account.user_id,
        "displayname": displayname,
        "avatar_url": avatar_url,
        "is_guest": is_guest,
        "admin": account.is_admin,
        "user_type": account.user_type,
        "deactivated": account.deactivated_ts.is_some(),
        "erased": account.erased,
        "shadow_banned": account.shadow_banned,
        "locked": account.locked,
        "suspended": account.suspended,
        "creation_ts": account.created_ts,
        "last_seen_ts": last_seen_ts,
    })
}

/// An account by itself: as in a list, except for the time of its making, which is in seconds here.
fn detailed(account: &ListedAccount) -> Value {
    let mut answer = listed(account);
    answer["creation_ts"] = (account.account.created_ts / 1_000).into();
    answer["threepids"] = json!([]);
    answer["external_ids"] = json!([]);
    for absent in ["appservice_id", "consent_server_notice_sent", "consent_version", "consent_ts"] {
        answer[absent] = Value::Null;
    }
    answer
}

async fn get(
    axum::extract::State(api): State,
    Admin(_): Admin,
    Params(user_id): Params<UserId>,
) -> ApiResult<Answer<Value>> {
    Ok(Answer(detailed(&api.engine.admin.users.get(&user_id).await?)))
}

#[derive(Deserialize)]
#[expect(clippy::option_option, reason = "what is absent stays, null is a value")]
struct PutBody {
    password: Option<String>,
    logout_devices: Option<bool>,
    displayname: Option<String>,
    avatar_url: Option<String>,
    admin: Option<bool>,
    deactivated: Option<bool>,
    locked: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    user_type: Option<Option<String>>,
    threepids: Option<Vec<Value>>,
    external_ids: Option<Vec<Value>>,
}

/// Tells `null` from what is not there.
pub(super) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(value: D) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}

async fn put(
    axum::extract::State(api): State,
    Admin(admin): Admin,
    Params(user_id): Params<UserId>,
    Json(body): Json<PutBody>,
) -> ApiResult<Response> {
    if body.threepids.is_some_and(|ids| !ids.is_empty()) || body.external_ids.is_some_and(|ids| !ids.is_empty()) {
        let message = "this server does not store e-mail addresses, phone numbers or external accounts";
        return Err(ApiError::new(Code::InvalidParam, message));
    }
    let changes = Changes {
        password: body.password,
        keep_sessions: body.logout_devices == Some(false),
        displayname: body.displayname,
        avatar_url: body.avatar_url,
        is_admin: body.admin,
        deactivated: body.deactivated,
        locked: body.locked,
        user_type: body.user_type,
    };
    let is_new = api.engine.admin.users.put(&admin, &user_id, changes).await?;
    let answer = Answer(detailed(&api.engine.admin.users.get(&user_id).await?));
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, answer).into_response())
}

#[derive(Debug, Deserialize)]
struct DeactivateBody {
    #[serde(default)]
    erase: bool,
}

async fn deactivate(
    axum::extract::State(api): State,
    Admin(_): Admin,
    Params(user_id): Params<UserId>,
    OptionalJson(body): OptionalJson<DeactivateBody>,
) -> ApiResult<Response> {
    api.engine.admin.users.deactivate(&user_id, body.erase).await?;
    Ok(json_bytes(json!({ "id_server_unbind_result": "success" }).to_string()))
}

#[derive(Deserialize)]
struct ResetBody {
    new_password: String,
    #[serde(default = "yes")]
    logout_devices: bool,
}

fn yes() -> bool {
    true
}

async fn reset_password(
    axum::extract::State(api): State,
    Admin(_): Admin,
    Params(user_id): Params<UserId>,
    Json(body): Json<ResetBody>,
) -> ApiResult<Response> {
    api.engine.admin.users.reset_password(&user_id, &body.new_password, body.logout_devices).await?;
    Ok(empty())
}

#[derive(Debug, Serialize, Deserialize)]
struct IsAdmin {
    admin: bool,
}

async fn is_admin(
    axum::extract::State(api): State,
    Admin(_): Admin,
    Params(user_id): Params<UserId>,
) -> ApiResult<Answer<IsAdmin>> {
    Ok(Answer(IsAdmin { admin: api.engine.admin.users.get(&user_id).await?.account.is_admin }))
}

async fn set_admin(
    axum::extract::State(api): State,
    Admin(admin): Admin,
    Params(user_id): Params<UserId>,
    Json(body): Json<IsAdmin>,
) -> ApiResult<Response> {
    api.engine.admin.users.set_admin(&admin, &user_id, body.admin).await?;
    Ok(empty())
}

#[derive(Debug, Deserialize)]
struct LogInBody {
    valid_until_ms: Option<u64>,
}

async fn log_in_as(
    axum::extract::State(api): State,
    Admin(admin): Admin,
    Params(user_id): Params<UserId>,
    OptionalJson(body): OptionalJson<LogInBody>,
) -> ApiResult<Response> {
    let token = log_in(&api, &admin, &user_id, body.valid_until_ms).await?;
    Ok(json_bytes(json!({ "access_token": token }).to_string()))
}

async fn log_in(
    api: &Api,
    admin: &im2_core::session::Session,
    user_id: &UserId,
    until: Option<u64>,
) -> ApiResult<String> {
    if until.is_some_and(|until| i64::try_from(until).is_err()) {
        return Err(ApiError::new(Code::InvalidParam, "valid_until_ms must be in the future"));
    }
    Ok(api.engine.admin.users.log_in_as(admin, user_id, until).await?)
}

#[derive(Debug, Deserialize)]
struct UsernameQuery {
    username: String,
}

async fn username_available(
    axum::extract::State(api): State,
    Admin(_): Admin,
    QueryParams(query): QueryParams<UsernameQuery>,
) -> ApiResult<Response> {
    api.engine.people.accounts.check_available(&query.username).await?;
    Ok(json_bytes(json!({ "available": true }).to_string()))
}
