//! The layer of every route that counts its requests, and has each user wait for their turn where that is so
//! ([`crate::limits`]).

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::request::Parts;
use im2_core::Error;
use im2_fair::{Caller, Turn, Turns};

use crate::{
    Api,
    auth::authenticated,
    error::{ApiError, ApiResult},
    limits::{Class, ClientAddress, Who, announced},
    token::access_token,
};

/// The layer of every route.
pub(crate) async fn layer(State((api, class)): State<(Arc<Api>, Class)>, mut request: Request, next: Next) -> Response {
    if class.is_by_address() {
        let token = access_token(request.headers(), request.uri());
        if token.as_ref().is_some_and(|token| api.engine.core.services.by_token(token).is_some()) {
            return next.run(request).await; // one address signs in all the users of an application service
        }
        let (limits, accounts) = (&api.engine.core.limits, &api.engine.people.accounts);
        let cost = class.cost(announced(request.headers()).unwrap_or(0));
        let counted = match token.and_then(|token| accounts.in_use(&token)) {
            // Who is signed in does not depend on who else is behind the same address.
            Some(user) => limits.spend_more(class, Who::User(user), cost),
            None => limits.spend_at(class, ClientAddress::of(&api, request.extensions(), request.headers()).0, cost),
        };
        if let Err(refusal) = counted {
            return ApiError::from(refusal).into_response();
        }
        return next.run(request).await;
    }
    request.extensions_mut().insert(class);
    let Some(turns) = api.engine.core.limits.turns(class) else { return next.run(request).await };
    let (parts, body) = request.into_parts();
    // Held until there is an answer.
    let _turn = match turn(&api, turns, &parts).await {
        Ok(turn) => turn,
        Err(refusal) => return refusal.into_response(),
    };
    next.run(Request::from_parts(parts, body)).await
}

/// A user's turn at requests of which each user has one made at a time. Application services make them for many users.
async fn turn(api: &Api, turns: &Turns, parts: &Parts) -> ApiResult<Option<Turn>> {
    let token = access_token(&parts.headers, &parts.uri);
    if token.as_ref().is_some_and(|token| api.engine.core.services.by_token(token).is_some()) {
        return Ok(None);
    }
    let user = match token.and_then(|token| api.engine.people.accounts.in_use(&token)) {
        Some(user) => user,
        None => authenticated(parts, api).await?.user,
    };
    Ok(Some(turns.take_for(Caller::User(user), None).await.map_err(Error::from)?))
}
