//! The codec beside the test vectors of RFC 5769 and RFC 8489, and against damaged messages.

use std::net::SocketAddr;

use proptest::prelude::*;

use super::{
    Builder, Class, Key, Message, Method,
    attributes::{self, XorAddress},
    is_stun,
};

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.chars().filter_map(|digit| digit.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

const PASSWORD: &[u8] = b"VOkJxbRl1RmTxUk/WvJxBt";
/// RFC 5769, section 2.1.
const REQUEST: &str = "000100582112a442b7e7a701bc34d686fa87dfae 80220010 5354554e207465737420636c69656e74
    00240004 6e0001ff 80290008 932ff9b151263b36 00060009 6576746a3a68367659202020
    00080014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2 80280004 e57a3bcf";
/// RFC 5769, section 2.2.
const ANSWER: &str = "0101003c2112a442b7e7a701bc34d686fa87dfae 8022000b 7465737420766563746f7220
    00200008 0001a147e112a643 00080014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7 80280004 c07d4c96";
/// RFC 5769, section 2.3.
const ANSWER_V6: &str = "010100482112a442b7e7a701bc34d686fa87dfae 8022000b 7465737420766563746f7220
    00200014 0002a1470113a9faa5d3f179bc25f4b5bed2b9d9 00080014 a382954e4be67bf11784c97c8292c275bfe3ed41
    80280004 c8fb0b4c";
/// RFC 5769, section 2.4.
const LONG_TERM: &str = "000100602112a44278ad3433c6ad72c029da412e
    00060012 e3839ee38388e383aae38383e382afe382b90000 0015001c 662f2f3439396b39353464364f4c33346f4c39465354767936347341
    0014000b 6578616d706c652e6f726700 00080014 f67024656dd64a3e02b8e0712e85c9a28ca89666";
/// RFC 8489, appendix B.1.
const LONG_TERM_SHA256: &str = "000100902112a44278ad3433c6ad72c029da412e
    001e0020 4a3cf38fef6992bda952c6780417da0f24819415569e60b205c46e41407f1704
    00150029 6f624d61744a6f733241414143662f2f3439396b39353464364f4c33346f4c39465354767936347341000000
    0014000b 6578616d706c652e6f726700 001d0004 00020000
    001c0020 b5c7bf005b6c52a21c51c5e892f81924136296cb927c43149309278cc6518e65";

/// The user name of the vectors, and the password as a client sends it after preparing it.
const USERNAME: &str = "\u{30DE}\u{30C8}\u{30EA}\u{30C3}\u{30AF}\u{30B9}";
const PREPARED: &[u8] = b"TheMatrIX";

#[test]
fn the_request_of_rfc_5769() {
    let bytes = bytes(REQUEST);
    let message = Message::read(&bytes).unwrap();
    assert_eq!((message.class(), message.method()), (Class::Request, Method::Binding));
    assert_eq!(message.get(attributes::USERNAME), Some(&b"evtj:h6vY"[..]));
    assert!(message.has_fingerprint() && message.is_signed() && !message.is_signed_with_sha256());
    assert!(message.is_signed_by(&Key::short_term(PASSWORD)));
    assert!(!message.is_signed_by(&Key::short_term(b"VOkJxbRl1RmTxUk/WvJxBT")));
    assert_eq!(message.transaction(), *b"\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae");
}

#[test]
fn the_answers_of_rfc_5769() {
    for (hex, address) in [(ANSWER, "192.0.2.1:32853"), (ANSWER_V6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853")] {
        let bytes = bytes(hex);
        let message = Message::read(&bytes).unwrap();
        assert_eq!((message.class(), message.method()), (Class::Success, Method::Binding));
        assert!(message.is_signed_by(&Key::short_term(PASSWORD)));
        let address: SocketAddr = address.parse().unwrap();
        let value = message.get(attributes::XOR_MAPPED_ADDRESS).unwrap();
        assert_eq!(XorAddress::read(value, &message.transaction()), Some(address));
        assert_eq!(XorAddress::of(address, &message.transaction()).as_bytes(), value);
    }
}

#[test]
fn the_answer_of_rfc_5769_is_built_the_same() {
    let expected = bytes(ANSWER);
    let transaction = Message::read(&expected).unwrap().transaction();
    let address = XorAddress::of("192.0.2.1:32853".parse().unwrap(), &transaction);
    let mut builder = Builder::new(Class::Success, Method::Binding, &transaction);
    builder.attribute(0x8022, b"test vector").attribute(attributes::XOR_MAPPED_ADDRESS, address.as_bytes());
    // The RFC pads with spaces, and padding counts in the integrity, so that is all that may differ.
    let mut built = builder.finish();
    assert_eq!(built[35], 0);
    built[35] = b' ';
    assert_eq!(built[20..], expected[20..48]);
}

#[test]
fn long_term_credentials_of_rfc_5769_and_rfc_8489() {
    let sha1 = bytes(LONG_TERM);
    let message = Message::read(&sha1).unwrap();
    assert_eq!(message.get(attributes::USERNAME), Some(USERNAME.as_bytes()));
    assert!(message.is_signed_by(&Key::md5(USERNAME.as_bytes(), b"example.org", PREPARED)));
    assert!(!message.is_signed_by(&Key::md5(USERNAME.as_bytes(), b"example.com", PREPARED)));

    let sha256 = bytes(LONG_TERM_SHA256);
    let message = Message::read(&sha256).unwrap();
    assert!(message.is_signed_with_sha256());
    assert!(message.is_signed_by(&Key::sha256(USERNAME.as_bytes(), b"example.org", PREPARED)));
    assert!(!message.is_signed_by(&Key::md5(USERNAME.as_bytes(), b"example.org", PREPARED)));
}

#[test]
fn what_is_built_is_read_and_verified() {
    let key = Key::sha256(b"user", b"realm", b"password");
    for sha256 in [false, true] {
        let mut builder = Builder::new(Class::Error, Method::Allocate, &[7; 12]);
        builder.error(486, "Allocation Quota Reached").sign(&key, sha256).fingerprint();
        let bytes = builder.finish();
        let message = Message::read(&bytes).unwrap();
        assert_eq!((message.class(), message.method()), (Class::Error, Method::Allocate));
        assert_eq!(message.get(attributes::ERROR_CODE).map(|value| &value[..4]), Some(&[0, 0, 4, 86][..]));
        assert!(message.is_signed_by(&key) && message.has_fingerprint());
        assert_eq!(message.is_signed_with_sha256(), sha256);
        for at in 0..bytes.len() - 8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(Message::read(&damaged).is_err(), "the byte at {at} is not covered by the fingerprint");
        }
    }
}

#[test]
fn every_method_survives_with_every_class() {
    for number in 0..0x1000 {
        for class in [Class::Request, Class::Indication, Class::Success, Class::Error] {
            let bytes = Builder::new(class, Method::Other(number), &[1; 12]).finish();
            let message = Message::read(&bytes).unwrap();
            assert_eq!(message.class(), class);
            let expected = Builder::new(class, message.method(), &[1; 12]).finish();
            assert_eq!(expected, bytes, "{number:x}");
        }
    }
}

#[test]
fn a_cut_sha256_is_as_long_as_it_may_be() {
    let key = Key::md5(b"user", b"realm", b"password");
    let mut builder = Builder::new(Class::Request, Method::Refresh, &[3; 12]);
    builder.attribute(attributes::LIFETIME, &[0, 0, 0, 9]);
    let unsigned = builder.finish();
    for (size, fits) in [(12, false), (16, true), (18, false), (20, true), (28, true), (32, true), (36, false)] {
        let mut bytes = unsigned.clone();
        bytes[2..4].copy_from_slice(&(8 + 4 + size as u16).to_be_bytes());
        let tag = ring::hmac::sign(
            &ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &{
                use md5::Digest as _;
                md5::Md5::digest(b"user:realm:password")
            }),
            &bytes,
        );
        bytes.extend_from_slice(&[0, 0x1C, 0, size as u8]);
        bytes.extend(tag.as_ref().iter().copied().chain([0; 4]).take(size));
        let verified = Message::read(&bytes).is_ok_and(|message| message.is_signed_by(&key));
        assert_eq!(verified, fits, "{size}");
    }
}

#[test]
fn attributes_after_the_integrity_do_not_count() {
    let key = Key::md5(b"user", b"realm", b"password");
    let mut builder = Builder::new(Class::Request, Method::Refresh, &[3; 12]);
    builder.sign(&key, false).attribute(attributes::LIFETIME, &[0, 0, 0, 0]).fingerprint();
    let bytes = builder.finish();
    let message = Message::read(&bytes).unwrap();
    assert!(message.is_signed_by(&key));
    assert_eq!(message.get(attributes::LIFETIME), None);
}

proptest! {
    #[test]
    fn fuzz_any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = is_stun(&bytes);
        if let Ok(message) = Message::read(&bytes) {
            let _ = message.attributes().count();
        }
    }

    #[test]
    fn fuzz_a_message_with_changes_is_read_or_refused(
        which in 0_usize..5,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let mut bytes = bytes([REQUEST, ANSWER, ANSWER_V6, LONG_TERM, LONG_TERM_SHA256][which]);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if is_cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(message) = Message::read(&bytes) {
            for (kind, value) in message.attributes() {
                let _ = XorAddress::read(value, &message.transaction());
                let _ = message.range_of(kind).map(|range| &bytes[range]);
            }
            let _ = message.is_signed_by(&Key::md5(b"a", b"b", b"c"));
        }
    }
}
