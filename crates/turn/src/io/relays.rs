//! The sockets of relayed addresses, each with a task that waits for peers.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{net::UdpSocket, task::AbortHandle, time::sleep};

use super::{Client, Error, Shared, scratch, sockets};
use crate::{
    server::{NotOpened, RelayPort, Sockets},
    stun::attributes::Family,
};

/// Datagrams that are taken in one go before others have their turn.
const BATCH: usize = 32;
/// The pause after a socket has failed, which none should.
const PAUSE: Duration = Duration::from_millis(100);

/// The local addresses behind relayed ones, by family.
pub(super) type Local = HashMap<Family, IpAddr>;

/// Finds out at which addresses of this machine the relayed ones are: themselves, or all of a family where a NAT has
/// them.
pub(super) fn local_addresses(relayed: &[IpAddr]) -> Result<Local, Error> {
    let mut local = Local::new();
    for address in relayed.iter().copied() {
        let any = match address {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let found = match sockets::relay(SocketAddr::new(address, 0)) {
            Ok(_) => Ok(address),
            Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => {
                sockets::relay(SocketAddr::new(any, 0)).map(|_| any)
            }
            Err(error) => Err(error),
        };
        let found = found.map_err(|error| Error::Relay { address, error })?;
        if address.is_unspecified() || local.insert(Family::of(address), found).is_some() {
            return Err(Error::RelayAddresses);
        }
    }
    if local.is_empty() { Err(Error::RelayAddresses) } else { Ok(local) }
}

/// Opens the sockets of relayed addresses.
pub(super) struct Opener {
    local: Local,
    shared: Weak<Shared>,
}

impl Opener {
    pub(super) fn new(local: Local, shared: Weak<Shared>) -> Self {
        Self { local, shared }
    }
}

/// The socket of a relayed address. Its task ends with it.
#[derive(Debug)]
pub(super) struct RelaySocket {
    socket: Arc<UdpSocket>,
    task: AbortHandle,
}

impl RelaySocket {
    /// Sends a datagram now or not at all.
    pub(super) fn send(&self, datagram: &[u8], peer: SocketAddr) -> bool {
        sockets::send(&self.socket, datagram, peer)
    }
}

impl Drop for RelaySocket {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Sockets for Opener {
    type Relay = Arc<RelaySocket>;
    type Client = Client;

    fn open(&mut self, port: RelayPort) -> Result<Arc<RelaySocket>, NotOpened> {
        let address = *self.local.get(&port.family).ok_or(NotOpened::Exhausted)?;
        let socket = match sockets::relay(SocketAddr::new(address, port.number)) {
            Ok(socket) => Arc::new(socket),
            Err(error) if matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied) => {
                return Err(NotOpened::InUse);
            }
            Err(error) => {
                tracing::warn!(%error, "no socket for a relayed address");
                return Err(NotOpened::Exhausted);
            }
        };
        let task = tokio::spawn(wait_for_peers(self.shared.clone(), Arc::clone(&socket), port)).abort_handle();
        Ok(Arc::new(RelaySocket { socket, task }))
    }
}

async fn wait_for_peers(shared: Weak<Shared>, socket: Arc<UdpSocket>, port: RelayPort) {
    loop {
        let ready = socket.readable().await;
        let Some(shared) = shared.upgrade() else { return };
        let taken = ready.and_then(|()| take(&shared, &socket, port));
        drop(shared);
        match taken {
            Ok(BATCH) => tokio::task::yield_now().await,
            Ok(_) => {}
            Err(_) => sleep(PAUSE).await,
        }
    }
}

/// Takes what has arrived, up to a batch, and says how much it was.
fn take(shared: &Shared, socket: &UdpSocket, port: RelayPort) -> io::Result<usize> {
    for taken in 0..BATCH {
        let outcome = scratch::with_packet(|packet| {
            let (length, peer) = socket.try_recv_from(packet.room())?;
            packet.received(length);
            let action = shared.server.lock().relay(port, peer, packet, shared.now().at);
            shared.carry_out(action, packet);
            io::Result::Ok(())
        });
        match outcome {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(taken),
            Err(error) => return Err(error),
        }
    }
    Ok(BATCH)
}
