//! What waits to be written to a connection. It is bounded: what a client does not read is dropped, as a network would.

use std::{collections::VecDeque, task::Waker};

use parking_lot::Mutex;

/// Bytes that wait for a client. A video at two megabits a second fills it in half a second.
const MOST: usize = 128 * 1024;

#[derive(Debug, Default)]
struct Waiting {
    bytes: Vec<u8>,
    /// The lengths of the messages, of the first what is left of it.
    messages: VecDeque<usize>,
    /// How much of them has been written.
    written: usize,
    waker: Option<Waker>,
}

#[derive(Debug, Default)]
pub(super) struct Outbox(Mutex<Waiting>);

impl Outbox {
    /// Adds a message for the connection's task to write; `false` if there is no room for it.
    pub(super) fn push(&self, message: &[u8]) -> bool {
        let mut waiting = self.0.lock();
        if waiting.bytes.len() - waiting.written + message.len() > MOST {
            return false;
        }
        if waiting.written > 0 && waiting.bytes.len() + message.len() > MOST {
            let written = std::mem::take(&mut waiting.written);
            waiting.bytes.drain(..written);
        }
        waiting.bytes.extend_from_slice(message);
        waiting.messages.push_back(message.len());
        let waker = waiting.waker.take();
        drop(waiting);
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    /// Gives the message that waits the longest to `write`, which says how much of it it has taken. Without any, the task
    /// is woken when there is one, and `write` is not called.
    ///
    /// One at a time, because there are clients that take what one record of TLS brings for one message.
    pub(super) fn write<E>(
        &self,
        waker: &Waker,
        write: impl FnOnce(&[u8]) -> Result<usize, E>,
    ) -> Result<Option<usize>, E> {
        let mut waiting = self.0.lock();
        let Some(length) = waiting.messages.front().copied() else {
            if !waiting.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
                waiting.waker = Some(waker.clone());
            }
            return Ok(None);
        };
        let written = write(&waiting.bytes[waiting.written..][..length])?;
        waiting.written += written;
        match waiting.messages.front_mut() {
            Some(left) if *left > written => *left -= written,
            _ => drop(waiting.messages.pop_front()),
        }
        if waiting.written == waiting.bytes.len() {
            // A connection that idles keeps nothing.
            (waiting.bytes, waiting.messages, waiting.written) = (Vec::new(), VecDeque::new(), 0);
        }
        Ok(Some(written))
    }

    /// Whether so much waits that a client should be read from no more until it has read.
    pub(super) fn is_crowded(&self) -> bool {
        let waiting = self.0.lock();
        waiting.bytes.len() - waiting.written > MOST / 2
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().bytes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::{MOST, Outbox};

    #[test]
    fn what_is_written_makes_room_and_nothing_is_lost_or_doubled() {
        let outbox = Outbox::default();
        let write = |most: usize| {
            let mut taken = Vec::new();
            let take = |bytes: &[u8]| {
                taken.extend_from_slice(&bytes[..most.min(bytes.len())]);
                Ok::<_, ()>(taken.len())
            };
            outbox.write(Waker::noop(), take).unwrap();
            taken
        };
        assert!(write(9).is_empty() && outbox.is_empty());
        let mut expected = Vec::new();
        let mut number = 0_u8;
        while outbox.push(&[number; 1_000]) {
            expected.extend([number; 1_000]);
            number = number.wrapping_add(1);
        }
        assert!(expected.len() <= MOST && expected.len() > MOST - 1_000 && outbox.is_crowded());
        let mut found = write(2_500);
        assert_eq!(found.len(), 1_000, "one message at a time");
        found.extend([write(600), write(600), write(900)].concat());
        assert_eq!(found.len(), 2_900);
        assert!(outbox.push(&[77; 1_000]) && outbox.push(&[78; 1_000]) && !outbox.push(&[79; 1_000]));
        expected.extend([77; 1_000]);
        expected.extend([78; 1_000]);
        while !outbox.is_empty() {
            found.extend(write(10_000));
        }
        assert!(found == expected && !outbox.is_crowded());
    }
}
