//! The user's own account (spec: "Account management", "Current account information").

use axum::response::Response;
use im2_accounts::uia::Auth;
use serde::{Deserialize, Serialize};
use serde_json::json;

use im2_edge::State;
use im2_edge::{
    auth::User,
    body::{Answer, RawBody, empty, json_bytes},
    error::ApiResult,
    interactive::Interactive,
    limits::Class,
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/_matrix/client/v3/account/whoami", Access::User, whoami)
        .post("/_matrix/client/v3/account/password", Access::User, change_password)
        .limited(Class::Pass)
        .post("/_matrix/client/v3/account/deactivate", Access::User, deactivate)
        .limited(Class::Pass)
}

#[derive(Debug, Serialize)]
struct WhoamiAnswer {
    user_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_id: Option<String>,
    is_guest: bool,
}

async fn whoami(axum::extract::State(api): State, User(session): User) -> Answer<WhoamiAnswer> {
    Answer(WhoamiAnswer {
        user_id: session.user_id.to_string(),
        device_id: session.has_device.then(|| session.device_id.to_string()),
        is_guest: api.engine.core.guests.contains(session.user),
    })
}

#[derive(Deserialize)]
struct PasswordBody {
    new_password: String,
    #[serde(default = "yes")]
    logout_devices: bool,
    auth: Option<Auth>,
}

fn yes() -> bool {
    true
}

async fn change_password(
    axum::extract::State(api): State,
    User(session): User,
    RawBody(sent): RawBody,
) -> ApiResult<Response> {
    let request = Interactive::new(&api, "account/password", Some(&session), sent);
    let body: PasswordBody = request.parse()?;
    let accounts = &api.engine.people.accounts;
    let change = accounts.change_password(&session, &body.new_password, body.logout_devices, body.auth);
    request.confirm(change).await?;
    Ok(empty())
}

#[derive(Deserialize)]
struct DeactivateBody {
    #[serde(default)]
    erase: bool,
    auth: Option<Auth>,
}

async fn deactivate(
    axum::extract::State(api): State,
    User(session): User,
    RawBody(sent): RawBody,
) -> ApiResult<Response> {
    let request = Interactive::new(&api, "account/deactivate", Some(&session), sent);
    let body: DeactivateBody = request.parse_optional()?;
    let end = api.engine.people.accounts.deactivate(&session, body.erase, body.auth);
    request.confirm(end).await?;
    // There were no identifiers to unbind from an identity server, which the specification calls a success.
    Ok(json_bytes(json!({ "id_server_unbind_result": "success" }).to_string()))
}
