//! Relays for calls: credentials that a TURN server takes for a while (spec: "VoIP", `GET /voip/turnServer`).
//!
//! Nothing is stored: the credentials are a time and a user, signed with a secret that the TURN server shares.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::hmac;

use im2_core::{Core, session::Session};

/// The relays.
#[derive(Clone)]
pub struct Options {
    /// Their addresses: `turn:turn.example.org?transport=udp`.
    pub uris: Vec<String>,
    /// The secret that they share with this server.
    pub shared_secret: String,
    /// How long credentials last, in seconds.
    pub ttl_seconds: u64,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("uris", &self.uris).finish_non_exhaustive()
    }
}

/// Credentials with which a client may use a relay.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Credentials {
    /// The time at which they expire, and the user.
    pub username: String,
    /// The signature of that.
    pub password: String,
    /// The relays.
    pub uris: Vec<String>,
    /// How long it lasts, in seconds.
    pub ttl: u64,
}

/// The use case.
#[derive(Debug, Clone)]
pub struct Turn {
    core: Core,
    options: Option<Options>,
}

impl Turn {
    /// Builds it on the core.
    pub fn new(core: Core, options: Option<Options>) -> Self {
        Self { core, options: options.filter(|options| !options.uris.is_empty()) }
    }

    /// Credentials for the session's user; `None` if this server has no relays.
    pub fn credentials(&self, session: &Session) -> Option<Credentials> {
        let Options { uris, shared_secret, ttl_seconds } = self.options.as_ref()?;
        let until = self.core.now() / 1_000 + ttl_seconds;
        let username = format!("{until}:{}", session.user_id);
        // What TURN servers agree on ("REST API" credentials) is SHA-1; as a key for HMAC it is still sound.
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, shared_secret.as_bytes());
        let password = STANDARD.encode(hmac::sign(&key, username.as_bytes()));
        Some(Credentials { username, password, uris: uris.clone(), ttl: *ttl_seconds })
    }
}
