//! The data by which a client names a room (spec: `RoomSummary`).

use std::io::Write as _;

use im2_model::{UserId, UserNid};
use serde_json::Value;

use im2_chat::rooms::{Room, View, write_array};

/// Members named.
const HEROES: usize = 5;

/// Writes `summary`.
pub(super) fn write_summary(out: &mut Vec<u8>, room: &Room, user: UserNid) {
    let view = room.view();
    let (joined, invited) = (view.joined.len(), view.invited);
    let counts = format!(",\"summary\":{{\"m.joined_member_count\":{joined},\"m.invited_member_count\":{invited}");
    out.extend_from_slice(counts.as_bytes());
    if !is_named(&view) {
        out.extend_from_slice(b",\"m.heroes\":");
        write_array(out, heroes(&view, user), |out, hero| drop(write!(out, "{}", Value::from(hero))));
    }
    out.push(b'}');
}

/// Whether the room has a name or a canonical alias.
pub(super) fn is_named(view: &View) -> bool {
    let has = |kind: &str, key: &str| {
        let content: Option<Value> = view.content(kind, "").and_then(|content| serde_json::from_str(content).ok());
        content.is_some_and(|content| content[key].as_str().is_some_and(|text| !text.is_empty()))
    };
    has("m.room.name", "name") || has("m.room.canonical_alias", "alias")
}

/// The first members other than the user, by when they came: joined or invited ones, or else former ones.
pub(crate) fn heroes(view: &View, user: UserNid) -> Vec<String> {
    let own = view.joined.get(&user);
    let others = |members: &[UserId]| {
        let others = members.iter().filter(|user_id| Some(*user_id) != own);
        others.take(HEROES).map(ToString::to_string).collect::<Vec<_>>()
    };
    let present = others(view.members.first_present());
    if present.is_empty() { others(&view.members.first_former()) } else { present }
}
