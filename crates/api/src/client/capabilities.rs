//! Capabilities of this server (spec: "Capabilities negotiation").

use axum::response::Response;
use im2_edge::State;
use im2_edge::{
    auth::User,
    body::json_bytes,
    routes::{Access, Routes},
};
use im2_kernel::version::RoomVersion;
use serde_json::{Map, Value, json};

use super::delayed_events;

pub(super) fn routes() -> Routes {
    Routes::default().get("/_matrix/client/v3/capabilities", Access::User, capabilities)
}

async fn capabilities(axum::extract::State(api): State, User(session): User) -> Response {
    let available: Map<String, Value> =
        RoomVersion::OFFERED.into_iter().map(|version| (version.as_str().to_owned(), "stable".into())).collect();
    let mut capabilities = json!({
        "m.change_password": { "enabled": true },
        "m.room_versions": {
            "default": api.engine.chat.rooms.default_version().as_str(),
            "available": available,
        },
        "m.profile_fields": { "enabled": true },
        // As clients asked for it while it was a draft.
        "uk.tcpip.msc4133.profile_fields": { "enabled": true },
        "m.set_displayname": { "enabled": true },
        "m.set_avatar_url": { "enabled": true },
        "m.3pid_changes": { "enabled": false },
        // MSC4174.
        "m.webpush": { "enabled": true, "vapid": api.engine.followers.pushers.web_push_key() },
        "m.get_login_token": { "enabled": api.engine.people.accounts.offers_login_tokens() },
        "m.forget_forced_upon_leave": { "enabled": false },
        "org.matrix.msc4140.delayed_events": delayed_events::capability(),
    });
    if session.is_admin {
        capabilities["m.account_moderation"] = json!({ "lock": true, "suspend": true });
    }
    json_bytes(json!({ "capabilities": capabilities }).to_string())
}
