//! Packets on data channels. They are passed on field by field, so that kinds of packets which are not known here reach
//! their readers, and so that what is encrypted between clients stays as it is. Only who sent a packet is written anew.

/// A packet that is not one message of fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a data packet")]
pub(crate) struct Malformed;

/// A packet as it is passed on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Forwarded {
    /// The message with its sender.
    pub(crate) bytes: Vec<u8>,
    /// Identities of those who get it; empty is everybody.
    pub(crate) identities: Vec<String>,
    /// Participants who get it, by session.
    pub(crate) sids: Vec<String>,
    /// Number of a reliable packet; 0 is none.
    pub(crate) sequence: u32,
}

// Fields of a packet.
const USER: u32 = 2;
const SPEAKER: u32 = 3;
const IDENTITY: u32 = 4;
const DESTINATION_IDENTITIES: u32 = 5;
const SEQUENCE: u32 = 16;
const SID: u32 = 17;

// Fields of a user packet; all of these are older forms of those above.
const USER_SID: u32 = 1;
const USER_DESTINATION_SIDS: u32 = 3;
const USER_IDENTITY: u32 = 5;
const USER_DESTINATION_IDENTITIES: u32 = 6;

/// The packet with `identity` and `sid` as its sender, whatever it says itself.
pub(crate) fn forward(packet: &[u8], identity: &str, sid: &str) -> Result<Forwarded, Malformed> {
    let mut forwarded = Forwarded {
        bytes: Vec::with_capacity(packet.len() + identity.len() + sid.len() + 16),
        identities: Vec::new(),
        sids: Vec::new(),
        sequence: 0,
    };
    for field in fields(packet) {
        let field = field?;
        match (field.number, field.value) {
            (IDENTITY | SID | SPEAKER, _) => {}
            (USER, Value::Bytes(user)) => {
                let user = forward_user(user, identity, sid, &mut forwarded)?;
                write_bytes(&mut forwarded.bytes, USER, &user);
            }
            (number, value) => {
                match (number, value) {
                    (DESTINATION_IDENTITIES, Value::Bytes(name)) => forwarded.identities.push(text(name)?),
                    (SEQUENCE, Value::Varint(sequence)) => forwarded.sequence = sequence as u32,
                    _ => {}
                }
                forwarded.bytes.extend_from_slice(field.raw);
            }
        }
    }
    write_bytes(&mut forwarded.bytes, IDENTITY, identity.as_bytes());
    write_bytes(&mut forwarded.bytes, SID, sid.as_bytes());
    Ok(forwarded)
}

fn forward_user(user: &[u8], identity: &str, sid: &str, forwarded: &mut Forwarded) -> Result<Vec<u8>, Malformed> {
    let mut bytes = Vec::with_capacity(user.len() + identity.len() + sid.len() + 8);
    for field in fields(user) {
        let field = field?;
        match (field.number, field.value) {
            (USER_SID | USER_IDENTITY, _) => continue,
            (USER_DESTINATION_SIDS, Value::Bytes(sid)) => forwarded.sids.push(text(sid)?),
            (USER_DESTINATION_IDENTITIES, Value::Bytes(name)) => forwarded.identities.push(text(name)?),
            _ => {}
        }
        bytes.extend_from_slice(field.raw);
    }
    write_bytes(&mut bytes, USER_SID, sid.as_bytes());
    write_bytes(&mut bytes, USER_IDENTITY, identity.as_bytes());
    Ok(bytes)
}

fn text(bytes: &[u8]) -> Result<String, Malformed> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| Malformed)
}

#[derive(Clone, Copy)]
enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    Fixed,
}

struct Field<'a> {
    number: u32,
    value: Value<'a>,
    /// The field with its tag.
    raw: &'a [u8],
}

fn fields(mut rest: &[u8]) -> impl Iterator<Item = Result<Field<'_>, Malformed>> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let field = next_field(rest);
        rest = field.as_ref().map_or(&[], |field| &rest[field.raw.len()..]);
        Some(field)
    })
}

fn next_field(bytes: &[u8]) -> Result<Field<'_>, Malformed> {
    let (tag, after_tag) = varint(bytes)?;
    let number = u32::try_from(tag >> 3).map_err(|_| Malformed)?;
    let (value, rest) = match tag & 7 {
        0 => varint(after_tag).map(|(value, rest)| (Value::Varint(value), rest))?,
        1 => (Value::Fixed, after_tag.get(8..).ok_or(Malformed)?),
        2 => {
            let (length, content) = varint(after_tag)?;
            let length = usize::try_from(length).map_err(|_| Malformed)?;
            let (content, rest) = content.split_at_checked(length).ok_or(Malformed)?;
            (Value::Bytes(content), rest)
        }
        5 => (Value::Fixed, after_tag.get(4..).ok_or(Malformed)?),
        _ => return Err(Malformed),
    };
    if number == 0 {
        return Err(Malformed);
    }
    Ok(Field { number, value, raw: &bytes[..bytes.len() - rest.len()] })
}

fn varint(bytes: &[u8]) -> Result<(u64, &[u8]), Malformed> {
    let mut value = 0u64;
    for (index, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Ok((value, &bytes[index + 1..]));
        }
    }
    Err(Malformed)
}

fn write_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn write_bytes(bytes: &mut Vec<u8>, number: u32, content: &[u8]) {
    write_varint(bytes, u64::from(number) << 3 | 2);
    write_varint(bytes, content.len() as u64);
    bytes.extend_from_slice(content);
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

    #[derive(Clone, PartialEq, Message)]
    struct Packet {
        #[prost(message, optional, tag = "2")]
        user: Option<User>,
        #[prost(bytes = "vec", optional, tag = "18")]
        encrypted: Option<Vec<u8>>,
        #[prost(string, tag = "4")]
        identity: String,
        #[prost(string, repeated, tag = "5")]
        destinations: Vec<String>,
        #[prost(uint32, tag = "16")]
        sequence: u32,
        #[prost(string, tag = "17")]
        sid: String,
    }

    #[derive(Clone, PartialEq, Message)]
    struct User {
        #[prost(string, tag = "1")]
        sid: String,
        #[prost(bytes = "vec", tag = "2")]
        payload: Vec<u8>,
        #[prost(string, tag = "5")]
        identity: String,
        #[prost(fixed64, tag = "100")]
        unknown: u64,
    }

    #[test]
    fn the_sender_is_who_sent_it() {
        let packet = Packet {
            user: Some(User { sid: "PA_other".into(), payload: b"hello".to_vec(), identity: "ben".into(), unknown: 7 }),
            identity: "ben".into(),
            destinations: vec!["carla".into()],
            sequence: 300,
            ..Packet::default()
        };
        let forwarded = forward(&packet.encode_to_vec(), "ana", "PA_ana").unwrap();
        assert_eq!((forwarded.sequence, forwarded.identities), (300, vec!["carla".to_owned()]));
        let read = Packet::decode(forwarded.bytes.as_slice()).unwrap();
        assert_eq!((read.identity.as_str(), read.sid.as_str()), ("ana", "PA_ana"));
        let user = read.user.unwrap();
        assert_eq!((user.identity.as_str(), user.sid.as_str(), user.unknown), ("ana", "PA_ana", 7));
        assert_eq!(user.payload, b"hello");
    }

    #[test]
    fn what_is_encrypted_stays_as_it_is() {
        let packet = Packet { encrypted: Some(vec![1, 2, 3]), ..Packet::default() };
        let forwarded = forward(&packet.encode_to_vec(), "ana", "PA_ana").unwrap();
        assert_eq!(Packet::decode(forwarded.bytes.as_slice()).unwrap().encrypted, packet.encrypted);
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for bytes in [&[0x0a, 5, 1][..], &[0x0b], &[0xff; 12], &[0x00, 0x00], &[0x09, 1]] {
            assert_eq!(forward(bytes, "ana", "PA_ana"), Err(Malformed), "{bytes:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn noise_is_refused_or_passed_on(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            if let Ok(forwarded) = forward(&bytes, "ana", "PA_ana") {
                let again = forward(&forwarded.bytes, "ana", "PA_ana").unwrap();
                proptest::prop_assert_eq!(again.bytes, forwarded.bytes);
            }
        }
    }
}
