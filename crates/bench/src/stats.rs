//! Latency samples and exact percentiles. Pure: knows neither HTTP nor the clock.

use std::time::Duration;

/// Latency samples in microseconds. Every sample is kept, four bytes each, so that percentiles are exact;
/// scenarios bound the number of operations.
#[derive(Debug, Default, Clone)]
pub struct Latencies {
    micros: Vec<u32>,
}

/// The percentiles of a set of latencies. All zero when there were no samples.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// The number of samples.
    pub count: u64,
    /// Half of the samples were at most this.
    pub p50: Duration,
    /// 90 % of the samples were at most this.
    pub p90: Duration,
    /// 95 % of the samples were at most this.
    pub p95: Duration,
    /// 99 % of the samples were at most this.
    pub p99: Duration,
    /// The slowest sample.
    pub max: Duration,
}

impl Latencies {
    /// Adds one sample; what exceeds 71 minutes is kept as 71 minutes.
    pub fn record(&mut self, latency: Duration) {
        self.micros.push(u32::try_from(latency.as_micros()).unwrap_or(u32::MAX));
    }

    /// Adds the samples of another set.
    pub fn merge(&mut self, mut other: Self) {
        self.micros.append(&mut other.micros);
    }

    /// The number of samples.
    pub fn len(&self) -> usize {
        self.micros.len()
    }

    /// Whether there are no samples.
    pub fn is_empty(&self) -> bool {
        self.micros.is_empty()
    }

    /// Sorts the samples and takes the percentiles.
    pub fn summary(mut self) -> Summary {
        self.micros.sort_unstable();
        let at = |per_mille| Duration::from_micros(percentile(&self.micros, per_mille).into());
        Summary {
            count: self.micros.len() as u64,
            p50: at(500),
            p90: at(900),
            p95: at(950),
            p99: at(990),
            max: at(1000),
        }
    }
}

/// The nearest-rank percentile of sorted samples: the smallest sample such that `per_mille` thousandths of all
/// samples are not greater. 0 when there are none.
fn percentile(sorted: &[u32], per_mille: usize) -> u32 {
    let rank = (sorted.len() * per_mille).div_ceil(1000).max(1);
    sorted.get(rank - 1).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_rank() {
        let hundred: Vec<u32> = (1..=100).collect();
        let cases: [(&[u32], usize, u32); 9] = [
            (&[], 500, 0),
            (&[7], 0, 7),
            (&[7], 500, 7),
            (&[7], 1000, 7),
            (&[1, 2], 500, 1),
            (&[1, 2], 501, 2),
            (&hundred, 500, 50),
            (&hundred, 990, 99),
            (&hundred, 1000, 100),
        ];
        for (samples, per_mille, expected) in cases {
            assert_eq!(percentile(samples, per_mille), expected, "{per_mille}‰ of {} samples", samples.len());
        }
    }

    #[test]
    fn a_summary_does_not_depend_on_the_order() {
        let mut one = Latencies::default();
        let mut two = Latencies::default();
        for micros in [900, 100, 500] {
            one.record(Duration::from_micros(micros));
        }
        for micros in [300, 700] {
            two.record(Duration::from_micros(micros));
        }
        two.merge(one);
        let summary = two.summary();
        assert_eq!(summary.count, 5);
        assert_eq!(summary.p50, Duration::from_micros(500));
        assert_eq!(summary.p90, Duration::from_micros(900));
        assert_eq!(summary.max, Duration::from_micros(900));
    }

    #[test]
    fn a_sample_too_large_is_kept_as_the_largest() {
        let mut latencies = Latencies::default();
        latencies.record(Duration::from_secs(1_000_000));
        assert_eq!(latencies.summary().max, Duration::from_micros(u64::from(u32::MAX)));
    }
}
