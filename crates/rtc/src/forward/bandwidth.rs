//! What a receiver's connection carries. Estimates come from how packets are delayed, which a busy machine does as well
//! as a busy network; so a low one counts only when it lasts, or when packets are lost too.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// For how long an estimate is good.
const LASTS: Duration = Duration::from_secs(4);
/// The share of packets lost from which on the network is the one that is busy.
const LOSSY: f32 = 0.1;
/// For how long loss is remembered.
const LOSS_LASTS: Duration = Duration::from_secs(6);
/// Estimates that are remembered.
const MOST: usize = 64;

/// The estimates of one connection, in bits per second.
#[derive(Debug, Default)]
pub(crate) struct Bandwidth {
    estimates: VecDeque<(Instant, u64)>,
    lossy: Option<Instant>,
}

impl Bandwidth {
    /// Takes an estimate, or that there is none any more.
    pub(crate) fn estimated(&mut self, estimate: Option<u64>, now: Instant) {
        match estimate {
            Some(estimate) => {
                if self.estimates.len() >= MOST {
                    self.estimates.pop_front();
                }
                self.estimates.push_back((now, estimate));
            }
            None => self.estimates.clear(),
        }
    }

    /// Takes the share of packets that was lost.
    pub(crate) fn lost(&mut self, share: f32, now: Instant) {
        if share > LOSSY {
            self.lossy = Some(now);
        }
    }

    /// Whether packets are lost.
    pub(crate) fn is_lossy(&self, now: Instant) -> bool {
        self.lossy.is_some_and(|at| now.duration_since(at) < LOSS_LASTS)
    }

    /// Bits per second that may be used; `None` as long as nothing is known.
    pub(crate) fn usable(&self, now: Instant) -> Option<u64> {
        let (_, last) = *self.estimates.back()?;
        if self.is_lossy(now) {
            return Some(last);
        }
        let recent = self.estimates.iter().filter(|(at, _)| now.duration_since(*at) < LASTS);
        recent.map(|(_, estimate)| *estimate).max().or(Some(last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn a_short_dip_is_none() {
        let (mut bandwidth, start) = (Bandwidth::default(), Instant::now());
        assert_eq!(bandwidth.usable(start), None);
        bandwidth.estimated(Some(1000), start);
        bandwidth.estimated(Some(300), after(start, 1));
        assert_eq!(bandwidth.usable(after(start, 1)), Some(1000));
        assert_eq!(bandwidth.usable(after(start, 5)), Some(300), "it lasts");
        assert_eq!(bandwidth.usable(after(start, 60)), Some(300), "the last one stays");
        bandwidth.estimated(None, after(start, 61));
        assert_eq!(bandwidth.usable(after(start, 61)), None);
    }

    #[test]
    fn loss_makes_a_low_estimate_count() {
        let (mut bandwidth, start) = (Bandwidth::default(), Instant::now());
        bandwidth.estimated(Some(1000), start);
        bandwidth.estimated(Some(300), after(start, 1));
        bandwidth.lost(0.02, after(start, 1));
        assert_eq!(bandwidth.usable(after(start, 1)), Some(1000));
        bandwidth.lost(0.2, after(start, 1));
        assert_eq!(bandwidth.usable(after(start, 1)), Some(300));
        assert!(!bandwidth.is_lossy(after(start, 8)));
    }
}
