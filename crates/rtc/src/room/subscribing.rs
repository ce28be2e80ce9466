//! What participants receive: which tracks, by which media sections, and the offers that say so.

use std::collections::{HashMap, HashSet};

use str0m::media::{Direction, MediaKind, Mid};

use super::Room;
use super::connection::Connection;
use super::participant::{Participant, Slot, Subscription};
use super::track::TrackKey;
use crate::forward::layers::Wanted;
use crate::proto::models::VideoQuality;
use crate::proto::signal::{
    MediaSectionsRequirement, Response, SessionDescription, SubscriptionPermission, SubscriptionPermissionUpdate,
    SubscriptionResponse, TrackSubscribed, UpdateSubscription, UpdateTrackSettings,
};
use crate::sdp::{MAX_SECTIONS, Names, Section, with_names};
use crate::transport::{ConnectionKey, Side};

/// A track that there is not, as an error of a subscription.
const TRACK_NOT_FOUND: i32 = 2;

impl Room {
    /// Subscribes a new participant to all that is there.
    pub(super) fn subscribe_to_all(&mut self, key: u32) {
        if self.participants.get(&key).is_some_and(|participant| participant.auto_subscribe) {
            let tracks: Vec<_> = self.tracks.keys().copied().collect();
            for track in tracks {
                self.subscribe(key, track);
            }
        }
    }

    /// Subscribes a participant to a track, if it may have it; the offer is for the caller.
    pub(super) fn subscribe(&mut self, key: u32, track_key: TrackKey) {
        let Some(track) = self.tracks.get(&track_key) else { return };
        let (Some(receiver), Some(owner)) = (self.participants.get(&key), self.participants.get(&track.owner)) else {
            return;
        };
        if track.owner == key || !receiver.claims.video.may_subscribe() {
            return;
        }
        let admitted = owner.admits(receiver, &track.info.sid);
        let receiver = self.participants.get_mut(&key).expect("looked up above");
        let subscription = receiver.subscriptions.entry(track_key).or_default();
        subscription.desired = true;
        if admitted && subscription.slot.is_none() {
            receiver.negotiation.again = true;
        }
    }

    /// Ends a subscription; the offer is for the caller.
    pub(super) fn unsubscribe(&mut self, key: u32, track_key: TrackKey) {
        let Some(receiver) = self.participants.get_mut(&key) else { return };
        if let Some(subscription) = receiver.subscriptions.remove(&track_key) {
            release(receiver, &subscription);
        }
        if let Some(track) = self.tracks.get_mut(&track_key) {
            track.receivers.retain(|receiver| *receiver != key);
        }
    }

    /// A client chooses what it receives.
    pub(super) fn update_subscription(&mut self, key: u32, update: &UpdateSubscription) {
        let sids = update.track_sids.iter().chain(update.participant_tracks.iter().flat_map(|of| &of.track_sids));
        let by_sid: HashMap<_, _> = self.tracks.iter().map(|(key, track)| (track.info.sid.clone(), *key)).collect();
        let mut unknown = Vec::new();
        for sid in sids {
            match (by_sid.get(sid), update.subscribe) {
                (Some(track), true) => self.subscribe(key, *track),
                (Some(track), false) => self.unsubscribe(key, *track),
                (None, true) => unknown.push(sid.clone()),
                (None, false) => {}
            }
        }
        for track_sid in unknown {
            self.tell(key, Response::Subscription(SubscriptionResponse { track_sid, err: TRACK_NOT_FOUND }));
        }
        self.negotiate(key);
    }

    /// A client says how it shows tracks.
    pub(super) fn update_settings(&mut self, key: u32, update: &UpdateTrackSettings) {
        let wanted = Wanted {
            enabled: !update.disabled,
            quality: VideoQuality::try_from(update.quality).unwrap_or(VideoQuality::High),
            width: update.width,
            height: update.height,
            priority: update.priority,
        };
        let tracks = self.tracks.iter().filter(|(_, track)| update.track_sids.contains(&track.info.sid));
        let tracks: Vec<_> = tracks.map(|(key, _)| *key).collect();
        let Some(participant) = self.participants.get_mut(&key) else { return };
        for track in tracks {
            if let Some(subscription) = participant.subscriptions.get_mut(&track) {
                subscription.wanted = wanted.clone();
            }
        }
        self.allocate(key);
        self.tell_wanted_qualities();
    }

    /// Stops a track without ending its subscription.
    pub(super) fn disable(&mut self, key: u32, sid: &str) {
        let track = self.tracks.iter().find(|(_, track)| track.info.sid == sid).map(|(key, _)| *key);
        let participant = self.participants.get_mut(&key);
        let subscription = track.zip(participant).and_then(|(track, one)| one.subscriptions.get_mut(&track));
        if let Some(subscription) = subscription {
            subscription.wanted.enabled = false;
        }
    }

    /// A publisher says who may receive its tracks.
    pub(super) fn permit(&mut self, key: u32, permission: SubscriptionPermission) {
        let Some(owner) = self.participants.get_mut(&key) else { return };
        owner.audience = Some(permission);
        let owner_sid = owner.sid.clone();
        let tracks = owner.tracks.clone();
        let receivers: Vec<_> = self.participants.keys().copied().filter(|other| *other != key).collect();
        for receiver in receivers {
            for track_key in &tracks {
                let Some(track) = self.tracks.get(track_key) else { continue };
                let sid = track.info.sid.clone();
                let allowed = self.participants[&key].admits(&self.participants[&receiver], &sid);
                let Some(subscription) =
                    self.participants.get_mut(&receiver).and_then(|one| one.subscriptions.get_mut(track_key))
                else {
                    continue;
                };
                if allowed == subscription.slot.is_some() {
                    continue;
                }
                let slot = subscription.slot.take();
                let participant = self.participants.get_mut(&receiver).expect("looked up above");
                if !allowed {
                    release(participant, &Subscription { slot, ..Subscription::default() });
                    self.tracks.get_mut(track_key).expect("looked up above").receivers.retain(|one| *one != receiver);
                }
                participant.negotiation.again = true;
                let update =
                    SubscriptionPermissionUpdate { participant_sid: owner_sid.clone(), track_sid: sid, allowed };
                self.tell(receiver, Response::SubscriptionPermission(update));
            }
            self.negotiate(receiver);
        }
    }

    /// Offers what has changed, unless an offer is under way; then that comes after it.
    pub(super) fn negotiate(&mut self, key: u32) {
        let Some(participant) = self.participants.get(&key) else { return };
        if !participant.negotiation.again {
            return;
        }
        if participant.single {
            self.require_sections(key);
            return;
        }
        let waits = participant.negotiation.pending.is_some() && !participant.negotiation.restart;
        if waits || participant.link.is_none() {
            return;
        }
        self.assign_slots(key);
    }

    /// Tracks that a participant should receive and has no section for.
    fn waiting(&self, key: u32) -> Vec<(TrackKey, MediaKind)> {
        let Some(receiver) = self.participants.get(&key) else { return Vec::new() };
        let waiting = receiver.subscriptions.iter().filter(|(_, one)| one.desired && one.slot.is_none());
        waiting
            .filter_map(|(track_key, _)| {
                let track = self.tracks.get(track_key)?;
                let owner = self.participants.get(&track.owner)?;
                owner.admits(receiver, &track.info.sid).then_some((*track_key, track.kind))
            })
            .collect()
    }

    /// Gives each track a section, one that is free or a new one, and offers that.
    fn assign_slots(&mut self, key: u32) {
        let waiting = self.waiting(key);
        let connection_key = ConnectionKey { participant: key, side: Side::Subscriber };
        let Some(participant) = self.participants.get_mut(&key) else { return };
        let Some(connection) = participant.subscriber.as_mut() else { return };
        let first = participant.negotiation.number == 0;
        let restart = std::mem::take(&mut participant.negotiation.restart);
        participant.negotiation.again = false;
        let mut changes = connection.rtc.sdp_api();
        if first {
            for channel in Connection::channels() {
                changes.add_channel_with_config(channel);
            }
        }
        if restart {
            changes.ice_restart(true);
        }
        for slot in participant.slots.iter_mut().filter(|slot| slot.track.is_none()) {
            changes.set_direction(slot.mid, Direction::Inactive);
            slot.leaving = true;
        }
        for (track, kind) in waiting {
            let index = match participant.slots.iter().position(|slot| slot.is_free(kind)) {
                Some(index) => {
                    participant.slots[index].take(Some(track));
                    changes.set_direction(participant.slots[index].mid, Direction::SendOnly);
                    index
                }
                None if participant.slots.len() >= MAX_SECTIONS - 1 => continue,
                None => {
                    let mid = changes.add_media(kind, Direction::SendOnly, None, None, None);
                    participant.slots.push(Slot::new(mid, kind, track));
                    participant.slots.len() - 1
                }
            };
            participant.subscriptions.get_mut(&track).expect("it waits").slot = Some(index);
        }
        if let Some((_, unanswered)) = participant.negotiation.pending.take() {
            // The client may have taken it all the same, and lost its connection before it could say so.
            changes.merge(unanswered);
        }
        let Some((offer, pending)) = changes.apply() else { return };
        participant.negotiation.number += 1;
        let id = participant.negotiation.number;
        participant.negotiation.pending = Some((id, pending));
        let written = connection.offer(&offer.to_sdp_string());
        self.busy.insert(connection_key);
        let (names, tracks) = self.names(key);
        let sdp = with_names(&written, &names, &HashSet::new());
        let offer = SessionDescription { r#type: "offer".to_owned(), sdp, id, mid_to_track_id: tracks };
        self.tell(key, Response::Offer(offer));
    }

    /// The names of the tracks in each section of a receiver, and the track of each section.
    fn names(&self, key: u32) -> (HashMap<String, Names>, HashMap<String, String>) {
        let (mut names, mut tracks) = (HashMap::new(), HashMap::new());
        let Some(receiver) = self.participants.get(&key) else { return (names, tracks) };
        for slot in &receiver.slots {
            let Some(track) = slot.track.and_then(|track| self.tracks.get(&track)) else { continue };
            let Some(owner) = self.participants.get(&track.owner) else { continue };
            // A browser keeps the name of a section's first track: of the next one, clients look at the group's name
            // first. With one connection they go by the section.
            let group = if slot.again && !receiver.single { &track.info.sid } else { track.stream() };
            let stream = format!("{}|{group}", owner.sid);
            names.insert(slot.mid.to_string(), Names { stream, track: track.info.sid.clone() });
            tracks.insert(slot.mid.to_string(), track.info.sid.clone());
        }
        (names, tracks)
    }

    /// A client answers an offer.
    pub(super) fn answered(&mut self, key: u32, description: &SessionDescription) {
        let connection_key = ConnectionKey { participant: key, side: Side::Subscriber };
        let Some(participant) = self.participants.get_mut(&key) else { return };
        // An answer without a number is to the last offer: older clients give none.
        let Some((id, pending)) = participant.negotiation.pending.take() else { return };
        if description.id != 0 && description.id != id {
            participant.negotiation.pending = Some((id, pending));
            return;
        }
        let Some(connection) = participant.subscriber.as_mut() else { return };
        if let Err(error) = connection.answered(pending, &description.sdp) {
            self.impossible(key, &error);
            return;
        }
        for slot in participant.slots.iter_mut().filter(|slot| slot.track.is_none()) {
            if std::mem::take(&mut slot.leaving) {
                slot.used = false;
            } else {
                participant.negotiation.again = true;
            }
        }
        self.described(connection_key, &description.sdp);
        self.busy.insert(connection_key);
        self.sections_agreed(key);
        self.negotiate(key);
    }

    /// Media can be sent in all sections that have a track.
    fn sections_agreed(&mut self, key: u32) {
        let Some(participant) = self.participants.get_mut(&key) else { return };
        let mut new = Vec::new();
        for slot in participant.slots.iter_mut().filter(|slot| !slot.ready) {
            if let Some(track) = slot.track {
                slot.ready = true;
                new.push(track);
            }
        }
        for track_key in new {
            let Some(track) = self.tracks.get_mut(&track_key) else { continue };
            if !track.receivers.contains(&key) {
                track.receivers.push(key);
            }
            if !std::mem::replace(&mut track.received, true) {
                let (owner, track_sid) = (track.owner, track.info.sid.clone());
                self.tell(owner, Response::TrackSubscribed(TrackSubscribed { track_sid }));
            }
        }
        self.allocate(key);
        self.tell_wanted_qualities();
        self.ask_for_key_frames(key);
    }

    /// Asks the client of a single connection for as many sections as it needs.
    fn require_sections(&mut self, key: u32) {
        let waiting = self.waiting(key);
        let Some(participant) = self.participants.get_mut(&key) else { return };
        participant.negotiation.again = false;
        let free = |kind| participant.slots.iter().filter(|slot| slot.is_free(kind)).count();
        let leaving = participant.slots.iter().any(|slot| slot.track.is_none() && slot.used);
        let needs = |kind| waiting.iter().filter(|(_, waits)| *waits == kind).count();
        let (audio, video) = (MediaKind::Audio, MediaKind::Video);
        let requirement = MediaSectionsRequirement {
            num_audios: needs(audio).saturating_sub(free(audio)) as u32,
            num_videos: needs(video).saturating_sub(free(video)) as u32,
        };
        if !waiting.is_empty() || leaving {
            // Also when there are enough: the client makes an offer, whose answer says what they are for.
            self.tell(key, Response::MediaSections(requirement));
        }
    }

    /// The text of an answer to a client's offer. Where one connection carries both directions, the sections in which
    /// the client receives get tracks.
    pub(super) fn answer_text(
        &mut self,
        key: u32,
        sdp: &str,
        offered: &[Section],
    ) -> (String, HashMap<String, String>) {
        if !self.participants.get(&key).is_some_and(|participant| participant.single) {
            return (sdp.to_owned(), HashMap::new());
        }
        let mut waiting = self.waiting(key);
        let Some(participant) = self.participants.get_mut(&key) else { return (sdp.to_owned(), HashMap::new()) };
        for section in offered.iter().filter(|section| section.receives && section.kind != "application") {
            let kind = if section.kind == "audio" { MediaKind::Audio } else { MediaKind::Video };
            let mid = Mid::from(section.mid.as_str());
            let known = participant.slots.iter().position(|slot| slot.mid == mid);
            let index = known.unwrap_or_else(|| {
                participant.slots.push(Slot::free(mid, kind));
                participant.slots.len() - 1
            });
            if participant.slots[index].is_free(kind)
                && let Some(at) = waiting.iter().position(|(_, waits)| *waits == kind)
            {
                let (track, _) = waiting.remove(at);
                participant.slots[index].take(Some(track));
                participant.subscriptions.get_mut(&track).expect("it waits").slot = Some(index);
            }
        }
        let mut inactive = HashSet::new();
        for slot in participant.slots.iter_mut().filter(|slot| slot.track.is_none()) {
            slot.used = false;
            inactive.insert(slot.mid.to_string());
        }
        let (names, tracks) = self.names(key);
        (with_names(sdp, &names, &inactive), tracks)
    }

    /// What follows the answer to a client's offer.
    pub(super) fn after_answer(&mut self, key: u32) {
        let Some(participant) = self.participants.get_mut(&key) else { return };
        if participant.single {
            self.sections_agreed(key);
            if !self.waiting(key).is_empty() {
                self.require_sections(key);
            }
        }
    }
}

/// Frees the section of a subscription.
fn release(receiver: &mut Participant, subscription: &Subscription) {
    if let Some(slot) = subscription.slot.and_then(|index| receiver.slots.get_mut(index)) {
        slot.take(None);
        receiver.negotiation.again = true;
    }
}
