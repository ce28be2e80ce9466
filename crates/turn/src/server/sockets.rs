//! What the server wants from the outside: sockets for relayed addresses.

use super::RelayPort;

/// Why a socket was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotOpened {
    /// Something else has the port.
    InUse,
    /// There are no more sockets to be had.
    Exhausted,
}

/// Opens sockets. What arrives at them goes to [`super::Server::relay`].
pub(crate) trait Sockets {
    /// A socket of a relayed address. It is closed when the last clone is dropped.
    type Relay: Clone + std::fmt::Debug;
    /// The way to a client.
    type Client: Clone + std::fmt::Debug;

    /// Opens the socket of a relayed address.
    fn open(&mut self, port: RelayPort) -> Result<Self::Relay, NotOpened>;
}
