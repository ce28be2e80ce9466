//! A client made for tests: the protocol by WebSocket, media by `str0m` over UDP on the loopback address. It sends a
//! packet of each of its streams every 20 ms, and keeps what it gets.

use std::collections::{BTreeMap, HashMap};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures_util::{SinkExt as _, StreamExt as _};
use parking_lot::Mutex;
use prost::Message as _;
use str0m::Event;
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::channel::ChannelId;
use str0m::media::{Direction, MediaKind, Mid, Rid, Simulcast, SimulcastLayer};
use str0m::rtp::{ExtensionValues, RtpWrite};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

use crate::client::peer::Peer;
use crate::proto::models::{ParticipantInfo, ParticipantState, TrackSource, TrackType, VideoLayer, VideoQuality};
use crate::proto::signal::{
    AddTrackRequest, JoinResponse, LeaveRequest, ReconnectResponse, Request, Response, SessionDescription,
    SignalRequest, SignalResponse,
};
use crate::{Claims, Grants, Sfu};

/// What a client has seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) join: Option<JoinResponse>,
    pub(super) reconnect: Option<ReconnectResponse>,
    pub(super) leave: Option<LeaveRequest>,
    pub(super) closed: bool,
    pub(super) participants: BTreeMap<String, ParticipantInfo>,
    pub(super) messages: Vec<Response>,
    /// Packets of media by track: sequence number, timestamp, payload.
    pub(super) media: HashMap<String, Vec<(u64, u32, Vec<u8>)>>,
    pub(super) data: Vec<Vec<u8>>,
    /// Requests for a key frame, by stream.
    pub(super) key_frames: HashMap<Option<String>, usize>,
    pub(super) connected: usize,
    /// The client's name for ICE where it receives.
    pub(super) name: String,
}

/// What a client is told to do.
pub(super) enum Do {
    Ask(Request),
    PublishAudio,
    PublishVideo,
    Data(Vec<u8>),
    /// Sends bytes that are no message.
    Noise(Vec<u8>),
    CutSignal,
    /// The network gives the client another address where it receives.
    Move,
    /// Reads nothing and says nothing where it receives, or does again.
    Deaf(bool),
}

/// A client, running.
pub(super) struct Client {
    pub(super) seen: Arc<Mutex<Seen>>,
    pub(super) todo: mpsc::UnboundedSender<Do>,
}

/// A server with the routes, and its address.
pub(super) async fn server(options: crate::Options) -> (Sfu, SocketAddr) {
    let sfu = Sfu::start(options).await.unwrap();
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = crate::router(sfu.clone());
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    (sfu, address)
}

/// A token for a room in which everything is allowed.
pub(super) fn token(sfu: &Sfu, room: &str, identity: &str) -> String {
    token_with(sfu, identity, Grants::join(room))
}

pub(super) fn token_with(sfu: &Sfu, identity: &str, grants: Grants) -> String {
    sfu.options().key.mint(&Claims::new(identity, grants), SystemTime::now(), Duration::from_secs(60))
}

/// Whether a client has seen somebody leave.
pub(super) fn left(client: &Client, identity: &str) -> bool {
    let seen = client.seen.lock();
    let gone = ParticipantState::Disconnected as i32;
    seen.participants.values().any(|one| one.identity == identity && one.state == gone)
}

/// Waits for something that happens by itself.
pub(super) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(60), "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

impl Client {
    pub(super) async fn join(sfu: &Sfu, at: SocketAddr, room: &str, identity: &str) -> Self {
        let token = token(sfu, room, identity);
        let client = Self::connect(&format!("ws://{at}/rtc?access_token={token}&auto_subscribe=1")).await;
        until("to have joined", || client.seen.lock().join.is_some()).await;
        client
    }

    pub(super) async fn connect(url: &str) -> Self {
        let (socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        let (todo, tasks) = mpsc::unbounded_channel();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let running = Running {
            seen: seen.clone(),
            publisher: Peer::new().await.unwrap(),
            subscriber: Peer::new().await.unwrap(),
            pending: None,
            senders: Vec::new(),
            channel: None,
            tracks: HashMap::new(),
            offers: 0,
            answer_with: Vec::new(),
            deaf: false,
        };
        tokio::spawn(running.run(socket, tasks));
        Self { seen, todo }
    }

    pub(super) fn ask(&self, request: Request) {
        let _ = self.todo.send(Do::Ask(request));
    }

    /// The only track of somebody else, of that kind.
    pub(super) fn track_of(&self, identity: &str, kind: TrackType) -> Option<String> {
        let seen = self.seen.lock();
        let participant = seen.participants.values().find(|one| one.identity == identity)?;
        participant.tracks.iter().find(|track| track.r#type == kind as i32).map(|track| track.sid.clone())
    }

    pub(super) fn packets(&self, track: &str) -> usize {
        self.seen.lock().media.get(track).map_or(0, Vec::len)
    }
}

struct Sender {
    mid: Mid,
    rid: Option<Rid>,
    count: u64,
    key_frame: bool,
}

struct Running {
    seen: Arc<Mutex<Seen>>,
    publisher: Peer,
    subscriber: Peer,
    pending: Option<SdpPendingOffer>,
    senders: Vec<Sender>,
    channel: Option<ChannelId>,
    /// Track of each section by which something is received.
    tracks: HashMap<Mid, String>,
    offers: u32,
    answer_with: Vec<Request>,
    deaf: bool,
}

type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

impl Running {
    async fn run(mut self, socket: Socket, mut tasks: mpsc::UnboundedReceiver<Do>) {
        let (mut writer, mut reader) = socket.split();
        let mut signalling = true;
        let mut pace = tokio::time::interval(Duration::from_millis(20));
        let (mut one, mut other) = (vec![0; 2048], vec![0; 2048]);
        loop {
            let timer = if self.deaf { self.publisher.timer } else { self.publisher.timer.min(self.subscriber.timer) };
            tokio::select! {
                message = reader.next(), if signalling => match message {
                    Some(Ok(Message::Binary(bytes))) => self.hear(&bytes),
                    Some(Ok(_)) => {}
                    _ => {
                        signalling = false;
                        self.seen.lock().closed = true;
                    }
                },
                task = tasks.recv() => match task {
                    Some(Do::Ask(request)) => self.answer_with.push(request),
                    Some(Do::PublishAudio) => self.publish(MediaKind::Audio),
                    Some(Do::PublishVideo) => self.publish(MediaKind::Video),
                    Some(Do::Noise(bytes)) => { let _ = writer.send(Message::Binary(bytes.into())).await; }
                    Some(Do::Move) => {
                        self.subscriber.move_away().await.unwrap();
                    }
                    Some(Do::Deaf(deaf)) => self.deaf = deaf,
                    Some(Do::CutSignal) => {
                        let _ = writer.close().await;
                        signalling = false;
                    }
                    Some(Do::Data(data)) => {
                        if let Some(mut channel) = self.channel.and_then(|id| self.publisher.rtc.channel(id)) {
                            let _ = channel.write(true, &data);
                        }
                        let events = self.publisher.poll().unwrap();
                        self.happened(events, true);
                    }
                    None => return,
                },
                Ok((length, from)) = self.publisher.socket.recv_from(&mut one) => {
                    let events = self.publisher.receive(&one[..length], from).unwrap();
                    self.happened(events, true);
                }
                Ok((length, from)) = self.subscriber.socket.recv_from(&mut other), if !self.deaf => {
                    let events = self.subscriber.receive(&other[..length], from).unwrap();
                    self.happened(events, false);
                }
                _ = pace.tick() => self.send_media(),
                () = tokio::time::sleep_until(timer.into()) => {
                    let events = self.publisher.wake().unwrap();
                    self.happened(events, true);
                    if !self.deaf {
                        let events = self.subscriber.wake().unwrap();
                        self.happened(events, false);
                    }
                }
            }
            for request in std::mem::take(&mut self.answer_with) {
                let bytes = SignalRequest { message: Some(request) }.encode_to_vec();
                let _ = writer.send(Message::Binary(bytes.into())).await;
            }
        }
    }

    fn hear(&mut self, bytes: &[u8]) {
        let Some(response) = SignalResponse::decode(bytes).unwrap().message else { return };
        match response.clone() {
            Response::Join(join) => {
                for one in &join.other_participants {
                    self.seen.lock().participants.insert(one.sid.clone(), one.clone());
                }
                self.seen.lock().join = Some(join);
                self.offer(|changes| Some(changes.add_channel("_reliable".to_owned())));
            }
            Response::Reconnect(reconnect) => self.seen.lock().reconnect = Some(reconnect),
            Response::Leave(leave) => self.seen.lock().leave = Some(leave),
            Response::Update(update) => {
                for one in update.participants {
                    self.seen.lock().participants.insert(one.sid.clone(), one);
                }
            }
            Response::Offer(offer) => {
                for (mid, track) in offer.mid_to_track_id {
                    self.tracks.insert(Mid::from(mid.as_str()), track);
                }
                let sdp = SdpOffer::from_sdp_string(&offer.sdp).unwrap();
                let answer = self.subscriber.rtc.sdp_api().accept_offer(sdp).unwrap();
                self.seen.lock().name = self.subscriber.rtc.direct_api().local_ice_credentials().ufrag;
                self.answer_with.push(Request::Answer(SessionDescription {
                    r#type: "answer".to_owned(),
                    sdp: answer.to_sdp_string(),
                    id: offer.id,
                    ..SessionDescription::default()
                }));
                let events = self.subscriber.wake().unwrap();
                self.happened(events, false);
            }
            Response::Answer(answer) => {
                let sdp = SdpAnswer::from_sdp_string(&answer.sdp).unwrap();
                let pending = self.pending.take().unwrap();
                self.publisher.rtc.sdp_api().accept_answer(pending, sdp).unwrap();
                let events = self.publisher.wake().unwrap();
                self.happened(events, true);
            }
            _ => {}
        }
        self.seen.lock().messages.push(response);
    }

    fn offer(&mut self, change: impl FnOnce(&mut str0m::change::SdpApi<'_>) -> Option<ChannelId>) {
        let mut changes = self.publisher.rtc.sdp_api();
        let channel = change(&mut changes);
        self.channel = channel.or(self.channel);
        let (offer, pending) = changes.apply().unwrap();
        self.pending = Some(pending);
        self.offers += 1;
        self.answer_with.push(Request::Offer(SessionDescription {
            r#type: "offer".to_owned(),
            sdp: offer.to_sdp_string(),
            id: self.offers,
            ..SessionDescription::default()
        }));
    }

    fn publish(&mut self, kind: MediaKind) {
        let audio = kind == MediaKind::Audio;
        let cid = if audio { "microphone" } else { "camera" };
        let layer = |quality: VideoQuality, width, height| VideoLayer {
            quality: quality as i32,
            width,
            height,
            ..VideoLayer::default()
        };
        let layers = [
            layer(VideoQuality::Low, 320, 180),
            layer(VideoQuality::Medium, 640, 360),
            layer(VideoQuality::High, 1280, 720),
        ];
        self.answer_with.push(Request::AddTrack(AddTrackRequest {
            cid: cid.to_owned(),
            r#type: if audio { TrackType::Audio } else { TrackType::Video } as i32,
            source: if audio { TrackSource::Microphone } else { TrackSource::Camera } as i32,
            layers: if audio { Vec::new() } else { layers.to_vec() },
            ..AddTrackRequest::default()
        }));
        let rids: Vec<Option<&str>> = if audio { vec![None] } else { vec![Some("q"), Some("h"), Some("f")] };
        let simulcast = (!audio).then(|| Simulcast {
            send: rids.iter().flatten().map(|rid| SimulcastLayer::new(rid)).collect(),
            recv: Vec::new(),
        });
        let mut mid = None;
        self.offer(|changes| {
            let new =
                changes.add_media(kind, Direction::SendOnly, Some("mine".to_owned()), Some(cid.to_owned()), simulcast);
            mid = Some(new);
            None
        });
        for rid in rids {
            let rid = rid.map(Rid::from);
            self.senders.push(Sender { mid: mid.unwrap(), rid, count: 0, key_frame: true });
        }
    }

    fn send_media(&mut self) {
        let now = Instant::now();
        let Self { publisher, senders, .. } = self;
        for sender in senders {
            let Some(media) = publisher.rtc.media(sender.mid) else { continue };
            let kind = media.kind();
            let Some(pt) = media.remote_pts().first().copied() else { continue };
            let mut api = publisher.rtc.direct_api();
            let Some(stream) = api.stream_tx_by_mid(sender.mid, sender.rid) else { continue };
            sender.count += 1;
            let payload = match sender.rid {
                None => vec![1, 2, 3, (sender.count >> 8) as u8, sender.count as u8],
                // VP8, with numbers of its picture and base layer, and the name of the stream as its picture.
                Some(rid) => {
                    let picture = sender.count as u16 & 0x7fff;
                    let frame = u8::from(!std::mem::take(&mut sender.key_frame));
                    let head = [0x90, 0xe0, 0x80 | (picture >> 8) as u8, picture as u8, sender.count as u8, 0, frame];
                    [&head, rid.as_bytes()].concat()
                }
            };
            let values = ExtensionValues { audio_level: Some(-5), voice_activity: Some(true), ..Default::default() };
            let (step, start) = if kind == MediaKind::Audio { (960, 7) } else { (1800, 90) };
            let time = (sender.count as u32).wrapping_mul(step).wrapping_add(start);
            let write =
                RtpWrite::new(pt, (sender.count + 1000).into(), time, now, payload).marker(true).ext_vals(values);
            stream.write_rtp(write);
            let events = publisher.wake().unwrap();
            drop(events);
        }
    }

    fn happened(&mut self, events: Vec<Event>, publisher: bool) {
        for event in events {
            match event {
                Event::Connected => self.seen.lock().connected += 1,
                Event::RtpPacket(packet) => {
                    let mut api = self.subscriber.rtc.direct_api();
                    let Some(mid) = api.stream_rx(&packet.header.ssrc).map(|stream| stream.mid()) else { continue };
                    let Some(track) = self.tracks.get(&mid) else { continue };
                    let received = (*packet.seq_no, packet.header.timestamp, packet.payload.to_vec());
                    self.seen.lock().media.entry(track.clone()).or_default().push(received);
                }
                Event::KeyframeRequest(request) if publisher => {
                    let mut seen = self.seen.lock();
                    *seen.key_frames.entry(request.rid.map(|rid| rid.to_string())).or_default() += 1;
                    for sender in &mut self.senders {
                        sender.key_frame |= sender.mid == request.mid && sender.rid == request.rid;
                    }
                }
                Event::ChannelData(data) => self.seen.lock().data.push(data.data),
                _ => {}
            }
        }
    }
}
