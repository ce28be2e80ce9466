//! The numbering of what is only in memory: typing and presence.
//!
//! A client's token carries the last number it has seen beside its stream positions. The numbers rise over restarts,
//! so that a token from before one is not ahead of what comes after it.

use im2_model::Millis;
use parking_lot::Mutex;
use tokio::sync::watch;

/// Numbers per millisecond of uptime that keep the order over a restart: more than any server signals.
const PER_MILLISECOND: u64 = 1_000;

/// The process-wide counter of memory-only signals.
#[derive(Debug)]
pub struct Ephemeral {
    last: Mutex<u64>,
    /// Says that there was a signal, to those who follow all of them.
    grown: watch::Sender<()>,
}

impl Ephemeral {
    /// A counter that starts beyond every number given out before `now`.
    pub fn starting_at(now: Millis) -> Self {
        Self { last: Mutex::new(now.saturating_mul(PER_MILLISECOND)), grown: watch::Sender::new(()) }
    }

    /// A receiver that is notified when there has been a signal since it last was. Subscribe first, then look, then
    /// wait.
    pub fn grown(&self) -> watch::Receiver<()> {
        self.grown.subscribe()
    }

    /// The last number whose signal has been recorded.
    pub fn reached(&self) -> u64 {
        *self.last.lock()
    }

    /// Takes the next number and records its signal with `record`, which must be quick and must not come back here.
    /// Nobody sees the number before `record` has returned, so whoever follows the numbers misses nothing.
    pub fn signal<T>(&self, record: impl FnOnce(u64) -> T) -> T {
        let mut last = self.last.lock();
        let outcome = record(*last + 1);
        *last += 1;
        drop(last);
        self.grown.send_replace(());
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::Ephemeral;

    #[test]
    fn a_restart_a_millisecond_later_is_ahead_of_all_signals_before_it() {
        let before = Ephemeral::starting_at(1_000);
        for _ in 0..999 {
            before.signal(|_| ());
        }
        assert!(Ephemeral::starting_at(1_001).reached() > before.reached());
    }

    #[test]
    fn a_number_is_reached_once_its_signal_is_recorded() {
        let ephemeral = Ephemeral::starting_at(0);
        let number = ephemeral.signal(|number| number);
        assert_eq!(ephemeral.reached(), number);
    }
}
