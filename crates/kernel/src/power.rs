//! Power levels (spec: client-server API, `m.room.power_levels`).

use std::collections::{BTreeMap, HashMap, HashSet};

use im2_model::UserId;
use serde_json::{Map, Value};

use crate::{canonical::MAX_INTEGER, content::CreateContent, event::Pdu, version::RoomVersion};

/// How much a user may do in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PowerLevel {
    /// A level that `m.room.power_levels` gives.
    Finite(i64),
    /// Above every level: the creators of a room from version 12 on.
    Infinite,
}

impl PowerLevel {
    /// Whether the level suffices for what requires `required`.
    pub fn reaches(self, required: i64) -> bool {
        self >= Self::Finite(required)
    }
}

impl std::fmt::Display for PowerLevel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Finite(level) => level.fmt(f),
            Self::Infinite => f.write_str("that of a creator"),
        }
    }
}

/// The power levels of a room: what `m.room.power_levels` says and the defaults for what it does not say. Made once
/// per change of that event and kept by the caller.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PowerLevels {
    /// The level needed to ban and unban.
    pub ban: i64,
    /// The level needed to kick.
    pub kick: i64,
    /// The level needed to invite.
    pub invite: i64,
    /// The level needed to redact the events of others.
    pub redact: i64,
    /// The level needed for state events that `events` does not name.
    pub state_default: i64,
    /// The level needed for message events that `events` does not name.
    pub events_default: i64,
    /// The level of users without one of their own.
    pub users_default: i64,
    notifications: HashMap<Box<str>, i64>,
    events: HashMap<Box<str>, i64>,
    users: HashMap<UserId, i64>,
    /// Users above all levels; empty before version 12.
    privileged: HashSet<UserId>,
}

const DEFAULT_CREATOR_LEVEL: i64 = 100;
const DEFAULT_MODERATOR_LEVEL: i64 = 50;

impl PowerLevels {
    /// The levels of the room that `create` made, whose current `m.room.power_levels` is `power_levels`.
    pub fn of(version: RoomVersion, create: &Pdu, power_levels: Option<&Pdu>) -> Self {
        let creators = CreateContent::creators(version, create);
        let written = power_levels.map(|event| WrittenLevels::parse(version, &event.content_map()));
        let privileged = version.rules().privileged_creators;
        let mut levels = Self::from_written(written.as_ref().unwrap_or(&WrittenLevels::default()));
        if privileged {
            levels.privileged = creators.into_iter().collect();
        } else if written.is_none() {
            levels.users.extend(creators.into_iter().map(|creator| (creator, DEFAULT_CREATOR_LEVEL)));
        }
        levels
    }

    fn from_written(written: &WrittenLevels) -> Self {
        let level = |key: &str, default| written.levels.get(key).copied().unwrap_or(default);
        let entries = |entries: &BTreeMap<String, i64>| {
            entries.iter().map(|(key, level)| (key.as_str().into(), *level)).collect::<HashMap<Box<str>, i64>>()
        };
        Self {
            ban: level("ban", DEFAULT_MODERATOR_LEVEL),
            kick: level("kick", DEFAULT_MODERATOR_LEVEL),
            invite: level("invite", 0),
            redact: level("redact", DEFAULT_MODERATOR_LEVEL),
            state_default: level("state_default", DEFAULT_MODERATOR_LEVEL),
            events_default: level("events_default", 0),
            users_default: level("users_default", 0),
            notifications: entries(&written.notifications),
            events: entries(&written.events),
            users: written.users.iter().filter_map(|(user, level)| Some((UserId::parse(user).ok()?, *level))).collect(),
            privileged: HashSet::new(),
        }
    }

    /// The level of `user`.
    pub fn user_level(&self, user: &UserId) -> PowerLevel {
        if self.privileged.contains(user) {
            return PowerLevel::Infinite;
        }
        PowerLevel::Finite(self.users.get(user).copied().unwrap_or(self.users_default))
    }

    /// The level needed to send events of `kind`.
    pub fn level_for(&self, kind: &str, is_state: bool) -> i64 {
        let default = if is_state { self.state_default } else { self.events_default };
        self.events.get(kind).copied().unwrap_or(default)
    }

    /// The level needed for the notification `key` (`room` for `@room`).
    pub fn notification_level(&self, key: &str) -> i64 {
        self.notifications.get(key).copied().unwrap_or(DEFAULT_MODERATOR_LEVEL)
    }

    /// Whether `user` may send events of `kind`. Membership events have levels of their own.
    pub fn may_send(&self, user: &UserId, kind: &str, is_state: bool) -> bool {
        self.user_level(user).reaches(self.level_for(kind, is_state))
    }

    /// Whether `user` may redact an event of `sender` (spec: client-server API, "Redactions"): one's own always, as
    /// far as `m.room.redaction` may be sent at all; those of others with the redact level.
    pub fn may_redact(&self, user: &UserId, sender: &UserId) -> bool {
        user == sender || self.user_level(user).reaches(self.redact)
    }

    /// The users who have a level of their own, and those above all levels. All others are alike.
    pub fn named_users(&self) -> impl Iterator<Item = &UserId> {
        self.privileged.iter().chain(self.users.keys())
    }

    /// The highest level that any single user is given; who follows a room's upgrade asks for it.
    pub fn highest_finite_level(&self) -> i64 {
        self.users.values().copied().fold(self.users_default, i64::max)
    }
}

/// The levels of an `m.room.power_levels`, as far as they are well formed, and the first of its problems.
#[derive(Debug, Default)]
pub(crate) struct WrittenLevels {
    /// The properties that are levels themselves.
    pub(crate) levels: BTreeMap<&'static str, i64>,
    pub(crate) events: BTreeMap<String, i64>,
    pub(crate) notifications: BTreeMap<String, i64>,
    pub(crate) users: BTreeMap<String, i64>,
    /// The first property that is not what authorisation rules 10.1 to 10.3 (9.1 to 9.3 before version 12) ask. Before
    /// version 10 only `users` is asked about; what has no meaning there is refused all the same, except for
    /// `notifications` before version 6, which no rule looked at.
    pub(crate) problem: Option<String>,
}

/// The properties of `m.room.power_levels` that are levels themselves.
pub(crate) const LEVEL_PROPERTIES: [&str; 7] =
    ["users_default", "events_default", "state_default", "ban", "redact", "kick", "invite"];

impl WrittenLevels {
    /// Reads a content by the rules of `version`, which may take strings for integers.
    pub(crate) fn parse(version: RoomVersion, content: &Map<String, Value>) -> Self {
        let rules = version.rules();
        let level = match (rules.strict_json, rules.integer_power_levels) {
            (_, true) => Value::as_i64,
            (true, false) => lenient_level,
            (false, false) => any_level,
        };
        Self::read(level, rules.notifications_are_levels, content)
    }

    /// Reads a content that a client wants to send. No version wants new levels as strings (spec: room version 6,
    /// "Deprecated event content schemas").
    pub(crate) fn parse_new(content: &Map<String, Value>) -> Self {
        Self::read(Value::as_i64, true, content)
    }

    fn read(level: fn(&Value) -> Option<i64>, judges_notifications: bool, content: &Map<String, Value>) -> Self {
        let mut written = Self::default();
        for property in LEVEL_PROPERTIES {
            match content.get(property).map(level) {
                Some(Some(level)) => _ = written.levels.insert(property, level),
                Some(None) => written.note(|| format!("`{property}` must be an integer")),
                None => {}
            }
        }
        written.events = written.entries(level, content, "events");
        written.users = written.entries(level, content, "users");
        if let Some(stranger) = written.users.keys().find(|user| UserId::parse(user).is_err()).cloned() {
            written.note(|| format!("`users` may only name user IDs, and {stranger:?} is none"));
        }
        let problem_elsewhere = written.problem.clone();
        written.notifications = written.entries(level, content, "notifications");
        if !judges_notifications {
            written.problem = problem_elsewhere;
        }
        written
    }

    fn note(&mut self, problem: impl FnOnce() -> String) {
        self.problem.get_or_insert_with(problem);
    }

    fn entries(
        &mut self,
        level: fn(&Value) -> Option<i64>,
        content: &Map<String, Value>,
        property: &str,
    ) -> BTreeMap<String, i64> {
        let Some(value) = content.get(property) else { return BTreeMap::new() };
        let Some(object) = value.as_object() else {
            self.note(|| format!("`{property}` must be an object"));
            return BTreeMap::new();
        };
        let mut entries = BTreeMap::new();
        for (key, value) in object {
            match level(value) {
                Some(level) => _ = entries.insert(key.clone(), level),
                None => self.note(|| format!("the levels in `{property}` must be integers")),
            }
        }
        entries
    }
}

/// A level as versions before 6 read it: any number, without its fraction, or a string that holds an integer (spec: room
/// version 1, "`m.room.power_levels` events accept values as floats"). Beyond 64 bits, the nearest that there is.
fn any_level(value: &Value) -> Option<i64> {
    match value {
        // A cast cuts the fraction off, and saturates.
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().map(|float| float as i64)),
        _ => value.as_str()?.trim().parse().ok(),
    }
}

/// A level as versions 6 to 9 read it: an integer, or a string that holds one (spec: room version 6, "power levels
/// accept values as strings").
fn lenient_level(value: &Value) -> Option<i64> {
    let level = value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())?;
    (-MAX_INTEGER..=MAX_INTEGER).contains(&level).then_some(level)
}

/// The content of an `m.room.power_levels` of `version` with integers for all its levels, as every version takes them.
/// Levels that are none are left out.
pub fn with_integer_levels(version: RoomVersion, mut content: Map<String, Value>) -> Map<String, Value> {
    let written = WrittenLevels::parse(version, &content);
    for property in LEVEL_PROPERTIES {
        if content.remove(property).is_some()
            && let Some(level) = written.levels.get(property)
        {
            content.insert(property.to_owned(), (*level).into());
        }
    }
    let maps = [("events", written.events), ("notifications", written.notifications), ("users", written.users)];
    for (property, levels) in maps {
        if content.remove(property).is_some() {
            content.insert(
                property.to_owned(),
                levels.into_iter().map(|(key, level)| (key, Value::from(level))).collect(),
            );
        }
    }
    content
}

#[cfg(test)]
mod tests {
    use im2_model::UserId;
    use serde_json::{Value, json};

    use super::{PowerLevel, PowerLevels, WrittenLevels, with_integer_levels};
    use crate::{
        testing::{create, state_event, user},
        version::RoomVersion::{self, V6, V9, V10, V11, V12},
    };

    fn levels(version: RoomVersion, power: Option<&Value>) -> PowerLevels {
        let create = create(version, "@ana:x", &json!({ "additional_creators": ["@co:x"] }));
        let power = power.map(|content| state_event(version, &create, "m.room.power_levels", "", "@ana:x", content));
        PowerLevels::of(version, &create, power.as_ref())
    }

    fn level(levels: &PowerLevels, id: &str) -> PowerLevel {
        levels.user_level(&UserId::parse(id).unwrap())
    }

    #[test]
    fn defaults_without_an_event() {
        for version in RoomVersion::UNDERSTOOD.into_iter().filter(|version| *version < V12) {
            let levels = levels(version, None);
            assert_eq!(level(&levels, "@ana:x"), PowerLevel::Finite(100));
            assert_eq!(level(&levels, "@co:x"), PowerLevel::Finite(0));
        }
        let levels = levels(V12, None);
        for creator in ["@ana:x", "@co:x"] {
            assert_eq!(level(&levels, creator), PowerLevel::Infinite);
        }
        assert_eq!(level(&levels, "@bob:x"), PowerLevel::Finite(0));
        assert_eq!((levels.ban, levels.kick, levels.redact, levels.invite), (50, 50, 50, 0));
        assert_eq!((levels.level_for("m.room.name", true), levels.level_for("m.room.message", false)), (50, 0));
    }

    #[test]
    fn an_event_replaces_the_creators_default_but_not_their_rank() {
        let content = json!({ "users": { "@bob:x": 60 }, "users_default": 5, "events": { "m.room.name": 70 },
            "notifications": { "room": 20 }, "state_default": 30, "events_default": 10 });
        let (old, new) = (levels(V11, Some(&content)), levels(V12, Some(&content)));
        assert_eq!(level(&old, "@ana:x"), PowerLevel::Finite(5));
        assert_eq!(level(&new, "@ana:x"), PowerLevel::Infinite);
        assert_eq!(level(&old, "@bob:x"), PowerLevel::Finite(60));
        assert_eq!(
            (old.level_for("m.room.name", true), old.level_for("x", true), old.level_for("x", false)),
            (70, 30, 10)
        );
        assert_eq!((old.notification_level("room"), old.notification_level("x")), (20, 50));
        assert!(old.may_redact(&user("@bob:x"), &user("@ana:x")) && !old.may_redact(&user("@c:x"), &user("@ana:x")));
        assert!(old.may_redact(&user("@c:x"), &user("@c:x")));
        assert_eq!(old.highest_finite_level(), 60);
    }

    #[test]
    fn wrong_types_are_noted_and_left_out() {
        for (content, fine) in [
            (json!({}), true),
            (json!({ "ban": 1, "users": { "@a:x": 1 }, "events": {}, "notifications": { "x": -5 } }), true),
            (json!({ "ban": "50" }), false),
            (json!({ "ban": null }), false),
            (json!({ "kick": 1.5 }), false),
            (json!({ "users": [] }), false),
            (json!({ "users": { "@a:x": "1" } }), false),
            (json!({ "users": { "nobody": 1 } }), false),
            (json!({ "events": { "a": true } }), false),
            (json!({ "events": 3 }), false),
            (json!({ "notifications": { "room": "50" } }), false),
            (json!({ "notifications": null }), false),
        ] {
            let content = content.as_object().unwrap();
            for version in [V10, V11, V12] {
                assert_eq!(WrittenLevels::parse(version, content).problem.is_none(), fine, "{content:?}");
            }
            assert_eq!(WrittenLevels::parse_new(content).problem.is_none(), fine, "{content:?}");
        }
    }

    #[test]
    fn until_version_9_strings_are_levels() {
        for (text, expected) in [
            ("50", Some(50)),
            ("+100", Some(100)),
            ("-7", Some(-7)),
            (" \t000100\n ", Some(100)),
            ("9007199254740991", Some(9_007_199_254_740_991)),
            ("99999999999999999999", None),
            ("", None),
            ("5 0", None),
            ("+-5", None),
            ("1.0", None),
            ("1e2", None),
            ("0x10", None),
            ("fifty", None),
        ] {
            let content = json!({ "ban": text, "users": { "@bob:x": text }, "events": { "a": text } });
            for version in RoomVersion::UNDERSTOOD {
                let written = WrittenLevels::parse(version, content.as_object().unwrap());
                let expected = expected.filter(|_| version <= V9);
                assert_eq!(written.problem.is_none(), expected.is_some(), "{text:?} in {version}");
                let read = [written.levels.get("ban"), written.users.get("@bob:x"), written.events.get("a")];
                assert_eq!(read, [expected.as_ref(); 3], "{text:?} in {version}");
            }
            assert!(WrittenLevels::parse_new(content.as_object().unwrap()).problem.is_some());
        }
        let content = json!({ "ban": "9007199254740992" });
        for version in RoomVersion::UNDERSTOOD {
            let written = WrittenLevels::parse(version, content.as_object().unwrap());
            assert_eq!(written.problem.is_none(), version < V6, "{version}");
        }
        let content = json!({ "users": { "@bob:x": "60" }, "state_default": "30" });
        assert_eq!(level(&levels(V6, Some(&content)), "@bob:x"), PowerLevel::Finite(60));
        assert_eq!(levels(V9, Some(&content)).level_for("m.room.name", true), 30);
    }

    #[test]
    fn until_version_5_any_number_is_a_level() {
        let content: Value = serde_json::from_str(
            r#"{"ban":50.57,"kick":-0.9,"invite":5.114698E4,"redact":1e300,"state_default":-99999999999999999999,
                "events_default":9007199254740993,"users":{"@bob:x":50.57},"events":{"a":1.0},"notifications":[]}"#,
        )
        .unwrap();
        for version in RoomVersion::UNDERSTOOD {
            let written = WrittenLevels::parse(version, content.as_object().unwrap());
            if version >= V6 {
                assert!(written.problem.is_some(), "{version}");
                continue;
            }
            assert_eq!(written.problem, None, "{version}");
            for (property, expected) in [
                ("ban", 50),
                ("kick", 0),
                ("invite", 51_146),
                ("redact", i64::MAX),
                ("state_default", i64::MIN),
                ("events_default", 9_007_199_254_740_993),
            ] {
                assert_eq!(written.levels.get(property), Some(&expected), "{property}");
            }
            assert_eq!((written.users["@bob:x"], written.events["a"]), (50, 1));
            let levels = levels(version, Some(&json!({ "notifications": { "room": "20.5", "x": 7.9 } })));
            assert_eq!((levels.notification_level("room"), levels.notification_level("x")), (50, 7));
        }
    }

    #[test]
    fn levels_become_integers_for_newer_rooms() {
        let old = json!({ "ban": "60", "kick": 40, "redact": [], "users": { "@a:x": " 7 ", "@b:x": null }, "events": {},
            "notifications": 5, "org.custom": "kept" });
        let new = with_integer_levels(V9, old.as_object().unwrap().clone());
        let expected = json!({ "ban": 60, "kick": 40, "users": { "@a:x": 7 }, "events": {}, "notifications": {},
            "org.custom": "kept" });
        assert_eq!(Value::Object(new.clone()), expected);
        assert_eq!(with_integer_levels(V10, new.clone()), new);
    }

    #[test]
    fn infinity_is_above_every_level() {
        assert!(PowerLevel::Infinite > PowerLevel::Finite(i64::MAX) && PowerLevel::Infinite.reaches(i64::MAX));
        assert!(PowerLevel::Finite(50).reaches(50) && !PowerLevel::Finite(49).reaches(50));
    }
}
