//! Devices of users (Synapse's administration API, "User devices").

use axum::response::Response;
use http::StatusCode;
use im2_accounts::devices::Device;
use im2_model::{DeviceId, UserId};
use serde::Deserialize;
use serde_json::{Value, json};

use im2_edge::State;
use im2_edge::{
    auth::Admin,
    body::{Answer, Json, Params, empty},
    error::ApiResult,
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    const DEVICES: &str = "/_synapse/admin/v2/users/{userId}/devices";
    const DEVICE: &str = "/_synapse/admin/v2/users/{userId}/devices/{deviceId}";
    Routes::default()
        .get(DEVICES, Access::Admin, list)
        .post(DEVICES, Access::Admin, create)
        .get(DEVICE, Access::Admin, get)
        .put(DEVICE, Access::Admin, rename)
        .delete(DEVICE, Access::Admin, remove)
        .post("/_synapse/admin/v2/users/{userId}/delete_devices", Access::Admin, remove_many)
}

fn shown(user_id: &UserId, device: &Device) -> Value {
    json!({
        "device_id": device.device_id,
        "display_name": device.display_name,
        "last_seen_ip": device.last_seen_ip,
        "last_seen_ts": device.last_seen_ts,
        "last_seen_user_agent": device.last_seen_user_agent,
        "user_id": user_id,
        "dehydrated": false,
    })
}

async fn list(
    axum::extract::State(api): State,
    Admin(_): Admin,
    Params(user_id): Params<UserId>,
) -> ApiResult<Answer<Value>> {
    let devices = api.engine.admin.users.devices(&user_id).await?;
    let devices: Vec<_> = devices.iter().map(|device| shown(&user_id, device)).collect();
    Ok(Answer(json!({ "total": devices.len(), "devices": devices })))
}

#[derive(Debug, Deserialize)]
struct CreateBody {
    device_id: DeviceId,
    display_name: Option<String>,
}

async fn create(
    axum::extract::State(api): State,
    Admin(_): Admin,
    Params(user_id): Params<UserId>,
    Json(body): Json<CreateBody>,
) -> ApiResult<(StatusCode, Response)> {
    api.engine.admin.users.create_device(&user_id, body.device_id, body.display_name).await?;
    Ok((StatusCode::CREATED, empty()))
}

async fn get(
    axum::extract::State(api): State,
    Admin(_): Admin,
    Params((user_id, device_id)): Params<(UserId, DeviceId)>,
) -> ApiResult<Answer<Value>> {
    let device = api.engine.admin.users.device(&user_id, device_id).await?;
    Ok(Answer(shown(&user_id, &device)))
}

#[derive(Debug, Deserialize)]
struct RenameBody {
    display_name: Option<String>,
}

async fn rename(
    axum::extract::State(api): State,
    Admin(_): Admin,
    Params((user_id, device_id)): Params<(UserId, DeviceId)>,
    Json(body): Json<RenameBody>,
) -> ApiResult<Response> {
    api.engine.admin.users.rename_device(&user_id, device_id, body.display_name).await?;
    Ok(empty())
}

async fn remove(
    axum::extract::State(api): State,
    Admin(_): Admin,
    Params((user_id, device_id)): Params<(UserId, DeviceId)>,
) -> ApiResult<Response> {
    api.engine.admin.users.remove_devices(&user_id, vec![device_id]).await?;
    Ok(empty())
}

#[derive(Debug, Deserialize)]
struct RemoveManyBody {
    devices: Vec<DeviceId>,
}

async fn remove_many(
    axum::extract::State(api): State,
    Admin(_): Admin,
    Params(user_id): Params<UserId>,
    Json(body): Json<RemoveManyBody>,
) -> ApiResult<Response> {
    api.engine.admin.users.remove_devices(&user_id, body.devices).await?;
    Ok(empty())
}
