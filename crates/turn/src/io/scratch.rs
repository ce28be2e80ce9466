//! The buffers of a thread, through which every packet passes that it works on.

use std::cell::RefCell;

use crate::packet::Packet;

/// Bytes that are read from a connection at a time.
const READ: usize = 64 * 1024;

thread_local! {
    static PACKET: RefCell<Packet> = RefCell::default();
    static READING: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into_boxed_slice());
}

/// Works on a packet. The work does not wait, and uses no other packet.
pub(super) fn with_packet<T>(work: impl FnOnce(&mut Packet) -> T) -> T {
    PACKET.with_borrow_mut(work)
}

/// Reads into a buffer and works on it.
pub(super) fn with_reading<T>(work: impl FnOnce(&mut [u8]) -> T) -> T {
    READING.with_borrow_mut(|reading| work(reading))
}
