//! The `Content-Disposition` header (RFC 6266): whether a browser may show content, and under which name it is saved.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Types that a browser may show in place: the specification's list ("Serving inline content"). They cannot carry
/// scripts as long as the browser keeps to the type.
const INLINE: &[&str] = &[
    "text/css",
    "text/plain",
    "text/csv",
    "application/json",
    "application/ld+json",
    "image/jpeg",
    "image/gif",
    "image/png",
    "image/apng",
    "image/webp",
    "image/avif",
    "video/mp4",
    "video/webm",
    "video/ogg",
    "video/quicktime",
    "audio/mp4",
    "audio/webm",
    "audio/aac",
    "audio/mpeg",
    "audio/ogg",
    "audio/wave",
    "audio/wav",
    "audio/x-wav",
    "audio/x-pn-wav",
    "audio/flac",
    "audio/x-flac",
];

/// The characters that stand for themselves in an extended parameter: `attr-char` of RFC 8187.
const ATTR_CHAR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// The `Content-Disposition` of content as it was uploaded.
pub(super) fn of_download(content_type: &str, filename: Option<&str>) -> String {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    let inline = INLINE.iter().any(|allowed| allowed.eq_ignore_ascii_case(essence));
    let kind = if inline { "inline" } else { "attachment" };
    match filename {
        None => kind.to_owned(),
        Some(name) if is_plain(name) => format!("{kind}; filename=\"{name}\""),
        Some(name) => format!("{kind}; filename*=utf-8''{}", utf8_percent_encode(name, ATTR_CHAR)),
    }
}

/// The `Content-Disposition` of a thumbnail.
pub(super) fn of_thumbnail(content_type: &str) -> String {
    let extension = content_type.rsplit('/').next().unwrap_or_default();
    format!("inline; filename=\"thumbnail.{extension}\"")
}

/// Whether a name means the same to every client as a quoted string: no escapes, nothing that some decode.
fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\' | b'%'))
}

#[cfg(test)]
mod tests {
    use im2_fuzz::text;
    use proptest::prelude::*;

    use super::{INLINE, of_download, of_thumbnail};

    #[test]
    fn only_types_of_the_list_are_shown_in_place() {
        let table = [
            ("image/png", "inline"),
            ("IMAGE/PNG", "inline"),
            ("text/plain; charset=utf-8", "inline"),
            ("text/plain;charset=utf-8", "inline"),
            ("text/html", "attachment"),
            ("text/html; image/png", "attachment"),
            ("image/svg+xml", "attachment"),
            ("application/octet-stream", "attachment"),
            ("application/pdf", "attachment"),
            ("", "attachment"),
        ];
        for (content_type, expected) in table {
            assert_eq!(of_download(content_type, None), expected, "{content_type}");
        }
    }

    #[test]
    fn names_survive() {
        let table = [
            ("cat.png", r#"inline; filename="cat.png""#),
            ("a cat; (1), really.png", r#"inline; filename="a cat; (1), really.png""#),
            ("猫.png", "inline; filename*=utf-8''%E7%8C%AB.png"),
            ("a\"b\\c.png", "inline; filename*=utf-8''a%22b%5Cc.png"),
            ("100%41.png", "inline; filename*=utf-8''100%2541.png"),
            ("x\r\nSet-Cookie: a=b", "inline; filename*=utf-8''x%0D%0ASet-Cookie%3A%20a%3Db"),
            ("a'b*c(d).png", r#"inline; filename="a'b*c(d).png""#),
            ("ü'*.png", "inline; filename*=utf-8''%C3%BC%27%2A.png"),
        ];
        for (name, expected) in table {
            assert_eq!(of_download("image/png", Some(name)), expected, "{name}");
        }
    }

    proptest! {
        /// The header has one name, which is the one that was given, and shows only what is on the list.
        #[test]
        fn any_name_survives(
            name in text::with_words(&["filename=", "\"", ";", "%", "utf-8''", ".html", "\r\nSet-Cookie: a=b"]),
            content_type in text::mutated(vec!["text/plain; charset=utf-8".into(), "image/png".into(), "text/html".into()]),
        ) {
            let header = of_download(&content_type, Some(&name));
            prop_assert!(header.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{}", header);
            let (kind, parameter) = header.split_once("; ").unwrap();
            let (label, value) = parameter.split_once('=').unwrap();
            let read = if label == "filename" {
                let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap();
                prop_assert!(!quoted.contains(['"', '\\']));
                quoted.to_owned()
            } else {
                prop_assert!(!value.contains([';', '"', ' ']));
                let encoded = value.strip_prefix("utf-8''").unwrap();
                percent_encoding::percent_decode_str(encoded).decode_utf8().unwrap().into_owned()
            };
            prop_assert_eq!(read, name);
            // A browser takes what stands before the first semicolon for the type.
            let essence = content_type.split(';').next().unwrap().trim().to_ascii_lowercase();
            prop_assert_eq!(kind == "inline", INLINE.contains(&&*essence));
        }
    }

    #[test]
    fn thumbnails_have_a_name() {
        assert_eq!(of_thumbnail("image/webp"), r#"inline; filename="thumbnail.webp""#);
    }
}
