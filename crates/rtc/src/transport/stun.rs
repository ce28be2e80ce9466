//! The little of STUN (RFC 8489) that is read and written beside ICE: which connection a binding request is for and
//! whether its sender knows that connection's password, and checks that show who receives at an address.

use ring::hmac;

const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const BINDING_REQUEST: [u8; 2] = [0, 1];
const BINDING_SUCCESS: [u8; 2] = [1, 1];
const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const FINGERPRINT: u16 = 0x8028;
const ICE_CONTROLLED: u16 = 0x8029;
const FINGERPRINT_MASK: u32 = 0x5354_554e;
const HEADER: usize = 20;
const INTEGRITY: usize = 20;
/// Priority of a host candidate with the highest preference (RFC 8445, section 5.1.2.1).
const HOST_PRIORITY: u32 = 126 << 24 | 0xffff << 8 | 0xff;

/// The number by which an answer is known to belong to a request.
pub(crate) type Transaction = [u8; 12];

/// The name and password of one end of a connection (`ice-ufrag` and `ice-pwd`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) name: String,
    pub(crate) password: String,
}

/// Whether the packet is STUN of any kind, by RFC 7983.
pub(crate) fn is_stun(packet: &[u8]) -> bool {
    packet.len() >= HEADER && packet[0] < 4 && packet[4..8] == MAGIC_COOKIE
}

/// Whether the packet is a binding request.
pub(crate) fn is_request(packet: &[u8]) -> bool {
    is_stun(packet) && packet[..2] == BINDING_REQUEST
}

/// An attribute: its type, where it begins, its value.
type Attribute<'a> = (u16, usize, &'a [u8]);

fn attributes(packet: &[u8]) -> impl Iterator<Item = Attribute<'_>> {
    let length = usize::from(u16::from_be_bytes([packet[2], packet[3]]));
    let mut rest = packet.get(HEADER..HEADER + length).unwrap_or_default();
    let mut at = HEADER;
    std::iter::from_fn(move || {
        let (head, after) = rest.split_at_checked(4)?;
        let kind = u16::from_be_bytes([head[0], head[1]]);
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let found = (kind, at, after.get(..length)?);
        rest = after.get(length.next_multiple_of(4)..).unwrap_or_default();
        at += 4 + length.next_multiple_of(4);
        Some(found)
    })
}

/// The attributes that the integrity of a packet covers; those behind are not for anybody.
fn covered(packet: &[u8]) -> impl Iterator<Item = Attribute<'_>> {
    attributes(packet).take_while(|(kind, ..)| *kind != MESSAGE_INTEGRITY)
}

/// The name of the connection that a binding request is sent to.
pub(super) fn local_name(packet: &[u8]) -> Option<&str> {
    if !is_request(packet) {
        return None;
    }
    let (.., name) = covered(packet).find(|(kind, ..)| *kind == USERNAME)?;
    std::str::from_utf8(name).ok()?.split_once(':').map(|(local, _)| local)
}

/// Whether the sender asks for media to be sent to where the request comes from.
pub(crate) fn nominates(packet: &[u8]) -> bool {
    is_request(packet) && covered(packet).any(|(kind, ..)| kind == USE_CANDIDATE)
}

/// Whether whoever has written the packet knows the password.
pub(crate) fn is_authentic(packet: &[u8], password: &[u8]) -> bool {
    if !is_stun(packet) {
        return false;
    }
    let Some((_, at, code)) = attributes(packet).find(|(kind, ..)| *kind == MESSAGE_INTEGRITY) else { return false };
    if code.len() != INTEGRITY {
        return false;
    }
    let mut context = hmac::Context::with_key(&key(password));
    context.update(&packet[..2]);
    // The length is that up to the code, whatever follows it.
    context.update(&((at + 4 + INTEGRITY - HEADER) as u16).to_be_bytes());
    context.update(&packet[4..at]);
    // Compared in a time that tells nothing; the key of a check that did not match is of no use to anybody.
    let expected = context.sign();
    let different = expected.as_ref().iter().zip(code).fold(0, |all, (one, other)| all | (one ^ other));
    different == 0
}

/// The transaction of a successful answer.
pub(crate) fn answered(packet: &[u8]) -> Option<Transaction> {
    if !is_stun(packet) || packet[..2] != BINDING_SUCCESS {
        return None;
    }
    packet[8..HEADER].try_into().ok()
}

fn key(password: &[u8]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, password)
}

/// A check of the controlled agent `ours`, which only who receives it can answer.
pub(crate) fn check(transaction: &Transaction, ours: &str, theirs: &Credentials) -> Vec<u8> {
    request(transaction, &format!("{}:{ours}", theirs.name), &[(ICE_CONTROLLED, &transaction[..8])], &theirs.password)
}

fn request(transaction: &Transaction, user: &str, more: &[(u16, &[u8])], password: &str) -> Vec<u8> {
    let mut packet = BINDING_REQUEST.to_vec();
    packet.extend_from_slice(&[0, 0]);
    packet.extend_from_slice(&MAGIC_COOKIE);
    packet.extend_from_slice(transaction);
    write(&mut packet, USERNAME, user.as_bytes());
    write(&mut packet, PRIORITY, &HOST_PRIORITY.to_be_bytes());
    for (kind, value) in more {
        write(&mut packet, *kind, value);
    }
    set_length(&mut packet, 4 + INTEGRITY);
    let code = hmac::sign(&key(password.as_bytes()), &packet);
    write(&mut packet, MESSAGE_INTEGRITY, code.as_ref());
    set_length(&mut packet, 8);
    let mut crc = flate2::Crc::new();
    crc.update(&packet);
    write(&mut packet, FINGERPRINT, &(crc.sum() ^ FINGERPRINT_MASK).to_be_bytes());
    packet
}

fn write(packet: &mut Vec<u8>, kind: u16, value: &[u8]) {
    packet.extend_from_slice(&kind.to_be_bytes());
    packet.extend_from_slice(&(value.len() as u16).to_be_bytes());
    packet.extend_from_slice(value);
    packet.resize(packet.len().next_multiple_of(4), 0);
}

/// Makes the header's length that of the packet with as many bytes more.
fn set_length(packet: &mut [u8], more: usize) {
    let length = (packet.len() - HEADER + more) as u16;
    packet[2..4].copy_from_slice(&length.to_be_bytes());
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A binding request to the connection `name` by somebody who knows its password.
    pub(crate) fn request_of(name: &str, password: &str, nominates: bool) -> Vec<u8> {
        let controlling = (0x802a, &[7; 8][..]);
        let more = [controlling, (USE_CANDIDATE, &[])];
        request(&[9; 12], name, if nominates { &more } else { &more[..1] }, password)
    }

    /// A binding request by somebody who does not.
    pub(crate) fn request_to(name: &str) -> Vec<u8> {
        request_of(name, "a guess", false)
    }

    #[test]
    fn a_request_names_its_connection() {
        assert_eq!(local_name(&request_to("server:client")), Some("server"));
        assert_eq!(local_name(&request_to("no colon")), None);
        assert!(nominates(&request_of("a:b", "c", true)) && !nominates(&request_of("a:b", "c", false)));
    }

    #[test]
    fn what_stands_behind_the_integrity_says_nothing() {
        let mut packet = request_of("server:client", "secret", false);
        packet.truncate(packet.len() - 8);
        write(&mut packet, USE_CANDIDATE, &[]);
        set_length(&mut packet, 0);
        assert!(is_authentic(&packet, b"secret") && !nominates(&packet));
    }

    #[test]
    fn only_who_knows_the_password_is_believed() {
        let right = request_of("server:client", "secret", true);
        assert!(is_authentic(&right, b"secret") && !is_authentic(&right, b"other"));
        for at in 0..right.len() - 8 {
            // The length says how much is covered, and that is counted anew; all else is covered.
            if at == 2 || at == 3 {
                continue;
            }
            let mut wrong = right.clone();
            wrong[at] ^= 1;
            assert!(!is_authentic(&wrong, b"secret"), "{at}");
        }
        for length in 0..right.len() {
            assert!(!is_authentic(&right[..length], b"secret"), "{length}");
        }
    }

    /// The example of RFC 5769, section 2.1.
    #[test]
    fn the_request_of_the_rfc_is_authentic() {
        let hex = "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e740024\
            00046e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020000800149aeaa70c\
            bfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf";
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        let packet: Vec<u8> =
            digits.chunks(2).map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap()).collect();
        assert_eq!(local_name(&packet), Some("evtj"));
        assert!(is_authentic(&packet, b"VOkJxbRl1RmTxUk/WvJxBt"));
        // The fingerprint is the way in which ours is made.
        let mut crc = flate2::Crc::new();
        crc.update(&packet[..packet.len() - 8]);
        assert_eq!((crc.sum() ^ FINGERPRINT_MASK).to_be_bytes(), packet[packet.len() - 4..]);
    }

    #[test]
    fn a_check_is_what_ice_reads() {
        let theirs = Credentials { name: "client".to_owned(), password: "secret".to_owned() };
        let packet = check(&[3; 12], "server", &theirs);
        assert_eq!(local_name(&packet), Some("client"));
        assert!(is_authentic(&packet, b"secret"));
        let read = str0m::ice::StunMessage::parse(&packet);
        assert!(read.is_ok_and(|message| message.is_binding_request()));
        assert_eq!(answered(&packet), None);
        let mut answer = packet;
        answer[..2].copy_from_slice(&BINDING_SUCCESS);
        assert_eq!(answered(&answer), Some([3; 12]));
    }

    #[test]
    fn answers_and_shortened_packets_name_nobody() {
        let mut answer = request_to("server:client");
        answer[0] = 1;
        assert_eq!(local_name(&answer), None);
        let whole = request_to("server:client");
        for length in 0..whole.len() {
            assert_eq!(local_name(&whole[..length]), None, "{length}");
        }
    }

    proptest::proptest! {
        #[test]
        fn noise_is_nobodys(mut bytes in proptest::collection::vec(proptest::num::u8::ANY, 8..100)) {
            bytes[..2].copy_from_slice(&BINDING_REQUEST);
            bytes[4..8].copy_from_slice(&MAGIC_COOKIE);
            let _ = (local_name(&bytes), nominates(&bytes), answered(&bytes));
            proptest::prop_assert!(!is_authentic(&bytes, b"secret"));
        }
    }
}
