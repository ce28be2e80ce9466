//! What participants publish: tracks are announced first, and get their media section by an offer of the client.

use std::collections::HashSet;

use super::participant::Pending;
use super::track::{self, Track, TrackKey};
use super::{Room, new_sid};
use crate::proto::models::{TrackSource, TrackType};
use crate::proto::signal::{
    AddTrackRequest, MuteTrackRequest, RequestReason, RequestResponse, Response, SessionDescription,
    TrackPublishedResponse, TrackUnpublishedResponse, UpdateLocalAudioTrack, UpdateLocalVideoTrack, UpdateVideoLayers,
};
use crate::sdp::{MAX_SECTIONS, Section, sections};
use crate::transport::{ConnectionKey, Side};

/// Longest name of a track, and of anything else that a client calls it.
const MAX_NAME: usize = 1024;
/// Layers that a client may describe.
const MAX_LAYERS: usize = 8;

impl Room {
    /// A client announces a track.
    pub(super) fn add_track(&mut self, key: u32, request: &AddTrackRequest) {
        let Some(participant) = self.participants.get(&key) else { return };
        let published = |sid: &str| {
            let mine = participant.tracks.iter().filter_map(|track| self.tracks.get(track));
            mine.map(|track| &track.info).find(|info| info.sid == sid)
        };
        let source = TrackSource::try_from(request.source).unwrap_or(TrackSource::Unknown);
        let too_long = [&request.cid, &request.name, &request.stream].iter().any(|text| text.len() > MAX_NAME);
        let layers = request.simulcast_codecs.iter().map(|codec| codec.layers.len()).chain([request.layers.len()]);
        let known_type = [TrackType::Audio as i32, TrackType::Video as i32].contains(&request.r#type);
        let refusal = if !participant.claims.video.may_publish_source(source) {
            Some(RequestReason::NotAllowed)
        } else if !known_type {
            Some(RequestReason::UnsupportedType)
        } else if participant.tracks.len() + participant.pending.len() >= self.shared.options.limits.tracks
            || too_long
            || layers.max() > Some(MAX_LAYERS)
        {
            Some(RequestReason::LimitExceeded)
        } else {
            None
        };
        if let Some(reason) = refusal {
            let response = RequestResponse {
                request_id: 0,
                reason: reason as i32,
                message: "this track cannot be published".to_owned(),
                add_track: Some(request.clone()),
            };
            self.tell(key, Response::RequestResponse(response));
            return;
        }
        // Another codec of a track that is there is not asked for by anybody, and so never sent.
        let known = published(&request.sid).cloned().or_else(|| {
            participant.pending.iter().find(|pending| pending.cid == request.cid).map(|pending| pending.info.clone())
        });
        let info = if let Some(info) = known {
            info
        } else {
            let prefix = match source {
                TrackSource::Microphone => "TR_AM",
                TrackSource::Camera => "TR_VC",
                TrackSource::ScreenShare => "TR_VS",
                TrackSource::ScreenShareAudio => "TR_AS",
                TrackSource::Unknown => "TR_",
            };
            let info = track::info(request, new_sid(prefix));
            let pending = Pending { cid: request.cid.clone(), info: info.clone() };
            self.participants.get_mut(&key).expect("looked up above").pending.push(pending);
            info
        };
        let response = TrackPublishedResponse { cid: request.cid.clone(), track: Some(info) };
        self.tell(key, Response::TrackPublished(response));
    }

    /// A client offers what it sends.
    pub(super) fn offered(&mut self, key: u32, description: &SessionDescription) {
        let connection_key = ConnectionKey { participant: key, side: Side::Publisher };
        let sections = sections(&description.sdp);
        if sections.len() > MAX_SECTIONS {
            self.impossible(key, "too many media sections");
            return;
        }
        self.ensure_connection(connection_key);
        let Some(connection) = self.connection(connection_key) else { return };
        let answer = match connection.answer(&description.sdp) {
            Ok(answer) => answer,
            Err(error) => {
                self.impossible(key, &error);
                return;
            }
        };
        self.described(connection_key, &description.sdp);
        self.busy.insert(connection_key);
        self.match_sections(key, &sections);
        let (sdp, tracks) = self.answer_text(key, &answer, &sections);
        self.tell_answer(key, sdp, description.id, tracks);
        self.announce(key);
        self.after_answer(key);
    }

    /// Finds out which section is which track.
    fn match_sections(&mut self, key: u32, sections: &[Section]) {
        let sending: Vec<_> =
            sections.iter().filter(|section| section.sends && section.kind != "application").collect();
        let Some(participant) = self.participants.get(&key) else { return };
        let mids: HashSet<_> = sending.iter().map(|section| section.mid.as_str()).collect();
        let is_pending = |name: &Option<String>| participant.pending.iter().any(|one| Some(&one.cid) == name.as_ref());
        let ended: Vec<_> = participant
            .tracks
            .iter()
            .copied()
            .filter(|track| {
                let mid = &self.tracks[track].info.mid;
                let section = sending.iter().find(|section| section.mid == *mid);
                !mids.contains(mid.as_str()) || section.is_some_and(|section| is_pending(&section.track))
            })
            .collect();
        for track in ended {
            self.unpublish(track);
        }
        let mut left = Vec::new();
        for section in sending {
            if !self.publish(key, section, |pending| Some(&pending.cid) == section.track.as_ref()) {
                left.push(section);
            }
        }
        // A sender that is used again may keep the name of its first track.
        for section in left {
            let is_audio = section.kind == "audio";
            self.publish(key, section, |pending| (pending.info.r#type == TrackType::Audio as i32) == is_audio);
        }
    }

    /// Publishes the pending track that fits a section; whether there is one, or the section had one already.
    fn publish(&mut self, key: u32, section: &Section, fits: impl Fn(&Pending) -> bool) -> bool {
        let Some(participant) = self.participants.get_mut(&key) else { return false };
        if participant.tracks.iter().any(|track| self.tracks[track].info.mid == section.mid) {
            return true;
        }
        let Some(index) = participant.pending.iter().position(fits) else { return false };
        let Pending { info, .. } = participant.pending.remove(index);
        self.last_track += 1;
        let track_key = self.last_track;
        participant.tracks.push(track_key);
        self.tracks.insert(track_key, Track::new(key, info, section));
        self.shared.metrics.tracks.up();
        let others: Vec<_> = self.participants.keys().copied().filter(|other| *other != key).collect();
        for other in others {
            if self.participants[&other].auto_subscribe {
                self.subscribe(other, track_key);
                self.negotiate(other);
            }
        }
        true
    }

    /// Takes a track away from everybody.
    pub(super) fn unpublish(&mut self, track_key: TrackKey) {
        let Some(track) = self.tracks.remove(&track_key) else { return };
        self.shared.metrics.tracks.down();
        if let Some(owner) = self.participants.get_mut(&track.owner) {
            owner.tracks.retain(|track| *track != track_key);
            owner.streams.retain(|_, (track, _)| *track != track_key);
        }
        let receivers: Vec<_> = self.participants.keys().copied().collect();
        for receiver in receivers {
            self.unsubscribe(receiver, track_key);
            self.negotiate(receiver);
        }
    }

    /// Takes a track away and tells its publisher.
    pub(super) fn revoke(&mut self, track_key: TrackKey) {
        let Some(track) = self.tracks.get(&track_key) else { return };
        let (owner, sid) = (track.owner, track.info.sid.clone());
        self.unpublish(track_key);
        self.tell(owner, Response::TrackUnpublished(TrackUnpublishedResponse { track_sid: sid }));
        self.announce(owner);
    }

    /// A publisher mutes a track, or the server does.
    pub(super) fn mute(&mut self, key: u32, request: &MuteTrackRequest) {
        let Some(participant) = self.participants.get_mut(&key) else { return };
        if let Some(pending) = participant.pending.iter_mut().find(|pending| pending.info.sid == request.sid) {
            pending.info.muted = request.muted;
            return;
        }
        let Some(track) = self.own_track(key, &request.sid) else { return };
        if track.info.muted != request.muted {
            track.info.muted = request.muted;
            self.announce(key);
        }
    }

    pub(super) fn own_track(&mut self, key: u32, sid: &str) -> Option<&mut Track> {
        self.tracks.values_mut().find(|track| track.owner == key && track.info.sid == sid)
    }

    pub(super) fn update_layers(&mut self, key: u32, update: &UpdateVideoLayers) {
        if let Some(track) = self.own_track(key, &update.track_sid)
            && update.layers.len() <= MAX_LAYERS
        {
            track.info.layers.clone_from(&update.layers);
            if let Some(codec) = track.info.codecs.first_mut() {
                codec.layers.clone_from(&update.layers);
            }
            self.announce(key);
        }
    }

    pub(super) fn update_audio_track(&mut self, key: u32, update: &UpdateLocalAudioTrack) {
        if let Some(track) = self.own_track(key, &update.track_sid)
            && update.features.len() <= MAX_LAYERS
        {
            track.info.audio_features.clone_from(&update.features);
            self.announce(key);
        }
    }

    pub(super) fn update_video_track(&mut self, key: u32, update: &UpdateLocalVideoTrack) {
        if let Some(track) = self.own_track(key, &update.track_sid) {
            (track.info.width, track.info.height) = (update.width, update.height);
            self.announce(key);
        }
    }
}
