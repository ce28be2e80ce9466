//! What a client needs to name a room (spec: `RoomSummary`).

use std::{io::Write as _, sync::Arc};

use im2_model::UserNid;
use im2_rooms::content::Membership;
use serde_json::Value;

use crate::rooms::{Room, RoomEvent, View, write_array};

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
    let own = view.joined.get(&user).map(im2_model::UserId::as_str);
    let among = |wanted: &[Membership]| {
        let members = view.state.of_kind("m.room.member").filter(|(user_id, event)| {
            Some(*user_id) != own && event.pdu.membership.is_some_and(|membership| wanted.contains(&membership))
        });
        let mut members: Vec<(&str, &Arc<RoomEvent>)> = members.collect();
        members.sort_unstable_by_key(|(_, event)| event.seq);
        members.into_iter().take(HEROES).map(|(user_id, _)| user_id.to_owned()).collect::<Vec<_>>()
    };
    let present = among(&[Membership::Join, Membership::Invite]);
    if present.is_empty() { among(&[Membership::Leave, Membership::Ban]) } else { present }
}
