//! Canonical JSON (spec: appendices, "Canonical JSON"): the one byte sequence of a JSON value that is hashed,
//! signed, measured and stored.
//!
//! `serde_json` already writes the shortest form: no spaces, the escapes of the specification's grammar, and keys in
//! code-point order as long as its `Map` is a `BTreeMap`. What is left to do here is numbers.
//!
//! Events of room versions 1 to 5 may hold any number (spec: room version 1, "Canonical JSON"). How such numbers are
//! written is not specified; here they are as the servers write them that made these events, or their hashes would be
//! others: integers in full, and doubles with the fewest digits that give them back, as `1.5`, `1.0` or `1e+16`. Integers
//! beyond 64 bits are read as doubles and are not written as they came, so that such an event fails its hashes.

use serde_json::{Map, Number, Value};

use crate::version::RoomVersion;

/// The largest integer of canonical JSON, 2^53 − 1; the smallest is its negative.
pub const MAX_INTEGER: i64 = (1 << 53) - 1;

/// Errors of values that have no canonical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CanonicalError {
    /// A number with a fraction, or one too large to be an integer.
    #[error("numbers in events must be integers")]
    NotAnInteger,
    /// An integer that not every JSON library can hold exactly.
    #[error("integers in events must lie between -(2^53)+1 and (2^53)-1")]
    OutOfRange,
}

/// The numbers that can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Numbers {
    /// Those of canonical JSON.
    Integers,
    /// All of them.
    Any,
}

/// The canonical form of `value`.
///
/// A number that is an integer however it was spelt (`1e10`, `-0`) is written as that integer, as the
/// specification's examples ask; any other is refused.
pub fn to_canonical(value: &Value) -> Result<Vec<u8>, CanonicalError> {
    let mut out = Vec::with_capacity(512);
    write_value(&mut out, value, Numbers::Integers)?;
    Ok(out)
}

/// The canonical form of an object.
pub fn object_to_canonical(object: &Map<String, Value>) -> Result<Vec<u8>, CanonicalError> {
    let mut out = Vec::with_capacity(1024);
    write_object(&mut out, object, Numbers::Integers)?;
    Ok(out)
}

/// The canonical form of an event or of a part of one, with the numbers that `version` allows.
pub fn event_to_canonical(version: RoomVersion, event: &Map<String, Value>) -> Result<Vec<u8>, CanonicalError> {
    let numbers = if version.rules().strict_json { Numbers::Integers } else { Numbers::Any };
    let mut out = Vec::with_capacity(1024);
    write_object(&mut out, event, numbers)?;
    Ok(out)
}

fn write_value(out: &mut Vec<u8>, value: &Value, numbers: Numbers) -> Result<(), CanonicalError> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) if numbers == Numbers::Any => write_any_number(out, number),
        Value::Number(number) => write_number(out, number)?,
        Value::String(text) => write_string(out, text),
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_value(out, item, numbers)?;
            }
            out.push(b']');
        }
        Value::Object(object) => write_object(out, object, numbers)?,
    }
    Ok(())
}

fn write_object(out: &mut Vec<u8>, object: &Map<String, Value>, numbers: Numbers) -> Result<(), CanonicalError> {
    out.push(b'{');
    for (index, (key, value)) in object.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_string(out, key);
        out.push(b':');
        write_value(out, value, numbers)?;
    }
    out.push(b'}');
    Ok(())
}

fn write_number(out: &mut Vec<u8>, number: &Number) -> Result<(), CanonicalError> {
    let integer = match (number.as_i64(), number.as_f64()) {
        (Some(integer), _) => integer,
        (None, Some(float)) if !number.is_u64() => integral(float)?,
        _ => return Err(CanonicalError::OutOfRange),
    };
    if !(-MAX_INTEGER..=MAX_INTEGER).contains(&integer) {
        return Err(CanonicalError::OutOfRange);
    }
    out.extend_from_slice(integer.to_string().as_bytes());
    Ok(())
}

fn write_any_number(out: &mut Vec<u8>, number: &Number) {
    match number.as_f64() {
        Some(float) if number.is_f64() => {
            let shortest = format!("{float:?}");
            match shortest.split_once('e') {
                None => out.extend_from_slice(shortest.as_bytes()),
                Some((digits, exponent)) => {
                    let (sign, exponent) =
                        exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
                    out.extend_from_slice(format!("{digits}e{sign}{exponent:0>2}").as_bytes());
                }
            }
        }
        _ => out.extend_from_slice(number.to_string().as_bytes()),
    }
}

#[expect(clippy::cast_precision_loss, reason = "2^53 - 1 is exact in a double")]
fn integral(float: f64) -> Result<i64, CanonicalError> {
    if float.fract() != 0.0 {
        return Err(CanonicalError::NotAnInteger);
    }
    if float.abs() > MAX_INTEGER as f64 {
        return Err(CanonicalError::OutOfRange);
    }
    Ok(float as i64)
}

pub(crate) fn write_string(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("a string has a JSON form and a Vec takes every byte");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::{CanonicalError, MAX_INTEGER, event_to_canonical, object_to_canonical, to_canonical};
    use crate::version::RoomVersion;

    fn canonical(json: &str) -> Result<String, CanonicalError> {
        let value: Value = serde_json::from_str(json).unwrap();
        to_canonical(&value).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn objects_are_sorted_maps() {
        // Fails if some dependency turns on serde_json's `preserve_order`: every hash would then be wrong.
        let map: Map<String, Value> = serde_json::from_str(r#"{"b":1,"a":2}"#).unwrap();
        assert_eq!(map.keys().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn examples_of_the_specification() {
        for (given, expected) in [
            ("{}", "{}"),
            (r#"{ "one": 1, "two": "Two" }"#, r#"{"one":1,"two":"Two"}"#),
            (r#"{ "b": "2", "a": "1" }"#, r#"{"a":"1","b":"2"}"#),
            (
                r#"{"auth":{"success":true,"mxid":"@john.doe:example.com","profile":{"display_name":"John Doe",
                    "three_pids":[{"medium":"email","address":"john.doe@example.org"},
                    {"medium":"msisdn","address":"123456789"}]}}}"#,
                concat!(
                    r#"{"auth":{"mxid":"@john.doe:example.com","profile":{"display_name":"John Doe","#,
                    r#""three_pids":[{"address":"john.doe@example.org","medium":"email"},"#,
                    r#"{"address":"123456789","medium":"msisdn"}]},"success":true}}"#
                ),
            ),
            (r#"{"a": "日本語"}"#, r#"{"a":"日本語"}"#),
            (r#"{"本": 2, "日": 1}"#, r#"{"日":1,"本":2}"#),
            (r#"{"a": "\u65E5"}"#, r#"{"a":"日"}"#),
            (r#"{"a": null}"#, r#"{"a":null}"#),
            (r#"{"a": -0, "b": 1e10}"#, r#"{"a":0,"b":10000000000}"#),
        ] {
            assert_eq!(canonical(given).unwrap(), expected, "{given}");
        }
    }

    #[test]
    fn escapes_are_the_grammars() {
        let all: String = (0..0x20_u8).map(char::from).chain("\"\\/\u{7f}\u{2028}".chars()).collect();
        let expected = concat!(
            r#""\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r\u000e\u000f"#,
            r"\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001a\u001b\u001c\u001d\u001e\u001f",
            "\\\"\\\\/\u{7f}\u{2028}\""
        );
        assert_eq!(to_canonical(&json!(all)).unwrap(), expected.as_bytes());
    }

    #[test]
    fn numbers_outside_the_grammar_are_refused() {
        assert_eq!(canonical("[1.1]"), Err(CanonicalError::NotAnInteger));
        for (text, fits) in [
            ("9007199254740991", true),
            ("9007199254740992", false),
            ("-9007199254740991", true),
            ("-9007199254740992", false),
            ("18446744073709551615", false),
            ("99999999999999999999999", false),
            ("1e300", false),
            ("-1e300", false),
        ] {
            let expected = if fits { Ok(text.to_owned()) } else { Err(CanonicalError::OutOfRange) };
            assert_eq!(canonical(text), expected, "{text}");
        }
    }

    #[test]
    fn numbers_of_the_first_versions_are_written_as_they_are() {
        // As Python writes what it has read, which is what most events of these versions were hashed with.
        for (given, expected) in [
            ("0", "0"),
            ("9007199254740993", "9007199254740993"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("18446744073709551615", "18446744073709551615"),
            ("1.10", "1.1"),
            ("51.5", "51.5"),
            ("-0.5", "-0.5"),
            ("1e3", "1000.0"),
            ("1E15", "1000000000000000.0"),
            ("1e16", "1e+16"),
            ("1.25e21", "1.25e+21"),
            ("1e-4", "0.0001"),
            ("0.00001", "1e-05"),
            ("-1.5e-7", "-1.5e-07"),
            ("1e-300", "1e-300"),
            ("1.7976931348623157e308", "1.7976931348623157e+308"),
            ("0.1234567890123456789", "0.12345678901234568"),
        ] {
            let event: Map<String, Value> = serde_json::from_str(&format!(r#"{{"a":{{"b":[{given}]}}}}"#)).unwrap();
            let whole = format!(r#"{{"a":{{"b":[{expected}]}}}}"#);
            for version in RoomVersion::UNDERSTOOD {
                let written = event_to_canonical(version, &event);
                if version < RoomVersion::V6 {
                    assert_eq!(written.as_deref(), Ok(whole.as_bytes()), "{given} in {version}");
                } else {
                    assert_eq!(written, object_to_canonical(&event), "{given} in {version}");
                }
            }
        }
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-MAX_INTEGER..=MAX_INTEGER).prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..8)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_canonical_form_is_the_same_value_and_a_fixed_point(value in any_value()) {
            let bytes = to_canonical(&value).unwrap();
            let again: Value = serde_json::from_slice(&bytes).unwrap();
            prop_assert_eq!(&again, &value);
            prop_assert_eq!(to_canonical(&again).unwrap(), bytes);
        }

        #[test]
        fn any_number_is_read_back_as_it_was_written(bits in any::<u64>(), integer in any::<i64>()) {
            let event = Map::from_iter([("a".to_owned(), json!([f64::from_bits(bits), integer, bits]))]);
            let bytes = event_to_canonical(RoomVersion::V5, &event).unwrap();
            let again: Map<String, Value> = serde_json::from_slice(&bytes).unwrap();
            prop_assert_eq!(&again, &event);
            prop_assert_eq!(event_to_canonical(RoomVersion::V5, &again).unwrap(), bytes);
            if integer.abs() <= MAX_INTEGER {
                let event = Map::from_iter([("a".to_owned(), json!(integer))]);
                prop_assert_eq!(event_to_canonical(RoomVersion::V5, &event), object_to_canonical(&event));
            }
        }
    }
}
