//! Pages of any bytes: read within the limits, whatever they claim to be.

use im2_fuzz::text;
use proptest::{prelude::*, sample::select};

use super::html::{decode, properties};

const PAGE: &str = r#"<!doctype html><html><head><meta charset="utf-8"><title>A &amp; B</title><meta name=description
    content='Words'><meta property="og:title" content="Title &#x1F600;"><meta property="og:image" content="/a.png">
    <meta http-equiv="Content-Type" content="text/html; charset=gbk"><script>"<title>no</title>"</script>
    <style><!-- <meta> --></style></head><body><svg><title>icon</title></svg><!-- c --></body></html>"#;

const PIECES: &[&str] = &[
    "<title>",
    "</title>",
    "<meta ",
    "property=",
    "name=",
    "content=",
    "charset=",
    "http-equiv=Content-Type ",
    "og:title",
    "og:image",
    "og:",
    "description",
    "'",
    "\"",
    ">",
    "/>",
    "<!--",
    "-->",
    "<script>",
    "</script>",
    "<![CDATA[",
    "<textarea>",
    "&amp;",
    "&#0;",
    "&#x110000;",
    "&notit;",
    "utf-16",
    "gbk",
    "iso-2022-jp",
    "x-user-defined",
    "\0",
    "<plaintext>",
];

fn page() -> impl Strategy<Value = Vec<u8>> {
    let utf16 = PAGE.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked = [b"\xef\xbb\xbf".to_vec(), PAGE.into()].concat();
    prop_oneof![
        2 => text::mutated_bytes(vec![PAGE.into(), utf16, marked]),
        2 => prop::collection::vec(text::with_words(PIECES), 0..12).prop_map(|parts| parts.concat().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..200),
    ]
}

proptest! {
    #[test]
    fn any_page_has_properties_within_the_limits(
        bytes in page(),
        charset in prop::option::of(prop_oneof![
            select(vec!["utf-8", "UTF-16", "gbk", "replacement", "x"]).prop_map(str::to_owned), text::any_text()]),
    ) {
        let text = decode(&bytes, charset.as_deref());
        let found = properties(&text);
        prop_assert!(found.len() <= 34);
        for (name, value) in &found {
            prop_assert!(name.starts_with("og:") && name.len() <= 64 && *name == name.to_ascii_lowercase(), "{}", name);
            prop_assert!(!value.is_empty() && value.chars().count() <= 1_001);
            prop_assert_eq!(value.split_whitespace().collect::<Vec<_>>().join(" "), value.trim());
        }
        // The same bytes say the same.
        prop_assert_eq!(properties(&decode(&bytes, charset.as_deref())), found);
    }

    #[test]
    fn a_property_that_is_written_is_read(value in text::any_text(), quote in select(vec!['"', '\''])) {
        let escaped: String = value.chars().map(|char| match char {
            '\0' | '\r' => " ".to_owned(),
            '&' | '<' | '"' | '\'' => format!("&#{};", u32::from(char)),
            other => other.to_string(),
        }).collect();
        let page = format!("<html><head><meta content={quote}{escaped}{quote} property=og:title><title>{escaped}</title>");
        let expected: String = value.replace(['\0', '\r'], " ");
        let expected = expected.split_whitespace().collect::<Vec<_>>().join(" ");
        let found = properties(&page);
        prop_assert_eq!(found.get("og:title").map_or("", String::as_str), expected);
    }
}
