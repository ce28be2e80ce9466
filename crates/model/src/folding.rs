//! Text without what people do not type when they search: capitals, accents, the width of characters, and which of
//! the two kana a Japanese word is written in.

use unicode_normalization::UnicodeNormalization as _;

/// Folds a text: two texts that differ only in what people do not type fold to the same. What separates words is left
/// as it is. Every character becomes few (at most the eighteen of the longest compatibility decomposition).
pub fn fold(text: &str) -> String {
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
    use super::fold;

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
