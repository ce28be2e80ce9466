//! Identities of accounts elsewhere, and an end to their validity: single sign-on, e-mail addresses, expiry (Synapse's
//! administration API, "User Admin API", "Account validity API"). Accounts here have none of it.

use im2_core::Code;
use im2_model::UserId;
use serde::Deserialize;
use serde_json::Value;

use im2_edge::{
    auth::Admin,
    body::{Answer, Json, Params},
    error::{ApiError, ApiResult},
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/_synapse/admin/v1/auth_providers/{provider}/users/{externalId}", Access::Admin, by_external_id)
        .get("/_synapse/admin/v1/threepid/{medium}/users/{address}", Access::Admin, by_threepid)
        .post("/_synapse/admin/v1/account_validity/validity", Access::Admin, renew)
}

async fn by_external_id(Admin(_): Admin, Params(_): Params<(String, String)>) -> ApiResult<Answer<Value>> {
    Err(ApiError::new(Code::NotFound, "accounts on this server are not linked to external accounts"))
}

async fn by_threepid(Admin(_): Admin, Params(_): Params<(String, String)>) -> ApiResult<Answer<Value>> {
    Err(ApiError::new(Code::NotFound, "accounts on this server have no e-mail addresses or phone numbers"))
}

#[derive(Deserialize)]
struct Renewal {
    #[serde(rename = "user_id")]
    _user_id: UserId,
}

async fn renew(Admin(_): Admin, Json(_): Json<Renewal>) -> ApiResult<Answer<Value>> {
    Err(ApiError::new(Code::NotFound, "accounts on this server do not expire, so there is nothing to renew"))
}
