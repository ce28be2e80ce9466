//! Opening sockets. Those of IPv6 take no IPv4, so that an address means one thing.

use std::{io, net::SocketAddr};

use rustix::net::{self, AddressFamily, SendFlags, SocketFlags, SocketType, sockopt};
use tokio::net::{TcpListener, UdpSocket};

/// Datagrams that wait for us at an address that clients send to. The system may give less.
const RECEIVE_BUFFER: usize = 4 << 20;
/// Connections that wait to be accepted.
const BACKLOG: i32 = 1_024;

/// A UDP socket that clients send to.
pub(super) fn datagram(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = relay(address)?;
    if let Err(error) = sockopt::set_socket_recv_buffer_size(&socket, RECEIVE_BUFFER) {
        tracing::debug!(%error, "the receive buffer of a TURN listener stays as it is");
    }
    Ok(socket)
}

/// A UDP socket.
pub(super) fn relay(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = open(address, SocketType::DGRAM)?;
    net::bind(&socket, &address)?;
    UdpSocket::from_std(socket.into())
}

/// A TCP socket that clients connect to.
pub(super) fn stream(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = open(address, SocketType::STREAM)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    net::bind(&socket, &address)?;
    net::listen(&socket, BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Sends a datagram now or not at all, as the network would. This asks the system and not the runtime, which knows of a
/// new socket only after a while that it can be written to.
pub(super) fn send(socket: &UdpSocket, datagram: &[u8], to: SocketAddr) -> bool {
    net::sendto(socket, datagram, SendFlags::DONTWAIT, &to).is_ok()
}

fn open(address: SocketAddr, kind: SocketType) -> io::Result<rustix::fd::OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = net::socket_with(family, kind, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    Ok(socket)
}
