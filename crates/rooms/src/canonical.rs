//! Canonical JSON (spec: appendices, "Canonical JSON"): the one byte sequence of a JSON value that is hashed,
//! signed, measured and stored.
//!
//! `serde_json` already writes the shortest form: no spaces, the escapes of the specification's grammar, and keys in
//! code-point order as long as its `Map` is a `BTreeMap`. What is left to do here is numbers.

use serde_json::{Map, Value};

/// The largest integer of canonical JSON, 2^53 − 1; the smallest is its negative.
pub const MAX_INTEGER: i64 = (1 << 53) - 1;

/// Why a value has no canonical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CanonicalError {
    /// A number with a fraction, or one too large to be an integer.
    #[error("numbers in events must be integers")]
    NotAnInteger,
    /// An integer that not every JSON library can hold exactly.
    #[error("integers in events must lie between -(2^53)+1 and (2^53)-1")]
    OutOfRange,
}

/// The canonical form of `value`.
///
/// A number that is an integer however it was spelt (`1e10`, `-0`) is written as that integer, as the
/// specification's examples ask; any other is refused.
pub fn to_canonical(value: &Value) -> Result<Vec<u8>, CanonicalError> {
    let mut out = Vec::with_capacity(512);
    write_value(&mut out, value)?;
    Ok(out)
}

/// The canonical form of an object.
pub fn object_to_canonical(object: &Map<String, Value>) -> Result<Vec<u8>, CanonicalError> {
    let mut out = Vec::with_capacity(1024);
    write_object(&mut out, object)?;
    Ok(out)
}

fn write_value(out: &mut Vec<u8>, value: &Value) -> Result<(), CanonicalError> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => write_number(out, number)?,
        Value::String(text) => write_string(out, text),
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_value(out, item)?;
            }
            out.push(b']');
        }
        Value::Object(object) => write_object(out, object)?,
    }
    Ok(())
}

fn write_object(out: &mut Vec<u8>, object: &Map<String, Value>) -> Result<(), CanonicalError> {
    out.push(b'{');
    for (index, (key, value)) in object.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_string(out, key);
        out.push(b':');
        write_value(out, value)?;
    }
    out.push(b'}');
    Ok(())
}

fn write_number(out: &mut Vec<u8>, number: &serde_json::Number) -> Result<(), CanonicalError> {
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
    use serde_json::{Value, json};

    use super::{CanonicalError, MAX_INTEGER, to_canonical};

    fn canonical(json: &str) -> Result<String, CanonicalError> {
        let value: Value = serde_json::from_str(json).unwrap();
        to_canonical(&value).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn objects_are_sorted_maps() {
        // Fails if some dependency turns on serde_json's `preserve_order`: every hash would then be wrong.
        let map: serde_json::Map<String, Value> = serde_json::from_str(r#"{"b":1,"a":2}"#).unwrap();
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
    }
}
