//! Judging events by rules (spec: "Push Rules", "Conditions", "Actions").

use std::{
    cell::{Cell, OnceCell},
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use im2_model::UserId;
use serde_json::Value;

use super::{
    flat::{FlatEvent, Property, parse_path},
    glob::{Automaton, Glob, fold},
    rule::{Action, Rule, RuleKind, Ruleset},
    words::{Found, WordNumber, Words, WordsBuilder, contains_word},
};
use crate::power::PowerLevels;

/// The steps that an event may take to be judged by one user's rules, which are some nanoseconds each. Patterns without
/// wildcards are not counted: all of them are looked for in one pass over the message. A pattern with wildcards takes
/// a step for each byte of the text and each 64 characters of the pattern, and a condition on a list one for each entry:
/// this is enough for 250 patterns of a message of 1,000 bytes, and for four of the longest. A condition that would take
/// more does not hold.
pub const MAX_STEPS: usize = 1 << 18;

/// The room and the user that conditions refer to, beside the event.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The user whose rules these are.
    pub user: &'a UserId,
    /// The user's display name in the room.
    pub display_name: Option<&'a str>,
    /// How many members the room has.
    pub member_count: u64,
    /// The room's power levels.
    pub power: &'a PowerLevels,
}

/// The result of evaluating the rules for an event.
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
    /// How much work it was: at most [`MAX_STEPS`], and a few steps for each byte of the message.
    pub steps: usize,
}

/// A user's enabled rules, ready to judge events.
#[derive(Debug)]
pub struct CompiledRules {
    /// Override and content rules.
    before: Vec<CompiledRule>,
    /// The actions of the room rules; there is at most one for each room. Likewise the sender rules.
    rooms: HashMap<Box<str>, Vec<Action>>,
    senders: HashMap<Box<str>, Vec<Action>>,
    /// Underride rules.
    after: Vec<CompiledRule>,
    /// The words that the rules look for in messages.
    words: Words,
}

#[derive(Debug)]
struct CompiledRule {
    conditions: Vec<Condition>,
    actions: Vec<Action>,
}

/// One event being judged by one user's rules.
struct Judgement<'a> {
    event: &'a FlatEvent<'a>,
    context: &'a Context<'a>,
    words: &'a Words,
    found: OnceCell<Found>,
    names_user: OnceCell<bool>,
    steps: Cell<usize>,
}

/// A condition, with everything that does not depend on the event worked out. The user's own id is a condition of
/// its own, so that the default rules of all users are the same.
#[derive(Debug)]
enum Condition {
    Matches {
        path: Vec<Box<str>>,
        glob: Glob,
    },
    BodyHas(WordNumber),
    BodyMatches(Automaton),
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
        let mut words = WordsBuilder::default();
        let mut compile = |kinds: &[RuleKind]| {
            let rules = kinds.iter().flat_map(|kind| enabled(ruleset, *kind));
            rules.map(|rule| CompiledRule::new(rule, user, &mut words)).collect::<Vec<_>>()
        };
        let (before, after) = (compile(&[RuleKind::Override, RuleKind::Content]), compile(&[RuleKind::Underride]));
        let by_id = |kind| enabled(ruleset, kind).map(|rule| (rule.rule_id.clone(), rule.actions.clone())).collect();
        let (rooms, senders) = (by_id(RuleKind::Room), by_id(RuleKind::Sender));
        Self { before, rooms, senders, after, words: words.build() }
    }

    /// Evaluates the rules for `event`. A user's own events never notify. Ignored users are not a matter of rules: the
    /// caller must not ask about their events.
    pub fn evaluate(&self, event: &FlatEvent<'_>, context: &Context<'_>) -> Evaluation<'_> {
        let pdu = event.event();
        if pdu.sender == *context.user {
            return Evaluation::default();
        }
        let (found, names_user, steps) = (OnceCell::new(), OnceCell::new(), Cell::new(0));
        let judgement = Judgement { event, context, words: &self.words, found, names_user, steps };
        let first = |rules: &'_ [CompiledRule]| rules.iter().position(|rule| rule.holds(&judgement));
        let actions = first(&self.before)
            .map(|rule| &self.before[rule].actions)
            .or_else(|| self.rooms.get(pdu.room_id.as_str()))
            .or_else(|| self.senders.get(pdu.sender.as_str()))
            .or_else(|| first(&self.after).map(|rule| &self.after[rule].actions));
        let evaluation = actions.map(|actions| Evaluation::of(actions)).unwrap_or_default();
        let in_words = judgement.found.get().map_or(0, |found| found.steps);
        Evaluation { steps: judgement.steps.get() + in_words, ..evaluation }
    }

    /// How much memory the rules take, in bytes and about.
    pub fn bytes(&self) -> usize {
        let conditions = self.before.iter().chain(&self.after).flat_map(|rule| &rule.conditions);
        let rules = self.before.len() + self.after.len() + self.rooms.len() + self.senders.len();
        200 * rules + self.words.bytes() + conditions.map(Condition::bytes).sum::<usize>()
    }
}

fn enabled(ruleset: &Ruleset, kind: RuleKind) -> impl Iterator<Item = &Rule> {
    ruleset.rules(kind).iter().filter(|rule| rule.enabled)
}

impl CompiledRule {
    fn new(rule: &Rule, user: &UserId, words: &mut WordsBuilder) -> Self {
        let of_pattern = rule.pattern.iter().map(|pattern| Condition::of_body(pattern, words));
        let mut conditions: Vec<Condition> = of_pattern.collect();
        let written = rule.conditions.iter().flatten();
        conditions.extend(written.map(|condition| Condition::compile(condition, user, words)));
        Self { conditions, actions: rule.actions.clone() }
    }

    fn holds(&self, judgement: &Judgement<'_>) -> bool {
        self.conditions.iter().all(|condition| condition.holds(judgement))
    }
}

impl Judgement<'_> {
    /// Takes `steps` from the budget, if it has as many left; returns whether it has.
    fn affords(&self, steps: usize) -> bool {
        let taken = self.steps.get() + steps;
        let affords = taken <= MAX_STEPS;
        if affords {
            self.steps.set(taken);
        }
        affords
    }

    fn has_word(&self, word: WordNumber) -> bool {
        let find = || self.event.marked_body().map(|body| self.words.in_text(body)).unwrap_or_default();
        self.found.get_or_init(find).has(word)
    }

    fn names_user(&self) -> bool {
        *self.names_user.get_or_init(|| {
            let name = self.context.display_name.filter(|name| !name.is_empty());
            name.zip(self.event.marked_body()).is_some_and(|(name, body)| contains_word(body, &fold(name)))
        })
    }

    /// The list at a path, as far as there is work left to go through it.
    fn list(&self, path: &[Box<str>]) -> &[Value] {
        match self.event.property(path) {
            Some(Property::Json(Value::Array(list))) if self.affords(list.len()) => list,
            _ => &[],
        }
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
        Self { notify, highlight: notify && highlight, sound, actions, steps: 0 }
    }
}

impl Condition {
    /// That a message's text matches `pattern`.
    fn of_body(pattern: &str, words: &mut WordsBuilder) -> Self {
        let pattern = fold(pattern);
        if pattern.contains(['*', '?']) {
            Self::BodyMatches(Automaton::new(&pattern))
        } else {
            Self::BodyHas(words.add(&pattern))
        }
    }

    fn compile(condition: &Value, user: &UserId, words: &mut WordsBuilder) -> Self {
        let text = |key: &str| condition.get(key).and_then(Value::as_str);
        let compiled = match text("kind") {
            Some("event_match") => text("key").zip(text("pattern")).map(|(key, pattern)| match key {
                "content.body" => Self::of_body(pattern, words),
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

    fn holds(&self, judgement: &Judgement<'_>) -> bool {
        let Judgement { event, context, .. } = judgement;
        match self {
            Self::Matches { path, glob } => {
                event.text(path).is_some_and(|text| judgement.affords(glob.steps(text.len())) && glob.matches(text))
            }
            Self::BodyHas(word) => judgement.has_word(*word),
            Self::BodyMatches(pattern) => event
                .lower_body()
                .is_some_and(|body| judgement.affords(pattern.steps(body.len())) && pattern.matches_word(body)),
            Self::Is { path, value } => match event.property(path) {
                Some(Property::Text(text)) => value == text,
                Some(Property::Number(number)) => *value == number,
                Some(Property::Json(json)) => json == value,
                None => false,
            },
            Self::Contains { path, value } => judgement.list(path).contains(value),
            Self::IsUser { path } => event.text(path) == Some(context.user.as_str()),
            Self::ContainsUser { path } => judgement.list(path).iter().any(|entry| entry == context.user.as_str()),
            Self::BodyNamesUser => judgement.names_user(),
            Self::MemberCount(comparison, count) => comparison.holds(context.member_count, *count),
            Self::SenderMayNotify(key) => {
                context.power.user_level(&event.event().sender).reaches(context.power.notification_level(key))
            }
            Self::Never => false,
        }
    }

    fn bytes(&self) -> usize {
        let of_glob = match self {
            Self::BodyMatches(pattern) | Self::Matches { glob: Glob::Wild(pattern), .. } => pattern.bytes(),
            _ => 0,
        };
        size_of::<Self>() + of_glob
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
