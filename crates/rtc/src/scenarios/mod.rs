//! Whole conversations: a server with its sockets, and clients that talk to it over the network.

mod client;
mod hostile;
mod removal;

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use client::{Client, Do, left, server, token, token_with, until};

use crate::proto::models::{DisconnectReason, TrackType, VideoQuality};
use crate::proto::signal::{
    LeaveAction, MuteTrackRequest, Ping, Request, Response, UpdateParticipantMetadata, UpdateSubscription,
    UpdateTrackSettings,
};
use crate::{ApiKey, Grants, Options};

fn options() -> Options {
    let mut options = Options::new(ApiKey::new("im2", b"a secret of tests"));
    options.addresses = vec![Ipv4Addr::LOCALHOST.into()];
    options
}

#[tokio::test]
async fn two_people_hear_each_other() {
    let (sfu, at) = server(options()).await;
    let ana = Client::join(&sfu, at, "room", "ana").await;
    let ben = Client::join(&sfu, at, "room", "ben").await;
    let _ = ana.todo.send(Do::PublishAudio);
    until("ben to learn of the track", || ben.track_of("ana", TrackType::Audio).is_some()).await;
    let track = ben.track_of("ana", TrackType::Audio).unwrap();
    until("ben to hear ana", || ben.packets(&track) > 50).await;
    let packets = ben.seen.lock().media[&track].clone();
    for pair in packets.windows(2) {
        let ((before, earlier, _), (after, later, _)) = (&pair[0], &pair[1]);
        assert_eq!((after - before, later.wrapping_sub(*earlier)), (1, 960), "nothing is lost or changed");
    }
    assert_eq!(packets[0].2[..3], [1, 2, 3]);
    // And who speaks is told.
    let speaks = |messages: &[Response]| {
        messages.iter().any(|message| {
            matches!(message, Response::SpeakersChanged(changed) if changed.speakers.iter().any(|one| one.active))
        })
    };
    until("ana to be a speaker", || speaks(&ben.seen.lock().messages)).await;
    assert!(sfu.metrics().media_out.get() > 50);
}

/// The name of the stream that a packet of the tests' video is from.
fn stream(packet: &(u64, u32, Vec<u8>)) -> String {
    String::from_utf8_lossy(&packet.2[7..]).into_owned()
}

#[tokio::test]
async fn a_video_changes_its_size_without_a_break() {
    let (sfu, at) = server(options()).await;
    let ana = Client::join(&sfu, at, "room", "ana").await;
    let ben = Client::join(&sfu, at, "room", "ben").await;
    let _ = ana.todo.send(Do::PublishVideo);
    until("ben to learn of the track", || ben.track_of("ana", TrackType::Video).is_some()).await;
    let track = ben.track_of("ana", TrackType::Video).unwrap();
    let last = || ben.seen.lock().media.get(&track).and_then(|packets| packets.last().map(stream));
    until("the largest stream", || last().as_deref() == Some("f")).await;
    let want = |quality: VideoQuality, disabled| {
        ben.ask(Request::TrackSetting(UpdateTrackSettings {
            track_sids: vec![track.clone()],
            quality: quality as i32,
            disabled,
            ..UpdateTrackSettings::default()
        }));
    };
    want(VideoQuality::Low, false);
    until("the smallest stream", || last().as_deref() == Some("q")).await;
    want(VideoQuality::Medium, false);
    until("the stream in the middle", || last().as_deref() == Some("h")).await;
    {
        let seen = ben.seen.lock();
        let packets = &seen.media[&track];
        let pictures: Vec<_> =
            packets.iter().map(|(_, _, bytes)| u16::from_be_bytes([bytes[2] & 0x7f, bytes[3]])).collect();
        for (index, pair) in packets.windows(2).enumerate() {
            assert_eq!(pair[1].0 - pair[0].0, 1, "numbers go on");
            assert!(pair[1].1.wrapping_sub(pair[0].1) < 90_000, "time goes on");
            assert_eq!(pictures[index + 1].wrapping_sub(pictures[index]) & 0x7fff, 1, "pictures go on");
            if stream(&pair[0]) != stream(&pair[1]) {
                assert_eq!(pair[1].2[6], 0, "a stream begins with a key frame");
            }
        }
    }
    // The publisher is told what nobody wants, and a disabled track stops.
    want(VideoQuality::Low, true);
    let told = || {
        let seen = ana.seen.lock();
        seen.messages.iter().rev().find_map(|message| match message {
            Response::SubscribedQuality(update) => {
                Some(update.subscribed_qualities.iter().filter(|quality| quality.enabled).count())
            }
            _ => None,
        })
    };
    until("the publisher to be told that nobody watches", || told() == Some(0)).await;
    let stopped = ben.packets(&track);
    want(VideoQuality::High, false);
    until("more", || ben.packets(&track) > stopped).await;
    until("the publisher to be told that somebody watches", || told() == Some(3)).await;
}

#[tokio::test]
async fn people_choose_what_they_receive() {
    let (sfu, at) = server(options()).await;
    let ana = Client::join(&sfu, at, "room", "ana").await;
    let ben = Client::join(&sfu, at, "room", "ben").await;
    let _ = ana.todo.send(Do::PublishAudio);
    until("ben to learn of the track", || ben.track_of("ana", TrackType::Audio).is_some()).await;
    let track = ben.track_of("ana", TrackType::Audio).unwrap();
    let choose = |subscribe| {
        let track_sids = vec![track.clone()];
        ben.ask(Request::Subscription(UpdateSubscription { track_sids, subscribe, participant_tracks: Vec::new() }));
    };
    for _ in 0..3 {
        let before = ben.packets(&track);
        until("to hear", || ben.packets(&track) > before + 10).await;
        choose(false);
        // An answer to a later message shows that this one was carried out.
        let pongs = |messages: &[Response]| messages.iter().filter(|one| matches!(one, Response::PongResp(_))).count();
        let earlier = pongs(&ben.seen.lock().messages);
        ben.ask(Request::PingReq(Ping { timestamp: 1, rtt: 0 }));
        until("a pong", || pongs(&ben.seen.lock().messages) > earlier).await;
        let out = sfu.metrics().media_out.get();
        let came = sfu.metrics().media_in.get();
        until("more from ana", || sfu.metrics().media_in.get() > came + 10).await;
        assert!(sfu.metrics().media_out.get() <= out + 1, "nobody receives it");
        choose(true);
    }
}

#[tokio::test]
async fn media_follow_a_client_to_another_address() {
    let (sfu, at) = server(options()).await;
    let ana = Client::join(&sfu, at, "room", "ana").await;
    let ben = Client::join(&sfu, at, "room", "ben").await;
    let _ = ana.todo.send(Do::PublishAudio);
    until("ben to learn of the track", || ben.track_of("ana", TrackType::Audio).is_some()).await;
    let track = ben.track_of("ana", TrackType::Audio).unwrap();
    for _ in 0..3 {
        let before = ben.packets(&track);
        until("ben to hear ana", || ben.packets(&track) > before + 10).await;
        let _ = ben.todo.send(Do::Move);
        let (moved, before) = (Instant::now(), ben.packets(&track));
        until("ben to hear ana again", || ben.packets(&track) > before + 30).await;
        assert!(moved.elapsed() < Duration::from_secs(8), "{:?}", moved.elapsed());
    }
}

#[tokio::test]
async fn a_silent_address_is_sent_nothing() {
    let (sfu, at) = server(options()).await;
    let ana = Client::join(&sfu, at, "room", "ana").await;
    let ben = Client::join(&sfu, at, "room", "ben").await;
    let _ = ana.todo.send(Do::PublishAudio);
    until("ben to learn of the track", || ben.track_of("ana", TrackType::Audio).is_some()).await;
    let track = ben.track_of("ana", TrackType::Audio).unwrap();
    until("ben to hear ana", || ben.packets(&track) > 10).await;
    let _ = ben.todo.send(Do::Deaf(true));
    let (mut came, mut went) = (0, 0);
    until("nothing to be sent any more", || {
        let (now_came, now_went) = (sfu.metrics().media_in.get(), sfu.metrics().media_out.get());
        if now_came < came + 50 {
            return false;
        }
        let quiet = now_went == went;
        (came, went) = (now_came, now_went);
        quiet
    })
    .await;
    let _ = ben.todo.send(Do::Deaf(false));
    let before = ben.packets(&track);
    until("ben to hear ana again", || ben.packets(&track) > before + 10).await;
}

#[tokio::test]
async fn names_after_a_restart_are_made_for_secrets() {
    let (sfu, at) = server(options()).await;
    let ben = Client::join(&sfu, at, "room", "ben").await;
    until("two connections", || ben.seen.lock().connected == 2).await;
    let sid = ben.seen.lock().join.as_ref().unwrap().participant.as_ref().unwrap().sid.clone();
    let _ = ben.todo.send(Do::CutSignal);
    let url = format!("ws://{at}/rtc?access_token={}&reconnect=1&sid={sid}", token(&sfu, "room", "ben"));
    let back = Client::connect(&url).await;
    let offer = || {
        let seen = back.seen.lock();
        seen.messages.iter().find_map(|one| match one {
            Response::Offer(offer) => Some(offer.sdp.clone()),
            _ => None,
        })
    };
    until("an offer with a restart", || offer().is_some()).await;
    let credentials = crate::sdp::credentials(&offer().unwrap()).unwrap();
    // Those of `str0m` have 16 and 22 characters.
    assert_eq!((credentials.name.len(), credentials.password.len()), (16, 24));
    until("the new name to be known", || sfu.connection_names().contains(&credentials.name)).await;
}

#[tokio::test]
async fn data_reaches_the_others_with_its_sender() {
    let (sfu, at) = server(options()).await;
    let ana = Client::join(&sfu, at, "room", "ana").await;
    let ben = Client::join(&sfu, at, "room", "ben").await;
    let carla = Client::join(&sfu, at, "room", "carla").await;
    for one in [&ana, &ben, &carla] {
        until("two connections", || one.seen.lock().connected == 2).await;
    }
    // A user packet with "hi", without and with a receiver.
    let hello = [0x12, 4, 0x12, 2, b'h', b'i'].to_vec();
    let to_carla = [&hello[..], &[0x2a, 5], b"carla"].concat();
    let has = |client: &Client, part: &[u8]| {
        client.seen.lock().data.iter().any(|data| data.windows(part.len()).any(|window| window == part))
    };
    until("ben to get data", || {
        let _ = ana.todo.send(Do::Data(hello.clone()));
        has(&ben, b"ana")
    })
    .await;
    let _ = ana.todo.send(Do::Data(to_carla));
    until("carla to get data", || has(&carla, b"carla")).await;
    let _ = ana.todo.send(Do::Data([0x12, 5, 0x12, 3, b'e', b'n', b'd'].to_vec()));
    until("ben to get the last", || has(&ben, b"end")).await;
    assert!(!has(&ben, b"carla"), "what is for carla is not for ben");
    assert!(!has(&ana, b"hi"), "nobody gets what they sent");
}

/// A user packet with a number.
fn numbered(number: u16, length: usize) -> Vec<u8> {
    let payload = format!("#{number:04}{}", "x".repeat(length - 5)).into_bytes();
    let head = |field: u8, length: usize| [field << 3 | 2, (length & 0x7f) as u8 | 0x80, (length >> 7) as u8];
    [&head(2, length + 3)[..], &head(2, length), &payload].concat()
}

/// The numbers of the packets that a client has, in the order in which they came.
fn numbers(client: &Client) -> Vec<u16> {
    let seen = client.seen.lock();
    let after_mark = |data: &[u8]| {
        let at = data.iter().position(|byte| *byte == b'#')?;
        std::str::from_utf8(data.get(at + 1..at + 5)?).ok()?.parse().ok()
    };
    seen.data.iter().filter_map(|data| after_mark(data)).filter(|number| *number < 9999).collect()
}

#[tokio::test]
async fn reliable_data_wait_for_a_slow_receiver_or_end_its_session() {
    let mut options = options();
    options.limits.data_buffer = 100_000;
    let (sfu, at) = server(options).await;
    let ana = Client::join(&sfu, at, "room", "ana").await;
    let ben = Client::join(&sfu, at, "room", "ben").await;
    let carla = Client::join(&sfu, at, "room", "carla").await;
    for one in [&ana, &ben, &carla] {
        until("two connections", || one.seen.lock().connected == 2).await;
    }
    until("data to arrive", || {
        let _ = ana.todo.send(Do::Data(numbered(9999, 100)));
        [&ben, &carla].iter().all(|one| !one.seen.lock().data.is_empty())
    })
    .await;
    // What came before a channel was open was for nobody.
    let dropped = sfu.metrics().data_dropped.get();
    // As much as can wait.
    let _ = ben.todo.send(Do::Deaf(true));
    (0..150).for_each(|number| drop(ana.todo.send(Do::Data(numbered(number, 1000)))));
    until("carla to have all", || numbers(&carla).len() == 150).await;
    let _ = ben.todo.send(Do::Deaf(false));
    until("ben to have all", || numbers(&ben).len() == 150).await;
    assert_eq!(numbers(&ben), (0..150).collect::<Vec<_>>());
    assert_eq!((sfu.metrics().data_dropped.get(), sfu.metrics().cut_off.get()), (dropped, 0));
    // More than that: ben has to come back, and nobody else notices.
    let _ = ben.todo.send(Do::Deaf(true));
    for from in (150..450).step_by(50) {
        (from..from + 50).for_each(|number| drop(ana.todo.send(Do::Data(numbered(number, 1000)))));
        until("carla to have all", || numbers(&carla).len() == usize::from(from) + 50).await;
    }
    until("ben to be told to come back", || ben.seen.lock().leave.is_some()).await;
    assert_eq!(ben.seen.lock().leave.as_ref().unwrap().action, LeaveAction::Reconnect as i32);
    assert!(carla.seen.lock().leave.is_none() && ana.seen.lock().leave.is_none());
}

#[tokio::test]
async fn a_session_goes_on_after_its_signalling_was_cut() {
    let (sfu, at) = server(options()).await;
    let ana = Client::join(&sfu, at, "room", "ana").await;
    let ben = Client::join(&sfu, at, "room", "ben").await;
    let _ = ana.todo.send(Do::PublishAudio);
    until("ben to learn of the track", || ben.track_of("ana", TrackType::Audio).is_some()).await;
    let track = ben.track_of("ana", TrackType::Audio).unwrap();
    until("ben to hear ana", || ben.packets(&track) > 10).await;
    let sid = ben.seen.lock().join.as_ref().unwrap().participant.as_ref().unwrap().sid.clone();
    let _ = ben.todo.send(Do::CutSignal);
    let before = ben.packets(&track);
    until("media to go on", || ben.packets(&track) > before + 20).await;
    let url = |sid: &str, identity: &str| {
        format!("ws://{at}/rtc?access_token={}&reconnect=1&sid={sid}", token(&sfu, "room", identity))
    };
    let back = Client::connect(&url(&sid, "ben")).await;
    until("to be back", || back.seen.lock().reconnect.is_some()).await;
    until("to be told of the others", || back.track_of("ana", TrackType::Audio).is_some()).await;
    assert_eq!(sfu.metrics().resumes.get(), 1);
    // Somebody else's session, and one that there is not, are not gone on with.
    for (sid, identity) in [(sid.as_str(), "carla"), ("PA_unknown", "ben")] {
        let stranger = Client::connect(&url(sid, identity)).await;
        until("to be sent away", || stranger.seen.lock().leave.is_some()).await;
        let leave = stranger.seen.lock().leave.clone().unwrap();
        assert_eq!(leave.action, LeaveAction::Reconnect as i32);
        assert_eq!(leave.reason, DisconnectReason::StateMismatch as i32);
    }
}

#[tokio::test]
async fn people_leave_and_are_removed() {
    let mut options = options();
    options.limits.resume = Duration::from_millis(300);
    let (sfu, at) = server(options).await;
    let ana = Client::join(&sfu, at, "room", "ana").await;
    let ben = Client::join(&sfu, at, "room", "ben").await;
    let carla = Client::join(&sfu, at, "room", "carla").await;
    let dora = Client::join(&sfu, at, "room", "dora").await;
    ben.ask(Request::Leave(crate::proto::signal::LeaveRequest::default()));
    until("ben to have left", || left(&ana, "ben")).await;
    sfu.remove_participant("room", "carla").await;
    until("carla to have been removed", || left(&ana, "carla")).await;
    until("carla to know", || carla.seen.lock().leave.is_some() && carla.seen.lock().closed).await;
    assert_eq!(carla.seen.lock().leave.as_ref().unwrap().reason, DisconnectReason::ParticipantRemoved as i32);
    let _ = dora.todo.send(Do::CutSignal);
    until("dora to be given up", || left(&ana, "dora")).await;
    let again = Client::join(&sfu, at, "room", "ana").await;
    until("the first ana to go", || ana.seen.lock().leave.is_some()).await;
    assert_eq!(ana.seen.lock().leave.as_ref().unwrap().reason, DisconnectReason::DuplicateIdentity as i32);
    assert_eq!(sfu.participants("room").await.len(), 1);
    sfu.delete_room("room").await;
    until("everybody to go", || again.seen.lock().leave.is_some()).await;
    until("the room to be gone", || sfu.rooms().is_empty() && sfu.metrics().participants.get() == 0).await;
}

#[tokio::test]
async fn the_server_mutes_and_takes_tracks_away() {
    let (sfu, at) = server(options()).await;
    let ana = Client::join(&sfu, at, "room", "ana").await;
    let ben = Client::join(&sfu, at, "room", "ben").await;
    let _ = ana.todo.send(Do::PublishAudio);
    until("ben to learn of the track", || ben.track_of("ana", TrackType::Audio).is_some()).await;
    let track = ben.track_of("ana", TrackType::Audio).unwrap();
    let muted = || {
        let seen = ben.seen.lock();
        seen.participants.values().flat_map(|one| one.tracks.clone()).any(|one| one.sid == track && one.muted)
    };
    sfu.mute_track("room", "ana", &track, true).await;
    until("the track to be muted", muted).await;
    until("ana to know", || ana.seen.lock().messages.iter().any(|one| matches!(one, Response::Mute(_)))).await;
    ana.ask(Request::Mute(MuteTrackRequest { sid: track.clone(), muted: false }));
    until("the track to be heard", || !muted()).await;
    // Who may not publish any more loses what is published.
    let grants = Grants { can_publish: Some(false), ..Grants::default() };
    sfu.update_permissions("room", "ana", grants).await;
    until("the track to be gone", || ben.track_of("ana", TrackType::Audio).is_none()).await;
    let unpublished = |one: &Response| matches!(one, Response::TrackUnpublished(of) if of.track_sid == track);
    until("ana to know", || ana.seen.lock().messages.iter().any(unpublished)).await;
}

#[tokio::test]
async fn people_say_of_themselves_what_they_may() {
    let (sfu, at) = server(options()).await;
    let grants = Grants { can_update_own_metadata: Some(true), ..Grants::join("room") };
    let url = format!("ws://{at}/rtc?access_token={}", token_with(&sfu, "ana", grants));
    let ana = Client::connect(&url).await;
    let ben = Client::join(&sfu, at, "room", "ben").await;
    let say = |client: &Client, name: &str| {
        client.ask(Request::UpdateMetadata(UpdateParticipantMetadata {
            name: name.to_owned(),
            request_id: 5,
            ..UpdateParticipantMetadata::default()
        }));
    };
    let reason = |client: &Client| {
        client.seen.lock().messages.iter().find_map(|one| match one {
            Response::RequestResponse(response) => Some(response.reason),
            _ => None,
        })
    };
    say(&ana, "Ana");
    until("ben to see the name", || ben.seen.lock().participants.values().any(|one| one.name == "Ana")).await;
    until("ana to be told", || reason(&ana) == Some(0)).await;
    say(&ben, "Ben");
    until("ben to be refused", || reason(&ben) == Some(2)).await;
    say(&ana, &"a".repeat(sfu.options().limits.metadata + 1));
    until("too long a name to be refused", || {
        let seen = ana.seen.lock();
        seen.messages.iter().any(|one| matches!(one, Response::RequestResponse(response) if response.reason == 3))
    })
    .await;
}
