//! Chinese characters as people type them on a Latin keyboard: by their pinyin, or by the first letters of it.

use pinyin::{Pinyin, ToPinyinMulti as _};

/// Readings of a character that are used. The data list the common ones first; beyond this many they are archaic.
const MOST_READINGS: usize = 6;
/// Characters of a run that are spelled out: longer than names of people are.
const MOST_CHARACTERS: usize = 8;
/// Spellings of one run, before those of its ends: a name of three characters, each of which has two readings.
const MOST_SPELLINGS: usize = 64;

/// The readings of a character in letters a to z, the usual one first; none if it is not Chinese. `ü`, which is not on
/// keyboards, is typed `v` or `u`.
pub(crate) fn readings(char: char) -> Vec<&'static str> {
    let mut found: Vec<&'static str> = Vec::new();
    if char.is_ascii() {
        return found;
    }
    for reading in char.to_pinyin_multi().into_iter().flatten().take(MOST_READINGS).map(Pinyin::plain) {
        let typed: &[&'static str] = match reading {
            "lü" => &["lv", "lu"],
            "nü" => &["nv", "nu"],
            "lüe" => &["lve", "lue"],
            "nüe" => &["nve", "nue"],
            // Interjections such as ê, which no name has.
            reading if !reading.bytes().all(|byte| byte.is_ascii_lowercase()) => &[],
            reading => &[reading],
        };
        for reading in typed {
            if !found.contains(reading) {
                found.push(reading);
            }
        }
    }
    found
}

/// The initial of a syllable, if it has two letters.
pub(crate) fn digraph(reading: &str) -> Option<&str> {
    reading.get(..2).filter(|start| matches!(*start, "zh" | "ch" | "sh"))
}

/// Words that find a folded text when its Chinese characters are typed in pinyin: whole syllables, first letters, and
/// both mixed. A query matches the beginning of a word, so its last syllable may be incomplete.
pub fn spellings(folded: &str) -> Vec<String> {
    let mut spelled = Vec::new();
    let mut run: Vec<Vec<&'static str>> = Vec::new();
    for char in folded.chars() {
        let readings = readings(char);
        if !readings.is_empty() {
            run.push(readings);
        } else if !stands_within_names(char) {
            spell(&run, &mut spelled);
            run.clear();
        }
    }
    spell(&run, &mut spelled);
    spelled.sort_unstable();
    spelled.dedup();
    spelled
}

/// Separators that may stand between the characters of one name.
pub(crate) fn stands_within_names(char: char) -> bool {
    char.is_whitespace() || matches!(char, '·' | '・' | '‧')
}

/// Adds the spellings of a run of characters.
fn spell(run: &[Vec<&'static str>], spelled: &mut Vec<String>) {
    let run = &run[..run.len().min(MOST_CHARACTERS)];
    let Some((last, others)) = run.split_last() else { return };
    let mut choices: Vec<Vec<&str>> = others.iter().map(|readings| ways(readings)).collect();
    choices.push(last.clone());
    while choices.iter().map(Vec::len).product::<usize>() > MOST_SPELLINGS {
        let longest = choices.iter_mut().max_by_key(|choices| choices.len());
        longest.and_then(Vec::pop);
    }
    let mut words = vec![String::new()];
    for choices in choices {
        words = words.iter().flat_map(|word| choices.iter().map(move |choice| format!("{word}{choice}"))).collect();
    }
    spelled.append(&mut words);
    // For a long run the limit may have dropped these: the first letters of all characters, and the ends of the run,
    // such as a given name.
    spelled.push(run.iter().map(|readings| &readings[0][..1]).collect());
    spelled.extend((1..run.len()).map(|start| run[start..].iter().map(|readings| readings[0]).collect::<String>()));
}

/// The ways to type a character that others follow, the likely ones first.
fn ways(readings: &[&'static str]) -> Vec<&'static str> {
    let mut ways = Vec::new();
    let mut add = |way| {
        if !ways.contains(&way) {
            ways.push(way);
        }
    };
    for reading in readings {
        add(*reading);
        add(&reading[..1]);
    }
    readings.iter().filter_map(|reading| digraph(reading)).for_each(add);
    ways
}

#[cfg(test)]
mod tests {
    use super::{MOST_CHARACTERS, MOST_SPELLINGS, readings, spellings};

    #[test]
    fn a_character_is_read_in_all_usual_ways() {
        for (char, expected) in [
            ('张', vec!["zhang"]),
            ('曾', vec!["ceng", "zeng"]),
            ('吕', vec!["lv", "lu"]),
            ('張', vec!["zhang"]),
            ('a', vec![]),
            ('é', vec![]),
            ('カ', vec![]),
            ('한', vec![]),
        ] {
            assert_eq!(readings(char), expected, "{char}");
        }
        assert!(readings('单').contains(&"shan") && readings('单').contains(&"dan"));
    }

    #[test]
    fn a_name_is_spelled_whole_and_by_first_letters() {
        let expected = ["wei", "zhangwei", "zhwei", "zw", "zwei"];
        for name in ["张伟", "张 伟", "张·伟", "a张伟b"] {
            assert_eq!(spellings(name), expected, "{name}");
        }
        assert!(spellings("zhang").is_empty());
        let found = |name: &str, typed: &str| spellings(name).iter().any(|word| word.starts_with(typed));
        for typed in ["wangxiaoming", "wxm", "wangxm", "wxiaom", "xiaoming", "ming"] {
            assert!(found("王小明", typed), "{typed}");
        }
        for typed in ["zengguofan", "cengguofan", "zgf", "cgf"] {
            assert!(found("曾国藩", typed), "{typed}");
        }
        assert!(found("中国移动通信集团", "zgydtx"));
        assert!(!found("张伟", "wz"));
    }

    #[test]
    fn spellings_are_bounded() {
        let many = "单行重乐".repeat(100);
        let words = spellings(&many);
        assert!(words.len() <= MOST_SPELLINGS + MOST_CHARACTERS, "{}", words.len());
        assert!(words.iter().all(|word| word.len() <= 6 * MOST_CHARACTERS));
    }
}
