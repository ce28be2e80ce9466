//! What administrators of the server do: to accounts and what belongs to them, to rooms and media.
//!
//! Whoever calls has been found to be an administrator. What is left to decide here is whether it can be done to
//! whom it is meant for.

mod activity;
pub mod deletion;
mod devices;
pub(crate) mod housekeeping;
pub(crate) mod jobs;
pub mod media;
pub mod moderation;
pub mod redaction;
pub mod rooms;
pub mod statistics;
pub mod tasks;
pub mod user_media;
pub mod users;
