//! Telling participants of each other.

use prost::Message as _;

use super::{Room, link};
use crate::proto::models::ParticipantInfo;
use crate::proto::signal::{ParticipantUpdate, Response, SignalResponse};

impl Room {
    /// A participant with its tracks.
    pub(super) fn participant_info(&self, key: u32) -> Option<ParticipantInfo> {
        let participant = self.participants.get(&key)?;
        let tracks = participant.tracks.iter().filter_map(|track| self.tracks.get(track));
        Some(ParticipantInfo { tracks: tracks.map(|track| track.info.clone()).collect(), ..participant.info() })
    }

    /// All that a participant sees of the others.
    pub(super) fn others(&self, key: u32) -> Vec<ParticipantInfo> {
        let others = self.participants.values().filter(|other| other.key != key && other.visible());
        others.filter_map(|other| self.participant_info(other.key)).collect()
    }

    /// Tells everybody of a participant that has changed; of one that is hidden, only itself.
    pub(super) fn announce(&mut self, key: u32) {
        let Some(participant) = self.participants.get_mut(&key) else { return };
        participant.version += 1;
        let visible = participant.visible();
        let Some(info) = self.participant_info(key) else { return };
        let update = Response::Update(ParticipantUpdate { participants: vec![info] });
        if visible {
            self.tell_all(&update);
        } else {
            self.tell(key, update);
        }
    }

    /// Sends a message to everybody, written once.
    pub(super) fn tell_all(&mut self, response: &Response) {
        let bytes = SignalResponse { message: Some(response.clone()) }.encode_to_vec();
        for participant in self.participants.values_mut() {
            let Some(link) = &participant.link else { continue };
            if let Err(broken) = link.send_bytes(bytes.clone()) {
                if broken == link::Broken::Slow {
                    self.shared.metrics.cut_off.up();
                }
                participant.link = None;
                participant.lost = Some(self.now);
            }
        }
    }
}
