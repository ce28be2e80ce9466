//! Text without what people do not type when they search: capitals, accents, the width of characters.

use unicode_normalization::UnicodeNormalization as _;

/// Folds a text. What separates words is left as it is.
pub(crate) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let decomposed = text.nfkd().filter(|char| !is_accent(*char)).nfc();
    let mut folded = String::with_capacity(text.len());
    for char in decomposed.flat_map(char::to_lowercase) {
        match char {
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'đ' | 'ð' => folded.push('d'),
            'ı' => folded.push('i'),
            'ς' => folded.push('σ'),
            // Lowercasing İ leaves a dot that combines with the i.
            char if is_accent(char) => {}
            char => folded.push(char),
        }
    }
    folded
}

/// Marks on letters that are left out in writing as often as not: accents, and the vowel signs of Hebrew and Arabic.
fn is_accent(char: char) -> bool {
    matches!(char,
        '\u{300}'..='\u{36F}' | '\u{591}'..='\u{5BD}' | '\u{5BF}' | '\u{5C1}'..='\u{5C2}' | '\u{5C4}'..='\u{5C5}'
        | '\u{5C7}' | '\u{610}'..='\u{61A}' | '\u{640}' | '\u{64B}'..='\u{65F}' | '\u{670}'
        | '\u{200C}'..='\u{200D}' | '\u{FE00}'..='\u{FE0F}')
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn folding_takes_away_what_people_do_not_type() {
        for (text, folded) in [
            ("Ana María", "ana maria"),
            ("ŁUKASZ", "lukasz"),
            ("ＦＵＬＬ　Width", "full width"),
            ("한글 がいこく", "한글 がいこく"),
            ("ｶﾞ", "ガ"),
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
