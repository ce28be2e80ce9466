//! Application services as the use cases know them: who they are, what is theirs, and how they are asked (spec:
//! application service API). They are told what happens by `im2-followers`, above rooms.

mod call;
mod queries;
mod registration;
mod service;

pub use call::Call;
pub use service::{Service, Services};

/// The ID of a service's network for clients, unique among those of all services.
pub fn instance_id(service: &str, network: &str) -> String {
    format!("{service}|{network}")
}
