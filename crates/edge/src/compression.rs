//! Compressed answers, for clients that accept them (RFC 9110, section 8.4.1): zstd before brotli before gzip.
//!
//! Answers that may be large are compressed as they are made: events, members, rooms, keys of devices. Not compressed
//! are files, which mostly are already, and answers with a secret in them: tokens, keys of a backup, what an
//! administrator sees. How well a text compresses tells what is in it, so whoever sees lengths and can place text beside
//! a secret would guess that letter by letter. A route is therefore compressed only if it is in the list.

use axum::body::HttpBody;
use tower_http::{
    CompressionLevel,
    compression::{CompressionLayer, predicate::Predicate},
};

/// The shortest answer that is compressed, in bytes: shorter ones are one packet anyhow.
const SHORTEST: u64 = 1_024;

/// Routes whose answers may be large, and hold no secret of the user's.
pub const ROUTES: &[&str] = &[
    "/_matrix/client/v3/sync",
    "/_matrix/client/v4/sync",
    "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync",
    "/_matrix/client/v3/events",
    "/_matrix/client/v3/initialSync",
    "/_matrix/client/v3/joined_rooms",
    "/_matrix/client/v3/keys/changes",
    "/_matrix/client/v3/keys/query",
    "/_matrix/client/v3/notifications",
    "/_matrix/client/v3/publicRooms",
    "/_matrix/client/v3/pushrules/",
    "/_matrix/client/v3/rooms/{roomId}/context/{eventId}",
    "/_matrix/client/v3/rooms/{roomId}/event/{eventId}",
    "/_matrix/client/v3/rooms/{roomId}/initialSync",
    "/_matrix/client/v3/rooms/{roomId}/joined_members",
    "/_matrix/client/v3/rooms/{roomId}/members",
    "/_matrix/client/v3/rooms/{roomId}/messages",
    "/_matrix/client/v3/rooms/{roomId}/state",
    "/_matrix/client/v3/rooms/{roomId}/state/{eventType}",
    "/_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}",
    "/_matrix/client/v3/search",
    "/_matrix/client/v3/user_directory/search",
    "/_matrix/client/v1/rooms/{roomId}/hierarchy",
    "/_matrix/client/v1/rooms/{roomId}/relations/{eventId}",
    "/_matrix/client/v1/rooms/{roomId}/relations/{eventId}/{relType}",
    "/_matrix/client/v1/rooms/{roomId}/relations/{eventId}/{relType}/{eventType}",
    "/_matrix/client/v1/rooms/{roomId}/threads",
];

/// Whether the answers of a route may be compressed.
pub(crate) fn applies_to(route: &str) -> bool {
    ROUTES.contains(&route)
}

/// Compresses answers, as quickly as possible: the time of a processor costs more than the last tenth of a size.
pub(crate) fn layer() -> CompressionLayer<Worthwhile> {
    CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(Worthwhile)
}

/// Selects the answers that are compressed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Worthwhile;

impl Predicate for Worthwhile {
    fn should_compress<B: HttpBody>(&self, response: &http::Response<B>) -> bool {
        response.body().size_hint().exact().is_none_or(|length| length >= SHORTEST)
    }
}
