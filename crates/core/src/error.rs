//! Errors of use cases, and the refusals that clients are answered with.

mod challenge;

use std::borrow::Cow;

use im2_kernel::push::RuleError;
use serde_json::{Map, Value};

pub use challenge::{Challenge, Flow, Stage};

/// When a client whose work was too much shall try again, in milliseconds: a queue of reads is empty by then.
const BUSY_RETRY: u64 = 2_000;
/// The same for somebody whose change cannot be stored.
const UNWRITABLE_RETRY: u64 = 5_000;

/// The reason why a request is refused: the error codes of the specification that the use cases use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the specification's: Forbidden is M_FORBIDDEN")]
pub enum Code {
    Forbidden,
    Unauthorized,
    UnknownToken,
    UnknownDevice,
    UnknownPos,
    MissingToken,
    UserLocked,
    UserSuspended,
    UserDeactivated,
    BadJson,
    NotJson,
    NotFound,
    LimitExceeded,
    UserLimitExceeded,
    Unrecognized,
    Unknown,
    UserInUse,
    InvalidUsername,
    Exclusive,
    RoomInUse,
    InvalidRoomState,
    InviteBlocked,
    UnsupportedRoomVersion,
    IncompatibleRoomVersion,
    BadState,
    GuestAccessForbidden,
    MissingParam,
    InvalidParam,
    InvalidSignature,
    TooLarge,
    CannotLeaveServerNoticeRoom,
    WeakPassword,
    NotYetUploaded,
    CannotOverwriteMedia,
    DuplicateAnnotation,
    ConflictingUnsubscription,
    NotInThread,
    UnableToAuthoriseJoin,
    UnableToGrantJoin,
    BadAlias,
    UrlNotSet,
    ConnectionFailed,
    ConnectionTimeout,
    BadStatus,
    NoAnswer,
    ThreepidNotFound,
    ThreepidDenied,
    ThreepidAuthFailed,
    ThreepidMediumNotSupported,
    ServerNotTrusted,
    ProfileTooLarge,
    KeyTooLarge,
    WrongRoomKeysVersion,
    UnknownActivationToken,
    ExpiredActivationToken,
    /// Nothing can be stored at the moment.
    ReadOnly,
}

/// A use case's error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request is refused, for a reason that the client may see.
    #[error("{message}")]
    Refused {
        /// The specification's code.
        code: Code,
        /// A sentence that helps.
        message: Cow<'static, str>,
        /// Further members of the error object that the specification defines (`retry_after_ms`, `soft_logout` …).
        extra: Map<String, Value>,
    },
    /// User-interactive authentication is not complete; this is how it goes on.
    #[error("user-interactive authentication is not complete")]
    Challenge(Box<Challenge>),
    /// The database failed. The client sees an internal error, the log sees this.
    #[error(transparent)]
    Store(im2_store::Error),
    /// Something else failed that is not the client's fault.
    #[error("{0}")]
    Internal(String),
}

/// A use case's result.
pub type Result<T> = std::result::Result<T, Error>;

impl From<im2_fair::Busy> for Error {
    fn from(busy: im2_fair::Busy) -> Self {
        Self::refused(Code::LimitExceeded, busy.to_string()).with("retry_after_ms", BUSY_RETRY)
    }
}

impl From<RuleError> for Error {
    fn from(error: RuleError) -> Self {
        let code = match error {
            RuleError::NotFound => Code::NotFound,
            RuleError::NeighbourNotFound(_) => Code::Unknown,
            RuleError::Missing(_) => Code::MissingParam,
            RuleError::Invalid(_) => Code::InvalidParam,
        };
        Self::refused(code, error.to_string())
    }
}

impl From<im2_store::Error> for Error {
    fn from(error: im2_store::Error) -> Self {
        match error {
            im2_store::Error::Busy(busy) => busy.into(),
            error => match error.unwritable() {
                Some(why) => Self::refused(Code::ReadOnly, format!("{why}: nothing was changed, try again later"))
                    .with("retry_after_ms", UNWRITABLE_RETRY),
                None => Self::Store(error),
            },
        }
    }
}

impl Error {
    /// A refusal with a sentence.
    pub fn refused(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self::Refused { code, message: message.into(), extra: Map::new() }
    }

    /// Adds a member to a refusal's error object.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        if let Self::Refused { extra, .. } = &mut self {
            extra.insert(key.into(), value.into());
        }
        self
    }

    /// The code of a refusal.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }
}
