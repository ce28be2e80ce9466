//! Judging events by rules (spec: "Push Rules", "Conditions", "Actions").

use std::sync::{Arc, LazyLock};

use im2_model::UserId;
use serde_json::Value;

use super::{
    flat::{FlatEvent, Property, parse_path},
    glob::{Glob, contains_word},
    rule::{Action, Rule, RuleKind, Ruleset},
};
use crate::power::PowerLevels;

/// What conditions ask of the room and of the user, beside the event.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Whose rules these are.
    pub user: &'a UserId,
    /// The user's display name in the room.
    pub display_name: Option<&'a str>,
    /// How many members the room has.
    pub member_count: u64,
    /// The room's power levels.
    pub power: &'a PowerLevels,
}

/// What the rules say about an event.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Evaluation<'a> {
    /// Whether it notifies.
    pub notify: bool,
    /// Whether it notifies and is to be shown highlighted.
    pub highlight: bool,
    /// The sound to play.
    pub sound: Option<&'a str>,
    /// The actions of the rule that matched; empty if none did.
    pub actions: &'a [Action],
}

/// A user's enabled rules, ready to judge events.
#[derive(Debug)]
pub struct CompiledRules {
    rules: Vec<CompiledRule>,
}

#[derive(Debug)]
struct CompiledRule {
    conditions: Vec<Condition>,
    actions: Vec<Action>,
}

/// A condition, with everything that does not depend on the event worked out. The user's own id is a condition of
/// its own, so that the default rules of all users are the same.
#[derive(Debug)]
enum Condition {
    Matches {
        path: Vec<Box<str>>,
        glob: Glob,
    },
    BodyMatches(Glob),
    Is {
        path: Vec<Box<str>>,
        value: Value,
    },
    Contains {
        path: Vec<Box<str>>,
        value: Value,
    },
    IsUser {
        path: Vec<Box<str>>,
    },
    ContainsUser {
        path: Vec<Box<str>>,
    },
    BodyNamesUser,
    MemberCount(Comparison, u64),
    SenderMayNotify(Box<str>),
    Room(Box<str>),
    Sender(Box<str>),
    /// An unknown or malformed condition.
    Never,
}

#[derive(Debug, Clone, Copy)]
enum Comparison {
    Equal,
    Less,
    Greater,
    LessOrEqual,
    GreaterOrEqual,
}

impl Ruleset {
    /// Prepares the rules of `user` for judging events. A user who changed nothing gets the one that all such users
    /// share.
    pub fn compile(&self, user: &UserId) -> Arc<CompiledRules> {
        if *self == Self::defaults(user) { CompiledRules::defaults() } else { Arc::new(CompiledRules::new(self, user)) }
    }
}

impl CompiledRules {
    /// The default rules, of any user.
    pub fn defaults() -> Arc<Self> {
        static DEFAULTS: LazyLock<Arc<CompiledRules>> = LazyLock::new(|| {
            let nobody = UserId::parse("@:localhost").expect("a user ID");
            Arc::new(CompiledRules::new(&Ruleset::defaults(&nobody), &nobody))
        });
        Arc::clone(&DEFAULTS)
    }

    fn new(ruleset: &Ruleset, user: &UserId) -> Self {
        let compile = |(kind, rule): (RuleKind, &Rule)| CompiledRule {
            conditions: compile_conditions(kind, rule, user),
            actions: rule.actions.clone(),
        };
        Self { rules: ruleset.iter().filter(|(_, rule)| rule.enabled).map(compile).collect() }
    }

    /// What the rules say about `event`. A user's own events never notify; that of an ignored user, which is no
    /// matter of rules, must not be asked about.
    pub fn evaluate(&self, event: &FlatEvent<'_>, context: &Context<'_>) -> Evaluation<'_> {
        if event.event().sender == *context.user {
            return Evaluation::default();
        }
        let holds = |rule: &&CompiledRule| rule.conditions.iter().all(|condition| condition.holds(event, context));
        self.rules.iter().find(holds).map(|rule| Evaluation::of(&rule.actions)).unwrap_or_default()
    }
}

impl<'a> Evaluation<'a> {
    fn of(actions: &'a [Action]) -> Self {
        let notify = actions.contains(&Action::Notify);
        let tweak = |name: &str| {
            actions.iter().rev().find_map(|action| match action {
                Action::SetTweak { tweak, value } if **tweak == *name => Some(value.as_ref()),
                _ => None,
            })
        };
        // A highlight without a value is one: "its value is defined to be `true`".
        let highlight = tweak("highlight").is_some_and(|value| value.is_none_or(|value| *value == Value::Bool(true)));
        let sound = tweak("sound").flatten().and_then(Value::as_str);
        Self { notify, highlight: notify && highlight, sound, actions }
    }
}

fn compile_conditions(kind: RuleKind, rule: &Rule, user: &UserId) -> Vec<Condition> {
    match kind {
        RuleKind::Override | RuleKind::Underride => {
            rule.conditions.iter().flatten().map(|condition| Condition::compile(condition, user)).collect()
        }
        RuleKind::Content => vec![Condition::BodyMatches(Glob::new(rule.pattern.as_deref().unwrap_or_default()))],
        RuleKind::Room => vec![Condition::Room(rule.rule_id.clone())],
        RuleKind::Sender => vec![Condition::Sender(rule.rule_id.clone())],
    }
}

impl Condition {
    fn compile(condition: &Value, user: &UserId) -> Self {
        let text = |key: &str| condition.get(key).and_then(Value::as_str);
        let compiled = match text("kind") {
            Some("event_match") => text("key").zip(text("pattern")).map(|(key, pattern)| match key {
                "content.body" => Self::BodyMatches(Glob::new(pattern)),
                _ if pattern == user.as_str() => Self::IsUser { path: parse_path(key) },
                _ => Self::Matches { path: parse_path(key), glob: Glob::new(pattern) },
            }),
            Some("event_property_is") => {
                text("key").zip(scalar(condition)).map(|(key, value)| Self::Is { path: parse_path(key), value })
            }
            Some("event_property_contains") => text("key").zip(scalar(condition)).map(|(key, value)| {
                let path = parse_path(key);
                if value == user.as_str() { Self::ContainsUser { path } } else { Self::Contains { path, value } }
            }),
            Some("contains_display_name") => Some(Self::BodyNamesUser),
            Some("room_member_count") => text("is").and_then(parse_count),
            Some("sender_notification_permission") => text("key").map(|key| Self::SenderMayNotify(key.into())),
            _ => None,
        };
        compiled.unwrap_or(Self::Never)
    }

    fn holds(&self, event: &FlatEvent<'_>, context: &Context<'_>) -> bool {
        match self {
            Self::Matches { path, glob } => event.text(path).is_some_and(|text| glob.matches(text)),
            Self::BodyMatches(glob) => event.lower_body().is_some_and(|body| glob.matches_word(body)),
            Self::Is { path, value } => match event.property(path) {
                Some(Property::Text(text)) => value == text,
                Some(Property::Number(number)) => *value == number,
                Some(Property::Json(json)) => json == value,
                None => false,
            },
            Self::Contains { path, value } => list(event, path).contains(value),
            Self::IsUser { path } => event.text(path) == Some(context.user.as_str()),
            Self::ContainsUser { path } => list(event, path).iter().any(|entry| entry == context.user.as_str()),
            Self::BodyNamesUser => context
                .display_name
                .filter(|name| !name.is_empty())
                .zip(event.lower_body())
                .is_some_and(|(name, body)| contains_word(body, &name.to_lowercase())),
            Self::MemberCount(comparison, count) => comparison.holds(context.member_count, *count),
            Self::SenderMayNotify(key) => {
                context.power.user_level(&event.event().sender).reaches(context.power.notification_level(key))
            }
            Self::Room(room) => **room == *event.event().room_id.as_str(),
            Self::Sender(sender) => **sender == *event.event().sender.as_str(),
            Self::Never => false,
        }
    }
}

/// The `value` of a condition if it is one that can be compared: no array, object or fraction.
fn scalar(condition: &Value) -> Option<Value> {
    let value = condition.get("value")?;
    let comparable = match value {
        Value::Null | Value::Bool(_) | Value::String(_) => true,
        Value::Number(number) => !number.is_f64(),
        Value::Array(_) | Value::Object(_) => false,
    };
    comparable.then(|| value.clone())
}

fn list<'a>(event: &'a FlatEvent<'_>, path: &[Box<str>]) -> &'a [Value] {
    match event.property(path) {
        Some(Property::Json(Value::Array(list))) => list,
        _ => &[],
    }
}

fn parse_count(text: &str) -> Option<Condition> {
    let (comparison, number) = [
        ("==", Comparison::Equal),
        ("<=", Comparison::LessOrEqual),
        (">=", Comparison::GreaterOrEqual),
        ("<", Comparison::Less),
        (">", Comparison::Greater),
    ]
    .into_iter()
    .find_map(|(prefix, comparison)| Some((comparison, text.strip_prefix(prefix)?)))
    .unwrap_or((Comparison::Equal, text));
    let is_decimal = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_decimal.then(|| number.parse().ok()).flatten().map(|number| Condition::MemberCount(comparison, number))
}

impl Comparison {
    fn holds(self, count: u64, than: u64) -> bool {
        match self {
            Self::Equal => count == than,
            Self::Less => count < than,
            Self::Greater => count > than,
            Self::LessOrEqual => count <= than,
            Self::GreaterOrEqual => count >= than,
        }
    }
}
