//! JSON values.

use std::collections::BTreeMap;

use proptest::{
    collection::{btree_map, vec},
    prelude::*,
    sample::select,
};
use serde_json::{Map, Value, json};

use crate::text::with_words;

/// The largest integer that every JSON library holds exactly.
const MAX_INTEGER: i64 = (1 << 53) - 1;

/// Numbers, mostly near the edges of integer types and of what a double holds.
pub fn number() -> impl Strategy<Value = Value> {
    let integers =
        [0, 1, -1, 50, 100, MAX_INTEGER, MAX_INTEGER + 1, -MAX_INTEGER, -MAX_INTEGER - 1, i64::MAX, i64::MIN];
    prop_oneof![
        4 => select(integers.to_vec()).prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<u64>().prop_map(Value::from),
        2 => select(vec![0.0, -0.0, 0.5, -1.5, 1e10, 1e300, -1e300, 5e-324, 9_007_199_254_740_993.0]).prop_map(Value::from),
    ]
}

/// Any JSON in which these words are frequent as keys and as strings.
pub fn any_json(words: &[&'static str]) -> impl Strategy<Value = Value> + use<> {
    let leaf = prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        2 => number(),
        4 => word_or_text(words).prop_map(Value::from),
    ];
    let key = word_or_text(words).boxed();
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            btree_map(key.clone(), inner, 0..5).prop_map(object),
        ]
    })
}

/// Any object in which these words are frequent as keys and as strings.
pub fn any_object(words: &[&'static str]) -> impl Strategy<Value = Map<String, Value>> + use<> {
    btree_map(word_or_text(words), any_json(words), 0..8).prop_map(|entries| entries.into_iter().collect())
}

fn word_or_text(words: &[&'static str]) -> impl Strategy<Value = String> + use<> {
    let words = if words.is_empty() { vec!["a", "b"] } else { words.to_vec() };
    prop_oneof![4 => select(words.clone()).prop_map(str::to_owned), 1 => with_words(&words)]
}

fn object(entries: BTreeMap<String, Value>) -> Value {
    Value::Object(entries.into_iter().collect())
}

/// A change of one value within another. Places count all values, depth first, and are taken modulo their number.
#[derive(Debug, Clone)]
enum Change {
    Replace(usize, Value),
    Remove(usize),
    Wrap(usize, bool),
    /// Puts a copy of one value in the place of another.
    Copy(usize, usize),
    /// Makes an object the array of its values: what a lenient parser takes for it.
    Flatten(usize),
    /// Repeats an array's values.
    Repeat(usize, usize),
}

/// One of these values with a few changes. The words are frequent in what is put in.
pub fn mutated(valid: Vec<Value>, words: &[&'static str]) -> impl Strategy<Value = Value> + use<> {
    let place = any::<usize>;
    let change = prop_oneof![
        6 => (place(), any_json(words)).prop_map(|(at, value)| Change::Replace(at, value)),
        2 => place().prop_map(Change::Remove),
        1 => (place(), any::<bool>()).prop_map(|(at, array)| Change::Wrap(at, array)),
        3 => (place(), place()).prop_map(|(from, to)| Change::Copy(from, to)),
        1 => place().prop_map(Change::Flatten),
        1 => (place(), 2_usize..130).prop_map(|(at, times)| Change::Repeat(at, times)),
    ];
    (select(valid), vec(change, 0..5)).prop_map(|(mut value, changes)| {
        for change in changes {
            change.apply(&mut value);
        }
        value
    })
}

impl Change {
    fn apply(self, root: &mut Value) {
        let count = count(root);
        let (Self::Replace(at, _)
        | Self::Remove(at)
        | Self::Wrap(at, _)
        | Self::Copy(_, at)
        | Self::Flatten(at)
        | Self::Repeat(at, _)) = self;
        let copied = match self {
            Self::Copy(from, _) => nth(root, &mut (from % count)).cloned(),
            _ => None,
        };
        if matches!(self, Self::Remove(_)) {
            remove(root, &mut (at % count));
            return;
        }
        let Some(value) = nth_mut(root, &mut (at % count)) else { return };
        match self {
            Self::Replace(_, new) => *value = new,
            Self::Remove(_) => {}
            Self::Wrap(_, true) => *value = json!([value.take()]),
            Self::Wrap(_, false) => *value = json!({ "a": value.take() }),
            Self::Copy(..) => *value = copied.unwrap_or_default(),
            Self::Flatten(_) => {
                if let Value::Object(object) = value {
                    *value = Value::Array(object.values().cloned().collect());
                }
            }
            Self::Repeat(_, times) => {
                if let Value::Array(list) = value {
                    *list = (0..times).flat_map(|_| list.clone()).take(300).collect();
                }
            }
        }
    }
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(list) => list.iter().collect(),
        Value::Object(object) => object.values().collect(),
        _ => Vec::new(),
    }
}

fn children_mut(value: &mut Value) -> Vec<&mut Value> {
    match value {
        Value::Array(list) => list.iter_mut().collect(),
        Value::Object(object) => object.values_mut().collect(),
        _ => Vec::new(),
    }
}

fn count(value: &Value) -> usize {
    1 + children(value).into_iter().map(count).sum::<usize>()
}

/// The value at a place; what was passed is taken off the place otherwise.
fn nth<'a>(value: &'a Value, at: &mut usize) -> Option<&'a Value> {
    if *at == 0 {
        return Some(value);
    }
    *at -= 1;
    children(value).into_iter().find_map(|child| nth(child, at))
}

fn nth_mut<'a>(value: &'a mut Value, at: &mut usize) -> Option<&'a mut Value> {
    if *at == 0 {
        return Some(value);
    }
    *at -= 1;
    children_mut(value).into_iter().find_map(|child| nth_mut(child, at))
}

/// Removes the value at a place from what contains it; the outermost stays.
fn remove(value: &mut Value, at: &mut usize) {
    let mut gone = None;
    for (index, child) in children_mut(value).into_iter().enumerate() {
        *at = at.wrapping_sub(1);
        if *at == 0 {
            gone = Some(index);
            break;
        }
        let inside = count(child);
        if *at < inside {
            return remove(child, at);
        }
        *at -= inside - 1;
    }
    match (value, gone) {
        (Value::Array(list), Some(index)) => drop(list.remove(index)),
        (Value::Object(object), Some(index)) => {
            let key = object.keys().nth(index).cloned();
            key.map(|key| object.remove(&key));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Change, count};

    #[test]
    fn changes_reach_every_value() {
        let value = json!({ "a": [1, { "b": 2 }], "c": "d" });
        let applied = |change: Change| {
            let mut value = value.clone();
            change.apply(&mut value);
            value
        };
        assert_eq!(count(&value), 6);
        let replaced: Vec<_> = (0..6).map(|at| applied(Change::Replace(at, json!(9)))).collect();
        assert_eq!(replaced[0], json!(9));
        assert_eq!(replaced[4], json!({ "a": [1, { "b": 9 }], "c": "d" }));
        assert_eq!(replaced[5], json!({ "a": [1, { "b": 2 }], "c": 9 }));
        let removed: Vec<_> = (0..6).map(|at| applied(Change::Remove(at))).collect();
        let expected = [
            value.clone(),
            json!({ "c": "d" }),
            json!({ "a": [{ "b": 2 }], "c": "d" }),
            json!({ "a": [1], "c": "d" }),
            json!({ "a": [1, {}], "c": "d" }),
            json!({ "a": [1, { "b": 2 }] }),
        ];
        assert_eq!(removed, expected);
        assert_eq!(applied(Change::Copy(5, 2)), json!({ "a": ["d", { "b": 2 }], "c": "d" }));
        assert_eq!(applied(Change::Flatten(0)), json!([[1, { "b": 2 }], "d"]));
    }
}
