//! The one thing of STUN (RFC 8489) that is read before a packet reaches its connection: whom a binding request is for.

const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const BINDING_REQUEST: [u8; 2] = [0, 1];
const USERNAME: u16 = 6;
const HEADER: usize = 20;

/// Whether the packet is STUN of any kind, by RFC 7983.
pub(super) fn is_stun(packet: &[u8]) -> bool {
    packet.len() >= HEADER && packet[0] < 4 && packet[4..8] == MAGIC_COOKIE
}

/// The name of the connection (its `ice-ufrag`) that a binding request is sent to. Whether the sender knows the
/// connection's password is for the connection to see.
pub(super) fn local_name(packet: &[u8]) -> Option<&str> {
    if !is_stun(packet) || packet[..2] != BINDING_REQUEST {
        return None;
    }
    let length = usize::from(u16::from_be_bytes([packet[2], packet[3]]));
    let mut attributes = packet.get(HEADER..HEADER + length)?;
    while let Some((head, rest)) = attributes.split_at_checked(4) {
        let kind = u16::from_be_bytes([head[0], head[1]]);
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        if kind == USERNAME {
            let name = std::str::from_utf8(rest.get(..length)?).ok()?;
            return name.split_once(':').map(|(local, _)| local);
        }
        attributes = rest.get(length.next_multiple_of(4)..)?;
    }
    None
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A binding request with an attribute of another kind before the name.
    pub(crate) fn request(name: &str) -> Vec<u8> {
        let mut attributes = vec![0x80, 0x22, 0, 3, b'i', b'm', b'2', 0];
        attributes.extend_from_slice(&USERNAME.to_be_bytes());
        attributes.extend_from_slice(&(name.len() as u16).to_be_bytes());
        attributes.extend_from_slice(name.as_bytes());
        attributes.resize(attributes.len().next_multiple_of(4), 0);
        let mut packet = BINDING_REQUEST.to_vec();
        packet.extend_from_slice(&(attributes.len() as u16).to_be_bytes());
        packet.extend_from_slice(&MAGIC_COOKIE);
        packet.extend_from_slice(&[9; 12]);
        packet.extend_from_slice(&attributes);
        packet
    }

    #[test]
    fn a_request_names_its_connection() {
        assert_eq!(local_name(&request("server:client")), Some("server"));
        assert_eq!(local_name(&request("no colon")), None);
    }

    #[test]
    fn answers_and_shortened_packets_name_nobody() {
        let mut answer = request("server:client");
        answer[0] = 1;
        assert_eq!(local_name(&answer), None);
        let whole = request("server:client");
        for length in 0..whole.len() {
            assert_eq!(local_name(&whole[..length]), None, "{length}");
        }
    }

    proptest::proptest! {
        #[test]
        fn noise_names_nobody_in_particular(mut bytes in proptest::collection::vec(proptest::num::u8::ANY, 8..100)) {
            bytes[..2].copy_from_slice(&BINDING_REQUEST);
            bytes[4..8].copy_from_slice(&MAGIC_COOKIE);
            let _ = local_name(&bytes);
        }
    }
}
