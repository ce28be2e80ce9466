//! Access tokens and their sessions, in memory.
//!
//! The database is the truth; this cache answers the requests of users who are around. Whoever removes a token from
//! the database, or changes what a session is, publishes [`Committed::TokensOutdated`].

use std::sync::atomic::{AtomicU64, Ordering};

use im2_model::Millis;
use im2_store::tokens::TokenHash;
use ring::digest::{SHA256, digest};

use im2_core::{
    committed::{Apply, Committed},
    memory::{Cache, Memory, Share},
    session::Session,
};

/// Estimated memory for the identifiers of a session, beside its own size, in bytes.
const IDENTIFIERS: usize = 128;

#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) session: Session,
    pub(super) expires_at: Option<Millis>,
}

#[derive(Debug)]
pub(super) struct Sessions {
    known: Cache<TokenHash, Known>,
    /// Those that were given out lately and may not have been used yet.
    issued: Cache<TokenHash, ()>,
    /// How often tokens have been revoked. A lookup during which it changed is not kept.
    revocations: AtomicU64,
}

impl Sessions {
    pub(crate) fn new(memory: &Memory) -> Self {
        let known = Cache::new(memory, "sessions", Share::ThirtySecond, |_, _| IDENTIFIERS);
        let issued = Cache::new(memory, "issued_tokens", Share::HundredAndTwentyEighth, |_, ()| 0);
        Self { known, issued, revocations: AtomicU64::new(0) }
    }

    /// Remembers that a token is given out.
    pub(super) fn issue(&self, hash: TokenHash) {
        self.issued.insert(hash, ());
    }

    /// Whether a token was used or given out lately.
    pub(super) fn is_expected(&self, hash: &TokenHash) -> bool {
        self.known.get(hash).is_some() || self.issued.get(hash).is_some()
    }

    pub(super) fn get(&self, hash: &TokenHash) -> Option<Known> {
        self.known.get(hash)
    }

    /// The number of revocations so far, to be taken before looking into the database and given to [`Self::keep`].
    pub(super) fn revocations(&self) -> u64 {
        self.revocations.load(Ordering::SeqCst)
    }

    /// Remembers what was found in the database, unless a token was revoked meanwhile: it may have been this one.
    pub(super) fn keep(&self, hash: TokenHash, known: Known, revocations: u64) {
        self.known.insert(hash, known);
        if self.revocations() != revocations {
            self.known.remove(&hash);
        }
    }

    /// Forgets tokens that are no longer valid or that say something that has changed.
    fn revoke(&self, hashes: &[TokenHash]) {
        self.revocations.fetch_add(1, Ordering::SeqCst);
        for hash in hashes {
            self.known.remove(hash);
        }
    }
}

impl Apply for Sessions {
    fn apply(&self, committed: &Committed) {
        if let Committed::TokensOutdated(hashes) = committed {
            self.revoke(hashes);
        }
    }
}

/// The digest under which a token is stored.
pub(super) fn hash_token(token: &str) -> TokenHash {
    let mut hash = TokenHash::default();
    hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    hash
}
