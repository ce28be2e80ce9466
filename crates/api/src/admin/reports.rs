//! Reports as administrators read them (Synapse's administration API, "Show reported events", and the same for rooms
//! and users).

use axum::{extract::State as Extract, response::Response};
use im2_chat::reports::{Report, ReportKind, ReportsQuery};
use im2_edge::{Api, State};
use im2_edge::{
    auth::Admin,
    body::{Answer, Params, QueryParams, empty},
    error::ApiResult,
    routes::{Access, Routes},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::paging::{self, Dir};

pub(super) fn routes() -> Routes {
    const EVENT: &str = "/_synapse/admin/v1/event_reports/{reportId}";
    const ROOM: &str = "/_synapse/admin/v1/room_reports/{reportId}";
    const USER: &str = "/_synapse/admin/v1/user_reports/{reportId}";
    Routes::default()
        .get("/_synapse/admin/v1/event_reports", Access::Admin, events)
        .get(EVENT, Access::Admin, event)
        .delete(EVENT, Access::Admin, delete_event)
        .get("/_synapse/admin/v1/room_reports", Access::Admin, rooms)
        .get(ROOM, Access::Admin, room)
        .delete(ROOM, Access::Admin, delete_room)
        .get("/_synapse/admin/v1/user_reports", Access::Admin, users)
        .get(USER, Access::Admin, user)
        .delete(USER, Access::Admin, delete_user)
}

#[derive(Deserialize)]
struct Query {
    #[serde(default)]
    from: usize,
    limit: Option<usize>,
    dir: Option<Dir>,
    /// A part of the user ID of who reported.
    user_id: Option<String>,
    /// A part of the room's identifier.
    room_id: Option<String>,
    /// A part of the user ID of who sent the event.
    event_sender_user_id: Option<String>,
    /// A part of the user ID of who was reported.
    target_user_id: Option<String>,
}

fn shown(report: &Report) -> Value {
    let Report { id, reporter, room_id, room_name, canonical_alias, event_id, target, reason, score, .. } = report;
    let mut shown = json!({ "id": id, "received_ts": report.received_ts, "user_id": reporter, "reason": reason });
    if report.kind == "user" {
        shown["target_user_id"] = json!(target);
        return shown;
    }
    shown["room_id"] = json!(room_id);
    shown["name"] = json!(room_name);
    shown["canonical_alias"] = json!(canonical_alias);
    if report.kind == "event" {
        shown["event_id"] = json!(event_id);
        shown["sender"] = json!(target);
        shown["score"] = json!(score);
    }
    shown
}

async fn list(api: &Api, kind: ReportKind, name: &str, query: Query) -> ApiResult<Answer<Map<String, Value>>> {
    let from = query.from;
    let target = query.event_sender_user_id.or(query.target_user_id);
    let query = ReportsQuery {
        from,
        limit: paging::limit(query.limit),
        oldest_first: query.dir == Some(Dir::Forward),
        reporter: query.user_id.filter(|part| !part.is_empty()),
        target: target.filter(|part| !part.is_empty()),
        room_id: query.room_id.filter(|part| !part.is_empty()),
    };
    let (reports, total) = api.engine.chat.reports.list(kind, query).await?;
    let mut answer = Map::new();
    answer.insert(name.to_owned(), reports.iter().map(shown).collect());
    answer.insert("total".to_owned(), total.into());
    paging::add_next(&mut answer, "next_token", from, reports.len(), total);
    Ok(Answer(answer))
}

/// Defines the handlers for one kind of report: the list, one of them, removing one.
macro_rules! reports {
    ($kind:expr, $name:literal, $list:ident, $get:ident, $delete:ident) => {
        async fn $list(
            Extract(api): State,
            Admin(_): Admin,
            QueryParams(query): QueryParams<Query>,
        ) -> ApiResult<Answer<Map<String, Value>>> {
            list(&api, $kind, $name, query).await
        }

        async fn $get(Extract(api): State, Admin(_): Admin, Params(id): Params<i64>) -> ApiResult<Answer<Value>> {
            let (report, event) = api.engine.chat.reports.get($kind, id).await?;
            let mut answer = shown(&report);
            if let Some(event) = event {
                answer["event_json"] = serde_json::from_str(&event).unwrap_or_default();
            }
            Ok(Answer(answer))
        }

        async fn $delete(Extract(api): State, Admin(_): Admin, Params(id): Params<i64>) -> ApiResult<Response> {
            api.engine.chat.reports.delete($kind, id).await?;
            Ok(empty())
        }
    };
}

reports!(ReportKind::Event, "event_reports", events, event, delete_event);
reports!(ReportKind::Room, "room_reports", rooms, room, delete_room);
reports!(ReportKind::User, "user_reports", users, user, delete_user);
