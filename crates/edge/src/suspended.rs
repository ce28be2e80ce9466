//! Requests that the owner of a suspended account may make (spec: "Account suspension"): reading, leaving, tidying up
//! what is theirs alone, and security: verifying their own devices, key backup, signing out. Everything else that
//! changes something is refused to them, so that a route that is added later is refused until somebody thinks about it.

use http::{Method, request::Parts};

use crate::paths::is_one_of;

/// The routes that change something, or do not read with GET, by method and path.
pub const ALLOWED: &[(Method, &str)] = &[
    // Reading.
    (Method::POST, "/_matrix/client/v4/sync"),
    (Method::POST, "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync"),
    (Method::POST, "/_matrix/client/v3/user/{userId}/filter"),
    (Method::POST, "/_matrix/client/v3/search"),
    (Method::POST, "/_matrix/client/v3/user_directory/search"),
    (Method::POST, "/_matrix/client/v3/publicRooms"),
    (Method::POST, "/_matrix/client/v3/rooms/{roomId}/receipt/{receiptType}/{eventId}"),
    (Method::POST, "/_matrix/client/v3/rooms/{roomId}/read_markers"),
    // Settings that nobody else sees.
    (Method::PUT, "/_matrix/client/v3/user/{userId}/account_data/{type}"),
    (Method::PUT, "/_matrix/client/v3/user/{userId}/rooms/{roomId}/account_data/{type}"),
    (Method::PUT, "/_matrix/client/v3/user/{userId}/rooms/{roomId}/tags/{tag}"),
    (Method::DELETE, "/_matrix/client/v3/user/{userId}/rooms/{roomId}/tags/{tag}"),
    (Method::PUT, "/_matrix/client/v3/pushrules/global/{kind}/{ruleId}"),
    (Method::DELETE, "/_matrix/client/v3/pushrules/global/{kind}/{ruleId}"),
    (Method::PUT, "/_matrix/client/v3/pushrules/global/{kind}/{ruleId}/enabled"),
    (Method::PUT, "/_matrix/client/v3/pushrules/global/{kind}/{ruleId}/actions"),
    (Method::POST, "/_matrix/client/v3/pushers/set"),
    (Method::POST, "/_matrix/client/v3/pushers/ack"),
    (Method::PUT, "/_matrix/client/unstable/io.element.msc4306/rooms/{roomId}/thread/{eventId}/subscription"),
    (Method::DELETE, "/_matrix/client/unstable/io.element.msc4306/rooms/{roomId}/thread/{eventId}/subscription"),
    // Leaving, removing others where that is their office, and taking back what they said. What is sent to a room is
    // looked at by the use case, which lets only these pass.
    (Method::POST, "/_matrix/client/v3/rooms/{roomId}/leave"),
    (Method::POST, "/_matrix/client/v3/rooms/{roomId}/forget"),
    (Method::POST, "/_matrix/client/v3/rooms/{roomId}/kick"),
    (Method::POST, "/_matrix/client/v3/rooms/{roomId}/ban"),
    (Method::PUT, "/_matrix/client/v3/rooms/{roomId}/send/{eventType}/{txnId}"),
    (Method::PUT, "/_matrix/client/v3/rooms/{roomId}/redact/{eventId}/{txnId}"),
    (Method::PUT, "/_matrix/client/v3/rooms/{roomId}/state/{eventType}"),
    (Method::PUT, "/_matrix/client/v3/rooms/{roomId}/state/{eventType}/"),
    (Method::PUT, "/_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}"),
    // Being reported on does not end the right to report.
    (Method::POST, "/_matrix/client/v3/rooms/{roomId}/report"),
    (Method::POST, "/_matrix/client/v3/rooms/{roomId}/report/{eventId}"),
    (Method::POST, "/_matrix/client/v3/users/{userId}/report"),
    // Verifying their own devices. To-device messages go to those only, which the use case sees to.
    (Method::PUT, "/_matrix/client/v3/sendToDevice/{eventType}/{txnId}"),
    (Method::POST, "/_matrix/client/v3/keys/upload"),
    (Method::POST, "/_matrix/client/v3/keys/query"),
    (Method::POST, "/_matrix/client/v3/keys/claim"),
    (Method::POST, "/_matrix/client/v3/keys/device_signing/upload"),
    (Method::POST, "/_matrix/client/unstable/keys/device_signing/upload"),
    (Method::POST, "/_matrix/client/v3/keys/signatures/upload"),
    (Method::PUT, "/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device"),
    (Method::DELETE, "/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device"),
    (Method::POST, "/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device/{deviceId}/events"),
    // Key backup.
    (Method::POST, "/_matrix/client/v3/room_keys/version"),
    (Method::PUT, "/_matrix/client/v3/room_keys/version/{version}"),
    (Method::DELETE, "/_matrix/client/v3/room_keys/version/{version}"),
    (Method::PUT, "/_matrix/client/v3/room_keys/keys"),
    (Method::DELETE, "/_matrix/client/v3/room_keys/keys"),
    (Method::PUT, "/_matrix/client/v3/room_keys/keys/{roomId}"),
    (Method::DELETE, "/_matrix/client/v3/room_keys/keys/{roomId}"),
    (Method::PUT, "/_matrix/client/v3/room_keys/keys/{roomId}/{sessionId}"),
    (Method::DELETE, "/_matrix/client/v3/room_keys/keys/{roomId}/{sessionId}"),
    // Signing in and out, and the account.
    (Method::POST, "/_matrix/client/v1/login/get_token"),
    (Method::POST, "/_matrix/client/v3/logout"),
    (Method::POST, "/_matrix/client/v3/logout/all"),
    (Method::DELETE, "/_matrix/client/v3/devices/{deviceId}"),
    (Method::POST, "/_matrix/client/v3/delete_devices"),
    (Method::POST, "/_matrix/client/v3/account/password"),
    (Method::POST, "/_matrix/client/v3/account/deactivate"),
    (Method::POST, "/_matrix/client/v3/account/3pid"),
    (Method::POST, "/_matrix/client/v3/account/3pid/add"),
    // An application service asks whether it is reached.
    (Method::POST, "/_matrix/client/v1/appservice/{appserviceId}/ping"),
];

/// Whether the owner of a suspended account may make this request, as far as its route tells.
pub(crate) fn may_call(parts: &Parts) -> bool {
    matches!(parts.method, Method::GET | Method::HEAD) || is_one_of(parts, ALLOWED)
}
