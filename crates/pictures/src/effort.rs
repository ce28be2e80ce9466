//! The time that a picture may take.
//!
//! How long decoding takes is not in a header: a few kilobytes can be seconds of work for each of a hundred scans, or a
//! picture one pixel wide and millions high. Who decodes row by row asks here after each of them.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::Refusal;

/// Time of the processor that a thumbnail may take. The largest pictures that are made on purpose take a second or two.
const MOST: Duration = Duration::from_secs(8);
/// Rows between two looks at the clock, which take as long as a short row.
const ROWS: u32 = 32;

/// The effort of a thread for one picture. Counts the time of the thread's processor, which other work does not slow
/// down.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    until: Duration,
    rows: u32,
}

impl Effort {
    /// Begins now.
    pub(crate) fn new() -> Self {
        Self::of(MOST)
    }

    fn of(most: Duration) -> Self {
        Self { until: spent() + most, rows: 0 }
    }

    /// Counts a row that was done; fails if the picture has taken too long.
    pub(crate) fn row(&mut self) -> Result<(), Refusal> {
        self.rows += 1;
        let is_over = self.rows.is_multiple_of(ROWS) && spent() > self.until;
        if is_over { Err(Refusal::TooLarge) } else { Ok(()) }
    }
}

/// The time of the processor that this thread has taken.
fn spent() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_that_takes_too_long_is_refused() {
        let (mut patient, mut impatient) = (Effort::new(), Effort::of(Duration::from_millis(1)));
        let refusal = loop {
            patient.row().unwrap();
            if let Err(refusal) = impatient.row() {
                break refusal;
            }
        };
        assert_eq!(refusal, Refusal::TooLarge);
    }
}
