//! The messages of LiveKit's client protocol that are understood here, by the field numbers of its public
//! descriptions. Fields that nothing here reads are left out: readers skip what they do not know.

pub(crate) mod data;
pub mod models;
pub(crate) mod signal;
