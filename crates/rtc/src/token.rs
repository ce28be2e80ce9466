//! Access tokens: what a participant may do, as JSON Web Tokens (RFC 7519) with the claims of LiveKit's clients, signed
//! with HMAC-SHA256 by whoever knows the room's members.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde::{Deserialize, Serialize};

use crate::proto::models::TrackSource;

/// Longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 16 * 1024;
/// Clocks of issuers may be this far from ours.
const LEEWAY: Duration = Duration::from_secs(10);

/// The key that signs and verifies tokens: a name, `iss` in the token, and a secret.
#[derive(Clone)]
pub struct ApiKey {
    name: String,
    key: hmac::Key,
}

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ApiKey").field(&self.name).finish()
    }
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is no token at all, or of another kind than the ones minted here.
    #[error("invalid authorization token")]
    Malformed,
    /// Another key signed it, or nobody did.
    #[error("invalid API key")]
    UnknownKey,
    /// The signature does not match.
    #[error("invalid authorization token: signature")]
    Signature,
    /// Its time is over.
    #[error("invalid authorization token: token is expired")]
    Expired,
    /// Its time has not come.
    #[error("invalid authorization token: token is not valid yet")]
    NotYet,
    /// Its time is longer than tokens may have.
    #[error("invalid authorization token: token is valid for too long")]
    TooLong,
}

/// The claims of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claims {
    /// Name of the key that signed the token.
    #[serde(default)]
    iss: String,
    /// Identity of the participant, unique in the room: `sub`.
    #[serde(default, rename = "sub")]
    pub identity: String,
    /// Seconds since 1970 from which on the token is valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<u64>,
    /// Seconds since 1970 until which the token is valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exp: Option<u64>,
    /// When the token was made, in milliseconds since 1970: finer than `nbf`, so that a removal in the same second is
    /// told apart from what comes after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    made: Option<u64>,
    /// Whose token it is, from the widest name to the narrowest, such as a user and a device: by these names the server
    /// finds participants whose identities it does not know. Others are not told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holder: Vec<String>,
    /// Name that others are shown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Anything the participant tells about itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub metadata: String,
    /// The same, by key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// What the participant may do.
    #[serde(default)]
    pub video: Grants,
}

/// What a participant may do in a room.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Grants {
    /// Name of the room that the token is for.
    pub room: String,
    /// Whether the room may be joined; without it the token is good for nothing here.
    pub room_join: bool,
    /// Whether tracks may be published; unset is yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_publish: Option<bool>,
    /// Whether others' tracks are received; unset is yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_subscribe: Option<bool>,
    /// Whether data may be sent to others; unset is as `can_publish`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_publish_data: Option<bool>,
    /// The sources that may be published (`camera`, `microphone`, `screen_share`, `screen_share_audio`); empty is all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub can_publish_sources: Vec<String>,
    /// Whether the participant may change its own name, metadata and attributes; unset is no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_update_own_metadata: Option<bool>,
    /// Whether others do not see the participant.
    pub hidden: bool,
    /// Whether the participant says of itself that it records.
    pub recorder: bool,
}

impl Grants {
    /// Everything in the room of that name.
    pub fn join(room: &str) -> Self {
        Self { room: room.to_owned(), room_join: true, ..Self::default() }
    }

    /// Whether anything may be published.
    pub fn may_publish(&self) -> bool {
        self.can_publish.unwrap_or(true)
    }

    /// Whether others' tracks may be received.
    pub fn may_subscribe(&self) -> bool {
        self.can_subscribe.unwrap_or(true)
    }

    /// Whether data may be sent.
    pub fn may_publish_data(&self) -> bool {
        self.can_publish_data.unwrap_or_else(|| self.may_publish())
    }

    /// Whether the participant may change what it says of itself.
    pub fn may_update_own_metadata(&self) -> bool {
        self.can_update_own_metadata.unwrap_or(false)
    }

    /// Whether a track of that source may be published.
    pub(crate) fn may_publish_source(&self, source: TrackSource) -> bool {
        self.may_publish()
            && (self.can_publish_sources.is_empty()
                || self.can_publish_sources.iter().any(|name| name.eq_ignore_ascii_case(source.as_grant())))
    }
}

impl Claims {
    /// Claims of a participant; `ApiKey::mint` gives them a time.
    pub fn new(identity: &str, video: Grants) -> Self {
        Self {
            iss: String::new(),
            identity: identity.to_owned(),
            nbf: None,
            exp: None,
            made: None,
            holder: Vec::new(),
            name: String::new(),
            metadata: String::new(),
            attributes: BTreeMap::new(),
            video,
        }
    }

    /// When the token was made; by its first second if it does not say.
    pub(crate) fn made(&self) -> SystemTime {
        let since = self.made.unwrap_or_else(|| self.nbf.unwrap_or_default().saturating_mul(1000));
        UNIX_EPOCH.checked_add(Duration::from_millis(since)).unwrap_or(UNIX_EPOCH)
    }

    /// How long the token is still valid.
    pub(crate) fn lasts(&self, now: SystemTime) -> Duration {
        Duration::from_secs(self.exp.unwrap_or_default().saturating_sub(seconds(now)))
    }

    /// When the token ends, in seconds since 1970.
    pub fn expires(&self) -> Option<u64> {
        self.exp
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

impl ApiKey {
    /// A key of that name.
    pub fn new(name: &str, secret: &[u8]) -> Self {
        Self { name: name.to_owned(), key: hmac::Key::new(hmac::HMAC_SHA256, secret) }
    }

    /// A token that is valid from `now` on for `validity`.
    pub fn mint(&self, claims: &Claims, now: SystemTime, validity: Duration) -> String {
        let made = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
        let now = seconds(now);
        let claims = Claims {
            made: Some(made),
            iss: self.name.clone(),
            nbf: Some(now),
            exp: Some(now.saturating_add(validity.as_secs())),
            ..claims.clone()
        };
        let payload = serde_json::to_vec(&claims).expect("claims have string keys");
        let signed =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#), URL_SAFE_NO_PAD.encode(payload));
        let signature = hmac::sign(&self.key, signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The claims of a token that this key has signed and whose time is `now`. What the claims allow is for the caller.
    pub fn verify(&self, token: &str, now: SystemTime) -> Result<Claims, TokenError> {
        if token.len() > MAX_TOKEN {
            return Err(TokenError::Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(TokenError::Malformed)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed);
        let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| TokenError::Malformed)?;
        if header.alg != "HS256" {
            return Err(TokenError::Malformed);
        }
        hmac::verify(&self.key, signed.as_bytes(), &decode(signature)?).map_err(|_| TokenError::Signature)?;
        let claims: Claims = serde_json::from_slice(&decode(payload)?).map_err(|_| TokenError::Malformed)?;
        if claims.iss != self.name {
            return Err(TokenError::UnknownKey);
        }
        let (now, leeway) = (seconds(now), LEEWAY.as_secs());
        if claims.exp.is_none_or(|end| end.saturating_add(leeway) <= now) {
            return Err(TokenError::Expired);
        }
        if claims.nbf.is_some_and(|start| start > now.saturating_add(leeway)) {
            return Err(TokenError::NotYet);
        }
        Ok(claims)
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn key() -> ApiKey {
        ApiKey::new("im2", b"a secret of some length")
    }

    fn token(valid: Duration) -> String {
        key().mint(&Claims::new("ana", Grants::join("room")), at(1000), valid)
    }

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn what_was_minted_is_verified() {
        let claims = key().verify(&token(MINUTE), at(1030)).unwrap();
        assert_eq!((claims.identity.as_str(), claims.expires()), ("ana", Some(1060)));
        assert_eq!(claims.video, Grants::join("room"));
    }

    #[test]
    fn a_token_has_its_time() {
        assert_eq!(key().verify(&token(MINUTE), at(1060 + 10)), Err(TokenError::Expired));
        assert_eq!(key().verify(&token(MINUTE), at(1000 - 11)), Err(TokenError::NotYet));
        assert!(key().verify(&token(MINUTE), at(1000 - 10)).is_ok());
    }

    #[test]
    fn a_forged_token_is_refused() {
        let token = token(MINUTE);
        let other = ApiKey::new("im2", b"another secret");
        assert_eq!(other.verify(&token, at(1030)), Err(TokenError::Signature));
        let same_secret = ApiKey::new("somebody", b"a secret of some length");
        assert_eq!(same_secret.verify(&token, at(1030)), Err(TokenError::UnknownKey));
        let (head, rest) = token.split_once('.').unwrap();
        let (_, signature) = rest.split_once('.').unwrap();
        let mut claims = Claims::new("ben", Grants::join("room"));
        claims.iss = "im2".to_owned();
        let payload = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims).unwrap());
        assert_eq!(key().verify(&format!("{head}.{payload}.{signature}"), at(1030)), Err(TokenError::Signature));
        let unsigned = format!("{}.{payload}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#));
        assert_eq!(key().verify(&unsigned, at(1030)), Err(TokenError::Malformed));
        for text in ["", ".", "..", "a.b.c", "ö.ä.ü"] {
            assert_eq!(key().verify(text, at(1030)), Err(TokenError::Malformed), "{text}");
        }
    }

    #[test]
    fn a_token_of_another_library_is_read() {
        // `jwt.io`'s form of a token by LiveKit's own server SDK: unknown claims, numbers, no `nbf`.
        let claims = r#"{"sub":"ana","iss":"im2","exp":2000,"kind":"standard","sip":{},
            "video":{"room":"room","roomJoin":true,"canPublish":true,"canSubscribe":false,
            "canPublishSources":["microphone"],"canUpdateOwnMetadata":true}}"#;
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#), URL_SAFE_NO_PAD.encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key().key, signed.as_bytes()));
        let grants = key().verify(&format!("{signed}.{signature}"), at(1500)).unwrap().video;
        assert!(grants.may_publish() && !grants.may_subscribe() && grants.may_publish_data());
        assert!(grants.may_publish_source(TrackSource::Microphone));
        assert!(!grants.may_publish_source(TrackSource::Camera));
    }
}
