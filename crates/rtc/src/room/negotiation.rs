//! Offers of the server: one at a time, and the next when that is answered.

use str0m::change::SdpPendingOffer;

/// The state of a participant's offers.
#[derive(Default)]
pub(crate) struct Negotiation {
    /// The offer that has not been answered, and its number.
    pub(crate) pending: Option<(u32, SdpPendingOffer)>,
    /// Number of the last offer.
    pub(crate) number: u32,
    /// Whether there is more to offer.
    pub(crate) again: bool,
    /// Whether ICE is to begin anew.
    pub(crate) restart: bool,
}

impl std::fmt::Debug for Negotiation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Negotiation").field("number", &self.number).field("again", &self.again).finish_non_exhaustive()
    }
}
