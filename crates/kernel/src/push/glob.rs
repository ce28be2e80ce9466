//! Glob patterns (spec: appendices, "Glob-style matching"), matched without regard to case. Matching takes a known
//! number of steps, whatever the pattern and the text are: patterns are the users', texts are anybody's.

use std::collections::HashMap;

use super::words::is_word_character;

/// `text` without regard to case, character by character: no text becomes longer or is read differently for what stands
/// beside a letter. (`str::to_lowercase` makes two characters of `İ`, and writes the `Σ` at the end of a word
/// differently from one within it, so that a pattern would miss the words that it begins.)
pub(super) fn fold(text: &str) -> String {
    if text.is_ascii() { text.to_ascii_lowercase() } else { text.chars().map(fold_character).collect() }
}

fn fold_character(character: char) -> char {
    let mut lower = character.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some('ς'), None) => 'σ',
        (Some(lower), None) => lower,
        _ => character,
    }
}

/// A pattern of `*`, `?` and literal characters.
#[derive(Debug)]
pub(super) enum Glob {
    /// No wildcards: the [folded](fold) pattern.
    Literal(Box<str>),
    /// With wildcards.
    Wild(Automaton),
}

impl Glob {
    pub(super) fn new(pattern: &str) -> Self {
        let pattern = fold(pattern);
        if pattern.contains(['*', '?']) { Self::Wild(Automaton::new(&pattern)) } else { Self::Literal(pattern.into()) }
    }

    /// Whether the whole of `text` matches.
    pub(super) fn matches(&self, text: &str) -> bool {
        match self {
            // No letter is more than three times as long as what it is folded to.
            Self::Literal(pattern) if text.len() > 3 * pattern.len() => false,
            Self::Literal(pattern) if text.is_ascii() => pattern.eq_ignore_ascii_case(text),
            Self::Literal(pattern) => **pattern == *fold(text),
            Self::Wild(automaton) => automaton.matches(&fold(text)),
        }
    }

    /// The steps that matching a text of this many bytes takes. A pattern without wildcards costs no more than itself.
    pub(super) fn steps(&self, text: usize) -> usize {
        match self {
            Self::Literal(_) => 0,
            Self::Wild(automaton) => automaton.steps(text),
        }
    }
}

/// A pattern as a nondeterministic automaton whose states are the bits of `words` machine words: state `n` has seen
/// the first `n` characters of the pattern, stars not counted.
#[derive(Debug)]
pub(super) struct Automaton {
    /// For each ASCII character of the pattern, the states that it moves on from; first come those for all others.
    moves: Vec<Box<[u64]>>,
    /// The place of each ASCII character in `moves`: a step is taken for each character of a text, and hashing one would
    /// take longer than all the rest of it.
    ascii: Box<[u8; 128]>,
    /// The same as `moves` for all other characters.
    others: HashMap<char, Box<[u64]>>,
    /// The states that any character moves on from: those before a `?`.
    any: Box<[u64]>,
    /// The states that any character may leave as they are: those before a `*`.
    stays: Box<[u64]>,
    accepting: usize,
}

impl Automaton {
    pub(super) fn new(pattern: &str) -> Self {
        let accepting = pattern.chars().filter(|character| *character != '*').count();
        let none = vec![0; accepting / 64 + 1].into_boxed_slice();
        let (mut any, mut stays) = (none.clone(), none.clone());
        let mut others: HashMap<char, Box<[u64]>> = HashMap::new();
        let mut state = 0;
        for character in pattern.chars() {
            match character {
                '*' => set(&mut stays, state),
                '?' => set(&mut any, state),
                literal => set(others.entry(literal).or_insert_with(|| none.clone()), state),
            }
            state += usize::from(character != '*');
        }
        let (mut moves, mut ascii) = (vec![any.clone()], Box::new([0; 128]));
        others.retain(|character, states| {
            states.iter_mut().zip(&any).for_each(|(states, any)| *states |= any);
            let Some(place) = ascii.get_mut(*character as usize) else { return true };
            *place = moves.len() as u8; // at most 128
            moves.push(std::mem::take(states));
            false
        });
        Self { moves, ascii, others, any, stays, accepting }
    }

    fn matches(&self, text: &str) -> bool {
        let mut states = self.start();
        set(&mut states, 0);
        text.chars().for_each(|character| self.step(&mut states, character));
        self.accepts(&states)
    }

    /// Whether some part of `text`, which is [folded](fold), matches that begins and ends at a word boundary.
    pub(super) fn matches_word(&self, text: &str) -> bool {
        let mut states = self.start();
        let mut before = false;
        let mut rest = text.chars();
        loop {
            let next = rest.clone().next();
            if !(before && next.is_some_and(is_word_character)) {
                set(&mut states, 0);
                if self.accepts(&states) {
                    return true;
                }
            }
            let Some(character) = rest.next() else { return false };
            self.step(&mut states, character);
            before = is_word_character(character);
        }
    }

    /// The steps that matching a text of this many bytes takes: a machine word for each character at least.
    pub(super) fn steps(&self, text: usize) -> usize {
        self.any.len() * text
    }

    /// How much memory the pattern takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        (self.moves.len() + self.others.len() + 2) * self.any.len() * 8 + self.ascii.len()
    }

    fn start(&self) -> Box<[u64]> {
        vec![0; self.any.len()].into_boxed_slice()
    }

    fn step(&self, states: &mut [u64], character: char) {
        let moves = match self.ascii.get(character as usize) {
            Some(place) => &self.moves[usize::from(*place)],
            None => self.others.get(&character).unwrap_or(&self.any),
        };
        // Most patterns are short.
        if let ([states], [moves], [stays]) = (&mut *states, &**moves, &*self.stays) {
            *states = ((*states & moves) << 1) | (*states & stays);
            return;
        }
        let mut carry = 0;
        for ((states, moves), stays) in states.iter_mut().zip(moves).zip(&self.stays) {
            let moving = *states & moves;
            *states = (moving << 1) | carry | (*states & stays);
            carry = moving >> 63;
        }
    }

    fn accepts(&self, states: &[u64]) -> bool {
        states[self.accepting / 64] & (1 << (self.accepting % 64)) != 0
    }
}

fn set(states: &mut [u64], state: usize) {
    states[state / 64] |= 1 << (state % 64);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Glob, fold};
    use crate::push::words::{contains_word, mark};

    fn whole(pattern: &str, text: &str) -> bool {
        Glob::new(pattern).matches(text)
    }

    fn word(pattern: &str, text: &str) -> bool {
        match Glob::new(pattern) {
            Glob::Literal(word) => contains_word(&mark(&fold(text)), &word),
            Glob::Wild(automaton) => automaton.matches_word(&fold(text)),
        }
    }

    #[test]
    fn examples_of_the_specification() {
        assert!(whole("lunc?*", "Lunch plans") && whole("lunc?*", "LUNCH"));
        assert!(!whole("lunc?*", " lunch") && !whole("lunc?*", "lunc"));
        for text in ["An example event.", "exple", "An exciting triple-whammy"] {
            assert!(word("ex*ple", text), "{text}");
        }
        assert!(word("cake*lie", "the cake is a lie!") && word("time", "It's time for tea"));
    }

    #[test]
    fn the_whole_text() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("?", "", false),
            ("?", "日", true),
            ("a**b", "ab", true),
            ("*.example.org", "matrix.EXAMPLE.org", true),
            ("a?c", "ac", false),
            ("Ä*", "äß", true),
            ("İ", "İ", true),
            ("?", "İ", true),
            ("ΟΔΟΣ*", "οδοσα", true),
            ("ΟΔΟΣ", "οδος", true),
            ("k", "\u{212a}", true),
            ("[a]", "[A]", true),
        ] {
            assert_eq!(whole(pattern, text), expected, "{pattern} {text}");
        }
        let long = "ab".repeat(100);
        assert!(whole(&format!("{long}*"), &long) && !whole(&format!("{long}?"), &long));
    }

    #[test]
    fn word_boundaries() {
        for (pattern, text, expected) in [
            ("cake", "Cake", true),
            ("cake", "a cake.", true),
            ("cake", "cakes", false),
            ("cake", "_cake", false),
            ("cake", "cheese-cake9", false),
            ("cake", "cakecake cake", true),
            ("", "", true),
            ("", "cake", true),
            (" ", "a cake", true),
            ("-c", "a-cake", false),
            ("-cake", "a-cake", true),
            ("cake?", "my cakes", true),
            ("a a", "xa a a", true),
            ("蛋糕", "我要吃蛋糕了", true),
            ("ana", "安娜ana娜", true),
            ("!bang", "foo!bang", true),
            ("c*e", "abcde", false),
            ("c*e", "ab c_d_e", true),
            // The letters around a word are no part of it, and where a letter stands does not matter.
            ("cake", "cake\u{130}", true),
            ("ca?e", "CA\u{130}E", true),
            ("ΟΔΟΣ*", "η ΟΔΟΣΑ", true),
            ("οδος", "ΟΔΟΣ.", true),
            ("*Σ", "ΟΔΟΣ", true),
            ("*", "", true),
            ("?", "ab c", true),
            ("?", "ab", false),
        ] {
            assert_eq!(word(pattern, text), expected, "{pattern} {text}");
        }
    }

    /// The definition, followed literally: slow and surely right.
    fn reference(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((&'*', rest)) => (0..=text.len()).any(|skip| reference(rest, &text[skip..])),
            Some((&'?', rest)) => !text.is_empty() && reference(rest, &text[1..]),
            Some((literal, rest)) => text.first() == Some(literal) && reference(rest, &text[1..]),
        }
    }

    proptest! {
        #[test]
        fn globs_match_as_defined(pattern in "[ab_*? ]{0,8}", text in "[ab_ ]{0,10}") {
            let (pattern_characters, characters): (Vec<char>, Vec<char>) =
                (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(whole(&pattern, &text), reference(&pattern_characters, &characters));
            let boundary = |at: usize| {
                let is_word = |at: usize| characters.get(at).is_some_and(|character| *character != ' ');
                at == 0 || !(is_word(at - 1) && is_word(at))
            };
            let expected = (0..=characters.len()).filter(|start| boundary(*start)).any(|start| {
                (start..=characters.len())
                    .filter(|end| boundary(*end))
                    .any(|end| reference(&pattern_characters, &characters[start..end]))
            });
            prop_assert_eq!(word(&pattern, &text), expected);
        }
    }
}
