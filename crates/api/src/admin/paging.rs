//! Pages of the administration API's lists: `from` is a number of entries to pass over, `next_token` the one to go on
//! from, absent at the end.

use serde::Deserialize;
use serde_json::{Map, Value};

/// Entries of a page that names no number, and at most.
const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1_000;

/// The direction of a list.
#[derive(Debug, Deserialize, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dir {
    /// Forwards.
    #[serde(rename = "f")]
    Forward,
    /// Backwards.
    #[serde(rename = "b")]
    Backward,
}

/// The page that a query's `limit` asks for.
pub(super) fn limit(asked: Option<usize>) -> usize {
    asked.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT)
}

/// Adds where to go on under `name`, if there is more.
pub(super) fn add_next(answer: &mut Map<String, Value>, name: &str, from: usize, shown: usize, total: u64) {
    let next = from.saturating_add(shown);
    if shown > 0 && (next as u64) < total {
        answer.insert(name.to_owned(), next.into());
    }
}

/// An object of which no member is read.
#[derive(Debug, Deserialize)]
pub(super) struct Nothing {}

/// The body of a request that needs none: an object, or nothing.
pub(super) type NoBody = im2_edge::body::OptionalJson<Nothing>;
