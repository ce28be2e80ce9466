//! Dehydrated devices (MSC3814, on its unstable routes).

use axum::{extract::State as Extract, response::Response};
use im2_chat::{
    e2ee::{DehydratedEvents, Dehydration},
    rooms::write_array,
    to_device::write_to_device_event,
};
use im2_model::DeviceId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use im2_edge::State;
use im2_edge::{
    auth::User,
    body::{Answer, Json, OptionalJson, Params, QueryParams, json_bytes},
    error::ApiResult,
    limits::Class,
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    const DEVICE: &str = "/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device";
    const EVENTS: &str = "/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device/{deviceId}/events";
    Routes::default()
        .put(DEVICE, Access::User, put)
        .limited(Class::Keys)
        .get(DEVICE, Access::User, get)
        .limited(Class::Keys)
        .delete(DEVICE, Access::User, remove)
        .limited(Class::Keys)
        .get(EVENTS, Access::User, events)
        .limited(Class::Keys)
        .post(EVENTS, Access::User, events_as_drafted)
        .limited(Class::Keys)
}

#[derive(Serialize)]
struct DeviceAnswer {
    device_id: DeviceId,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_data: Option<Value>,
}

async fn put(
    Extract(api): State,
    User(session): User,
    Json(device): Json<Dehydration>,
) -> ApiResult<Answer<DeviceAnswer>> {
    let device_id = device.device_id.clone();
    api.engine.chat.e2ee.dehydrate(&session, device).await?;
    Ok(Answer(DeviceAnswer { device_id, device_data: None }))
}

async fn get(Extract(api): State, User(session): User) -> ApiResult<Answer<DeviceAnswer>> {
    let (device_id, data) = api.engine.chat.e2ee.dehydrated(&session).await?;
    Ok(Answer(DeviceAnswer { device_id, device_data: Some(data) }))
}

async fn remove(Extract(api): State, User(session): User) -> ApiResult<Answer<DeviceAnswer>> {
    let device_id = api.engine.chat.e2ee.remove_dehydrated(&session).await?;
    Ok(Answer(DeviceAnswer { device_id, device_data: None }))
}

#[derive(Deserialize)]
struct EventsQuery {
    from: Option<String>,
}

async fn events(
    Extract(api): State,
    User(session): User,
    Params(device_id): Params<DeviceId>,
    QueryParams(query): QueryParams<EventsQuery>,
) -> ApiResult<Response> {
    let found = api.engine.chat.e2ee.dehydrated_events(&session, &device_id, query.from.as_deref()).await?;
    let goes_on = !found.is_complete;
    Ok(answer(&found, goes_on))
}

#[derive(Deserialize)]
struct EventsBody {
    next_batch: Option<String>,
}

/// The form of earlier drafts, which clients still use: there is always a next batch, and an empty one is the last.
async fn events_as_drafted(
    Extract(api): State,
    User(session): User,
    Params(device_id): Params<DeviceId>,
    OptionalJson(body): OptionalJson<EventsBody>,
) -> ApiResult<Response> {
    let found = api.engine.chat.e2ee.dehydrated_events(&session, &device_id, body.next_batch.as_deref()).await?;
    Ok(answer(&found, true))
}

fn answer(found: &DehydratedEvents, goes_on: bool) -> Response {
    let mut out = b"{\"events\":".to_vec();
    write_array(&mut out, &found.messages, write_to_device_event);
    if goes_on {
        out.extend_from_slice(format!(",\"next_batch\":\"{}\"", found.reached).as_bytes());
    }
    out.push(b'}');
    json_bytes(out)
}
