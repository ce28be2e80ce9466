//! Strings and bytes.

use proptest::{collection::vec, prelude::*, sample::select};

/// Pieces of text with a meaning of their own somewhere: separators, escapes, wildcards, letters whose cases differ in
/// length or by where they stand, marks, directions, characters of every length in UTF-8.
const PIECES: &[&str] = &[
    "",
    " ",
    "a",
    "B",
    "z9",
    "_",
    "-",
    ".",
    "..",
    "/",
    "//",
    ":",
    ";",
    ",",
    "=",
    "&",
    "#",
    "@",
    "!",
    "$",
    "%",
    "%00",
    "%ff",
    "%2F",
    "+",
    "*",
    "?",
    "[",
    "]",
    "{",
    "}",
    "(",
    ")",
    "<",
    ">",
    "\"",
    "'",
    "\\",
    "\0",
    "\n",
    "\r\n",
    "\t",
    "\u{7f}",
    "\u{a0}",
    "\u{130}",
    "\u{131}",
    "\u{1e9e}",
    "\u{df}",
    "\u{3a3}",
    "\u{3c3}",
    "\u{3c2}",
    "\u{212a}",
    "\u{fb01}",
    "\u{301}",
    "\u{200b}",
    "\u{200d}",
    "\u{202e}",
    "\u{2028}",
    "\u{feff}",
    "\u{fffd}",
    "\u{65e5}",
    "\u{1f468}\u{200d}\u{1f469}",
    "\u{10ffff}",
    "0",
    "1",
    "-1",
    "18446744073709551616",
    "1e9",
    "null",
    "true",
    "NaN",
];

/// Any text, mostly of short pieces that mean something to a parser.
pub fn any_text() -> impl Strategy<Value = String> {
    with_words(&[])
}

/// Any text in which these words are frequent.
pub fn with_words(words: &[&'static str]) -> impl Strategy<Value = String> + use<> {
    let piece = if words.is_empty() {
        select(PIECES).prop_map(str::to_owned).boxed()
    } else {
        prop_oneof![2 => select(words.to_vec()).prop_map(str::to_owned), 1 => select(PIECES).prop_map(str::to_owned)]
            .boxed()
    };
    let piece = prop_oneof![6 => piece, 1 => any::<char>().prop_map(String::from)];
    vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

/// One of these texts with a few bytes changed, as text again.
pub fn mutated(valid: Vec<String>) -> impl Strategy<Value = String> {
    let bytes = valid.into_iter().map(String::into_bytes).collect();
    mutated_bytes(bytes).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// A change of a byte sequence; places are taken modulo its length.
#[derive(Debug, Clone)]
enum Change {
    Insert(usize, Vec<u8>),
    Remove(usize, usize),
    Flip(usize, u8),
    /// Repeats a part at another place.
    Copy(usize, usize, usize),
}

/// One of these byte sequences with a few changes.
pub fn mutated_bytes(valid: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let inserted = prop_oneof![any_text().prop_map(String::into_bytes), vec(any::<u8>(), 0..6)];
    let change = prop_oneof![
        (any::<usize>(), inserted).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        (any::<usize>(), 1_usize..12).prop_map(|(at, count)| Change::Remove(at, count)),
        (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Change::Flip(at, byte)),
        (any::<usize>(), 1_usize..24, any::<usize>()).prop_map(|(from, count, to)| Change::Copy(from, count, to)),
    ];
    (select(valid), vec(change, 0..5)).prop_map(|(mut bytes, changes)| {
        for change in changes {
            change.apply(&mut bytes);
        }
        bytes
    })
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let place = |at: usize| at % (bytes.len() + 1);
        let part = |at: usize, count: usize| place(at)..(place(at) + count).min(bytes.len());
        match self {
            Self::Insert(at, inserted) => {
                let at = place(*at);
                bytes.splice(at..at, inserted.iter().copied());
            }
            Self::Remove(at, count) => drop(bytes.drain(part(*at, *count))),
            Self::Flip(at, with) => {
                let at = place(*at);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= with;
                }
            }
            Self::Copy(from, count, to) => {
                let (copied, to) = (bytes[part(*from, *count)].to_vec(), place(*to));
                bytes.splice(to..to, copied);
            }
        }
    }
}
