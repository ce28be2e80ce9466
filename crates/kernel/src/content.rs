//! Views of the contents that the server itself understands.
//!
//! Contents are written by clients and other servers, so any property may have any type. A view takes what is well
//! formed and leaves out the rest; where the specification rejects an event for a wrong type, the authorisation
//! rules say so, not the view.

use im2_model::{EventId, RoomId, UserId};
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, value::RawValue};

use crate::{event::Pdu, version::RoomVersion};

/// A user's relation to a room (spec: client-server API, `m.room.member`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Membership {
    /// Asked to join by a member.
    Invite,
    /// A member.
    Join,
    /// Asks to be invited.
    Knock,
    /// Was a member, declined an invite, withdrew a knock, or was kicked or unbanned. Also who was never there.
    Leave,
    /// May not come back until unbanned.
    Ban,
}

impl Membership {
    /// The membership's name in events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invite => "invite",
            Self::Join => "join",
            Self::Knock => "knock",
            Self::Leave => "leave",
            Self::Ban => "ban",
        }
    }

    /// The membership that `text` names.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Invite, Self::Join, Self::Knock, Self::Leave, Self::Ban]
            .into_iter()
            .find(|membership| membership.as_str() == text)
    }
}

/// Takes a property if it has the right type, and `None` otherwise.
fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok())
}

/// Reads a content; one that is no object is read as an empty one.
fn view<T: DeserializeOwned + Default>(content: &str) -> T {
    serde_json::from_str(content).unwrap_or_default()
}

/// The content of `m.room.member`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct MemberContent {
    /// `None` if absent or unknown, which the authorisation rules reject.
    #[serde(deserialize_with = "lenient")]
    pub membership: Option<Membership>,
    /// The display name in this room.
    #[serde(deserialize_with = "lenient")]
    pub displayname: Option<Box<str>>,
    /// The avatar in this room, as the client wrote it.
    #[serde(deserialize_with = "lenient")]
    pub avatar_url: Option<Box<str>>,
    /// The reason for the change of the membership, in the words of the user who changed it.
    #[serde(deserialize_with = "lenient")]
    pub reason: Option<Box<str>>,
    /// Whether an invite is meant for a direct chat.
    #[serde(deserialize_with = "lenient")]
    pub is_direct: Option<bool>,
    /// The member on whose right to invite a restricted join rests.
    #[serde(deserialize_with = "lenient")]
    pub join_authorised_via_users_server: Option<UserId>,
}

impl MemberContent {
    /// Reads a content.
    pub fn parse(content: &str) -> Self {
        view(content)
    }
}

/// A member's name and picture, as they are written in a stored `m.room.member`: JSON strings, for lists of very many
/// members.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct MemberProfile<'a> {
    #[serde(borrow, default)]
    displayname: Option<&'a RawValue>,
    #[serde(borrow, default)]
    avatar_url: Option<&'a RawValue>,
}

impl<'a> MemberProfile<'a> {
    /// Reads a content.
    pub fn read(content: &'a str) -> Self {
        serde_json::from_str(content).unwrap_or_default()
    }

    /// The display name in this room as JSON; `null` if there is none.
    pub fn displayname_json(&self) -> &'a str {
        string_or_null(self.displayname)
    }

    /// The avatar in this room as JSON; `null` if there is none.
    pub fn avatar_url_json(&self) -> &'a str {
        string_or_null(self.avatar_url)
    }
}

fn string_or_null(value: Option<&RawValue>) -> &str {
    value.map(RawValue::get).filter(|json| json.starts_with('"')).unwrap_or("null")
}

/// The rule that says who may join a room (spec: client-server API, `m.room.join_rules`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum JoinRule {
    /// Anybody.
    Public,
    /// The invited. Also the rule of a room without `m.room.join_rules`.
    #[default]
    Invite,
    /// The invited, and others may ask.
    Knock,
    /// The invited, and members of the rooms that `allow` names.
    Restricted,
    /// Both of the above.
    KnockRestricted,
    /// A rule that the room's version does not know (`private` among them): nobody.
    Other,
}

impl JoinRule {
    /// The rule that `text` names.
    pub fn parse(text: &str) -> Self {
        match text {
            "public" => Self::Public,
            "invite" => Self::Invite,
            "knock" => Self::Knock,
            "restricted" => Self::Restricted,
            "knock_restricted" => Self::KnockRestricted,
            _ => Self::Other,
        }
    }

    /// Whether rooms of `version` know this rule.
    pub const fn is_known_in(self, version: RoomVersion) -> bool {
        let rules = version.rules();
        match self {
            Self::Public | Self::Invite => true,
            Self::Knock => rules.knocking,
            Self::Restricted => rules.restricted_joins,
            Self::KnockRestricted => rules.knock_restricted_joins,
            Self::Other => false,
        }
    }

    /// The rule itself where `version` knows it, and otherwise the nearest one that lets nobody join whom this rule
    /// would not.
    #[must_use]
    pub fn nearest_in(self, version: RoomVersion) -> Self {
        let stricter: &[Self] = match self {
            Self::KnockRestricted => &[Self::KnockRestricted, Self::Restricted, Self::Knock],
            Self::Restricted => &[Self::Restricted],
            Self::Knock => &[Self::Knock],
            rule => return rule,
        };
        stricter.iter().copied().find(|rule| rule.is_known_in(version)).unwrap_or(Self::Invite)
    }

    /// The rule's name in events; `None` for a rule that is not known.
    pub const fn as_str(self) -> Option<&'static str> {
        match self {
            Self::Public => Some("public"),
            Self::Invite => Some("invite"),
            Self::Knock => Some("knock"),
            Self::Restricted => Some("restricted"),
            Self::KnockRestricted => Some("knock_restricted"),
            Self::Other => None,
        }
    }

    /// Whether members of allowed rooms may join without an invite.
    pub const fn is_restricted(self) -> bool {
        matches!(self, Self::Restricted | Self::KnockRestricted)
    }

    /// Whether strangers may ask to be invited.
    pub const fn allows_knocks(self) -> bool {
        matches!(self, Self::Knock | Self::KnockRestricted)
    }
}

/// The content of `m.room.join_rules`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JoinRulesContent {
    /// The rule that says who may join.
    pub join_rule: JoinRule,
    /// The rooms whose members may join, from `allow` entries of the type `m.room_membership`.
    pub allow: Vec<RoomId>,
}

impl JoinRulesContent {
    /// Reads a content. A rule that rooms of `version` do not know is [`JoinRule::Other`].
    pub fn parse(version: RoomVersion, content: &str) -> Self {
        let content: Map<String, Value> = view(content);
        let stated = content.get("join_rule").and_then(Value::as_str).map(JoinRule::parse).unwrap_or_default();
        let join_rule = if stated.is_known_in(version) { stated } else { JoinRule::Other };
        let entries = content.get("allow").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let allow = entries
            .iter()
            .filter(|entry| entry.get("type").and_then(Value::as_str) == Some("m.room_membership"))
            .filter_map(|entry| RoomId::parse(entry.get("room_id")?.as_str()?).ok())
            .collect();
        Self { join_rule, allow }
    }
}

/// The setting that says who may see past events (spec: client-server API, "Room History Visibility").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum HistoryVisibility {
    /// Members, from their invite on.
    Invited,
    /// Members, from their join on.
    Joined,
    /// Members, everything. Also the visibility of a room without `m.room.history_visibility`.
    #[default]
    Shared,
    /// Everybody.
    WorldReadable,
}

impl HistoryVisibility {
    /// Reads the content of `m.room.history_visibility`; an unknown value is read as the default.
    pub fn parse(content: &str) -> Self {
        let content: Map<String, Value> = view(content);
        match content.get("history_visibility").and_then(Value::as_str) {
            Some("invited") => Self::Invited,
            Some("joined") => Self::Joined,
            Some("world_readable") => Self::WorldReadable,
            _ => Self::Shared,
        }
    }

    /// The visibility's name in events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Joined => "joined",
            Self::Shared => "shared",
            Self::WorldReadable => "world_readable",
        }
    }
}

/// Whether guests may join (spec: client-server API, `m.room.guest_access`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum GuestAccess {
    /// They may.
    CanJoin,
    /// They may not. Also the rule of a room without `m.room.guest_access`.
    #[default]
    Forbidden,
}

impl GuestAccess {
    /// Reads the content of `m.room.guest_access`.
    pub fn parse(content: &str) -> Self {
        let content: Map<String, Value> = view(content);
        match content.get("guest_access").and_then(Value::as_str) {
            Some("can_join") => Self::CanJoin,
            _ => Self::Forbidden,
        }
    }
}

/// The room that another one replaces.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Predecessor {
    /// The replaced room.
    pub room_id: RoomId,
    /// The last event known of it; no longer written for version 12.
    pub event_id: Option<EventId>,
}

/// The content of `m.room.create`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct CreateContent {
    /// The creator of a room before version 11.
    #[serde(deserialize_with = "lenient")]
    pub creator: Option<UserId>,
    /// Whether users of other servers may take part; they may unless this is false.
    #[serde(rename = "m.federate", deserialize_with = "lenient")]
    pub federate: Option<bool>,
    /// The room's version as written.
    #[serde(deserialize_with = "lenient")]
    pub room_version: Option<Box<str>>,
    /// The room's type, such as `m.space`.
    #[serde(rename = "type", deserialize_with = "lenient")]
    pub room_type: Option<Box<str>>,
    /// The room that this one replaces.
    #[serde(deserialize_with = "lenient")]
    pub predecessor: Option<Predecessor>,
    /// Users who share the creator's rank (from version 12).
    #[serde(deserialize_with = "lenient")]
    pub additional_creators: Option<Vec<UserId>>,
}

impl CreateContent {
    /// Reads a content.
    pub fn parse(content: &str) -> Self {
        view(content)
    }

    /// The creators of the room whose create event is `create`; the first is the one that made it.
    pub fn creators(version: RoomVersion, create: &Pdu) -> Vec<UserId> {
        let rules = version.rules();
        if !rules.creator_in_content && !rules.privileged_creators {
            return vec![create.sender.clone()];
        }
        let content = Self::parse(create.content_json());
        if rules.creator_in_content {
            return vec![content.creator.unwrap_or_else(|| create.sender.clone())];
        }
        let mut creators = vec![create.sender.clone()];
        creators.extend(content.additional_creators.unwrap_or_default().into_iter().filter(|id| *id != create.sender));
        creators
    }
}

#[cfg(test)]
mod tests {
    use super::{
        CreateContent, GuestAccess, HistoryVisibility, JoinRule, JoinRulesContent, MemberContent, MemberProfile,
        Membership,
    };
    use crate::version::RoomVersion::{self, V1, V6, V7, V8, V9, V10, V12};

    #[test]
    fn memberships_survive_their_names() {
        for membership in [Membership::Invite, Membership::Join, Membership::Knock, Membership::Leave, Membership::Ban]
        {
            assert_eq!(Membership::parse(membership.as_str()), Some(membership));
            assert_eq!(serde_json::to_value(membership).unwrap(), membership.as_str());
        }
        assert_eq!(Membership::parse("Join"), None);
    }

    #[test]
    fn a_profile_is_what_is_text() {
        let profile = |content| {
            let profile = MemberProfile::read(content);
            (profile.displayname_json(), profile.avatar_url_json())
        };
        assert_eq!(
            profile(r#"{"avatar_url":"mxc://a/b","displayname":"\"Ann\"\n"}"#),
            (r#""\"Ann\"\n""#, r#""mxc://a/b""#)
        );
        assert_eq!(profile(r#"{"avatar_url":null,"displayname":{"displayname":"x"}}"#), ("null", "null"));
        assert_eq!(profile(r#"{"avatar_url":"","membership":"join"}"#), ("null", r#""""#));
        assert_eq!(profile("3"), ("null", "null"));
    }

    #[test]
    fn a_member_keeps_what_is_well_formed() {
        let member = MemberContent::parse(
            r#"{"membership":"join","displayname":7,"avatar_url":null,"reason":"r","is_direct":"yes",
                "join_authorised_via_users_server":"nobody","x":[{}]}"#,
        );
        let expected =
            MemberContent { membership: Some(Membership::Join), reason: Some("r".into()), ..MemberContent::default() };
        assert_eq!(member, expected);
        for hostile in ["[]", "3", "null", r#"{"membership":{"membership":"join"}}"#, r#"{"membership":"JOIN"}"#] {
            assert_eq!(MemberContent::parse(hostile), MemberContent::default(), "{hostile}");
        }
    }

    #[test]
    fn join_rules_and_their_rooms() {
        let rules = JoinRulesContent::parse(
            V12,
            r#"{"join_rule":"knock_restricted","allow":[{"type":"m.room_membership","room_id":"!a:x"},
                {"type":"other","room_id":"!b:x"},{"type":"m.room_membership","room_id":5},7]}"#,
        );
        assert_eq!(rules.join_rule, JoinRule::KnockRestricted);
        assert_eq!(rules.allow.iter().map(im2_model::RoomId::as_str).collect::<Vec<_>>(), ["!a:x"]);
        assert_eq!(JoinRulesContent::parse(V12, "{}").join_rule, JoinRule::Invite);
        assert_eq!(JoinRulesContent::parse(V12, r#"{"join_rule":"private","allow":{}}"#).join_rule, JoinRule::Other);
    }

    #[test]
    fn each_version_knows_its_join_rules() {
        use JoinRule::{Invite, Knock, KnockRestricted, Public, Restricted};
        for (rule, known_from) in [(Public, V1), (Invite, V1), (Knock, V7), (Restricted, V8), (KnockRestricted, V10)] {
            let name = rule.as_str().unwrap();
            assert_eq!(JoinRule::parse(name), rule);
            for version in RoomVersion::UNDERSTOOD {
                let read = JoinRulesContent::parse(version, &format!(r#"{{"join_rule":"{name}"}}"#)).join_rule;
                assert_eq!(read, if version >= known_from { rule } else { JoinRule::Other }, "{name} in {version}");
                assert!(rule.nearest_in(version).is_known_in(version));
                assert!(version < known_from || rule.nearest_in(version) == rule);
            }
        }
        let nearest = |version| [Knock, Restricted, KnockRestricted].map(|rule| rule.nearest_in(version));
        assert_eq!((nearest(V1), nearest(V6)), ([Invite; 3], [Invite; 3]));
        assert_eq!(nearest(V7), [Knock, Invite, Knock]);
        for version in [V8, V9] {
            assert_eq!(nearest(version), [Knock, Restricted, Restricted]);
        }
        assert_eq!(JoinRule::Other.nearest_in(V10), JoinRule::Other);
    }

    #[test]
    fn visibility_and_guests_have_safe_defaults() {
        assert_eq!(HistoryVisibility::parse(r#"{"history_visibility":"joined"}"#), HistoryVisibility::Joined);
        assert_eq!(HistoryVisibility::parse(r#"{"history_visibility":["world_readable"]}"#), HistoryVisibility::Shared);
        assert_eq!(GuestAccess::parse(r#"{"guest_access":"can_join"}"#), GuestAccess::CanJoin);
        assert_eq!(GuestAccess::parse(r#"{"guest_access":true}"#), GuestAccess::Forbidden);
    }

    #[test]
    fn create_content() {
        let content = CreateContent::parse(
            r#"{"m.federate":false,"type":"m.space","room_version":"12","predecessor":{"room_id":"!a:x"},
                "additional_creators":["@a:x",3]}"#,
        );
        assert_eq!((content.federate, content.room_type.as_deref()), (Some(false), Some("m.space")));
        assert!(content.predecessor.is_some_and(|old| old.event_id.is_none()));
        assert_eq!(content.additional_creators, None);
    }
}
