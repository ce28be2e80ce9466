//! Keys of limits on what one user may ask for.

use im2_core::rate_limits;

use super::{Key, boolean, integer, list};
use crate::config::value::{Kind, Value};

pub(super) const KEYS: &[Key] = &[
    Key {
        path: "rate_limits.enabled",
        kind: Kind::Boolean,
        allowed: "true or false",
        about: "Whether requests are rate-limited",
        secret: false,
        set: |config, value| boolean(&value).map(|enabled| config.rate_limits.enabled = enabled),
        get: |config| Some(Value::Boolean(config.rate_limits.enabled)),
    },
    Key {
        path: "rate_limits.classes",
        kind: Kind::List,
        allowed: "limits such as [\"send 200 20\"]: the name of a class, how many at once, and how many a second",
        about: "Limits for some classes of requests, in place of the defaults: docs/limits.md lists them all",
        secret: false,
        set: |config, value| {
            let mut rates = rate_limits::Rates::default();
            list(value)?.iter().try_for_each(|entry| rates.set(entry))?;
            config.rate_limits.rates = rates;
            Some(())
        },
        get: |config| Some(Value::List(config.rate_limits.rates.changed())),
    },
    Key {
        path: "rate_limits.quotas",
        kind: Kind::List,
        allowed: "quotas such as [\"media_bytes 10737418240\"]: the name of a quota and how much; 0 for no bound",
        about: "Quotas of an account, in place of some of the defaults: docs/limits.md lists them all",
        secret: false,
        set: |config, value| {
            let mut quotas = rate_limits::Quotas::default();
            list(value)?.iter().try_for_each(|entry| quotas.set(entry))?;
            config.rate_limits.quotas = quotas;
            Some(())
        },
        get: |config| Some(Value::List(config.rate_limits.quotas.changed())),
    },
    Key {
        path: "rate_limits.strangers_per_day",
        kind: Kind::Integer,
        allowed: "a number from 0 (no bound) to 1000000",
        about: "People that a new account may invite in a day without sharing a room with them; grows with its age and \
                with accepted invites",
        secret: false,
        set: |config, value| {
            let most = integer(&value).and_then(|most| u32::try_from(most).ok()).filter(|most| *most <= 1_000_000)?;
            config.rate_limits.strangers_per_day = most;
            Some(())
        },
        get: |config| Some(Value::Integer(config.rate_limits.strangers_per_day.into())),
    },
];
