//! Text as it is searched: what it is indexed by, and whether it has what somebody looks for.
//!
//! A text is brought into a plain form first: folded, and cut into pieces with one space between them. A piece is a
//! word, or a run of characters of a script that puts no spaces between words (Chinese, Japanese, Thai …), of Korean,
//! whose words grow endings, or of emoji. Words are indexed whole; runs by their overlapping pairs of characters, so
//! that any two that follow each other find the text, and by their last character, so that one alone does too.
//!
//! The index is part of what is stored: whoever changes what [`terms`] gives has to have it made anew.

use std::collections::BTreeSet;

use im2_kernel::search::SearchKey;
use im2_model::fold;
use im2_store::search::Term;
use unicode_normalization::char::is_combining_mark;

/// Characters of a text that are searched. The largest event has four times as many.
const MAX_TEXT: usize = 16_384;
/// Terms a text is indexed by: what a page of pasted text has. More of a log file is not worth its place.
const MAX_TERMS: usize = 1_000;
/// Characters of a word that are indexed: nobody types more of a hash to find it.
const MAX_WORD: usize = 40;
/// Characters of a query that are looked at, and pieces.
const MAX_QUERY: usize = 256;
const MAX_PIECES: usize = 16;
/// The shortest beginning of a word that finds it. One letter begins too many.
const MIN_OPEN: usize = 2;
/// Marks index entries of events that are not messages. From the private use area: no folded text has it.
const MARK: char = '\u{E001}';

/// The words and phrases of a search.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    phrases: Vec<Phrase>,
}

/// Pieces that have to follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Phrase {
    /// The text in its plain form.
    text: String,
    /// Whether its last word stands for all that begin with it.
    is_open: bool,
}

/// The plain form of a text.
pub fn plain(text: &str) -> String {
    #[derive(Clone, Copy, PartialEq)]
    enum Kind {
        Between,
        Word,
        Run,
    }
    let cut = text.char_indices().nth(MAX_TEXT).map_or(text, |(end, _)| &text[..end]);
    let folded = fold(cut);
    let mut plain = String::with_capacity(folded.len());
    let mut last = Kind::Between;
    for char in folded.chars() {
        let kind = if is_run(char) {
            Kind::Run
        } else if char.is_alphanumeric() || is_combining_mark(char) {
            Kind::Word
        } else {
            Kind::Between
        };
        if kind != Kind::Between {
            if kind != last && !plain.is_empty() {
                plain.push(' ');
            }
            plain.push(char);
        }
        last = kind;
    }
    plain
}

/// Whether a character belongs to a run rather than to a word.
fn is_run(char: char) -> bool {
    let is_emoji = matches!(char, '\u{2190}'..='\u{21FF}' | '\u{2600}'..='\u{27BF}' | '\u{2B00}'..='\u{2BFF}' | '\u{1F000}'..='\u{1FAFF}');
    let has_no_spaces = matches!(char,
        '\u{E00}'..='\u{EFF}' | '\u{1000}'..='\u{109F}' | '\u{1100}'..='\u{11FF}' | '\u{1780}'..='\u{17FF}'
        | '\u{2E80}'..='\u{2FDF}' | '\u{3005}'..='\u{3007}' | '\u{3021}'..='\u{3035}' | '\u{3040}'..='\u{31FF}'
        | '\u{3400}'..='\u{9FFF}' | '\u{A960}'..='\u{A97F}' | '\u{AC00}'..='\u{D7FF}' | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{3FFFF}');
    is_emoji || has_no_spaces && (char.is_alphanumeric() || is_combining_mark(char))
}

fn starts_run(piece: &str) -> bool {
    piece.chars().next().is_some_and(is_run)
}

fn is_last_run(text: &str) -> bool {
    text.chars().next_back().is_some_and(is_run)
}

/// The terms that an event with this text is indexed by, separated by spaces; `None` if there are none.
pub fn terms(key: SearchKey, text: &str) -> Option<Box<str>> {
    let plain = plain(text);
    let mut terms: BTreeSet<&str> = BTreeSet::new();
    for piece in plain.split(' ').filter(|piece| !piece.is_empty()) {
        if terms.len() >= MAX_TERMS {
            break;
        }
        if starts_run(piece) {
            terms.extend(pairs(piece));
            terms.extend(piece.char_indices().next_back().map(|(at, _)| &piece[at..]));
        } else {
            terms.insert(word_start(piece));
        }
    }
    if terms.is_empty() {
        return None;
    }
    let mark = mark(key);
    let all = mark.as_deref().into_iter().chain(terms);
    Some(all.collect::<Vec<_>>().join(" ").into())
}

/// The term of events that are no messages: they are few, so that naming them takes little room.
fn mark(key: SearchKey) -> Option<String> {
    match key {
        SearchKey::Body => None,
        SearchKey::Name => Some(format!("{MARK}n")),
        SearchKey::Topic => Some(format!("{MARK}t")),
    }
}

/// The overlapping pairs of characters of a run.
fn pairs(run: &str) -> impl Iterator<Item = &str> {
    let starts = run.char_indices().map(|(at, _)| at);
    let ends = run.char_indices().map(|(at, char)| at + char.len_utf8()).skip(1);
    starts.zip(ends).map(|(start, end)| &run[start..end])
}

fn word_start(word: &str) -> &str {
    word.char_indices().nth(MAX_WORD).map_or(word, |(end, _)| &word[..end])
}

impl Wanted {
    /// Reads a query: words that all have to occur, the last of them perhaps only begun; what is in quotation marks or
    /// not separated by spaces has to occur as it is.
    pub fn parse(query: &str) -> Self {
        let cut: String = query.chars().take(MAX_QUERY).collect();
        let is_quote = |char| matches!(char, '"' | '“' | '”' | '„' | '«' | '»');
        let mut phrases = Vec::new();
        let parts: Vec<&str> = cut.split(is_quote).collect();
        for (index, part) in parts.iter().enumerate() {
            if index % 2 == 1 {
                phrases.push(Phrase { text: plain(part), is_open: false });
            } else {
                phrases.extend(part.split_whitespace().map(|word| Phrase { text: plain(word), is_open: false }));
            }
        }
        phrases.retain(|phrase| !phrase.text.is_empty());
        let is_quoted = parts.len() > 1 && parts.last().is_some_and(|last| last.trim().is_empty());
        if let Some(last) = phrases.last_mut().filter(|_| !is_quoted) {
            let word = last.text.rsplit(' ').next().unwrap_or_default();
            last.is_open = !starts_run(word) && word.chars().count() >= MIN_OPEN;
        }
        let mut pieces = 0;
        phrases.retain(|phrase| {
            pieces += phrase.text.split(' ').count();
            pieces <= MAX_PIECES
        });
        Self { phrases }
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.phrases.is_empty()
    }

    /// The terms that an event with one of `keys` has if its text matches: one of each.
    pub fn terms(&self, keys: &[SearchKey]) -> Vec<Vec<Term>> {
        let mut all: Vec<Vec<Term>> = Vec::new();
        let mut add = |text: &str, open: bool| all.push(vec![Term { text: text.to_owned(), open }]);
        for phrase in &self.phrases {
            let mut pieces = phrase.text.split(' ').peekable();
            while let Some(piece) = pieces.next() {
                if !starts_run(piece) {
                    add(word_start(piece), phrase.is_open && pieces.peek().is_none());
                } else if piece.chars().nth(1).is_none() {
                    add(piece, true);
                } else {
                    pairs(piece).for_each(|pair| add(pair, false));
                }
            }
        }
        let marks: Option<Vec<Term>> =
            keys.iter().map(|key| mark(*key).map(|text| Term { text, open: false })).collect();
        all.extend(marks);
        all.dedup();
        all
    }

    /// How well a text in its plain form matches; `None` if it does not. Greater is better. Derived from how often
    /// each phrase occurs, in proportion to the text's length.
    pub fn rank(&self, plain: &str) -> Option<u32> {
        /// A text of usual length, in bytes.
        const USUAL: f64 = 60.0;
        let bytes = u32::try_from(plain.len()).unwrap_or(u32::MAX);
        let length = 0.25 + 0.75 * f64::from(bytes) / USUAL;
        let mut rank = 0.0;
        for phrase in &self.phrases {
            let found = phrase.occurrences(plain);
            if found == 0.0 {
                return None;
            }
            rank += found / (found + 1.2 * length);
        }
        Some((rank * 1e6) as u32)
    }

    /// The texts that a client may highlight: the query's pieces, and words of `texts` that only folding makes equal to
    /// them.
    pub fn highlights<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        /// Enough for what is shown of one answer.
        const MOST: usize = 50;
        let pieces = || self.phrases.iter().flat_map(|phrase| phrase.text.split(' '));
        let mut found: BTreeSet<String> = pieces().map(str::to_owned).collect();
        for text in texts {
            for word in text.split(|char: char| !char.is_alphanumeric() && !is_combining_mark(char)) {
                if found.len() >= MOST {
                    return found.into_iter().collect();
                }
                let folded = fold(word);
                let lower = word.to_lowercase();
                if lower == folded {
                    continue;
                }
                let (runs, words): (Vec<&str>, Vec<&str>) = pieces().partition(|piece| starts_run(piece));
                if words.into_iter().any(|piece| folded.starts_with(piece)) {
                    found.insert(lower);
                } else {
                    found.extend(runs.into_iter().filter_map(|piece| written(&lower, &folded, piece)));
                }
            }
        }
        found.into_iter().collect()
    }
}

/// The part of a word that folding makes a piece of a run; `None` if there is none, or if folding has moved characters.
fn written(word: &str, folded: &str, piece: &str) -> Option<String> {
    let before = folded[..folded.find(piece)?].chars().count();
    let same_places = word.chars().count() == folded.chars().count();
    same_places.then(|| word.chars().skip(before).take(piece.chars().count()).collect())
}

impl Phrase {
    /// How often the phrase occurs. A word of which only the beginning was asked for counts half.
    fn occurrences(&self, plain: &str) -> f64 {
        let at_words = (!starts_run(&self.text), !is_last_run(&self.text));
        let count = |(at, _): (usize, &str)| {
            let end = at + self.text.len();
            let begins = at == 0 || plain.as_bytes()[at - 1] == b' ';
            let ends = end == plain.len() || plain.as_bytes()[end] == b' ';
            match at_words {
                (true, _) if !begins => 0.0,
                (_, true) if !ends => f64::from(u8::from(self.is_open)) / 2.0,
                _ => 1.0,
            }
        };
        plain.match_indices(&self.text).map(count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::{Wanted, plain, terms};
    use im2_kernel::search::SearchKey::{Body, Name, Topic};

    fn finds(query: &str, text: &str) -> bool {
        let wanted = Wanted::parse(query);
        let found = wanted.rank(&plain(text)).is_some();
        // What the text has is in the index; the index alone may find more.
        let indexed = terms(Body, text).unwrap_or_default();
        let has = |one_of: &Vec<im2_store::search::Term>| {
            indexed.split(' ').any(|term| {
                one_of.iter().any(|one| if one.open { term.starts_with(&one.text) } else { term == one.text })
            })
        };
        assert!(!found || wanted.terms(&[Body]).iter().all(has), "{query} is in {text:?} and not in {indexed:?}");
        found
    }

    #[test]
    fn a_text_becomes_pieces() {
        for (text, expected) in [
            ("Hello, world!", "hello world"),
            ("我用iPhone手机打字。真的！", "我用 iphone 手机打字 真的"),
            ("naïve_file-name.TXT", "naive file name txt"),
            ("ok👍🏽 done", "ok 👍🏽 done"),
            ("일본어를 배워요", "일본어를 배워요"),
            ("हिन्दी में", "हिन्दी में"),
            ("… \u{E000}\t", ""),
        ] {
            assert_eq!(plain(text), expected, "{text}");
        }
    }

    #[test]
    fn terms_are_words_and_pairs() {
        assert_eq!(terms(Body, "To be or not to be").as_deref(), Some("be not or to"));
        assert_eq!(terms(Body, "张三丰").as_deref(), Some("三丰 丰 张三"));
        assert_eq!(terms(Name, "Tea").as_deref(), Some("\u{E001}n tea"));
        assert_eq!(terms(Topic, " ! "), None);
        let long = "x".repeat(100);
        assert_eq!(terms(Body, &long).map(|terms| terms.len()), Some(40));
        let many = (0..5_000).map(|number| format!("w{number}")).collect::<Vec<_>>().join(" ");
        assert_eq!(terms(Body, &many).map(|terms| terms.split(' ').count()), Some(1_000));
    }

    #[test]
    fn any_two_characters_find_a_text_in_chinese_japanese_and_korean() {
        for text in ["今天天气很好", "東京タワーに行きました", "오늘날씨가좋네요", "สวัสดีครับ"]
        {
            let chars: Vec<char> = text.chars().collect();
            for size in [1, 2, 3, chars.len()] {
                for part in chars.windows(size) {
                    assert!(finds(&part.iter().collect::<String>(), text), "{part:?} in {text}");
                }
            }
        }
        assert!(!finds("天很", "今天天气很好"));
    }

    #[test]
    fn kana_and_width_make_no_difference() {
        for (query, text) in [
            ("らーめん", "ラーメンが食べたい"),
            ("ラーメン", "らーめんが食べたい"),
            ("ﾗｰﾒﾝ", "らーめん"),
            ("ガイド", "ｶﾞｲﾄﾞ"),
            ("meeting", "ＭＥＥＴＩＮＧ　５"),
            ("５", "room 5"),
            ("ｶﾌｪ latte", "カフェ Ｌatte"),
        ] {
            assert!(finds(query, text), "{query} in {text}");
        }
        // Folded characters are stored, so that the index has one term for both.
        assert_eq!(terms(Body, "タワー"), terms(Body, "たわー"));
    }

    #[test]
    fn words_are_found_whatever_their_case_and_accents() {
        let text = "Le Café de l'Étoile à Zürich, ЁЛКА, ΟΔΟΣ, Straße";
        for query in ["cafe", "CAFÉ", "etoile", "zurich le", "елка", "οδος", "strasse", "STRAẞE", "zür", "de l'Étoile"]
        {
            assert!(finds(query, text), "{query}");
        }
        for query in ["caf de", "toile", "z", "zurich caff", "cafe zurichs"] {
            assert!(!finds(query, text), "{query}");
        }
    }

    #[test]
    fn all_words_have_to_occur_and_phrases_as_they_are() {
        let text = "I bought an iPhone手机壳 at example.org yesterday";
        for query in [
            "yesterday bought",
            "手机 iphone",
            "iphone手机",
            "手机壳",
            "example.org",
            "\"bought an\"",
            "bou",
            "“at example”",
        ] {
            assert!(finds(query, text), "{query}");
        }
        for query in ["bought tomorrow", "\"an bought\"", "org.example", "手壳", "\"yester\"", "bou yesterday"] {
            assert!(!finds(query, text), "{query}");
        }
        assert!(finds("👍", "great 👍🏽"));
        assert!(Wanted::parse(" \"\" … ").is_empty());
        assert!(Wanted::parse(&"word ".repeat(1_000)).terms(&[Body]).len() <= 16);
    }

    #[test]
    fn what_says_it_more_often_and_in_fewer_words_ranks_higher() {
        let rank = |query: &str, text: &str| Wanted::parse(query).rank(&plain(text)).unwrap();
        assert!(rank("tea", "tea") > rank("tea", "a long sentence in which there is some tea, among other things"));
        assert!(rank("tea", "tea, tea and tea") > rank("tea", "tea, milk and milk"));
        assert!(rank("tea", "tea time") > rank("tea", "teapot ok"));
    }

    #[test]
    fn highlights_are_what_is_in_the_text() {
        let found = Wanted::parse("cafe 好喝").highlights(["Im CAFÉ war es schön", "cafe"]);
        assert_eq!(found, ["cafe", "café", "好喝"]);
        let found = Wanted::parse("ひらがな").highlights(["これはヒラガナです", "ひらがな"]);
        assert_eq!(found, ["ひらがな", "ヒラガナ"]);
    }

    #[test]
    fn only_some_kinds_of_events_can_be_asked_for() {
        let terms = |keys: &[_]| Wanted::parse("tea").terms(keys).len();
        assert_eq!((terms(&[Body, Name, Topic]), terms(&[Body]), terms(&[Name, Topic])), (1, 1, 2));
    }
}
