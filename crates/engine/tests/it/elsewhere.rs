//! Rooms that begin elsewhere: their state has no place in the timeline, and what was before may come later.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use im2_chat::rooms::{Actor, CreateRoom, Direction, Draft, Preset, Room, RoomEvent};
use im2_model::{EventId, RoomId, RoomNid, StreamToken, UserId};
use im2_store::{
    Snapshot,
    rooms::{EventRow, NewEvent, ResolvedEntry, RoomKind},
};
use serde_json::{Value, json};

use crate::{
    Fixture,
    builders::{first_sync, object, session, text},
    sync::Follower,
};

fn copy_of(id: &EventId) -> EventId {
    EventId::parse(&format!("{id}-copy")).unwrap()
}

fn membership(kind: &str, state_key: &str, pdu: &Value) -> Option<(UserId, &'static str)> {
    let known = ["join", "invite", "leave", "ban"];
    let membership = known.into_iter().find(|known| pdu["content"]["membership"] == **known);
    (kind == "m.room.member").then(|| (UserId::parse(state_key).unwrap(), membership.unwrap()))
}

fn as_new(row: &EventRow) -> NewEvent {
    let pdu: Value = serde_json::from_str(&row.pdu).unwrap();
    let (kind, state_key) = (pdu["type"].as_str().unwrap(), pdu["state_key"].as_str());
    NewEvent {
        event_id: copy_of(&row.event_id),
        sender: row.sender,
        kind: kind.into(),
        state_key: state_key.map(Into::into),
        ts: 0,
        pdu: row.pdu.as_str().into(),
        membership: state_key.and_then(|key| membership(kind, key, &pdu)),
        relation: None,
        redaction: None,
        terms: None,
        media: Vec::new(),
        transaction: None,
        bumps: false,
        summary: None,
    }
}

fn as_state(row: &EventRow) -> ResolvedEntry {
    let NewEvent { event_id, kind, state_key, membership, .. } = as_new(row);
    ResolvedEntry { kind, state_key: state_key.unwrap(), event: Some(event_id), membership, summary: None }
}

fn state_at(db: &Snapshot<'_>, room: RoomNid, seq: i64) -> im2_store::Result<Vec<EventRow>> {
    let mut rows = db.state_without_members_at(room, seq)?;
    rows.extend(db.member_state_at(room, seq)?);
    Ok(rows)
}

/// Joins a copy of a room, as of its event number `from`: the state there, and the events after it.
async fn join_copy(fixture: &Fixture, original: &Room, from: i64) -> RoomNid {
    let (nid, version) = (original.nid, original.version);
    let store = &fixture.engine.core.store;
    let join = store.write(move |tx| {
        let room_id = RoomId::parse("!copy:elsewhere.org").unwrap();
        let room = tx.add_room(&room_id, version.as_str(), RoomKind::Here, 0)?;
        let state = state_at(tx, nid, from)?;
        for row in &state {
            tx.add_state_event(room.nid, &as_new(row))?;
        }
        let entries: Vec<_> = state.iter().map(as_state).collect();
        let mut head = tx.resolve_state(room.nid, room.head_seq, &entries)?.seq;
        for row in tx.events_from(nid, from, Direction::Forward, 100)? {
            head = tx.append_event(room.nid, head, &as_new(&row))?.seq;
        }
        Ok(room.nid)
    });
    join.await.unwrap()
}

fn ids(events: &[Arc<RoomEvent>]) -> Vec<EventId> {
    events.iter().map(|event| event.id().clone()).collect()
}

async fn page(fixture: &Fixture, room: &Arc<Room>, actor: &Actor) -> Vec<EventId> {
    let rooms = &fixture.engine.chat.rooms;
    let reader = rooms.reader_of(actor, Arc::clone(room)).await.unwrap().unwrap();
    let (mut found, mut at) = (Vec::new(), Some(i64::MAX));
    while let Some(from) = at {
        let page = rooms.page(&reader, from, None, Direction::Backward, 3, |_| true).await.unwrap();
        found.extend(ids(&page.events));
        at = page.next;
    }
    found
}

#[tokio::test]
async fn a_room_that_began_elsewhere_is_shown_from_its_state_on_and_grows_backward() {
    let fixture = Fixture::new().await;
    let (ana, ben) = (fixture.user("ana").await, fixture.user("ben").await);
    let rooms = &fixture.engine.chat.rooms;
    let public = CreateRoom { preset: Some(Preset::PublicChat), ..CreateRoom::default() };
    let original = rooms.create(&ana, public).await.unwrap();
    rooms.append(&original, &ana, text("before"), None).await.unwrap();
    rooms.join(&ben, &original.id, None).await.unwrap();
    let from = original.view().seq;
    let name = |name: &str| Draft::state("m.room.name", "", object(json!({ "name": name })));
    for number in 0..4 {
        rooms.append(&original, &ben, text(&format!("after {number}")), None).await.unwrap();
        rooms.append(&original, &ana, name(&format!("name {number}")), None).await.unwrap();
    }
    let mut follower = Follower::new(&ben, 400, false);
    follower.follow(&fixture, Duration::ZERO).await;
    let nid = join_copy(&fixture, &original, from).await;
    let expected: BTreeMap<i64, Vec<EventId>> = {
        let (whole, original) = (original.view().seq, original.nid);
        let read = move |db: &Snapshot<'_>| {
            let state =
                |seq| Ok((seq, state_at(db, original, seq)?.iter().map(|row| copy_of(&row.event_id)).collect()));
            (from..=whole).map(state).collect()
        };
        fixture.engine.core.store.read(read).await.unwrap()
    };
    let timeline: Vec<EventId> = ids(&rooms.events_from(&original, 0, Direction::Forward, 100).await.unwrap());
    let copies: Vec<EventId> = timeline.iter().map(copy_of).collect();
    let (nid_of_original, split) = (original.nid, from as usize);
    drop(original);
    let fixture = fixture.reopen().await;
    let rooms = &fixture.engine.chat.rooms;
    let room = rooms.by_nid(nid).await.unwrap();
    let first = room.view().first;
    assert!(first > 1 << 30);
    for (seq, state) in &expected {
        let mut found = ids(&rooms.state_at(&room, Some(first + seq - from)).await.unwrap());
        let mut state = state.clone();
        found.sort_unstable();
        state.sort_unstable();
        assert_eq!(found, state, "after {seq}");
    }
    assert!(rooms.state_at(&room, Some(first - 1)).await.unwrap().is_empty());
    let newest_first = |ids: &[EventId]| ids.iter().rev().cloned().collect::<Vec<_>>();
    assert_eq!(page(&fixture, &room, &ben).await, newest_first(&copies[split..]));
    let since = follower.since.clone();
    for (limit, use_state_after) in [(400, false), (2, false), (400, true)] {
        for mut client in [Follower::new(&ben, limit, use_state_after), Follower::new(&ben, limit, use_state_after)] {
            client.since.clone_from(&since);
            client.follow(&fixture, Duration::ZERO).await;
            let state = &client.picture.joined[room.id.as_str()];
            let mut found: Vec<_> = state.values().map(|id| EventId::parse(id).unwrap()).collect();
            let mut now = expected.values().last().unwrap().clone();
            found.sort_unstable();
            now.sort_unstable();
            assert_eq!(found, now);
        }
    }
    follower.follow(&fixture, Duration::ZERO).await;
    assert_eq!(follower.received[room.id.as_str()].len(), copies.len() - split);
    let since = follower.since.clone();
    drop(room);

    // What was before comes later, newest first. Some of it is known already, as state.
    let backfill = move |tx: &mut im2_core::Transaction<'_>| {
        let mut first = tx.room_by_nid(nid)?.unwrap().first_seq;
        for row in tx.events_from(nid_of_original, split as i64 + 1, Direction::Backward, 100)? {
            first = tx.prepend_event(nid, first, &as_new(&row))?.seq;
        }
        Ok(first)
    };
    let first = fixture.engine.core.store.write(backfill).await.unwrap();
    let fixture = fixture.reopen().await;
    let rooms = &fixture.engine.chat.rooms;
    let room = rooms.by_nid(nid).await.unwrap();
    assert_eq!(room.view().first, first);
    assert_eq!(page(&fixture, &room, &ben).await, newest_first(&copies));
    follower.follow(&fixture, Duration::ZERO).await;
    assert_eq!(follower.received[room.id.as_str()].len(), copies.len() - split, "it is no news");
    let since = since.map(|since| StreamToken::read(&since).unwrap());
    let request = im2_sync::SyncRequest { since, ..first_sync(&json!({})) };
    let answer = fixture.engine.sync.classic.sync(&session(&ben, "D"), request).await.unwrap().whole().await.unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(answer["rooms"], Value::Null);
}

#[tokio::test]
async fn a_room_of_which_there_is_an_invite_only_is_nobodys_to_find() {
    let fixture = Fixture::new().await;
    let room_id = RoomId::parse("!far:elsewhere.org").unwrap();
    let wanted = room_id.clone();
    let store = &fixture.engine.core.store;
    let add = store.write(move |tx| Ok(tx.add_room(&wanted, "11", RoomKind::Elsewhere, 0)?.nid));
    let nid = add.await.unwrap();
    let rooms = &fixture.engine.chat.rooms;
    assert!(rooms.find(&room_id).await.unwrap().is_none());
    assert!(rooms.if_there(nid).await.unwrap().is_none());
    let ana = fixture.user("ana").await;
    let refused = rooms.reader(&ana, &room_id).await.unwrap_err();
    assert_eq!(refused.code(), Some(im2_core::Code::Forbidden));
}
