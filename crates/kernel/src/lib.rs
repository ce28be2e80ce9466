//! The room kernel: events, authorisation rules, visibility, push rules; values in, values out.
//!
//! Nothing here does I/O, waits, reads a clock or knows a table: the engine brings the values and decides what to do
//! with the answers.

pub mod auth;
pub mod build;
pub mod canonical;
pub mod client;
pub mod content;
pub mod event;
pub mod named_media;
pub mod power;
pub mod push;
pub mod redact;
pub mod relations;
pub mod resolve;
pub mod search;
pub mod sign;
pub mod state;
pub mod unread;
pub mod version;
pub mod visibility;

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod testing;
