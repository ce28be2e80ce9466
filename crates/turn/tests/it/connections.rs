//! Clients on connections: pieces of messages, garbage, limits, ends, and clients that do not read.

use std::{net::SocketAddr, time::Duration};

use im2_turn::{Counter, Limits, Options};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UdpSocket},
    time::timeout,
};

use super::{
    Server, credentials, echo, options,
    raw::{ALLOCATE, BINDING, CHANNEL_BIND, REFRESH, Requests, UDP, attribute, xor},
    until,
};

/// Reads one message, padded as ChannelData is.
async fn message(stream: &mut TcpStream) -> Vec<u8> {
    let read = async {
        let mut message = vec![0; 4];
        stream.read_exact(&mut message).await.unwrap();
        let length = usize::from(u16::from_be_bytes([message[2], message[3]]));
        let rest = if message[0] & 0xC0 == 0 { 16 + length } else { length.next_multiple_of(4) };
        message.resize(4 + rest, 0);
        stream.read_exact(&mut message[4..]).await.unwrap();
        message
    };
    timeout(Duration::from_secs(10), read).await.unwrap()
}

/// Whether the server closes a connection soon.
async fn is_closed(stream: &mut TcpStream) -> bool {
    let mut buffer = [0; 1_024];
    let closed = async { while stream.read(&mut buffer).await.is_ok_and(|length| length > 0) {} };
    timeout(Duration::from_secs(5), closed).await.is_ok()
}

async fn ask(
    stream: &mut TcpStream,
    requests: &mut Requests,
    kind: u16,
    attributes: &[(u16, &[u8])],
) -> (u16, Vec<u8>) {
    loop {
        let request = requests.build(kind, attributes);
        stream.write_all(&request).await.unwrap();
        let answer = message(stream).await;
        match requests.learn(&answer) {
            401 | 438 if !is_signed(&request) => {}
            code => return (code, answer),
        }
    }
}

fn is_signed(request: &[u8]) -> bool {
    attribute(request, 0x0008).is_some()
}

/// A connection with an allocation and a channel to a peer.
async fn call(server: &Server, user: &str, peer: SocketAddr) -> (TcpStream, Requests) {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let mut requests = Requests::of(credentials(user, 600));
    assert_eq!(ask(&mut stream, &mut requests, ALLOCATE, &[UDP]).await.0, 0);
    let bind: [(u16, &[u8]); 2] = [(0x000C, &[0x40, 0, 0, 0]), (0x0012, &xor(peer))];
    assert_eq!(ask(&mut stream, &mut requests, CHANNEL_BIND, &bind).await.0, 0);
    (stream, requests)
}

#[tokio::test]
async fn messages_in_pieces_and_many_at_once() {
    let server = Server::start(options()).await;
    let (peer, _echo) = echo().await;
    let (mut stream, mut requests) = call(&server, "@ana:example.org", peer).await;
    // Byte by byte.
    let request = requests.build(REFRESH, &[]);
    for byte in request {
        stream.write_all(&[byte]).await.unwrap();
        stream.flush().await.unwrap();
    }
    assert_eq!(requests.learn(&message(&mut stream).await), 0);
    // Many in one piece, the last of which is cut in the middle.
    let data: Vec<u8> = (0..50).flat_map(|number| [0x40, 0, 0, 5, number, 1, 2, 3, 4, 0, 0, 0]).collect();
    let (most, rest) = data.split_at(data.len() - 5);
    stream.write_all(most).await.unwrap();
    tokio::task::yield_now().await;
    stream.write_all(rest).await.unwrap();
    for number in 0..50 {
        assert_eq!(message(&mut stream).await, [0x40, 0, 0, 5, number, 1, 2, 3, 4, 0, 0, 0]);
    }
}

#[tokio::test]
async fn garbage_and_long_messages_of_strangers_end_a_connection() {
    let server = Server::start(options()).await;
    for garbage in [&b"GET / HTTP/1.1\r\n\r\n........"[..], &[0x80; 20], &[0, 1, 0, 3], &[0, 1, 0xFF, 0xFC, 0, 0, 0, 0]]
    {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(garbage).await.unwrap();
        assert!(is_closed(&mut stream).await, "{garbage:?}");
    }
    assert!(server.count(Counter::Malformed) >= 4);
    let mut stream = TcpStream::connect(server.tls_address).await.unwrap();
    stream.write_all(b"no TLS at all, but a few words that are long enough to be a record").await.unwrap();
    assert!(is_closed(&mut stream).await);
    until("the places are given back", || server.counters.connections() == 0).await;
}

#[tokio::test]
async fn an_allocation_ends_with_its_connection() {
    let server = Server::start(options()).await;
    let (peer, _echo) = echo().await;
    let first = call(&server, "@ana:example.org", peer).await;
    let second = call(&server, "@ben:example.org", peer).await;
    assert_eq!((server.counters.allocations(), server.counters.connections()), (2, 2));
    drop(first);
    until("the first is gone", || server.counters.allocations() == 1 && server.counters.connections() == 1).await;
    let (mut stream, mut requests) = second;
    assert_eq!(ask(&mut stream, &mut requests, REFRESH, &[]).await.0, 0);
    server.stop().await;
    assert!(is_closed(&mut stream).await, "what is left ends with the server");
}

#[tokio::test]
async fn an_address_has_so_many_connections() {
    let limits = Limits { connections_per_address: 3, ..Limits::default() };
    let server = Server::start(Options { limits, ..options() }).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(&Requests::of(credentials("@ana:example.org", 600)).build(BINDING, &[])).await.unwrap();
        assert_eq!(message(&mut stream).await[..2], [1, 1]);
        open.push(stream);
    }
    assert!(is_closed(&mut TcpStream::connect(server.address).await.unwrap()).await);
    assert_eq!(server.count(Counter::ConnectionsRefused), 1);
    // UDP is not a connection.
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let request = Requests::of(credentials("@ana:example.org", 600)).build(BINDING, &[]);
    socket.send_to(&request, server.address).await.unwrap();
    let mut buffer = [0; 100];
    timeout(Duration::from_secs(5), socket.recv(&mut buffer)).await.unwrap().unwrap();
    open.pop();
    until("a place is free", || server.counters.connections() == 2).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(&request).await.unwrap();
    assert_eq!(message(&mut stream).await[..2], [1, 1]);
}

#[tokio::test]
async fn a_client_that_does_not_read_costs_little_and_hinders_nobody() {
    let limits = Limits { bytes_per_second: 1 << 30, ..Limits::default() };
    let server = Server::start(Options { limits, ..options() }).await;
    let (peer, _echo) = echo().await;
    let loud = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let (mut deaf, _requests) = call(&server, "@deaf:example.org", loud.local_addr().unwrap()).await;
    let (mut ana, _requests) = call(&server, "@ana:example.org", peer).await;
    deaf.write_all(&[0x40, 0, 0, 4, 1, 2, 3, 4]).await.unwrap();
    let mut buffer = [0; 10];
    let (_, relayed) = timeout(Duration::from_secs(5), loud.recv_from(&mut buffer)).await.unwrap().unwrap();
    // What the client does not read fills the system's buffers and then the server's, and is dropped.
    let flood = async {
        while server.count(Counter::Congested) < 1_000 {
            loud.send_to(&[9; 1_024], relayed).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(50), flood).await.unwrap();
    for number in 0..100 {
        ana.write_all(&[0x40, 0, 0, 4, number, 1, 2, 3]).await.unwrap();
        assert_eq!(message(&mut ana).await, [0x40, 0, 0, 4, number, 1, 2, 3]);
    }
    // Once it reads, it gets whole messages again.
    for _ in 0..1_000 {
        assert_eq!(message(&mut deaf).await[..4], [0x40, 0, 4, 0]);
    }
}
