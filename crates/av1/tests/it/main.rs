//! What the program makes of real files, in this process; and what a process that has shut itself in can still do.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod pictures;
#[cfg(target_os = "linux")]
mod sandbox;
