//! Versions and address of this server (spec: "API versions", "Server discovery", "Capabilities negotiation").

use std::collections::BTreeMap;

use axum::response::{IntoResponse as _, Response};
use im2_core::Code;
use serde_json::json;

use im2_edge::State;
use im2_edge::{
    base_url::BaseUrl,
    body::json_bytes,
    error::ApiError,
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/_matrix/client/versions", Access::Public, versions)
        .get("/.well-known/matrix/client", Access::Public, well_known)
        .get("/.well-known/matrix/support", Access::Public, support)
        .get("/.well-known/matrix/policy_server", Access::Public, policy_server)
}

/// The versions of the specification whose endpoints, as far as this server has them, behave as written.
const VERSIONS: &[&str] = &[
    "v1.1", "v1.2", "v1.3", "v1.4", "v1.5", "v1.6", "v1.7", "v1.8", "v1.9", "v1.10", "v1.11", "v1.12", "v1.13",
    "v1.14", "v1.15", "v1.16", "v1.17", "v1.18", "v1.19",
];

/// Features that clients look for under a name that no version of the specification has, or from before it had one.
/// Where the name was for endpoints of a draft (those without `stable`), these are there too.
const UNSTABLE_FEATURES: &[&str] = &[
    "com.beeper.msc4169",           // redactions by PUT /send
    "fi.mau.msc2659.stable",        // pings of application services
    "org.matrix.e2e_cross_signing", // asked for before cross-signing is offered
    "org.matrix.msc2285.stable",    // private read receipts
    "org.matrix.msc3266",           // room summaries
    "org.matrix.msc3440.stable",    // threads
    "org.matrix.msc3827.stable",    // searching the directory by type of room
    "org.matrix.msc3916.stable",    // media for signed-in users only
    "org.matrix.msc4140",           // events that are sent later
    "org.matrix.msc4306",           // following threads
    "org.matrix.msc4380.stable",    // wanting no invites
    "org.matrix.simplified_msc3575",
    "uk.half-shot.msc2666.query_mutual_rooms",
    "uk.half-shot.msc2666.query_mutual_rooms.stable",
    "uk.tcpip.msc4133", // profile fields of one's own
    "uk.tcpip.msc4133.stable",
];

async fn versions() -> Response {
    let features: BTreeMap<_, _> = UNSTABLE_FEATURES.iter().map(|name| (*name, true)).collect();
    json_bytes(json!({ "versions": VERSIONS, "unstable_features": features }).to_string())
}

async fn well_known(axum::extract::State(api): State, base_url: BaseUrl) -> Response {
    match base_url.well_known() {
        Some(mut found) => {
            if api.options.calls.is_some() {
                found["org.matrix.msc4143.rtc_foci"] = base_url.call_transport().into_iter().collect();
            }
            json_bytes(found.to_string())
        }
        None => ApiError::new(Code::NotFound, "this server's public address is not configured: set public_url")
            .into_response(),
    }
}

/// The contacts for questions about this server, as its operator set them.
async fn support(axum::extract::State(api): State) -> Response {
    match &api.options.support {
        Some(support) => json_bytes(support.to_string()),
        None => ApiError::new(Code::NotFound, "this server has no support contacts").into_response(),
    }
}

/// The keys of a policy server, which this is none.
async fn policy_server() -> Response {
    ApiError::new(Code::NotFound, "this server is not a policy server").into_response()
}
