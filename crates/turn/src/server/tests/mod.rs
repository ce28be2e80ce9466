//! The state machine, with a clock of its own and sockets that are numbers.

mod allocating;
mod authenticating;
mod fuzz;
mod relaying;

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use im2_model::{ManualClock, SeededRandom};
use parking_lot::Mutex;
use ring::hmac;

use super::{Action, FiveTuple, NotOpened, Now, RelayPort, Server, Sockets, Transport};
use crate::{
    Counter, Counters, Limits, Options,
    packet::Packet,
    stun::{
        Builder, Class, Key, Message, Method,
        attributes::{self, Type, XorAddress},
    },
};

const SECRET: &str = "a shared secret";
const REALM: &str = "example.org";
/// The wall clock at the beginning.
const UNIX: u64 = 1_800_000_000;
const RELAY_V4: &str = "203.0.113.9";
const RELAY_V6: &str = "2001:db8::9";
/// Peers that are public.
const PEERS: [&str; 3] = ["1.1.1.1:7000", "1.1.1.2:7000", "[2606:4700::1111]:7000"];
/// Attributes of a message.
type Attributes<'a> = &'a [(Type, &'a [u8])];
const UDP: [u8; 4] = [17, 0, 0, 0];

/// Sockets that are open, shared with the test.
#[derive(Debug, Clone, Default)]
struct Ports {
    open: Arc<Mutex<Vec<RelayPort>>>,
    exhausted: Arc<std::sync::atomic::AtomicBool>,
}

/// An open socket, which closes when it is dropped.
#[derive(Debug)]
struct OpenPort(RelayPort, Ports);

impl Drop for OpenPort {
    fn drop(&mut self) {
        self.1.open.lock().retain(|port| *port != self.0);
    }
}

impl Sockets for Ports {
    type Relay = Arc<OpenPort>;
    type Client = SocketAddr;

    fn open(&mut self, port: RelayPort) -> Result<Arc<OpenPort>, NotOpened> {
        if self.exhausted.load(Ordering::Relaxed) {
            return Err(NotOpened::Exhausted);
        }
        let mut open = self.open.lock();
        if open.contains(&port) {
            return Err(NotOpened::InUse);
        }
        open.push(port);
        Ok(Arc::new(OpenPort(port, self.clone())))
    }
}

struct World {
    server: Server<Ports>,
    ports: Ports,
    counters: Arc<Counters>,
    now: Duration,
}

fn options() -> Options {
    Options {
        listen: Vec::new(),
        listen_tls: Vec::new(),
        certificate: None,
        relay_addresses: vec![RELAY_V4.parse().unwrap(), RELAY_V6.parse().unwrap()],
        relay_ports: 50_000..=50_999,
        realm: REALM.into(),
        secret: SECRET.into(),
        allowed_peers: Vec::new(),
        limits: Limits { allocations: 20, allocations_per_user: 4, bytes_per_second: 100_000, ..Limits::default() },
        clock: Arc::new(ManualClock::at(UNIX * 1_000)),
        random: Arc::new(SeededRandom::new(7)),
    }
}

impl World {
    fn new() -> Self {
        Self::with(&options())
    }

    fn with(options: &Options) -> Self {
        let (ports, counters) = (Ports::default(), Arc::<Counters>::default());
        let server = Server::new(options, &[], Arc::clone(&counters), ports.clone());
        Self { server, ports, counters, now: Duration::from_secs(5) }
    }

    fn now(&self) -> Now {
        Now { at: self.now, unix: UNIX + self.now.as_secs() }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.server.tick(self.now);
    }

    fn count(&self, counter: Counter) -> u64 {
        self.counters.get(counter)
    }

    fn open_ports(&self) -> usize {
        self.ports.open.lock().len()
    }

    /// What a client's bytes lead to, and the packet as it then is.
    fn receive(&mut self, from: &FiveTuple, bytes: &[u8]) -> (Action<Ports>, Vec<u8>) {
        let mut packet = Packet::of(bytes);
        let now = self.now();
        let action = self.server.receive(from, &from.client, &mut packet, now);
        (action, packet.bytes().to_vec())
    }

    /// What a peer's datagram leads to: the client it goes to, and the bytes.
    fn datagram(&mut self, relayed: SocketAddr, peer: &str, data: &[u8]) -> Option<(SocketAddr, Vec<u8>)> {
        let mut packet = Packet::of(data);
        let port = RelayPort { family: attributes::Family::of(relayed.ip()), number: relayed.port() };
        match self.server.relay(port, peer.parse().unwrap(), &mut packet, self.now) {
            Action::ToClient(client) => Some((client, packet.bytes().to_vec())),
            Action::Nothing => None,
            other => panic!("{other:?}"),
        }
    }
}

/// An answer, taken apart.
#[derive(Debug)]
struct Answer(Vec<u8>);

impl Answer {
    fn message(&self) -> Message<'_> {
        Message::read(&self.0).unwrap()
    }

    /// 0 for success.
    fn code(&self) -> u16 {
        let message = self.message();
        match (message.class(), message.get(attributes::ERROR_CODE)) {
            (Class::Success, None) => 0,
            (Class::Error, Some([0, 0, hundreds, rest, ..])) => u16::from(*hundreds) * 100 + u16::from(*rest),
            other => panic!("{other:?}"),
        }
    }

    fn address(&self, kind: Type) -> SocketAddr {
        XorAddress::read(self.message().get(kind).unwrap(), &self.message().transaction()).unwrap()
    }

    fn relayed(&self) -> SocketAddr {
        assert_eq!(self.code(), 0);
        self.address(attributes::XOR_RELAYED_ADDRESS)
    }

    fn number(&self, kind: Type) -> u32 {
        u32::from_be_bytes(self.message().get(kind).unwrap().try_into().unwrap())
    }
}

/// A client at an address, with credentials.
#[derive(Debug, Clone)]
struct Client {
    from: FiveTuple,
    username: String,
    password: String,
    nonce: Vec<u8>,
    requests: u8,
    sha256: bool,
}

fn password(username: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, SECRET.as_bytes());
    STANDARD.encode(hmac::sign(&key, username.as_bytes()))
}

impl Client {
    /// A client of this user whose credentials hold for an hour.
    fn new(user: &str, address: &str) -> Self {
        let username = format!("{}:{user}", UNIX + 3_600);
        let client = address.parse().unwrap();
        let from = FiveTuple { transport: Transport::Datagram, listener: 0, client };
        Self { from, password: password(&username), username, nonce: Vec::new(), requests: 0, sha256: false }
    }

    fn ana() -> Self {
        Self::new("@ana:example.org", "198.51.100.1:40000")
    }

    fn key(&self) -> Key {
        let make = if self.sha256 { Key::sha256 } else { Key::md5 };
        make(self.username.as_bytes(), REALM.as_bytes(), self.password.as_bytes())
    }

    /// A request with credentials, if there is a nonce.
    fn build(&mut self, method: Method, attributes: &[(Type, &[u8])]) -> Vec<u8> {
        self.requests += 1;
        let mut builder = Builder::new(Class::Request, method, &[self.requests; 12]);
        for (kind, value) in attributes {
            builder.attribute(*kind, value);
        }
        if !self.nonce.is_empty() {
            builder.attribute(attributes::USERNAME, self.username.as_bytes());
            builder.attribute(attributes::REALM, REALM.as_bytes());
            builder.attribute(attributes::NONCE, &self.nonce);
            if self.sha256 {
                builder.attribute(attributes::PASSWORD_ALGORITHM, &[0, 2, 0, 0]);
                builder.attribute(attributes::PASSWORD_ALGORITHMS, &[0, 2, 0, 0, 0, 1, 0, 0]);
            }
            builder.sign(&self.key(), self.sha256);
        }
        builder.finish()
    }

    /// Sends bytes that have to be answered.
    fn send(&mut self, world: &mut World, bytes: &[u8]) -> Answer {
        match world.receive(&self.from, bytes).0 {
            Action::Answer(answer) => {
                let answer = Answer(answer);
                if let Some(nonce) = answer.message().get(attributes::NONCE) {
                    self.nonce = nonce.to_vec();
                }
                answer
            }
            other => panic!("no answer but {other:?}"),
        }
    }

    /// Sends a request, after learning a nonce if there is none. The answer to a request with the right credentials
    /// has the same integrity.
    fn ask(&mut self, world: &mut World, method: Method, attributes: &[(Type, &[u8])]) -> Answer {
        if self.nonce.is_empty() {
            let request = self.build(method, attributes);
            assert_eq!(self.send(world, &request).code(), 401);
        }
        let request = self.build(method, attributes);
        let answer = self.send(world, &request);
        if !matches!(answer.code(), 400 | 401 | 438) {
            assert!(answer.message().is_signed_by(&self.key()));
            assert_eq!(answer.message().is_signed_with_sha256(), self.sha256);
        }
        answer
    }

    fn allocate(&mut self, world: &mut World) -> SocketAddr {
        self.ask(world, Method::Allocate, &[(attributes::REQUESTED_TRANSPORT, &UDP)]).relayed()
    }

    /// A peer's address as the next request has it.
    fn peer(&self, peer: &str) -> Vec<u8> {
        XorAddress::of(peer.parse().unwrap(), &[self.requests + 1; 12]).as_bytes().to_vec()
    }

    fn permit(&mut self, world: &mut World, peer: &str) -> u16 {
        let peer = self.peer(peer);
        self.ask(world, Method::CreatePermission, &[(attributes::XOR_PEER_ADDRESS, &peer)]).code()
    }

    fn bind(&mut self, world: &mut World, number: u16, peer: &str) -> u16 {
        let (peer, [high, low]) = (self.peer(peer), number.to_be_bytes());
        let number = [high, low, 0, 0];
        let attributes = [(attributes::CHANNEL_NUMBER, &number[..]), (attributes::XOR_PEER_ADDRESS, &peer)];
        self.ask(world, Method::ChannelBind, &attributes).code()
    }

    fn refresh(&mut self, world: &mut World, lifetime: u32) -> Answer {
        self.ask(world, Method::Refresh, &[(attributes::LIFETIME, &lifetime.to_be_bytes())])
    }

    /// A Send indication.
    fn indication(peer: &str, data: &[u8]) -> Vec<u8> {
        let mut builder = Builder::new(Class::Indication, Method::Send, &[9; 12]);
        let address = XorAddress::of(peer.parse().unwrap(), &[9; 12]);
        builder.attribute(attributes::XOR_PEER_ADDRESS, address.as_bytes()).attribute(attributes::DATA, data);
        builder.finish()
    }

    /// ChannelData.
    fn channel_data(number: u16, data: &[u8]) -> Vec<u8> {
        [&number.to_be_bytes()[..], &(data.len() as u16).to_be_bytes(), data].concat()
    }
}
