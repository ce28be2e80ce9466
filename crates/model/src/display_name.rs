//! Text that people choose and others see among other text: names of users, devices and rooms.

use std::borrow::Cow;

/// A name without what changes the text around it or cannot be seen: control characters, ends of lines, embeddings,
/// overrides and isolates of the direction of writing, and spaces without width. What scripts and emoji are made with
/// stays: letters of any direction, joiners, the marks that set a direction for a letter.
pub fn shown_name(name: &str) -> Cow<'_, str> {
    if name.contains(is_unshown) { Cow::Owned(name.replace(is_unshown, "")) } else { Cow::Borrowed(name) }
}

fn is_unshown(char: char) -> bool {
    char.is_control()
        || matches!(
            char,
            '\u{200b}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0001}'
        )
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::shown_name;

    #[test]
    fn what_turns_or_hides_text_is_taken_out() {
        for (name, shown) in [
            ("Ana\u{202e}gnp.exe", "Anagnp.exe"),
            ("\u{2067}Ana\u{2069}", "Ana"),
            ("A\0n\na\u{7f}\u{85}", "Ana"),
            ("A\u{200b}n\u{feff}a\u{2060}", "Ana"),
            ("\u{202e}", ""),
        ] {
            assert_eq!(shown_name(name), shown);
        }
    }

    #[test]
    fn what_scripts_and_emoji_need_stays() {
        for name in [
            "شذا",
            "שלום עולם",
            "می\u{200c}خواهم",
            "👩\u{200d}👩\u{200d}👧",
            "🏴\u{e0067}\u{e0062}\u{e007f}",
            "a\u{200f}b",
            "王小明",
        ] {
            assert!(matches!(shown_name(name), Cow::Borrowed(same) if same == name), "{name}");
        }
    }
}
