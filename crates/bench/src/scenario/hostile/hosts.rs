//! Hosts that a server is led to: some that never answer, some that answer a byte at a time.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Addresses at which nobody ever answers.
pub(super) const SILENT: u8 = 100;
/// Addresses at which pages come slowly.
pub(super) const SLOW: u8 = 50;
const BETWEEN_BYTES: Duration = Duration::from_millis(500);

/// The hosts, listening as long as this lives. Each has an address of its own, because servers count by host.
#[derive(Debug)]
pub(super) struct Hosts {
    silent: Vec<SocketAddr>,
    slow: Vec<SocketAddr>,
    _listening: JoinSet<()>,
}

impl Hosts {
    /// Begins to listen, on loopback addresses.
    pub(super) async fn listen() -> Result<Self> {
        let mut listening = JoinSet::new();
        let (mut silent, mut slow) = (Vec::new(), Vec::new());
        for host in 1..=SILENT {
            let listener = bind(2, host).await?;
            silent.push(listener.local_addr()?);
            listening.spawn(serve(listener, true));
        }
        for host in 1..=SLOW {
            let listener = bind(3, host).await?;
            slow.push(listener.local_addr()?);
            listening.spawn(serve(listener, false));
        }
        Ok(Self { silent, slow, _listening: listening })
    }

    /// Hosts that take connections and never answer.
    pub(super) fn silent(&self) -> impl Iterator<Item = SocketAddr> {
        self.silent.iter().copied()
    }

    /// Hosts whose pages never end.
    pub(super) fn slow(&self) -> impl Iterator<Item = SocketAddr> {
        self.slow.iter().copied()
    }
}

async fn bind(network: u8, host: u8) -> Result<TcpListener> {
    let address = Ipv4Addr::new(127, 0, network, host);
    TcpListener::bind((address, 0)).await.with_context(|| format!("cannot listen at {address}"))
}

/// Takes connections; those of silent hosts are only kept.
async fn serve(listener: TcpListener, is_silent: bool) {
    let mut open = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        open.spawn(drip(stream, is_silent));
        while open.try_join_next().is_some() {}
    }
}

async fn drip(mut stream: TcpStream, is_silent: bool) {
    if is_silent {
        // Until the other side has gone.
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
        return;
    }
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html><head><title>";
    let mut written = stream.write_all(head.as_bytes()).await;
    while written.is_ok() {
        tokio::time::sleep(BETWEEN_BYTES).await;
        written = stream.write_all(b"x").await;
    }
}
