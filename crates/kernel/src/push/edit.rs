//! Changing a ruleset (spec: "Push Rules: API"), as functions that either change it or say what is wrong.

use serde_json::{Map, Value};

use super::rule::{Action, Rule, RuleKind, Ruleset};

/// The length limit of a rule's id and of a pattern, in bytes. The specification has none; without one a rule could
/// be as large as a request.
const MAX_TEXT_BYTES: usize = 1_024;
/// How many rules a user may have of a kind: enough for a rule for each of very many rooms.
const MAX_RULES: usize = 4_096;
/// How long all patterns of a user's rules may be together, in bytes: enough for thousands of words. They are kept in
/// memory as a tree of some 50 bytes a byte.
const MAX_PATTERN_BYTES: usize = 32 * 1_024;
/// How many conditions or actions a rule may have.
const MAX_PARTS: usize = 64;

/// Errors of changing a ruleset.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// There is no such rule (404 `M_NOT_FOUND`).
    #[error("The push rule was not found.")]
    NotFound,
    /// The rule named by `before` or `after` is none of the user's of that kind (400 `M_UNKNOWN`).
    #[error("before/after rule not found: {0}")]
    NeighbourNotFound(String),
    /// Something that a rule of this kind needs is not there (400 `M_MISSING_PARAM`).
    #[error("a rule of this kind needs `{0}`")]
    Missing(&'static str),
    /// Something is not what it should be (400 `M_INVALID_PARAM`).
    #[error("{0}")]
    Invalid(&'static str),
}

impl RuleError {
    /// The error code for clients.
    pub const fn errcode(&self) -> &'static str {
        match self {
            Self::NotFound => "M_NOT_FOUND",
            Self::NeighbourNotFound(_) => "M_UNKNOWN",
            Self::Missing(_) => "M_MISSING_PARAM",
            Self::Invalid(_) => "M_INVALID_PARAM",
        }
    }
}

/// A client's definition of a rule, checked for its kind.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleBody {
    pub(super) actions: Vec<Action>,
    conditions: Option<Vec<Value>>,
    pattern: Option<Box<str>>,
}

impl RuleBody {
    /// Reads the body of `PUT /pushrules/global/{kind}/{ruleId}`.
    pub fn parse(kind: RuleKind, body: &Map<String, Value>) -> Result<Self, RuleError> {
        let actions = parse_actions(body.get("actions").ok_or(RuleError::Missing("actions"))?)?;
        let conditions = if kind.has_conditions() { Some(parse_conditions(body.get("conditions"))?) } else { None };
        let pattern = if kind == RuleKind::Content { Some(parse_pattern(body.get("pattern"))?) } else { None };
        Ok(Self { actions, conditions, pattern })
    }

    pub(super) fn into_rule(self, rule_id: &str, enabled: bool) -> Rule {
        let Self { actions, conditions, pattern } = self;
        Rule { rule_id: rule_id.into(), default: false, enabled, actions, conditions, pattern }
    }
}

fn parse_actions(actions: &Value) -> Result<Vec<Action>, RuleError> {
    let actions = actions.as_array().ok_or(RuleError::Invalid("`actions` must be an array"))?;
    if actions.len() > MAX_PARTS {
        return Err(RuleError::Invalid("a push rule has at most 64 actions"));
    }
    let parsed: Option<Vec<Action>> = actions.iter().map(Action::parse).collect();
    parsed.ok_or(RuleError::Invalid("an action is \"notify\" or an object with `set_tweak`"))
}

fn parse_conditions(conditions: Option<&Value>) -> Result<Vec<Value>, RuleError> {
    let Some(conditions) = conditions else { return Ok(Vec::new()) };
    let conditions = conditions.as_array().ok_or(RuleError::Invalid("`conditions` must be an array"))?;
    if conditions.len() > MAX_PARTS {
        return Err(RuleError::Invalid("a push rule has at most 64 conditions"));
    }
    for condition in conditions {
        if !condition.get("kind").is_some_and(Value::is_string) {
            return Err(RuleError::Invalid("a condition is an object with a `kind`"));
        }
        check_condition(condition)?;
        let text = |key: &str| condition.get(key).and_then(Value::as_str).unwrap_or_default();
        if text("pattern").len() > MAX_TEXT_BYTES || text("key").len() > MAX_TEXT_BYTES {
            return Err(RuleError::Invalid("a condition's `key` and `pattern` have at most 1024 bytes"));
        }
    }
    Ok(conditions.clone())
}

/// Whether a condition has what its kind is judged by. Kinds that are not known are kept as they are: they may be a
/// later client's, and never hold.
fn check_condition(condition: &Value) -> Result<(), RuleError> {
    let text = |key: &str| condition.get(key).is_some_and(Value::is_string);
    let value =
        || condition.get("value").is_some_and(|value| !value.is_object() && !value.is_array() && !value.is_f64());
    let (complete, wanted) = match condition.get("kind").and_then(Value::as_str).unwrap_or_default() {
        "event_match" => (text("key") && text("pattern"), "event_match needs the texts `key` and `pattern`"),
        "event_property_is" => (text("key") && value(), "event_property_is needs the text `key` and a plain `value`"),
        "event_property_contains" => {
            (text("key") && value(), "event_property_contains needs the text `key` and a plain `value`")
        }
        "room_member_count" => (text("is"), "room_member_count needs the text `is`"),
        "sender_notification_permission" => (text("key"), "sender_notification_permission needs the text `key`"),
        _ => (true, ""),
    };
    if complete { Ok(()) } else { Err(RuleError::Invalid(wanted)) }
}

fn parse_pattern(pattern: Option<&Value>) -> Result<Box<str>, RuleError> {
    let pattern = pattern.ok_or(RuleError::Missing("pattern"))?.as_str();
    let pattern = pattern.ok_or(RuleError::Invalid("`pattern` must be a string"))?;
    if pattern.len() > MAX_TEXT_BYTES {
        return Err(RuleError::Invalid("`pattern` has at most 1024 bytes"));
    }
    Ok(pattern.into())
}

impl Ruleset {
    /// Adds a rule, enabled, or replaces what an existing one says. `before` and `after` name rules of the user's
    /// own next to which it is put; if both are given, `before` decides. Without them a new rule becomes the most
    /// important of its kind, and an existing one stays where it is.
    pub fn put(
        &mut self,
        kind: RuleKind,
        rule_id: &str,
        body: RuleBody,
        before: Option<&str>,
        after: Option<&str>,
    ) -> Result<(), RuleError> {
        check_own_id(rule_id)?;
        for neighbour in [before, after].into_iter().flatten() {
            let known = neighbour != rule_id && self.get(kind, neighbour).is_some_and(|rule| !rule.default);
            if !known {
                return Err(RuleError::NeighbourNotFound(neighbour.to_owned()));
            }
        }
        let first = self.first_place(kind);
        let pattern_bytes: usize = self.iter().map(|(_, rule)| rule.pattern_bytes()).sum();
        let rules = self.rules_mut(kind);
        let existing = rules.iter().position(|rule| *rule.rule_id == *rule_id);
        if existing.is_none() && rules.len() >= MAX_RULES {
            return Err(RuleError::Invalid("there are too many push rules of this kind"));
        }
        let replaced = existing.map_or(0, |place| rules[place].pattern_bytes());
        let enabled = existing.is_none_or(|place| rules[place].enabled);
        let rule = body.into_rule(rule_id, enabled);
        if pattern_bytes - replaced + rule.pattern_bytes() > MAX_PATTERN_BYTES {
            return Err(RuleError::Invalid("the patterns of all your push rules have at most 32768 bytes together"));
        }
        if let (Some(place), None, None) = (existing, before, after) {
            rules[place] = rule;
            return Ok(());
        }
        rules.retain(|rule| *rule.rule_id != *rule_id);
        let place_of = |id: &str| rules.iter().position(|rule| *rule.rule_id == *id);
        let place = match (before.and_then(place_of), after.and_then(place_of)) {
            (Some(before), _) => before,
            (None, Some(after)) => after + 1,
            (None, None) => first,
        };
        rules.insert(place, rule);
        Ok(())
    }

    /// Removes a rule of the user's own.
    pub fn delete(&mut self, kind: RuleKind, rule_id: &str) -> Result<(), RuleError> {
        if self.get(kind, rule_id).ok_or(RuleError::NotFound)?.default {
            return Err(RuleError::Invalid("the server's default push rules cannot be deleted, only disabled"));
        }
        self.rules_mut(kind).retain(|rule| *rule.rule_id != *rule_id);
        Ok(())
    }

    /// Enables or disables a rule, default ones too.
    pub fn set_enabled(&mut self, kind: RuleKind, rule_id: &str, enabled: bool) -> Result<(), RuleError> {
        self.get_mut(kind, rule_id)?.enabled = enabled;
        Ok(())
    }

    /// Changes what a rule does, default ones too. `actions` is the value of that property in the request.
    pub fn set_actions(&mut self, kind: RuleKind, rule_id: &str, actions: &Value) -> Result<(), RuleError> {
        let rule = self.get_mut(kind, rule_id)?;
        rule.actions = parse_actions(actions)?;
        Ok(())
    }

    fn get_mut(&mut self, kind: RuleKind, rule_id: &str) -> Result<&mut Rule, RuleError> {
        self.rules_mut(kind).iter_mut().find(|rule| *rule.rule_id == *rule_id).ok_or(RuleError::NotFound)
    }
}

/// A rule of a user's own may not look like the server's, nor break the paths it appears in.
fn check_own_id(rule_id: &str) -> Result<(), RuleError> {
    if rule_id.starts_with('.') {
        return Err(RuleError::Invalid("rule IDs that start with a dot are the server's"));
    }
    if rule_id.contains(['/', '\\']) {
        return Err(RuleError::Invalid("rule IDs may not contain slashes"));
    }
    if rule_id.is_empty() || rule_id.len() > MAX_TEXT_BYTES {
        return Err(RuleError::Invalid("rule IDs have between 1 and 1024 bytes"));
    }
    Ok(())
}
