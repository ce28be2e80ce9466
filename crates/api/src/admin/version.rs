//! Name and version of this program (Synapse's administration API, "Version API").

use axum::response::Response;
use serde_json::json;

use im2_edge::{
    body::json_bytes,
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    // Public, because tools ask before anybody has signed in.
    Routes::default().get("/_synapse/admin/v1/server_version", Access::Public, version)
}

async fn version() -> Response {
    json_bytes(json!({ "server_version": concat!("IM2 ", env!("CARGO_PKG_VERSION")) }).to_string())
}
