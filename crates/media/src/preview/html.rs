//! Reads a page's description of itself: its OpenGraph properties (<https://ogp.me/>), else its title and description.

use std::collections::BTreeMap;

use encoding_rs::{Encoding, UTF_8};
use html5gum::{DefaultEmitter, HtmlString, StartTag, Token, Tokenizer};

/// Properties that are kept. The vocabulary has about thirty.
const MAX_PROPERTIES: usize = 32;
/// Bytes of a property's name.
const MAX_NAME: usize = 64;
/// Characters of a property's value: more than a client shows.
const MAX_VALUE: usize = 1_000;
/// Bytes at the beginning among which a page names its encoding (HTML, "prescan a byte stream").
const PRESCAN: usize = 1_024;

/// OpenGraph properties by name, the first of each.
pub(super) type Properties = BTreeMap<String, String>;

/// Decodes a page: by its byte order mark, else by the encoding its headers named, else by the one it names itself.
pub(super) fn decode(bytes: &[u8], charset: Option<&str>) -> String {
    let named = charset.and_then(|label| Encoding::for_label(label.as_bytes()));
    let encoding = named.or_else(|| declared(&bytes[..bytes.len().min(PRESCAN)])).unwrap_or(UTF_8);
    encoding.decode(bytes).0.into_owned()
}

/// The encoding of `<meta charset="…">` or `<meta http-equiv="Content-Type" content="…; charset=…">`.
fn declared(beginning: &[u8]) -> Option<&'static Encoding> {
    let text = String::from_utf8_lossy(beginning);
    start_tags(&text).filter(|tag| *tag.name == b"meta".as_slice()).find_map(|tag| {
        let label = attribute(&tag, "charset").or_else(|| {
            let content = attribute(&tag, "content")?.to_ascii_lowercase();
            Some(content.split_once("charset=")?.1.trim().to_owned())
        })?;
        // A page whose declaration could be read as ASCII is not in UTF-16, whatever it says.
        Encoding::for_label(label.as_bytes()).map(|found| if found.is_ascii_compatible() { found } else { UTF_8 })
    })
}

/// Reads a page's properties. `og:title` and `og:description` are made up for where the page has them elsewhere.
pub(super) fn properties(page: &str) -> Properties {
    let mut found = Properties::new();
    let mut description = None;
    let mut title: Option<String> = None;
    let mut in_title = false;
    for token in tokens(page) {
        match token {
            Token::StartTag(tag) if *tag.name == b"meta".as_slice() => {
                let name = attribute(&tag, "property").or_else(|| attribute(&tag, "name"));
                let (Some(name), Some(content)) = (name, attribute(&tag, "content")) else { continue };
                let (name, content) = (name.trim().to_ascii_lowercase(), tidy(&content));
                if content.is_empty() {
                    continue;
                }
                if name == "description" {
                    description.get_or_insert(content);
                } else if name.starts_with("og:") && name.len() <= MAX_NAME && found.len() < MAX_PROPERTIES {
                    found.entry(name).or_insert(content);
                }
            }
            // Pictures within the page have titles of their own; the page's comes first.
            Token::StartTag(tag) if *tag.name == b"title".as_slice() => in_title = title.is_none(),
            Token::EndTag(tag) if *tag.name == b"title".as_slice() => in_title = false,
            Token::String(text) if in_title => {
                title.get_or_insert_default().push_str(&String::from_utf8_lossy(&text));
            }
            _ => {}
        }
    }
    let title = title.map(|title| tidy(&title)).filter(|title| !title.is_empty());
    for (name, value) in [("og:title", title), ("og:description", description)] {
        if let Some(value) = value {
            found.entry(name.to_owned()).or_insert(value);
        }
    }
    found
}

fn tokens(page: &str) -> impl Iterator<Item = Token> {
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true); // what looks like a tag inside of a script is none
    Tokenizer::new_with_emitter(page, emitter).flatten()
}

fn start_tags(page: &str) -> impl Iterator<Item = StartTag<()>> {
    tokens(page).filter_map(|token| if let Token::StartTag(tag) = token { Some(tag) } else { None })
}

fn attribute(tag: &StartTag<()>, name: &str) -> Option<String> {
    let value = tag.attributes.get(&HtmlString(name.as_bytes().to_vec()))?;
    Some(String::from_utf8_lossy(value).into_owned())
}

/// One line without runs of space, cut to what a client may want to show.
fn tidy(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_VALUE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::{decode, properties};

    #[test]
    fn opengraph_wins_over_title_and_description() {
        let page = r#"<!doctype html><html><head><title>Plain</title><meta name="description" content="Words">
            <META PROPERTY="og:title" CONTENT="Tom &amp; Jerry"><meta property=og:type content=website>
            <meta property="og:title" content="Second"><meta property="og:empty" content=" "><meta property="x" content="y">
            <script>document.write('<meta property="og:url" content="evil">')</script></head>"#;
        let found = properties(page);
        let expected = [("og:description", "Words"), ("og:title", "Tom & Jerry"), ("og:type", "website")];
        assert_eq!(found.iter().map(|(name, value)| (&**name, &**value)).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_title_will_do() {
        let page = "<title>\n  A  page\t&mdash; of mine </title><body><svg><title>icon</title></svg>";
        assert_eq!(properties(page)["og:title"], "A page — of mine");
        assert!(properties("").is_empty());
        assert!(properties("<title></title>").is_empty());
        assert_eq!(properties("<title>cut off")["og:title"], "cut off");
    }

    #[test]
    fn values_and_their_number_are_limited() {
        let long = format!("<title>{}</title>", "字".repeat(5000));
        assert_eq!(properties(&long)["og:title"].chars().count(), 1001);
        let many: Vec<_> = (0..1000).map(|at| format!("<meta property='og:x{at}' content='y'>")).collect();
        assert_eq!(properties(&many.concat()).len(), 32);
    }

    #[test]
    fn encodings() {
        let (gbk, _, _) = encoding_rs::GBK.encode("<meta charset=gbk><title>你好</title>");
        assert_eq!(properties(&decode(&gbk, None))["og:title"], "你好");
        let (gbk, _, _) = encoding_rs::GBK
            .encode("<meta http-equiv='Content-Type' content='text/html; charset=gb2312'><title>你好</title>");
        assert_eq!(properties(&decode(&gbk, None))["og:title"], "你好");
        let (big5, _, _) = encoding_rs::BIG5.encode("<title>你好</title>");
        assert_eq!(properties(&decode(&big5, Some("Big5")))["og:title"], "你好");
        assert_eq!(properties(&decode("\u{feff}<title>你好</title>".as_bytes(), Some("gbk")))["og:title"], "你好");
        assert_eq!(properties(&decode("<title>你好</title>".as_bytes(), Some("no such")))["og:title"], "你好");
        assert_eq!(properties(&decode(b"<title>\xff\xfe</title>", None))["og:title"], "\u{fffd}\u{fffd}");
    }
}
