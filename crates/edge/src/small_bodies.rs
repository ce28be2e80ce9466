//! Bodies that are read although nobody may want them.
//!
//! A request can be refused before its body has been looked at: without a token, say, or beyond a rate limit. What is
//! left unread on a connection keeps the next request from being found, so the connection has to be closed, and a client
//! that is just sending its next request on it sees that one fail. A body that is small is therefore taken in whole
//! before anything else. After the refusal of a larger one the answer says that the connection ends.

use std::time::Duration;

use axum::{
    body::{Body, HttpBody as _, to_bytes},
    extract::Request,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderValue, header};
use im2_core::Code;

use crate::error::ApiError;

/// How long a client may take to send a JSON body. A megabyte in it is the pace of a modem; slower ones only hold
/// resources.
pub(crate) const READ_LIMIT: Duration = Duration::from_secs(60);

/// The largest body that is taken in before the request is judged: as large as an event may be. A stranger can make
/// the server hold so much for each connection.
const SMALL: u64 = 65_536;

/// Takes in the body if it is small.
pub(super) async fn taken_in(request: Request) -> Result<Request, Response> {
    if request.body().is_end_stream() || !is_small(request.headers()) {
        return Ok(request);
    }
    let (parts, body) = request.into_parts();
    match tokio::time::timeout(READ_LIMIT, to_bytes(body, SMALL as usize)).await {
        Ok(Ok(bytes)) => Ok(Request::from_parts(parts, Body::from(bytes))),
        // Nobody is there to read the answer.
        Ok(Err(_)) => Err(ApiError::new(Code::Unknown, "the request body was cut off").into_response()),
        Err(_) => Err(ApiError::slow_body().into_response()),
    }
}

/// Whether what follows the headers may still stand unread when the request has been refused.
pub(super) fn may_be_left(headers: &HeaderMap) -> bool {
    headers.contains_key(header::TRANSFER_ENCODING) || length(headers).is_some_and(|length| length > SMALL)
}

/// Says in a refusal that the connection ends, because of what was left unread on it.
pub(super) fn end_connection(response: &mut Response) {
    if response.status().is_client_error() || response.status().is_server_error() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
}

fn is_small(headers: &HeaderMap) -> bool {
    length(headers).is_some_and(|length| length > 0 && length <= SMALL)
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
