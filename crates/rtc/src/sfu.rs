//! The forwarding unit: its sockets, its rooms, and the task of each room.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use parking_lot::Mutex;
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::crypto;
use crate::holders::Holders;
use crate::http::Places;
use crate::metrics::Metrics;
use crate::options::{Announced, Options};
use crate::proto::models::DisconnectReason;
use crate::proto::signal::JoinRequest;
use crate::revoked::{Revoked, Who};
use crate::room::{Command, JoinRefusal, Joining, Link, Material, ParticipantState, Room, RoomEvent, Shared};
use crate::token::{Claims, Grants};
use crate::transport::{Packet, Readers, Transport};

/// Commands and packets that may wait for a room.
const COMMANDS: usize = 1024;
const PACKETS: usize = 4096;
/// Packets that are handled before what they lead to is sent.
const BATCH: usize = 64;
/// Events that may wait for a listener; a slower one misses some.
const EVENTS: usize = 1024;

/// The forwarding unit. Clones are the same unit.
#[derive(Debug, Clone)]
pub struct Sfu(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    transport: Arc<Transport>,
    places: Arc<Places>,
    holders: Arc<Holders>,
    /// Looked up when somebody joins, never for packets.
    rooms: Mutex<HashMap<String, Handle>>,
    events: broadcast::Sender<(String, RoomEvent)>,
    last_number: AtomicU64,
    _readers: Readers,
}

#[derive(Debug, Clone)]
struct Handle {
    number: u64,
    commands: mpsc::Sender<Command>,
}

/// Why nobody can join now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum JoinError {
    #[error("there are too many participants")]
    Full,
    #[error("there are too many participants of this user")]
    Many,
    #[error("the room is busy")]
    Busy,
    #[error("permissions denied: the participant was removed")]
    Removed,
}

/// A participant's place in its room, for its WebSocket.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) participant: u32,
    pub(crate) commands: mpsc::Sender<Command>,
}

/// The unit cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port cannot be listened on.
    #[error("cannot listen for media: {0}")]
    Listen(#[from] io::Error),
    /// There is no randomness for a key.
    #[error("cannot make a key for media")]
    Key,
}

impl Sfu {
    /// Binds the ports and waits for participants, on the present runtime.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let metrics = Arc::new(Metrics::default());
        let (transport, readers) = Transport::bind(&options, metrics.clone()).await?;
        let material = Material {
            crypto: Arc::new(crypto::provider()),
            certificate: crypto::self_signed().map_err(|_| StartError::Key)?,
            announced: transport.announced().into(),
            data_buffer: options.limits.data_buffer,
        };
        let routes = transport.routes.clone();
        let shared = Shared { options, material, routes, metrics, revoked: Revoked::default() };
        Ok(Self(Arc::new(Inner {
            shared: Arc::new(shared),
            transport: Arc::new(transport),
            places: Arc::default(),
            holders: Arc::default(),
            rooms: Mutex::default(),
            events: broadcast::channel(EVENTS).0,
            last_number: AtomicU64::new(0),
            _readers: readers,
        })))
    }

    /// The settings.
    pub fn options(&self) -> &Options {
        &self.0.shared.options
    }

    /// The counters.
    pub fn metrics(&self) -> &Metrics {
        &self.0.shared.metrics
    }

    /// The addresses that participants are told.
    pub fn announced(&self) -> &[Announced] {
        self.0.transport.announced()
    }

    /// Who joins and leaves from now on: the room's name and the event. A listener that falls behind by 1,024 events
    /// misses some, and learns that it does ([`broadcast::error::RecvError::Lagged`]); [`Self::participants`] then tells
    /// who is there. A client that loses its connection for long leaves and joins again, so whoever ends a membership
    /// because of an event waits for some seconds first.
    pub fn events(&self) -> broadcast::Receiver<(String, RoomEvent)> {
        self.0.events.subscribe()
    }

    /// Names of the rooms that there are.
    pub fn rooms(&self) -> Vec<String> {
        self.0.rooms.lock().keys().cloned().collect()
    }

    /// The participants of a room; none if there is no such room.
    pub async fn participants(&self, room: &str) -> Vec<ParticipantState> {
        let (answer, participants) = oneshot::channel();
        self.tell(room, Command::List(answer)).await;
        participants.await.unwrap_or_default()
    }

    /// Removes somebody from a room, or keeps them out if they are about to join. Tokens from before let nobody in again;
    /// one that is made afterwards does.
    pub async fn remove_participant(&self, room: &str, identity: &str) {
        self.remove(Some(room), Who::Identity(identity.to_owned())).await;
    }

    /// The same for whoever is meant, in one room or in all: a user who has left the room of a call, a device that was
    /// signed out, a user whose account was closed. To be called once nobody gives them tokens any more.
    pub async fn remove(&self, room: Option<&str>, who: Who) {
        // Before the room is told: whoever it lets in until then is there to be removed.
        self.0.shared.revoked.revoke(room, who.clone(), SystemTime::now(), self.options().limits.token);
        let rooms = room.map_or_else(|| self.rooms(), |room| vec![room.to_owned()]);
        for room in rooms {
            self.tell(&room, Command::Remove(who.clone())).await;
        }
    }

    /// Whether a token was made before its participant was removed.
    pub(crate) fn has_removed(&self, claims: &Claims) -> bool {
        self.0.shared.revoked.refuses(claims)
    }

    /// The places for signalling connections.
    pub(crate) fn places(&self) -> &Arc<Places> {
        &self.0.places
    }

    /// Mutes somebody's track, or lets them be heard again.
    pub async fn mute_track(&self, room: &str, identity: &str, track: &str, muted: bool) {
        self.tell(room, Command::Mute(identity.to_owned(), track.to_owned(), muted)).await;
    }

    /// Takes somebody's track away.
    pub async fn unpublish_track(&self, room: &str, identity: &str, track: &str) {
        self.tell(room, Command::Unpublish(identity.to_owned(), track.to_owned())).await;
    }

    /// Changes what somebody may do, until they join anew. The room of the grants is not looked at.
    pub async fn update_permissions(&self, room: &str, identity: &str, grants: Grants) {
        self.tell(room, Command::Permit(identity.to_owned(), grants)).await;
    }

    /// Gives somebody another token for when it connects again.
    pub async fn refresh_token(&self, room: &str, identity: &str, token: &str) {
        self.tell(room, Command::RefreshToken(identity.to_owned(), token.to_owned())).await;
    }

    /// Changes what a room says of itself.
    pub async fn set_room_metadata(&self, room: &str, metadata: &str) {
        self.tell(room, Command::SetMetadata(metadata.to_owned())).await;
    }

    /// Ends a room: everybody has to go. It begins anew when somebody joins.
    pub async fn delete_room(&self, room: &str) {
        self.tell(room, Command::Close(DisconnectReason::RoomDeleted)).await;
    }

    /// Ends all rooms because the server stops; clients come back when it is there again.
    pub async fn stop(&self) {
        for room in self.rooms() {
            self.tell(&room, Command::Close(DisconnectReason::ServerShutdown)).await;
        }
    }

    /// The names of all connections, which strangers do not know.
    #[cfg(test)]
    pub(crate) fn connection_names(&self) -> Vec<String> {
        self.0.shared.routes.names()
    }

    async fn tell(&self, room: &str, command: Command) {
        let handle = self.0.rooms.lock().get(room).cloned();
        if let Some(handle) = handle {
            let _ = handle.commands.send(command).await;
        }
    }

    /// A number that no other signalling connection has.
    pub(crate) fn next_number(&self) -> u64 {
        self.0.last_number.fetch_add(1, Ordering::Relaxed)
    }

    /// Lets somebody into a room, which begins with them if there is none.
    pub(crate) async fn join(
        &self,
        mut joining: Joining,
        request: Option<JoinRequest>,
        link: Link,
    ) -> Result<Seat, JoinError> {
        if self.metrics().participants.get() >= self.options().limits.participants as u64 {
            return Err(JoinError::Full);
        }
        if let Some(user) = joining.claims.holder.first() {
            let most = self.options().limits.participants_per_holder;
            joining.held = Some(self.0.holders.take(user, most).ok_or(JoinError::Many)?);
        }
        let room = joining.claims.video.room.clone();
        let (answer, joined) = oneshot::channel();
        let commands = self.send_join(&room, Command::Join(Box::new((joining, request)), link, answer))?;
        match joined.await {
            Ok(Ok(participant)) => Ok(Seat { participant, commands }),
            Ok(Err(JoinRefusal::Full)) => Err(JoinError::Full),
            Ok(Err(JoinRefusal::Removed)) => Err(JoinError::Removed),
            Err(_) => Err(JoinError::Busy),
        }
    }

    /// Queues a command for a room that may have to be made. Under the lock, so that the room does not end in between.
    fn send_join(&self, room: &str, command: Command) -> Result<mpsc::Sender<Command>, JoinError> {
        let mut rooms = self.0.rooms.lock();
        let alive = rooms.get(room).filter(|handle| !handle.commands.is_closed()).cloned();
        let handle = alive.unwrap_or_else(|| {
            let handle = self.open(room);
            rooms.insert(room.to_owned(), handle.clone());
            handle
        });
        handle.commands.try_send(command).map_err(|_| JoinError::Busy)?;
        Ok(handle.commands)
    }

    /// Lets somebody go on with a session; `None` if there is no such session.
    pub(crate) async fn resume(&self, room: &str, sid: &str, identity: &str, link: Link) -> Option<Seat> {
        let commands = self.0.rooms.lock().get(room)?.commands.clone();
        let (answer, resumed) = oneshot::channel();
        commands.send(Command::Resume(sid.to_owned(), identity.to_owned(), link, answer)).await.ok()?;
        let participant = resumed.await.ok()?;
        Some(Seat { participant, commands })
    }

    /// Starts the task of a new room.
    fn open(&self, name: &str) -> Handle {
        let (commands, received) = mpsc::channel(COMMANDS);
        let (packets, arrived) = mpsc::channel(PACKETS);
        let number = self.next_number();
        let room = Room::new(self.0.shared.clone(), name, packets, Instant::now());
        let task = Task {
            name: name.to_owned(),
            number,
            room,
            transport: self.0.transport.clone(),
            inner: Arc::downgrade(&self.0),
            events: self.0.events.clone(),
        };
        tokio::spawn(task.run(received, arrived));
        Handle { number, commands }
    }
}

/// A room with what it needs to reach the world.
struct Task {
    name: String,
    number: u64,
    room: Room,
    transport: Arc<Transport>,
    inner: std::sync::Weak<Inner>,
    events: broadcast::Sender<(String, RoomEvent)>,
}

impl Task {
    async fn run(mut self, mut commands: mpsc::Receiver<Command>, mut packets: mpsc::Receiver<Packet>) {
        let mut batch = Vec::with_capacity(BATCH);
        let mut open = true;
        while open {
            let timer = tokio::time::sleep_until(self.room.timer().into());
            tokio::select! {
                command = commands.recv() => {
                    self.room.at(Instant::now());
                    open = command.is_some_and(|command| self.room.command(command));
                }
                _ = packets.recv_many(&mut batch, BATCH) => {
                    self.room.at(Instant::now());
                    batch.drain(..).for_each(|packet| self.room.packet(&packet));
                }
                () = timer => self.room.at(Instant::now()),
            }
            for packet in self.room.run() {
                self.transport.send(&packet);
            }
            for event in self.room.take_events() {
                let _ = self.events.send((self.name.clone(), event));
            }
            if self.room.is_over() || !open {
                open = !self.leave(&commands, open);
            }
            // A busy room does not keep others of its thread waiting.
            tokio::task::yield_now().await;
        }
    }

    /// Takes the room out of the list, unless somebody is about to join; whether it is out.
    fn leave(&self, commands: &mpsc::Receiver<Command>, open: bool) -> bool {
        let Some(inner) = self.inner.upgrade() else { return true };
        let mut rooms = inner.rooms.lock();
        if open && !commands.is_empty() {
            return false;
        }
        if rooms.get(&self.name).is_some_and(|handle| handle.number == self.number) {
            rooms.remove(&self.name);
        }
        true
    }
}
