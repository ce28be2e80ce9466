//! Registration (spec: "Account registration").

use im2_accounts::{NewSession, RegisterRequest, Registered, uia::Auth};
use im2_core::Code;
use im2_edge::State;
use im2_edge::{
    auth::ShownToken,
    body::{Answer, QueryParams, RawBody},
    error::{ApiError, ApiResult},
    interactive::Interactive,
    limits::{Class, ClientAddress, counting_guesses},
    routes::{Access, Routes},
};
use im2_model::DeviceId;
use serde::{Deserialize, Serialize};

use super::login::{APPLICATION_SERVICE, SessionAnswer};

pub(super) fn routes() -> Routes {
    Routes::default()
        .post("/_matrix/client/v3/register", Access::Proof, register)
        .limited(Class::Registration)
        .get("/_matrix/client/v3/register/available", Access::Public, available)
        .limited(Class::Lookup)
        .get("/_matrix/client/v1/register/m.login.registration_token/validity", Access::Public, token_validity)
        .limited(Class::Lookup)
}

#[derive(Debug, Deserialize)]
struct RegisterQuery {
    kind: Option<String>,
}

#[derive(Deserialize)]
struct RegisterBody {
    /// Said by application services only.
    #[serde(rename = "type")]
    kind: Option<String>,
    username: Option<String>,
    password: Option<String>,
    device_id: Option<DeviceId>,
    initial_device_display_name: Option<String>,
    #[serde(default)]
    inhibit_login: bool,
    #[serde(default)]
    refresh_token: bool,
    auth: Option<Auth>,
    guest_access_token: Option<String>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum RegisterAnswer {
    SignedIn(Box<SessionAnswer>),
    Inhibited { user_id: String, home_server: String },
}

async fn register(
    axum::extract::State(api): State,
    ShownToken(token): ShownToken,
    address: ClientAddress,
    QueryParams(query): QueryParams<RegisterQuery>,
    RawBody(sent): RawBody,
) -> ApiResult<Answer<RegisterAnswer>> {
    let request = Interactive::new(&api, "register", None, sent);
    let body: RegisterBody = request.parse()?;
    match query.kind.as_deref() {
        None | Some("user") => {}
        Some("guest") => {
            let guest = api.engine.people.accounts.register_guest(body.initial_device_display_name).await?;
            return Ok(Answer(guest.into()));
        }
        Some(_) => return Err(ApiError::new(Code::InvalidParam, "kind must be user or guest")),
    }
    let device = NewSession {
        device_id: body.device_id,
        initial_device_display_name: body.initial_device_display_name,
        refresh_token: body.refresh_token,
    };
    let accounts = &api.engine.people.accounts;
    let registered = if body.kind.as_deref() == Some(APPLICATION_SERVICE) {
        let session = (!body.inhibit_login).then_some(device);
        let work = accounts.register_for_service(token.as_deref(), body.username.as_deref(), session);
        counting_guesses(&api, address, work).await?
    } else {
        let registration = RegisterRequest {
            username: body.username,
            password: body.password,
            inhibit_login: body.inhibit_login,
            device,
            auth: body.auth,
            guest_access_token: body.guest_access_token,
        };
        counting_guesses(&api, address, request.run(accounts.register(registration))).await?
    };
    Ok(Answer(registered.into()))
}

impl From<Registered> for RegisterAnswer {
    fn from(registered: Registered) -> Self {
        match registered.session {
            Some(session) => Self::SignedIn(Box::new(session.into())),
            None => Self::Inhibited {
                home_server: registered.user_id.server_name().to_owned(),
                user_id: registered.user_id.to_string(),
            },
        }
    }
}

#[derive(Debug, Deserialize)]
struct AvailableQuery {
    username: String,
}

#[derive(Debug, Serialize)]
struct AvailableAnswer {
    available: bool,
}

async fn available(
    axum::extract::State(api): State,
    QueryParams(query): QueryParams<AvailableQuery>,
) -> ApiResult<Answer<AvailableAnswer>> {
    api.engine.people.accounts.check_available(&query.username).await?;
    Ok(Answer(AvailableAnswer { available: true }))
}

#[derive(Debug, Deserialize)]
struct ValidityQuery {
    token: String,
}

#[derive(Debug, Serialize)]
struct ValidityAnswer {
    valid: bool,
}

async fn token_validity(
    axum::extract::State(api): State,
    address: ClientAddress,
    QueryParams(query): QueryParams<ValidityQuery>,
) -> ApiResult<Answer<ValidityAnswer>> {
    let work = api.engine.people.accounts.is_registration_token_valid(&query.token);
    let valid = counting_guesses(&api, address, work).await?;
    Ok(Answer(ValidityAnswer { valid }))
}
