//! A server on its sockets: clients over UDP, TCP and TLS, coturn's among them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stderr, reason = "a test that is left out says why, one that measures says what it found")]

mod connections;
mod coturn;
mod figures;
mod raw;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use im2_model::{Clock as _, SystemClock, SystemRandom};
use im2_turn::{Certificate, Counter, Counters, Limits, Options, Turn};
use ring::hmac;
use tokio::{
    net::UdpSocket,
    sync::oneshot,
    task::{JoinHandle, JoinSet},
};

const SECRET: &str = "a shared secret";
const REALM: &str = "example.org";
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A running server at loopback addresses.
struct Server {
    address: SocketAddr,
    tls_address: SocketAddr,
    counters: Arc<Counters>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

/// The file with a certificate for localhost and its key.
fn pem() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/localhost.pem")
}

/// A server that relays to peers on this machine.
fn options() -> Options {
    Options {
        listen: vec![(LOOPBACK, 0).into()],
        listen_tls: vec![(LOOPBACK, 0).into()],
        certificate: Some(Certificate { chain: pem(), key: pem() }),
        relay_addresses: vec![LOOPBACK],
        relay_ports: 20_000..=29_999, // below those that the system gives to others
        realm: REALM.into(),
        secret: SECRET.into(),
        allowed_peers: vec!["127.0.0.0/8".parse().unwrap()],
        limits: Limits::default(),
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
    }
}

impl Server {
    async fn start(options: Options) -> Self {
        let turn = Turn::bind(options).await.unwrap();
        let (address, tls_address) = (turn.addresses()[0], turn.tls_addresses()[0]);
        let counters = turn.counters();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(turn.run(async {
            let _ = stopped.await;
        }));
        Self { address, tls_address, counters, stop: Some(stop), task }
    }

    fn count(&self, counter: Counter) -> u64 {
        self.counters.get(counter)
    }

    async fn stop(mut self) {
        drop(self.stop.take());
        self.task.await.unwrap();
    }
}

/// A user name that holds for so many seconds, and its password.
fn credentials(user: &str, seconds: i64) -> (String, String) {
    let until = (SystemClock.now() / 1_000).saturating_add_signed(seconds);
    let username = format!("{until}:{user}");
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, SECRET.as_bytes());
    let password = STANDARD.encode(hmac::sign(&key, username.as_bytes()));
    (username, password)
}

/// A peer that sends back what it is sent, at a port and the next one. It ends when the set is dropped.
async fn echo() -> (SocketAddr, JoinSet<()>) {
    let pair = async || {
        let first = UdpSocket::bind((LOOPBACK, 0)).await.ok()?;
        let port = first.local_addr().ok()?.port();
        Some([first, UdpSocket::bind((LOOPBACK, port.checked_add(1)?)).await.ok()?])
    };
    let sockets = loop {
        if let Some(sockets) = pair().await {
            break sockets;
        }
    };
    let address = sockets[0].local_addr().unwrap();
    let mut tasks = JoinSet::new();
    for socket in sockets {
        tasks.spawn(async move {
            let mut buffer = vec![0; 65_536];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                let _ = socket.send_to(&buffer[..length], from).await;
            }
        });
    }
    (address, tasks)
}

/// Waits until something holds, for ten seconds.
async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..1_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("this never came: {what}");
}
