//! Sockets. One UDP port carries the media of all rooms; a TCP port may stand in for it. Readers hand packets to the
//! task of the room that they are for, and never wait for it.

mod addresses;
mod routes;
pub(crate) mod stun;
mod tcp;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::net::{Protocol, Transmit};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;

use crate::metrics::Metrics;
use crate::options::{Announced, Options};

pub use addresses::own as own_addresses;
pub(crate) use routes::{ConnectionKey, Packet, Route, Routes, Side};

/// Longest packet that is read; media packets are at most as long as an Ethernet frame.
const MAX_PACKET: usize = 2048;
/// Packets that are read from a socket before others get a turn.
const BATCH: usize = 64;
/// How often a port is tried that has to be free on all addresses.
const PORT_TRIES: usize = 20;

#[derive(Debug)]
struct Udp {
    socket: Arc<UdpSocket>,
    announced: Vec<SocketAddr>,
}

/// The sockets, bound.
#[derive(Debug)]
pub(crate) struct Transport {
    udp: Vec<Udp>,
    tcp: Arc<tcp::Connections>,
    announced: Vec<Announced>,
    pub(crate) routes: Routes,
    metrics: Arc<Metrics>,
}

/// The tasks that read the sockets; they end when this is dropped.
#[derive(Debug)]
pub(crate) struct Readers(#[expect(dead_code, reason = "dropping it ends the tasks")] JoinSet<()>);

impl Transport {
    /// Binds the ports and starts to read them.
    pub(crate) async fn bind(options: &Options, metrics: Arc<Metrics>) -> io::Result<(Self, Readers)> {
        let places = addresses::places(&options.addresses);
        let udp = bind_udp(&places, options.udp_port).await?;
        let mut announced: Vec<_> = udp
            .iter()
            .flat_map(|udp| &udp.announced)
            .map(|address| Announced { address: *address, tcp: false })
            .collect();
        let (routes, tcp) = (Routes::default(), Arc::new(tcp::Connections::default()));
        let mut tasks = JoinSet::new();
        for udp in &udp {
            tasks.spawn(read(udp.socket.clone(), udp.announced[0], routes.clone(), metrics.clone()));
        }
        if let Some(mut port) = options.tcp_port {
            for place in &places {
                let listener = TcpListener::bind((place.listen, port)).await?;
                port = listener.local_addr()?.port();
                let addresses = place.announce.iter().map(|address| SocketAddr::new(*address, port));
                announced.extend(addresses.map(|address| Announced { address, tcp: true }));
                let first = SocketAddr::new(place.announce[0], port);
                tasks.spawn(tcp::accept(listener, first, tcp.clone(), routes.clone(), metrics.clone()));
            }
        }
        Ok((Self { udp, tcp, announced, routes, metrics }, Readers(tasks)))
    }

    /// The addresses that participants are told.
    pub(crate) fn announced(&self) -> &[Announced] {
        &self.announced
    }

    /// Sends a packet now or not at all: media do not wait.
    pub(crate) fn send(&self, packet: &Transmit) {
        let sent = if packet.proto == Protocol::Udp {
            self.udp
                .iter()
                .find(|udp| udp.announced.contains(&packet.source))
                .is_some_and(|udp| udp.socket.try_send_to(&packet.contents, packet.destination).is_ok())
        } else {
            self.tcp.send(packet.destination, &packet.contents)
        };
        if sent {
            self.metrics.packets_out.up();
            self.metrics.bytes_out.add(packet.contents.len() as u64);
        } else {
            self.metrics.dropped.up();
        }
    }
}

async fn bind_udp(places: &[addresses::Place], wanted: u16) -> io::Result<Vec<Udp>> {
    let mut tries = 0;
    loop {
        match try_bind_udp(places, wanted).await {
            // The port that the first address was given may be taken on the next.
            Err(error) if wanted == 0 && error.kind() == io::ErrorKind::AddrInUse && tries < PORT_TRIES => tries += 1,
            result => return result,
        }
    }
}

async fn try_bind_udp(places: &[addresses::Place], wanted: u16) -> io::Result<Vec<Udp>> {
    let mut port = wanted;
    let mut bound = Vec::new();
    for place in places {
        let socket = UdpSocket::bind((place.listen, port)).await?;
        port = socket.local_addr()?.port();
        let announced = place.announce.iter().map(|address| SocketAddr::new(*address, port)).collect();
        bound.push(Udp { socket: Arc::new(socket), announced });
    }
    Ok(bound)
}

async fn read(socket: Arc<UdpSocket>, announced: SocketAddr, routes: Routes, metrics: Arc<Metrics>) {
    let mut addresses = routes::Addresses::new(routes, Instant::now());
    let mut buffer = vec![0; MAX_PACKET];
    loop {
        if socket.readable().await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let now = Instant::now();
        for _ in 0..BATCH {
            match socket.try_recv_from(&mut buffer) {
                Ok((length, from)) => addresses.deliver(from, announced, &buffer[..length], now, &metrics),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // A peer that is gone answers what was sent to it; that is no fault of the socket.
                Err(_) => {}
            }
        }
        tokio::task::yield_now().await;
    }
}
