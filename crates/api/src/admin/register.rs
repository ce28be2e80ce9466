//! Shared-secret registration (Synapse's administration API, "Shared-Secret Registration").

use axum::response::Response;
use im2_accounts::SharedSecretRequest;
use im2_core::Code;
use im2_edge::State;
use im2_edge::{
    body::{Answer, Json, json_bytes},
    error::{ApiError, ApiResult},
    limits::{Class, ClientAddress, counting_guesses},
    routes::{Access, Routes},
};
use serde::Deserialize;
use serde_json::json;

use crate::client::SessionAnswer;

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/_synapse/admin/v1/register", Access::Public, nonce)
        .limited(Class::Lookup)
        .post("/_synapse/admin/v1/register", Access::Proof, register)
        .limited(Class::Lookup)
}

async fn nonce(axum::extract::State(api): State) -> ApiResult<Response> {
    let nonce = api.engine.people.accounts.shared_secret_nonce()?;
    Ok(json_bytes(json!({ "nonce": nonce }).to_string()))
}

#[derive(Deserialize)]
struct RegisterBody {
    nonce: String,
    username: String,
    password: String,
    mac: String,
    admin: Option<bool>,
    displayname: Option<String>,
    user_type: Option<String>,
}

async fn register(
    axum::extract::State(api): State,
    address: ClientAddress,
    Json(body): Json<RegisterBody>,
) -> ApiResult<Answer<SessionAnswer>> {
    if body.user_type.is_some() {
        return Err(ApiError::new(Code::Unknown, "this server has no user types: leave user_type out"));
    }
    let request = SharedSecretRequest {
        nonce: body.nonce,
        username: body.username,
        password: body.password,
        admin: body.admin.unwrap_or(false),
        displayname: body.displayname,
        mac: body.mac,
    };
    let made = counting_guesses(&api, address, api.engine.people.accounts.register_with_shared_secret(request)).await?;
    Ok(Answer(made.into()))
}
