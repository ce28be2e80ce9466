//! Tokens of every kind: what is read is what was written, and what is no token is refused.

use std::{fmt::Display, str::FromStr};

use im2_chat::{
    notifications::Place,
    rooms::{DirectoryToken, HierarchyToken, MutualToken, TimelineToken},
    search::Cursor,
    thread_subscriptions::ChangesToken,
    thread_updates::UpdatesToken,
};
use im2_fuzz::text;
use im2_model::{Position, StreamToken};
use proptest::prelude::*;

const VALID: &[&str] = &[
    "s1.4711~93",
    "s4711_301505_578~5~0_256001",
    "s0_9223372036854775745~18446744073709551615",
    "s9223372036854775807~0",
    "s~0",
    "t17",
    "p1a2b-s1.5~3",
    "h20.3.1",
    "n12,!room:example.org",
    "p0,!r:x",
    "m17",
    "u123",
    "f123",
    "n1700000000000_4711",
    "0....7",
    "17.250.9.0~!room:x",
    "17...0~@ana:x",
    "100",
    "s1.9223372036854775807~18446744073709551615",
];
const PIECES: &[&str] = &[
    "s",
    "t",
    "p",
    "h",
    "n",
    "m",
    "u",
    "f",
    ".",
    "_",
    "~",
    "-",
    ",",
    "+",
    "0",
    "1",
    "9",
    "32767",
    "32768",
    "281474976710655",
    "281474976710656",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "!r:x",
    "@a:x",
];

/// A token that is read is the same after it was written and read again.
fn survives<T: FromStr + Display + PartialEq + std::fmt::Debug>(text: &str) -> Result<Option<T>, TestCaseError>
where
    T::Err: Display,
{
    survives_reading(text, str::parse)
}

fn survives_reading<T: Display + PartialEq + std::fmt::Debug, E: Display>(
    text: &str,
    read: fn(&str) -> Result<T, E>,
) -> Result<Option<T>, TestCaseError> {
    match read(text) {
        Ok(token) => {
            let again = read(&token.to_string());
            prop_assert!(again.as_ref().is_ok_and(|again| *again == token), "{} became {}", text, token);
            Ok(Some(token))
        }
        Err(error) => {
            prop_assert!(!error.to_string().is_empty());
            Ok(None)
        }
    }
}

proptest! {
    #[test]
    fn a_token_survives_or_is_refused(
        text in prop_oneof![
            text::mutated(VALID.iter().map(|token| (*token).to_owned()).collect()),
            text::with_words(PIECES),
        ],
    ) {
        if let Some(token) = survives_reading(&text, StreamToken::read)? {
            for position in token.stream().entries() {
                prop_assert!(token.includes(*position) && token.reached(position.writer()) == *position);
                prop_assert!(token.stream().up_to(*position).includes(*position));
                prop_assert_eq!(Position::from_i64(position.to_i64()), *position);
            }
            prop_assert!(token.is_at_or_after(&token) && token.is_at_or_after(&StreamToken::default()));
            _ = token.to_device();
        }
        if let Some(TimelineToken(number)) = TimelineToken::read(&text) {
            prop_assert!(number >= 0 && number.checked_add(1).is_some());
        }
        survives::<DirectoryToken>(&text)?;
        survives::<HierarchyToken>(&text)?;
        survives::<MutualToken>(&text)?;
        survives::<Place>(&text)?;
        survives::<Cursor>(&text)?;
        survives::<ChangesToken>(&text)?;
        survives::<UpdatesToken>(&text)?;
    }
}
