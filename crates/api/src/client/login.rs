//! Signing in and out, and refreshing tokens (spec: "Login", "Refreshing access tokens").

use axum::response::Response;
use im2_accounts::{LoginRequest, NewSession, Origin, SignedIn, uia::Identifier};
use im2_core::Code;
use im2_model::DeviceId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use im2_edge::{Api, State};
use im2_edge::{
    auth::{EvenLocked, ShownToken},
    base_url::BaseUrl,
    body::{Answer, Json, empty},
    error::{ApiError, ApiResult},
    limits::{Class, ClientAddress, counting_guesses},
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/_matrix/client/v3/login", Access::Public, flows)
        .post("/_matrix/client/v3/login", Access::Proof, login)
        .post("/_matrix/client/v3/refresh", Access::Proof, refresh)
        .limited(Class::Refresh)
        .post("/_matrix/client/v3/logout", Access::User, logout)
        .post("/_matrix/client/v3/logout/all", Access::User, logout_all)
}

/// The login type by which application services register and sign in users of theirs.
pub(super) const APPLICATION_SERVICE: &str = "m.login.application_service";
/// Signing in with a token that was made on another device.
const TOKEN: &str = "m.login.token";

/// A session that has begun, as registration and login both tell of it.
#[derive(Serialize)]
pub(crate) struct SessionAnswer {
    user_id: String,
    /// Deprecated, but still what some clients read.
    home_server: String,
    device_id: String,
    access_token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    well_known: Option<Value>,
}

impl From<SignedIn> for SessionAnswer {
    fn from(session: SignedIn) -> Self {
        Self {
            user_id: session.user_id.to_string(),
            home_server: session.user_id.server_name().to_owned(),
            device_id: session.device_id.to_string(),
            access_token: session.access_token,
            refresh_token: session.refresh_token,
            expires_in_ms: session.expires_in_ms,
            well_known: None,
        }
    }
}

async fn flows(axum::extract::State(api): State) -> Answer<Value> {
    let mut flows = vec![json!({ "type": "m.login.password" })];
    if !api.engine.core.services.all().is_empty() {
        flows.push(json!({ "type": APPLICATION_SERVICE }));
    }
    if api.engine.people.accounts.offers_login_tokens() {
        flows.push(json!({ "type": TOKEN, "get_login_token": true }));
    }
    Answer(json!({ "flows": flows }))
}

#[derive(Deserialize)]
struct LoginBody {
    #[serde(rename = "type")]
    kind: String,
    identifier: Option<Identifier>,
    /// Deprecated in favour of `identifier`.
    user: Option<String>,
    password: Option<String>,
    token: Option<String>,
    device_id: Option<DeviceId>,
    initial_device_display_name: Option<String>,
    #[serde(default)]
    refresh_token: bool,
}

async fn login(
    axum::extract::State(api): State,
    ShownToken(token): ShownToken,
    address: ClientAddress,
    base_url: BaseUrl,
    Json(body): Json<LoginBody>,
) -> ApiResult<Answer<SessionAnswer>> {
    let signed_in = sign_in(&api, address, token.as_deref(), body).await?;
    Ok(Answer(SessionAnswer { well_known: base_url.well_known(), ..signed_in.into() }))
}

async fn sign_in(api: &Api, address: ClientAddress, token: Option<&str>, body: LoginBody) -> ApiResult<SignedIn> {
    if body.kind == TOKEN && api.engine.people.accounts.offers_login_tokens() {
        // Those by password are counted where it is known whether the account is in use there.
        api.engine.core.limits.spend_at(Class::Login, address.0, 1)?;
        return login_with_token(api, body).await;
    }
    if !matches!(&*body.kind, "m.login.password" | APPLICATION_SERVICE) {
        return Err(ApiError::new(Code::Unknown, "this login type is not supported: GET /login lists those that are"));
    }
    let user = match body.identifier {
        Some(identifier) if identifier.kind != "m.id.user" => {
            let message = "only identifiers of type m.id.user are supported, with a user ID or a localpart";
            return Err(ApiError::new(Code::Unknown, message));
        }
        Some(identifier) => identifier.user,
        None => body.user,
    };
    let missing = || ApiError::new(Code::MissingParam, "identifier and password are required");
    let user = user.ok_or_else(missing);
    let device = NewSession {
        device_id: body.device_id,
        initial_device_display_name: body.initial_device_display_name,
        refresh_token: body.refresh_token,
    };
    if body.kind == APPLICATION_SERVICE {
        let work = api.engine.people.accounts.login_for_service(token, user.as_deref().ok(), device);
        return counting_guesses(api, address, work).await;
    }
    let (user, password) = (user?, body.password.ok_or_else(missing)?);
    let origin = Origin { address: Some(address.0), token: token.map(str::to_owned) };
    Ok(api.engine.people.accounts.login(LoginRequest { user, password, device, origin }).await?)
}

/// Signing in with a token that was made on another device.
async fn login_with_token(api: &Api, body: LoginBody) -> ApiResult<SignedIn> {
    let missing = || ApiError::new(Code::MissingParam, "`token` is required");
    let device = NewSession {
        device_id: body.device_id,
        initial_device_display_name: body.initial_device_display_name,
        refresh_token: body.refresh_token,
    };
    Ok(api.engine.people.accounts.login_with_token(&body.token.ok_or_else(missing)?, device).await?)
}

#[derive(Deserialize)]
struct RefreshBody {
    refresh_token: String,
}

#[derive(Serialize)]
struct RefreshAnswer {
    access_token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in_ms: Option<u64>,
}

async fn refresh(axum::extract::State(api): State, Json(body): Json<RefreshBody>) -> ApiResult<Answer<RefreshAnswer>> {
    let SignedIn { access_token, refresh_token, expires_in_ms, .. } =
        api.engine.people.accounts.refresh(&body.refresh_token).await?;
    Ok(Answer(RefreshAnswer { access_token, refresh_token, expires_in_ms }))
}

async fn logout(axum::extract::State(api): State, EvenLocked(session): EvenLocked) -> ApiResult<Response> {
    api.engine.people.accounts.logout(&session).await?;
    Ok(empty())
}

async fn logout_all(axum::extract::State(api): State, EvenLocked(session): EvenLocked) -> ApiResult<Response> {
    api.engine.people.accounts.logout_all(&session).await?;
    Ok(empty())
}
