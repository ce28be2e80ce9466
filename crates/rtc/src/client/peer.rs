//! A client's end of a peer connection, on a UDP socket of its own.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig, RtcError};
use tokio::net::UdpSocket;

/// Bytes of data that may wait to be sent.
const DATA: usize = 10_000_000;

/// The connection.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) rtc: Rtc,
    pub(crate) socket: UdpSocket,
    /// The address that the connection takes for its own, also after it has moved: it is not told, as behind a router.
    address: SocketAddr,
    pub(crate) timer: Instant,
}

async fn bind() -> io::Result<UdpSocket> {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await
}

impl Peer {
    pub(crate) async fn new() -> io::Result<Self> {
        let socket = bind().await?;
        let address = socket.local_addr()?;
        let mut rtc = RtcConfig::new()
            .set_crypto_provider(Arc::new(crate::crypto::provider()))
            .set_rtp_mode(true)
            .set_sctp_max_buffered_amount(DATA)
            .build(Instant::now());
        rtc.add_local_candidate(Candidate::host(address, "udp").map_err(io::Error::other)?);
        Ok(Self { rtc, socket, address, timer: Instant::now() })
    }

    /// Goes on from another address, as after a router has forgotten the first.
    pub(crate) async fn move_away(&mut self) -> io::Result<()> {
        self.socket = bind().await?;
        Ok(())
    }

    /// Sends what is to be sent, and gives what has happened.
    pub(crate) fn poll(&mut self) -> Result<Vec<Event>, RtcError> {
        let mut events = Vec::new();
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(at) => {
                    // Never in a loop without time passing.
                    self.timer = at.max(Instant::now() + Duration::from_millis(1));
                    return Ok(events);
                }
                Output::Transmit(packet) => {
                    let _ = self.socket.try_send_to(&packet.contents, packet.destination);
                }
                Output::Event(event) => events.push(event),
            }
        }
    }

    pub(crate) fn wake(&mut self) -> Result<Vec<Event>, RtcError> {
        self.rtc.handle_input(Input::Timeout(Instant::now()))?;
        self.poll()
    }

    pub(crate) fn receive(&mut self, bytes: &[u8], from: SocketAddr) -> Result<Vec<Event>, RtcError> {
        if let Ok(receive) = Receive::new(Protocol::Udp, from, self.address, bytes) {
            self.rtc.handle_input(Input::Receive(Instant::now(), receive))?;
        }
        self.poll()
    }
}
