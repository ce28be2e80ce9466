//! Rules and rulesets as clients read them.

use im2_model::UserId;
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value, json};

use super::edit::RuleBody;

/// The kinds of rule, in the order in which they are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RuleKind {
    /// Conditions of any sort, before all others.
    Override,
    /// Words in a message.
    Content,
    /// A room; the rule's id is the room's.
    Room,
    /// A sender; the rule's id is the user's.
    Sender,
    /// Conditions of any sort, after all others.
    Underride,
}

impl RuleKind {
    /// All kinds in the order in which they are asked.
    pub const ALL: [Self; 5] = [Self::Override, Self::Content, Self::Room, Self::Sender, Self::Underride];

    /// The kind's name in paths and in rulesets.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Override => "override",
            Self::Content => "content",
            Self::Room => "room",
            Self::Sender => "sender",
            Self::Underride => "underride",
        }
    }

    /// The kind that `text` names.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Whether rules of this kind have conditions.
    pub const fn has_conditions(self) -> bool {
        matches!(self, Self::Override | Self::Underride)
    }
}

/// An action of a rule, taken when the rule matches.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// The event notifies.
    Notify,
    /// Something about the notification: `sound`, `highlight`, or what clients and push gateways agree on.
    SetTweak {
        /// The name of the tweak.
        tweak: Box<str>,
        /// The value of the tweak, if there is one.
        value: Option<Value>,
    },
    /// An action of older clients that has no effect any more (spec: "Historical Actions"). It is kept as it was
    /// written, so that a client finds its rule again.
    Historical(&'static str),
}

/// The actions that are kept and not heeded.
const HISTORICAL: [&str; 2] = ["dont_notify", "coalesce"];

impl Action {
    /// Reads an action.
    pub(super) fn parse(value: &Value) -> Option<Self> {
        match value {
            Value::String(name) if name == "notify" => Some(Self::Notify),
            Value::String(name) => HISTORICAL.into_iter().find(|known| known == name).map(Self::Historical),
            Value::Object(object) => {
                let tweak = object.get("set_tweak")?.as_str()?.into();
                Some(Self::SetTweak { tweak, value: object.get("value").cloned() })
            }
            _ => None,
        }
    }
}

impl Serialize for Action {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Notify => serializer.serialize_str("notify"),
            Self::Historical(name) => serializer.serialize_str(name),
            Self::SetTweak { tweak, value } => {
                let mut map = serializer.serialize_map(None)?;
                map.serialize_entry("set_tweak", tweak)?;
                if let Some(value) = value {
                    map.serialize_entry("value", value)?;
                }
                map.end()
            }
        }
    }
}

/// A rule as clients see it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rule {
    /// Unique among the rules of its kind; starts with a dot exactly if the rule is the server's.
    pub rule_id: Box<str>,
    /// Whether the rule is the server's.
    pub default: bool,
    /// Whether it may match at all.
    pub enabled: bool,
    /// The actions to take when it matches.
    pub actions: Vec<Action>,
    /// Override and underride rules: what must hold, as the client wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Vec<Value>>,
    /// Content rules: what the message must contain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<Box<str>>,
}

impl Rule {
    /// How long the rule's patterns are together, in bytes.
    pub(super) fn pattern_bytes(&self) -> usize {
        let conditions = self.conditions.iter().flatten();
        let of_conditions = conditions.filter_map(|condition| condition.get("pattern")?.as_str());
        self.pattern.as_deref().into_iter().chain(of_conditions).map(str::len).sum()
    }
}

/// The rules of a user, each kind's most important first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ruleset {
    /// See [`RuleKind::Override`].
    pub(super) r#override: Vec<Rule>,
    /// See [`RuleKind::Content`].
    pub(super) content: Vec<Rule>,
    /// See [`RuleKind::Room`].
    pub(super) room: Vec<Rule>,
    /// See [`RuleKind::Sender`].
    pub(super) sender: Vec<Rule>,
    /// See [`RuleKind::Underride`].
    pub(super) underride: Vec<Rule>,
}

impl Ruleset {
    /// The rules of `kind`, most important first.
    pub fn rules(&self, kind: RuleKind) -> &[Rule] {
        match kind {
            RuleKind::Override => &self.r#override,
            RuleKind::Content => &self.content,
            RuleKind::Room => &self.room,
            RuleKind::Sender => &self.sender,
            RuleKind::Underride => &self.underride,
        }
    }

    pub(super) fn rules_mut(&mut self, kind: RuleKind) -> &mut Vec<Rule> {
        match kind {
            RuleKind::Override => &mut self.r#override,
            RuleKind::Content => &mut self.content,
            RuleKind::Room => &mut self.room,
            RuleKind::Sender => &mut self.sender,
            RuleKind::Underride => &mut self.underride,
        }
    }

    /// All rules in the order in which they are asked.
    pub fn iter(&self) -> impl Iterator<Item = (RuleKind, &Rule)> {
        RuleKind::ALL.into_iter().flat_map(|kind| self.rules(kind).iter().map(move |rule| (kind, rule)))
    }

    /// The rule of `kind` that is called `rule_id`.
    pub fn get(&self, kind: RuleKind, rule_id: &str) -> Option<&Rule> {
        self.rules(kind).iter().find(|rule| *rule.rule_id == *rule_id)
    }

    /// The answer of `GET /pushrules/`, which is also the content of the account data `m.push_rules`.
    pub fn to_content(&self) -> Value {
        json!({ "global": self })
    }

    /// The part of the rules of `user` that has to be stored: the user's own and the changed defaults. `None` if there
    /// is nothing, as for most users.
    pub fn to_stored(&self, user: &UserId) -> Option<Value> {
        let defaults = Self::defaults(user);
        let mut stored = Map::new();
        for kind in RuleKind::ALL {
            let changed: Vec<&Rule> =
                self.rules(kind).iter().filter(|rule| defaults.get(kind, &rule.rule_id) != Some(*rule)).collect();
            if !changed.is_empty() {
                stored.insert(kind.as_str().to_owned(), json!(changed));
            }
        }
        (!stored.is_empty()).then_some(Value::Object(stored))
    }

    /// The rules of `user`, of whom `stored` was kept. Defaults that changed since then are as they are now, except
    /// for what the user changed about them.
    pub fn from_stored(user: &UserId, stored: &Value) -> Self {
        let mut ruleset = Self::defaults(user);
        for kind in RuleKind::ALL {
            let rules = stored.get(kind.as_str()).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let mut place = ruleset.first_place(kind);
            for rule in rules.iter().filter_map(Value::as_object) {
                let Some(rule_id) = rule.get("rule_id").and_then(Value::as_str) else { continue };
                let Ok(body) = RuleBody::parse(kind, rule) else { continue };
                let enabled = rule.get("enabled") != Some(&Value::Bool(false));
                let rules = ruleset.rules_mut(kind);
                if !rule_id.starts_with('.') {
                    rules.insert(place, body.into_rule(rule_id, enabled));
                    place += 1;
                } else if let Some(default) = rules.iter_mut().find(|rule| *rule.rule_id == *rule_id) {
                    default.enabled = enabled;
                    default.actions = body.actions;
                }
            }
        }
        ruleset
    }

    /// The place of the most important rule that a user may have: first, except for the rule that turns off all.
    pub(super) fn first_place(&self, kind: RuleKind) -> usize {
        usize::from(self.rules(kind).first().is_some_and(|rule| &*rule.rule_id == ".m.rule.master"))
    }
}
