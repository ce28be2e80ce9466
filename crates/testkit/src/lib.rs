//! A server in a test: never shipped.
//!
//! [`Server`] is the whole server in the test's own process, on a real database in a folder of its own; [`Client`] is
//! a signed-in user of it; [`Binary`] is the real `im2` executable, for what only a process can show: signals, being
//! killed, what it prints; [`PushSubscription`] is a device that reads what a push service delivers to it.
//!
//! ```no_run
//! # async fn example() {
//! let server = im2_testkit::Server::start().await;
//! let (ana, ben) = (server.register("ana").await, server.register("ben").await);
//! let room = ana.create_room(serde_json::json!({ "invite": [ben.user_id()] })).await;
//! ben.join(&room).await;
//! ana.send_text(&room, "hello").await;
//! ben.get("/v3/rooms/nonsense/state").await.refused(400, "M_INVALID_PARAM");
//! # }
//! ```

mod answer;
mod binary;
mod client;
mod patience;
mod push_subscription;
mod server;

pub use answer::Answer;
pub use binary::{Binary, Ended, Process};
pub use client::Client;
pub use patience::{PATIENCE, until};
pub use push_subscription::PushSubscription;
pub use server::{Server, Setup};

/// Escapes a text for a segment of a path.
pub fn segment(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
