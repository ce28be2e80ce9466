//! Events that are sent later (MSC4140), under the proposal's unstable names.
//!
//! Clients of today speak two drafts of it. The older one schedules by a parameter of the usual requests
//! (`org.matrix.msc4140.delay`), names the act on a delayed event in the body, and has other errors and names of fields;
//! answers have the fields of both.

use axum::{extract::State as Extract, response::Response};
use im2_chat::delayed_events::{Act, DelayedEvent, Exceeded, MAX_DELAY, MAX_SCHEDULED, NewDelayedEvent, Outcome};
use im2_core::{Code, session::Session};
use im2_edge::{Api, State};
use im2_edge::{
    auth::User,
    body::{Answer, Json, OptionalJson, Params, QueryParams, empty},
    error::{ApiError, ApiResult},
    limits::Class,
    routes::{Access, Routes},
};
use im2_model::{Millis, RoomId};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::rooms::Massage;

const ALL: &str = "/_matrix/client/unstable/org.matrix.msc4140/delayed_events";
const ONE: &str = "/_matrix/client/unstable/org.matrix.msc4140/delayed_events/{delayId}";
const ACT: &str = "/_matrix/client/unstable/org.matrix.msc4140/delayed_events/{delayId}/{action}";
const SCHEDULE: &str = "/_matrix/client/unstable/org.matrix.msc4140/rooms/{roomId}/delayed_event/{eventType}/{txnId}";

pub(super) fn routes() -> Routes {
    Routes::default()
        .put(SCHEDULE, Access::User, schedule)
        .limited(Class::Send)
        .get(ALL, Access::User, list)
        .limited(Class::Send)
        .get(ONE, Access::User, look)
        .limited(Class::Send)
        .post(ONE, Access::User, act_in_body)
        .limited(Class::Send)
        .post(ACT, Access::User, act)
        .limited(Class::Send)
}

/// The capability that tells clients of the limits.
pub(super) fn capability() -> Value {
    json!({ "max_delay_ms": MAX_DELAY, "max_scheduled": MAX_SCHEDULED })
}

/// Parameters of requests that send an event, by which the older draft delays it.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Delay {
    #[serde(rename = "org.matrix.msc4140.delay")]
    delay: Option<String>,
    #[serde(rename = "org.matrix.msc4140.parent_delay_id")]
    parent: Option<String>,
}

impl Delay {
    /// The delay in milliseconds, if there is to be one. One that is not understood is refused: the event would be sent
    /// at once.
    pub(crate) fn millis(&self) -> ApiResult<Option<Millis>> {
        if self.parent.is_some() {
            let message = "org.matrix.msc4140.parent_delay_id is not supported: give each event its own delay";
            return Err(ApiError::new(Code::InvalidParam, message));
        }
        let Some(text) = &self.delay else { return Ok(None) };
        let delay = text.parse().ok().filter(|delay| *delay > 0);
        let invalid =
            || ApiError::new(Code::InvalidParam, "org.matrix.msc4140.delay must be a positive number of milliseconds");
        delay.ok_or_else(invalid).map(Some)
    }
}

/// Schedules an event as the older draft does.
pub(crate) async fn schedule_by_parameter(
    api: &Api,
    session: &Session,
    room_id: &RoomId,
    new: NewDelayedEvent,
) -> ApiResult<Answer<Value>> {
    let scheduled = api.engine.chat.delayed_events.schedule(session, room_id, new).await?;
    let delay_id = scheduled.map_err(|exceeded| match exceeded {
        Exceeded::Delay => ApiError::new(Code::Unknown, too_long())
            .with("org.matrix.msc4140.errcode", "M_MAX_DELAY_EXCEEDED")
            .with("org.matrix.msc4140.max_delay", MAX_DELAY),
        Exceeded::Number(_) => {
            ApiError::new(Code::Unknown, too_many()).with("org.matrix.msc4140.errcode", "M_MAX_DELAYED_EVENTS_EXCEEDED")
        }
    })?;
    api.engine.chat.presence.touch(session);
    Ok(Answer(json!({ "delay_id": delay_id })))
}

fn too_long() -> String {
    format!("the longest delay on this server is {MAX_DELAY} milliseconds")
}

fn too_many() -> String {
    format!("you already have {MAX_SCHEDULED} scheduled events, the most that this server allows")
}

#[derive(Deserialize)]
struct Request {
    delay_ms: i64,
    state_key: Option<String>,
    content: Map<String, Value>,
}

async fn schedule(
    Extract(api): State,
    User(session): User,
    Params((room_id, kind, txn_id)): Params<(RoomId, String, String)>,
    QueryParams(massage): QueryParams<Massage>,
    Json(Request { delay_ms, state_key, content }): Json<Request>,
) -> ApiResult<Answer<Value>> {
    let delay = Millis::try_from(delay_ms).ok().filter(|delay| *delay > 0);
    let delay = delay.ok_or_else(|| ApiError::new(Code::InvalidParam, "delay_ms must be a positive number"))?;
    let ts = massage.ts(&session)?;
    let new = NewDelayedEvent { kind, state_key, content, ts, delay, txn_id: Some(txn_id) };
    let scheduled = api.engine.chat.delayed_events.schedule(&session, &room_id, new).await?;
    let delay_id = scheduled.map_err(|exceeded| match exceeded {
        Exceeded::Delay => ApiError::new(Code::Forbidden, too_long()),
        Exceeded::Number(next) => ApiError::new(Code::LimitExceeded, too_many()).with("retry_after_ms", next),
    })?;
    api.engine.chat.presence.touch(&session);
    Ok(Answer(json!({ "delay_id": delay_id })))
}

async fn act(
    Extract(api): State,
    User(session): User,
    Params((delay_id, action)): Params<(String, String)>,
    OptionalJson(_): OptionalJson<Map<String, Value>>,
) -> ApiResult<Response> {
    let act = Act::parse(&action).ok_or_else(|| ApiError::new(Code::Unrecognized, unknown_action()))?;
    api.engine.chat.delayed_events.act(&session, &delay_id, act).await?;
    Ok(empty())
}

#[derive(Deserialize)]
struct ActRequest {
    action: String,
}

async fn act_in_body(
    Extract(api): State,
    User(session): User,
    Params(delay_id): Params<String>,
    Json(ActRequest { action }): Json<ActRequest>,
) -> ApiResult<Response> {
    let act = Act::parse(&action).ok_or_else(|| ApiError::new(Code::InvalidParam, unknown_action()))?;
    api.engine.chat.delayed_events.act(&session, &delay_id, act).await?;
    Ok(empty())
}

fn unknown_action() -> &'static str {
    "the action must be send, cancel or restart"
}

async fn look(Extract(api): State, User(session): User, Params(delay_id): Params<String>) -> ApiResult<Answer<Value>> {
    let event = api.engine.chat.delayed_events.get(&session, &delay_id).await?;
    let mut shown = shown(&event)?;
    if let Some(outcome) = &event.outcome {
        let mut members = consequence(outcome);
        members.insert("finalised_ts".into(), outcome.at.into());
        // An older draft, which matrix-js-sdk reads, has them in an object of their own.
        shown.insert("finalised".into(), members.clone().into());
        shown.extend(members);
    }
    Ok(Answer(shown.into()))
}

/// Filters of the older draft.
#[derive(Default)]
struct Filter {
    status: Option<String>,
    delay_ids: Vec<String>,
}

impl Filter {
    /// A parameter may be there several times, so that this cannot be derived.
    fn read(query: Vec<(String, String)>) -> Self {
        let mut filter = Self::default();
        for (name, value) in query {
            match name.as_str() {
                "status" => filter.status = Some(value),
                "delay_id" => filter.delay_ids.push(value),
                _ => {}
            }
        }
        filter
    }

    fn wants(&self, status: &str) -> bool {
        self.status.as_deref().is_none_or(|wanted| wanted == status)
    }

    fn has(&self, event: &DelayedEvent) -> bool {
        self.delay_ids.is_empty() || self.delay_ids.contains(&event.delay_id)
    }
}

async fn list(
    Extract(api): State,
    User(session): User,
    QueryParams(query): QueryParams<Vec<(String, String)>>,
) -> ApiResult<Answer<Value>> {
    let filter = Filter::read(query);
    let (scheduled, finalised) = (filter.wants("scheduled"), filter.wants("finalised"));
    if !scheduled && !finalised {
        return Err(ApiError::new(Code::Unknown, "status must be scheduled or finalised"));
    }
    let mut answer = Map::new();
    if scheduled {
        let events = api.engine.chat.delayed_events.scheduled(&session).await?;
        let events = events.iter().filter(|event| filter.has(event)).map(shown);
        let events: Value = events.collect::<ApiResult<Vec<_>>>()?.into();
        answer.insert("scheduled".into(), events.clone());
        answer.insert("delayed_events".into(), events);
    }
    if finalised {
        let events = api.engine.chat.delayed_events.finalised(&session).await?;
        let events = events.iter().filter(|event| filter.has(event)).map(shown_finalised);
        answer.insert("finalised".into(), events.collect::<ApiResult<Vec<_>>>()?.into());
    }
    Ok(Answer(answer.into()))
}

fn shown(event: &DelayedEvent) -> ApiResult<Map<String, Value>> {
    let content: Value = serde_json::from_str(&event.content)
        .map_err(|error| im2_core::Error::Internal(format!("content of a delayed event: {error}")))?;
    let mut shown = Map::from_iter([
        ("delay_id".into(), event.delay_id.as_str().into()),
        ("room_id".into(), event.room_id.as_str().into()),
        ("type".into(), event.kind.as_str().into()),
        ("delay_ms".into(), event.delay.into()),
        ("scheduled_at".into(), event.scheduled_at.into()),
        // The names in older drafts.
        ("delay".into(), event.delay.into()),
        ("running_since".into(), event.scheduled_at.into()),
        ("delayed_since_ts".into(), event.scheduled_at.into()),
        ("content".into(), content),
    ]);
    if let Some(state_key) = &event.state_key {
        shown.insert("state_key".into(), state_key.as_str().into());
    }
    Ok(shown)
}

/// `event_id` or `error`, where there is one.
fn consequence(outcome: &Outcome) -> Map<String, Value> {
    let mut members = Map::new();
    if let Some(event_id) = &outcome.event_id {
        members.insert("event_id".into(), event_id.as_str().into());
    }
    if let Some(error) = outcome.error.as_deref().and_then(|error| serde_json::from_str(error).ok()) {
        members.insert("error".into(), error);
    }
    members
}

/// A finalised event as the older draft has it.
fn shown_finalised(event: &DelayedEvent) -> ApiResult<Map<String, Value>> {
    let mut members = Map::from_iter([("delayed_event".into(), shown(event)?.into())]);
    let Some(outcome) = &event.outcome else { return Ok(members) };
    let (ended, reason) = match (&outcome.event_id, &outcome.error) {
        (Some(_), _) if outcome.at >= event.due_at() => ("send", "delay"),
        (Some(_), _) => ("send", "action"),
        (None, Some(_)) => ("cancel", "error"),
        (None, None) => ("cancel", "action"),
    };
    members.insert("outcome".into(), ended.into());
    members.insert("reason".into(), reason.into());
    members.insert("origin_server_ts".into(), outcome.at.into());
    members.extend(consequence(outcome));
    Ok(members)
}
