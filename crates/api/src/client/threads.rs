//! Following threads (MSC4306), what changed of that (MSC4308), and which threads have new replies (MSC4360), under the
//! proposals' unstable names.

use axum::{extract::State as Extract, response::Response};
use im2_chat::{
    rooms::Actor,
    thread_subscriptions::{ChangesRequest, DEFAULT_LIMIT},
    thread_updates::{self, UpdatesRequest},
};
use im2_core::Code;
use im2_edge::State;
use im2_edge::{
    auth::User,
    body::{Answer, OptionalJson, Params, QueryParams, empty, json_bytes},
    error::{ApiError, ApiResult},
    limits::Class,
    routes::{Access, Routes},
};
use im2_model::{EventId, RoomId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::rooms::DirectionName;

const SUBSCRIPTION: &str = "/_matrix/client/unstable/io.element.msc4306/rooms/{roomId}/thread/{eventId}/subscription";

pub(super) fn routes() -> Routes {
    Routes::default()
        .get(SUBSCRIPTION, Access::User, look)
        .put(SUBSCRIPTION, Access::User, subscribe)
        .delete(SUBSCRIPTION, Access::User, unsubscribe)
        .get("/_matrix/client/unstable/io.element.msc4308/thread_subscriptions", Access::User, changes)
        .limited(Class::History)
        .get("/_matrix/client/unstable/io.element.msc4360/thread_updates", Access::User, updates)
        .limited(Class::History)
}

async fn look(
    Extract(api): State,
    User(session): User,
    Params((room_id, root)): Params<(RoomId, EventId)>,
) -> ApiResult<Answer<Value>> {
    let subscriptions = &api.engine.chat.thread_subscriptions;
    let automatic = subscriptions.is_automatic(&Actor::from(&session), &room_id, &root).await?;
    Ok(Answer(json!({ "automatic": automatic })))
}

#[derive(Default, Deserialize)]
struct Subscription {
    /// The event that made the client subscribe by itself.
    automatic: Option<EventId>,
}

async fn subscribe(
    Extract(api): State,
    User(session): User,
    Params((room_id, root)): Params<(RoomId, EventId)>,
    OptionalJson(body): OptionalJson<Subscription>,
) -> ApiResult<Response> {
    let subscriptions = &api.engine.chat.thread_subscriptions;
    subscriptions.subscribe(&Actor::from(&session), &room_id, &root, body.automatic.as_ref()).await?;
    Ok(empty())
}

async fn unsubscribe(
    Extract(api): State,
    User(session): User,
    Params((room_id, root)): Params<(RoomId, EventId)>,
) -> ApiResult<Response> {
    api.engine.chat.thread_subscriptions.unsubscribe(&Actor::from(&session), &room_id, &root).await?;
    Ok(empty())
}

#[derive(Deserialize)]
struct Query {
    dir: Option<DirectionName>,
    from: Option<String>,
    to: Option<String>,
    limit: Option<usize>,
}

impl Query {
    fn check(&self) -> ApiResult<()> {
        match self.dir {
            Some(DirectionName::Backward) => {}
            Some(DirectionName::Forward) => return Err(ApiError::new(Code::InvalidParam, "`dir` must be b")),
            None => return Err(ApiError::new(Code::MissingParam, "`dir` must be b")),
        }
        if self.limit == Some(0) {
            return Err(ApiError::new(Code::InvalidParam, "`limit` must be greater than zero"));
        }
        Ok(())
    }
}

async fn changes(
    Extract(api): State,
    User(session): User,
    QueryParams(query): QueryParams<Query>,
) -> ApiResult<Answer<Value>> {
    query.check()?;
    let request = ChangesRequest {
        since: api.engine.chat.thread_subscriptions.end(query.to.as_deref()).await?,
        before: query.from.as_deref().map(str::parse).transpose()?,
        limit: query.limit.unwrap_or(DEFAULT_LIMIT),
    };
    let page = api.engine.chat.thread_subscriptions.changes(session.user, request).await?;
    let (subscribed, unsubscribed) = page.by_room();
    let mut answer = json!({ "subscribed": subscribed, "unsubscribed": unsubscribed });
    if let Some(next) = page.next {
        answer["end"] = next.to_string().into();
    }
    Ok(Answer(answer))
}

async fn updates(
    Extract(api): State,
    User(session): User,
    QueryParams(query): QueryParams<Query>,
) -> ApiResult<Response> {
    query.check()?;
    let request = UpdatesRequest {
        since: api.engine.chat.thread_subscriptions.end(query.to.as_deref()).await?,
        until: None,
        before: query.from.as_deref().map(str::parse).transpose()?,
        limit: query.limit.unwrap_or(thread_updates::DEFAULT_LIMIT),
    };
    let threads = &api.engine.chat.thread_updates;
    let page = threads.updates(&Actor::from(&session), request).await?;
    let mut out = Vec::from(*b"{\"chunk\":");
    out.extend_from_slice(&threads.write(&session, &page.updates, true).await?);
    if let Some(next) = page.next {
        out.extend_from_slice(format!(",\"next_batch\":\"{next}\"").as_bytes());
    }
    out.push(b'}');
    Ok(json_bytes(out))
}
