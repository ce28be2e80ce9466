//! The routes that guests may call (spec: "Guest Access", client behaviour). All others that need a user are refused to
//! them.

use http::{Method, request::Parts};

use crate::paths::is_one_of;

/// The routes, by method and path. `POST /logout` is not on the specification's list: a guest who leaves for good
/// should be able to say so.
pub const ALLOWED: &[(Method, &str)] = &[
    (Method::GET, "/_matrix/client/v3/rooms/{roomId}/state"),
    (Method::GET, "/_matrix/client/v3/rooms/{roomId}/context/{eventId}"),
    (Method::GET, "/_matrix/client/v3/rooms/{roomId}/event/{eventId}"),
    (Method::GET, "/_matrix/client/v3/rooms/{roomId}/state/{eventType}"),
    (Method::GET, "/_matrix/client/v3/rooms/{roomId}/state/{eventType}/"),
    (Method::GET, "/_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}"),
    (Method::GET, "/_matrix/client/v3/rooms/{roomId}/messages"),
    (Method::GET, "/_matrix/client/v3/rooms/{roomId}/members"),
    (Method::GET, "/_matrix/client/v3/rooms/{roomId}/initialSync"),
    (Method::GET, "/_matrix/client/v3/sync"),
    (Method::GET, "/_matrix/client/v3/events"),
    (Method::GET, "/_matrix/client/v1/media/download/{serverName}/{mediaId}"),
    (Method::GET, "/_matrix/client/v1/media/download/{serverName}/{mediaId}/{fileName}"),
    (Method::GET, "/_matrix/client/v1/media/thumbnail/{serverName}/{mediaId}"),
    (Method::POST, "/_matrix/client/v3/rooms/{roomId}/join"),
    // By its other endpoint too, which is what clients join with.
    (Method::POST, "/_matrix/client/v3/join/{roomIdOrAlias}"),
    (Method::POST, "/_matrix/client/v3/rooms/{roomId}/leave"),
    (Method::PUT, "/_matrix/client/v3/rooms/{roomId}/send/{eventType}/{txnId}"),
    (Method::PUT, "/_matrix/client/v3/rooms/{roomId}/state/{eventType}"),
    (Method::PUT, "/_matrix/client/v3/rooms/{roomId}/state/{eventType}/"),
    (Method::PUT, "/_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}"),
    (Method::PUT, "/_matrix/client/v3/sendToDevice/{eventType}/{txnId}"),
    (Method::PUT, "/_matrix/client/v3/profile/{userId}/{keyName}"),
    (Method::DELETE, "/_matrix/client/v3/profile/{userId}/{keyName}"),
    (Method::GET, "/_matrix/client/v3/devices"),
    (Method::GET, "/_matrix/client/v3/devices/{deviceId}"),
    (Method::PUT, "/_matrix/client/v3/devices/{deviceId}"),
    (Method::GET, "/_matrix/client/v3/account/whoami"),
    (Method::POST, "/_matrix/client/v3/keys/upload"),
    (Method::POST, "/_matrix/client/v3/keys/query"),
    (Method::POST, "/_matrix/client/v3/keys/claim"),
    (Method::POST, "/_matrix/client/v3/logout"),
    // Calls need these (MSC4140, "Guest accounts").
    (Method::PUT, "/_matrix/client/unstable/org.matrix.msc4140/rooms/{roomId}/delayed_event/{eventType}/{txnId}"),
    (Method::GET, "/_matrix/client/unstable/org.matrix.msc4140/delayed_events"),
    (Method::GET, "/_matrix/client/unstable/org.matrix.msc4140/delayed_events/{delayId}"),
    (Method::POST, "/_matrix/client/unstable/org.matrix.msc4140/delayed_events/{delayId}"),
    (Method::POST, "/_matrix/client/unstable/org.matrix.msc4140/delayed_events/{delayId}/{action}"),
];

/// Whether guests may make this request.
pub(crate) fn may_call(parts: &Parts) -> bool {
    is_one_of(parts, ALLOWED)
}
