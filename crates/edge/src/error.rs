//! Errors as clients see them: `{"errcode": "M_…", "error": "a sentence"}` (spec: client-server API, "Standard error
//! response").

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use im2_accounts::uia::Challenge;
use im2_core::{Code, Error};
use serde_json::{Map, Value};

/// An error answer.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    /// Absent where a client is only told how to go on (user-interactive authentication).
    cause: Option<(&'static str, Cow<'static, str>)>,
    extra: Map<String, Value>,
}

/// The result of a handler.
pub type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    /// A refusal with the code's usual status.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        let (status, errcode) = status_and_errcode(code);
        Self { status, cause: Some((errcode, message.into())), extra: Map::new() }
    }

    /// The client took too long to send its body.
    pub(crate) fn slow_body() -> Self {
        Self::new(Code::Unknown, "the request body took too long to arrive").status(StatusCode::REQUEST_TIMEOUT)
    }

    /// The same with another status, where an endpoint's specification asks for it.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Adds a member to the error object.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(key.into(), value.into());
        self
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused { code, message, extra } => Self { extra, ..Self::new(code, message) },
            Error::Challenge(challenge) => challenge_answer(&challenge),
            internal => {
                tracing::error!(error = &internal as &dyn std::error::Error, "request failed");
                let message = "internal server error: the server's log has the reason";
                Self::new(Code::Unknown, message).status(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Self { status, cause, mut extra } = self;
        let retry_after = extra.get("retry_after_ms").and_then(Value::as_u64).map(|ms| ms.div_ceil(1000));
        if let Some((errcode, message)) = cause {
            extra.insert("errcode".into(), errcode.into());
            extra.insert("error".into(), message.into());
        }
        let body = Value::Object(extra).to_string();
        let mut response = (status, [(header::CONTENT_TYPE, "application/json")], body).into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// The 401 answer of user-interactive authentication.
fn challenge_answer(challenge: &Challenge) -> ApiError {
    let extra = match serde_json::to_value(challenge) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    };
    let cause = challenge.failure.map(|(code, message)| (status_and_errcode(code).1, message.into()));
    ApiError { status: StatusCode::UNAUTHORIZED, cause, extra }
}

fn status_and_errcode(code: Code) -> (StatusCode, &'static str) {
    const BAD: StatusCode = StatusCode::BAD_REQUEST;
    const FORBIDDEN: StatusCode = StatusCode::FORBIDDEN;
    match code {
        Code::Forbidden => (FORBIDDEN, "M_FORBIDDEN"),
        Code::Unauthorized => (StatusCode::UNAUTHORIZED, "M_UNAUTHORIZED"),
        Code::UnknownToken => (StatusCode::UNAUTHORIZED, "M_UNKNOWN_TOKEN"),
        Code::UnknownDevice => (BAD, "M_UNKNOWN_DEVICE"),
        Code::UnknownActivationToken => (BAD, "M_UNKNOWN_ACTIVATION_TOKEN"),
        Code::ExpiredActivationToken => (BAD, "M_EXPIRED_ACTIVATION_TOKEN"),
        Code::UnknownPos => (BAD, "M_UNKNOWN_POS"),
        Code::MissingToken => (StatusCode::UNAUTHORIZED, "M_MISSING_TOKEN"),
        Code::UserLocked => (StatusCode::UNAUTHORIZED, "M_USER_LOCKED"),
        Code::UserSuspended => (FORBIDDEN, "M_USER_SUSPENDED"),
        Code::UserDeactivated => (FORBIDDEN, "M_USER_DEACTIVATED"),
        Code::BadJson => (BAD, "M_BAD_JSON"),
        Code::NotJson => (BAD, "M_NOT_JSON"),
        Code::NotFound => (StatusCode::NOT_FOUND, "M_NOT_FOUND"),
        Code::LimitExceeded => (StatusCode::TOO_MANY_REQUESTS, "M_LIMIT_EXCEEDED"),
        Code::UserLimitExceeded => (FORBIDDEN, "M_USER_LIMIT_EXCEEDED"),
        Code::Unrecognized => (StatusCode::NOT_FOUND, "M_UNRECOGNIZED"),
        Code::Unknown => (BAD, "M_UNKNOWN"),
        Code::UserInUse => (BAD, "M_USER_IN_USE"),
        Code::InvalidUsername => (BAD, "M_INVALID_USERNAME"),
        Code::Exclusive => (BAD, "M_EXCLUSIVE"),
        Code::RoomInUse => (BAD, "M_ROOM_IN_USE"),
        Code::InvalidRoomState => (BAD, "M_INVALID_ROOM_STATE"),
        Code::InviteBlocked => (FORBIDDEN, "M_INVITE_BLOCKED"),
        Code::UnsupportedRoomVersion => (BAD, "M_UNSUPPORTED_ROOM_VERSION"),
        Code::IncompatibleRoomVersion => (BAD, "M_INCOMPATIBLE_ROOM_VERSION"),
        Code::BadState => (FORBIDDEN, "M_BAD_STATE"),
        Code::GuestAccessForbidden => (FORBIDDEN, "M_GUEST_ACCESS_FORBIDDEN"),
        Code::MissingParam => (BAD, "M_MISSING_PARAM"),
        Code::InvalidParam => (BAD, "M_INVALID_PARAM"),
        Code::InvalidSignature => (BAD, "M_INVALID_SIGNATURE"),
        Code::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "M_TOO_LARGE"),
        Code::CannotLeaveServerNoticeRoom => (FORBIDDEN, "M_CANNOT_LEAVE_SERVER_NOTICE_ROOM"),
        Code::WeakPassword => (BAD, "M_WEAK_PASSWORD"),
        Code::NotYetUploaded => (StatusCode::GATEWAY_TIMEOUT, "M_NOT_YET_UPLOADED"),
        Code::CannotOverwriteMedia => (StatusCode::CONFLICT, "M_CANNOT_OVERWRITE_MEDIA"),
        Code::ConflictingUnsubscription => (StatusCode::CONFLICT, "IO.ELEMENT.MSC4306.M_CONFLICTING_UNSUBSCRIPTION"),
        Code::NotInThread => (BAD, "IO.ELEMENT.MSC4306.M_NOT_IN_THREAD"),
        Code::DuplicateAnnotation => (BAD, "M_DUPLICATE_ANNOTATION"),
        Code::UnableToAuthoriseJoin => (BAD, "M_UNABLE_TO_AUTHORISE_JOIN"),
        Code::UnableToGrantJoin => (BAD, "M_UNABLE_TO_GRANT_JOIN"),
        Code::BadAlias => (BAD, "M_BAD_ALIAS"),
        Code::UrlNotSet => (BAD, "M_URL_NOT_SET"),
        Code::ConnectionFailed => (StatusCode::BAD_GATEWAY, "M_CONNECTION_FAILED"),
        Code::ConnectionTimeout => (StatusCode::GATEWAY_TIMEOUT, "M_CONNECTION_TIMEOUT"),
        Code::BadStatus => (StatusCode::BAD_GATEWAY, "M_BAD_STATUS"),
        Code::NoAnswer => (StatusCode::REQUEST_TIMEOUT, "M_UNKNOWN"),
        Code::ThreepidNotFound => (BAD, "M_THREEPID_NOT_FOUND"),
        Code::ThreepidAuthFailed => (FORBIDDEN, "M_THREEPID_AUTH_FAILED"),
        Code::ThreepidMediumNotSupported => (BAD, "M_THREEPID_MEDIUM_NOT_SUPPORTED"),
        Code::ServerNotTrusted => (BAD, "M_SERVER_NOT_TRUSTED"),
        Code::ThreepidDenied => (FORBIDDEN, "M_THREEPID_DENIED"),
        Code::ProfileTooLarge => (BAD, "M_PROFILE_TOO_LARGE"),
        Code::KeyTooLarge => (BAD, "M_KEY_TOO_LARGE"),
        Code::ReadOnly => (StatusCode::SERVICE_UNAVAILABLE, "IM2.READ_ONLY"),
        Code::WrongRoomKeysVersion => (FORBIDDEN, "M_WRONG_ROOM_KEYS_VERSION"),
    }
}
