//! Redundant audio (RFC 2198): a packet with copies of those before it. For a receiver that cannot read it, the newest
//! part is taken out.

/// The newest part of a redundant packet: the last block, which has no length of its own.
pub(crate) fn newest(payload: &[u8]) -> Option<&[u8]> {
    let mut at = 0;
    let mut redundant = 0;
    while payload.get(at)? & 0x80 != 0 {
        let head = payload.get(at..at + 4)?;
        redundant += (usize::from(head[2] & 3) << 8) | usize::from(head[3]);
        at += 4;
    }
    payload.get(at + 1 + redundant..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_block_is_the_newest() {
        assert_eq!(newest(&[111, 1, 2, 3]), Some(&[1, 2, 3][..]));
        assert_eq!(newest(&[0xef, 0, 0, 2, 0x6f, 9, 9, 1, 2, 3]), Some(&[1, 2, 3][..]));
    }

    #[test]
    fn what_is_too_short_has_none() {
        assert_eq!(newest(&[]), None);
        assert_eq!(newest(&[0xef, 0, 0]), None);
        assert_eq!(newest(&[0xef, 0, 0, 9, 0x6f, 1]), None);
    }

    proptest::proptest! {
        #[test]
        fn any_payload_is_read(payload in proptest::collection::vec(proptest::num::u8::ANY, 0..60)) {
            newest(&payload);
        }
    }
}
