//! The state that a client wants of a room, in both forms in which it may ask: a list of pairs of type and state key,
//! and an object with what to include, what to leave out and whether members are loaded lazily.

use im2_core::{Code, Error, Result};
use serde::{Deserialize, Deserializer, de};

use super::request::RoomConfig;

/// Elements of one request for state. Clients name some twenty types.
const MAX_ELEMENTS: usize = 1_000;

const MEMBER: &str = "m.room.member";

/// The state that one rule asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequiredState {
    include: Vec<Element>,
    exclude: Vec<Element>,
    /// Whether members are sent as the timeline needs them, and not all of them.
    lazy_members: bool,
}

/// Some state of a room: `None` stands for every type.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Element {
    kind: Option<Box<str>>,
    key: Key,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Key {
    Any,
    /// The user's own ID.
    Me,
    Exactly(Box<str>),
}

impl Element {
    fn matches(&self, kind: &str, state_key: &str, me: &str) -> bool {
        self.kind.as_deref().is_none_or(|wanted| wanted == kind)
            && match &self.key {
                Key::Any => true,
                Key::Me => state_key == me,
                Key::Exactly(wanted) => **wanted == *state_key,
            }
    }
}

impl RequiredState {
    /// Refuses what is larger than any client needs.
    pub(super) fn check(&self) -> Result<()> {
        if self.include.len() + self.exclude.len() > MAX_ELEMENTS {
            return Err(Error::refused(Code::InvalidParam, "`required_state` has too many elements"));
        }
        Ok(())
    }

    fn wants(&self, kind: &str, state_key: &str, me: &str) -> bool {
        let by_name_only = self.lazy_members && kind == MEMBER;
        let included =
            |element: &Element| (!by_name_only || element.key != Key::Any) && element.matches(kind, state_key, me);
        self.include.iter().any(included) && !self.exclude.iter().any(|element| element.matches(kind, state_key, me))
    }

    /// Whether it asks for every member.
    fn wants_all_members(&self) -> bool {
        let is_all =
            |element: &Element| element.kind.as_deref().is_none_or(|kind| kind == MEMBER) && element.key == Key::Any;
        !self.lazy_members && self.include.iter().any(is_all)
    }

    fn of_pairs(pairs: Vec<(String, String)>) -> Self {
        let is_wild = |text: &str| text == "*";
        let lazy = |pair: &(String, String)| pair.0 == MEMBER && pair.1 == "$LAZY";
        let lazy_members = pairs.iter().any(lazy) && !pairs.iter().any(|(kind, key)| kind == MEMBER && is_wild(key));
        let include = pairs.into_iter().filter(|pair| !lazy(pair)).map(|(kind, key)| Element {
            kind: (!is_wild(&kind)).then(|| kind.into()),
            key: match &*key {
                "*" => Key::Any,
                "$ME" => Key::Me,
                _ => Key::Exactly(key.into()),
            },
        });
        Self { include: include.collect(), exclude: Vec::new(), lazy_members }
    }
}

impl<'de> Deserialize<'de> for RequiredState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Pairs(Vec<(String, String)>),
            Object(Object),
        }
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Object {
            include: Option<Vec<Element>>,
            exclude: Option<Vec<Element>>,
            lazy_members: Option<bool>,
        }
        let form = Form::deserialize(deserializer)
            .map_err(|_| de::Error::custom("`required_state` must be an object with `include`, or a list of pairs"))?;
        Ok(match form {
            Form::Pairs(pairs) => Self::of_pairs(pairs),
            Form::Object(Object { include, exclude, lazy_members }) => Self {
                include: include.unwrap_or_default(),
                exclude: exclude.unwrap_or_default(),
                lazy_members: lazy_members.unwrap_or(false),
            },
        })
    }
}

impl<'de> Deserialize<'de> for Element {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Form {
            r#type: Option<Box<str>>,
            state_key: Option<Box<str>>,
        }
        let form = Form::deserialize(deserializer)?;
        Ok(Self { kind: form.r#type, key: form.state_key.map_or(Key::Any, Key::Exactly) })
    }
}

/// The rules that match one room, combined.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Combined {
    /// Events of the timeline.
    pub(super) timeline_limit: usize,
    /// Whether members are loaded lazily.
    pub(super) lazy_members: bool,
    required: Vec<RequiredState>,
}

impl Combined {
    pub(super) fn of<'a>(configs: impl IntoIterator<Item = &'a RoomConfig>) -> Self {
        let mut combined = Self::default();
        for config in configs {
            combined.timeline_limit = combined.timeline_limit.max(config.timeline_limit());
            if !combined.required.contains(&config.required_state) {
                combined.required.push(config.required_state.clone());
            }
        }
        let all_members = combined.required.iter().any(RequiredState::wants_all_members);
        combined.lazy_members = !all_members && combined.required.iter().any(|required| required.lazy_members);
        combined
    }

    /// Whether a state entry is wanted, not regarding lazily loaded members.
    pub(super) fn wants(&self, kind: &str, state_key: &str, me: &str) -> bool {
        self.required.iter().any(|required| required.wants(kind, state_key, me))
    }

    /// The types of which a state entry may be wanted; `None` if it may be any.
    pub(super) fn kinds(&self) -> Option<Vec<&str>> {
        let mut kinds: Vec<&str> = Vec::new();
        for element in self.required.iter().flat_map(|required| &required.include) {
            let kind = element.kind.as_deref()?;
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        Some(kinds)
    }

    /// The state keys of which an entry of `kind` may be wanted; `None` if it may be any.
    pub(super) fn keys<'a>(&'a self, kind: &str, me: &'a str) -> Option<Vec<&'a str>> {
        let mut keys: Vec<&str> = Vec::new();
        for required in &self.required {
            let lazily = required.lazy_members && kind == MEMBER;
            for element in required.include.iter().filter(|element| element.kind.as_deref().is_none_or(|of| of == kind))
            {
                match &element.key {
                    Key::Any if lazily => {}
                    Key::Any => return None,
                    Key::Me => keys.push(me),
                    Key::Exactly(key) => keys.push(key),
                }
            }
        }
        keys.sort_unstable();
        keys.dedup();
        Some(keys)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::{Combined, RequiredState};
    use crate::sliding_sync::request::RoomConfig;

    const STATE: [(&str, &str); 5] = [
        ("m.room.create", ""),
        ("m.room.name", ""),
        ("m.room.member", "@me:x"),
        ("m.room.member", "@ana:x"),
        ("org.example", "@ana:x"),
    ];

    fn combined(forms: &[Value]) -> Combined {
        let configs: Vec<RoomConfig> = forms
            .iter()
            .map(|form| RoomConfig {
                timeline_limit: 1,
                required_state: from_value::<RequiredState>(form.clone()).unwrap(),
            })
            .collect();
        Combined::of(&configs)
    }

    /// The numbers of the entries of [`STATE`] that are wanted, and whether members are loaded lazily.
    fn wanted(forms: &[Value]) -> (Vec<usize>, bool) {
        let combined = combined(forms);
        let wanted = (0..STATE.len()).filter(|at| combined.wants(STATE[*at].0, STATE[*at].1, "@me:x")).collect();
        for (kind, key) in STATE.iter().filter(|(kind, key)| combined.wants(kind, key, "@me:x")) {
            let kinds = combined.kinds();
            assert!(kinds.is_none_or(|kinds| kinds.contains(kind)), "{kind} in {forms:?}");
            assert!(combined.keys(kind, "@me:x").is_none_or(|keys| keys.contains(key)), "{key} in {forms:?}");
        }
        (wanted, combined.lazy_members)
    }

    #[test]
    fn pairs_name_state_with_wildcards() {
        assert_eq!(wanted(&[json!([])]), (vec![], false));
        assert_eq!(wanted(&[json!([["m.room.name", ""]])]), (vec![1], false));
        assert_eq!(wanted(&[json!([["m.room.member", "*"]])]), (vec![2, 3], false));
        assert_eq!(wanted(&[json!([["*", "@ana:x"]])]), (vec![3, 4], false));
        assert_eq!(wanted(&[json!([["*", "*"]])]), (vec![0, 1, 2, 3, 4], false));
        assert_eq!(wanted(&[json!([["m.room.member", "$ME"], ["m.room.member", "$LAZY"]])]), (vec![2], true));
        assert_eq!(wanted(&[json!([["*", "*"], ["m.room.member", "$LAZY"]])]), (vec![0, 1, 4], true));
        assert_eq!(wanted(&[json!([["m.room.member", "*"], ["m.room.member", "$LAZY"]])]), (vec![2, 3], false));
    }

    #[test]
    fn objects_include_and_exclude() {
        assert_eq!(wanted(&[json!({})]), (vec![], false));
        assert_eq!(wanted(&[json!({ "include": [{}] })]), (vec![0, 1, 2, 3, 4], false));
        let all_but_create = json!({ "include": [{}], "exclude": [{ "type": "m.room.create", "state_key": "" }] });
        assert_eq!(wanted(&[all_but_create]), (vec![1, 2, 3, 4], false));
        assert_eq!(wanted(&[json!({ "include": [{ "state_key": "@ana:x" }] })]), (vec![3, 4], false));
        let lazy = json!({ "include": [{}], "lazy_members": true });
        assert_eq!(wanted(&[lazy]), (vec![0, 1, 4], true));
        let with_one =
            json!({ "include": [{}, { "type": "m.room.member", "state_key": "@ana:x" }], "lazy_members": true });
        assert_eq!(wanted(&[with_one]), (vec![0, 1, 3, 4], true));
    }

    #[test]
    fn rules_are_combined_to_what_any_of_them_wants() {
        let lazy = json!([["m.room.member", "$LAZY"], ["m.room.name", ""]]);
        assert_eq!(wanted(&[lazy.clone(), json!([["m.room.create", ""]])]), (vec![0, 1], true));
        assert_eq!(wanted(&[lazy, json!([["m.room.member", "*"]])]), (vec![1, 2, 3], false));
    }

    #[test]
    fn nonsense_is_refused() {
        for form in [json!("*"), json!([["m.room.name"]]), json!({ "include": [5] })] {
            assert!(from_value::<RequiredState>(form).is_err());
        }
    }
}
