//! Application services: bridges and bots that act as many users and are told what happens in their rooms (spec:
//! application service API).
//!
//! [`Services`] says who they are and what is theirs; it is part of the core, because accounts and rooms ask it.

mod registration;
#[allow(dead_code, reason = "for the delivery of events, which follows")]
mod services;

pub use services::{Service, Services};
