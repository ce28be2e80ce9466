//! What is done from time to time: choosing layers, speakers, the quality of connections, participants that are gone.

use std::time::{Duration, Instant, SystemTime};

use str0m::bwe::Bitrate;
use str0m::media::MediaKind;

use super::Room;
use super::track::TrackKey;
use crate::forward::layers::{self, Candidate};
use crate::forward::speakers;
use crate::proto::models::{ConnectionQuality, DisconnectReason, ParticipantState, SpeakerInfo, VideoQuality};
use crate::proto::signal::{
    ConnectionQualityInfo, ConnectionQualityUpdate, Response, SpeakersChanged, StreamStateInfo, StreamStateUpdate,
    SubscribedCodec, SubscribedQuality, SubscribedQualityUpdate,
};

/// How often layers are chosen.
pub(crate) const INTERVAL: Duration = Duration::from_millis(200);
const SPEAKERS: Duration = Duration::from_millis(400);
const QUALITY: Duration = Duration::from_secs(5);
/// How long less than what a publisher sends has to suffice before it is told.
const LESS_AFTER: Duration = Duration::from_secs(3);
/// How long somebody may take to connect.
const CONNECT_WITHIN: Duration = Duration::from_secs(60);
/// The share of the measured bandwidth that videos may use.
const USABLE_PERCENT: u64 = 90;
/// What one audio track needs, in bits per second.
const AUDIO_RATE: u64 = 64_000;
/// More than is wanted, so that the estimate has room to grow.
const HEADROOM_PERCENT: u64 = 125;

/// Bytes of what a participant says of itself that are written into its token.
const MAX_IN_TOKEN: usize = 2048;

/// When each of these is next.
#[derive(Debug)]
pub(super) struct Ticks {
    next: Instant,
    speakers: Instant,
    quality: Instant,
}

impl Ticks {
    pub(super) fn new(now: Instant) -> Self {
        Self { next: now + INTERVAL, speakers: now + SPEAKERS, quality: now + QUALITY }
    }

    pub(super) fn next(&self) -> Instant {
        self.next
    }
}

impl Room {
    pub(super) fn tick(&mut self) {
        self.ticks.next = self.now + INTERVAL;
        self.remove_lost();
        self.refresh_tokens();
        let keys: Vec<_> = self.participants.keys().copied().collect();
        for key in keys {
            self.allocate(key);
            self.negotiate(key);
        }
        self.tell_wanted_qualities();
        if self.ticks.speakers <= self.now {
            self.ticks.speakers = self.now + SPEAKERS;
            self.tell_speakers();
        }
        if self.ticks.quality <= self.now {
            self.ticks.quality = self.now + QUALITY;
            self.tell_qualities();
        }
    }

    /// Removes participants whose signalling connection has not come back, and those that never connected.
    fn remove_lost(&mut self) {
        let limits = &self.shared.options.limits;
        let wall = SystemTime::now();
        let lost: Vec<_> = self
            .participants
            .values()
            .filter(|one| {
                let gone = one.lost.is_some_and(|since| self.now.duration_since(since) >= limits.resume);
                let age = wall.duration_since(one.joined).unwrap_or_default();
                let needs_connection = one.claims.video.may_subscribe() || one.publisher.is_some();
                let never = one.state != ParticipantState::Active && needs_connection && age > CONNECT_WITHIN;
                gone || never
            })
            .map(|one| (one.key, one.lost.is_some()))
            .collect();
        for (key, gone) in lost {
            let reason = if gone { DisconnectReason::SignalClose } else { DisconnectReason::JoinFailure };
            self.remove(key, reason);
        }
    }

    /// Gives participants tokens with which they can come back, since the one that they came with ends.
    fn refresh_tokens(&mut self) {
        let shared = self.shared.clone();
        let limits = &shared.options.limits;
        let mut tokens = Vec::new();
        for participant in self.participants.values_mut() {
            let due = self.now.duration_since(participant.refreshed) >= limits.token_refresh;
            // Whoever was removed is told to go in a moment.
            if due && participant.link.is_some() && !shared.revoked.refuses(&participant.claims) {
                participant.refreshed = self.now;
                let mut claims = participant.claims.clone();
                if participant.metadata_size() > MAX_IN_TOKEN {
                    // A token has to fit into a URL; whoever comes back with it says the rest again.
                    (claims.name, claims.metadata) = Default::default();
                    claims.attributes.clear();
                }
                let token = shared.options.key.mint(&claims, SystemTime::now(), limits.refreshed_token);
                tokens.push((participant.key, token));
            }
        }
        for (key, token) in tokens {
            self.tell(key, Response::RefreshToken(token));
        }
    }

    /// Chooses the layer of each video that a participant receives.
    pub(super) fn allocate(&mut self, key: u32) {
        let now = self.now;
        let Some(participant) = self.participants.get_mut(&key) else { return };
        let mut audio = 0;
        let mut videos: Vec<(TrackKey, usize)> = Vec::new();
        let mut candidates = Vec::new();
        let mut desired = 0;
        for (track_key, subscription) in &participant.subscriptions {
            let (Some(index), Some(track)) = (subscription.slot, self.tracks.get(track_key)) else { continue };
            if track.kind == MediaKind::Audio {
                participant.slots[index].target = subscription.wanted.enabled.then_some(0);
                audio += u64::from(subscription.wanted.enabled);
                continue;
            }
            let highest = subscription.wanted.highest(&track.info.layers);
            let Some(highest) = layers::index(highest, track.layers.len()) else {
                participant.slots[index].target = None;
                continue;
            };
            let rates = track.rates(now);
            let sent = rates.iter().take(highest + 1).filter_map(|rate| *rate).max().unwrap_or(0);
            desired += sent.max(track.announced_rate(highest)).max(AUDIO_RATE);
            videos.push((*track_key, index));
            candidates.push(Candidate { priority: subscription.wanted.priority, highest, rates });
        }
        let desired = desired + audio * AUDIO_RATE;
        let usable = participant.bandwidth.usable(now);
        let budget = usable.map(|usable| (usable * USABLE_PERCENT / 100).saturating_sub(audio * AUDIO_RATE));
        let given = layers::share(&candidates, budget, !participant.bandwidth.is_lossy(now));
        let mut changed = Vec::new();
        for (((track_key, index), given), candidate) in videos.into_iter().zip(given).zip(&candidates) {
            let slot = &mut participant.slots[index];
            slot.target = given;
            let paused = given.is_none() && candidate.rates.iter().any(Option::is_some);
            let subscription = participant.subscriptions.get_mut(&track_key).expect("it was listed above");
            if slot.ready && std::mem::replace(&mut subscription.paused, paused) != paused {
                changed.push((track_key, paused));
            }
        }
        let connection = if participant.single { &mut participant.publisher } else { &mut participant.subscriber };
        if let Some(connection) = connection {
            connection.rtc.bwe().set_desired_bitrate(Bitrate::bps(desired * HEADROOM_PERCENT / 100));
        }
        let states = changed.into_iter().filter_map(|(track_key, paused)| {
            let track = self.tracks.get(&track_key)?;
            let owner = self.participants.get(&track.owner)?;
            let (participant_sid, track_sid) = (owner.sid.clone(), track.info.sid.clone());
            Some(StreamStateInfo { participant_sid, track_sid, state: i32::from(paused) })
        });
        let states: Vec<_> = states.collect();
        if !states.is_empty() {
            self.tell(key, Response::StreamState(StreamStateUpdate { stream_states: states }));
        }
    }

    /// Tells publishers which of their layers somebody wants, so that they need not make the others. More is told at
    /// once, less after a while.
    pub(super) fn tell_wanted_qualities(&mut self) {
        let now = self.now;
        let mut updates = Vec::new();
        for (track_key, track) in self.tracks.iter_mut().filter(|(_, track)| track.kind == MediaKind::Video) {
            let wanted = track
                .receivers
                .iter()
                .filter_map(|receiver| self.participants.get(receiver)?.subscriptions.get(track_key))
                .map(|subscription| subscription.wanted.highest(&track.info.layers))
                .filter(|quality| *quality != VideoQuality::Off)
                .max()
                .unwrap_or(VideoQuality::Off);
            let rank = |quality: VideoQuality| if quality == VideoQuality::Off { -1 } else { quality as i32 };
            let less = track.told.is_some_and(|told| rank(wanted) < rank(told));
            if track.told == Some(wanted) || (track.told.is_none() && track.receivers.is_empty()) {
                track.less_since = None;
                continue;
            }
            if less && now.duration_since(*track.less_since.get_or_insert(now)) < LESS_AFTER {
                continue;
            }
            (track.told, track.less_since) = (Some(wanted), None);
            let qualities: Vec<_> = [VideoQuality::Low, VideoQuality::Medium, VideoQuality::High]
                .into_iter()
                .map(|quality| SubscribedQuality { quality: quality as i32, enabled: rank(quality) <= rank(wanted) })
                .collect();
            let codec = track.info.mime_type.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
            let update = SubscribedQualityUpdate {
                track_sid: track.info.sid.clone(),
                subscribed_qualities: qualities.clone(),
                subscribed_codecs: vec![SubscribedCodec { codec, qualities }],
            };
            updates.push((track.owner, update));
        }
        for (owner, update) in updates {
            self.tell(owner, Response::SubscribedQuality(update));
        }
    }

    fn tell_speakers(&mut self) {
        let now = self.now;
        let mut changed = Vec::new();
        for participant in self.participants.values_mut() {
            let level = speakers::steps(participant.loudness.end_interval(now));
            if (level - participant.level).abs() > f32::EPSILON {
                participant.level = level;
                if participant.visible() {
                    changed.push(SpeakerInfo { sid: participant.sid.clone(), level, active: level > 0.0 });
                }
            }
        }
        if !changed.is_empty() {
            self.tell_all(&Response::SpeakersChanged(SpeakersChanged { speakers: changed }));
        }
    }

    fn tell_qualities(&mut self) {
        let mut updates = Vec::new();
        for participant in self.participants.values_mut() {
            let loss = participant.loss[0].max(participant.loss[1]);
            participant.loss = [0.0; 2];
            let connected = [&participant.publisher, &participant.subscriber].into_iter().flatten();
            let quality = if participant.link.is_none() && connected.clone().all(|one| !one.connected) {
                ConnectionQuality::Lost
            } else if loss > 0.1 {
                ConnectionQuality::Poor
            } else if loss > 0.03 {
                ConnectionQuality::Good
            } else {
                ConnectionQuality::Excellent
            };
            participant.quality = quality;
            if participant.visible() {
                let score = match quality {
                    ConnectionQuality::Lost => 1.0,
                    ConnectionQuality::Poor => 2.0,
                    ConnectionQuality::Good => 3.0,
                    ConnectionQuality::Excellent => 4.5,
                };
                let participant_sid = participant.sid.clone();
                updates.push(ConnectionQualityInfo { participant_sid, quality: quality as i32, score });
            }
        }
        if !updates.is_empty() {
            self.tell_all(&Response::ConnectionQuality(ConnectionQualityUpdate { updates }));
        }
    }
}
