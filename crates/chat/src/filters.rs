//! Filters: which events a client wants, and what of them (spec: client-server API, "Filtering").
//!
//! [`Filter`] and [`EventFilter`] are values: parsed strictly, then asked by sync and by the history endpoints.
//! [`Filters`] stores what clients upload.

mod definition;
#[cfg(test)]
mod fuzz;
mod projection;

pub use definition::{Candidate, EventFilter, EventFormat, Filter, RoomFilter, object};
pub use projection::EventFields;

use std::sync::Arc;

use im2_model::UserNid;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, value::RawValue};

use im2_core::{
    Code, Core, Error, Result,
    memory::{Cache, Share},
    rate_limits::Quota,
};

/// Estimated memory for a parsed filter, as a multiple of the length of its text.
const PARSED: usize = 4;
/// The largest definition, in bytes.
const MAX_BYTES: usize = 64 * 1024;

/// The use cases of filters.
#[derive(Debug, Clone)]
pub struct Filters {
    core: Core,
    /// Filters kept parsed, with the bytes they take: a sync names its filter in every request.
    parsed: Cache<(UserNid, i64), (Arc<Filter>, usize)>,
}

impl Filters {
    /// Builds it on the core.
    pub fn new(core: Core) -> Self {
        let parsed = Cache::new(&core.memory, "filters", Share::HundredAndTwentyEighth, |_, (_, bytes)| *bytes);
        Self { core, parsed }
    }

    /// Stores a definition and returns its ID. The same definition has the same ID.
    pub async fn define(&self, user: UserNid, definition: &Map<String, Value>) -> Result<String> {
        let text = serde_json::to_string(definition).map_err(|error| Error::Internal(error.to_string()))?;
        if text.len() > MAX_BYTES {
            let message = format!("a filter is limited to {MAX_BYTES} bytes");
            return Err(Error::refused(Code::TooLarge, message));
        }
        parse::<Filter>(&text)?;
        let most = self.core.limits.quota(Quota::Filters);
        let write = move |tx: &mut im2_core::Transaction<'_>| {
            // Definitions are stored once, so a client that uploads its own again adds none.
            if let Some(number) = tx.filter_number(user, &text)? {
                return Ok(Some(number));
            }
            let number = tx.last_filter_number(user)? + 1;
            if number.unsigned_abs() > most {
                return Ok(None);
            }
            tx.add_filter(user, number, &text)?;
            Ok(Some(number))
        };
        let number = self.core.store.write(write).await?;
        let too_many = || self.core.limits.over_quota(Quota::Filters);
        number.map(|number| number.to_string()).ok_or_else(too_many)
    }

    /// The definition with an ID, as it was uploaded.
    pub async fn definition(&self, user: UserNid, filter_id: &str) -> Result<Box<RawValue>> {
        let text = self.load(user, filter_id).await?;
        let text = text.ok_or_else(|| Error::refused(Code::NotFound, "there is no filter with this ID"))?;
        RawValue::from_string(text).map_err(|error| Error::Internal(format!("stored filter: {error}")))
    }

    /// The filter that a `filter` parameter names: JSON if it begins with `{`, else the ID of an uploaded one.
    pub async fn resolve(&self, user: UserNid, parameter: &str) -> Result<Arc<Filter>> {
        if parameter.starts_with('{') {
            return parse(parameter).map(Arc::new);
        }
        let key = (user, number_of(parameter).ok_or_else(unknown)?);
        if let Some((filter, _)) = self.parsed.get(&key) {
            return Ok(filter);
        }
        let text = self.load(user, parameter).await?.ok_or_else(unknown)?;
        let filter: Arc<Filter> = Arc::new(parse(&text)?);
        // A definition never changes, so there is nothing to race with.
        self.parsed.insert(key, (Arc::clone(&filter), size_of::<Filter>() + PARSED * text.len()));
        Ok(filter)
    }

    async fn load(&self, user: UserNid, filter_id: &str) -> Result<Option<String>> {
        match number_of(filter_id) {
            Some(number) => Ok(self.core.store.read(move |db| db.filter(user, number)).await?),
            None => Ok(None),
        }
    }
}

/// The event filter in a `filter` parameter, which is always JSON (`/messages`, `/context`).
pub fn parse_event_filter(parameter: &str) -> Result<EventFilter> {
    parse(parameter)
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let parsed = object(&mut reader).and_then(|filter| reader.end().map(|()| filter));
    parsed.map_err(|error| match error.classify() {
        serde_json::error::Category::Data => Error::refused(Code::BadJson, format!("the filter is wrong: {error}")),
        _ => Error::refused(Code::NotJson, format!("the filter is not JSON: {error}")),
    })
}

/// The number behind a filter ID, which is written in one way only.
fn number_of(filter_id: &str) -> Option<i64> {
    filter_id.parse().ok().filter(|number: &i64| number.to_string() == filter_id)
}

fn unknown() -> Error {
    Error::refused(Code::InvalidParam, "there is no filter with this ID")
}
