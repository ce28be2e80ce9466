//! A STUN and TURN server (RFC 8489, RFC 8656): it tells clients their public addresses, and relays what they exchange
//! with peers when no direct way exists.
//!
//! Clients come over UDP, TCP or TLS; data to peers is UDP. Credentials are those of `GET /voip/turnServer`: a time and
//! a user, signed with a secret that this server knows. It knows no rooms, no database and no HTTP.
//!
//! - `stun` reads and builds messages, `server` decides what each leads to. Neither opens a socket or reads a clock.
//! - `io` opens sockets and moves packets between them and the server.
//!
//! Who has no credentials costs little: nothing is kept for them, and answers to them are short and few. Data goes to
//! the public internet and to networks that the operator allows, within each user's limits ([`Limits`]).
//!
//! Left out: TCP between server and peers (RFC 6062), DTLS, DONT-FRAGMENT (refused with 420 as specified), ICMP errors
//! of peers, and mobility (RFC 8016).

mod counters;
mod frame;
mod io;
mod options;
mod packet;
mod server;
mod stun;

pub use counters::{Counter, Counters};
pub use io::{Error, Turn};
pub use options::{Certificate, Limits, Options};
