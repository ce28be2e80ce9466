//! The messages of LiveKit's client protocol that are understood here, by the field numbers of its public
//! descriptions. Fields that nothing here reads are left out: readers skip what they do not know.

pub(crate) mod data;
#[expect(clippy::struct_excessive_bools, reason = "the fields are those of the protocol")]
pub mod models;
#[expect(clippy::struct_excessive_bools, clippy::large_enum_variant, reason = "the fields are those of the protocol")]
pub(crate) mod signal;
