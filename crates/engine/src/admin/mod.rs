//! What administrators of the server do: to accounts, and to what belongs to them.
//!
//! Whoever calls has been found to be an administrator. What is left to decide here is whether it can be done to
//! whom it is meant for.

mod devices;
pub mod moderation;
pub mod users;
