//! Who is asking: the outcome of authentication, made only by [`crate::Engine`]'s accounts module.

use im2_model::{DeviceId, UserId, UserNid};

/// An authenticated user on one of their devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The user's number.
    pub user: UserNid,
    /// The user.
    pub user_id: UserId,
    /// The device the token belongs to.
    pub device_id: DeviceId,
    /// The token's number, which is what logging out removes.
    pub token: i64,
    /// Whether the account administers this server.
    pub is_admin: bool,
}
