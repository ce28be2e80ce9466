//! Forwarding of media: what of a publisher's streams a receiver gets, and how several streams become one.

pub(crate) mod bandwidth;
mod dependency_descriptor;
pub(crate) mod key_frame;
pub(crate) mod layers;
pub(crate) mod red;
pub(crate) mod rewrite;
pub(crate) mod speakers;

pub(crate) use dependency_descriptor::{DependencyDescriptor, extension as dependency_descriptor};
