//! Calls: a selective forwarding unit. Participants connect by WebRTC and send what their microphones, cameras and
//! screens see and hear; it passes that on to the others of their room, in the size that each can show and receive. It
//! speaks the protocol of LiveKit's clients, so that they, and what is built on them, work with it.
//!
//! Who may join which room is written in tokens ([`ApiKey`], [`Claims`]); what a room is, beyond its name, is not known
//! here. Media that participants encrypt for each other pass as they are.
//!
//! Whoever may not stay is removed by [`Sfu::remove`], at any time and for good: tokens from before let nobody in again.
//! So that users and devices can be found whose participants have other names, tokens say whose they are
//! ([`Claims::holder`]). [`Sfu::events`] tells who comes and goes.
//!
//! What the server trusts of a participant: its token, and what it sends under the keys of its connection. Addresses
//! are not believed: nothing but answers and small checks is sent to one that has not answered such a check.
//!
//! - [`Sfu::start`] binds one UDP port for the media of all rooms (and a TCP port, if wanted), and [`router`] gives the
//!   routes by which clients connect.
//! - `transport` reads the sockets and finds the room that a packet is for.
//! - `room` is a room: a state machine without I/O, driven by one task (`sfu`).
//! - `forward` decides what a receiver gets, and makes one stream of several.
//! - `proto` are the messages of clients, `http` their way in, `crypto` what WebRTC's transports are made with.

#[cfg(any(test, feature = "client"))]
pub mod client;
mod crypto;
mod forward;
mod holders;
mod http;
mod metrics;
mod options;
mod proto;
mod revoked;
mod room;
#[cfg(test)]
mod scenarios;
mod sdp;
mod sfu;
mod token;
mod transport;

pub use http::{ClientAddress, router};
pub use metrics::{Counter, Metrics};
pub use options::{Announced, Limits, Options};
pub use proto::models;
pub use proto::signal::IceServer;
pub use revoked::Who;
pub use room::{Member, ParticipantState, RoomEvent};
pub use sfu::{Sfu, StartError};
pub use token::{ApiKey, Claims, Grants, TokenError};
pub use transport::own_addresses;
