//! Authorisation of changes to power levels: rule 9 (10 in version 12).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{AuthError, Check, ensure};
use crate::{
    content::CreateContent,
    event::Pdu,
    power::{LEVEL_PROPERTIES, PowerLevel, WrittenLevels},
    state::StateView,
    version::RoomVersion,
};

/// Refuses a content that no client may send to a room with this create event, whatever its user may do there.
pub fn check_power_levels(version: RoomVersion, create: &Pdu, content: &Map<String, Value>) -> Result<(), AuthError> {
    check_written(version, create, &WrittenLevels::parse_new(content))
}

fn check_written(version: RoomVersion, create: &Pdu, new: &WrittenLevels) -> Result<(), AuthError> {
    // Rules 9.1 to 9.3.
    if let Some(problem) = &new.problem {
        return Err(AuthError::new(format!("the power levels are malformed: {problem}")));
    }
    // Rule 10.4 of version 12.
    if version.rules().privileged_creators {
        let creators = CreateContent::creators(version, create);
        let named = creators.iter().find(|creator| new.users.contains_key(creator.as_str()));
        ensure(named.is_none(), || "a room's creators are above all power levels and cannot be given one")?;
    }
    Ok(())
}

pub(super) fn authorize<S: StateView>(check: &Check<'_, S>) -> Result<(), AuthError> {
    let new = WrittenLevels::parse(check.version, &check.event.content_map());
    check_written(check.version, check.create, &new)?;
    let Some(old) = check.state.get("m.room.power_levels", "") else {
        return Ok(());
    };
    let old = WrittenLevels::parse(check.version, &old.content_map());
    let own = check.power.user_level(&check.event.sender);
    // Rule 9.5.
    for property in LEVEL_PROPERTIES {
        let change = (old.levels.get(property).copied(), new.levels.get(property).copied());
        ensure_within(own, property, change)?;
    }
    // Rules 9.6 and 9.7.
    for (key, change) in changes(&old.events, &new.events) {
        ensure_within(own, key, change)?;
    }
    if check.version.rules().notifications_are_levels {
        for (key, change) in changes(&old.notifications, &new.notifications) {
            ensure_within(own, key, change)?;
        }
    }
    // Rules 9.8 and 9.9.
    for (user, (before, after)) in changes(&old.users, &new.users) {
        if user != check.event.sender.as_str() {
            ensure(before.is_none_or(|before| PowerLevel::Finite(before) < own), || {
                format!("you cannot change the level of {user}, which is not below yours")
            })?;
        }
        ensure(after.is_none_or(|after| own.reaches(after)), || {
            format!("you cannot give {user} a level above yours, which is {own}")
        })?;
    }
    Ok(())
}

/// A level before and after; `None` where there is none.
type Change = (Option<i64>, Option<i64>);

/// The entries that differ.
fn changes<'a>(
    old: &'a BTreeMap<String, i64>,
    new: &'a BTreeMap<String, i64>,
) -> impl Iterator<Item = (&'a str, Change)> {
    let keys: BTreeSet<&str> = old.keys().chain(new.keys()).map(String::as_str).collect();
    keys.into_iter()
        .map(|key| (key, (old.get(key).copied(), new.get(key).copied())))
        .filter(|(_, (before, after))| before != after)
}

/// Neither the level that is replaced nor the one that replaces it may be above one's own.
fn ensure_within(own: PowerLevel, key: &str, (before, after): Change) -> Result<(), AuthError> {
    let within = before == after || [before, after].into_iter().flatten().all(|level| own.reaches(level));
    ensure(within, || format!("you cannot change the level for {key} from or to one above yours, which is {own}"))
}
