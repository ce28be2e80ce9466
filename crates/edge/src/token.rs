//! The access token that a request shows.

use http::{HeaderMap, Uri, header};

/// The token of the `Authorization` header or, deprecated but still in the specification, of the query.
pub fn access_token(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned());
    }
    query_value(uri, "access_token")
}

/// The first value of a query parameter.
pub(crate) fn query_value(uri: &Uri, name: &str) -> Option<String> {
    let value = uri.query()?.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    // In queries a plus sign is a space.
    let value = value.replace('+', " ");
    percent_encoding::percent_decode_str(&value).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, Uri, header};
    use im2_fuzz::text;
    use proptest::prelude::*;

    use super::{access_token, query_value};

    proptest! {
        #[test]
        fn any_header_shows_the_token_after_bearer_or_none(
            header in prop_oneof![
                text::mutated_bytes(vec![b"Bearer secret".to_vec()]),
                text::with_words(&["Bearer", "bearer", "Basic", " ", "secret"]).prop_map(String::into_bytes),
            ],
        ) {
            let Ok(value) = HeaderValue::from_bytes(&header) else { return Ok(()) };
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value)]);
            // Whatever the header says, the query is not asked.
            let shown = access_token(&headers, &Uri::from_static("/?access_token=other"));
            let text = std::str::from_utf8(&header).ok().filter(|text| text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t')));
            let expected = text
                .filter(|text| text.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer ")))
                .map(|text| text[7..].trim().to_owned());
            prop_assert_eq!(shown, expected);
        }

        #[test]
        fn a_value_of_a_query_is_the_one_that_was_written(
            token in text::any_text(), before in "[a-z=&%.+]{0,12}", after in "[a-z=&%.+]{0,12}",
        ) {
            let encoded = percent_encoding::utf8_percent_encode(&token, percent_encoding::NON_ALPHANUMERIC);
            let uri: Uri = format!("/sync?{before}&user_id={encoded}&{after}").parse().unwrap();
            prop_assert_eq!(query_value(&uri, "user_id"), Some(token));
            prop_assert_eq!(query_value(&uri, "USER_ID"), None);
        }

        #[test]
        fn any_query_is_read_without_panic(query in text::with_words(&["access_token", "=", "&", "%", "%f", "%ff", "+"])) {
            if let Ok(uri) = format!("/sync?{query}").parse::<Uri>() {
                _ = access_token(&HeaderMap::new(), &uri);
            }
        }
    }
}
