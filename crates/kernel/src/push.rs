//! Push rules (spec: client-server API, "Push Notifications"): what a user is notified of.
//!
//! A [`Ruleset`] is what clients read and edit. Its compiled form, [`CompiledRules`], is what events are judged by;
//! whoever keeps one per user shares a single one among all users who never changed a rule.

mod defaults;
mod edit;
mod evaluate;
mod flat;
mod glob;
mod rule;
#[cfg(test)]
mod tests;
mod words;

pub use edit::{RuleBody, RuleError};
pub use evaluate::{CompiledRules, Context, Evaluation, MAX_STEPS};
pub use flat::{FlatEvent, parse_path};
pub use rule::{Action, Rule, RuleKind, Ruleset};
