//! Visibility of events (spec: client-server API, "Room History Visibility", server behaviour).

use im2_model::UserId;

use crate::{
    content::{HistoryVisibility, Membership},
    event::Pdu,
};

/// The facts that decide whether a user may see an event, in the state before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Before {
    /// The room's history visibility.
    pub visibility: HistoryVisibility,
    /// The user's membership.
    pub membership: Membership,
}

/// Whether `user` may see `event`. `joined_later` says whether the user joined the room at any point after it; whoever
/// is a member now did, unless the event is newer than the membership.
///
/// A change of history visibility may be seen by whom either visibility lets see it, and a user's own membership
/// change if either membership does.
pub fn may_see(event: &Pdu, user: &UserId, before: Before, joined_later: bool) -> bool {
    let allows = |visibility, membership| is_visible(visibility, membership, joined_later);
    if allows(before.visibility, before.membership) {
        return true;
    }
    if event.is("m.room.history_visibility", "") {
        return allows(HistoryVisibility::parse(event.content_json()), before.membership);
    }
    if event.is("m.room.member", user.as_str()) {
        return allows(before.visibility, event.membership.unwrap_or(Membership::Leave));
    }
    false
}

/// Whether an event may be seen by a user with this membership when this was the history visibility.
pub fn is_visible(visibility: HistoryVisibility, membership: Membership, joined_later: bool) -> bool {
    match (visibility, membership) {
        (HistoryVisibility::WorldReadable, _)
        | (_, Membership::Join)
        | (HistoryVisibility::Invited, Membership::Invite) => true,
        (HistoryVisibility::Shared, _) => joined_later,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Before, is_visible, may_see};
    use crate::{
        content::{
            HistoryVisibility::{self, Invited, Joined, Shared, WorldReadable},
            Membership::{self, Ban, Invite, Join, Knock, Leave},
        },
        testing::{event, user},
        version::RoomVersion::V12,
    };

    #[test]
    fn the_five_rules() {
        for membership in [Join, Invite, Knock, Leave, Ban] {
            for later in [false, true] {
                let join = membership == Join;
                assert!(is_visible(WorldReadable, membership, later));
                assert_eq!(is_visible(Shared, membership, later), join || later);
                assert_eq!(is_visible(Invited, membership, later), join || membership == Invite);
                assert_eq!(is_visible(Joined, membership, later), join);
            }
        }
    }

    fn sees(properties: &Value, visibility: HistoryVisibility, membership: Membership) -> bool {
        may_see(&event(V12, properties), &user("@me:x"), Before { visibility, membership }, false)
    }

    #[test]
    fn a_change_of_visibility_is_seen_from_both_sides() {
        let to = |visibility: &str| {
            json!({ "type": "m.room.history_visibility", "state_key": "",
                "content": { "history_visibility": visibility } })
        };
        assert!(sees(&to("joined"), WorldReadable, Leave));
        assert!(sees(&to("world_readable"), Joined, Leave));
        assert!(sees(&to("invited"), Joined, Invite));
        assert!(!sees(&to("invited"), Joined, Leave));
        let mut no_state = to("world_readable");
        no_state["state_key"] = json!("x");
        assert!(!sees(&no_state, Joined, Leave));
    }

    #[test]
    fn ones_own_membership_is_seen_from_both_sides() {
        let member = |key: &str, membership: Value| json!({ "type": "m.room.member", "state_key": key, "content": { "membership": membership } });
        assert!(sees(&member("@me:x", json!("join")), Joined, Leave));
        assert!(sees(&member("@me:x", json!("leave")), Joined, Join));
        assert!(sees(&member("@me:x", json!("invite")), Invited, Leave));
        assert!(sees(&member("@me:x", json!("leave")), Invited, Invite));
        assert!(!sees(&member("@me:x", json!("invite")), Joined, Leave));
        assert!(!sees(&member("@me:x", json!(["join"])), Joined, Leave));
        assert!(!sees(&member("@you:x", json!("join")), Joined, Leave));
    }
}
