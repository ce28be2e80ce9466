//! The base of all use cases: the store and the stream of committed changes, users and facts known in memory, limits,
//! jobs, time and randomness.
//!
//! It knows the words of all use cases and the rules of none: no module here decides what a user may do in a room.

pub mod asserted_identities;
mod blocked;
pub mod committed;
mod core;
pub mod ephemeral;
mod error;
pub mod event;
pub mod features;
pub mod jobs;
mod key_count_cache;
pub mod lease;
pub mod memory;
pub mod names;
pub mod outbound;
pub mod panics;
pub mod rate_limits;
pub mod search_terms;
pub mod services;
pub mod session;
pub mod session_ends;
pub mod shutdown;
pub mod signing_key;
pub mod stream;
pub mod typists;
mod user_set;

pub use crate::core::{Core, Options, Shared};
pub use blocked::BlockedRooms;
pub use committed::{Committed, Store, Transaction};
pub use error::{Challenge, Code, Error, Flow, Result, Stage};
pub use key_count_cache::KeyCountCache;
pub use user_set::UserSet;
