//! Where messages end on a stream (RFC 8489, section 6.2.2; RFC 8656, section 12.5).

use crate::stun::{HEADER, Malformed, is_stun};

/// Bytes that say how long a message is.
const PREFIX: usize = 4;

/// A message at the beginning of what was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Bytes of the message.
    pub(crate) message: usize,
    /// Bytes of the message and what pads it: where the next one begins.
    pub(crate) whole: usize,
}

impl Frame {
    /// The first message of a stream, if enough of it is here to say how long it is. The message may not be here yet.
    pub(crate) fn first(stream: &[u8]) -> Result<Option<Self>, Malformed> {
        let Some(first) = stream.first() else { return Ok(None) };
        if first & 0x80 != 0 {
            return Err(Malformed);
        }
        let Some([_, _, high, low]) = stream.first_chunk::<PREFIX>() else { return Ok(None) };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        if !is_stun(stream) {
            let message = PREFIX + length;
            return Ok(Some(Self { message, whole: message.next_multiple_of(4) }));
        }
        if length % 4 != 0 {
            return Err(Malformed);
        }
        Ok(Some(Self { message: HEADER + length, whole: HEADER + length }))
    }
}

#[cfg(test)]
mod tests {
    use super::{Frame, Malformed};

    #[test]
    fn messages_say_where_they_end() {
        let first = Frame::first;
        assert_eq!((first(&[]), first(&[0, 1, 0])), (Ok(None), Ok(None)));
        assert_eq!(first(&[0, 1, 0, 0]), Ok(Some(Frame { message: 20, whole: 20 })));
        assert_eq!(first(&[0, 1, 0xFF, 0xFC, 9]), Ok(Some(Frame { message: 65_552, whole: 65_552 })));
        assert_eq!(first(&[0x40, 1, 0, 5]), Ok(Some(Frame { message: 9, whole: 12 })));
        assert_eq!(first(&[0x40, 1, 0, 0]), Ok(Some(Frame { message: 4, whole: 4 })));
        assert_eq!(first(&[0x7F, 1, 0xFF, 0xFF]), Ok(Some(Frame { message: 65_539, whole: 65_540 })));
        assert_eq!(
            (first(&[0x80]), first(&[0xFF; 9]), first(&[0, 1, 0, 2])),
            (Err(Malformed), Err(Malformed), Err(Malformed))
        );
    }
}
