//! The way from the API to the unit that forwards the media of calls, which it otherwise knows nothing of.

use std::{fmt, sync::Arc};

/// Signs the tokens with which participants are let in.
#[derive(Clone)]
pub struct Signer(Arc<dyn Fn(&Ticket<'_>) -> String + Send + Sync>);

/// What a token says.
#[derive(Debug, Clone, Copy)]
pub struct Ticket<'a> {
    /// The name of the call.
    pub call: &'a str,
    /// The participant's name in it.
    pub participant: &'a str,
    /// Whose token it is, by which it is found out later whether they may still take part.
    pub holder: &'a [String],
    /// Whether they may be heard and seen.
    pub may_publish: bool,
}

impl Signer {
    /// Signs by this function.
    pub fn by(sign: impl Fn(&Ticket<'_>) -> String + Send + Sync + 'static) -> Self {
        Self(Arc::new(sign))
    }

    /// A token for a participant.
    pub fn sign(&self, ticket: &Ticket<'_>) -> String {
        (self.0)(ticket)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer")
    }
}
