//! The verdict on an attack: how much longer the others wait than in the quiet beside it. Pure.

use std::time::Duration;

use super::talk::Fared;

/// The bound that a verdict is judged by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound {
    /// How many times as long as in quiet.
    pub(super) times: f64,
    /// The least time that quiet counts as: below it, noise would decide.
    pub(super) floor: Duration,
}

/// The comparison of an attack with the quiet before and after it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Verdict {
    bound: Bound,
    /// 99th percentile of acknowledgements, as a multiple of that in quiet.
    pub(super) ack: f64,
    /// The same of deliveries.
    pub(super) delivery: f64,
    missed: u64,
}

impl Verdict {
    /// Compares.
    pub(super) fn of(bound: Bound, before: &Fared, during: &Fared, after: &Fared) -> Self {
        Self {
            bound,
            ack: bound.ratio(before.ack.p99, during.ack.p99, after.ack.p99),
            delivery: bound.ratio(before.delivery.p99, during.delivery.p99, after.delivery.p99),
            missed: during.missed,
        }
    }

    /// The worse of the two.
    pub(super) fn ratio(&self) -> f64 {
        self.ack.max(self.delivery)
    }

    /// Describes each ratio that is above the bound, and missed deliveries.
    pub(super) fn faults(&self, name: &str) -> Vec<String> {
        let above = |what: &str, ratio: f64| {
            let text = || format!("{name}: {what} take {ratio:.1} times as long as in quiet");
            (ratio > self.bound.times).then(text)
        };
        let missed = (self.missed > 0).then(|| format!("{name}: {} deliveries never came", self.missed));
        [above("acknowledgements", self.ack), above("deliveries", self.delivery), missed]
            .into_iter()
            .flatten()
            .collect()
    }
}

impl Bound {
    /// The machine may be busy with other things before as well as after an attack, so that the longer of the two
    /// counts; but not when the time after is itself above the bound, for then it is the attack that goes on.
    fn ratio(self, before: Duration, during: Duration, after: Duration) -> f64 {
        let before = before.max(self.floor);
        let after = Some(after).filter(|after| after.as_secs_f64() <= self.times * before.as_secs_f64());
        let quiet = after.map_or(before, |after| after.max(before));
        during.as_secs_f64() / quiet.as_secs_f64().max(1e-9)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(before: u64, during: u64, after: u64) -> f64 {
        let bound = Bound { times: 3.0, floor: Duration::from_millis(5) };
        bound.ratio(Duration::from_millis(before), Duration::from_millis(during), Duration::from_millis(after))
    }

    #[test]
    fn the_longer_quiet_counts_unless_it_is_the_attack_that_goes_on() {
        let cases =
            [((10, 20, 10), 2.0), ((10, 40, 20), 2.0), ((20, 40, 10), 2.0), ((10, 40, 40), 4.0), ((1, 10, 1), 2.0)];
        for ((before, during, after), expected) in cases {
            assert!((ratio(before, during, after) - expected).abs() < 1e-9, "{before} {during} {after}");
        }
    }

    #[test]
    fn what_is_above_the_bound_is_a_fault() {
        let bound = Bound { times: 3.0, floor: Duration::from_millis(5) };
        let quiet = Fared::default();
        let mut during = Fared::default();
        during.ack.p99 = Duration::from_millis(14);
        during.delivery.p99 = Duration::from_millis(14);
        assert!(Verdict::of(bound, &quiet, &during, &quiet).faults("x").is_empty());
        during.delivery.p99 = Duration::from_millis(16);
        assert_eq!(
            Verdict::of(bound, &quiet, &during, &quiet).faults("x"),
            ["x: deliveries take 3.2 times as long as in quiet"]
        );
        during.missed = 2;
        assert_eq!(Verdict::of(bound, &quiet, &during, &quiet).faults("x").len(), 2);
    }
}
