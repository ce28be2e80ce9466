//! What a client asks for when it connects: who it is, by its token, and how it wants to join, by its URL.

use std::io::Read as _;
use std::time::SystemTime;

use axum::http::{HeaderMap, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use prost::Message as _;

use super::Refusal;
use crate::proto::models::ClientInfo;
use crate::proto::signal::{JoinRequest, WrappedJoinRequest};
use crate::room::Joining;
use crate::sfu::Sfu;
use crate::token::{Claims, TokenError};

/// Longest identity and name of a room.
const MAX_NAME: usize = 1024;
const GZIP: i32 = 1;

/// The way in which a client connects: with two peer connections, or with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    V0,
    V1,
}

/// A client's request.
#[derive(Debug)]
pub(super) struct Connecting {
    pub(super) purpose: Purpose,
}

#[derive(Debug)]
pub(super) enum Purpose {
    Join(Box<Joining>, Option<Box<JoinRequest>>),
    Resume { room: String, sid: String, identity: String },
}

impl Purpose {
    /// The room and the identity that are meant.
    pub(super) fn participant(&self) -> (String, String) {
        match self {
            Self::Join(joining, _) => (joining.claims.video.room.clone(), joining.claims.identity.clone()),
            Self::Resume { room, identity, .. } => (room.clone(), identity.clone()),
        }
    }
}

/// The parameters that are read.
#[derive(Debug, Default)]
struct Parameters {
    access_token: String,
    join_request: String,
    auto_subscribe: Option<bool>,
    reconnect: bool,
    sid: String,
    client: ClientInfo,
}

impl Parameters {
    fn read(query: &str) -> Self {
        let mut parameters = Self::default();
        for (name, value) in form_pairs(query) {
            let flag = || matches!(value.as_str(), "1" | "true");
            match name.as_str() {
                "access_token" => parameters.access_token = value,
                "join_request" => parameters.join_request = value,
                "auto_subscribe" => parameters.auto_subscribe = Some(flag()),
                "reconnect" => parameters.reconnect = flag(),
                "sid" => parameters.sid = value,
                "protocol" => parameters.client.protocol = value.parse().unwrap_or_default(),
                "client_protocol" => parameters.client.client_protocol = value.parse().unwrap_or_default(),
                _ => {}
            }
        }
        parameters
    }
}

impl Connecting {
    /// Reads and judges a request. Its refusals are those that clients know: 401 for a token that does not let in, 400
    /// for what cannot be read.
    pub(super) fn read(sfu: &Sfu, version: Version, query: &str, headers: &HeaderMap) -> Result<Self, Refusal> {
        let parameters = Parameters::read(query);
        let claims = claims(sfu, &parameters, headers)?;
        let limits = &sfu.options().limits;
        let (joining, session, request) = match version {
            Version::V0 => {
                let auto_subscribe = parameters.auto_subscribe.unwrap_or(true);
                let session = parameters.reconnect.then_some(parameters.sid);
                (
                    Joining { claims, held: None, client: parameters.client, auto_subscribe, single: false },
                    session,
                    None,
                )
            }
            Version::V1 => {
                let mut request = join_request(&parameters.join_request, limits.signal_message)?;
                let claims = with_own_words(claims, &mut request, limits.metadata)?;
                let client = request.client_info.take().unwrap_or_default();
                let auto_subscribe = request.connection_settings.unwrap_or_default().auto_subscribe;
                let session = request.reconnect.then(|| std::mem::take(&mut request.participant_sid));
                (Joining { claims, held: None, client, auto_subscribe, single: true }, session, Some(Box::new(request)))
            }
        };
        let purpose = match session {
            Some(sid) => {
                let Claims { identity, video, .. } = joining.claims;
                Purpose::Resume { room: video.room, sid, identity }
            }
            None => Purpose::Join(Box::new(joining), request),
        };
        Ok(Self { purpose })
    }
}

/// The claims of a request's token, if it lets in.
fn claims(sfu: &Sfu, parameters: &Parameters, headers: &HeaderMap) -> Result<Claims, Refusal> {
    let refused = |text: &str| Refusal::new(StatusCode::UNAUTHORIZED, text);
    let token = match headers.get(header::AUTHORIZATION) {
        Some(value) => {
            let value = value.to_str().map_err(|_| refused("invalid authorization header"))?;
            value
                .strip_prefix("Bearer ")
                .ok_or_else(|| refused("invalid authorization header. Must start with Bearer"))?
        }
        None => parameters.access_token.as_str(),
    };
    if token.is_empty() {
        return Err(refused("permissions denied: there is no access token"));
    }
    let claims = sfu
        .options()
        .key
        .verify(token, SystemTime::now())
        .map_err(|error| Refusal::new(StatusCode::UNAUTHORIZED, error.to_string()))?;
    let longest = sfu.options().limits.token;
    if claims.lasts(SystemTime::now()) > longest {
        return Err(refused(&TokenError::TooLong.to_string()));
    }
    if sfu.has_removed(&claims) {
        return Err(refused("permissions denied: the participant was removed"));
    }
    if !claims.video.room_join {
        return Err(refused("permissions denied"));
    }
    let fits = |name: &str| !name.is_empty() && name.len() <= MAX_NAME;
    if !fits(&claims.identity) {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "identity cannot be empty or long"));
    }
    if !fits(&claims.video.room) {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "no room name"));
    }
    Ok(claims)
}

/// What a client says of itself beside its token, if it may.
fn with_own_words(mut claims: Claims, request: &mut JoinRequest, limit: usize) -> Result<Claims, Refusal> {
    if request.metadata.is_empty() && request.participant_attributes.is_empty() {
        return Ok(claims);
    }
    if !claims.video.may_update_own_metadata() {
        return Err(Refusal::new(StatusCode::UNAUTHORIZED, "permissions denied"));
    }
    if !request.metadata.is_empty() {
        claims.metadata = std::mem::take(&mut request.metadata);
    }
    let attributes = std::mem::take(&mut request.participant_attributes);
    claims.attributes.extend(attributes.into_iter().filter(|(_, value)| !value.is_empty()));
    let size: usize = claims.attributes.iter().map(|(key, value)| key.len() + value.len()).sum();
    if size + claims.metadata.len() > limit {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "the metadata is too large"));
    }
    Ok(claims)
}

/// Reads a join request: protobuf, maybe compressed, in protobuf, in base64.
fn join_request(text: &str, limit: usize) -> Result<JoinRequest, Refusal> {
    let refused = |text: &str| Refusal::new(StatusCode::BAD_REQUEST, text);
    if text.is_empty() {
        return Err(refused("join_request is required"));
    }
    let bytes = URL_SAFE.decode(text).map_err(|_| refused("cannot base64 decode wrapped join request"))?;
    let wrapped =
        WrappedJoinRequest::decode(bytes.as_slice()).map_err(|_| refused("cannot unmarshal wrapped join request"))?;
    let bytes = if wrapped.compression == GZIP {
        let mut plain = Vec::new();
        let mut reader = flate2::read::GzDecoder::new(wrapped.join_request.as_slice()).take(limit as u64 + 1);
        reader.read_to_end(&mut plain).map_err(|_| refused("cannot read decompressed join request"))?;
        plain
    } else {
        wrapped.join_request
    };
    if bytes.len() > limit {
        return Err(refused("the join request is too large"));
    }
    JoinRequest::decode(bytes.as_slice()).map_err(|_| refused("cannot unmarshal join request"))
}

/// The pairs of a query, decoded.
fn form_pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (percent_decoded(name), percent_decoded(value))
    })
}

fn percent_decoded(text: &str) -> String {
    let plain = text.replace('+', " ");
    percent_encoding::percent_decode_str(&plain).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn wrapped(request: &JoinRequest, compressed: bool) -> String {
        let plain = request.encode_to_vec();
        let (compression, join_request) = if compressed {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(&plain).unwrap();
            (GZIP, encoder.finish().unwrap())
        } else {
            (0, plain)
        };
        URL_SAFE.encode(WrappedJoinRequest { compression, join_request }.encode_to_vec())
    }

    #[test]
    fn a_join_request_is_read_in_both_forms() {
        let request = JoinRequest { reconnect: true, participant_sid: "PA_1".to_owned(), ..JoinRequest::default() };
        for compressed in [false, true] {
            assert_eq!(join_request(&wrapped(&request, compressed), 1000).unwrap(), request);
        }
    }

    #[test]
    fn a_join_request_that_unpacks_to_much_is_refused() {
        let request = JoinRequest { metadata: "a".repeat(100_000), ..JoinRequest::default() };
        let text = wrapped(&request, true);
        assert!(text.len() < 1000);
        assert_eq!(join_request(&text, 10_000).unwrap_err().0, StatusCode::BAD_REQUEST);
        assert!(join_request(&text, 200_000).is_ok());
        for text in ["", "%", "AAAA"] {
            assert!(join_request(text, 1000).is_err(), "{text}");
        }
    }

    #[test]
    fn parameters_are_decoded() {
        let parameters = Parameters::read("access_token=a%2Eb&auto_subscribe=0&reconnect=1&sid=PA+1&&x&protocol=16");
        assert_eq!((parameters.access_token.as_str(), parameters.sid.as_str()), ("a.b", "PA 1"));
        assert_eq!((parameters.auto_subscribe, parameters.reconnect), (Some(false), true));
        assert_eq!(parameters.client.protocol, 16);
    }
}
