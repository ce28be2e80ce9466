//! Where a key frame starts: the only place at which a receiver can begin with a stream. Only the first bytes of a
//! payload are looked at, which end-to-end encryption leaves as they are.

use str0m::format::Codec;
use str0m::rtp::{ExtensionValues, Vp8Descriptor};

use super::DependencyDescriptor;

/// Whether the packet is the first of a key frame.
pub(crate) fn starts(codec: Codec, payload: &[u8], extensions: &ExtensionValues) -> bool {
    if let Some(descriptor) = extensions.user_values.get::<DependencyDescriptor>() {
        return descriptor.starts_frame() && descriptor.has_structure();
    }
    match codec {
        Codec::Vp8 => Vp8Descriptor::parse(payload).is_ok_and(|descriptor| descriptor.starts_keyframe(payload)),
        Codec::Vp9 => vp9(payload),
        Codec::H264 => h264(payload),
        Codec::Av1 => payload.first().is_some_and(|aggregation| aggregation & 0x88 == 0x08),
        // Anything else has no frames that depend on others.
        _ => true,
    }
}

/// RFC 9628, section 4.2: not predicted from other pictures, the start of a frame, of the lowest spatial layer.
fn vp9(payload: &[u8]) -> bool {
    let Some(&flags) = payload.first() else { return false };
    let (has_picture_id, predicted, has_layers, start) =
        (flags & 0x80 != 0, flags & 0x40 != 0, flags & 0x20 != 0, flags & 0x08 != 0);
    if predicted || !start {
        return false;
    }
    let mut at = 1;
    if has_picture_id {
        at += if payload.get(1).is_some_and(|byte| byte & 0x80 != 0) { 2 } else { 1 };
    }
    !has_layers || payload.get(at).is_some_and(|layers| layers & 0x0e == 0)
}

/// RFC 6184: a picture that needs no other (5), or the parameters that come before it (7).
fn h264(payload: &[u8]) -> bool {
    const SLICE: u8 = 5;
    const PARAMETERS: u8 = 7;
    const AGGREGATE: u8 = 24;
    const FRAGMENT: u8 = 28;
    let is_key = |kind: u8| matches!(kind & 0x1f, SLICE | PARAMETERS);
    let Some((&head, rest)) = payload.split_first() else { return false };
    match head & 0x1f {
        AGGREGATE => {
            let mut units = rest;
            while let Some((length, unit)) = units.split_at_checked(2) {
                if unit.first().is_some_and(|kind| is_key(*kind)) {
                    return true;
                }
                let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
                units = unit.get(length..).unwrap_or_default();
            }
            false
        }
        FRAGMENT => rest.first().is_some_and(|fragment| fragment & 0x80 != 0 && is_key(*fragment)),
        _ => is_key(head),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(codec: Codec, payload: &[u8]) -> bool {
        starts(codec, payload, &ExtensionValues::default())
    }

    #[test]
    fn vp8_key_frames() {
        assert!(is(Codec::Vp8, &[0x10, 0x00, 1]));
        assert!(!is(Codec::Vp8, &[0x10, 0x01, 1]), "predicted");
        assert!(!is(Codec::Vp8, &[0x00, 0x00, 1]), "in the middle of a frame");
        assert!(is(Codec::Vp8, &[0x90, 0xe0, 0x81, 0x02, 0x03, 0x00, 0x50, 1]), "with a picture id");
        assert!(!is(Codec::Vp8, &[]));
    }

    #[test]
    fn vp9_key_frames() {
        assert!(is(Codec::Vp9, &[0x8a, 0x81, 0x02, 0]));
        assert!(!is(Codec::Vp9, &[0xca, 0x81, 0x02, 0]), "predicted");
        assert!(!is(Codec::Vp9, &[0x82, 0x81, 0x02, 0]), "not the start");
        assert!(is(Codec::Vp9, &[0xa8, 0x01, 0x00, 0]), "lowest layer");
        assert!(!is(Codec::Vp9, &[0xa8, 0x01, 0x02, 0]), "second layer");
        assert!(!is(Codec::Vp9, &[0xa8]));
    }

    #[test]
    fn h264_key_frames() {
        assert!(is(Codec::H264, &[0x65, 1]));
        assert!(is(Codec::H264, &[0x67, 1]));
        assert!(!is(Codec::H264, &[0x61, 1]));
        assert!(is(Codec::H264, &[0x78, 0, 1, 0x09, 0, 2, 0x67, 0x42]), "aggregated");
        assert!(!is(Codec::H264, &[0x78, 0, 9, 0x09]));
        assert!(is(Codec::H264, &[0x7c, 0x85, 1]), "first fragment");
        assert!(!is(Codec::H264, &[0x7c, 0x05, 1]), "later fragment");
    }

    #[test]
    fn av1_key_frames() {
        assert!(is(Codec::Av1, &[0x18, 1]));
        assert!(!is(Codec::Av1, &[0x10, 1]));
        assert!(!is(Codec::Av1, &[0x98, 1]), "goes on from the packet before");
    }

    proptest::proptest! {
        #[test]
        fn any_payload_is_looked_at(payload in proptest::collection::vec(proptest::num::u8::ANY, 0..60)) {
            for codec in [Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1, Codec::Opus] {
                is(codec, &payload);
            }
        }
    }
}
