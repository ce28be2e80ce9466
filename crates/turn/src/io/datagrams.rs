//! Clients over UDP.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{net::UdpSocket, time::sleep};

use super::{Client, Shared, scratch};
use crate::server::{FiveTuple, Transport};

/// Datagrams that are taken in one go before others have their turn.
const BATCH: usize = 64;
/// The pause after a socket has failed, which none should.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves the clients that send to a socket.
pub(super) async fn serve(shared: Arc<Shared>, socket: Arc<UdpSocket>, listener: u16) {
    loop {
        let ready = socket.readable().await;
        match ready.and_then(|()| take(&shared, &socket, listener)) {
            Ok(BATCH) => tokio::task::yield_now().await,
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(%error, "receiving from TURN clients");
                sleep(PAUSE).await;
            }
        }
    }
}

/// Takes what has arrived, up to a batch, and says how much it was.
fn take(shared: &Shared, socket: &Arc<UdpSocket>, listener: u16) -> io::Result<usize> {
    for taken in 0..BATCH {
        let outcome: io::Result<SocketAddr> = scratch::with_packet(|packet| {
            let (length, client) = socket.try_recv_from(packet.room())?;
            packet.received(length);
            let from = FiveTuple { transport: Transport::Datagram, listener, client };
            let way = Client::Datagram(Arc::clone(socket), client);
            if let Some(answer) = shared.received(&from, &way, packet) {
                way.send(&answer);
            }
            Ok(client)
        });
        match outcome {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(taken),
            Err(error) => return Err(error),
        }
    }
    Ok(BATCH)
}
