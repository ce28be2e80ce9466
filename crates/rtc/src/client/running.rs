//! The task of a participant: its WebSocket and its two peer connections.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use futures_util::{SinkExt as _, StreamExt as _};
use prost::Message as _;
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, Simulcast, SimulcastLayer};
use str0m::rtp::{RtpPacket, Ssrc};
use str0m::{Event, RtcError};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

use super::media::{BEAT, SIZES, Stream};
use super::peer::Peer;
use super::{Do, Received, Sends};
use crate::proto::models::{ParticipantInfo, TrackSource, TrackType, VideoLayer, VideoQuality};
use crate::proto::signal::{
    AddTrackRequest, Request, Response, SessionDescription, SignalRequest, SignalResponse, UpdateTrackSettings,
};

/// Why a participant has to go.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("the server cannot be reached: {0}")]
    Socket(#[from] tokio_tungstenite::tungstenite::Error),
    #[error("the server's message cannot be read: {0}")]
    Message(#[from] prost::DecodeError),
    #[error("a description cannot be used: {0}")]
    Sdp(#[from] str0m::error::SdpError),
    #[error("a connection has failed: {0}")]
    Rtc(#[from] RtcError),
    #[error("there is no socket: {0}")]
    Io(#[from] io::Error),
    #[error("the server has sent the participant away: reason {0}")]
    SentAway(i32),
    #[error("the signalling connection has ended")]
    Ended,
}

struct Running {
    sends: Sends,
    received: Arc<Received>,
    began: Instant,
    me: String,
    publisher: Peer,
    subscriber: Peer,
    pending: Option<SdpPendingOffer>,
    streams: Vec<Stream>,
    /// The last packet of each stream that comes in.
    last: HashMap<Ssrc, u64>,
    /// The camera that is shown large, and those that are known.
    large: Option<String>,
    cameras: Vec<String>,
    asks: Vec<Request>,
}

/// Takes part until the other end of `tasks` is dropped.
pub(super) async fn run(
    url: &str,
    sends: Sends,
    received: Arc<Received>,
    mut tasks: mpsc::UnboundedReceiver<Do>,
) -> Result<(), Failure> {
    let began = Instant::now();
    let (socket, _) = tokio_tungstenite::connect_async(url).await?;
    let (mut writer, mut reader) = socket.split();
    let mut running = Running {
        sends,
        received,
        began,
        me: String::new(),
        publisher: Peer::new().await?,
        subscriber: Peer::new().await?,
        pending: None,
        streams: Vec::new(),
        last: HashMap::new(),
        large: None,
        cameras: Vec::new(),
        asks: Vec::new(),
    };
    let mut beat = tokio::time::interval(BEAT);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let (mut one, mut other) = (vec![0; 2048], vec![0; 2048]);
    loop {
        let timer = running.publisher.timer.min(running.subscriber.timer);
        tokio::select! {
            message = reader.next() => match message {
                Some(Ok(Message::Binary(bytes))) => running.hear(SignalResponse::decode(bytes)?)?,
                Some(Ok(Message::Close(_))) | None => return Err(Failure::Ended),
                Some(message) => drop(message?),
            },
            task = tasks.recv() => match task {
                Some(Do::Move) => {
                    running.publisher.move_away().await?;
                    running.subscriber.move_away().await?;
                }
                None => return Ok(writer.close().await?),
            },
            Ok((length, from)) = running.publisher.socket.recv_from(&mut one) => {
                let events = running.publisher.receive(&one[..length], from)?;
                running.wanted(&events);
            }
            Ok((length, from)) = running.subscriber.socket.recv_from(&mut other) => {
                let events = running.subscriber.receive(&other[..length], from)?;
                running.count(&events);
            }
            _ = beat.tick() => running.beat()?,
            () = tokio::time::sleep_until(timer.into()) => {
                let events = running.publisher.wake()?;
                running.wanted(&events);
                let events = running.subscriber.wake()?;
                running.count(&events);
            }
        }
        for request in std::mem::take(&mut running.asks) {
            let bytes = SignalRequest { message: Some(request) }.encode_to_vec();
            writer.send(Message::Binary(bytes.into())).await?;
        }
    }
}

impl Running {
    fn hear(&mut self, response: SignalResponse) -> Result<(), Failure> {
        match response.message {
            Some(Response::Join(join)) => {
                self.me = join.participant.unwrap_or_default().sid;
                self.watch(&join.other_participants);
                self.publish();
            }
            Some(Response::Update(update)) => self.watch(&update.participants),
            Some(Response::Leave(leave)) => return Err(Failure::SentAway(leave.reason)),
            Some(Response::Offer(offer)) => {
                let sdp = SdpOffer::from_sdp_string(&offer.sdp)?;
                let answer = self.subscriber.rtc.sdp_api().accept_offer(sdp)?;
                self.asks.push(Request::Answer(description("answer", answer.to_sdp_string(), offer.id)));
                let events = self.subscriber.wake()?;
                self.count(&events);
            }
            Some(Response::Answer(answer)) => {
                if let Some(pending) = self.pending.take() {
                    let sdp = SdpAnswer::from_sdp_string(&answer.sdp)?;
                    self.publisher.rtc.sdp_api().accept_answer(pending, sdp)?;
                }
                self.publisher.wake()?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Shows the first camera large, and all others small.
    fn watch(&mut self, participants: &[ParticipantInfo]) {
        for participant in participants.iter().filter(|one| one.sid != self.me) {
            for track in participant.tracks.iter().filter(|track| track.r#type == TrackType::Video as i32) {
                if self.cameras.contains(&track.sid) {
                    continue;
                }
                self.cameras.push(track.sid.clone());
                let large = *self.large.get_or_insert_with(|| track.sid.clone()) == track.sid;
                let quality = if large { VideoQuality::High } else { VideoQuality::Low };
                self.asks.push(Request::TrackSetting(UpdateTrackSettings {
                    track_sids: vec![track.sid.clone()],
                    quality: quality as i32,
                    ..UpdateTrackSettings::default()
                }));
            }
        }
    }

    /// Announces what is sent, and offers it. Who sends nothing offers nothing.
    fn publish(&mut self) {
        let mut changes = self.publisher.rtc.sdp_api();
        let mut add = |kind, cid: &str, simulcast| {
            changes.add_media(kind, Direction::SendOnly, Some("mine".to_owned()), Some(cid.to_owned()), simulcast)
        };
        if self.sends.voice {
            self.streams.push(Stream::voice(add(MediaKind::Audio, "microphone", None)));
            self.asks.push(Request::AddTrack(announcement("microphone", TrackType::Audio, TrackSource::Microphone)));
        }
        if self.sends.camera {
            let send = SIZES.iter().map(|(name, _)| SimulcastLayer::new(name)).collect();
            let simulcast = Simulcast { send, recv: Vec::new() };
            self.streams.extend(Stream::camera(add(MediaKind::Video, "camera", Some(simulcast))));
            let layers = [VideoQuality::Low, VideoQuality::Medium, VideoQuality::High].into_iter().zip(1u32..);
            let layers = layers.map(|(quality, size)| VideoLayer {
                quality: quality as i32,
                width: 320 << (size - 1),
                height: 180 << (size - 1),
                ..VideoLayer::default()
            });
            let announced = announcement("camera", TrackType::Video, TrackSource::Camera);
            self.asks.push(Request::AddTrack(AddTrackRequest { layers: layers.collect(), ..announced }));
        }
        if let Some((offer, pending)) = changes.apply() {
            self.pending = Some(pending);
            self.asks.push(Request::Offer(description("offer", offer.to_sdp_string(), 1)));
        }
    }

    fn beat(&mut self) -> Result<(), Failure> {
        if self.streams.is_empty() {
            return Ok(());
        }
        let now = Instant::now();
        self.streams.iter_mut().for_each(|stream| stream.beat(&mut self.publisher.rtc, now));
        let events = self.publisher.wake()?;
        self.wanted(&events);
        Ok(())
    }

    /// Makes the key frames that somebody waits for.
    fn wanted(&mut self, events: &[Event]) {
        for event in events {
            let Event::KeyframeRequest(request) = event else { continue };
            let asked = |stream: &&mut Stream| stream.mid == request.mid && stream.rid == request.rid;
            self.streams.iter_mut().filter(asked).for_each(|stream| stream.key_frame = true);
        }
    }

    fn count(&mut self, events: &[Event]) {
        for event in events {
            if let Event::RtpPacket(packet) = event {
                self.received(packet);
            }
        }
    }

    fn received(&mut self, packet: &RtpPacket) {
        let now = Instant::now();
        let number = *packet.seq_no;
        let add = |counter: &std::sync::atomic::AtomicU64, more: u64| counter.fetch_add(more, Ordering::Relaxed);
        add(&self.received.packets, 1);
        add(&self.received.bytes, packet.payload.len() as u64);
        match self.last.insert(packet.header.ssrc, number) {
            Some(before) if number > before => drop(add(&self.received.lost, number - before - 1)),
            // One that was overtaken, and counted as missing.
            Some(before) => {
                self.received.lost.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |lost| lost.checked_sub(1)).ok();
                self.last.insert(packet.header.ssrc, before);
            }
            None => drop(add(&self.received.tracks, 1)),
        }
        let mut moments = self.received.moments.lock();
        moments.first_media.get_or_insert_with(|| now.duration_since(self.began));
        if let Some(moved) = moments.moved.take() {
            moments.recovered.push(now.duration_since(moved));
        }
    }
}

fn description(kind: &str, sdp: String, id: u32) -> SessionDescription {
    SessionDescription { r#type: kind.to_owned(), sdp, id, ..SessionDescription::default() }
}

fn announcement(cid: &str, kind: TrackType, source: TrackSource) -> AddTrackRequest {
    AddTrackRequest { cid: cid.to_owned(), r#type: kind as i32, source: source as i32, ..AddTrackRequest::default() }
}
