//! The way back to a client: a queue of messages for its WebSocket. A client that reads no faster than the queue fills
//! loses its connection, so that nobody waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use prost::Message as _;
use tokio::sync::mpsc;

use crate::proto::signal::{Response, SignalResponse};

/// Bytes that may wait for one client.
const MAX_WAITING: usize = 8 * 1024 * 1024;

/// The room's end.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    /// Tells one connection of a participant from the next.
    pub(crate) id: u64,
    queue: mpsc::Sender<Vec<u8>>,
    waiting: Arc<AtomicUsize>,
}

/// The end of the WebSocket.
#[derive(Debug)]
pub(crate) struct Outgoing {
    queue: mpsc::Receiver<Vec<u8>>,
    waiting: Arc<AtomicUsize>,
}

/// The client reads too slowly, or is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    Slow,
    Gone,
}

/// A queue for at most `capacity` messages.
pub(crate) fn link(id: u64, capacity: usize) -> (Link, Outgoing) {
    let (sender, receiver) = mpsc::channel(capacity);
    let waiting = Arc::new(AtomicUsize::new(0));
    (Link { id, queue: sender, waiting: waiting.clone() }, Outgoing { queue: receiver, waiting })
}

impl Link {
    /// Queues a message.
    pub(crate) fn send(&self, response: Response) -> Result<(), Broken> {
        self.send_bytes(SignalResponse { message: Some(response) }.encode_to_vec())
    }

    /// Queues a message that has been written already.
    pub(crate) fn send_bytes(&self, bytes: Vec<u8>) -> Result<(), Broken> {
        let length = bytes.len();
        if self.waiting.fetch_add(length, Ordering::Relaxed) + length > MAX_WAITING {
            return Err(Broken::Slow);
        }
        self.queue.try_send(bytes).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Broken::Slow,
            mpsc::error::TrySendError::Closed(_) => Broken::Gone,
        })
    }
}

impl Outgoing {
    /// The next message; none once the room has dropped its end.
    pub(crate) async fn next(&mut self) -> Option<Vec<u8>> {
        let bytes = self.queue.recv().await?;
        self.waiting.fetch_sub(bytes.len(), Ordering::Relaxed);
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_slow_reader_is_told_apart() {
        let (link, mut outgoing) = link(1, 2);
        assert_eq!(link.send(Response::Pong(1)), Ok(()));
        assert_eq!(link.send(Response::Pong(2)), Ok(()));
        assert_eq!(link.send(Response::Pong(3)), Err(Broken::Slow));
        assert!(outgoing.next().await.is_some());
        assert_eq!(link.send(Response::Pong(4)), Ok(()));
        drop(outgoing);
        assert_eq!(link.send(Response::Pong(5)), Err(Broken::Gone));
    }

    #[test]
    fn bytes_count_as_well_as_messages() {
        let (link, _outgoing) = link(1, 1000);
        assert_eq!(link.send_bytes(vec![0; MAX_WAITING]), Ok(()));
        assert_eq!(link.send_bytes(vec![0; 1]), Err(Broken::Slow));
    }
}
