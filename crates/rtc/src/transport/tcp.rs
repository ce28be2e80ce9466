//! Media over TCP, for participants whose network lets no UDP through: packets with their length before them
//! (RFC 4571). The server only accepts (RFC 6544, passive candidates).

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::RwLock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::routes::{Packet, Routes};
use crate::metrics::Metrics;

/// Connections at once; those beyond are closed.
const MAX_CONNECTIONS: usize = 4000;
/// Longest packet.
const MAX_PACKET: usize = 2048;
/// Packets that wait for one connection; further ones are lost, as on a busy network.
const QUEUE: usize = 512;
/// How long a connection may say nothing: before it has named its connection, and after.
const SILENT: Duration = Duration::from_secs(10);
const IDLE: Duration = Duration::from_secs(60);

/// The connections by the address of their peer.
#[derive(Debug, Default)]
pub(super) struct Connections {
    open: RwLock<HashMap<SocketAddr, mpsc::Sender<Vec<u8>>>>,
    count: AtomicUsize,
}

impl Connections {
    /// Queues a packet, and tells whether there was place for it.
    pub(super) fn send(&self, to: SocketAddr, packet: &[u8]) -> bool {
        self.open.read().get(&to).is_some_and(|queue| queue.try_send(packet.to_vec()).is_ok())
    }
}

/// Accepts connections for as long as the listener works.
pub(super) async fn accept(
    listener: TcpListener,
    announced: SocketAddr,
    connections: Arc<Connections>,
    routes: Routes,
    metrics: Arc<Metrics>,
) {
    loop {
        let Ok((stream, from)) = listener.accept().await else {
            // Out of file descriptors, most likely: others have to end first.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        if connections.count.fetch_add(1, Ordering::Relaxed) >= MAX_CONNECTIONS {
            connections.count.fetch_sub(1, Ordering::Relaxed);
            metrics.dropped.up();
            continue;
        }
        let (connections, routes, metrics) = (connections.clone(), routes.clone(), metrics.clone());
        tokio::spawn(async move {
            serve(stream, from, announced, &connections, &routes, &metrics).await;
            connections.count.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

async fn serve(
    stream: TcpStream,
    from: SocketAddr,
    announced: SocketAddr,
    connections: &Connections,
    routes: &Routes,
    metrics: &Metrics,
) {
    let _ = stream.set_nodelay(true);
    let (reader, writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    // The first packet says whom the connection is for.
    let first = tokio::time::timeout(SILENT, read(&mut reader)).await.ok().flatten();
    let Some((first, route)) = first.and_then(|first| routes.of_request(&first).map(|route| (first, route))) else {
        metrics.strangers.up();
        return;
    };
    let (queue, waiting) = mpsc::channel(QUEUE);
    connections.open.write().insert(from, queue.clone());
    let read_all = async {
        let mut route = route;
        let mut next = Some(first);
        while let Some(bytes) = next {
            metrics.packets_in.up();
            metrics.bytes_in.add(bytes.len() as u64);
            if let Some(other) = routes.of_request(&bytes) {
                route = other;
            }
            let packet = Packet { connection: route.connection, from, to: announced, tcp: true, bytes };
            // A full room slows this connection down, which TCP tells its peer.
            if route.room.send(packet).await.is_err() {
                break;
            }
            next = tokio::time::timeout(IDLE, read(&mut reader)).await.ok().flatten();
        }
    };
    tokio::select! {
        () = read_all => {}
        () = write_all(writer, waiting) => {}
    }
    let mut open = connections.open.write();
    if open.get(&from).is_some_and(|other| other.same_channel(&queue)) {
        open.remove(&from);
    }
}

async fn read(reader: &mut BufReader<OwnedReadHalf>) -> Option<Vec<u8>> {
    let length = usize::from(reader.read_u16().await.ok()?);
    if length > MAX_PACKET {
        return None;
    }
    let mut packet = vec![0; length];
    reader.read_exact(&mut packet).await.ok()?;
    Some(packet)
}

async fn write_all(mut writer: OwnedWriteHalf, mut waiting: mpsc::Receiver<Vec<u8>>) {
    while let Some(packet) = waiting.recv().await {
        let Ok(length) = u16::try_from(packet.len()) else { continue };
        let frame = [&length.to_be_bytes(), packet.as_slice()].concat();
        if !matches!(tokio::time::timeout(SILENT, writer.write_all(&frame)).await, Ok(Ok(()))) {
            return;
        }
    }
}
