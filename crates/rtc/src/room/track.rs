//! A published track: what its publisher says of it, its streams, and who receives it.

use std::time::Instant;

use str0m::media::{MediaKind, Mid, Rid};

use crate::forward::layers::Layer;
use crate::proto::models::{SimulcastCodecInfo, TrackInfo, TrackSource, TrackType, VideoLayer, VideoQuality};
use crate::proto::signal::AddTrackRequest;
use crate::sdp::Section;

/// The names that clients give to streams of a track, from small to large.
const SIZES: [&str; 3] = ["q", "h", "f"];

/// A track's number within its room.
pub(crate) type TrackKey = u32;

/// A track.
#[derive(Debug)]
pub(crate) struct Track {
    /// Number of the participant that publishes it.
    pub(crate) owner: u32,
    pub(crate) info: TrackInfo,
    pub(crate) kind: MediaKind,
    pub(crate) mid: Mid,
    /// The name of each stream, from the smallest to the largest; a single stream has none.
    pub(crate) rids: Vec<Option<Rid>>,
    pub(crate) layers: Vec<Layer>,
    /// Numbers of the participants that receive it.
    pub(crate) receivers: Vec<u32>,
    /// The highest quality that the publisher has been told somebody wants, and since when less would do.
    pub(crate) told: Option<VideoQuality>,
    pub(crate) less_since: Option<Instant>,
    /// Whether the publisher has been told that somebody receives it.
    pub(crate) received: bool,
}

impl Track {
    /// A track that has got its media section.
    pub(crate) fn new(owner: u32, mut info: TrackInfo, section: &Section) -> Self {
        let kind = if section.kind == "audio" { MediaKind::Audio } else { MediaKind::Video };
        let mut names = section.rids.clone();
        // Clients list them in either order; these names stand for a quarter, a half and the full size.
        if names.iter().all(|name| SIZES.contains(&name.as_str())) {
            names.sort_by_key(|name| SIZES.iter().position(|size| size == name));
        }
        let mut rids: Vec<Option<Rid>> = names.iter().map(|rid| Some(Rid::from(rid.as_str()))).collect();
        if rids.is_empty() {
            rids.push(None);
        }
        info.mid.clone_from(&section.mid);
        if let Some(codec) = info.codecs.first_mut() {
            codec.mid.clone_from(&section.mid);
        }
        info.simulcast = rids.len() > 1;
        let layers = vec![Layer::default(); rids.len()];
        Self {
            owner,
            info,
            kind,
            mid: Mid::from(section.mid.as_str()),
            rids,
            layers,
            receivers: Vec::new(),
            told: None,
            less_since: None,
            received: false,
        }
    }

    /// The layer that a stream of this name is.
    pub(crate) fn layer(&self, rid: Option<Rid>) -> Option<usize> {
        if self.rids.len() == 1 { Some(0) } else { self.rids.iter().position(|known| *known == rid) }
    }

    /// The rate of each layer in bits per second, if it is sent now: in as many frames as the others, or nearly.
    pub(crate) fn rates(&self, now: Instant) -> Vec<Option<u64>> {
        let active = || self.layers.iter().filter(|layer| layer.is_active(now));
        let most = active().filter_map(Layer::frames).max();
        let steady = |layer: &Layer| most.is_none_or(|most| layer.frames().is_some_and(|frames| frames * 2 >= most));
        self.layers.iter().map(|layer| (layer.is_active(now) && steady(layer)).then(|| layer.rate())).collect()
    }

    /// The rate of a layer as its publisher has announced it, in bits per second, whether or not it is sent now; 0 if
    /// it has not. Announcements are believed up to what a large picture takes.
    pub(crate) fn announced_rate(&self, layer: usize) -> u64 {
        const MOST: u64 = 4_000_000;
        let up_to = self.info.layers.iter().take(layer + 1).map(|layer| u64::from(layer.bitrate));
        up_to.max().unwrap_or(0).min(MOST)
    }

    /// The group of tracks that are played in step with this one.
    pub(crate) fn stream(&self) -> &str {
        let source = TrackSource::try_from(self.info.source).unwrap_or(TrackSource::Unknown);
        match source.stream() {
            _ if !self.info.stream.is_empty() => &self.info.stream,
            Some(stream) => stream,
            None => &self.info.sid,
        }
    }
}

/// Whether a name may stand in a session description.
fn is_plain(name: &str) -> bool {
    name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// What others are told of a track that a client announces.
pub(crate) fn info(request: &AddTrackRequest, sid: String) -> TrackInfo {
    let video = request.r#type == TrackType::Video as i32;
    let codec = request.simulcast_codecs.first();
    let mut layers = codec.map(|codec| codec.layers.clone()).filter(|layers| !layers.is_empty());
    if layers.is_none() && !request.layers.is_empty() {
        layers = Some(request.layers.clone());
    }
    let layers = match layers {
        Some(layers) => layers,
        None if video => vec![VideoLayer {
            quality: VideoQuality::High as i32,
            width: request.width,
            height: request.height,
            ..VideoLayer::default()
        }],
        None => Vec::new(),
    };
    let mime = match codec.map(|codec| codec.codec.to_ascii_lowercase()) {
        Some(name) if name.contains('/') => name,
        Some(name) if !name.is_empty() => format!("{}/{name}", if video { "video" } else { "audio" }),
        _ if video => String::new(),
        // Clients that encrypt need it, and name none themselves.
        _ => "audio/opus".to_owned(),
    };
    let codecs = codec.map(|codec| SimulcastCodecInfo {
        mime_type: mime.clone(),
        mid: String::new(),
        cid: codec.cid.clone(),
        layers: layers.clone(),
        video_layer_mode: codec.video_layer_mode,
    });
    TrackInfo {
        sid,
        r#type: request.r#type,
        name: request.name.clone(),
        muted: request.muted,
        width: request.width,
        height: request.height,
        simulcast: layers.len() > 1,
        disable_dtx: request.disable_dtx,
        source: request.source,
        layers,
        mime_type: mime,
        mid: String::new(),
        codecs: codecs.into_iter().collect(),
        stereo: request.stereo,
        disable_red: request.disable_red,
        encryption: request.encryption,
        stream: if is_plain(&request.stream) { request.stream.clone() } else { String::new() },
        audio_features: request.audio_features.clone(),
        backup_codec_policy: request.backup_codec_policy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::signal::SimulcastCodec;

    #[test]
    fn a_codec_has_its_mime_type_in_full() {
        let request = |codec: &str| AddTrackRequest {
            r#type: TrackType::Video as i32,
            simulcast_codecs: vec![SimulcastCodec { codec: codec.to_owned(), ..SimulcastCodec::default() }],
            width: 640,
            ..AddTrackRequest::default()
        };
        assert_eq!(info(&request("VP8"), String::new()).mime_type, "video/vp8");
        assert_eq!(info(&request("video/h264"), String::new()).mime_type, "video/h264");
        assert_eq!(info(&AddTrackRequest::default(), String::new()).mime_type, "audio/opus");
        assert_eq!(info(&request("vp8"), String::new()).layers[0].width, 640);
    }

    #[test]
    fn a_group_cannot_write_descriptions() {
        let stream = |name: &str| {
            info(&AddTrackRequest { stream: name.to_owned(), ..AddTrackRequest::default() }, String::new()).stream
        };
        assert_eq!(stream("camera-2"), "camera-2");
        assert_eq!(stream("x\r\na=candidate:1"), "");
        assert_eq!(stream("x y"), "");
    }

    #[test]
    fn streams_are_layers_from_small_to_large() {
        let section = Section {
            kind: "video".to_owned(),
            mid: "1".to_owned(),
            rids: vec!["h".to_owned(), "q".to_owned()],
            ..Section::default()
        };
        let track = Track::new(1, TrackInfo::default(), &section);
        assert_eq!(track.layer(Some(Rid::from("h"))), Some(1));
        assert_eq!(track.layer(Some(Rid::from("x"))), None);
        assert_eq!(track.layer(None), None);
        let single = Track::new(1, TrackInfo::default(), &Section::default());
        assert_eq!(single.layer(Some(Rid::from("h"))), Some(0));
    }
}
