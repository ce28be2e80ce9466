//! Who speaks, by the loudness that publishers write beside each packet of audio (RFC 6464).

use std::time::{Duration, Instant};

/// Loudest level that counts as silence, in dB below the loudest possible.
const SILENCE: i8 = -40;
/// How much of the time somebody has to be loud to be taken as speaking.
const SHARE: f32 = 0.3;
/// Without packets for this long, nobody speaks: silence is often not sent at all.
const QUIET: Duration = Duration::from_millis(500);
/// Weight of the newest interval.
const SMOOTHING: f32 = 0.5;

/// The loudness of one track.
#[derive(Debug, Default)]
pub(crate) struct Loudness {
    packets: u16,
    loud: u16,
    /// Sum of the levels of loud packets, from 0 to 1.
    sum: f32,
    last: Option<Instant>,
    level: f32,
}

impl Loudness {
    /// Counts a packet; `level` is in dB below the loudest possible, 0 to -127.
    pub(crate) fn heard(&mut self, level: i8, now: Instant) {
        self.packets = self.packets.saturating_add(1);
        self.last = Some(now);
        if level > SILENCE {
            self.loud = self.loud.saturating_add(1);
            self.sum += 10f32.powf(f32::from(level.min(0)) / 20.0);
        }
    }

    /// Ends an interval: how loud somebody speaks, from 0 (not at all) to 1.
    pub(crate) fn end_interval(&mut self, now: Instant) -> f32 {
        let speaking = self.packets > 0 && f32::from(self.loud) >= f32::from(self.packets) * SHARE;
        let newest = if speaking { self.sum / f32::from(self.loud) } else { 0.0 };
        let quiet = self.last.is_none_or(|last| now.duration_since(last) > QUIET);
        self.level = if quiet { 0.0 } else { self.level + (newest - self.level) * SMOOTHING };
        (self.packets, self.loud, self.sum) = (0, 0, 0.0);
        if self.level < 0.005 {
            self.level = 0.0;
        }
        self.level
    }
}

/// A level in steps, so that small changes are no news.
pub(crate) fn steps(level: f32) -> f32 {
    (level * 8.0).ceil() / 8.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_millis(400);

    fn interval(loudness: &mut Loudness, levels: &[i8], now: Instant) -> f32 {
        for level in levels {
            loudness.heard(*level, now);
        }
        loudness.end_interval(now)
    }

    #[test]
    fn a_voice_is_heard_and_ends() {
        let (mut loudness, now) = (Loudness::default(), Instant::now());
        assert!(interval(&mut loudness, &[-127; 20], now).abs() < f32::EPSILON);
        let first = interval(&mut loudness, &[-10; 20], now + INTERVAL);
        let second = interval(&mut loudness, &[-10; 20], now + INTERVAL * 2);
        assert!(first > 0.1 && second > first, "{first} {second}");
        let mut last = second;
        for step in 3..12 {
            last = interval(&mut loudness, &[-127; 20], now + INTERVAL * step);
        }
        assert!(last.abs() < f32::EPSILON, "{last}");
    }

    #[test]
    fn a_click_is_no_voice() {
        let (mut loudness, now) = (Loudness::default(), Instant::now());
        let mut levels = [-127; 20];
        levels[3] = -1;
        assert!(interval(&mut loudness, &levels, now).abs() < f32::EPSILON);
    }

    #[test]
    fn no_packets_are_silence() {
        let (mut loudness, now) = (Loudness::default(), Instant::now());
        interval(&mut loudness, &[-10; 20], now);
        assert!(loudness.end_interval(now + QUIET * 2).abs() < f32::EPSILON);
    }

    #[test]
    fn levels_come_in_steps() {
        let same = |level, step: f32| (steps(level) - step).abs() < f32::EPSILON;
        assert!(same(0.0, 0.0) && same(0.01, 0.125) && same(0.13, 0.25) && same(1.0, 1.0));
    }
}
