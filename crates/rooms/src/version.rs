//! Room versions 6 to 12 (spec: "Room Versions") and what differs among them.

use std::{fmt, str::FromStr};

/// A room version that this server can create and take part in, ordered from old to new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RoomVersion {
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

/// Differences among the supported versions; everything else is common to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about a version, each named by the spec")]
pub struct Rules {
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

    /// All versions, oldest first.
    pub const ALL: [Self; 7] = [Self::V6, Self::V7, Self::V8, Self::V9, Self::V10, Self::V11, Self::V12];

    /// The version's identifier, as in `m.room.create` and in the capabilities.
    pub const fn as_str(self) -> &'static str {
        match self {
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
        let (v10, v11, v12) = (self.is_from(Self::V10), self.is_from(Self::V11), self.is_from(Self::V12));
        Rules {
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

/// A room version that this server does not support (`M_UNSUPPORTED_ROOM_VERSION`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this room version is not supported; supported are 6 to 12")]
pub struct UnsupportedRoomVersion;

impl FromStr for RoomVersion {
    type Err = UnsupportedRoomVersion;

    fn from_str(text: &str) -> Result<Self, UnsupportedRoomVersion> {
        Self::ALL.into_iter().find(|version| version.as_str() == text).ok_or(UnsupportedRoomVersion)
    }
}

#[cfg(test)]
mod tests {
    use super::{RoomVersion, UnsupportedRoomVersion};

    #[test]
    fn versions_survive_their_text() {
        for version in RoomVersion::ALL {
            assert_eq!(version.to_string().parse(), Ok(version));
        }
        for text in ["", "1", "5", "13", "012", "org.matrix.hydra.11"] {
            assert_eq!(text.parse::<RoomVersion>(), Err(UnsupportedRoomVersion), "{text}");
        }
    }
}
