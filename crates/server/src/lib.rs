//! The `im2` binary: configuration, wiring, lifecycle, the command line.
//!
//! The only crate that names an engine, reads the environment or prints. [`server::Running`] is the whole server as a
//! value, which the binary and every test start the same way.

pub mod cli;
pub mod config;
pub mod control;
mod essential_tasks;
mod http;
mod logging;
mod memory;
mod metrics;
mod options;
mod process;
mod rtc;
pub mod server;
mod web;
