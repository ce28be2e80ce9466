//! State resolution: what holds for any room, and the situations that the specification and its proposals name.

mod properties;
mod scenarios;
mod v1;
mod world;

use crate as kernel;
