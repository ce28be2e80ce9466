//! Devices (spec: "Device Management").

use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use im2_accounts::{devices::Device, uia::Auth};
use im2_model::DeviceId;
use serde::{Deserialize, Serialize};

use im2_edge::State;
use im2_edge::{
    auth::User,
    body::{Answer, Json, OptionalJson, Params, RawBody, empty},
    error::ApiResult,
    interactive::Interactive,
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    const DEVICE: &str = "/_matrix/client/v3/devices/{deviceId}";
    Routes::default()
        .get("/_matrix/client/v3/devices", Access::User, list)
        .get(DEVICE, Access::User, get)
        .put(DEVICE, Access::User, rename)
        .delete(DEVICE, Access::User, remove)
        .post("/_matrix/client/v3/delete_devices", Access::User, remove_many)
}
/// A device as its user sees it.
#[derive(Debug, Serialize)]
struct DeviceAnswer {
    device_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
    // `null` rather than absent: there are clients that insist on the keys.
    last_seen_ip: Option<String>,
    last_seen_ts: Option<u64>,
}

impl From<Device> for DeviceAnswer {
    fn from(device: Device) -> Self {
        Self {
            device_id: device.device_id.to_string(),
            display_name: device.display_name,
            last_seen_ip: device.last_seen_ip,
            last_seen_ts: device.last_seen_ts,
        }
    }
}

#[derive(Debug, Serialize)]
struct DevicesAnswer {
    devices: Vec<DeviceAnswer>,
}

async fn list(axum::extract::State(api): State, User(session): User) -> ApiResult<Answer<DevicesAnswer>> {
    let devices = api.engine.people.devices.list(&session).await?;
    Ok(Answer(DevicesAnswer { devices: devices.into_iter().map(DeviceAnswer::from).collect() }))
}

async fn get(
    axum::extract::State(api): State,
    User(session): User,
    Params(device_id): Params<DeviceId>,
) -> ApiResult<Answer<DeviceAnswer>> {
    Ok(Answer(api.engine.people.devices.get(&session, device_id).await?.into()))
}

#[derive(Debug, Deserialize)]
struct RenameBody {
    display_name: Option<String>,
}

async fn rename(
    axum::extract::State(api): State,
    User(session): User,
    Params(device_id): Params<DeviceId>,
    Json(body): Json<RenameBody>,
) -> ApiResult<Response> {
    if session.service.is_none() {
        api.engine.people.devices.rename(&session, device_id, body.display_name).await?;
        return Ok(empty());
    }
    let is_new = api.engine.people.devices.rename_or_create(&session, device_id, body.display_name).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, empty()).into_response())
}

#[derive(Deserialize)]
struct RemoveBody {
    auth: Option<Auth>,
}

async fn remove(
    axum::extract::State(api): State,
    User(session): User,
    Params(device_id): Params<DeviceId>,
    OptionalJson(body): OptionalJson<RemoveBody>,
) -> ApiResult<Response> {
    api.engine.people.devices.remove(&session, vec![device_id], body.auth).await?;
    Ok(empty())
}

#[derive(Deserialize)]
struct RemoveManyBody {
    devices: Vec<DeviceId>,
    auth: Option<Auth>,
}

async fn remove_many(
    axum::extract::State(api): State,
    User(session): User,
    RawBody(sent): RawBody,
) -> ApiResult<Response> {
    let request = Interactive::new(&api, "delete_devices", Some(&session), sent);
    let body: RemoveManyBody = request.parse()?;
    let remove = api.engine.people.devices.remove(&session, body.devices, body.auth);
    request.confirm(remove).await?;
    Ok(empty())
}
