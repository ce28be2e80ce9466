//! A participant for measurements: it joins by the protocol of clients, sends sound and pictures of the usual sizes at
//! the usual pace, and counts what it gets. What it sends is noise; nothing is decoded.

mod media;
pub(crate) mod peer;
mod running;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::mpsc;

/// What a participant sends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sends {
    /// One voice: 50 packets and 40 kbit each second.
    pub voice: bool,
    /// One camera in three sizes: 25 pictures a second, 150, 500 and 1,500 kbit.
    pub camera: bool,
}

/// What a participant has received so far.
#[derive(Debug, Default)]
pub struct Received {
    packets: AtomicU64,
    bytes: AtomicU64,
    lost: AtomicU64,
    tracks: AtomicU64,
    moments: Mutex<Moments>,
}

#[derive(Debug, Default)]
struct Moments {
    first_media: Option<Duration>,
    moved: Option<Instant>,
    recovered: Vec<Duration>,
    failure: Option<String>,
}

impl Received {
    /// Packets of media.
    pub fn packets(&self) -> u64 {
        self.packets.load(Ordering::Relaxed)
    }

    /// Bytes of their payloads.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Packets that are missing between others.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Tracks of which something has come.
    pub fn tracks(&self) -> u64 {
        self.tracks.load(Ordering::Relaxed)
    }

    /// The time from the beginning of joining to the first packet of media.
    pub fn first_media(&self) -> Option<Duration> {
        self.moments.lock().first_media
    }

    /// The time from each change of address to the next packet of media.
    pub fn recovered(&self) -> Vec<Duration> {
        self.moments.lock().recovered.clone()
    }

    /// Why the participant is not in the room any more, unless it wanted to go.
    pub fn failure(&self) -> Option<String> {
        self.moments.lock().failure.clone()
    }
}

#[derive(Debug)]
enum Do {
    Move,
}

/// A participant, until it is dropped.
#[derive(Debug)]
pub struct Client {
    received: Arc<Received>,
    todo: mpsc::UnboundedSender<Do>,
}

impl Client {
    /// Joins the room of a token at a server's address (`ws://…`, without `/rtc`), in a task of the present runtime.
    pub fn join(url: &str, token: &str, sends: Sends) -> Self {
        let (todo, tasks) = mpsc::unbounded_channel();
        let received = Arc::new(Received::default());
        let url = format!("{}/rtc?access_token={token}&auto_subscribe=1&protocol=16", url.trim_end_matches('/'));
        let seen = received.clone();
        tokio::spawn(async move {
            if let Err(error) = Box::pin(running::run(&url, sends, seen.clone(), tasks)).await {
                seen.moments.lock().failure = Some(error.to_string());
            }
        });
        Self { received, todo }
    }

    /// What it has received so far.
    pub fn received(&self) -> &Received {
        &self.received
    }

    /// Goes on from another address, without a word to the server.
    pub fn move_away(&self) {
        self.received.moments.lock().moved = Some(Instant::now());
        let _ = self.todo.send(Do::Move);
    }
}
