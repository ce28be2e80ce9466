//! What clients that idle cost.

use im2_turn::{Limits, Options};
use tokio::net::UdpSocket;

use super::{
    Server, credentials, options,
    raw::{ALLOCATE, Requests, UDP},
};

/// Resident memory of this process in bytes.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 4_096
}

/// Allocates for a client of its own, at an address of its own, because strangers at one get few answers; its socket.
async fn allocate(server: &Server, number: usize) -> UdpSocket {
    let socket = UdpSocket::bind(format!("127.0.{}.{}:0", 1 + number / 200, 1 + number % 200)).await.unwrap();
    socket.connect(server.address).await.unwrap();
    let mut requests = Requests::of(credentials(&format!("@user{number}:example.org"), 600));
    let mut buffer = [0; 1_024];
    for expected in [401, 0] {
        socket.send(&requests.build(ALLOCATE, &[UDP])).await.unwrap();
        let length = socket.recv(&mut buffer).await.unwrap();
        assert_eq!(requests.learn(&buffer[..length]), expected);
    }
    socket
}

#[tokio::test]
async fn a_thousand_idle_allocations_take_little_memory() {
    let server = Server::start(Options { limits: Limits::default(), ..options() }).await;
    let mut clients = Vec::new();
    // The first ones bring what all share: the thread's buffers, and room in tables.
    for number in 0..100 {
        clients.push(allocate(&server, number).await);
    }
    let before = resident();
    for number in 100..1_100 {
        clients.push(allocate(&server, number).await);
    }
    let each = (resident().saturating_sub(before)) / 1_000;
    eprintln!("{each} bytes for each of a thousand idle allocations, the client's socket of the test included");
    assert_eq!(server.counters.allocations(), 1_100);
    assert!(each < 8_192, "{each} bytes for each allocation");
}
