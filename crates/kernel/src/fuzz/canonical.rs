//! Canonical JSON, as the specification's grammar has it, from JSON that is spelt in every other way.

use std::fmt::Write as _;

use im2_fuzz::{json::any_json, text};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Map, Value};

use crate::canonical::{CanonicalError, MAX_INTEGER, object_to_canonical, to_canonical};

/// JSON as somebody wrote it.
#[derive(Debug, Clone)]
enum Written {
    Word(&'static str),
    /// An integer times a power of ten, and whether it is spelt with a fraction.
    Number(i64, i32, bool),
    /// A text, and which of its characters are escaped.
    Text(String, u64),
    List(Vec<Written>),
    /// Members in order; of several with the same name the last counts.
    Object(Vec<(String, u64, Written)>),
}

fn written() -> impl Strategy<Value = Written> {
    let edges = vec![0, 1, -1, MAX_INTEGER, -MAX_INTEGER, MAX_INTEGER + 1, -MAX_INTEGER - 1, i64::MAX, i64::MIN];
    // What is spelt with a fraction is read as a double, of which the parser gets fifteen digits right.
    let small = (-9_999_999_999_999_i64..=9_999_999_999_999, -15..6, any::<bool>());
    let number = prop_oneof![
        (select(edges), Just(0), Just(false)).prop_map(|(digits, power, point)| Written::Number(digits, power, point)),
        small.prop_map(|(digits, power, point)| Written::Number(digits, power, point)),
        (-99_i64..99, -3..20, any::<bool>()).prop_map(|(digits, power, point)| Written::Number(digits, power, point)),
    ];
    let key =
        prop_oneof![select(vec!["a", "b", "\u{e000}", "\u{10000}", ""]).prop_map(str::to_owned), text::any_text()];
    let leaf = prop_oneof![
        1 => select(vec!["null", "true", "false"]).prop_map(Written::Word),
        2 => number,
        3 => (text::any_text(), any::<u64>()).prop_map(|(text, escaped)| Written::Text(text, escaped)),
    ];
    leaf.prop_recursive(4, 48, 8, move |inner| {
        prop_oneof![
            1 => vec(inner.clone(), 0..6).prop_map(Written::List),
            2 => vec((key.clone(), any::<u64>(), inner), 0..8).prop_map(Written::Object),
        ]
    })
}

/// Writes it as JSON, with white space and escapes that say nothing.
fn spell(written: &Written, out: &mut String) {
    match written {
        Written::Word(word) => out.push_str(word),
        Written::Number(digits, power, point) => {
            out.push_str(&digits.to_string());
            if *point {
                out.push_str(".00");
            }
            match power {
                0 => {}
                1 => out.push_str("E+1"),
                _ => write!(out, "e{power}").unwrap(),
            }
        }
        Written::Text(text, escaped) => spell_text(text, *escaped, out),
        Written::List(items) => {
            out.push_str("[ ");
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { " ,\n" } else { "" });
                spell(item, out);
            }
            out.push_str("\t]");
        }
        Written::Object(members) => {
            out.push_str("{\r\n");
            for (index, (key, escaped, value)) in members.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                spell_text(key, *escaped, out);
                out.push_str(" : ");
                spell(value, out);
            }
            out.push('}');
        }
    }
}

fn spell_text(text: &str, escaped: u64, out: &mut String) {
    out.push('"');
    for (index, character) in text.chars().enumerate() {
        let must = character < ' ' || character == '"' || character == '\\';
        if character == '/' && escaped & (1 << (index % 64)) != 0 {
            out.push_str("\\/");
        } else if must || escaped & (1 << (index % 64)) != 0 {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let written = if index % 2 == 0 { write!(out, "\\u{unit:04x}") } else { write!(out, "\\u{unit:04X}") };
                written.unwrap();
            }
        } else {
            out.push(character);
        }
    }
    out.push('"');
}

/// The canonical form, by the specification's grammar and nothing else.
fn reference(written: &Written) -> Result<String, CanonicalError> {
    Ok(match written {
        Written::Word(word) => (*word).to_owned(),
        Written::Number(digits, power, _) => reference_number(*digits, *power)?,
        Written::Text(text, _) => reference_text(text),
        Written::List(items) => {
            let items: Result<Vec<_>, _> = items.iter().map(reference).collect();
            format!("[{}]", items?.join(","))
        }
        Written::Object(members) => {
            let last = |index: usize| members[index + 1..].iter().all(|(key, ..)| *key != members[index].0);
            let mut counted: Vec<_> = (0..members.len()).filter(|index| last(*index)).map(|at| &members[at]).collect();
            counted.sort_by(|(one, ..), (other, ..)| one.chars().cmp(other.chars()));
            let member = |(key, _, value): &&(String, u64, Written)| {
                Ok(format!("{}:{}", reference_text(key), reference(value)?))
            };
            let members: Result<Vec<_>, _> = counted.iter().map(member).collect();
            format!("{{{}}}", members?.join(","))
        }
    })
}

fn reference_number(digits: i64, power: i32) -> Result<String, CanonicalError> {
    let mut value = i128::from(digits);
    for _ in 0..power {
        value *= 10;
    }
    for _ in power..0 {
        if value % 10 != 0 {
            return Err(CanonicalError::NotAnInteger);
        }
        value /= 10;
    }
    let fits = value.abs() <= i128::from(MAX_INTEGER);
    if fits { Ok(value.to_string()) } else { Err(CanonicalError::OutOfRange) }
}

fn reference_text(text: &str) -> String {
    let escaped = text.chars().map(|character| match character {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        '\u{8}' => "\\b".to_owned(),
        '\u{c}' => "\\f".to_owned(),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        control if control < ' ' => format!("\\u{:04x}", u32::from(control)),
        other => other.to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

proptest! {
    #[test]
    fn the_canonical_form_is_the_specifications(written in written()) {
        let mut text = String::new();
        spell(&written, &mut text);
        let value: Value = serde_json::from_str(&text).unwrap();
        let canonical = to_canonical(&value).map(|bytes| String::from_utf8(bytes).unwrap());
        let expected = reference(&written);
        // Which of several wrong numbers is named first is nobody's business.
        if canonical.is_ok() || expected.is_ok() {
            prop_assert_eq!(&canonical, &expected, "{}", text);
        }
        if let Ok(canonical) = canonical {
            let again: Value = serde_json::from_str(&canonical).unwrap();
            prop_assert_eq!(to_canonical(&again).unwrap(), canonical.as_bytes());
        }
    }

    #[test]
    fn any_json_has_one_canonical_form_or_none(value in any_json(&["a", "b", "content"])) {
        let spaced: Value = serde_json::from_str(&serde_json::to_string_pretty(&value).unwrap()).unwrap();
        prop_assert_eq!(to_canonical(&spaced), to_canonical(&value));
        let object = Map::from_iter([("k".to_owned(), value.clone())]);
        prop_assert_eq!(object_to_canonical(&object), to_canonical(&Value::Object(object)));
        if let Ok(bytes) = to_canonical(&value) {
            let again: Value = serde_json::from_slice(&bytes).unwrap();
            prop_assert_eq!(to_canonical(&again), Ok(bytes));
        }
    }

    #[test]
    fn what_is_nearly_json_is_read_or_refused(
        text in text::mutated(vec![
            r#"{"a":[1,-0,1e5,"\ud83d\ude00\u0000"],"b":{"c":null,"c":9007199254740991}}"#.to_owned(),
            r#"[[[[{"\ud800":"\udc00"}]]],1.0,true]"#.to_owned(),
        ]),
    ) {
        if let Ok(value) = serde_json::from_str::<Value>(&text)
            && let Ok(bytes) = to_canonical(&value)
        {
            let again: Value = serde_json::from_slice(&bytes).unwrap();
            prop_assert_eq!(to_canonical(&again), Ok(bytes));
        }
    }

    #[test]
    fn nesting_has_an_end(depth in 0_usize..2_000, opening in select(vec![("[", "]"), (r#"{"a":"#, "}")])) {
        let text = format!("{}0{}", opening.0.repeat(depth), opening.1.repeat(depth));
        match serde_json::from_str::<Value>(&text) {
            Ok(value) => prop_assert_eq!(to_canonical(&value).unwrap(), text.as_bytes()),
            Err(_) => prop_assert!(depth > 100),
        }
    }
}
