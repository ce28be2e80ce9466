//! What an Allocate request asks for, in the order in which RFC 8656, section 7.2 checks it.

use super::refusal::Refusal;
use crate::stun::{
    Message,
    attributes::{self, Family, Named},
};

/// The number of UDP, the only transport to peers.
const UDP: u8 = 17;

/// A token for a port that was reserved.
pub(super) type Token = [u8; 8];

/// Which port of a relayed address is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parity {
    Any,
    Even,
    /// An even one, and the next one reserved.
    EvenAndNext,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wish {
    New {
        family: Family,
        parity: Parity,
        /// Whether an IPv6 address is wanted beside the IPv4 one.
        additional: bool,
    },
    Reserved(Token),
}

impl Wish {
    pub(super) fn read(message: &Message<'_>) -> Result<Self, Refusal> {
        match message.get(attributes::REQUESTED_TRANSPORT) {
            Some([UDP, _, _, _]) => {}
            Some([_, _, _, _]) => return Err(Refusal::TRANSPORT),
            _ => return Err(Refusal::BAD_REQUEST),
        }
        let parity = match message.get(attributes::EVEN_PORT) {
            None => Parity::Any,
            Some([flags]) if flags & 0x80 == 0 => Parity::Even,
            Some([_]) => Parity::EvenAndNext,
            Some(_) => return Err(Refusal::BAD_REQUEST),
        };
        let requested = family(message, attributes::REQUESTED_ADDRESS_FAMILY)?;
        let additional = family(message, attributes::ADDITIONAL_ADDRESS_FAMILY)?;
        if let Some(token) = message.get(attributes::RESERVATION_TOKEN) {
            let token = token.try_into().map_err(|_| Refusal::BAD_REQUEST)?;
            if parity != Parity::Any || requested.is_some() || additional.is_some() {
                return Err(Refusal::BAD_REQUEST);
            }
            return Ok(Self::Reserved(token));
        }
        let additional = match additional {
            None => false,
            Some(Named::Known(Family::V6)) if requested.is_none() && parity != Parity::EvenAndNext => true,
            Some(_) => return Err(Refusal::BAD_REQUEST),
        };
        let family = match requested {
            None => Family::V4,
            Some(Named::Known(family)) => family,
            Some(Named::Unknown) => return Err(Refusal::ADDRESS_FAMILY),
        };
        Ok(Self::New { family, parity, additional })
    }
}

/// The family that an attribute names, if the attribute is there.
pub(super) fn family(message: &Message<'_>, attribute: attributes::Type) -> Result<Option<Named>, Refusal> {
    let Some(value) = message.get(attribute) else { return Ok(None) };
    Named::read(value).map(Some).ok_or(Refusal::BAD_REQUEST)
}
