//! A STUN and TURN server (RFC 8489, RFC 8656).
mod counters;
mod options;
mod packet;

#[allow(dead_code, unused_imports)]
mod server;
#[allow(dead_code, unused_imports)]
mod stun;
pub use counters::{Counter, Counters};
pub use options::{Certificate, Limits, Options};
