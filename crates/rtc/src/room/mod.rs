//! A room: its participants, their connections, and what goes on between them. It does no I/O: packets and messages are
//! handed in with the time, and packets to send are taken out.

mod connection;
mod control;
mod data;
mod link;
mod media;
mod membership;
mod negotiation;
mod participant;
mod paths;
mod publishing;
mod signals;
mod subscribing;
mod tick;
mod track;
mod updates;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use str0m::net::{Protocol, Receive, Transmit};
use str0m::{Event, Input, Output};
use tokio::sync::mpsc;

use crate::metrics::Metrics;
use crate::options::Options;
use crate::proto::signal::{Response, SessionDescription};
use crate::revoked::Revoked;
use crate::sdp;
use crate::transport::stun::{self, Credentials};
use crate::transport::{ConnectionKey, Packet, Route, Routes, Side};

pub(crate) use connection::Material;
pub(crate) use control::Command;
pub use control::{Member, ParticipantState, RoomEvent};
pub(crate) use link::{Link, Outgoing, link};
pub(crate) use membership::JoinRefusal;
pub(crate) use participant::{Joining, Participant};
pub(crate) use track::{Track, TrackKey};

/// What all rooms share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) material: Material,
    pub(crate) routes: Routes,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) revoked: Revoked,
}

/// A room.
#[derive(Debug)]
pub(crate) struct Room {
    shared: Arc<Shared>,
    name: String,
    sid: String,
    created: SystemTime,
    metadata: String,
    /// Where packets of its connections go.
    packets: mpsc::Sender<Packet>,
    participants: BTreeMap<u32, Participant>,
    tracks: BTreeMap<TrackKey, Track>,
    last_participant: u32,
    last_track: TrackKey,
    now: Instant,
    /// Connections with something to do.
    busy: BTreeSet<ConnectionKey>,
    timers: BTreeSet<(Instant, ConnectionKey)>,
    transmits: Vec<Transmit>,
    events: Vec<RoomEvent>,
    ticks: tick::Ticks,
    /// Since when nobody is here.
    empty_since: Option<Instant>,
}

/// A name for something, unlike any other: a prefix and 72 random bits.
fn new_sid(prefix: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789xy";
    let mut bytes = [0; 12];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    let letters = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 63)]));
    prefix.chars().chain(letters).collect()
}

impl Room {
    pub(crate) fn new(shared: Arc<Shared>, name: &str, packets: mpsc::Sender<Packet>, now: Instant) -> Self {
        shared.metrics.rooms.up();
        Self {
            shared,
            name: name.to_owned(),
            sid: new_sid("RM_"),
            created: SystemTime::now(),
            metadata: String::new(),
            packets,
            participants: BTreeMap::new(),
            tracks: BTreeMap::new(),
            last_participant: 0,
            last_track: 0,
            now,
            busy: BTreeSet::new(),
            timers: BTreeSet::new(),
            transmits: Vec::new(),
            events: Vec::new(),
            ticks: tick::Ticks::new(now),
            empty_since: Some(now),
        }
    }

    /// The time of what follows.
    pub(crate) fn at(&mut self, now: Instant) {
        self.now = now;
    }

    /// Takes a packet to its connection.
    pub(crate) fn packet(&mut self, packet: &Packet) {
        let metrics = self.shared.metrics.clone();
        let protocol = if packet.tcp { Protocol::Tcp } else { Protocol::Udp };
        let Ok(receive) = Receive::new(protocol, packet.from, packet.to, &packet.bytes) else {
            metrics.malformed.up();
            return;
        };
        let now = self.now;
        let Some(connection) = self.connection(packet.connection) else {
            metrics.strangers.up();
            return;
        };
        if stun::answered(&packet.bytes).is_some() {
            // Of a check that was made here: ICE makes none.
            if connection.paths.answered(packet, now) {
                let held = connection.paths.take_held();
                self.transmits.extend(held);
            } else {
                metrics.malformed.up();
            }
            return;
        }
        let input = Input::Receive(now, receive);
        if !connection.rtc.accepts(&input) {
            metrics.malformed.up();
            return;
        }
        if connection.rtc.handle_input(input).is_err() {
            metrics.malformed.up();
        }
        // At once: a connection keeps only the last packet of a stream.
        self.poll(packet.connection);
        if stun::is_request(&packet.bytes)
            && let Some(connection) = self.connection(packet.connection)
        {
            let name = connection.credentials().name;
            let check = connection.paths.asked(packet, &name, now);
            let held = connection.paths.take_held();
            self.transmits.extend(check.into_iter().chain(held));
        }
    }

    /// When something has to be done next; `run` does it.
    pub(crate) fn timer(&self) -> Instant {
        let connection = self.timers.first().map(|(at, _)| *at);
        connection.map_or(self.ticks.next(), |at| at.min(self.ticks.next()))
    }

    /// Does all that is due, and gives the packets to send.
    pub(crate) fn run(&mut self) -> std::vec::Drain<'_, Transmit> {
        if self.ticks.next() <= self.now {
            self.tick();
        }
        while let Some(&(at, key)) = self.timers.first() {
            if at > self.now {
                break;
            }
            self.timers.remove(&(at, key));
            if let Some(connection) = self.connection(key) {
                connection.timer = None;
            }
            self.busy.insert(key);
        }
        while let Some(key) = self.busy.pop_first() {
            self.poll(key);
        }
        self.transmits.drain(..)
    }

    /// What has happened that others may want to know.
    pub(crate) fn take_events(&mut self) -> Vec<RoomEvent> {
        std::mem::take(&mut self.events)
    }

    fn connection(&mut self, key: ConnectionKey) -> Option<&mut connection::Connection> {
        self.participants.get_mut(&key.participant)?.connection(key.side)
    }

    /// Polls a connection until it has nothing more to say.
    fn poll(&mut self, key: ConnectionKey) {
        let now = self.now;
        let mut happened = Vec::new();
        let Some(connection) = self.participants.get_mut(&key.participant).and_then(|one| one.connection(key.side))
        else {
            return;
        };
        if let Some(at) = connection.timer.take() {
            self.timers.remove(&(at, key));
        }
        let mut failed = false;
        let mut woken = false;
        while !failed {
            match connection.rtc.poll_output() {
                Ok(Output::Transmit(transmit)) => self.transmits.extend(connection.paths.direct(transmit)),
                Ok(Output::Event(event)) => happened.push(event),
                Ok(Output::Timeout(at)) if at <= now && !woken => {
                    woken = true;
                    failed = connection.rtc.handle_input(Input::Timeout(now)).is_err();
                }
                Ok(Output::Timeout(at)) => {
                    // Never in a loop without time passing.
                    let at = at.max(now + std::time::Duration::from_millis(1));
                    connection.timer = Some(at);
                    self.timers.insert((at, key));
                    break;
                }
                Err(error) => {
                    tracing::debug!(%error, "a connection failed");
                    failed = true;
                }
            }
        }
        if failed || !connection.rtc.is_alive() {
            self.connection_ended(key);
            return;
        }
        for event in happened {
            self.happened(key, event);
        }
    }

    fn happened(&mut self, key: ConnectionKey, event: Event) {
        match event {
            Event::RtpPacket(packet) => self.media(key.participant, &packet),
            Event::Connected => self.connected(key),
            Event::IceConnectionStateChange(state) => self.reachable(key, !state.is_disconnected()),
            Event::ChannelOpen(id, label) => self.channel_opened(key, id, &label),
            Event::ChannelClose(id) => self.channel_closed(key, id),
            Event::ChannelData(data) => self.data(key, &data),
            Event::ChannelBufferedAmountLow(_) => self.send_waiting(key.participant),
            Event::KeyframeRequest(request) => self.key_frame_wanted(key, request.mid),
            Event::EgressBitrateEstimate(kind) => self.estimated(key, &kind),
            Event::MediaIngressStats(statistics) => self.lost_on_the_way_in(key, &statistics),
            Event::MediaEgressStats(statistics) => self.lost_on_the_way_out(key, &statistics),
            Event::Closed => self.connection_ended(key),
            _ => {}
        }
    }

    /// Makes a connection known to the sockets.
    fn route(&self, key: ConnectionKey, id: u64, credentials: &Credentials) {
        let password = credentials.password.as_str().into();
        let route = Route { id, connection: key, room: self.packets.clone(), password };
        self.shared.routes.insert(&credentials.name, route);
    }

    /// Makes a connection that a participant does not have yet.
    fn ensure_connection(&mut self, key: ConnectionKey) {
        let (now, shared) = (self.now, self.shared.clone());
        let Some(participant) = self.participants.get_mut(&key.participant) else { return };
        if participant.connection(key.side).is_some() {
            return;
        }
        let measured = participant.receiving_side() == key.side;
        let id = shared.routes.next_id();
        let mut connection = connection::Connection::new(&shared.material, id, measured, now);
        let credentials = connection.credentials();
        match key.side {
            Side::Publisher => participant.publisher = Some(connection),
            Side::Subscriber => participant.subscriber = Some(connection),
        }
        self.route(key, id, &credentials);
        self.busy.insert(key);
    }

    /// A description was exchanged: a connection may have other names, and its peer, by what it has written.
    fn described(&mut self, key: ConnectionKey, theirs: &str) {
        let Some(connection) = self.connection(key) else { return };
        let (id, new, old) = (connection.id, connection.new_credentials(), connection.old_names());
        let name = connection.credentials().name;
        let checks = connection.paths.describe(sdp::credentials(theirs), &name);
        self.transmits.extend(checks);
        if let Some(credentials) = new {
            self.route(key, id, &credentials);
        }
        for name in old {
            self.shared.routes.remove(&name);
        }
    }

    /// Sends a message to a participant; one that reads too slowly loses its signalling connection.
    fn tell(&mut self, participant: u32, response: Response) {
        let Some(participant) = self.participants.get_mut(&participant) else { return };
        let Some(link) = &participant.link else { return };
        if let Err(broken) = link.send(response) {
            if broken == link::Broken::Slow {
                self.shared.metrics.cut_off.up();
            }
            participant.link = None;
            participant.lost = Some(self.now);
        }
    }

    fn tell_answer(
        &mut self,
        participant: u32,
        sdp: String,
        id: u32,
        tracks: std::collections::HashMap<String, String>,
    ) {
        let description = SessionDescription { r#type: "answer".to_owned(), sdp, id, mid_to_track_id: tracks };
        self.tell(participant, Response::Answer(description));
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        for participant in self.participants.values_mut() {
            for connection in [&participant.publisher, &participant.subscriber].into_iter().flatten() {
                connection.names.iter().for_each(|name| self.shared.routes.remove(name));
            }
            self.shared.metrics.participants.down();
        }
        (0..self.tracks.len()).for_each(|_| self.shared.metrics.tracks.down());
        self.shared.metrics.rooms.down();
    }
}
