//! What the server does in a room on behalf of whoever knows its members.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::{JoinRefusal, Joining, Link, Room};
use crate::proto::models::DisconnectReason;
use crate::proto::signal::{JoinRequest, LeaveAction, MuteTrackRequest, Request, Response, RoomUpdate};
use crate::revoked::Who;
use crate::token::Grants;

/// Something that has happened in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoomEvent {
    /// Somebody has joined.
    Joined(Member),
    /// Somebody has left, or was removed, and why. Another session of the same identity may have begun: the event of that
    /// follows.
    Left(Member, DisconnectReason),
}

/// Who it is that something happens to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its identity, unique in the room.
    pub identity: String,
    /// Its session, which no other one has.
    pub sid: String,
    /// Whose token it has: [`crate::Claims::holder`].
    pub holder: Vec<String>,
}

/// A participant, as the server sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParticipantState {
    /// Its identity.
    pub identity: String,
    /// Its session.
    pub sid: String,
    /// Whose token it has: [`crate::Claims::holder`].
    pub holder: Vec<String>,
    /// When it joined.
    pub joined: SystemTime,
    /// Whether it may publish.
    pub may_publish: bool,
    /// The tracks that it publishes: identifier, MIME type, whether they are muted.
    pub tracks: Vec<(String, String, bool)>,
}

/// What the task of a room is told.
#[derive(Debug)]
pub(crate) enum Command {
    /// Somebody comes.
    Join(Box<(Joining, Option<JoinRequest>)>, Link, tokio::sync::oneshot::Sender<Result<u32, JoinRefusal>>),
    /// Somebody comes back: session and identity. The answer is missing if there is no such session.
    Resume(String, String, Link, tokio::sync::oneshot::Sender<u32>),
    /// A client has said something.
    Request(u32, u64, Box<Request>),
    /// A signalling connection has ended.
    LinkEnded(u32, u64),
    /// Somebody has to go.
    Remove(Who),
    /// A track is muted, or may be heard again: identity, track.
    Mute(String, String, bool),
    /// A track is taken away: identity, track.
    Unpublish(String, String),
    /// Somebody may do something else from now on.
    Permit(String, Grants),
    /// The room says something else of itself.
    SetMetadata(String),
    /// A new token for somebody, for the next time it connects.
    RefreshToken(String, String),
    /// Everybody has to go: the room is deleted, or the server stops.
    Close(DisconnectReason),
    /// Who is here?
    List(tokio::sync::oneshot::Sender<Vec<ParticipantState>>),
}

impl Room {
    /// Carries a command out; whether the room goes on.
    pub(crate) fn command(&mut self, command: Command) -> bool {
        match command {
            Command::Join(joining, link, answer) => {
                let (joining, request) = *joining;
                if let Err(refusal) = self.admits(&joining.claims) {
                    let _ = answer.send(Err(refusal));
                    return true;
                }
                let id = link.id;
                let key = self.join(joining, link);
                let _ = answer.send(Ok(key));
                if let Some(request) = request {
                    request.add_track_requests.iter().for_each(|track| self.add_track(key, track));
                    if let Some(offer) = request.publisher_offer {
                        self.request(key, id, Request::Offer(offer));
                    }
                }
            }
            Command::Resume(sid, identity, link, answer) => {
                if let Some(key) = self.resume(&sid, &identity, link) {
                    let _ = answer.send(key);
                }
            }
            Command::Request(key, link, request) => self.request(key, link, *request),
            Command::LinkEnded(key, link) => self.link_ended(key, link),
            Command::Remove(who) => {
                let meant = self.participants.values().filter(|one| who.is(&one.claims)).map(|one| one.key);
                for key in meant.collect::<Vec<_>>() {
                    self.shared.metrics.removed.up();
                    self.remove(key, DisconnectReason::ParticipantRemoved);
                }
            }
            Command::Mute(identity, track, muted) => self.mute_for(&identity, &track, muted),
            Command::Unpublish(identity, sid) => {
                let owner = self.key_of(&identity);
                let track = self.tracks.iter().find(|(_, one)| Some(one.owner) == owner && one.info.sid == sid);
                if let Some(track) = track.map(|(key, _)| *key) {
                    self.revoke(track);
                }
            }
            Command::Permit(identity, grants) => self.change_grants(&identity, grants),
            Command::SetMetadata(metadata) => {
                self.metadata = metadata;
                let room = self.info();
                self.tell_all(&Response::RoomUpdate(RoomUpdate { room: Some(room) }));
            }
            Command::RefreshToken(identity, token) => {
                if let Some(key) = self.key_of(&identity) {
                    self.tell(key, Response::RefreshToken(token));
                }
            }
            Command::Close(reason) => {
                let action = match reason {
                    DisconnectReason::ServerShutdown => LeaveAction::Reconnect,
                    _ => LeaveAction::Disconnect,
                };
                self.tell_all(&super::membership::leave(reason, action));
                let left = self.participants.values().map(|one| RoomEvent::Left(one.member(), reason));
                self.events.extend(left);
                return false;
            }
            Command::List(answer) => {
                let _ = answer.send(self.list());
            }
        }
        true
    }

    fn key_of(&self, identity: &str) -> Option<u32> {
        self.participants.values().find(|one| one.claims.identity == identity).map(|one| one.key)
    }

    fn mute_for(&mut self, identity: &str, sid: &str, muted: bool) {
        let Some(key) = self.key_of(identity) else { return };
        let request = MuteTrackRequest { sid: sid.to_owned(), muted };
        if self.own_track(key, sid).is_some() {
            self.tell(key, Response::Mute(request.clone()));
            self.mute(key, &request);
        }
    }

    /// Somebody may do more, or less; what it publishes and may not any more is taken away.
    fn change_grants(&mut self, identity: &str, grants: Grants) {
        let Some(key) = self.key_of(identity) else { return };
        let participant = self.participants.get_mut(&key).expect("looked up above");
        let subscribed = participant.claims.video.may_subscribe();
        let (room, room_join) = (participant.claims.video.room.clone(), participant.claims.video.room_join);
        participant.claims.video = Grants { room, room_join, ..grants };
        let grants = participant.claims.video.clone();
        let forbidden: Vec<_> = participant
            .tracks
            .iter()
            .copied()
            .filter(|track| {
                let source = self.tracks.get(track).and_then(|track| track.info.source.try_into().ok());
                !source.is_some_and(|source| grants.may_publish_source(source))
            })
            .collect();
        for track in forbidden {
            self.revoke(track);
        }
        if subscribed && !grants.may_subscribe() {
            let tracks: Vec<_> = self.participants[&key].subscriptions.keys().copied().collect();
            for track in tracks {
                self.unsubscribe(key, track);
            }
        } else if !subscribed && grants.may_subscribe() {
            if !self.participants[&key].single {
                let side = crate::transport::Side::Subscriber;
                self.ensure_connection(crate::transport::ConnectionKey { participant: key, side });
            }
            self.subscribe_to_all(key);
        }
        self.negotiate(key);
        self.announce(key);
    }

    fn list(&self) -> Vec<ParticipantState> {
        let tracks = |keys: &[u32]| {
            let tracks = keys.iter().filter_map(|key| self.tracks.get(key)).map(|track| &track.info);
            tracks.map(|info| (info.sid.clone(), info.mime_type.clone(), info.muted)).collect()
        };
        self.participants
            .values()
            .map(|one| ParticipantState {
                identity: one.claims.identity.clone(),
                sid: one.sid.clone(),
                holder: one.claims.holder.clone(),
                joined: one.joined,
                may_publish: one.claims.video.may_publish(),
                tracks: tracks(&one.tracks),
            })
            .collect()
    }
}

impl super::Participant {
    /// Changes what a participant says of itself: what is empty stays, and an attribute without value goes.
    pub(super) fn change(
        &mut self,
        name: &str,
        metadata: &str,
        attributes: impl IntoIterator<Item = (String, String)>,
    ) {
        if !name.is_empty() {
            name.clone_into(&mut self.claims.name);
        }
        if !metadata.is_empty() {
            metadata.clone_into(&mut self.claims.metadata);
        }
        let own: &mut BTreeMap<_, _> = &mut self.claims.attributes;
        for (key, value) in attributes {
            if value.is_empty() {
                own.remove(&key);
            } else {
                own.insert(key, value);
            }
        }
    }
}
