//! The list of notifications (spec: "Listing Notifications").

use axum::response::Response;
use im2_chat::{
    notifications::{Notification, Query},
    rooms::{Actor, Bundles, Form, Viewer, write_array, write_event},
};
use im2_core::Code;
use im2_kernel::content::Membership;
use serde::Deserialize;
use serde_json::json;

use im2_edge::State;
use im2_edge::{
    auth::User,
    body::{QueryParams, json_bytes},
    error::{ApiError, ApiResult},
    limits::Class,
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    Routes::default().get("/_matrix/client/v3/notifications", Access::User, list).limited(Class::History)
}

#[derive(Debug, Deserialize)]
struct Request {
    from: Option<String>,
    limit: Option<usize>,
    only: Option<String>,
}

async fn list(
    User(session): User,
    axum::extract::State(api): State,
    QueryParams(request): QueryParams<Request>,
) -> ApiResult<Response> {
    if request.limit == Some(0) {
        return Err(ApiError::new(Code::InvalidParam, "limit must be greater than 0"));
    }
    // Other values of `only` are not defined, and so they restrict nothing.
    let only_highlights = request.only.as_deref() == Some("highlight");
    let from = request.from.filter(|from| !from.is_empty()).map(|from| from.parse()).transpose()?;
    let query = Query { from, limit: request.limit, only_highlights };
    let page = api.engine.chat.notifications.list(&Actor::from(&session), query).await?;
    let viewer = Viewer::of(&session, &api.engine.core);
    let mut out = b"{\"notifications\":".to_vec();
    write_array(&mut out, &page.notifications, |out, notification| write(out, notification, &viewer));
    if let Some(next) = page.next {
        out.extend_from_slice(format!(",\"next_token\":\"{next}\"").as_bytes());
    }
    out.push(b'}');
    Ok(json_bytes(out))
}

fn write(out: &mut Vec<u8>, notification: &Notification, viewer: &Viewer<'_>) {
    let Notification { room_id, event, actions, read } = notification;
    let about = json!({ "actions": actions, "read": read, "room_id": room_id, "ts": event.ts() });
    out.extend_from_slice(about.to_string().as_bytes());
    out.pop();
    out.extend_from_slice(b",\"event\":");
    // Only those are notified who were members.
    write_event(out, event, Form::InRoom, viewer, Membership::Join, &Bundles::new());
    out.push(b'}');
}
