//! Searching messages (spec: "Server Side Search").

use axum::{extract::State as Extract, response::Response};
use im2_chat::{
    filters::{EventFilter, parse_event_filter},
    rooms::{Actor, RoomEvent, write_array},
    search::{Found, GroupKey, Hit, Order, Request, SearchKey},
};
use im2_core::session::Session;
use im2_edge::{Api, State};
use im2_edge::{
    auth::User,
    body::{Json, QueryParams, json_bytes},
    error::ApiResult,
    limits::Class,
    routes::{Access, Routes},
};
use serde::{Deserialize, de::Error as _};
use serde_json::{Map, Value, json, value::RawValue};

use super::rooms::Writer;

/// Events of the context on either side when no number is named, and at most.
const DEFAULT_CONTEXT: usize = 5;
const MAX_CONTEXT: usize = 50;

pub(super) fn routes() -> Routes {
    Routes::default().post("/_matrix/client/v3/search", Access::User, search).limited(Class::Search)
}

#[derive(Deserialize)]
struct Query {
    next_batch: Option<String>,
}

#[derive(Deserialize)]
struct Body {
    #[serde(deserialize_with = "im2_chat::filters::object")]
    search_categories: Categories,
}

#[derive(Deserialize)]
struct Categories {
    room_events: Option<Criteria>,
}

#[derive(Deserialize)]
struct Criteria {
    search_term: String,
    keys: Option<Vec<KeyName>>,
    filter: Option<Box<RawValue>>,
    order_by: Option<OrderName>,
    event_context: Option<ContextWanted>,
    #[serde(default)]
    include_state: bool,
    groupings: Option<Groupings>,
}

struct KeyName(SearchKey);

impl<'de> Deserialize<'de> for KeyName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let unknown = || D::Error::custom("`keys` may contain content.body, content.name and content.topic");
        SearchKey::parse(&name).map(Self).ok_or_else(unknown)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum OrderName {
    Rank,
    Recent,
}

#[derive(Deserialize, Clone, Copy)]
struct ContextWanted {
    before_limit: Option<usize>,
    after_limit: Option<usize>,
    #[serde(default)]
    include_profile: bool,
}

#[derive(Deserialize)]
struct Groupings {
    #[serde(default)]
    group_by: Vec<Grouping>,
}

#[derive(Deserialize)]
struct Grouping {
    key: GroupName,
}

#[derive(Deserialize)]
enum GroupName {
    #[serde(rename = "room_id")]
    Room,
    #[serde(rename = "sender")]
    Sender,
}

async fn search(
    Extract(api): State,
    User(session): User,
    QueryParams(query): QueryParams<Query>,
    Json(body): Json<Body>,
) -> ApiResult<Response> {
    let Some(criteria) = body.search_categories.room_events else {
        return Ok(json_bytes("{\"search_categories\":{}}"));
    };
    let filter = criteria.filter.as_deref().map(|filter| parse_event_filter(filter.get())).transpose()?;
    let mut groups = Vec::new();
    for grouping in criteria.groupings.into_iter().flat_map(|groupings| groupings.group_by) {
        let key = match grouping.key {
            GroupName::Room => GroupKey::Room,
            GroupName::Sender => GroupKey::Sender,
        };
        if !groups.contains(&key) {
            groups.push(key);
        }
    }
    let keys = criteria.keys.map(|keys| keys.into_iter().map(|KeyName(key)| key).collect());
    let request = Request {
        term: criteria.search_term,
        keys: keys.unwrap_or_else(|| SearchKey::ALL.to_vec()),
        filter: filter.unwrap_or_default(),
        order: match criteria.order_by {
            Some(OrderName::Recent) => Order::Recent,
            Some(OrderName::Rank) | None => Order::Rank,
        },
        groups,
        from: query.next_batch.as_deref().filter(|token| !token.is_empty()).map(str::parse).transpose()?,
    };
    let found = api.engine.chat.search.search(&Actor::from(&session), request).await?;
    let answer = Answering { api: &api, session: &session, context: criteria.event_context };
    Ok(json_bytes(answer.write(&found, criteria.include_state).await?))
}

/// Writes the results for one user.
struct Answering<'a> {
    api: &'a Api,
    session: &'a Session,
    context: Option<ContextWanted>,
}

impl Answering<'_> {
    async fn write(&self, found: &Found, include_state: bool) -> ApiResult<Vec<u8>> {
        let mut out = Vec::with_capacity(1024 * (1 + found.hits.len()));
        out.extend_from_slice(
            format!("{{\"search_categories\":{{\"room_events\":{{\"count\":{}", found.count).as_bytes(),
        );
        out.extend_from_slice(format!(",\"highlights\":{},\"results\":[", json!(found.highlights)).as_bytes());
        for (index, hit) in found.hits.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            self.write_hit(&mut out, hit).await?;
        }
        out.push(b']');
        if include_state {
            self.write_state(&mut out, &found.hits).await?;
        }
        if !found.groups.is_empty() {
            out.extend_from_slice(format!(",\"groups\":{}", groups(found)).as_bytes());
        }
        if let Some(next) = &found.next {
            out.extend_from_slice(format!(",\"next_batch\":{}", json!(next.to_string())).as_bytes());
        }
        out.extend_from_slice(b"}}}");
        Ok(out)
    }

    async fn write_hit(&self, out: &mut Vec<u8>, hit: &Hit) -> ApiResult<()> {
        let rooms = &self.api.engine.chat.rooms;
        let context = match self.context {
            Some(wanted) => {
                let limit = |number: Option<usize>| number.unwrap_or(DEFAULT_CONTEXT).min(MAX_CONTEXT);
                let limits = (limit(wanted.before_limit), limit(wanted.after_limit));
                Some(rooms.context(&hit.reader, hit.event.id(), limits, &EventFilter::default()).await?)
            }
            None => None,
        };
        let mut events = vec![std::sync::Arc::clone(&hit.event)];
        if let Some(around) = &context {
            events.extend(around.before.iter().chain(&around.after).cloned());
        }
        let bundles = rooms.bundles(&hit.reader, &events).await?;
        let writer = Writer::new(self.api, self.session, &hit.reader, bundles);
        out.extend_from_slice(format!("{{\"rank\":{},\"result\":", json!(hit.rank)).as_bytes());
        writer.write(out, &hit.event);
        if let Some(around) = &context {
            let (start, end) = (around.start, around.end);
            out.extend_from_slice(format!(",\"context\":{{\"start\":\"{start}\",\"end\":\"{end}\"").as_bytes());
            for (name, events) in [("events_before", &around.before), ("events_after", &around.after)] {
                out.extend_from_slice(format!(",\"{name}\":").as_bytes());
                write_array(out, events, |out, event| writer.write(out, event));
            }
            if self.context.is_some_and(|wanted| wanted.include_profile) {
                let members = rooms.members_of_senders(&hit.reader, &events).await?;
                out.extend_from_slice(format!(",\"profile_info\":{}", profiles(&members)).as_bytes());
            }
            out.push(b'}');
        }
        out.push(b'}');
        Ok(())
    }

    /// The state of each room with results: as it is now, or as it was when the user left.
    async fn write_state(&self, out: &mut Vec<u8>, hits: &[Hit]) -> ApiResult<()> {
        let mut written = Vec::new();
        out.extend_from_slice(b",\"state\":{");
        for hit in hits {
            let room = &hit.reader.room;
            if written.contains(&room.nid) {
                continue;
            }
            if !written.is_empty() {
                out.push(b',');
            }
            written.push(room.nid);
            let state = self.api.engine.chat.rooms.state_at(room, hit.reader.until).await?;
            let writer = Writer::new(self.api, self.session, &hit.reader, std::collections::HashMap::default());
            out.extend_from_slice(format!("{}:", json!(room.id)).as_bytes());
            write_array(out, &state, |out, event| writer.write(out, event));
        }
        out.push(b'}');
        Ok(())
    }
}

/// The profiles that the senders of events had then.
fn profiles(members: &[std::sync::Arc<RoomEvent>]) -> Value {
    let profile = |member: &std::sync::Arc<RoomEvent>| {
        let mut content: Map<String, Value> = serde_json::from_str(member.state_content()?).ok()?;
        content.retain(|key, value| matches!(key.as_str(), "displayname" | "avatar_url") && value.is_string());
        Some((member.state_key()?.to_owned(), Value::Object(content)))
    };
    Value::Object(members.iter().filter_map(profile).collect())
}

fn groups(found: &Found) -> Value {
    let mut groups = Map::new();
    for (key, of_key) in &found.groups {
        let name = match key {
            GroupKey::Room => "room_id",
            GroupKey::Sender => "sender",
        };
        let group = |(order, group): (usize, &im2_chat::search::Group)| {
            let mut value = json!({ "order": order + 1, "results": group.results });
            if let Some(next) = &group.next {
                value["next_batch"] = json!(next.to_string());
            }
            (group.id.clone(), value)
        };
        groups.insert(name.to_owned(), Value::Object(of_key.iter().enumerate().map(group).collect()));
    }
    Value::Object(groups)
}
