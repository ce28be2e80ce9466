//! A handler that panics fails its own request and nothing else.

use std::panic::AssertUnwindSafe;

use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use im2_core::Error;

use crate::error::ApiError;

/// Runs a handler; if it panics, the client is told of an internal error. The panic itself is logged by the process's
/// panic hook, which knows where it happened.
pub(super) fn caught(handler: impl Future<Output = Response>) -> impl Future<Output = Response> {
    // After a panic the future is never polled again, so nothing can see its half-done state.
    AssertUnwindSafe(handler).catch_unwind().map(|outcome| {
        outcome.unwrap_or_else(|_| ApiError::from(Error::Internal("a handler panicked".into())).into_response())
    })
}

#[cfg(test)]
mod tests {
    use super::caught;

    #[tokio::test]
    async fn a_panic_is_an_internal_error() {
        let response = caught(async {
            tokio::task::yield_now().await;
            panic!("on purpose")
        })
        .await;
        assert_eq!(response.status(), 500);
        let body = axum::body::to_bytes(response.into_body(), 1024).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(text.contains("M_UNKNOWN") && !text.contains("on purpose"), "{text}");
    }
}
