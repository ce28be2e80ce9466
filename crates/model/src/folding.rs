//! Text without what people do not type when they search: capitals, accents, the width of characters, and which of
//! the two kana a Japanese word is written in.

use unicode_normalization::UnicodeNormalization as _;

/// Bytes that a text may grow by beyond twice its length: what a few characters of the longest decompositions take.
const SLACK: usize = 256;
/// Characters of what somebody searches for that are looked at.
const MAX_TERM: usize = 500;

/// Folds what somebody searches for, which is short: of a longer one the beginning.
pub fn fold_term(term: &str) -> String {
    let end = term.char_indices().nth(MAX_TERM).map_or(term.len(), |(end, _)| end);
    fold(&term[..end])
}

/// Folds a text: two texts that differ only in what people do not type fold to the same. What separates words is left
/// as it is. One character can become eighteen, so of a long text that would more than double the rest is left out.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let most = 2 * text.len() + SLACK;
    let decomposed = text.nfkd().filter(|char| !is_accent(*char)).nfc();
    let mut folded = String::with_capacity(text.len());
    for char in decomposed.flat_map(char::to_lowercase) {
        if folded.len() >= most {
            break;
        }
        match char {
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'đ' | 'ð' => folded.push('d'),
            'ħ' => folded.push('h'),
            'ŧ' => folded.push('t'),
            'þ' => folded.push_str("th"),
            'ı' => folded.push('i'),
            'ς' => folded.push('σ'),
            'ァ'..='ヶ' | 'ヽ' | 'ヾ' => folded.push(hiragana(char)),
            // Lowercasing İ leaves a dot that combines with the i.
            char if is_accent(char) => {}
            char => folded.push(char),
        }
    }
    folded
}

/// The hiragana that sounds like a katakana which has one.
fn hiragana(katakana: char) -> char {
    /// How far apart the two are in Unicode.
    const APART: u32 = 0x60;
    char::from_u32(u32::from(katakana) - APART).unwrap_or(katakana)
}

/// Marks on letters that are left out in writing as often as not: accents, and the vowel signs of Hebrew and Arabic.
///
/// The marks of Indic scripts and of kana are letters of their own to those who write them: they stay.
fn is_accent(char: char) -> bool {
    matches!(char,
        '\u{300}'..='\u{36F}' | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}' | '\u{20D0}'..='\u{20FF}'
        | '\u{FE20}'..='\u{FE2F}' | '\u{591}'..='\u{5BD}' | '\u{5BF}' | '\u{5C1}'..='\u{5C2}' | '\u{5C4}'..='\u{5C5}'
        | '\u{5C7}' | '\u{610}'..='\u{61A}' | '\u{640}' | '\u{64B}'..='\u{65F}' | '\u{670}'
        | '\u{6D6}'..='\u{6DC}' | '\u{6DF}'..='\u{6E8}' | '\u{6EA}'..='\u{6ED}'
        | '\u{200C}'..='\u{200D}' | '\u{FE00}'..='\u{FE0F}')
}

#[cfg(test)]
mod tests {
    use super::{fold, fold_term};

    #[test]
    fn a_text_does_not_grow_without_bound() {
        let text = "\u{FDFA}".repeat(100_000);
        assert!(fold(&text).len() < 2 * text.len() + 300);
        assert_eq!(fold_term(&text).len(), fold_term(&text[..1_500]).len());
        assert_eq!(fold("\u{FDFA}").chars().count(), 18, "a short one is folded whole");
    }

    #[test]
    fn folding_takes_away_what_people_do_not_type() {
        for (text, folded) in [
            ("Ana María", "ana maria"),
            ("ŁUKASZ", "lukasz"),
            ("ＦＵＬＬ　Width", "full width"),
            ("한글 がいこく", "한글 がいこく"),
            ("ｶﾞ ガ が", "が が が"),
            ("カタカナ ヴェネツィア ァヶヽヾ", "かたかな ゔぇねつぃあ ぁゖゝゞ"),
            ("ラーメン ﾗｰﾒﾝ らーめん", "らーめん らーめん らーめん"),
            ("кот КОТ Ёлка Їжак", "кот кот елка іжак"),
            ("Ħal Ŧ Þór", "hal t thor"),
            ("ırmak İRMAK IRMAK", "irmak irmak irmak"),
            ("हिन्दी", "हिन्दी"),
            ("İstanbul Straße", "istanbul strasse"),
            ("ΟΔΟΣ οδός", "οδοσ οδοσ"),
            ("Việt Nam", "viet nam"),
            ("שָׁלוֹם", "שלום"),
            ("ﬁn", "fin"),
            ("❤️", "❤"),
        ] {
            assert_eq!(fold(text), folded, "{text}");
        }
    }
}
