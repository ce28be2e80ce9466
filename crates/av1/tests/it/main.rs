//! Decoding of real files, in this process; and the limits of a process that has entered the sandbox.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod pictures;
#[cfg(target_os = "linux")]
mod sandbox;
