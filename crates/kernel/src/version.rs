//! Room versions 1 to 12 (spec: "Room Versions") and what differs among them.
//!
//! All of them are *understood*: events can be read, judged, redacted and resolved. Only some are *offered* to clients for
//! new rooms and upgrades. Whoever reads a version says which of the two is meant; there is no parsing that does not.

use std::fmt;

/// A room version that this server understands, ordered from old to new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RoomVersion {
    /// Version 1: the first.
    V1,
    /// Version 2: another state resolution.
    V2,
    /// Version 3: event IDs are hashes.
    V3,
    /// Version 4: event IDs in URL-safe base64.
    V4,
    /// Version 5: signing keys have to be valid at the time of the event.
    V5,
    /// Version 6: strict canonical JSON, `notifications` in the rules for power levels.
    V6,
    /// Version 7: knocking.
    V7,
    /// Version 8: the join rule `restricted`.
    V8,
    /// Version 9: redacted members keep `join_authorised_via_users_server`.
    V9,
    /// Version 10: integer power levels only, the join rule `knock_restricted`.
    V10,
    /// Version 11: `redacts` in the content, clearer redaction.
    V11,
    /// Version 12: room IDs are hashes, creators stand above all power levels.
    V12,
}

/// The form of event identifiers of a version, and of references to events (spec: each version's "Event IDs" and "Event
/// format").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventIds {
    /// An event states its own ID, `$opaque:server`, and names others in pairs of their ID and their reference hash (1
    /// and 2).
    Stated,
    /// The ID is the reference hash in unpadded base64 (3).
    Hash,
    /// The ID is the reference hash in URL-safe unpadded base64 (from 4).
    UrlSafeHash,
}

/// The state resolution algorithm of a version; [`mod@crate::resolve`] has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateResolution {
    /// By depth, type after type (1).
    V1,
    /// By power, over the events that the states and their auth chains do not have in common (2 to 11).
    V2,
    /// As before, over more events and from an empty state (from 12).
    V2_1,
}

/// Differences among the versions; everything else is common to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about a version, each named by the spec")]
pub struct Rules {
    /// The form of event identifiers.
    pub event_ids: EventIds,
    /// The algorithm by which several states become one.
    pub state_resolution: StateResolution,
    /// The authorisation rules judge whose events a redaction may redact (until 2); later who applies it does.
    pub redactions_are_authorised: bool,
    /// `m.room.aliases` is a server's own state, whose content redactions keep (until 5).
    pub aliases_of_servers: bool,
    /// Signing keys have to be valid at the time of the event (from 5).
    pub signing_keys_expire: bool,
    /// Events are canonical JSON, so that numbers are integers below 2^53 (from 6).
    pub strict_json: bool,
    /// The rules for changes of power levels include `notifications` (from 6).
    pub notifications_are_levels: bool,
    /// The membership `knock` and the join rule of the same name (from 7).
    pub knocking: bool,
    /// The join rule `restricted`, `join_authorised_via_users_server` in joins, and `allow` kept by redactions of
    /// `m.room.join_rules` (from 8).
    pub restricted_joins: bool,
    /// Redactions of `m.room.member` keep `join_authorised_via_users_server` (from 9).
    pub redaction_keeps_authoriser: bool,
    /// The join rule `knock_restricted` (from 10).
    pub knock_restricted_joins: bool,
    /// Power levels are integers (from 10); before, also strings that hold one.
    pub integer_power_levels: bool,
    /// `m.room.create` names its creator in `content.creator` (until 10); later it is the event's sender.
    pub creator_in_content: bool,
    /// `m.room.redaction` names its target in `content.redacts` (from 11); before, in a top-level `redacts`.
    pub redacts_in_content: bool,
    /// The redaction algorithm of version 11, which no longer protects `origin`, `membership` and `prev_state` and
    /// keeps more of the content.
    pub redaction_keeps_v11: bool,
    /// The room ID is the create event's ID with the sigil `!` (from 12). The create event then carries no
    /// `room_id`, and is never among the `auth_events`, being implied by every event's `room_id`.
    pub room_id_is_create_hash: bool,
    /// Creators have an infinite power level, and the create event may name `additional_creators` (from 12).
    pub privileged_creators: bool,
}

impl RoomVersion {
    /// The version of a room whose creator asked for none.
    pub const DEFAULT: Self = Self::V12;

    /// The versions in which clients may make rooms, oldest first.
    pub const OFFERED: [Self; 7] = [Self::V6, Self::V7, Self::V8, Self::V9, Self::V10, Self::V11, Self::V12];

    /// All versions, oldest first.
    pub const UNDERSTOOD: [Self; 12] = [
        Self::V1,
        Self::V2,
        Self::V3,
        Self::V4,
        Self::V5,
        Self::V6,
        Self::V7,
        Self::V8,
        Self::V9,
        Self::V10,
        Self::V11,
        Self::V12,
    ];

    /// The version that `text` names, for a room that a client wants to make.
    pub fn offered(text: &str) -> Result<Self, UnsupportedRoomVersion> {
        Self::OFFERED.into_iter().find(|version| version.as_str() == text).ok_or(UnsupportedRoomVersion)
    }

    /// The version that `text` names, for a room that exists.
    pub fn understood(text: &str) -> Option<Self> {
        Self::UNDERSTOOD.into_iter().find(|version| version.as_str() == text)
    }

    /// The version's identifier, as in `m.room.create` and in the capabilities.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "1",
            Self::V2 => "2",
            Self::V3 => "3",
            Self::V4 => "4",
            Self::V5 => "5",
            Self::V6 => "6",
            Self::V7 => "7",
            Self::V8 => "8",
            Self::V9 => "9",
            Self::V10 => "10",
            Self::V11 => "11",
            Self::V12 => "12",
        }
    }

    /// The version's rules.
    pub const fn rules(self) -> Rules {
        let (v3, v6) = (self.is_from(Self::V3), self.is_from(Self::V6));
        let (v10, v11, v12) = (self.is_from(Self::V10), self.is_from(Self::V11), self.is_from(Self::V12));
        Rules {
            event_ids: match self {
                Self::V1 | Self::V2 => EventIds::Stated,
                Self::V3 => EventIds::Hash,
                _ => EventIds::UrlSafeHash,
            },
            state_resolution: match self {
                Self::V1 => StateResolution::V1,
                Self::V12 => StateResolution::V2_1,
                _ => StateResolution::V2,
            },
            redactions_are_authorised: !v3,
            aliases_of_servers: !v6,
            signing_keys_expire: self.is_from(Self::V5),
            strict_json: v6,
            notifications_are_levels: v6,
            knocking: self.is_from(Self::V7),
            restricted_joins: self.is_from(Self::V8),
            redaction_keeps_authoriser: self.is_from(Self::V9),
            knock_restricted_joins: v10,
            integer_power_levels: v10,
            creator_in_content: !v11,
            redacts_in_content: v11,
            redaction_keeps_v11: v11,
            room_id_is_create_hash: v12,
            privileged_creators: v12,
        }
    }

    /// Whether this is `first` or a later version; `>=` is not to be had in constants.
    const fn is_from(self, first: Self) -> bool {
        self as u8 >= first as u8
    }
}

impl Default for RoomVersion {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Display for RoomVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A room version that this server does not offer (`M_UNSUPPORTED_ROOM_VERSION`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this room version is not supported; supported are 6 to 12")]
pub struct UnsupportedRoomVersion;

#[cfg(test)]
mod tests {
    use super::{RoomVersion, UnsupportedRoomVersion};

    #[test]
    fn versions_survive_their_text() {
        for version in RoomVersion::UNDERSTOOD {
            assert_eq!(RoomVersion::understood(version.as_str()), Some(version));
            assert_eq!(version.to_string(), version.as_str());
        }
        for text in ["", "0", "13", "012", " 12", "org.matrix.hydra.11"] {
            assert_eq!(RoomVersion::understood(text), None, "{text}");
            assert_eq!(RoomVersion::offered(text), Err(UnsupportedRoomVersion), "{text}");
        }
    }

    #[test]
    fn new_rooms_have_versions_6_to_12() {
        for version in RoomVersion::UNDERSTOOD {
            let expected = if version >= RoomVersion::V6 { Ok(version) } else { Err(UnsupportedRoomVersion) };
            assert_eq!(RoomVersion::offered(version.as_str()), expected);
            assert_eq!(RoomVersion::OFFERED.contains(&version), expected.is_ok());
        }
        assert!(RoomVersion::OFFERED.contains(&RoomVersion::DEFAULT));
    }
}
