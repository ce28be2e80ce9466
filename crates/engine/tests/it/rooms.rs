//! Rooms: making them, sending, membership, redaction, what survives a restart.

use im2_chat::rooms::{Act, Actor, CreateRoom, Draft, Preset, Reader};
use im2_core::Code;
use im2_kernel::version::RoomVersion;
use im2_store::rooms::{Direction, TransactionKey};
use serde_json::{Map, Value, json};

use crate::{
    Fixture,
    builders::{object, text},
};

async fn bodies(fixture: &Fixture, reader: &Reader) -> Vec<String> {
    let page =
        fixture.engine.chat.rooms.page(reader, i64::MAX, None, Direction::Backward, 1000, |_| true).await.unwrap();
    assert_eq!(page.next.unwrap_or(1), 1);
    let body = |content: Map<String, Value>| content.get("body").and_then(Value::as_str).map(str::to_owned);
    page.events.iter().rev().filter_map(|event| body(event.signed().content_map())).collect()
}

#[tokio::test]
async fn a_room_of_every_version_takes_messages_and_survives_a_restart() {
    let mut fixture = Fixture::new().await;
    for version in RoomVersion::OFFERED {
        let ana = fixture.user("ana").await;
        let room =
            fixture.engine.chat.rooms.create(&ana, CreateRoom { version, ..CreateRoom::default() }).await.unwrap();
        let sent: Vec<String> = (0..200).map(|n| format!("message {n}")).collect();
        for body in &sent {
            fixture.engine.chat.rooms.append(&room, &ana, text(body), None).await.unwrap();
        }
        let reader = fixture.engine.chat.rooms.reader(&ana, &room.id).await.unwrap();
        assert_eq!(bodies(&fixture, &reader).await, sent);
        let id = room.id.clone();
        drop((room, reader));
        fixture = fixture.reopen().await;
        let reader = fixture.engine.chat.rooms.reader(&ana, &id).await.unwrap();
        assert_eq!(bodies(&fixture, &reader).await, sent);
        fixture.engine.chat.rooms.append(&reader.room, &ana, text("after"), None).await.unwrap();
    }
}

#[tokio::test]
async fn many_senders_at_once_lose_and_repeat_nothing() {
    let fixture = Fixture::new().await;
    let ana = fixture.user("ana").await;
    let room = fixture.engine.chat.rooms.create(&ana, CreateRoom::default()).await.unwrap();
    let sends = (0..64).map(|n| {
        let (rooms, room, ana) = (fixture.engine.chat.rooms.clone(), room.clone(), ana.clone());
        tokio::spawn(async move { rooms.append(&room, &ana, text(&format!("{n}")), None).await.unwrap() })
    });
    let sends: Vec<_> = sends.collect();
    for send in sends {
        send.await.unwrap();
    }
    let reader = fixture.engine.chat.rooms.reader(&ana, &room.id).await.unwrap();
    let mut seen: Vec<u32> = bodies(&fixture, &reader).await.iter().map(|body| body.parse().unwrap()).collect();
    seen.sort_unstable();
    assert_eq!(seen, (0..64).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_transaction_makes_one_event_even_after_a_restart() {
    let fixture = Fixture::new().await;
    let ana = fixture.user("ana").await;
    let room = fixture.engine.chat.rooms.create(&ana, CreateRoom::default()).await.unwrap();
    let key = TransactionKey { user: ana.user, device_id: "D".parse().unwrap(), txn_id: "t1".into() };
    let rooms = &fixture.engine.chat.rooms;
    let first = rooms.append(&room, &ana, text("once"), Some(key.clone())).await.unwrap();
    assert_eq!(rooms.append(&room, &ana, text("once"), Some(key.clone())).await.unwrap(), first);
    let id = room.id.clone();
    drop(room);
    let fixture = fixture.reopen().await;
    for n in 0..3 {
        let room = fixture.engine.chat.rooms.joined(&ana, &id).await.unwrap();
        fixture.engine.chat.rooms.append(&room, &ana, text(&format!("{n}")), None).await.unwrap();
        assert_eq!(
            fixture.engine.chat.rooms.append(&room, &ana, text("once"), Some(key.clone())).await.unwrap(),
            first
        );
    }
    let reader = fixture.engine.chat.rooms.reader(&ana, &id).await.unwrap();
    assert_eq!(bodies(&fixture, &reader).await, ["once", "0", "1", "2"]);
}

#[tokio::test]
async fn repeats_of_one_do_not_hold_up_others() {
    let fixture = Fixture::new().await;
    let (ana, ben) = (fixture.user("ana").await, fixture.user("ben").await);
    let request = CreateRoom { preset: Some(Preset::PublicChat), ..CreateRoom::default() };
    let room = fixture.engine.chat.rooms.create(&ana, request).await.unwrap();
    fixture.engine.chat.rooms.join(&ben, &room.id, None).await.unwrap();
    let key =
        |n: usize| TransactionKey { user: ben.user, device_id: "D".parse().unwrap(), txn_id: n.to_string().into() };
    let mut first = Vec::new();
    for n in 0..8 {
        first.push(fixture.engine.chat.rooms.append(&room, &ben, text("once"), Some(key(n))).await.unwrap());
    }
    // The transactions are then no longer among those that are in memory.
    for n in 0..200 {
        fixture.engine.chat.rooms.append(&room, &ana, text(&n.to_string()), None).await.unwrap();
    }
    let id = room.id.clone();
    drop(room);
    let fixture = fixture.reopen().await;
    let rooms = &fixture.engine.chat.rooms;
    let room = rooms.joined(&ana, &id).await.unwrap();
    let again = |actor: &Actor, body: String, transaction: Option<TransactionKey>| {
        let (rooms, room, actor) = (rooms.clone(), room.clone(), actor.clone());
        tokio::spawn(async move { rooms.append(&room, &actor, text(&body), transaction).await.unwrap() })
    };
    for round in 0..16 {
        let repeats: Vec<_> = (0..8).map(|n| again(&ben, "once".into(), Some(key(n)))).collect();
        let sends: Vec<_> = (0..8).map(|n| again(&ana, format!("{round} {n}"), None)).collect();
        for (n, repeat) in repeats.into_iter().enumerate() {
            assert_eq!(repeat.await.unwrap(), first[n]);
        }
        for send in sends {
            send.await.unwrap();
        }
    }
    let reader = rooms.reader(&ana, &id).await.unwrap();
    assert_eq!(bodies(&fixture, &reader).await.len(), 8 + 200 + 16 * 8);
    let before = fixture.engine.core.store.load().changes;
    assert_eq!(rooms.append(&room, &ben, text("once"), Some(key(0))).await.unwrap(), first[0]);
    assert_eq!(fixture.engine.core.store.load().changes, before, "a further repeat is not queued at all");
}

#[tokio::test]
async fn membership_decides_who_reads_and_sends() {
    let fixture = Fixture::new().await;
    let (ana, ben, eve) = (fixture.user("ana").await, fixture.user("ben").await, fixture.user("eve").await);
    let rooms = &fixture.engine.chat.rooms;
    let request = CreateRoom { invite: vec![ben.user_id.clone()], ..CreateRoom::default() };
    let room = rooms.create(&ana, request).await.unwrap();
    assert_eq!(rooms.join(&eve, &room.id, None).await.unwrap_err().code(), Some(Code::Forbidden));
    assert_eq!(rooms.reader(&eve, &room.id).await.unwrap_err().code(), Some(Code::Forbidden));
    assert_eq!(rooms.reader(&ben, &room.id).await.unwrap_err().code(), Some(Code::Forbidden));
    rooms.append(&room, &ana, text("before"), None).await.unwrap();
    rooms.join(&ben, &room.id, None).await.unwrap();
    rooms.append(&room, &ben, text("hello"), None).await.unwrap();
    rooms.act(&ana, &room.id, Act::Kick, &ben.user_id, Some("why not")).await.unwrap();
    rooms.append(&room, &ana, text("behind his back"), None).await.unwrap();
    assert_eq!(rooms.joined(&ben, &room.id).await.unwrap_err().code(), Some(Code::Forbidden));
    let reader = rooms.reader(&ben, &room.id).await.unwrap();
    assert_eq!(bodies(&fixture, &reader).await, ["before", "hello"]);
    rooms.forget(&ben, &room.id).await.unwrap();
    assert_eq!(rooms.reader(&ben, &room.id).await.unwrap_err().code(), Some(Code::Forbidden));
}

#[tokio::test]
async fn a_redaction_takes_the_content_everywhere() {
    let fixture = Fixture::new().await;
    let (ana, ben) = (fixture.user("ana").await, fixture.user("ben").await);
    let rooms = &fixture.engine.chat.rooms;
    let request = CreateRoom { preset: Some(Preset::PublicChat), ..CreateRoom::default() };
    let room = rooms.create(&ana, request).await.unwrap();
    rooms.join(&ben, &room.id, None).await.unwrap();
    let said = rooms.append(&room, &ana, text("secret"), None).await.unwrap();
    let redact = Draft { redacts: Some(said.clone()), ..Draft::message("m.room.redaction", Map::new()) };
    let refused = rooms.append(&room, &ben, redact.clone(), None).await.unwrap_err();
    assert_eq!(refused.code(), Some(Code::Forbidden));
    rooms.append(&room, &ana, redact, None).await.unwrap();
    let id = room.id.clone();
    drop(room);
    for fixture in [fixture] {
        let room = fixture.engine.chat.rooms.joined(&ana, &id).await.unwrap();
        let event = fixture.engine.chat.rooms.event(&room, &said).await.unwrap().unwrap();
        assert!(event.is_redacted() && event.signed().content_map().is_empty());
        drop((room, event));
        let fixture = fixture.reopen().await;
        let room = fixture.engine.chat.rooms.joined(&ana, &id).await.unwrap();
        let event = fixture.engine.chat.rooms.event(&room, &said).await.unwrap().unwrap();
        assert!(event.is_redacted() && event.signed().content_map().is_empty());
        assert!(!event.signed().json().contains("secret"));
    }
}

#[tokio::test]
async fn of_two_reactions_at_the_same_moment_one_is_refused() {
    let fixture = Fixture::new().await;
    let ana = fixture.user("ana").await;
    let room = fixture.engine.chat.rooms.create(&ana, CreateRoom::default()).await.unwrap();
    for number in 0..20 {
        let said = fixture.engine.chat.rooms.append(&room, &ana, text("hello"), None).await.unwrap();
        let relates_to = json!({ "rel_type": "m.annotation", "event_id": said, "key": "👍" });
        let reaction = Draft::message("m.reaction", object(json!({ "m.relates_to": relates_to })));
        let key = |device: &str| TransactionKey {
            user: ana.user,
            device_id: im2_model::DeviceId::parse(device).unwrap(),
            txn_id: format!("{number}").into(),
        };
        let send = |device| fixture.engine.chat.rooms.send(&ana, &room.id, reaction.clone(), Some(key(device)));
        let (one, other) = tokio::join!(send("ONE"), send("OTHER"));
        let refusal = match (&one, &other) {
            (Ok(_), Err(refusal)) | (Err(refusal), Ok(_)) => refusal,
            both => panic!("{both:?}"),
        };
        assert_eq!(refusal.code(), Some(Code::DuplicateAnnotation));
        let (again, first) = if one.is_ok() { (send("ONE").await, one) } else { (send("OTHER").await, other) };
        assert_eq!(again.unwrap(), first.unwrap(), "a retry is answered with what was sent");
    }
    fixture.engine.chat.rooms.append(&room, &ana, text("the room goes on"), None).await.unwrap();
}

#[tokio::test]
async fn transactions_are_forgotten_after_a_week() {
    let fixture = Fixture::new().await;
    let ana = fixture.user("ana").await;
    let room = fixture.engine.chat.rooms.create(&ana, CreateRoom::default()).await.unwrap();
    let key = |number: usize| TransactionKey {
        user: ana.user,
        device_id: im2_model::DeviceId::parse("DEVICE").unwrap(),
        txn_id: format!("{number}").into(),
    };
    let send = async |numbers: std::ops::Range<usize>| {
        for number in numbers {
            fixture.engine.chat.rooms.append(&room, &ana, text("hello"), Some(key(number))).await.unwrap();
        }
    };
    let known = async |number: usize| {
        let (nid, key) = (room.nid, key(number));
        let find = move |db: &im2_store::Snapshot<'_>| db.transaction_event(nid, "m.room.message", &key);
        fixture.engine.core.store.read(find).await.unwrap().is_some()
    };
    send(0..40).await;
    fixture.clock.advance(6 * 24 * 3_600_000);
    send(40..80).await;
    assert!(known(0).await && known(39).await && known(40).await);
    fixture.clock.advance(2 * 24 * 3_600_000);
    send(80..160).await;
    assert!(!known(0).await && !known(39).await && known(40).await && known(159).await);
}
