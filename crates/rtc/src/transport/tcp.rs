//! Media over TCP, for participants whose network lets no UDP through: packets with their length before them
//! (RFC 4571). The server only accepts (RFC 6544, passive candidates).

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::routes::{MAX_CLAIMS, Packet, Routes};
use super::stun;
use crate::metrics::Metrics;

/// Connections at once that have not said whom they are for: of one address, and of all. Those beyond are closed.
const MAX_UNNAMED_OF_ADDRESS: usize = 64;
const MAX_UNNAMED: usize = 2000;
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
    open: Mutex<Open>,
    unnamed: Mutex<Unnamed>,
}

#[derive(Debug, Default)]
struct Open {
    by_address: HashMap<SocketAddr, Peer>,
    /// The peers of each connection of a participant, the oldest first.
    of_route: HashMap<u64, Vec<SocketAddr>>,
    last: u64,
}

#[derive(Debug)]
struct Peer {
    number: u64,
    route: u64,
    queue: mpsc::Sender<Vec<u8>>,
}

#[derive(Debug, Default)]
struct Unnamed {
    of_address: HashMap<IpAddr, usize>,
    all: usize,
}

impl Connections {
    /// Queues a packet, and tells whether there was place for it.
    pub(super) fn send(&self, to: SocketAddr, packet: &[u8]) -> bool {
        self.open.lock().by_address.get(&to).is_some_and(|peer| peer.queue.try_send(packet.to_vec()).is_ok())
    }

    /// Counts a connection that has not said whom it is for, unless there are too many.
    fn begin(self: &Arc<Self>, from: IpAddr) -> Option<Beginning> {
        let mut unnamed = self.unnamed.lock();
        let same = unnamed.of_address.get(&from).copied().unwrap_or_default();
        if unnamed.all >= MAX_UNNAMED || same >= MAX_UNNAMED_OF_ADDRESS {
            return None;
        }
        unnamed.all += 1;
        unnamed.of_address.insert(from, same + 1);
        Some(Beginning { connections: self.clone(), from })
    }

    /// Remembers a connection that is for `route`, and gives its number. Its oldest one ends if it has too many: it
    /// notices that its queue is gone.
    fn insert(&self, from: SocketAddr, route: u64, queue: mpsc::Sender<Vec<u8>>) -> u64 {
        let mut open = self.open.lock();
        open.last += 1;
        let number = open.last;
        if let Some(before) = open.by_address.insert(from, Peer { number, route, queue }) {
            open.forget(before.route, from);
        }
        let mine = open.of_route.entry(route).or_default();
        mine.push(from);
        if mine.len() > MAX_CLAIMS {
            let oldest = mine.remove(0);
            open.by_address.remove(&oldest);
        }
        number
    }

    fn remove(&self, from: SocketAddr, number: u64) {
        let mut open = self.open.lock();
        if open.by_address.get(&from).is_some_and(|peer| peer.number == number)
            && let Some(peer) = open.by_address.remove(&from)
        {
            open.forget(peer.route, from);
        }
    }
}

impl Open {
    fn forget(&mut self, route: u64, address: SocketAddr) {
        if let Some(mine) = self.of_route.get_mut(&route) {
            mine.retain(|one| *one != address);
            if mine.is_empty() {
                self.of_route.remove(&route);
            }
        }
    }
}

/// The time in which a connection is to say whom it is for.
struct Beginning {
    connections: Arc<Connections>,
    from: IpAddr,
}

impl Drop for Beginning {
    fn drop(&mut self) {
        let mut unnamed = self.connections.unnamed.lock();
        unnamed.all -= 1;
        if let Some(count) = unnamed.of_address.get_mut(&self.from) {
            *count -= 1;
            if *count == 0 {
                unnamed.of_address.remove(&self.from);
            }
        }
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
        let Some(beginning) = connections.begin(from.ip()) else {
            metrics.dropped.up();
            continue;
        };
        let (connections, routes, metrics) = (connections.clone(), routes.clone(), metrics.clone());
        tokio::spawn(async move {
            serve(stream, (from, announced), beginning, &connections, &routes, &metrics).await;
        });
    }
}

async fn serve(
    stream: TcpStream,
    (from, announced): (SocketAddr, SocketAddr),
    beginning: Beginning,
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
    drop(beginning);
    let (queue, waiting) = mpsc::channel(QUEUE);
    let number = connections.insert(from, route.id, queue);
    let read_all = async {
        let mut next = Some(first);
        while let Some(bytes) = next {
            metrics.packets_in.up();
            metrics.bytes_in.add(bytes.len() as u64);
            if stun::is_request(&bytes) && routes.of_request(&bytes).is_none_or(|other| other.id != route.id) {
                // One stream is for one connection.
                metrics.strangers.up();
            } else {
                let packet = Packet { connection: route.connection, from, to: announced, tcp: true, bytes };
                // A full room slows this connection down, which TCP tells its peer.
                if route.room.send(packet).await.is_err() {
                    break;
                }
            }
            next = tokio::time::timeout(IDLE, read(&mut reader)).await.ok().flatten();
        }
    };
    tokio::select! {
        () = read_all => {}
        () = write_all(writer, waiting) => {}
    }
    connections.remove(from, number);
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

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Instant;

    use super::super::routes::{ConnectionKey, Route, Side};
    use super::super::stun::tests::{request_of, request_to};
    use super::*;

    struct World {
        at: SocketAddr,
        connections: Arc<Connections>,
        packets: mpsc::Receiver<Packet>,
    }

    async fn world() -> World {
        let (routes, connections) = (Routes::default(), Arc::new(Connections::default()));
        let (room, packets) = mpsc::channel(99);
        let connection = ConnectionKey { participant: 1, side: Side::Publisher };
        routes.insert("1", Route { id: routes.next_id(), connection, room, password: "secret".into() });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let at = listener.local_addr().unwrap();
        tokio::spawn(accept(listener, at, connections.clone(), routes, Arc::default()));
        World { at, connections, packets }
    }

    async fn say(to: SocketAddr, packet: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(to).await.unwrap();
        let frame = [&(packet.len() as u16).to_be_bytes(), packet].concat();
        stream.write_all(&frame).await.unwrap();
        stream
    }

    /// Whether the other end closes a connection.
    async fn closes(mut stream: TcpStream) -> bool {
        let read = tokio::time::timeout(Duration::from_secs(30), stream.read(&mut [0; 9])).await;
        matches!(read, Ok(Ok(0) | Err(_)))
    }

    #[tokio::test]
    async fn one_connection_of_a_participant_has_few_of_tcp() {
        let mut world = world().await;
        let mut streams = Vec::new();
        for _ in 0..MAX_CLAIMS + 2 {
            streams.push(say(world.at, &request_of("1:x", "secret", false)).await);
            world.packets.recv().await.unwrap();
        }
        let newest = streams.last().unwrap().local_addr().unwrap();
        assert!(closes(streams.remove(0)).await && closes(streams.remove(0)).await);
        assert!(world.connections.send(newest, b"packet"));
        assert_eq!(world.connections.open.lock().by_address.len(), MAX_CLAIMS);
        drop(streams);
        let start = Instant::now();
        while !world.connections.open.lock().of_route.is_empty() {
            assert!(start.elapsed() < Duration::from_secs(30));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[tokio::test]
    async fn who_does_not_know_the_password_is_sent_away() {
        let mut world = world().await;
        assert!(closes(say(world.at, &request_to("1:x")).await).await);
        assert!(world.packets.try_recv().is_err());
    }

    #[tokio::test]
    async fn an_address_has_few_connections_that_say_nothing() {
        let world = world().await;
        let mut silent = Vec::new();
        for _ in 0..MAX_UNNAMED_OF_ADDRESS {
            silent.push(TcpStream::connect(world.at).await.unwrap());
        }
        assert!(closes(TcpStream::connect(world.at).await.unwrap()).await);
        assert_eq!(world.connections.unnamed.lock().all, MAX_UNNAMED_OF_ADDRESS);
        assert!(world.connections.begin(Ipv4Addr::new(192, 0, 2, 1).into()).is_some(), "others are not held up");
    }
}
