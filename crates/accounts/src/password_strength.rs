//! Passwords that are guessed first: those that everybody thinks of, people's own names, and keys in a row.
//!
//! A list of what is common catches most of what is tried against servers, because it is compared without digits and
//! signs around it, without capitals, and with the usual signs for letters read as those letters: `P@ssw0rd1!` is
//! `password`. Whatever is left is for the limits on guessing.

/// Words that alone, or with digits and signs around them, make no password. In the alphabet's order.
const COMMON: &[&str] = &[
    "aaaa",
    "abcabc",
    "abcdef",
    "access",
    "account",
    "admin",
    "administrator",
    "adobe",
    "andrea",
    "andrew",
    "angel",
    "anthony",
    "apple",
    "arsenal",
    "asdf",
    "asdfgh",
    "ashley",
    "austin",
    "azerty",
    "bailey",
    "banana",
    "baseball",
    "basketball",
    "batman",
    "benutzer",
    "biteme",
    "blink",
    "bonjour",
    "buster",
    "changeme",
    "changeit",
    "charlie",
    "cheese",
    "chelsea",
    "chocolate",
    "computer",
    "contrasena",
    "contraseña",
    "cookie",
    "daniel",
    "default",
    "demo",
    "donald",
    "doudou",
    "dragon",
    "element",
    "example",
    "facebook",
    "family",
    "ficken",
    "flower",
    "football",
    "freedom",
    "friends",
    "fuckme",
    "fuckyou",
    "geheim",
    "george",
    "ginger",
    "google",
    "guest",
    "hallo",
    "hannah",
    "harley",
    "heslo",
    "hello",
    "helloworld",
    "hockey",
    "hunter",
    "iloveu",
    "iloveyou",
    "internet",
    "jennifer",
    "jessica",
    "jesus",
    "jordan",
    "joshua",
    "justin",
    "killer",
    "letmein",
    "liverpool",
    "login",
    "loulou",
    "love",
    "lovely",
    "loveme",
    "loveyou",
    "maggie",
    "marseille",
    "martin",
    "master",
    "matrix",
    "matthew",
    "michael",
    "michelle",
    "minecraft",
    "monkey",
    "monster",
    "motdepasse",
    "mustang",
    "myspace",
    "naruto",
    "newyork",
    "nicole",
    "ninja",
    "nothing",
    "onepiece",
    "parola",
    "pass",
    "passer",
    "passw",
    "passwd",
    "password",
    "passwordpassword",
    "passwort",
    "pepper",
    "personal",
    "pokemon",
    "princess",
    "private",
    "qazwsx",
    "qazwsxedc",
    "qwert",
    "qwerty",
    "qwertz",
    "ranger",
    "robert",
    "root",
    "samsung",
    "schalke",
    "schatz",
    "secret",
    "secure",
    "senha",
    "server",
    "shadow",
    "snoopy",
    "soccer",
    "soleil",
    "starwars",
    "summer",
    "sunshine",
    "superman",
    "superuser",
    "sysadmin",
    "taylor",
    "temp",
    "temporary",
    "test",
    "tester",
    "testing",
    "thomas",
    "tigger",
    "trustno",
    "user",
    "username",
    "welcome",
    "whatever",
    "whoami",
    "william",
    "winter",
    "woaini",
    "wordpass",
    "yankees",
    "zaqxsw",
    "пароль",
    "йцукен",
    "привет",
    "любовь",
    "密码",
    "我爱你",
];

/// Keys and letters that stand in a row.
const ROWS: &[&str] = &[
    "01234567890",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiop",
    "qwertzuiop",
    "asdfghjkl",
    "zxcvbnm",
    "yxcvbnm",
    "azertyuiop",
    "qsdfghjklm",
    "wxcvbn",
    "1qaz2wsx3edc4rfv5tgb",
    "1q2w3e4r5t6y7u8i9o0p",
    "йцукенгшщзхъ",
    "фывапролджэ",
];

/// A run shorter than this is chance.
const RUN: usize = 3;
/// A password of digits only that has fewer is a date or a number that stands somewhere.
const DIGITS: usize = 10;

/// The reason why a password is among the first guesses for somebody who is called `names`, if it is. A sentence to be
/// shown.
pub(super) fn reason(password: &str, names: &[&str]) -> Option<&'static str> {
    let lower = password.trim().to_lowercase();
    let core = unit(core(&lower));
    let read = unit(&read_signs(&lower)).to_owned();
    let read = unit(self::core(&read)).to_owned();
    // With signs at the end that are letters, too: `4n4!`.
    let whole = read_signs(&format!("{}a", lower.trim_end_matches(|char: char| !char.is_alphanumeric())));
    let whole = unit(whole.strip_suffix('a').unwrap_or_default());
    let forms = [lower.as_str(), core, &read, whole];
    if forms.iter().any(|form| is_common(form)) {
        return Some("this password is too easy to guess: choose another");
    }
    if forms.iter().any(|form| names.iter().any(|name| is_name(form, name))) {
        return Some("the password must not be your name or the server's: choose another");
    }
    let (length, repeated) = (lower.chars().count(), unit(&lower).chars().count());
    let is_repetition = length >= 6 && repeated <= 3 && repeated < length;
    if length >= 4 && (is_repetition || is_row(&lower) || is_row(unit(&lower))) {
        return Some("the password must not be a sequence or a repetition: choose another");
    }
    if (4..DIGITS).contains(&length) && lower.chars().all(|char| char.is_ascii_digit()) {
        return Some("a password made of digits only must have at least 10 of them");
    }
    None
}

fn is_common(form: &str) -> bool {
    let joined: String = form.chars().filter(|char| !char.is_whitespace()).collect();
    COMMON.contains(&joined.as_str())
}

fn is_name(form: &str, name: &str) -> bool {
    let name = name.to_lowercase();
    name.chars().count() >= 2 && (form == name || form.chars().rev().eq(name.chars()))
}

/// Trims all characters that are not letters from both ends; all of `text` if nothing is left.
fn core(text: &str) -> &str {
    let core = text.trim_matches(|char: char| !char.is_alphabetic());
    if core.is_empty() { text } else { core }
}

/// The shortest part that `text` repeats; `text` itself if it is no repetition.
fn unit(text: &str) -> &str {
    let ends = text.char_indices().map(|(at, char)| at + char.len_utf8());
    let mut repeats = ends.filter(|end| text.len().is_multiple_of(*end) && *end < text.len());
    let repeated = |end: &usize| text.as_bytes().chunks(*end).all(|part| part == &text.as_bytes()[..*end]);
    repeats.find(repeated).map_or(text, |end| &text[..end])
}

/// Reads signs as the letters that they are put for.
fn read_signs(text: &str) -> String {
    let read = |char| match char {
        '0' => 'o',
        '1' | '!' | '|' => 'i',
        '3' | '€' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' | '+' => 't',
        other => other,
    };
    // Not at the end, where digits are put to satisfy a rule.
    let end = text.trim_end_matches(|char: char| !char.is_alphabetic()).len();
    text[..end].chars().map(read).chain(text[end..].chars()).collect()
}

/// Whether most of a text is in runs, and those are few.
fn is_row(text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut in_runs, mut rest) = (0, 0, 0);
    while at < text.len() {
        let run = run(&text[at..]);
        if run >= RUN {
            in_runs += run;
            rest += 2; // where it begins and which way it goes
        } else {
            rest += run;
        }
        at += run;
    }
    rest < 6 && in_runs * 10 >= text.len() * 7
}

/// How many characters at the start stand in one of the rows, one way or the other, or are the same.
fn run(text: &[char]) -> usize {
    let same = text.iter().take_while(|char| **char == text[0]).count();
    let in_row = |row: &[char]| {
        let starts = row.iter().enumerate().filter(|(_, char)| **char == text[0]).map(|(at, _)| at);
        starts.map(|at| common(&row[at..], text)).max().unwrap_or(0)
    };
    let rows = ROWS.iter().flat_map(|row| {
        let row: Vec<char> = row.chars().collect();
        let back: Vec<char> = row.iter().rev().copied().collect();
        [in_row(&row), in_row(&back)]
    });
    rows.max().unwrap_or(0).max(same).max(1)
}

fn common(row: &[char], text: &[char]) -> usize {
    row.iter().zip(text).take_while(|(one, other)| one == other).count()
}

#[cfg(test)]
mod tests {
    use super::{COMMON, reason};

    const NAMES: &[&str] = &["ana", "marie-claire", "example"];

    #[test]
    fn what_is_guessed_first_is_refused() {
        for password in [
            "password",
            "Password1!",
            "P@ssw0rd",
            "p4$$word2024",
            "passwordpassword",
            "12password34",
            "iloveyou",
            "i love you",
            "welcome1",
            "letmein123",
            "admin2024",
            "changeme!",
            "пароль123",
            "密码密码",
            "contraseña1",
            "ana",
            "ana12345",
            "anaanaana",
            "Marie-Claire",
            "marie-claire1",
            "erialc-eiram",
            "example2024",
            "4n4!",
            "12345678",
            "87654321",
            "abcdefgh",
            "qwertyuiop",
            "qwerty123",
            "asdfghjkl",
            "1q2w3e4r",
            "1qaz2wsx",
            "aaaaaaaa",
            "aaaabbbb",
            "abcabcabc",
            "123123123",
            "abcd1234",
            "йцукенгш",
            "zyxwvuts",
            "19851224",
            "01011990",
        ] {
            assert!(reason(password, NAMES).is_some(), "{password}");
        }
    }

    #[test]
    fn what_nobody_guesses_first_is_not() {
        for password in [
            "correct horse",
            "correct horse battery staple",
            "password of ana",
            "a long one",
            "another horse",
            "first",
            "ana likes tea",
            "Tr0ub4dor&3",
            "hunter gatherer",
            "kitchen-cabinet",
            "x",
            "pw",
            "八个字符的密码吗",
            "übers3kr1t",
            "31415926535",
            "anarchy is loud",
            "secretary bird",
            "",
        ] {
            assert_eq!(reason(password, NAMES), None, "{password}");
        }
    }

    #[test]
    fn the_longest_password_is_judged_quickly() {
        assert!(reason(&"ab".repeat(256), NAMES).is_some());
        assert_eq!(reason(&"axbycz".repeat(85), &["ana"]), None);
        for word in COMMON {
            assert!(reason(word, &[]).is_some(), "{word}");
        }
    }
}
