//! Matching of a search term against names one by one, without an index: for the filters of administrators' lists.

use crate::{
    folding::{fold, fold_term},
    pinyin,
};

/// Letters of a term that is matched as pinyin: [`is_begun`] keeps a bit for each.
const MOST_LETTERS: usize = 63;
/// Characters of a name that are matched as pinyin. Names of people are shorter.
const MOST_CHARACTERS: usize = 128;

/// A term that is searched anywhere in names, whatever their case, accents, width and kana. Latin letters also match the
/// pinyin of Chinese names.
#[derive(Debug, Clone)]
pub struct NameSearch {
    folded: String,
    /// The term itself, if nothing is left of it when it is folded: accents alone.
    literal: Option<Box<str>>,
    /// The term as pinyin, if it can be that.
    letters: Option<Box<[u8]>>,
}

impl NameSearch {
    /// Reads a term.
    pub fn new(term: &str) -> Self {
        let folded = fold_term(term.trim());
        let typed = || folded.bytes().filter(|byte| !matches!(byte, b' ' | b'\''));
        let is_pinyin = !folded.is_empty() && typed().all(|byte| byte.is_ascii_lowercase());
        let letters = (is_pinyin && typed().count() <= MOST_LETTERS).then(|| typed().collect());
        let literal = (folded.is_empty() && !term.trim().is_empty()).then(|| term.trim().into());
        Self { folded, literal, letters }
    }

    /// Whether a name has the term in it.
    pub fn finds(&self, name: &str) -> bool {
        if let Some(literal) = &self.literal {
            return name.contains(&**literal);
        }
        let folded = fold(name);
        folded.contains(&self.folded) || self.letters.as_deref().is_some_and(|letters| is_spelled(letters, &folded))
    }
}

/// Whether some of a name's characters that follow each other are typed so.
fn is_spelled(letters: &[u8], folded: &str) -> bool {
    if folded.is_ascii() || letters.is_empty() {
        return false;
    }
    let characters: Vec<Vec<&str>> = folded
        .chars()
        .take(MOST_CHARACTERS)
        .filter(|char| !pinyin::stands_within_names(*char))
        .map(pinyin::readings)
        .collect();
    (0..characters.len()).any(|start| is_begun(letters, &characters[start..]))
}

/// Whether the letters are typed for the first of `characters`, each by a reading or the beginning of its syllable.
fn is_begun(letters: &[u8], characters: &[Vec<&str>]) -> bool {
    // Bit n: the first n letters stand for the characters so far.
    let mut reached: u64 = 1;
    for readings in characters {
        let mut next: u64 = 0;
        for at in (0..letters.len()).filter(|at| reached >> at & 1 == 1) {
            let rest = &letters[at..];
            for reading in readings {
                if reading.as_bytes().starts_with(rest) {
                    return true;
                }
                let ways = [Some(*reading), Some(&reading[..1]), pinyin::digraph(reading)];
                for way in ways.into_iter().flatten().filter(|way| rest.starts_with(way.as_bytes())) {
                    next |= 1 << (at + way.len());
                }
            }
        }
        if next == 0 {
            return false;
        }
        reached = next;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::NameSearch;

    fn finds(term: &str, name: &str) -> bool {
        NameSearch::new(term).finds(name)
    }

    #[test]
    fn a_term_is_found_however_it_is_written() {
        for (term, name) in [
            ("кот", "Старый Кот"),
            ("КОТ", "кот"),
            ("école", "Ecole normale"),
            ("ecole", "L'École"),
            ("strasse", "Hauptstraße 3"),
            ("ΟΔΌΣ", "η οδος"),
            ("istanbul", "İSTANBUL"),
            ("IRMAK", "ırmak"),
            ("カフェ", "夜のかふぇ"),
            ("かふぇ", "ｶﾌｪ"),
            ("full", "ＦＵＬＬ"),
            ("a_b%", "xa_b%y"),
            (" ana m ", "Ana María"),
            ("\u{301}", "cafe\u{301}"),
            ("", "anybody"),
        ] {
            assert!(finds(term, name), "{term} in {name}");
        }
        for (term, name) in [("a_b", "axb"), ("кит", "кот"), ("anna", "Ana"), ("\u{301}", "Ana")] {
            assert!(!finds(term, name), "{term} in {name}");
        }
    }

    #[test]
    fn letters_find_chinese_names() {
        for term in ["zhangwei", "zhang wei", "Zhang", "zw", "zhw", "zhangw", "zwei", "wei", "zhāngwěi", "zh"] {
            assert!(finds(term, "我是张伟 (dev)"), "{term}");
        }
        for (term, name) in
            [("xi'an", "西安"), ("zengwei", "曾伟"), ("cengwei", "曾伟"), ("lvbu", "吕布"), ("zw", "张 伟")]
        {
            assert!(finds(term, name), "{term} in {name}");
        }
        for (term, name) in
            [("wz", "张伟"), ("zhangwu", "张伟"), ("zhangweib", "张伟"), ("zw1", "张伟"), ("zw", "张a伟")]
        {
            assert!(!finds(term, name), "{term} in {name}");
        }
    }

    #[test]
    fn long_terms_and_names_end() {
        let name = "单行重乐".repeat(10_000);
        for term in ["x".repeat(10_000), "dhzl".repeat(15), "shanxingzhongyue".repeat(3)] {
            finds(&term, &name);
        }
        assert!(finds(&"z".repeat(63), &"张".repeat(100)));
    }
}
