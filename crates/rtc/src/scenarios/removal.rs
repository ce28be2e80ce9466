//! Removing participants, at whatever time, and for good.

use std::time::{Duration, SystemTime};

use tokio_tungstenite::tungstenite::Error;

use super::client::{Client, Do, left, server, token, token_with, until};
use super::options;
use crate::proto::models::DisconnectReason;
use crate::proto::signal::{Request, Response, UpdateParticipantMetadata};
use crate::{Claims, Grants, Member, RoomEvent, Sfu, Who};

/// The status with which a token is refused; none if it lets in.
async fn refused(at: std::net::SocketAddr, token: &str, more: &str) -> Option<u16> {
    match tokio_tungstenite::connect_async(format!("ws://{at}/rtc?access_token={token}{more}")).await {
        Err(Error::Http(answer)) => Some(answer.status().as_u16()),
        Err(error) => panic!("{error}"),
        Ok(_) => None,
    }
}

/// A token of a user's device.
fn token_of(sfu: &Sfu, room: &str, user: &str, device: &str) -> String {
    let mut claims = Claims::new(&format!("{user}{device}"), Grants::join(room));
    claims.holder = vec![user.to_owned(), device.to_owned()];
    sfu.options().key.mint(&claims, SystemTime::now(), Duration::from_secs(60))
}

fn holder(names: &[&str]) -> Who {
    Who::Holder(names.iter().map(|&name| name.to_owned()).collect())
}

#[tokio::test]
async fn who_was_removed_does_not_come_back_with_an_old_token() {
    let (sfu, at) = server(options()).await;
    let ana = Client::join(&sfu, at, "room", "ana").await;
    for _ in 0..3 {
        let old = token(&sfu, "room", "ben");
        let ben = Client::connect(&format!("ws://{at}/rtc?access_token={old}")).await;
        until("ben to have joined", || ben.seen.lock().join.is_some()).await;
        let sid = ben.seen.lock().join.as_ref().unwrap().participant.as_ref().unwrap().sid.clone();
        sfu.remove_participant("room", "ben").await;
        until("ben to know", || ben.seen.lock().leave.is_some() && ben.seen.lock().closed).await;
        assert_eq!(ben.seen.lock().leave.as_ref().unwrap().reason, DisconnectReason::ParticipantRemoved as i32);
        until("ana to see it", || left(&ana, "ben")).await;
        assert_eq!(refused(at, &old, "").await, Some(401));
        assert_eq!(refused(at, &old, &format!("&reconnect=1&sid={sid}")).await, Some(401));
        assert_eq!(sfu.participants("room").await.len(), 1);
        // A token for another room, and one of somebody else, are as good as before.
        assert_eq!(refused(at, &token(&sfu, "room", "carla"), "").await, None);
        sfu.remove_participant("room", "carla").await;
    }
}

#[tokio::test]
async fn who_is_about_to_join_is_kept_out() {
    let (sfu, at) = server(options()).await;
    let _ana = Client::join(&sfu, at, "room", "ana").await;
    for _ in 0..20 {
        let old = token(&sfu, "room", "ben");
        let joining = tokio::spawn(async move { refused(at, &old, "").await });
        tokio::task::yield_now().await;
        sfu.remove_participant("room", "ben").await;
        let _ = joining.await.unwrap();
        until("only ana to be there", || sfu.metrics().participants.get() == 1).await;
    }
    // Also into a room that there is not.
    let old = token(&sfu, "other", "ben");
    sfu.remove_participant("other", "ben").await;
    assert_eq!(refused(at, &old, "").await, Some(401));
}

#[tokio::test]
async fn a_user_or_a_device_is_removed_everywhere() {
    let (sfu, at) = server(options()).await;
    let join = async |room: &str, user: &str, device: &str| {
        let url = format!("ws://{at}/rtc?access_token={}", token_of(&sfu, room, user, device));
        let client = Client::connect(&url).await;
        until("to have joined", || client.seen.lock().join.is_some()).await;
        client
    };
    let phone = [join("one", "@ana:x", "phone").await, join("two", "@ana:x", "phone").await];
    let desk = [join("one", "@ana:x", "desk").await, join("two", "@ana:x", "desk").await];
    let ben = join("one", "@ben:x", "phone").await;
    let gone = |client: &Client| client.seen.lock().leave.is_some();
    let old = token_of(&sfu, "two", "@ana:x", "phone");

    sfu.remove(None, holder(&["@ana:x", "phone"])).await;
    until("the phone to be gone", || phone.iter().all(gone)).await;
    assert_eq!(refused(at, &old, "").await, Some(401));
    assert!(!desk.iter().any(gone) && !gone(&ben));

    sfu.remove(Some("one"), holder(&["@ana:x"])).await;
    until("ana to have left the one room", || gone(&desk[0])).await;
    assert!(!gone(&desk[1]) && !gone(&ben));
    sfu.remove(None, holder(&["@ana:x"])).await;
    until("ana to be gone", || gone(&desk[1])).await;
    assert_eq!((gone(&ben), sfu.metrics().removed.get()), (false, 4));
}

#[tokio::test]
async fn comings_and_goings_are_told() {
    let mut options = options();
    options.limits.resume = Duration::from_millis(100);
    let (sfu, at) = server(options).await;
    let mut events = sfu.events();
    let url = format!("ws://{at}/rtc?access_token={}", token_of(&sfu, "room", "@ana:x", "phone"));
    let ana = Client::connect(&url).await;
    let (room, RoomEvent::Joined(member)) = events.recv().await.unwrap() else { panic!("she joins") };
    assert_eq!((room.as_str(), member.identity.as_str()), ("room", "@ana:xphone"));
    assert_eq!(member.holder, ["@ana:x", "phone"]);
    assert_eq!(sfu.participants("room").await[0].holder, member.holder);
    let left = async |events: &mut tokio::sync::broadcast::Receiver<(String, RoomEvent)>| loop {
        let event = tokio::time::timeout(Duration::from_secs(60), events.recv()).await;
        if let (_, RoomEvent::Left(Member { sid, .. }, reason)) = event.expect("somebody has left").unwrap() {
            return (sid, reason);
        }
    };
    let _ = ana.todo.send(Do::CutSignal);
    assert_eq!(left(&mut events).await, (member.sid, DisconnectReason::SignalClose));
    let _ben = Client::join(&sfu, at, "room", "ben").await;
    sfu.remove_participant("room", "ben").await;
    assert_eq!(left(&mut events).await.1, DisconnectReason::ParticipantRemoved);
    let _carla = Client::join(&sfu, at, "room", "carla").await;
    sfu.delete_room("room").await;
    assert_eq!(left(&mut events).await.1, DisconnectReason::RoomDeleted);
}

#[tokio::test]
async fn a_long_call_outlives_the_token_it_began_with() {
    let mut options = options();
    options.limits.token_refresh = Duration::from_millis(100);
    let (sfu, at) = server(options).await;
    let grants = Grants { can_update_own_metadata: Some(true), ..Grants::join("room") };
    let ana = Client::connect(&format!("ws://{at}/rtc?access_token={}", token_with(&sfu, "ana", grants.clone()))).await;
    let fresh = || {
        let seen = ana.seen.lock();
        let mut tokens = seen.messages.iter().filter_map(|one| match one {
            Response::RefreshToken(token) => Some(token.clone()),
            _ => None,
        });
        tokens.next_back()
    };
    until("another token", || fresh().is_some()).await;
    let token = fresh().unwrap();
    let key = &sfu.options().key;
    let later = SystemTime::now() + Duration::from_secs(300);
    let claims = key.verify(&token, later).unwrap();
    assert_eq!((claims.identity.as_str(), claims.video), ("ana", grants));
    // It fits into a URL, whatever she says of herself.
    ana.ask(Request::UpdateMetadata(UpdateParticipantMetadata {
        metadata: "a".repeat(50_000),
        ..UpdateParticipantMetadata::default()
    }));
    until("ana to say much of herself", || {
        ana.seen.lock().participants.values().any(|one| one.metadata.len() == 50_000)
    })
    .await;
    let before = fresh();
    until("a token from after that", || fresh() != before).await;
    let token = fresh().unwrap();
    assert!(token.len() < 5_000, "{}", token.len());
    let sid = ana.seen.lock().join.as_ref().unwrap().participant.as_ref().unwrap().sid.clone();
    assert_eq!(refused(at, &token, &format!("&reconnect=1&sid={sid}")).await, None);
    sfu.remove_participant("room", "ana").await;
    assert_eq!(refused(at, &token, "").await, Some(401));
}
