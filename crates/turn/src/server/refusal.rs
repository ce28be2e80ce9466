//! Refusals: the error codes of RFC 8489 (section 14.8) and RFC 8656 (section 19).

use crate::stun::{Builder, attributes};

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: u16,
    reason: &'static str,
    /// The attributes that were not understood, of a 420.
    unknown: Vec<attributes::Type>,
}

impl Refusal {
    pub(super) const BAD_REQUEST: Self = Self::new(400, "Bad Request");
    pub(super) const UNAUTHENTICATED: Self = Self::new(401, "Unauthenticated");
    pub(super) const FORBIDDEN: Self = Self::new(403, "Forbidden");
    pub(super) const ALLOCATION_MISMATCH: Self = Self::new(437, "Allocation Mismatch");
    pub(super) const STALE_NONCE: Self = Self::new(438, "Stale Nonce");
    pub(super) const ADDRESS_FAMILY: Self = Self::new(440, "Address Family not Supported");
    pub(super) const WRONG_CREDENTIALS: Self = Self::new(441, "Wrong Credentials");
    pub(super) const TRANSPORT: Self = Self::new(442, "Unsupported Transport Protocol");
    pub(super) const PEER_FAMILY: Self = Self::new(443, "Peer Address Family Mismatch");
    pub(super) const QUOTA: Self = Self::new(486, "Allocation Quota Reached");
    pub(super) const CAPACITY: Self = Self::new(508, "Insufficient Capacity");

    const fn new(code: u16, reason: &'static str) -> Self {
        Self { code, reason, unknown: Vec::new() }
    }

    pub(super) fn unknown(attributes: Vec<attributes::Type>) -> Self {
        Self { unknown: attributes, ..Self::new(420, "Unknown Attribute") }
    }

    /// Whether the client is to be told what it needs to show credentials.
    pub(super) fn wants_challenge(&self) -> bool {
        matches!(self.code, 401 | 438)
    }

    pub(super) fn write(&self, builder: &mut Builder) {
        builder.error(self.code, self.reason);
        if self.code == 420 {
            let unknown: Vec<u8> = self.unknown.iter().flat_map(|attribute| attribute.to_be_bytes()).collect();
            builder.attribute(attributes::UNKNOWN_ATTRIBUTES, &unknown);
        }
    }

    /// ADDRESS-ERROR-CODE: why the second family of two has no address (RFC 8656, section 18.12).
    pub(super) fn write_for_family(&self, family: attributes::Family, builder: &mut Builder) {
        let mut value = vec![family.number(), 0, (self.code / 100) as u8, (self.code % 100) as u8];
        value.extend_from_slice(self.reason.as_bytes());
        builder.attribute(attributes::ADDRESS_ERROR_CODE, &value);
    }
}
