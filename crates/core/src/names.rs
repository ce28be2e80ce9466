//! Names as they are searched: folded, and cut into pairs of characters.
//!
//! Folding takes away what people do not type: capitals, accents, the width of characters, which of the kana is used,
//! punctuation. A name is then indexed by its overlapping pairs of characters with a mark where words begin and end, so
//! that any part of it is found as a run of pairs, in scripts that put no spaces between words too. Chinese characters
//! are indexed by their pinyin as well, as if the name had it as further words.

use im2_model::{UserId, fold, spellings};
use im2_store::user_directory::Run;

/// Stands for the space around words. From the private use area: no name has it after folding.
const EDGE: char = '\u{E000}';
/// Characters of a query that are looked at, and words.
const MAX_QUERY: usize = 100;
const MAX_WORDS: usize = 8;

/// The place in a word at which a query has to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// At its beginning.
    Start,
    /// Anywhere.
    Anywhere,
}

/// The pairs under which a user is entered in the directory.
pub fn index(user_id: &UserId, displayname: Option<&str>) -> String {
    let names = [Some(user_id.localpart()), displayname];
    let mut grams = Vec::new();
    for name in names.into_iter().flatten() {
        let mut words = words(name);
        if words.is_empty() {
            continue;
        }
        words.extend(spellings(&fold(name)));
        let text: Vec<char> = std::iter::once(EDGE)
            .chain(words.iter().flat_map(|word| word.chars().chain(std::iter::once(EDGE))))
            .collect();
        grams.extend(text.windows(2).map(|pair| pair.iter().collect::<String>()));
    }
    grams.join(" ")
}

/// The runs of pairs that a name has if it has each word of `query`; none if there is nothing to search for.
pub fn query(query: &str, place: Place) -> Vec<Run> {
    let cut: String = query.chars().take(MAX_QUERY).collect();
    let run = |word: String| {
        let edge = (place == Place::Start).then_some(EDGE);
        let text: Vec<char> = edge.into_iter().chain(word.chars()).collect();
        if let [single] = text[..] {
            return Run { grams: vec![single.to_string()], open: true };
        }
        Run { grams: text.windows(2).map(|pair| pair.iter().collect()).collect(), open: false }
    };
    words(&cut).into_iter().take(MAX_WORDS).map(run).collect()
}

/// The words of a name, without what people do not type.
fn words(text: &str) -> Vec<String> {
    let separates = |char: char| {
        char.is_ascii() && !char.is_ascii_alphanumeric()
            || char.is_whitespace()
            || char.is_control()
            || is_private(char)
    };
    fold(text).split(separates).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn is_private(char: char) -> bool {
    matches!(char, '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{10FFFF}')
}

#[cfg(test)]
mod tests {
    use super::{EDGE, Place, index, query, words};
    use im2_model::UserId;

    #[test]
    fn folding_takes_away_what_people_do_not_type() {
        for (name, expected) in [
            ("Ana María", vec!["ana", "maria"]),
            ("O'Brien-Łukasz", vec!["o", "brien", "lukasz"]),
            ("ＦＵＬＬ　Width", vec!["full", "width"]),
            ("张 三丰", vec!["张", "三丰"]),
            ("김철수", vec!["김철수"]),
            ("がいこく ガイコク", vec!["がいこく", "がいこく"]),
            ("İstanbul Straße", vec!["istanbul", "strasse"]),
            (" \u{E000}\t", vec![]),
        ] {
            assert_eq!(words(name), expected, "{name}");
        }
    }

    #[test]
    fn a_name_is_indexed_by_its_pairs() {
        let index = index(&UserId::parse("@li:im.test").unwrap(), Some("张三"));
        let expected = ["_l", "li", "i_", "_张", "张三", "三_"].join(" ").replace('_', &EDGE.to_string());
        assert!(index.starts_with(&expected), "{index}");
        assert!(index.contains(&["_z", "zs", "s_"].join(" ").replace('_', &EDGE.to_string())), "{index}");
    }

    #[test]
    fn a_long_name_has_a_bounded_index() {
        let name = "单行重乐 ".repeat(64);
        let index = index(&UserId::parse("@li:im.test").unwrap(), Some(&name));
        assert!(index.len() < 32_768, "{}", index.len());
    }

    #[test]
    fn a_query_becomes_runs_of_pairs() {
        let runs = query("San 丰", Place::Anywhere);
        assert_eq!((runs[0].grams.join(" "), runs[0].open), ("sa an".to_owned(), false));
        assert_eq!((runs[1].grams.join(" "), runs[1].open), ("丰".to_owned(), true));
        let start = query("丰", Place::Start);
        assert_eq!((start[0].grams.concat(), start[0].open), (format!("{EDGE}丰"), false));
        assert!(query(" @ ", Place::Start).is_empty());
        assert_eq!(query(&"word ".repeat(1_000), Place::Start).len(), 8);
    }
}
