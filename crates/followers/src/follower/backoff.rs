//! Pauses before something is tried again.

use std::time::Duration;

use http::{HeaderMap, header};

/// Pauses that double from the first to the last, and what the other side may ask for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    pub(crate) first: Duration,
    pub(crate) last: Duration,
    /// The longest pause that the other side may ask for.
    pub(crate) longest_asked: Duration,
}

impl Backoff {
    /// The pause after a number of failures in a row, at least as long as the other side asks for.
    pub(crate) fn pause(&self, failures: u32, asked: Option<Duration>) -> Duration {
        let doubled = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        let own = self.first.saturating_mul(doubled).min(self.last);
        own.max(asked.unwrap_or_default().min(self.longest_asked))
    }
}

/// How long an answer asks to be left alone (RFC 9110, section 10.2.3). A date is not understood.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let pause = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(pause))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderMap, HeaderValue, header};

    use super::{Backoff, retry_after};
    use crate::follower::RETRIES;

    #[test]
    fn pauses_double_up_to_a_limit() {
        let pause = |failures| RETRIES.pause(failures, None).as_secs();
        assert_eq!([0, 1, 2, 3, 9, 10, 32, 33, u32::MAX].map(pause), [1, 1, 2, 4, 256, 300, 300, 300, 300]);
    }

    #[test]
    fn what_is_asked_for_is_kept_to_up_to_a_limit() {
        let asked = |seconds| RETRIES.pause(2, Some(Duration::from_secs(seconds))).as_secs();
        assert_eq!([0, 1, 3, 3_600, 90_000].map(asked), [2, 2, 3, 3_600, 3_600]);
        let deaf = Backoff { longest_asked: Duration::ZERO, ..RETRIES };
        assert_eq!(deaf.pause(2, Some(Duration::from_secs(9))).as_secs(), 2);
    }

    #[test]
    fn the_header_has_seconds() {
        let read = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(value));
            retry_after(&headers).map(|pause| pause.as_secs())
        };
        assert_eq!([read("7"), read(" 120 "), read("0")], [Some(7), Some(120), Some(0)]);
        assert_eq!([read("-1"), read("soon"), read("Fri, 31 Dec 1999 23:59:59 GMT")], [None; 3]);
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
