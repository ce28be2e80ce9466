//! What rooms, participants and tracks are in messages.

use std::collections::HashMap;

use prost::{Enumeration, Message};

/// A room.
#[derive(Clone, PartialEq, Message)]
pub struct Room {
    /// Identifier of this meeting of the room.
    #[prost(string, tag = "1")]
    pub sid: String,
    /// Name, by which it is joined.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Seconds for which it stays when nobody has come.
    #[prost(uint32, tag = "3")]
    pub empty_timeout: u32,
    /// Most participants; 0 is no limit.
    #[prost(uint32, tag = "4")]
    pub max_participants: u32,
    /// When it was made, in seconds since 1970.
    #[prost(int64, tag = "5")]
    pub creation_time: i64,
    /// Codecs that may be published.
    #[prost(message, repeated, tag = "7")]
    pub enabled_codecs: Vec<Codec>,
    /// Anything about it.
    #[prost(string, tag = "8")]
    pub metadata: String,
    /// How many participants it has, without hidden ones.
    #[prost(uint32, tag = "9")]
    pub num_participants: u32,
    /// Whether somebody records.
    #[prost(bool, tag = "10")]
    pub active_recording: bool,
    /// How many publish.
    #[prost(uint32, tag = "11")]
    pub num_publishers: u32,
    /// Seconds for which it stays when everybody has left.
    #[prost(uint32, tag = "14")]
    pub departure_timeout: u32,
    /// When it was made, in milliseconds since 1970.
    #[prost(int64, tag = "15")]
    pub creation_time_ms: i64,
}

/// A codec.
#[derive(Clone, PartialEq, Message)]
pub struct Codec {
    /// MIME type, such as `video/VP8`.
    #[prost(string, tag = "1")]
    pub mime: String,
    /// Format parameters.
    #[prost(string, tag = "2")]
    pub fmtp_line: String,
}

/// What a participant may do.
#[derive(Clone, PartialEq, Message)]
pub struct ParticipantPermission {
    /// Receive others' tracks.
    #[prost(bool, tag = "1")]
    pub can_subscribe: bool,
    /// Publish tracks.
    #[prost(bool, tag = "2")]
    pub can_publish: bool,
    /// Send data.
    #[prost(bool, tag = "3")]
    pub can_publish_data: bool,
    /// Not seen by others.
    #[prost(bool, tag = "7")]
    pub hidden: bool,
    /// Records.
    #[prost(bool, tag = "8")]
    pub recorder: bool,
    /// Sources that may be published; empty is all.
    #[prost(enumeration = "TrackSource", repeated, tag = "9")]
    pub can_publish_sources: Vec<i32>,
    /// Change its own name, metadata and attributes.
    #[prost(bool, tag = "10")]
    pub can_update_metadata: bool,
}

/// A participant, as others are told of it.
#[derive(Clone, PartialEq, Message)]
pub struct ParticipantInfo {
    /// Identifier of this session of the participant.
    #[prost(string, tag = "1")]
    pub sid: String,
    /// Identity, unique in the room.
    #[prost(string, tag = "2")]
    pub identity: String,
    /// How far it has come.
    #[prost(enumeration = "ParticipantState", tag = "3")]
    pub state: i32,
    /// What it publishes.
    #[prost(message, repeated, tag = "4")]
    pub tracks: Vec<TrackInfo>,
    /// Anything about it.
    #[prost(string, tag = "5")]
    pub metadata: String,
    /// When it joined, in seconds since 1970.
    #[prost(int64, tag = "6")]
    pub joined_at: i64,
    /// Name that others are shown.
    #[prost(string, tag = "9")]
    pub name: String,
    /// Grows with each change.
    #[prost(uint32, tag = "10")]
    pub version: u32,
    /// What it may do.
    #[prost(message, optional, tag = "11")]
    pub permission: Option<ParticipantPermission>,
    /// Whether it has something to publish with.
    #[prost(bool, tag = "13")]
    pub is_publisher: bool,
    /// Anything about it, by key.
    #[prost(map = "string, string", tag = "15")]
    pub attributes: HashMap<String, String>,
    /// Why it left.
    #[prost(enumeration = "DisconnectReason", tag = "16")]
    pub disconnect_reason: i32,
    /// When it joined, in milliseconds since 1970.
    #[prost(int64, tag = "17")]
    pub joined_at_ms: i64,
    /// Version of the protocol between clients.
    #[prost(int32, tag = "20")]
    pub client_protocol: i32,
    /// What its client says that it can do.
    #[prost(int32, repeated, tag = "21")]
    pub capabilities: Vec<i32>,
}

/// How far a participant has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub enum ParticipantState {
    /// It has a signalling connection.
    Joining = 0,
    /// It negotiates.
    Joined = 1,
    /// Media can flow.
    Active = 2,
    /// It has left.
    Disconnected = 3,
}

/// Kind of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub enum TrackType {
    /// Sound.
    Audio = 0,
    /// Pictures.
    Video = 1,
    /// Neither.
    Data = 2,
}

/// Where a track comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub enum TrackSource {
    /// Not told.
    Unknown = 0,
    /// A camera.
    Camera = 1,
    /// A microphone.
    Microphone = 2,
    /// A screen.
    ScreenShare = 3,
    /// The sound of a screen.
    ScreenShareAudio = 4,
}

impl TrackSource {
    /// The source's name in tokens.
    pub(crate) fn as_grant(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Camera => "camera",
            Self::Microphone => "microphone",
            Self::ScreenShare => "screen_share",
            Self::ScreenShareAudio => "screen_share_audio",
        }
    }

    /// The source that a token names.
    pub(crate) fn from_grant(name: &str) -> Option<Self> {
        [Self::Camera, Self::Microphone, Self::ScreenShare, Self::ScreenShareAudio]
            .into_iter()
            .find(|source| name.eq_ignore_ascii_case(source.as_grant()))
    }

    /// The group of tracks that are played in step: what somebody says with what their camera sees.
    pub(crate) fn stream(self) -> Option<&'static str> {
        match self {
            Self::Camera | Self::Microphone => Some("camera"),
            Self::ScreenShare | Self::ScreenShareAudio => Some("screen_share"),
            Self::Unknown => None,
        }
    }
}

/// Quality of video: which of its layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub enum VideoQuality {
    /// The smallest layer.
    Low = 0,
    /// The one in the middle.
    Medium = 1,
    /// The largest.
    High = 2,
    /// None.
    Off = 3,
}

/// A layer of a video track.
#[derive(Clone, PartialEq, Message)]
pub struct VideoLayer {
    /// Which one it is.
    #[prost(enumeration = "VideoQuality", tag = "1")]
    pub quality: i32,
    /// Pixels across.
    #[prost(uint32, tag = "2")]
    pub width: u32,
    /// Pixels down.
    #[prost(uint32, tag = "3")]
    pub height: u32,
    /// Bits per second.
    #[prost(uint32, tag = "4")]
    pub bitrate: u32,
    /// Its RTP stream.
    #[prost(uint32, tag = "5")]
    pub ssrc: u32,
    /// Its number in a stream of several.
    #[prost(int32, tag = "6")]
    pub spatial_layer: i32,
    /// Its name in the session description.
    #[prost(string, tag = "7")]
    pub rid: String,
}

/// A codec in which a track is published.
#[derive(Clone, PartialEq, Message)]
pub struct SimulcastCodecInfo {
    /// MIME type.
    #[prost(string, tag = "1")]
    pub mime_type: String,
    /// Media section.
    #[prost(string, tag = "2")]
    pub mid: String,
    /// The client's name for it.
    #[prost(string, tag = "3")]
    pub cid: String,
    /// Its layers.
    #[prost(message, repeated, tag = "4")]
    pub layers: Vec<VideoLayer>,
    /// How layers and streams belong together.
    #[prost(int32, tag = "5")]
    pub video_layer_mode: i32,
}

/// A published track.
#[derive(Clone, PartialEq, Message)]
pub struct TrackInfo {
    /// Identifier.
    #[prost(string, tag = "1")]
    pub sid: String,
    /// Sound or pictures.
    #[prost(enumeration = "TrackType", tag = "2")]
    pub r#type: i32,
    /// The publisher's name for it.
    #[prost(string, tag = "3")]
    pub name: String,
    /// Whether nothing is sent for now.
    #[prost(bool, tag = "4")]
    pub muted: bool,
    /// Pixels across, of the largest layer.
    #[prost(uint32, tag = "5")]
    pub width: u32,
    /// Pixels down.
    #[prost(uint32, tag = "6")]
    pub height: u32,
    /// Whether it has several layers.
    #[prost(bool, tag = "7")]
    pub simulcast: bool,
    /// Whether silence is sent in full.
    #[prost(bool, tag = "8")]
    pub disable_dtx: bool,
    /// Where it comes from.
    #[prost(enumeration = "TrackSource", tag = "9")]
    pub source: i32,
    /// Its layers.
    #[prost(message, repeated, tag = "10")]
    pub layers: Vec<VideoLayer>,
    /// Codec.
    #[prost(string, tag = "11")]
    pub mime_type: String,
    /// Media section of the publisher.
    #[prost(string, tag = "12")]
    pub mid: String,
    /// Codecs in which it is published.
    #[prost(message, repeated, tag = "13")]
    pub codecs: Vec<SimulcastCodecInfo>,
    /// Whether sound has two channels.
    #[prost(bool, tag = "14")]
    pub stereo: bool,
    /// Whether sound is sent without redundancy.
    #[prost(bool, tag = "15")]
    pub disable_red: bool,
    /// How it is encrypted between clients.
    #[prost(int32, tag = "16")]
    pub encryption: i32,
    /// The group that it belongs to.
    #[prost(string, tag = "17")]
    pub stream: String,
    /// Features of the sound.
    #[prost(int32, repeated, tag = "19")]
    pub audio_features: Vec<i32>,
    /// What to do for those who cannot decode it.
    #[prost(int32, tag = "20")]
    pub backup_codec_policy: i32,
}

/// Somebody's loudness.
#[derive(Clone, PartialEq, Message)]
pub struct SpeakerInfo {
    /// The participant.
    #[prost(string, tag = "1")]
    pub sid: String,
    /// From 0 to 1.
    #[prost(float, tag = "2")]
    pub level: f32,
    /// Whether it speaks.
    #[prost(bool, tag = "3")]
    pub active: bool,
}

/// How good a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub enum ConnectionQuality {
    /// Much is lost.
    Poor = 0,
    /// Some is lost.
    Good = 1,
    /// Nothing is lost.
    Excellent = 2,
    /// Nothing arrives.
    Lost = 3,
}

/// Tracks of one participant.
#[derive(Clone, PartialEq, Message)]
pub struct ParticipantTracks {
    /// The participant.
    #[prost(string, tag = "1")]
    pub participant_sid: String,
    /// The tracks.
    #[prost(string, repeated, tag = "2")]
    pub track_sids: Vec<String>,
}

/// The server.
#[derive(Clone, PartialEq, Message)]
pub struct ServerInfo {
    /// Version of the software.
    #[prost(string, tag = "2")]
    pub version: String,
    /// Version of the protocol.
    #[prost(int32, tag = "3")]
    pub protocol: i32,
    /// Where it is.
    #[prost(string, tag = "4")]
    pub region: String,
    /// Which one it is.
    #[prost(string, tag = "5")]
    pub node_id: String,
}

/// The client.
#[derive(Clone, PartialEq, Message)]
pub struct ClientInfo {
    /// Version of the protocol that it speaks.
    #[prost(int32, tag = "3")]
    pub protocol: i32,
    /// Version of the protocol between clients.
    #[prost(int32, tag = "12")]
    pub client_protocol: i32,
    /// What it can do.
    #[prost(int32, repeated, tag = "13")]
    pub capabilities: Vec<i32>,
}

/// Why a participant left, or has to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub enum DisconnectReason {
    /// Not known.
    Unknown = 0,
    /// It wanted to.
    ClientInitiated = 1,
    /// Another one with its identity came.
    DuplicateIdentity = 2,
    /// The server stops.
    ServerShutdown = 3,
    /// It was removed.
    ParticipantRemoved = 4,
    /// The room was deleted.
    RoomDeleted = 5,
    /// It goes on with a session that is not known here.
    StateMismatch = 6,
    /// It never connected fully.
    JoinFailure = 7,
    /// Its signalling connection ended.
    SignalClose = 9,
    /// Its connection timed out.
    ConnectionTimeout = 14,
}
