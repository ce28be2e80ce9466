//! Load generator and measurements for Matrix homeservers.
//!
//! Everything goes through the client-server API over plain HTTP, so any homeserver can be measured. The generator
//! is meant to run beside the server, on one thread, and reports its own CPU time with that of the server.
//!
//! Layers, each using only those before it: [`stats`], [`process`], [`report`] (values); [`client`] (HTTP);
//! [`target`], [`wire`], [`matrix`] (the API); [`scenario`] (the measurements).

pub mod args;
pub mod client;
pub mod matrix;
pub mod process;
pub mod report;
pub mod scenario;
pub mod stats;
pub mod target;
pub mod wire;
