//! A job of the outbox, added with a joining, that carries a user's settings into the room that replaces one they were
//! in (spec: "Room Upgrades", server behaviour). It copies push rules about the room, and for those who joined before
//! the old room named its replacement, tags and direct chats too.
//!
//! It looks only at the database and may run twice: what is there already stays as it is.

use im2_core::{Core, Result, jobs::Handlers};
use im2_kernel::push::{Rule, RuleBody, RuleKind, Ruleset};
use im2_model::RoomNid;
use im2_store::Snapshot;
use serde_json::{Map, Value, json};

use crate::{
    push_rules::PushRules,
    rooms::upgrade_settings::{Arrival, CARRY_OVER, Move, carry_data, step},
};

/// Adds the handler of the job.
pub(crate) fn register(handlers: Handlers, core: &Core, push_rules: &PushRules) -> Handlers {
    let (core, push_rules) = (core.clone(), push_rules.clone());
    handlers.on(CARRY_OVER, move |payload| {
        let (core, push_rules) = (core.clone(), push_rules.clone());
        async move {
            let arrival = serde_json::from_str(&payload).map_err(|error| format!("payload: {error}"))?;
            carry_over(&core, &push_rules, arrival).await.map_err(|error| error.to_string())
        }
    })
}

async fn carry_over(core: &Core, push_rules: &PushRules, arrival: Arrival) -> Result<()> {
    let to = RoomNid(arrival.room);
    let steps = move |db: &Snapshot<'_>| {
        let users = match arrival.user_id {
            Some(user_id) => db.user_nid(&user_id)?.map(|user| (user, user_id)).into_iter().collect(),
            None => db.joined_users(to)?,
        };
        users.into_iter().filter_map(|user| step(db, user, to).transpose()).collect::<im2_store::Result<Vec<_>>>()
    };
    for step in core.store.read(steps).await? {
        let data = step.clone();
        core.store.write(move |tx| carry_data(tx, &data)).await?;
        carry_rules(push_rules, &step).await?;
    }
    Ok(())
}

/// The rules about the room: those of its own kind, and those with a condition that names it.
async fn carry_rules(push_rules: &PushRules, step: &Move) -> Result<()> {
    let Move { user, user_id, from: (_, old), to: (_, new) } = step;
    let ruleset = push_rules.ruleset(*user, user_id).await?;
    let mut copies = Vec::new();
    for (kind, rule) in ruleset.iter().filter(|(_, rule)| !rule.default) {
        if let Some((rule_id, body)) = copy(kind, rule, old.as_str(), new.as_str())
            && ruleset.get(kind, &rule_id).is_none()
        {
            copies.push((kind, rule_id, body, rule.enabled));
        }
    }
    if copies.is_empty() {
        return Ok(());
    }
    let add_all = move |rules: &mut Ruleset| {
        // A new rule goes before those of its kind: from the last to the first they end up in their order.
        for (kind, rule_id, body, enabled) in copies.iter().rev() {
            let added = RuleBody::parse(*kind, body).and_then(|body| rules.put(*kind, rule_id, body, None, None));
            // There may be no room for more.
            if added.is_ok() && !enabled {
                rules.set_enabled(*kind, rule_id, false)?;
            }
        }
        Ok(())
    };
    match push_rules.change(*user, user_id, add_all).await {
        Err(error) if error.code().is_some() => Ok(()), // together they are too large
        outcome => outcome,
    }
}

/// The same rule for the new room, if it is about the old one.
fn copy(kind: RuleKind, rule: &Rule, old: &str, new: &str) -> Option<(String, Map<String, Value>)> {
    let names_old = |condition: &Value| condition["key"] == "room_id" && condition["pattern"] == old;
    let mut body = Map::new();
    body.insert("actions".into(), json!(rule.actions));
    if kind == RuleKind::Room {
        return (&*rule.rule_id == old).then(|| (new.to_owned(), body));
    }
    let conditions = rule.conditions.as_ref().filter(|conditions| conditions.iter().any(names_old))?;
    let renamed = conditions.iter().cloned().map(|mut condition| {
        if names_old(&condition) {
            condition["pattern"] = new.into();
        }
        condition
    });
    body.insert("conditions".into(), renamed.collect());
    let rule_id =
        if rule.rule_id.contains(old) { rule.rule_id.replace(old, new) } else { format!("{}.{new}", rule.rule_id) };
    Some((rule_id, body))
}
