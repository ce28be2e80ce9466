//! What clients and server tell each other over the WebSocket.

use std::collections::HashMap;

use prost::{Enumeration, Message, Oneof};

use super::models::{
    ClientInfo, Codec, ConnectionQuality, DisconnectReason, ParticipantInfo, ParticipantTracks, Room, ServerInfo,
    SpeakerInfo, TrackInfo, TrackSource, TrackType, VideoLayer, VideoQuality,
};

/// A message of a client.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SignalRequest {
    #[prost(oneof = "Request", tags = "1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18")]
    pub(crate) message: Option<Request>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum Request {
    #[prost(message, tag = "1")]
    Offer(SessionDescription),
    #[prost(message, tag = "2")]
    Answer(SessionDescription),
    #[prost(message, tag = "3")]
    Trickle(TrickleRequest),
    #[prost(message, tag = "4")]
    AddTrack(AddTrackRequest),
    #[prost(message, tag = "5")]
    Mute(MuteTrackRequest),
    #[prost(message, tag = "6")]
    Subscription(UpdateSubscription),
    #[prost(message, tag = "7")]
    TrackSetting(UpdateTrackSettings),
    #[prost(message, tag = "8")]
    Leave(LeaveRequest),
    #[prost(message, tag = "10")]
    UpdateLayers(UpdateVideoLayers),
    #[prost(message, tag = "11")]
    SubscriptionPermission(SubscriptionPermission),
    #[prost(message, tag = "12")]
    SyncState(SyncState),
    #[prost(message, tag = "13")]
    Simulate(SimulateScenario),
    #[prost(int64, tag = "14")]
    Ping(i64),
    #[prost(message, tag = "15")]
    UpdateMetadata(UpdateParticipantMetadata),
    #[prost(message, tag = "16")]
    PingReq(Ping),
    #[prost(message, tag = "17")]
    UpdateAudioTrack(UpdateLocalAudioTrack),
    #[prost(message, tag = "18")]
    UpdateVideoTrack(UpdateLocalVideoTrack),
}

/// A message of the server.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SignalResponse {
    #[prost(
        oneof = "Response",
        tags = "1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 25"
    )]
    pub(crate) message: Option<Response>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum Response {
    #[prost(message, tag = "1")]
    Join(JoinResponse),
    #[prost(message, tag = "2")]
    Answer(SessionDescription),
    #[prost(message, tag = "3")]
    Offer(SessionDescription),
    #[prost(message, tag = "4")]
    Trickle(TrickleRequest),
    #[prost(message, tag = "5")]
    Update(ParticipantUpdate),
    #[prost(message, tag = "6")]
    TrackPublished(TrackPublishedResponse),
    #[prost(message, tag = "8")]
    Leave(LeaveRequest),
    #[prost(message, tag = "9")]
    Mute(MuteTrackRequest),
    #[prost(message, tag = "10")]
    SpeakersChanged(SpeakersChanged),
    #[prost(message, tag = "11")]
    RoomUpdate(RoomUpdate),
    #[prost(message, tag = "12")]
    ConnectionQuality(ConnectionQualityUpdate),
    #[prost(message, tag = "13")]
    StreamState(StreamStateUpdate),
    #[prost(message, tag = "14")]
    SubscribedQuality(SubscribedQualityUpdate),
    #[prost(message, tag = "15")]
    SubscriptionPermission(SubscriptionPermissionUpdate),
    #[prost(string, tag = "16")]
    RefreshToken(String),
    #[prost(message, tag = "17")]
    TrackUnpublished(TrackUnpublishedResponse),
    #[prost(int64, tag = "18")]
    Pong(i64),
    #[prost(message, tag = "19")]
    Reconnect(ReconnectResponse),
    #[prost(message, tag = "20")]
    PongResp(Pong),
    #[prost(message, tag = "21")]
    Subscription(SubscriptionResponse),
    #[prost(message, tag = "22")]
    RequestResponse(RequestResponse),
    #[prost(message, tag = "23")]
    TrackSubscribed(TrackSubscribed),
    #[prost(message, tag = "25")]
    MediaSections(MediaSectionsRequirement),
}

/// One of a client's two peer connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub(crate) enum SignalTarget {
    Publisher = 0,
    Subscriber = 1,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SessionDescription {
    /// `offer` or `answer`.
    #[prost(string, tag = "1")]
    pub(crate) r#type: String,
    #[prost(string, tag = "2")]
    pub(crate) sdp: String,
    /// An answer has its offer's number.
    #[prost(uint32, tag = "3")]
    pub(crate) id: u32,
    #[prost(map = "string, string", tag = "4")]
    pub(crate) mid_to_track_id: HashMap<String, String>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct TrickleRequest {
    /// `RTCIceCandidateInit` as JSON.
    #[prost(string, tag = "1")]
    pub(crate) candidate_init: String,
    #[prost(enumeration = "SignalTarget", tag = "2")]
    pub(crate) target: i32,
    #[prost(bool, tag = "3")]
    pub(crate) r#final: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SimulcastCodec {
    #[prost(string, tag = "1")]
    pub(crate) codec: String,
    #[prost(string, tag = "2")]
    pub(crate) cid: String,
    #[prost(message, repeated, tag = "4")]
    pub(crate) layers: Vec<VideoLayer>,
    #[prost(int32, tag = "5")]
    pub(crate) video_layer_mode: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct AddTrackRequest {
    #[prost(string, tag = "1")]
    pub(crate) cid: String,
    #[prost(string, tag = "2")]
    pub(crate) name: String,
    #[prost(enumeration = "TrackType", tag = "3")]
    pub(crate) r#type: i32,
    #[prost(uint32, tag = "4")]
    pub(crate) width: u32,
    #[prost(uint32, tag = "5")]
    pub(crate) height: u32,
    #[prost(bool, tag = "6")]
    pub(crate) muted: bool,
    #[prost(bool, tag = "7")]
    pub(crate) disable_dtx: bool,
    #[prost(enumeration = "TrackSource", tag = "8")]
    pub(crate) source: i32,
    #[prost(message, repeated, tag = "9")]
    pub(crate) layers: Vec<VideoLayer>,
    #[prost(message, repeated, tag = "10")]
    pub(crate) simulcast_codecs: Vec<SimulcastCodec>,
    /// A track that is published already, in another codec.
    #[prost(string, tag = "11")]
    pub(crate) sid: String,
    #[prost(bool, tag = "12")]
    pub(crate) stereo: bool,
    #[prost(bool, tag = "13")]
    pub(crate) disable_red: bool,
    #[prost(int32, tag = "14")]
    pub(crate) encryption: i32,
    #[prost(string, tag = "15")]
    pub(crate) stream: String,
    #[prost(int32, tag = "16")]
    pub(crate) backup_codec_policy: i32,
    #[prost(int32, repeated, tag = "17")]
    pub(crate) audio_features: Vec<i32>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct MuteTrackRequest {
    #[prost(string, tag = "1")]
    pub(crate) sid: String,
    #[prost(bool, tag = "2")]
    pub(crate) muted: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct JoinResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) room: Option<Room>,
    #[prost(message, optional, tag = "2")]
    pub(crate) participant: Option<ParticipantInfo>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) other_participants: Vec<ParticipantInfo>,
    #[prost(string, tag = "4")]
    pub(crate) server_version: String,
    #[prost(message, repeated, tag = "5")]
    pub(crate) ice_servers: Vec<IceServer>,
    #[prost(bool, tag = "6")]
    pub(crate) subscriber_primary: bool,
    /// Seconds without an answer after which the client gives up.
    #[prost(int32, tag = "10")]
    pub(crate) ping_timeout: i32,
    /// Seconds between pings.
    #[prost(int32, tag = "11")]
    pub(crate) ping_interval: i32,
    #[prost(message, optional, tag = "12")]
    pub(crate) server_info: Option<ServerInfo>,
    #[prost(message, repeated, tag = "14")]
    pub(crate) enabled_publish_codecs: Vec<Codec>,
    #[prost(bool, tag = "15")]
    pub(crate) fast_publish: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ReconnectResponse {
    #[prost(message, repeated, tag = "1")]
    pub(crate) ice_servers: Vec<IceServer>,
    #[prost(message, optional, tag = "3")]
    pub(crate) server_info: Option<ServerInfo>,
    #[prost(uint32, tag = "4")]
    pub(crate) last_message_seq: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct TrackPublishedResponse {
    #[prost(string, tag = "1")]
    pub(crate) cid: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) track: Option<TrackInfo>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct TrackUnpublishedResponse {
    #[prost(string, tag = "1")]
    pub(crate) track_sid: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ParticipantUpdate {
    #[prost(message, repeated, tag = "1")]
    pub(crate) participants: Vec<ParticipantInfo>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct UpdateSubscription {
    #[prost(string, repeated, tag = "1")]
    pub(crate) track_sids: Vec<String>,
    #[prost(bool, tag = "2")]
    pub(crate) subscribe: bool,
    #[prost(message, repeated, tag = "3")]
    pub(crate) participant_tracks: Vec<ParticipantTracks>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct UpdateTrackSettings {
    #[prost(string, repeated, tag = "1")]
    pub(crate) track_sids: Vec<String>,
    #[prost(bool, tag = "3")]
    pub(crate) disabled: bool,
    #[prost(enumeration = "VideoQuality", tag = "4")]
    pub(crate) quality: i32,
    #[prost(uint32, tag = "5")]
    pub(crate) width: u32,
    #[prost(uint32, tag = "6")]
    pub(crate) height: u32,
    #[prost(uint32, tag = "7")]
    pub(crate) fps: u32,
    /// 1 is the highest, 0 is not set.
    #[prost(uint32, tag = "8")]
    pub(crate) priority: u32,
}

/// What a client should do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub(crate) enum LeaveAction {
    Disconnect = 0,
    Resume = 1,
    Reconnect = 2,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct LeaveRequest {
    #[prost(bool, tag = "1")]
    pub(crate) can_reconnect: bool,
    #[prost(enumeration = "DisconnectReason", tag = "2")]
    pub(crate) reason: i32,
    #[prost(enumeration = "LeaveAction", tag = "3")]
    pub(crate) action: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct UpdateVideoLayers {
    #[prost(string, tag = "1")]
    pub(crate) track_sid: String,
    #[prost(message, repeated, tag = "2")]
    pub(crate) layers: Vec<VideoLayer>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct UpdateParticipantMetadata {
    #[prost(string, tag = "1")]
    pub(crate) metadata: String,
    #[prost(string, tag = "2")]
    pub(crate) name: String,
    #[prost(map = "string, string", tag = "3")]
    pub(crate) attributes: HashMap<String, String>,
    #[prost(uint32, tag = "4")]
    pub(crate) request_id: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct UpdateLocalAudioTrack {
    #[prost(string, tag = "1")]
    pub(crate) track_sid: String,
    #[prost(int32, repeated, tag = "2")]
    pub(crate) features: Vec<i32>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct UpdateLocalVideoTrack {
    #[prost(string, tag = "1")]
    pub(crate) track_sid: String,
    #[prost(uint32, tag = "2")]
    pub(crate) width: u32,
    #[prost(uint32, tag = "3")]
    pub(crate) height: u32,
}

/// A STUN or TURN server.
#[derive(Clone, PartialEq, Message)]
pub struct IceServer {
    /// Addresses, such as `turn:turn.example.org:3478`.
    #[prost(string, repeated, tag = "1")]
    pub urls: Vec<String>,
    /// Name to sign in with.
    #[prost(string, tag = "2")]
    pub username: String,
    /// Password to sign in with.
    #[prost(string, tag = "3")]
    pub credential: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SpeakersChanged {
    #[prost(message, repeated, tag = "1")]
    pub(crate) speakers: Vec<SpeakerInfo>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct RoomUpdate {
    #[prost(message, optional, tag = "1")]
    pub(crate) room: Option<Room>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ConnectionQualityInfo {
    #[prost(string, tag = "1")]
    pub(crate) participant_sid: String,
    #[prost(enumeration = "ConnectionQuality", tag = "2")]
    pub(crate) quality: i32,
    #[prost(float, tag = "3")]
    pub(crate) score: f32,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ConnectionQualityUpdate {
    #[prost(message, repeated, tag = "1")]
    pub(crate) updates: Vec<ConnectionQualityInfo>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct StreamStateInfo {
    #[prost(string, tag = "1")]
    pub(crate) participant_sid: String,
    #[prost(string, tag = "2")]
    pub(crate) track_sid: String,
    /// 0 is active, 1 is paused.
    #[prost(int32, tag = "3")]
    pub(crate) state: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct StreamStateUpdate {
    #[prost(message, repeated, tag = "1")]
    pub(crate) stream_states: Vec<StreamStateInfo>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SubscribedQuality {
    #[prost(enumeration = "VideoQuality", tag = "1")]
    pub(crate) quality: i32,
    #[prost(bool, tag = "2")]
    pub(crate) enabled: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SubscribedCodec {
    #[prost(string, tag = "1")]
    pub(crate) codec: String,
    #[prost(message, repeated, tag = "2")]
    pub(crate) qualities: Vec<SubscribedQuality>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SubscribedQualityUpdate {
    #[prost(string, tag = "1")]
    pub(crate) track_sid: String,
    #[prost(message, repeated, tag = "2")]
    pub(crate) subscribed_qualities: Vec<SubscribedQuality>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) subscribed_codecs: Vec<SubscribedCodec>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct TrackPermission {
    #[prost(string, tag = "1")]
    pub(crate) participant_sid: String,
    #[prost(bool, tag = "2")]
    pub(crate) all_tracks: bool,
    #[prost(string, repeated, tag = "3")]
    pub(crate) track_sids: Vec<String>,
    #[prost(string, tag = "4")]
    pub(crate) participant_identity: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SubscriptionPermission {
    #[prost(bool, tag = "1")]
    pub(crate) all_participants: bool,
    #[prost(message, repeated, tag = "2")]
    pub(crate) track_permissions: Vec<TrackPermission>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SubscriptionPermissionUpdate {
    #[prost(string, tag = "1")]
    pub(crate) participant_sid: String,
    #[prost(string, tag = "2")]
    pub(crate) track_sid: String,
    #[prost(bool, tag = "3")]
    pub(crate) allowed: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SyncState {
    #[prost(message, optional, tag = "1")]
    pub(crate) answer: Option<SessionDescription>,
    #[prost(message, optional, tag = "2")]
    pub(crate) subscription: Option<UpdateSubscription>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) publish_tracks: Vec<TrackPublishedResponse>,
    #[prost(string, repeated, tag = "6")]
    pub(crate) track_sids_disabled: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SimulateScenario {
    #[prost(oneof = "Scenario", tags = "3, 4, 9")]
    pub(crate) scenario: Option<Scenario>,
}

#[derive(Clone, Copy, PartialEq, Oneof)]
pub(crate) enum Scenario {
    #[prost(bool, tag = "3")]
    Migration(bool),
    #[prost(bool, tag = "4")]
    ServerLeave(bool),
    #[prost(bool, tag = "9")]
    FullReconnect(bool),
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct Ping {
    #[prost(int64, tag = "1")]
    pub(crate) timestamp: i64,
    #[prost(int64, tag = "2")]
    pub(crate) rtt: i64,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct Pong {
    #[prost(int64, tag = "1")]
    pub(crate) last_ping_timestamp: i64,
    #[prost(int64, tag = "2")]
    pub(crate) timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SubscriptionResponse {
    #[prost(string, tag = "1")]
    pub(crate) track_sid: String,
    /// 0 is unknown, 1 is a codec that is not supported, 2 is a track that there is not.
    #[prost(int32, tag = "2")]
    pub(crate) err: i32,
}

/// How a request with a number went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub(crate) enum RequestReason {
    Ok = 0,
    NotFound = 1,
    NotAllowed = 2,
    LimitExceeded = 3,
    UnsupportedType = 5,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct RequestResponse {
    #[prost(uint32, tag = "1")]
    pub(crate) request_id: u32,
    #[prost(enumeration = "RequestReason", tag = "2")]
    pub(crate) reason: i32,
    #[prost(string, tag = "3")]
    pub(crate) message: String,
    #[prost(message, optional, tag = "5")]
    pub(crate) add_track: Option<AddTrackRequest>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct TrackSubscribed {
    #[prost(string, tag = "1")]
    pub(crate) track_sid: String,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct MediaSectionsRequirement {
    #[prost(uint32, tag = "1")]
    pub(crate) num_audios: u32,
    #[prost(uint32, tag = "2")]
    pub(crate) num_videos: u32,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct ConnectionSettings {
    #[prost(bool, tag = "1")]
    pub(crate) auto_subscribe: bool,
    #[prost(bool, tag = "2")]
    pub(crate) adaptive_stream: bool,
}

/// What a client of `/rtc/v1` says in its URL.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct JoinRequest {
    #[prost(message, optional, tag = "1")]
    pub(crate) client_info: Option<ClientInfo>,
    #[prost(message, optional, tag = "2")]
    pub(crate) connection_settings: Option<ConnectionSettings>,
    #[prost(string, tag = "3")]
    pub(crate) metadata: String,
    #[prost(map = "string, string", tag = "4")]
    pub(crate) participant_attributes: HashMap<String, String>,
    #[prost(message, repeated, tag = "5")]
    pub(crate) add_track_requests: Vec<AddTrackRequest>,
    #[prost(message, optional, tag = "6")]
    pub(crate) publisher_offer: Option<SessionDescription>,
    #[prost(bool, tag = "7")]
    pub(crate) reconnect: bool,
    #[prost(string, tag = "9")]
    pub(crate) participant_sid: String,
    #[prost(message, optional, tag = "10")]
    pub(crate) sync_state: Option<SyncState>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct WrappedJoinRequest {
    /// 0 is plain, 1 is gzip.
    #[prost(int32, tag = "1")]
    pub(crate) compression: i32,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) join_request: Vec<u8>,
}
