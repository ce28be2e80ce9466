//! Messages of clients.

use std::time::{SystemTime, UNIX_EPOCH};

use str0m::Candidate;

use super::Room;
use super::membership::leave;
use crate::proto::models::DisconnectReason;
use crate::proto::signal::{
    LeaveAction, Pong, Request, RequestReason, RequestResponse, Response, Scenario, SignalTarget, TrickleRequest,
    UpdateParticipantMetadata,
};
use crate::transport::{ConnectionKey, Side};

/// The fields of a candidate (`RTCIceCandidateInit`) that are read.
#[derive(serde::Deserialize)]
struct CandidateInit {
    #[serde(default)]
    candidate: String,
}

impl Room {
    /// Does what a client asks. Messages of a signalling connection that another one has replaced are not for anybody.
    pub(crate) fn request(&mut self, key: u32, link: u64, request: Request) {
        let current = self.participants.get(&key).and_then(|one| one.link.as_ref());
        if current.is_none_or(|current| current.id != link) {
            return;
        }
        match request {
            Request::Offer(description) => self.offered(key, &description),
            Request::Answer(description) => self.answered(key, &description),
            Request::Trickle(trickle) => self.trickled(key, &trickle),
            Request::AddTrack(request) => self.add_track(key, &request),
            Request::Mute(request) => self.mute(key, &request),
            Request::Subscription(update) => self.update_subscription(key, &update),
            Request::TrackSetting(update) => self.update_settings(key, &update),
            Request::Leave(_) => self.remove(key, DisconnectReason::ClientInitiated),
            Request::UpdateLayers(update) => self.update_layers(key, &update),
            Request::SubscriptionPermission(permission) => self.permit(key, permission),
            Request::SyncState(state) => self.synchronize(key, &state),
            Request::Simulate(scenario) => self.simulate(key, scenario.scenario),
            Request::Ping(_) => {
                let now = now_in_milliseconds();
                self.tell(key, Response::Pong(now));
            }
            Request::PingReq(ping) => {
                let pong = Pong { last_ping_timestamp: ping.timestamp, timestamp: now_in_milliseconds() };
                self.tell(key, Response::PongResp(pong));
            }
            Request::UpdateMetadata(update) => self.update_metadata(key, update),
            Request::UpdateAudioTrack(update) => self.update_audio_track(key, &update),
            Request::UpdateVideoTrack(update) => self.update_video_track(key, &update),
        }
    }

    /// A client has said something that cannot be: it starts anew.
    pub(super) fn impossible(&mut self, key: u32, what: &str) {
        tracing::debug!(what, "a client said something impossible");
        self.shared.metrics.bad_signals.up();
        self.tell(key, leave(DisconnectReason::StateMismatch, LeaveAction::Reconnect));
        self.remove_silently(key);
    }

    /// A client tells where it can be reached. Most of these are of no use to a server that others come to, and names
    /// of the local network (mDNS) cannot be resolved here; the address is known once the client checks the connection.
    fn trickled(&mut self, key: u32, trickle: &TrickleRequest) {
        let side = match SignalTarget::try_from(trickle.target) {
            Ok(SignalTarget::Subscriber) => Side::Subscriber,
            _ => Side::Publisher,
        };
        let Ok(init) = serde_json::from_str::<CandidateInit>(&trickle.candidate_init) else {
            self.shared.metrics.bad_signals.up();
            return;
        };
        let key = ConnectionKey { participant: key, side };
        let Some(connection) = self.connection(key) else { return };
        if let Ok(candidate) = Candidate::from_sdp_string(&init.candidate) {
            connection.rtc.add_remote_candidate(candidate);
            self.busy.insert(key);
        }
    }

    fn update_metadata(&mut self, key: u32, update: UpdateParticipantMetadata) {
        let limit = self.shared.options.limits.metadata;
        let Some(participant) = self.participants.get_mut(&key) else { return };
        let reason = if participant.claims.video.may_update_own_metadata() {
            let before = participant.claims.clone();
            participant.change(&update.name, &update.metadata, update.attributes);
            if participant.metadata_size() > limit {
                participant.claims = before;
                RequestReason::LimitExceeded
            } else {
                RequestReason::Ok
            }
        } else {
            RequestReason::NotAllowed
        };
        if update.request_id > 0 {
            let message = if reason == RequestReason::Ok { "" } else { "the change is not allowed" };
            let response = RequestResponse {
                request_id: update.request_id,
                reason: reason as i32,
                message: message.to_owned(),
                add_track: None,
            };
            self.tell(key, Response::RequestResponse(response));
        }
        if reason == RequestReason::Ok {
            self.announce(key);
        }
    }

    /// What clients' own tests ask for.
    fn simulate(&mut self, key: u32, scenario: Option<Scenario>) {
        match scenario {
            Some(Scenario::Migration(true)) => {
                self.tell(key, leave(DisconnectReason::Unknown, LeaveAction::Resume));
            }
            Some(Scenario::FullReconnect(true)) => {
                self.tell(key, leave(DisconnectReason::Unknown, LeaveAction::Reconnect));
                self.remove_silently(key);
            }
            Some(Scenario::ServerLeave(true)) => {
                self.tell(key, leave(DisconnectReason::ServerShutdown, LeaveAction::Reconnect));
                self.remove_silently(key);
            }
            _ => {}
        }
    }
}

fn now_in_milliseconds() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
