//! Counters of the forwarding unit.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Counters since the start, and gauges of what there is now.
        #[derive(Debug, Default)]
        pub struct Metrics {
            $($(#[$doc])* pub $name: Counter,)*
        }

        impl Metrics {
            /// Each counter's name and value.
            pub fn all(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name.get()),)*]
            }
        }
    };
}

counters! {
    /// Rooms that there are.
    rooms,
    /// Participants that there are.
    participants,
    /// Tracks that are published.
    tracks,
    /// Participants that have joined.
    joins,
    /// Sessions that were resumed.
    resumes,
    /// Bytes of packets received.
    bytes_in,
    /// Bytes of packets sent.
    bytes_out,
    /// Packets received.
    packets_in,
    /// Packets sent.
    packets_out,
    /// Packets of media received.
    media_in,
    /// Packets of media forwarded, one for each receiver.
    media_out,
    /// Packets of media that publishers sent and that were lost on the way, before retransmission.
    media_lost,
    /// Packets that receivers reported as lost.
    receivers_lost,
    /// Packets that belong to no connection.
    strangers,
    /// Packets that a connection refused.
    malformed,
    /// Packets dropped because a room or socket was busy.
    dropped,
    /// Messages of clients that could not be read, or that said something impossible.
    bad_signals,
    /// Clients disconnected because they asked too much or read too slowly.
    cut_off,
    /// Requests for a key frame passed on to publishers.
    key_frames,
    /// Data packets forwarded, one for each receiver.
    data_out,
    /// Data packets dropped because a receiver was slow, or because they could not be read.
    data_dropped,
}

/// One number.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Its value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn up(&self) {
        self.add(1);
    }

    pub(crate) fn down(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
