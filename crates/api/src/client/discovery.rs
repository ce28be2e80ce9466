//! What this server speaks and where it is (spec: "API versions", "Server discovery", "Capabilities negotiation").

use axum::response::Response;
use serde_json::json;

use crate::{
    State,
    body::json_bytes,
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    Routes::default().get("/_matrix/client/versions", Access::Public, versions).get(
        "/.well-known/matrix/client",
        Access::Public,
        well_known,
    )
}

/// The versions of the specification whose endpoints, as far as this server has them, behave as written.
const VERSIONS: &[&str] = &[
    "v1.1", "v1.2", "v1.3", "v1.4", "v1.5", "v1.6", "v1.7", "v1.8", "v1.9", "v1.10", "v1.11", "v1.12", "v1.13",
    "v1.14", "v1.15", "v1.16",
];

async fn versions() -> Response {
    json_bytes(json!({ "versions": VERSIONS, "unstable_features": {} }).to_string())
}

async fn well_known(axum::extract::State(api): State) -> Response {
    json_bytes(json!({ "m.homeserver": { "base_url": api.options.public_url } }).to_string())
}
