//! The notification of an event for a push gateway (spec: Push Gateway API, `POST /_matrix/push/v1/notify`).

use im2_kernel::{
    content::MemberContent,
    push::{Action, Evaluation},
};
use im2_model::UserId;
use im2_store::pushers::{Pusher, PusherKind};
use serde_json::{Map, Value, json};

use im2_chat::rooms::{Room, RoomEvent};

/// Bytes of an event's content that go along. What is larger does not fit what gateways may pass on (4 KiB at the
/// usual ones), and the device fetches the event anyway.
const MAX_CONTENT: usize = 4 * 1024;

/// The body that tells of an event; `sender` is the sender's member event.
pub(super) fn of_event(
    pusher: &Pusher,
    room: &Room,
    (event, sender): (&RoomEvent, Option<&RoomEvent>),
    evaluation: &Evaluation<'_>,
    unread: u64,
) -> Value {
    let tweaks = tweaks(evaluation.actions);
    let is_urgent = evaluation.highlight || evaluation.sound.is_some() || event.kind() == "m.room.encrypted";
    let mut body = json!({
        "event_id": event.id(),
        "room_id": room.id,
        "prio": if is_urgent { "high" } else { "low" },
        "counts": counts(unread),
        "devices": [device(pusher, Some(tweaks))],
    });
    let data: Map<String, Value> = serde_json::from_str(&pusher.settings.data).unwrap_or_default();
    if data.get("format").is_none_or(|format| format != "event_id_only")
        && let Some(object) = body.as_object_mut()
    {
        object.extend(about(&pusher.user_id, room, event, sender));
    }
    json!({ "notification": body })
}

/// The body that tells the numbers alone.
pub(super) fn of_badge(pusher: &Pusher, unread: u64) -> Value {
    let mut counts = counts(unread);
    // Left out, a number that has become zero would be taken as one that has not changed.
    counts.entry("unread").or_insert_with(|| 0.into());
    json!({ "notification": { "counts": counts, "prio": "low", "devices": [device(pusher, None)] } })
}

fn counts(unread: u64) -> Map<String, Value> {
    let mut counts = Map::new();
    if unread > 0 {
        counts.insert("unread".into(), unread.into());
    }
    counts
}

fn device(pusher: &Pusher, tweaks: Option<Map<String, Value>>) -> Value {
    let mut data: Map<String, Value> = serde_json::from_str(&pusher.settings.data).unwrap_or_default();
    if pusher.settings.kind == PusherKind::WebPush {
        data.remove("auth"); // the device's own secret
    }
    let mut device = json!({
        "app_id": pusher.settings.app_id,
        "pushkey": pusher.settings.pushkey,
        "pushkey_ts": pusher.set_ts / 1_000,
        "data": data,
    });
    if let Some(tweaks) = tweaks {
        device["tweaks"] = Value::Object(tweaks);
    }
    device
}

/// The tweaks that the rule sets. A highlight without a value is one.
fn tweaks(actions: &[Action]) -> Map<String, Value> {
    let tweak = |action: &Action| match action {
        Action::SetTweak { tweak, value } => {
            let absent = if &**tweak == "highlight" { Value::Bool(true) } else { Value::Null };
            Some((tweak.to_string(), value.clone().unwrap_or(absent)))
        }
        Action::Notify | Action::Historical(_) => None,
    };
    actions.iter().filter_map(tweak).collect()
}

/// The fields that describe the event, for gateways that do not ask for the event ID only.
fn about(user_id: &UserId, room: &Room, event: &RoomEvent, member: Option<&RoomEvent>) -> Map<String, Value> {
    let view = room.view();
    let text = |kind: &str, key: &str| {
        let content: Map<String, Value> = serde_json::from_str(view.content(kind, "")?).ok()?;
        content.get(key).filter(|value| value.as_str().is_some_and(|text| !text.is_empty())).cloned()
    };
    let sender = &event.pdu.sender;
    let name = member.map(|member| MemberContent::parse(member.pdu.content_json()));
    let name = name.and_then(|member| member.displayname).map(String::from);
    let mut about = Map::new();
    about.insert("type".into(), event.kind().into());
    about.insert("sender".into(), sender.as_str().into());
    about.insert("sender_display_name".into(), name.unwrap_or_else(|| sender.to_string()).into());
    about.extend(text("m.room.name", "name").map(|name| ("room_name".to_owned(), name)));
    about.extend(text("m.room.canonical_alias", "alias").map(|alias| ("room_alias".to_owned(), alias)));
    if event.kind() == "m.room.member" {
        about.insert("user_is_target".into(), (event.state_key() == Some(user_id.as_str())).into());
    }
    if event.pdu.content_json().len() <= MAX_CONTENT {
        about.insert("content".into(), Value::Object(event.pdu.content_map()));
    }
    about
}
