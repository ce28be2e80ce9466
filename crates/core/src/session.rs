//! Sessions: the outcome of authentication, made only by the accounts' use cases.

use std::sync::Arc;

use im2_model::{DeviceId, UserId, UserNid};

use crate::{Code, Error, Result, services::Service};

/// An authenticated user on one of their devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The user's number.
    pub user: UserNid,
    /// The user.
    pub user_id: UserId,
    /// The device the token belongs to. Without one (see `has_device`) a name that stands in its place, so that
    /// transaction identifiers have a scope.
    pub device_id: DeviceId,
    /// Whether there is a device. Without one the session does nothing that is about a device: see [`Self::device`].
    pub has_device: bool,
    /// The token's number, which is what logging out removes.
    pub token: i64,
    /// Whether the account administers this server.
    pub is_admin: bool,
    /// The application service that acts as the user, if one does.
    pub service: Option<Arc<Service>>,
}

impl Session {
    /// The device, for what cannot be done without one.
    pub fn device(&self) -> Result<&DeviceId> {
        let none = || Error::refused(Code::MissingParam, "this requires a device: give the parameter device_id");
        if self.has_device { Ok(&self.device_id) } else { Err(none()) }
    }

    /// Whether its requests are limited in rate.
    pub fn is_rate_limited(&self) -> bool {
        self.service.as_ref().is_none_or(|service| service.rate_limited && service.sender != self.user_id)
    }
}
