//! Coming and going.

use std::time::SystemTime;

use super::link::Link;
use super::participant::{Joining, Participant};
use super::{Room, RoomEvent, new_sid};
use crate::proto::models::{Codec, DisconnectReason, ParticipantInfo, ParticipantState, Room as RoomInfo, ServerInfo};
use crate::proto::signal::{
    JoinResponse, LeaveAction, LeaveRequest, ParticipantUpdate, ReconnectResponse, Response, SyncState,
};
use crate::token::Claims;
use crate::transport::{ConnectionKey, Side};

/// Seconds between a client's pings, and without an answer after which it gives up.
const PING_INTERVAL: i32 = 5;
const PING_TIMEOUT: i32 = 15;
/// Version of the protocol that is spoken: the newest of which nothing is left out that clients rely on.
const PROTOCOL: i32 = 16;

/// Why somebody cannot join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JoinRefusal {
    /// The room is full.
    Full,
    /// It was removed after its token was made.
    Removed,
}

/// What a client should do that cannot go on here.
pub(crate) fn leave(reason: DisconnectReason, action: LeaveAction) -> Response {
    Response::Leave(LeaveRequest {
        can_reconnect: action != LeaveAction::Disconnect,
        reason: reason as i32,
        action: action as i32,
    })
}

impl Room {
    /// Whether there is place for one more.
    pub(crate) fn admits(&self, claims: &Claims) -> Result<(), JoinRefusal> {
        if self.shared.revoked.refuses(claims) {
            return Err(JoinRefusal::Removed);
        }
        let replaces = self.participants.values().any(|one| one.claims.identity == claims.identity);
        if self.participants.len() >= self.shared.options.limits.room_participants && !replaces {
            return Err(JoinRefusal::Full);
        }
        Ok(())
    }

    /// Lets a participant in, and gives its number. Another one with the same identity has to go.
    pub(crate) fn join(&mut self, joining: Joining, link: Link) -> u32 {
        let twin = self.participants.values().find(|one| one.claims.identity == joining.claims.identity);
        if let Some(twin) = twin.map(|twin| twin.key) {
            self.remove(twin, DisconnectReason::DuplicateIdentity);
        }
        self.last_participant += 1;
        let key = self.last_participant;
        let participant = Participant::new(key, new_sid("PA_"), joining, link, (self.now, SystemTime::now()));
        let (single, subscribes) = (participant.single, participant.claims.video.may_subscribe());
        self.events.push(RoomEvent::Joined(participant.member()));
        self.participants.insert(key, participant);
        self.empty_since = None;
        self.shared.metrics.participants.up();
        self.shared.metrics.joins.up();

        let others = self.others(key);
        let response = JoinResponse {
            room: Some(self.info()),
            participant: self.participant_info(key),
            other_participants: others,
            server_version: self.shared.options.version.clone(),
            ice_servers: self.shared.options.ice_servers.clone(),
            subscriber_primary: !single && subscribes,
            ping_timeout: PING_TIMEOUT,
            ping_interval: PING_INTERVAL,
            server_info: Some(self.server()),
            enabled_publish_codecs: codecs(),
            fast_publish: !single && self.participants[&key].claims.video.may_publish(),
        };
        self.tell(key, Response::Join(response));
        if !single && subscribes {
            // Clients wait for this connection, whether or not there is something to receive.
            self.ensure_connection(ConnectionKey { participant: key, side: Side::Subscriber });
            self.participants.get_mut(&key).expect("just inserted").negotiation.again = true;
        }
        self.subscribe_to_all(key);
        self.negotiate(key);
        self.announce(key);
        key
    }

    /// Lets a participant go on with its session by another signalling connection; `None` if there is no such session.
    pub(crate) fn resume(&mut self, sid: &str, identity: &str, link: Link) -> Option<u32> {
        let participant =
            self.participants.values_mut().find(|one| one.sid == sid && one.claims.identity == identity)?;
        let key = participant.key;
        participant.link = Some(link);
        participant.lost = None;
        self.shared.metrics.resumes.up();
        let response = ReconnectResponse {
            ice_servers: self.shared.options.ice_servers.clone(),
            server_info: Some(self.server()),
            last_message_seq: self.participants[&key].last_sequence,
        };
        self.tell(key, Response::Reconnect(response));
        let mut everybody = self.others(key);
        everybody.extend(self.participant_info(key));
        self.tell(key, Response::Update(ParticipantUpdate { participants: everybody }));
        let participant = self.participants.get_mut(&key)?;
        if participant.single {
            participant.negotiation.again = true;
            self.negotiate(key);
        } else if participant.subscriber.is_some() {
            // The network may be another one: both connections look for a way anew. The client restarts the one whose
            // offers it makes.
            participant.negotiation.restart = true;
            participant.negotiation.again = true;
            self.negotiate(key);
        }
        Some(key)
    }

    /// What a resuming client has and wants.
    pub(crate) fn synchronize(&mut self, key: u32, state: &SyncState) {
        if let Some(subscription) = &state.subscription {
            self.update_subscription(key, subscription);
        }
        for sid in &state.track_sids_disabled {
            self.disable(key, sid);
        }
    }

    /// The signalling connection has ended. The participant stays for a while, to resume.
    pub(crate) fn link_ended(&mut self, key: u32, link: u64) {
        if let Some(participant) = self.participants.get_mut(&key)
            && participant.link.as_ref().is_some_and(|current| current.id == link)
        {
            participant.link = None;
            participant.lost = Some(self.now);
        }
    }

    /// Takes a participant out of the room.
    pub(crate) fn remove(&mut self, key: u32, reason: DisconnectReason) {
        if reason != DisconnectReason::ClientInitiated {
            self.tell(key, leave(reason, LeaveAction::Disconnect));
        }
        for track in self.participants.get(&key).map(|one| one.tracks.clone()).unwrap_or_default() {
            self.unpublish(track);
        }
        let Some(mut participant) = self.participants.remove(&key) else { return };
        for track in participant.subscriptions.keys() {
            if let Some(track) = self.tracks.get_mut(track) {
                track.receivers.retain(|receiver| *receiver != key);
            }
        }
        for side in [Side::Publisher, Side::Subscriber] {
            if let Some(connection) = participant.connection(side) {
                connection.names.iter().for_each(|name| self.shared.routes.remove(name));
                if let Some(at) = connection.timer {
                    self.timers.remove(&(at, ConnectionKey { participant: key, side }));
                }
            }
        }
        self.shared.metrics.participants.down();
        self.events.push(RoomEvent::Left(participant.member(), reason));
        if participant.visible() {
            participant.state = ParticipantState::Disconnected;
            participant.version += 1;
            let info = ParticipantInfo { disconnect_reason: reason as i32, ..participant.info() };
            self.tell_all(&Response::Update(ParticipantUpdate { participants: vec![info] }));
        }
        if self.participants.is_empty() {
            self.empty_since = Some(self.now);
        }
    }

    /// A peer connection has failed or was closed: the client has to make another one.
    pub(super) fn connection_ended(&mut self, key: ConnectionKey) {
        let Some(participant) = self.participants.get(&key.participant) else { return };
        if participant.link.is_some() {
            self.tell(key.participant, leave(DisconnectReason::ConnectionTimeout, LeaveAction::Reconnect));
        }
        self.remove_silently(key.participant);
    }

    /// Takes a participant out without telling it, which has been told already what to do.
    pub(super) fn remove_silently(&mut self, key: u32) {
        if let Some(participant) = self.participants.get_mut(&key) {
            participant.link = None;
        }
        self.remove(key, DisconnectReason::ConnectionTimeout);
    }

    /// A connection is there: media can flow.
    pub(super) fn connected(&mut self, key: ConnectionKey) {
        let Some(participant) = self.participants.get_mut(&key.participant) else { return };
        let Some(connection) = participant.connection(key.side) else { return };
        connection.established = true;
        connection.connected = true;
        if participant.state != ParticipantState::Active {
            participant.state = ParticipantState::Active;
            self.announce(key.participant);
        }
        self.ask_for_key_frames(key.participant);
    }

    /// A connection has lost its peer, or found it again.
    pub(super) fn reachable(&mut self, key: ConnectionKey, reachable: bool) {
        let Some(connection) = self.connection(key).filter(|connection| connection.established) else { return };
        let before = std::mem::replace(&mut connection.connected, reachable);
        if reachable && !before {
            self.ask_for_key_frames(key.participant);
        }
    }

    /// Whether the room can go: nobody has been here for a while.
    pub(crate) fn is_over(&self) -> bool {
        let kept = self.shared.options.limits.empty_room;
        self.empty_since.is_some_and(|since| self.now.duration_since(since) >= kept)
    }

    /// What clients are told of the room.
    pub(super) fn info(&self) -> RoomInfo {
        let since = self.created.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let visible = || self.participants.values().filter(|one| one.visible());
        RoomInfo {
            sid: self.sid.clone(),
            name: self.name.clone(),
            empty_timeout: self.shared.options.limits.empty_room.as_secs() as u32,
            max_participants: self.shared.options.limits.room_participants as u32,
            creation_time: since.as_secs() as i64,
            enabled_codecs: codecs(),
            metadata: self.metadata.clone(),
            num_participants: visible().count() as u32,
            active_recording: self.participants.values().any(|one| one.claims.video.recorder),
            num_publishers: visible().filter(|one| !one.tracks.is_empty()).count() as u32,
            departure_timeout: self.shared.options.limits.empty_room.as_secs() as u32,
            creation_time_ms: since.as_millis() as i64,
        }
    }

    fn server(&self) -> ServerInfo {
        ServerInfo {
            version: self.shared.options.version.clone(),
            protocol: PROTOCOL,
            region: String::new(),
            node_id: "im2".to_owned(),
        }
    }
}

/// The codecs that are passed on.
fn codecs() -> Vec<Codec> {
    ["audio/opus", "audio/red", "video/VP8", "video/H264", "video/VP9", "video/AV1"]
        .map(|mime| Codec { mime: mime.to_owned(), fmtp_line: String::new() })
        .to_vec()
}
