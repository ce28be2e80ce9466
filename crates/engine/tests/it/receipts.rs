//! Receipts, the fully-read marker and typing: what moves, what is refused, who hears of it.

use std::sync::Arc;

use im2_chat::{
    receipts::{Marker, MarkerKind},
    rooms::{Actor, CreateRoom, Draft, Preset, Room},
};
use im2_core::{Code, stream::Change};
use im2_kernel::relations::Thread;
use im2_model::{EventId, StreamToken};
use serde_json::json;

use crate::{Fixture, builders::session};

/// A public room of Ana's that Ben has joined.
async fn room_of_two(fixture: &Fixture) -> (Actor, Actor, Arc<Room>) {
    let (ana, ben) = (fixture.user("ana").await, fixture.user("ben").await);
    let public = CreateRoom { preset: Some(Preset::PublicChat), ..CreateRoom::default() };
    let room = fixture.engine.chat.rooms.create(&ana, public).await.unwrap();
    fixture.engine.chat.rooms.join(&ben, &room.id, None).await.unwrap();
    (ana, ben, room)
}

async fn send(fixture: &Fixture, room: &Arc<Room>, actor: &Actor, relation: Option<(&str, &EventId)>) -> EventId {
    let mut content = json!({ "msgtype": "m.text", "body": "hello" });
    if let Some((rel_type, target)) = relation {
        content["m.relates_to"] = json!({ "rel_type": rel_type, "event_id": target });
    }
    let draft = Draft::message("m.room.message", serde_json::from_value(content).unwrap());
    fixture.engine.chat.rooms.append(room, actor, draft, None).await.unwrap()
}

fn marker(kind: MarkerKind, event_id: &EventId, thread: Option<&str>) -> Marker {
    Marker { kind, event_id: event_id.clone(), thread: thread.map(|text| Thread::parse(text).unwrap()) }
}

async fn mark(fixture: &Fixture, room: &Room, actor: &Actor, marker: Marker) -> Result<(), Option<Code>> {
    fixture.engine.chat.receipts.mark(actor, &room.id, vec![marker]).await.map_err(|error| error.code())
}

/// The receipts on the stream after `since`: type, thread and event.
fn streamed(fixture: &Fixture, since: &StreamToken) -> Vec<(String, Option<String>, EventId)> {
    let pick = |_, change: &Change| match change {
        Change::Receipt(receipt) => {
            let thread = receipt.thread_id.as_deref().map(str::to_owned);
            Some((receipt.kind.to_string(), thread, receipt.event_id.clone()))
        }
        _ => None,
    };
    fixture.engine.core.stream.since(since, pick).unwrap().0
}

#[tokio::test]
async fn a_receipt_only_moves_forward_and_each_kind_and_thread_on_its_own() {
    let fixture = Fixture::new().await;
    let (ana, ben, room) = room_of_two(&fixture).await;
    let first = send(&fixture, &room, &ana, None).await;
    let second = send(&fixture, &room, &ana, None).await;
    let since = fixture.engine.core.stream.reached();
    let moves = [
        marker(MarkerKind::Read, &second, None),
        marker(MarkerKind::Read, &first, None),
        marker(MarkerKind::Read, &second, None),
        marker(MarkerKind::ReadPrivate, &first, None),
        marker(MarkerKind::Read, &first, Some("main")),
        marker(MarkerKind::Read, &second, Some("main")),
    ];
    for receipt in moves {
        mark(&fixture, &room, &ben, receipt).await.unwrap();
    }
    let read =
        |kind: &str, thread: Option<&str>, event: &EventId| (kind.to_owned(), thread.map(str::to_owned), event.clone());
    let expected = [
        read("m.read", None, &second),
        read("m.read.private", None, &first),
        read("m.read", Some("main"), &first),
        read("m.read", Some("main"), &second),
    ];
    assert_eq!(streamed(&fixture, &since), expected);

    let fixture = fixture.reopen().await;
    let receipts = &fixture.engine.chat.receipts;
    assert_eq!(receipts.in_room(room.nid, ben.user).await.unwrap().len(), 3);
    let public = receipts.in_room(room.nid, ana.user).await.unwrap();
    assert!(public.len() == 2 && public.iter().all(|receipt| &*receipt.kind == "m.read"), "{public:?}");
    assert_eq!(receipts.since_in_all(ana.user, &since).await.unwrap().len(), 2);
    let reached = fixture.engine.core.stream.reached();
    assert!(receipts.since_in_all(ben.user, &reached).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_fully_read_marker_is_account_data_that_moves_forward() {
    let fixture = Fixture::new().await;
    let (ana, ben, room) = room_of_two(&fixture).await;
    let first = send(&fixture, &room, &ana, None).await;
    let second = send(&fixture, &room, &ana, None).await;
    let both = vec![marker(MarkerKind::FullyRead, &second, None), marker(MarkerKind::Read, &second, None)];
    fixture.engine.chat.receipts.mark(&ben, &room.id, both).await.unwrap();
    mark(&fixture, &room, &ben, marker(MarkerKind::FullyRead, &first, None)).await.unwrap();
    let content =
        fixture.engine.chat.account_data.get(ben.user, &ben.user_id, Some(&room.id), "m.fully_read").await.unwrap();
    assert_eq!(content.get(), json!({ "event_id": second }).to_string());
    assert_eq!(fixture.engine.chat.receipts.in_room(room.nid, ben.user).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_cannot_be_read_is_refused() {
    let fixture = Fixture::new().await;
    let (ana, ben, room) = room_of_two(&fixture).await;
    let root = send(&fixture, &room, &ana, None).await;
    let reply = send(&fixture, &room, &ana, Some(("m.thread", &root))).await;
    let reaction = send(&fixture, &room, &ana, Some(("m.annotation", &reply))).await;
    fixture.clock.advance(1);
    let other = fixture.engine.chat.rooms.create(&ana, CreateRoom::default()).await.unwrap();
    let elsewhere = send(&fixture, &other, &ana, None).await;
    let unknown = EventId::parse("$unknown").unwrap();
    let (read, thread) = (MarkerKind::Read, Some(root.as_str()));
    for (marker, outcome) in [
        (marker(read, &unknown, None), Err(Some(Code::NotFound))),
        (marker(read, &elsewhere, None), Err(Some(Code::NotFound))),
        (marker(MarkerKind::FullyRead, &root, Some("main")), Err(Some(Code::InvalidParam))),
        (marker(read, &reply, Some("main")), Err(Some(Code::InvalidParam))),
        (marker(read, &reaction, Some("main")), Err(Some(Code::InvalidParam))),
        (marker(read, &root, Some("$other")), Err(Some(Code::InvalidParam))),
        (marker(read, &reply, Some(reaction.as_str())), Err(Some(Code::InvalidParam))),
        (marker(read, &root, Some("main")), Ok(())),
        (marker(read, &root, thread), Ok(())),
        (marker(read, &reply, thread), Ok(())),
        (marker(read, &reaction, thread), Ok(())),
    ] {
        let described = format!("{marker:?}");
        assert_eq!(mark(&fixture, &room, &ben, marker).await, outcome, "{described}");
    }
    let refused = mark(&fixture, &other, &ben, marker(read, &elsewhere, None)).await;
    assert_eq!(refused, Err(Some(Code::Forbidden)));
    let all_or_none = vec![marker(MarkerKind::ReadPrivate, &root, None), marker(read, &unknown, None)];
    assert!(fixture.engine.chat.receipts.mark(&ben, &room.id, all_or_none).await.is_err());
    let kept = fixture.engine.chat.receipts.in_room(room.nid, ben.user).await.unwrap();
    assert!(kept.iter().all(|receipt| &*receipt.kind == "m.read"));
}

#[tokio::test]
async fn a_private_receipt_wakes_its_owner_only() {
    let fixture = Fixture::new().await;
    let (ana, ben, room) = room_of_two(&fixture).await;
    let event = send(&fixture, &room, &ana, None).await;
    let (waits_ana, waits_ben) =
        (fixture.engine.core.bus.subscribe(ana.user), fixture.engine.core.bus.subscribe(ben.user));
    let (mut woken_ana, woken_ben) = (std::pin::pin!(waits_ana.woken()), waits_ben.woken());
    mark(&fixture, &room, &ben, marker(MarkerKind::ReadPrivate, &event, None)).await.unwrap();
    tokio::select! {
        biased;
        () = &mut woken_ana => panic!("somebody else's private receipt wakes nobody"),
        () = woken_ben => {}
    }
    mark(&fixture, &room, &ben, marker(MarkerKind::Read, &event, None)).await.unwrap();
    woken_ana.await;
}

#[tokio::test]
async fn typing_begins_ends_and_is_over_in_time() {
    let fixture = Fixture::new().await;
    let (ana, ben, room) = room_of_two(&fixture).await;
    let typing = &fixture.engine.chat.typing;
    let reached = || fixture.engine.core.ephemeral.reached();
    let start = reached();
    assert_eq!((typing.in_room(&room), typing.rooms_changed_since(start)), (vec![], vec![]));
    assert_eq!(typing.changed_since(start - 1, &room), Some(vec![]), "who followed before a restart is told");

    typing.set(&session(&ana, "A"), &room.id, true, Some(10_000)).await.unwrap();
    typing.set(&session(&ben, "A"), &room.id, true, None).await.unwrap();
    let both = vec![ana.user_id.clone(), ben.user_id.clone()];
    assert_eq!(typing.changed_since(start, &room), Some(both));
    assert_eq!(typing.rooms_changed_since(start), [room.nid]);
    let before = reached();
    typing.set(&session(&ana, "A"), &room.id, true, Some(20_000)).await.unwrap();
    assert_eq!(typing.changed_since(before, &room), None, "going on is no change");

    fixture.clock.advance(19_999);
    assert_eq!(typing.changed_since(before, &room), None);
    fixture.clock.advance(1);
    assert_eq!(typing.changed_since(before, &room), Some(vec![ben.user_id.clone()]));
    let before = reached();
    typing.set(&session(&ben, "A"), &room.id, false, None).await.unwrap();
    assert_eq!(typing.changed_since(before, &room), Some(vec![]));
    assert_eq!(typing.rooms_changed_since(before), [room.nid]);
    assert_eq!((typing.changed_since(reached(), &room), typing.rooms_changed_since(reached())), (None, vec![]));

    typing.set(&session(&ben, "A"), &room.id, true, Some(u64::MAX)).await.unwrap();
    fixture.clock.advance(120_000);
    assert_eq!(typing.in_room(&room), vec![], "nobody types for ever");
    typing.set(&session(&ben, "A"), &room.id, true, None).await.unwrap();
    fixture.engine.chat.rooms.leave(&ben, &room.id, None).await.unwrap();
    assert_eq!(typing.in_room(&room), vec![], "who left does not type");
    let refused = typing.set(&session(&ben, "A"), &room.id, true, None).await.unwrap_err();
    assert_eq!(refused.code(), Some(Code::Forbidden));
}

#[tokio::test]
async fn the_end_of_typing_wakes_the_members() {
    let fixture = Fixture::new().await;
    let (ana, ben, room) = room_of_two(&fixture).await;
    fixture.engine.chat.typing.set(&session(&ana, "A"), &room.id, true, Some(50)).await.unwrap();
    let subscription = fixture.engine.core.bus.subscribe(ben.user);
    let woken = subscription.woken();
    fixture.clock.advance(50);
    woken.await;
    assert_eq!(fixture.engine.chat.typing.in_room(&room), vec![]);
}
