//! The state of a room as the rules look at it.

use std::{
    borrow::{Borrow, Cow},
    collections::HashMap,
};

use crate::{event::Pdu, power::PowerLevels, version::RoomVersion};

/// A state of a room: what is needed of it to judge an event.
pub trait StateView {
    /// The event that is the state for `kind` and `state_key`.
    fn get(&self, kind: &str, state_key: &str) -> Option<&Pdu>;

    /// The power levels in this state, for one whose create event is `create`. Override it to serve kept ones.
    fn power_levels(&self, version: RoomVersion, create: &Pdu) -> Cow<'_, PowerLevels> {
        Cow::Owned(PowerLevels::of(version, create, self.get("m.room.power_levels", "")))
    }
}

impl<S: StateView> StateView for &S {
    fn get(&self, kind: &str, state_key: &str) -> Option<&Pdu> {
        (**self).get(kind, state_key)
    }

    fn power_levels(&self, version: RoomVersion, create: &Pdu) -> Cow<'_, PowerLevels> {
        (**self).power_levels(version, create)
    }
}

/// A value for each pair of type and state key, found without allocating and grouped by type, so that a room's
/// members can be listed without passing over the rest of its state.
#[derive(Debug, Clone)]
pub struct StateMap<V> {
    kinds: HashMap<Box<str>, HashMap<Box<str>, V>>,
    len: usize,
}

impl<V> Default for StateMap<V> {
    fn default() -> Self {
        Self { kinds: HashMap::new(), len: 0 }
    }
}

impl<V> StateMap<V> {
    /// The value for `kind` and `state_key`.
    pub fn get(&self, kind: &str, state_key: &str) -> Option<&V> {
        self.kinds.get(kind)?.get(state_key)
    }

    /// Sets the value for `kind` and `state_key`; gives the one it replaces.
    pub fn insert(&mut self, kind: &str, state_key: &str, value: V) -> Option<V> {
        if let Some(previous) = self.kinds.get_mut(kind).and_then(|keys| keys.get_mut(state_key)) {
            return Some(std::mem::replace(previous, value));
        }
        self.len += 1;
        if let Some(keys) = self.kinds.get_mut(kind) {
            return keys.insert(state_key.into(), value);
        }
        self.kinds.entry(kind.into()).or_default().insert(state_key.into(), value)
    }

    /// Takes out the value for `kind` and `state_key`.
    pub fn remove(&mut self, kind: &str, state_key: &str) -> Option<V> {
        let keys = self.kinds.get_mut(kind)?;
        let removed = keys.remove(state_key)?;
        if keys.is_empty() {
            self.kinds.remove(kind);
        }
        self.len -= 1;
        Some(removed)
    }

    /// The state keys and values of `kind`, in no order.
    pub fn of_kind(&self, kind: &str) -> impl Iterator<Item = (&str, &V)> {
        self.kinds.get(kind).into_iter().flatten().map(|(key, value)| (&**key, value))
    }

    /// Everything, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &V)> {
        self.kinds.iter().flat_map(|(kind, keys)| keys.iter().map(move |(key, value)| (&**kind, &**key, value)))
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }
}

impl<V: Borrow<Pdu>> StateView for StateMap<V> {
    fn get(&self, kind: &str, state_key: &str) -> Option<&Pdu> {
        Self::get(self, kind, state_key).map(Borrow::borrow)
    }
}

#[cfg(test)]
mod tests {
    use super::StateMap;

    #[test]
    fn a_state_map_replaces_and_groups() {
        let mut map = StateMap::default();
        assert!(map.is_empty());
        assert_eq!(map.insert("m.room.member", "@a:x", 1), None);
        assert_eq!(map.insert("m.room.member", "@b:x", 2), None);
        assert_eq!(map.insert("m.room.name", "", 3), None);
        assert_eq!(map.insert("m.room.member", "@a:x", 4), Some(1));
        let mut members: Vec<_> = map.of_kind("m.room.member").collect();
        members.sort_unstable();
        assert_eq!(members, [("@a:x", &4), ("@b:x", &2)]);
        assert_eq!((map.len(), map.iter().count(), map.get("m.room.name", "")), (3, 3, Some(&3)));
        assert_eq!((map.get("m.room.name", "x"), map.of_kind("x").count()), (None, 0));
        assert_eq!((map.remove("m.room.name", "x"), map.remove("x", ""), map.len()), (None, None, 3));
        assert_eq!((map.remove("m.room.name", ""), map.get("m.room.name", ""), map.len()), (Some(3), None, 2));
        assert_eq!((map.remove("m.room.member", "@a:x"), map.remove("m.room.member", "@b:x")), (Some(4), Some(2)));
        assert!(map.is_empty());
    }
}
