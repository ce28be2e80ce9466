//! A participant: who it is, what it publishes, what it receives.

use std::collections::{BTreeMap, HashMap};
use std::time::{Instant, SystemTime};

use str0m::media::{MediaKind, Mid, Pt, Rid};
use str0m::rtp::Ssrc;

use super::connection::Connection;
use super::control::Member;
use super::data::Waiting;
use super::link::Link;
use super::negotiation::Negotiation;
use super::track::TrackKey;
use crate::forward::bandwidth::Bandwidth;
use crate::forward::layers::Wanted;
use crate::forward::rewrite::Rewriter;
use crate::forward::speakers::Loudness;
use crate::holders::Held;
use crate::proto::models::{
    ClientInfo, ConnectionQuality, DisconnectReason, ParticipantInfo, ParticipantPermission, ParticipantState,
    TrackInfo, TrackSource,
};
use crate::proto::signal::SubscriptionPermission;
use crate::token::Claims;
use crate::transport::Side;

/// How a participant joins.
#[derive(Debug)]
pub(crate) struct Joining {
    pub(crate) claims: Claims,
    /// Its place among those of its user.
    pub(crate) held: Option<Held>,
    pub(crate) client: ClientInfo,
    pub(crate) auto_subscribe: bool,
    /// Whether one connection carries both directions.
    pub(crate) single: bool,
}

/// A stream of a connection.
pub(crate) type StreamName = (Side, Mid, Option<Rid>);

/// A track that has been announced by its client and has no media section yet.
#[derive(Debug)]
pub(crate) struct Pending {
    /// The client's name for it.
    pub(crate) cid: String,
    pub(crate) info: TrackInfo,
}

/// What a participant wants of another's track.
#[derive(Debug, Clone, Default)]
pub(crate) struct Subscription {
    pub(crate) wanted: Wanted,
    /// Whether the client wants the track at all.
    pub(crate) desired: bool,
    /// Index of its place among the slots.
    pub(crate) slot: Option<usize>,
    /// Whether the client has been told that bandwidth does not suffice.
    pub(crate) paused: bool,
}

/// A media section by which a participant receives, for one track after the other.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and most combinations occur")]
pub(crate) struct Slot {
    pub(crate) mid: Mid,
    pub(crate) kind: MediaKind,
    pub(crate) track: Option<TrackKey>,
    /// Whether the client has agreed to receive its present track.
    pub(crate) ready: bool,
    /// Whether the client takes it for a track, its present one or the last. A section changes its track only after the
    /// client has agreed that it has none: otherwise it would not notice.
    pub(crate) used: bool,
    /// Whether that has been offered.
    pub(crate) leaving: bool,
    /// Whether it has had another track before.
    pub(crate) again: bool,
    /// Layer that is being sent, and the one to change to.
    pub(crate) current: Option<usize>,
    pub(crate) target: Option<usize>,
    pub(crate) rewriter: Rewriter,
    /// Whether its stream has been told not to hold packets back.
    pub(crate) unpaced: bool,
    /// Payload types of the publisher as those of this receiver; `None` is one that it cannot read.
    pub(crate) payloads: HashMap<Pt, Option<Payload>>,
}

/// How a payload type is passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Payload {
    pub(crate) pt: Pt,
    pub(crate) codec: str0m::format::Codec,
    pub(crate) clock: u32,
    /// The payload is redundant audio that this receiver does not read.
    pub(crate) strip: bool,
}

impl Slot {
    /// A section for a track.
    pub(crate) fn new(mid: Mid, kind: MediaKind, track: TrackKey) -> Self {
        Self { track: Some(track), used: true, ..Self::free(mid, kind) }
    }

    /// A section without a track.
    pub(crate) fn free(mid: Mid, kind: MediaKind) -> Self {
        Self {
            mid,
            kind,
            track: None,
            ready: false,
            used: false,
            leaving: false,
            again: false,
            current: None,
            target: None,
            rewriter: Rewriter::default(),
            unpaced: false,
            payloads: HashMap::new(),
        }
    }

    /// Whether another track of that kind can have it.
    pub(crate) fn is_free(&self, kind: MediaKind) -> bool {
        self.track.is_none() && !self.used && self.kind == kind
    }

    /// Begins with another track. What has been sent is gone on from, since it is the same stream to the receiver.
    pub(crate) fn take(&mut self, track: Option<TrackKey>) {
        self.track = track;
        self.again |= self.track.is_some();
        self.used |= track.is_some();
        (self.ready, self.leaving) = (false, false);
        (self.current, self.target) = (None, None);
        self.rewriter.end();
        self.payloads.clear();
    }
}

/// A participant of a room.
#[derive(Debug)]
pub(crate) struct Participant {
    pub(crate) key: u32,
    pub(crate) sid: String,
    pub(crate) claims: Claims,
    _held: Option<Held>,
    pub(crate) client: ClientInfo,
    pub(crate) joined: SystemTime,
    pub(crate) state: ParticipantState,
    pub(crate) version: u32,
    pub(crate) auto_subscribe: bool,
    pub(crate) single: bool,
    pub(crate) link: Option<Link>,
    /// Since when there is no signalling connection.
    pub(crate) lost: Option<Instant>,
    pub(crate) publisher: Option<Connection>,
    pub(crate) subscriber: Option<Connection>,
    pub(crate) negotiation: Negotiation,
    pub(crate) pending: Vec<Pending>,
    pub(crate) tracks: Vec<TrackKey>,
    /// Which layer of which track an incoming stream is.
    pub(crate) streams: HashMap<Ssrc, (TrackKey, usize)>,
    pub(crate) subscriptions: BTreeMap<TrackKey, Subscription>,
    pub(crate) slots: Vec<Slot>,
    /// Who may receive its tracks.
    pub(crate) audience: Option<SubscriptionPermission>,
    pub(crate) loudness: Loudness,
    pub(crate) level: f32,
    /// What its connection carries, once measured.
    pub(crate) bandwidth: Bandwidth,
    /// Loss of what it sends, and of what it receives, as fractions.
    pub(crate) loss: [f32; 2],
    /// Packets of each stream of which the loss has been counted, by the same two ways.
    pub(crate) counted: HashMap<(usize, StreamName), u64>,
    pub(crate) quality: ConnectionQuality,
    /// Number of the last reliable packet that has come from it.
    pub(crate) last_sequence: u32,
    /// Reliable data that its connection has no place for yet.
    pub(crate) waiting: Waiting,
    /// When it was last given a token.
    pub(crate) refreshed: Instant,
}

impl Participant {
    /// A participant that has just come.
    pub(crate) fn new(
        key: u32,
        sid: String,
        joining: Joining,
        link: Link,
        (now, joined): (Instant, SystemTime),
    ) -> Self {
        Self {
            key,
            sid,
            claims: joining.claims,
            _held: joining.held,
            client: joining.client,
            joined,
            state: ParticipantState::Joining,
            version: 1,
            auto_subscribe: joining.auto_subscribe,
            single: joining.single,
            link: Some(link),
            lost: None,
            publisher: None,
            subscriber: None,
            negotiation: Negotiation::default(),
            pending: Vec::new(),
            tracks: Vec::new(),
            streams: HashMap::new(),
            subscriptions: BTreeMap::new(),
            slots: Vec::new(),
            audience: None,
            loudness: Loudness::default(),
            level: 0.0,
            bandwidth: Bandwidth::default(),
            loss: [0.0; 2],
            counted: HashMap::new(),
            quality: ConnectionQuality::Excellent,
            last_sequence: 0,
            waiting: Waiting::default(),
            refreshed: now,
        }
    }

    /// Who it is, for events.
    pub(crate) fn member(&self) -> Member {
        let Claims { identity, holder, .. } = self.claims.clone();
        Member { identity, holder, sid: self.sid.clone() }
    }

    /// Whether others are told of it.
    pub(crate) fn visible(&self) -> bool {
        !self.claims.video.hidden
    }

    /// Its connection for a side.
    pub(crate) fn connection(&mut self, side: Side) -> Option<&mut Connection> {
        match side {
            Side::Publisher => self.publisher.as_mut(),
            Side::Subscriber => self.subscriber.as_mut(),
        }
    }

    /// The side by which it receives.
    pub(crate) fn receiving_side(&self) -> Side {
        if self.single { Side::Publisher } else { Side::Subscriber }
    }

    /// What others are told; the tracks are for the room to add.
    pub(crate) fn info(&self) -> ParticipantInfo {
        let since = self.joined.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        ParticipantInfo {
            sid: self.sid.clone(),
            identity: self.claims.identity.clone(),
            state: self.state as i32,
            tracks: Vec::new(),
            metadata: self.claims.metadata.clone(),
            joined_at: since.as_secs() as i64,
            name: self.claims.name.clone(),
            version: self.version,
            permission: Some(self.permission()),
            is_publisher: !self.tracks.is_empty(),
            attributes: self.claims.attributes.clone().into_iter().collect(),
            disconnect_reason: DisconnectReason::Unknown as i32,
            joined_at_ms: since.as_millis() as i64,
            client_protocol: self.client.client_protocol,
            capabilities: self.client.capabilities.clone(),
        }
    }

    fn permission(&self) -> ParticipantPermission {
        let grants = &self.claims.video;
        let sources = grants.can_publish_sources.iter().filter_map(|name| TrackSource::from_grant(name));
        ParticipantPermission {
            can_subscribe: grants.may_subscribe(),
            can_publish: grants.may_publish(),
            can_publish_data: grants.may_publish_data(),
            hidden: grants.hidden,
            recorder: grants.recorder,
            can_publish_sources: sources.map(|source| source as i32).collect(),
            can_update_metadata: grants.may_update_own_metadata(),
        }
    }

    /// Bytes of what it says of itself.
    pub(crate) fn metadata_size(&self) -> usize {
        let attributes = self.claims.attributes.iter().map(|(key, value)| key.len() + value.len());
        self.claims.name.len() + self.claims.metadata.len() + attributes.sum::<usize>()
    }

    /// Whether another participant may receive one of its tracks.
    pub(crate) fn admits(&self, other: &Participant, track: &str) -> bool {
        let Some(audience) = &self.audience else { return true };
        audience.all_participants
            || audience.track_permissions.iter().any(|permission| {
                let named = permission.participant_sid == other.sid
                    || (!permission.participant_identity.is_empty()
                        && permission.participant_identity == other.claims.identity);
                named && (permission.all_tracks || permission.track_sids.iter().any(|sid| sid == track))
            })
    }
}
