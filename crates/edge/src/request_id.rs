//! A name for each request, in its span, in its answer, and in what a user may quote when something went wrong.

use std::{
    borrow::Cow,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use http::HeaderMap;

/// The header of requests and answers.
pub(crate) const REQUEST_ID: &str = "x-request-id";

/// Longer names than a UUID with a prefix are somebody's experiment.
const LONGEST: usize = 64;

/// The request's own identifier if a proxy in front of us gave it a sane one, else a fresh one.
pub(super) fn of(headers: &HeaderMap) -> Cow<'static, str> {
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    given.filter(|id| is_sane(id)).map_or_else(fresh, |id| Cow::Owned(id.to_owned()))
}

fn is_sane(id: &str) -> bool {
    (1..=LONGEST).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// Unique among the requests of this run, and very likely among the runs: the moment of the first request and a
/// count. It is no secret, so it needs no randomness.
fn fresh() -> Cow<'static, str> {
    static RUN: OnceLock<u32> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let run =
        RUN.get_or_init(|| SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u32));
    format!("{run:08x}-{:x}", COUNT.fetch_add(1, Ordering::Relaxed)).into()
}

#[cfg(test)]
mod tests {
    use super::{fresh, is_sane, of};
    use http::{HeaderMap, HeaderValue};

    #[test]
    fn a_sane_identifier_is_kept_and_another_replaced() {
        let mut headers = HeaderMap::new();
        headers.insert("x-request-id", HeaderValue::from_static("proxy-17.a_b"));
        assert_eq!(of(&headers), "proxy-17.a_b");
        for bad in ["", "a b", "x\"}{", &"a".repeat(65)] {
            assert!(!is_sane(bad), "{bad}");
        }
        headers.insert("x-request-id", HeaderValue::from_static("<script>"));
        assert!(is_sane(&of(&headers)));
    }

    #[test]
    fn fresh_identifiers_differ() {
        assert_ne!(fresh(), fresh());
    }
}
