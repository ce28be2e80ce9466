//! The log: spans and events on standard error, as text or as JSON.

use std::{io, panic::PanicHookInfo};

use tracing_subscriber::{
    Layer as _, filter::Targets, fmt, layer::SubscriberExt as _, registry, util::SubscriberInitExt as _,
};

use crate::config::{Log, LogFormat};

/// Starts logging for the whole process and makes panics part of the log. Does nothing if somebody has done so before.
pub(crate) fn start(log: &Log) {
    // The configuration has checked the level; should it be unreadable all the same, everything is logged.
    let filter: Targets = log.level.parse().unwrap_or_default();
    let lines = match log.format {
        LogFormat::Text => {
            fmt::layer().with_writer(io::stderr).with_ansi(io::IsTerminal::is_terminal(&io::stderr())).boxed()
        }
        LogFormat::Json => {
            fmt::layer().json().flatten_event(true).with_span_list(false).with_writer(io::stderr).boxed()
        }
    };
    if registry().with(lines.with_filter(filter)).try_init().is_ok() {
        std::panic::set_hook(Box::new(log_panic));
    }
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let payload = panic.payload();
    let words = payload.downcast_ref::<&str>().copied();
    let words = words.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    tracing::error!(place, words, "panic");
}
