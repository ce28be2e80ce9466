//! Push rules: what each user wants to be notified of (spec: client-server API, "Push Rules").
//!
//! A user's changes are kept as the account data `m.push_rules`; the server's defaults are added when it is read, so
//! that new defaults reach everybody.

use std::sync::{Arc, LazyLock};

use im2_core::{
    Core, Result,
    memory::{Cache, Share},
};
use im2_kernel::push::{CompiledRules, RuleBody, RuleError, RuleKind, Ruleset};
use im2_model::{UserId, UserNid};
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value};

use crate::account_data::{self, PUSH_RULES, ruleset_of};

/// The use cases of push rules.
#[derive(Debug, Clone)]
pub struct PushRules {
    core: Core,
    compiled: Cache<UserNid, Arc<UserRules>>,
}

/// A user's rules, ready to judge events by.
#[derive(Debug)]
pub struct UserRules {
    /// The rules.
    pub rules: Arc<CompiledRules>,
    /// The numbers of members that the rules compare with, sorted.
    member_counts: Vec<u64>,
    /// Equal for equal rules.
    pub(crate) digest: [u8; 32],
}

impl UserRules {
    fn new(ruleset: &Ruleset, user_id: &UserId) -> Self {
        let conditions = ruleset.iter().flat_map(|(_, rule)| rule.conditions.iter().flatten());
        let counts =
            conditions.filter(|condition| condition.get("kind").is_some_and(|kind| kind == "room_member_count"));
        let number =
            |condition: &Value| condition.get("is")?.as_str()?.trim_start_matches(['=', '<', '>']).parse().ok();
        let mut member_counts: Vec<u64> = counts.filter_map(number).collect();
        member_counts.sort_unstable();
        member_counts.dedup();
        let mut rules_digest = [0; 32];
        rules_digest.copy_from_slice(digest(&SHA256, ruleset.to_content().to_string().as_bytes()).as_ref());
        Self { rules: ruleset.compile(user_id), member_counts, digest: rules_digest }
    }

    /// The memory that the rules take, in bytes. 0 for the defaults, which all users share.
    fn weight(&self) -> usize {
        if Arc::ptr_eq(&self.rules, &CompiledRules::defaults()) { 0 } else { self.rules.bytes() }
    }

    /// Tells numbers of members apart as far as these rules can: equal for two numbers that no rule distinguishes.
    pub fn member_count_class(&self, count: u64) -> (usize, bool) {
        let below = self.member_counts.partition_point(|compared| *compared < count);
        (below, self.member_counts.get(below) == Some(&count))
    }

    fn defaults() -> Arc<Self> {
        static DEFAULTS: LazyLock<Arc<UserRules>> = LazyLock::new(|| {
            let nobody = UserId::parse("@nobody:localhost").expect("a user ID");
            let of_nobody = UserRules::new(&Ruleset::defaults(&nobody), &nobody);
            Arc::new(UserRules { rules: CompiledRules::defaults(), ..of_nobody })
        });
        Arc::clone(&DEFAULTS)
    }
}

impl PushRules {
    /// Builds it on the core.
    pub fn new(core: Core) -> Self {
        let weigh = |_: &UserNid, rules: &Arc<UserRules>| rules.weight();
        let compiled = Cache::new(&core.memory, "push_rules", Share::ThirtySecond, weigh);
        Self { core, compiled }
    }

    /// All rules of a user, defaults included.
    pub async fn ruleset(&self, user: UserNid, user_id: &UserId) -> Result<Ruleset> {
        let stored = self.core.store.read(move |db| db.account_data(user, None, PUSH_RULES)).await?;
        Ok(ruleset_of(user_id, stored.as_deref()))
    }

    /// Forgets a user's rules, which have changed.
    pub(crate) fn forget(&self, user: UserNid) {
        self.compiled.remove(&user);
    }

    /// The rules of a user as events are judged by them. The same value as long as nothing changes.
    pub async fn compiled(&self, user: UserNid, user_id: &UserId) -> Result<Arc<UserRules>> {
        let load = async {
            let stored = self.core.store.read(move |db| db.account_data(user, None, PUSH_RULES)).await?;
            Ok(match stored {
                Some(stored) => Arc::new(UserRules::new(&ruleset_of(user_id, Some(&stored)), user_id)),
                None => UserRules::defaults(),
            })
        };
        // A commit that removes the entry while it loads also drops what was loaded.
        self.compiled.get_or_insert_async(&user, load).await
    }

    /// Adds a rule, or changes what it says. `before` and `after` name the user's own rules next to which it goes.
    pub async fn put(
        &self,
        user: UserNid,
        user_id: &UserId,
        (kind, rule_id): (RuleKind, &str),
        body: &Map<String, Value>,
        (before, after): (Option<String>, Option<String>),
    ) -> Result<()> {
        let (rule_id, body) = (rule_id.to_owned(), RuleBody::parse(kind, body)?);
        self.change(user, user_id, move |rules| {
            rules.put(kind, &rule_id, body.clone(), before.as_deref(), after.as_deref())
        })
        .await
    }

    /// Removes one of the user's own rules.
    pub async fn delete(&self, user: UserNid, user_id: &UserId, kind: RuleKind, rule_id: &str) -> Result<()> {
        let rule_id = rule_id.to_owned();
        self.change(user, user_id, move |rules| rules.delete(kind, &rule_id)).await
    }

    /// Enables or disables a rule.
    pub async fn set_enabled(
        &self,
        user: UserNid,
        user_id: &UserId,
        (kind, rule_id): (RuleKind, &str),
        enabled: bool,
    ) -> Result<()> {
        let rule_id = rule_id.to_owned();
        self.change(user, user_id, move |rules| rules.set_enabled(kind, &rule_id, enabled)).await
    }

    /// Changes what a rule does.
    pub async fn set_actions(
        &self,
        user: UserNid,
        user_id: &UserId,
        (kind, rule_id): (RuleKind, &str),
        actions: Value,
    ) -> Result<()> {
        let rule_id = rule_id.to_owned();
        self.change(user, user_id, move |rules| rules.set_actions(kind, &rule_id, &actions)).await
    }

    /// Changes a user's rules and streams the new ones; a change that changes nothing is not streamed.
    pub(crate) async fn change(
        &self,
        user: UserNid,
        user_id: &UserId,
        change: impl Fn(&mut Ruleset) -> std::result::Result<(), RuleError> + Send + 'static,
    ) -> Result<()> {
        let user_id = user_id.clone();
        let write = move |tx: &mut im2_core::Transaction<'_>| {
            let before = ruleset_of(&user_id, tx.account_data(user, None, PUSH_RULES)?.as_deref());
            let mut after = before.clone();
            if let Err(error) = change(&mut after) {
                return Ok(Err(error.into()));
            }
            if after == before {
                return Ok(Ok(()));
            }
            let stored = after.to_stored(&user_id).unwrap_or_else(|| Value::Object(Map::new())).to_string();
            if let Err(refusal) = account_data::check_size(&stored) {
                return Ok(Err(refusal));
            }
            let entry = account_data::Entry { user, room: None, kind: PUSH_RULES };
            account_data::record(tx, entry, &stored, Some(&after.to_content().to_string()))?;
            Ok(Ok(()))
        };
        self.core.store.write(write).await?
    }
}

#[cfg(test)]
mod tests {
    use im2_kernel::push::Ruleset;
    use im2_model::UserId;
    use serde_json::json;

    use super::UserRules;

    #[test]
    fn member_counts_are_told_apart_as_far_as_rules_do() {
        let user = UserId::parse("@ana:example.org").unwrap();
        let stored = json!({ "underride": [{ "rule_id": "crowd", "actions": [], "enabled": true,
            "conditions": [{ "kind": "room_member_count", "is": ">=10" }] }] });
        let rules = UserRules::new(&Ruleset::from_stored(&user, &stored), &user);
        let class = |count| rules.member_count_class(count);
        assert!(class(2) != class(1) && class(2) != class(3) && class(3) == class(9));
        assert!(class(9) != class(10) && class(10) != class(11) && class(11) == class(1_000));
        let defaults = UserRules::defaults();
        assert_eq!(defaults.member_count_class(3), defaults.member_count_class(1_000));
    }
}
