//! Serving bytes: conditional requests, ranges (RFC 9110, sections 13 and 14), and the headers that keep content of
//! strangers from harming whoever opens it.

use std::ops::Range;

use axum::{
    body::Body,
    response::{IntoResponse as _, Response},
};
use futures_util::stream::try_unfold;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use im2_core::Code;
use im2_media::{Digest, Media, Reader};

use im2_edge::{
    body::streamed,
    error::{ApiError, ApiResult},
};

/// The content security policy that the specification recommends for media.
const POLICY: &str = "sandbox; default-src 'none'; script-src 'none'; plugin-types application/pdf; \
                      style-src 'unsafe-inline'; object-src 'self';";
/// Content never changes under its name; only whoever has a token may keep it.
const CACHE: &str = "private, max-age=31536000, immutable";

/// A file to be served.
pub(super) struct Served<'a> {
    pub(super) digest: Digest,
    pub(super) size: u64,
    pub(super) content_type: &'a str,
    pub(super) disposition: String,
}

/// The part of it that was asked for.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Whole,
    Some(Range<u64>),
    Nothing,
}

/// Answers a GET or HEAD.
pub(super) async fn serve(
    media: &Media,
    served: Served<'_>,
    method: &Method,
    request: &HeaderMap,
) -> ApiResult<Response> {
    let etag = format!("\"{}\"", served.digest);
    if matches_any(request, &etag) {
        return respond(StatusCode::NOT_MODIFIED, &served, &etag, None, Body::empty());
    }
    let part = if *method == Method::GET && range_applies(request, &etag) {
        asked_for(request.get(header::RANGE), served.size)
    } else {
        Part::Whole
    };
    let (status, range) = match part {
        Part::Whole => (StatusCode::OK, 0..served.size),
        Part::Some(range) => (StatusCode::PARTIAL_CONTENT, range),
        Part::Nothing => {
            let refusal = ApiError::new(Code::Unknown, "the requested range is outside the content");
            let mut response = refusal.status(StatusCode::RANGE_NOT_SATISFIABLE).into_response();
            let length = format!("bytes */{}", served.size);
            response.headers_mut().insert(header::CONTENT_RANGE, value(&length)?);
            return Ok(response);
        }
    };
    let body =
        if *method == Method::HEAD { Body::empty() } else { stream(media.read(served.digest, range.clone()).await?) };
    respond(status, &served, &etag, Some(range), body)
}

fn stream(reader: Reader) -> Body {
    streamed(try_unfold(reader, |mut reader| async {
        let chunk = reader.next().await?;
        Ok::<_, im2_media::ReadError>(chunk.map(|chunk| (chunk, reader)))
    }))
}

fn respond(
    status: StatusCode,
    served: &Served<'_>,
    etag: &str,
    range: Option<Range<u64>>,
    body: Body,
) -> ApiResult<Response> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::ETAG, value(etag)?);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(CACHE));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    let Some(range) = range else { return Ok(response) };
    headers.insert(header::CONTENT_TYPE, value(served.content_type)?);
    headers.insert(header::CONTENT_DISPOSITION, value(&served.disposition)?);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(range.end - range.start));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if status == StatusCode::PARTIAL_CONTENT {
        let text = format!("bytes {}-{}/{}", range.start, range.end - 1, served.size);
        headers.insert(header::CONTENT_RANGE, value(&text)?);
    }
    Ok(response)
}

fn value(text: &str) -> ApiResult<HeaderValue> {
    HeaderValue::from_str(text).map_err(|_| im2_core::Error::Internal(format!("not a header value: {text:?}")).into())
}

/// Whether the client has the content already (`If-None-Match`).
fn matches_any(request: &HeaderMap, etag: &str) -> bool {
    let given = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    given
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .any(|candidate| candidate == "*" || candidate.strip_prefix("W/").unwrap_or(candidate) == etag)
}

/// Whether a range may be served: `If-Range`, where given, must name this very content.
fn range_applies(request: &HeaderMap, etag: &str) -> bool {
    request.get(header::IF_RANGE).is_none_or(|value| value == etag)
}

/// The part that a `Range` header asks for. Anything other than a single range of bytes is ignored, as RFC 9110 allows.
fn asked_for(range: Option<&HeaderValue>, size: u64) -> Part {
    match range.and_then(|value| parse_range(value.to_str().ok()?)) {
        Some((Some(first), Some(last))) if last < first => Part::Whole,
        Some((Some(first), _)) if first >= size => Part::Nothing,
        Some((Some(first), Some(last))) => Part::Some(first..last.saturating_add(1).min(size)),
        Some((Some(first), None)) => Part::Some(first..size),
        Some((None, Some(0))) => Part::Nothing,
        Some((None, Some(_))) if size == 0 => Part::Nothing,
        Some((None, Some(suffix))) => Part::Some(size.saturating_sub(suffix)..size),
        Some((None, None)) | None => Part::Whole,
    }
}

/// The first and last byte of `bytes=first-last`, either of which may be left out.
fn parse_range(text: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (unit, set) = text.split_once('=')?;
    let (first, last) = set.split_once('-')?;
    let bound = |text: &str| match text.trim() {
        "" => Some(None),
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            // What is too large for the type is larger than any content.
            Some(Some(digits.parse().unwrap_or(u64::MAX)))
        }
        _ => None,
    };
    if unit.trim().eq_ignore_ascii_case("bytes") { Some((bound(first)?, bound(last)?)) } else { None }
}

#[cfg(test)]
mod tests {
    use super::{Part, asked_for, matches_any, range_applies};
    use http::{HeaderMap, HeaderValue, header};
    use im2_fuzz::text;
    use proptest::prelude::*;

    #[test]
    fn ranges() {
        let table = [
            ("bytes=0-0", Part::Some(0..1)),
            ("bytes=0-9", Part::Some(0..10)),
            ("bytes=0-99999999999999999999999", Part::Some(0..10)),
            ("bytes=9-", Part::Some(9..10)),
            ("Bytes = 2-4", Part::Some(2..5)),
            ("bytes=-3", Part::Some(7..10)),
            ("bytes=-30", Part::Some(0..10)),
            ("bytes=10-", Part::Nothing),
            ("bytes=10-12", Part::Nothing),
            ("bytes=-0", Part::Nothing),
            ("bytes=5-4", Part::Whole),
            ("bytes=-", Part::Whole),
            ("bytes=a-b", Part::Whole),
            ("bytes=+1-2", Part::Whole),
            ("bytes=0-1,3-4", Part::Whole),
            ("lines=0-1", Part::Whole),
            ("0-1", Part::Whole),
        ];
        for (text, expected) in table {
            assert_eq!(asked_for(Some(&HeaderValue::from_static(text)), 10), expected, "{text}");
        }
        assert_eq!(asked_for(None, 10), Part::Whole);
        assert_eq!(asked_for(Some(&HeaderValue::from_static("bytes=0-")), 0), Part::Nothing);
        assert_eq!(asked_for(Some(&HeaderValue::from_static("bytes=-1")), 0), Part::Nothing);
    }

    proptest! {
        #[test]
        fn any_range_is_within_the_content(
            header in prop_oneof![
                text::mutated_bytes(vec![b"bytes=0-9".to_vec(), b"bytes=-500".to_vec(), b"bytes=9500-".to_vec()]),
                text::with_words(&["bytes", "=", "-", "0", "9", "18446744073709551615", ","]).prop_map(String::into_bytes),
            ],
            size in prop_oneof![0_u64..20, any::<u64>()],
        ) {
            let Ok(header) = HeaderValue::from_bytes(&header) else { return Ok(()) };
            if let Part::Some(range) = asked_for(Some(&header), size) {
                prop_assert!(range.start < range.end && range.end <= size, "{:?} of {}", range, size);
            }
        }

        /// RFC 9110, section 14.1.2: what the three forms mean.
        #[test]
        fn a_range_is_what_the_standard_says(first in 0_u64..30, last in 0_u64..30, size in 1_u64..20) {
            let asked = |text: String| asked_for(Some(&HeaderValue::from_str(&text).unwrap()), size);
            let bytes: Vec<u64> = (0..size).collect();
            let part = |wanted: Vec<u64>| match (wanted.first(), wanted.last()) {
                (Some(first), Some(last)) => Part::Some(*first..last + 1),
                _ => Part::Nothing,
            };
            let from = |first: u64| bytes.iter().copied().filter(move |byte| *byte >= first);
            prop_assert_eq!(asked(format!("bytes={first}-")), part(from(first).collect()));
            prop_assert_eq!(asked(format!("bytes=-{last}")), part(from(size.saturating_sub(last)).collect()));
            if first <= last {
                let wanted = part(from(first).filter(|byte| *byte <= last).collect());
                prop_assert_eq!(asked(format!("bytes={first}-{last}")), wanted);
            }
        }
    }

    #[test]
    fn conditions() {
        let with = |name, value| HeaderMap::from_iter([(name, HeaderValue::from_static(value))]);
        for (value, expected) in
            [("\"a\"", true), ("W/\"a\"", true), ("\"b\", \"a\"", true), ("*", true), ("\"b\"", false)]
        {
            assert_eq!(matches_any(&with(header::IF_NONE_MATCH, value), "\"a\""), expected, "{value}");
        }
        assert!(!matches_any(&HeaderMap::new(), "\"a\""));
        assert!(range_applies(&HeaderMap::new(), "\"a\""));
        assert!(range_applies(&with(header::IF_RANGE, "\"a\""), "\"a\""));
        assert!(!range_applies(&with(header::IF_RANGE, "W/\"a\""), "\"a\""));
    }
}
