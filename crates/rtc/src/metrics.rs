//! Counters of the forwarding unit.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! metrics {
    (
        gauges { $($(#[doc = $gauge_doc:literal])* $gauge:ident,)* }
        counters { $($(#[doc = $doc:literal])* $name:ident,)* }
    ) => {
        /// Gauges of what there is now, and counters since the start.
        #[derive(Debug, Default)]
        pub struct Metrics {
            $($(#[doc = $gauge_doc])* pub $gauge: Counter,)*
            $($(#[doc = $doc])* pub $name: Counter,)*
        }

        impl Metrics {
            /// Name, description and value of what there is now.
            pub fn gauges(&self) -> Vec<(&'static str, &'static str, u64)> {
                vec![$((stringify!($gauge), concat!($($gauge_doc),*).trim(), self.$gauge.get()),)*]
            }

            /// Name, description and value of what has been counted.
            pub fn counters(&self) -> Vec<(&'static str, &'static str, u64)> {
                vec![$((stringify!($name), concat!($($doc),*).trim(), self.$name.get()),)*]
            }
        }
    };
}

metrics! {
    gauges {
        /// Rooms that there are
        rooms,
        /// Participants that there are
        participants,
        /// Tracks that are published
        tracks,
    }
    counters {
        /// Participants that have joined
        joins,
        /// Sessions that were resumed
        resumes,
        /// Bytes of packets received
        bytes_in,
        /// Bytes of packets sent
        bytes_out,
        /// Packets received
        packets_in,
        /// Packets sent
        packets_out,
        /// Packets of media received
        media_in,
        /// Packets of media forwarded, one for each receiver
        media_out,
        /// Packets of media lost on the way from publishers, before retransmission
        media_lost,
        /// Packets of media that receivers reported as lost
        receivers_lost,
        /// Packets that belong to no connection
        strangers,
        /// Packets that a connection refused
        malformed,
        /// Packets dropped because a room or a socket was busy
        dropped,
        /// Messages of clients that could not be read, or said something impossible
        bad_signals,
        /// Clients disconnected because they read too slowly
        cut_off,
        /// Signalling connections refused because there were too many
        refused,
        /// Participants removed by the server
        removed,
        /// Requests for a key frame passed on to publishers
        key_frames,
        /// Data packets forwarded, one for each receiver
        data_out,
        /// Data packets dropped because a receiver was slow, or because they could not be read
        data_dropped,
    }
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
