//! E-mail addresses and phone numbers of accounts (spec: "Adding Account Administrative Contact Information"). This
//! server keeps none, sends no mail and trusts no identity server, which it says in the words of the specification;
//! clients that ask first learn it from the capability `m.3pid_changes`.

use axum::response::Response;
use im2_core::Code;
use serde::Deserialize;
use serde_json::json;

use im2_edge::{
    auth::User,
    body::{Json, json_bytes},
    error::{ApiError, ApiResult},
    limits::Class,
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/_matrix/client/v3/account/3pid", Access::User, list)
        .post("/_matrix/client/v3/account/3pid", Access::User, add_verified_elsewhere)
        .post("/_matrix/client/v3/account/3pid/add", Access::User, add)
        .post("/_matrix/client/v3/account/3pid/bind", Access::User, bind)
        .post("/_matrix/client/v3/account/3pid/delete", Access::User, remove)
        .post("/_matrix/client/v3/account/3pid/unbind", Access::User, remove)
        .post("/_matrix/client/v3/account/3pid/email/requestToken", Access::Public, email_to_add)
        .limited(Class::Lookup)
        .post("/_matrix/client/v3/account/3pid/msisdn/requestToken", Access::Public, phone_to_add)
        .limited(Class::Lookup)
        .post("/_matrix/client/v3/account/password/email/requestToken", Access::Public, email_to_reset)
        .limited(Class::Lookup)
        .post("/_matrix/client/v3/account/password/msisdn/requestToken", Access::Public, phone_to_reset)
        .limited(Class::Lookup)
        .post("/_matrix/client/v3/register/email/requestToken", Access::Public, email_to_register)
        .limited(Class::Lookup)
        .post("/_matrix/client/v3/register/msisdn/requestToken", Access::Public, phone_to_register)
        .limited(Class::Lookup)
}

async fn list(User(_): User) -> Response {
    json_bytes(json!({ "threepids": [] }).to_string())
}

#[derive(Deserialize)]
struct AddVerifiedElsewhere {
    #[serde(rename = "three_pid_creds")]
    _credentials: Credentials,
}

/// The credentials that the client got from an identity server.
#[derive(Deserialize)]
struct Credentials {
    #[serde(rename = "client_secret")]
    _client_secret: String,
    #[serde(rename = "id_server")]
    _id_server: String,
    #[serde(rename = "id_access_token")]
    _id_access_token: String,
    #[serde(rename = "sid")]
    _sid: String,
}

async fn add_verified_elsewhere(User(_): User, Json(_): Json<AddVerifiedElsewhere>) -> ApiError {
    ApiError::new(Code::ThreepidAuthFailed, "this server does not accept verifications by identity servers")
}

#[derive(Deserialize)]
struct Add {
    #[serde(rename = "client_secret")]
    _client_secret: String,
    #[serde(rename = "sid")]
    _sid: String,
}

async fn add(User(_): User, Json(_): Json<Add>) -> ApiError {
    denied()
}

async fn bind(User(_): User, Json(_): Json<Credentials>) -> ApiError {
    untrusted()
}

#[derive(Deserialize)]
struct Remove {
    #[serde(rename = "medium")]
    _medium: Medium,
    #[serde(rename = "address")]
    _address: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Medium {
    Email,
    Msisdn,
}

/// Answers that the identifier is removed: there are none here, and no identity server has ever been told of one.
async fn remove(User(_): User, Json(_): Json<Remove>) -> Response {
    json_bytes(json!({ "id_server_unbind_result": "no-support" }).to_string())
}

#[derive(Deserialize)]
struct Email {
    #[serde(rename = "email")]
    _email: String,
    #[serde(flatten)]
    request: TokenRequest,
}

#[derive(Deserialize)]
struct Phone {
    #[serde(rename = "country")]
    _country: String,
    #[serde(rename = "phone_number")]
    _phone_number: String,
    #[serde(flatten)]
    request: TokenRequest,
}

#[derive(Deserialize)]
struct TokenRequest {
    client_secret: String,
    #[serde(rename = "send_attempt")]
    _send_attempt: i64,
    id_server: Option<String>,
}

impl TokenRequest {
    /// Refuses what is wrong in itself; what is right is refused with `otherwise`.
    fn refuse(&self, otherwise: ApiError) -> ApiError {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'=' | b'_' | b'-');
        let secret = &self.client_secret;
        if secret.is_empty() || secret.len() > 255 || !secret.bytes().all(is_allowed) {
            let message = "client_secret must have 1 to 255 characters: letters, digits and . = _ -";
            return ApiError::new(Code::InvalidParam, message);
        }
        if self.id_server.is_some() { untrusted() } else { otherwise }
    }
}

async fn email_to_add(Json(body): Json<Email>) -> ApiResult<Response> {
    Err(body.request.refuse(medium_not_supported()))
}

async fn phone_to_add(Json(body): Json<Phone>) -> ApiResult<Response> {
    Err(body.request.refuse(medium_not_supported()))
}

async fn email_to_reset(Json(body): Json<Email>) -> ApiResult<Response> {
    Err(body.request.refuse(not_found()))
}

async fn phone_to_reset(Json(body): Json<Phone>) -> ApiResult<Response> {
    Err(body.request.refuse(not_found()))
}

async fn email_to_register(Json(body): Json<Email>) -> ApiResult<Response> {
    Err(body.request.refuse(denied()))
}

async fn phone_to_register(Json(body): Json<Phone>) -> ApiResult<Response> {
    Err(body.request.refuse(denied()))
}

fn denied() -> ApiError {
    ApiError::new(Code::ThreepidDenied, "this server does not store e-mail addresses or phone numbers")
}

fn untrusted() -> ApiError {
    ApiError::new(Code::ServerNotTrusted, "this server does not use identity servers")
}

fn medium_not_supported() -> ApiError {
    let message = "this server does not store e-mail addresses or phone numbers";
    ApiError::new(Code::ThreepidMediumNotSupported, message)
}

fn not_found() -> ApiError {
    ApiError::new(Code::ThreepidNotFound, "no account has this address: ask an administrator to reset your password")
}
