//! What follows a user into the room that replaces one they were in: tags, the place in the list of direct chats, push
//! rules about the room (spec: "Room Upgrades", server behaviour). A job of the outbox, added with the joining.
//!
//! It looks only at the database and may run twice: what is there already stays as it is.

use im2_model::{RoomId, RoomNid, UserId, UserNid};
use im2_rooms::{
    content::CreateContent,
    push::{Rule, RuleKind},
};
use im2_store::Snapshot;
use serde_json::{Map, Value, json};

use crate::{
    Core, Result, account_data,
    jobs::Handlers,
    push_rules::PushRules,
    rooms::succession::{Arrival, CARRY_OVER},
};

/// A user's way from one room to the other.
#[derive(Debug, Clone)]
struct Move {
    user: UserNid,
    user_id: UserId,
    from: (RoomNid, RoomId),
    to: (RoomNid, RoomId),
}

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
        carry_data(core, step.clone()).await?;
        carry_rules(push_rules, &step).await?;
    }
    Ok(())
}

/// The way that a user has gone, if they were in the room that this one replaces, and that room says so too: anybody
/// can make a room that claims to replace another.
fn step(db: &Snapshot<'_>, (user, user_id): (UserNid, UserId), to: RoomNid) -> im2_store::Result<Option<Move>> {
    let Some(room) = db.room_by_nid(to)? else { return Ok(None) };
    let create = content(db, to, "m.room.create")?.to_string();
    let Some(predecessor) = CreateContent::parse(&create).predecessor else { return Ok(None) };
    let from_id = predecessor.room_id;
    let Some(from) = db.room_of_user(user, &from_id)? else { return Ok(None) };
    let tombstone = content(db, from, "m.room.tombstone")?;
    if tombstone["replacement_room"] != room.room_id.as_str() {
        return Ok(None);
    }
    Ok(Some(Move { user, user_id, from: (from, from_id), to: (to, room.room_id) }))
}

/// The content of a piece of state; `null` if it is not there.
fn content(db: &Snapshot<'_>, room: RoomNid, kind: &str) -> im2_store::Result<Value> {
    let event = db.state_entry_at(room, kind, "", i64::MAX)?;
    let event: Option<Value> = event.and_then(|event| serde_json::from_str(&event.pdu).ok());
    Ok(event.map(|mut event| event["content"].take()).unwrap_or_default())
}

/// Tags and the list of direct chats.
async fn carry_data(core: &Core, step: Move) -> Result<()> {
    let this = core.clone();
    let write = move |tx: &mut im2_store::Transaction<'_>| {
        let Move { user, from: (from, from_id), to: (to, to_id), .. } = &step;
        if tx.account_data(*user, Some(*to), "m.tag")?.is_none()
            && let Some(tags) = tx.account_data(*user, Some(*from), "m.tag")?
        {
            let entry = account_data::Entry { user: *user, room: Some(*to), kind: "m.tag" };
            account_data::record(&this, tx, entry, &tags, None)?;
        }
        let direct = tx.account_data(*user, None, "m.direct")?;
        let direct = direct.and_then(|content| serde_json::from_str::<Map<String, Value>>(&content).ok());
        if let Some(mut direct) = direct
            && add_beside(&mut direct, from_id.as_str(), to_id.as_str())
        {
            let content = Value::Object(direct).to_string();
            if account_data::check_size(&content).is_ok() {
                let entry = account_data::Entry { user: *user, room: None, kind: "m.direct" };
                account_data::record(&this, tx, entry, &content, None)?;
            }
        }
        Ok(())
    };
    Ok(core.store.write(write).await?)
}

/// Adds `new` to each list that has `old` and not `new`. Returns whether there was one.
fn add_beside(direct: &mut Map<String, Value>, old: &str, new: &str) -> bool {
    let mut changed = false;
    for rooms in direct.values_mut().filter_map(Value::as_array_mut) {
        if rooms.iter().any(|room| room == old) && !rooms.iter().any(|room| room == new) {
            rooms.push(new.into());
            changed = true;
        }
    }
    changed
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
    // A new rule goes before those of its kind: from the last to the first they end up in their order.
    for (kind, rule_id, body, enabled) in copies.into_iter().rev() {
        let outcome = push_rules.put(*user, user_id, (kind, &rule_id), &body, (None, None)).await;
        match outcome {
            Err(error) if error.code().is_some() => {} // no room for more
            outcome => {
                outcome?;
                if !enabled {
                    push_rules.set_enabled(*user, user_id, (kind, &rule_id), false).await?;
                }
            }
        }
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::add_beside;

    #[test]
    fn a_direct_chat_stays_one_in_its_new_room() {
        let object = |value: Value| -> Map<String, Value> { serde_json::from_value(value).unwrap() };
        let mut direct = object(json!({ "@ben:x": ["!old:x", "!other:x"], "@eve:x": ["!other:x"], "odd": 5 }));
        assert!(add_beside(&mut direct, "!old:x", "!new:x"));
        let expected = object(json!({ "@ben:x": ["!old:x", "!other:x", "!new:x"], "@eve:x": ["!other:x"], "odd": 5 }));
        assert_eq!(direct, expected);
        assert!(!add_beside(&mut direct, "!old:x", "!new:x"), "twice is once");
    }
}
