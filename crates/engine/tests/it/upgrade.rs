//! A database of before a state entry knew apart which event it is and since when: `before_graph.sql` is what a release
//! of then had written, with schema version 3.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use im2_chat::{
    filters::EventFilter,
    rooms::{Direction, Draft, Room},
    search::{Order, Request, SearchKey},
};
use im2_store::rooms::RoomKind;
use serde_json::json;

use crate::{
    Fixture,
    builders::{object, resolve_member, text},
    sync::Follower,
};

const DUMP: &str = include_str!("upgrade/before_graph.sql");
/// The token at which ben's client had arrived, two events before the end.
const TOKEN: &str = "s0_1729~0";

async fn open() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    assert!(DUMP.contains("PRAGMA user_version = 3;"));
    im2_store::Store::restore(folder.path(), DUMP).unwrap();
    Box::pin(Fixture::in_folder(Arc::new(folder), 1, |_| {}, |_| {})).await
}

/// The room with this name.
async fn named(fixture: &Fixture, name: &str) -> Arc<Room> {
    let ana = fixture.user("ana").await;
    for (nid, _) in fixture.engine.chat.rooms.of_user(ana.user).await.unwrap().all() {
        let room = fixture.engine.chat.rooms.by_nid(nid).await.unwrap();
        let content = room.view().content("m.room.name", "").unwrap_or_default().to_owned();
        if content.contains(name) {
            return room;
        }
    }
    panic!("no room {name}");
}

#[tokio::test]
async fn a_database_of_before_is_upgraded_and_says_the_same() {
    let fixture = open().await;
    let rooms = &fixture.engine.chat.rooms;
    let (ana, ben, eve) = (fixture.user("ana").await, fixture.user("ben").await, fixture.user("eve").await);
    let plaza = named(&fixture, "Great plaza").await;
    {
        let view = plaza.view();
        assert_eq!((view.first, view.seq), (1, view.tail.len() as i64));
        assert!(view.state.iter().all(|(_, _, entry)| entry.since == entry.seq));
        assert!(view.members.iter().all(|(_, member)| member.since == member.seq));
        assert!(view.content("m.room.topic", "").is_some_and(|content| content.contains("Third topic")));
        assert_eq!((view.joined.len(), view.members.len()), (2, 3));
    }
    let (nid, timeline) = (plaza.nid, rooms.events_from(&plaza, 0, Direction::Forward, 100).await.unwrap());
    let row = fixture.engine.core.store.read(move |db| db.room_by_nid(nid)).await.unwrap().unwrap();
    assert_eq!((row.first_seq, row.kind), (1, RoomKind::Here));
    let mut state = BTreeMap::new();
    for event in &timeline {
        if let Some(key) = event.state_key() {
            state.insert((event.kind().to_owned(), key.to_owned()), event.id().clone());
        }
        let then = rooms.state_at(&plaza, Some(event.seq)).await.unwrap();
        let then: BTreeMap<_, _> = then
            .iter()
            .map(|event| ((event.kind().to_owned(), event.state_key().unwrap().to_owned()), event.id().clone()))
            .collect();
        assert_eq!(then, state, "after event number {}", event.seq);
    }
    assert!(timeline.iter().any(|event| event.is_redacted()));

    let mut follower = Follower::new(&ben, 400, false);
    follower.since = Some(TOKEN.to_owned());
    follower.follow(&fixture, Duration::ZERO).await;
    let told: Vec<String> = timeline[timeline.len() - 2..].iter().map(|event| event.id().to_string()).collect();
    assert_eq!(follower.received[plaza.id.as_str()], told, "what came after the token");
    let mut fresh = Follower::new(&ben, 400, false);
    fresh.follow(&fixture, Duration::ZERO).await;
    let all: BTreeMap<_, _> = state.iter().map(|(key, id)| (key.clone(), id.to_string())).collect();
    assert_eq!(fresh.picture.joined[plaza.id.as_str()], all);
    let den = named(&fixture, "Den").await;
    assert!(fresh.picture.invited.contains(den.id.as_str()));

    let filter: EventFilter = serde_json::from_value(json!({ "limit": 10 })).unwrap();
    for (term, count) in [("hedgehog", 2), ("badger", 0), ("fox", 0)] {
        let (keys, groups) = (SearchKey::ALL.to_vec(), Vec::new());
        let (term, filter) = (term.to_owned(), filter.clone());
        let request = Request { term: term.clone(), keys, filter, order: Order::Recent, groups, from: None };
        let found = fixture.engine.chat.search.search(&ben, request).await.unwrap();
        assert_eq!(found.hits.len(), count, "{term}");
    }

    // And it goes on, as every room does.
    rooms.append(&plaza, &ben, text("a hedgehog again"), None).await.unwrap();
    let name = Draft::state("m.room.name", "", object(json!({ "name": "Greatest plaza" })));
    rooms.append(&plaza, &ana, name, None).await.unwrap();
    resolve_member(&fixture.engine, &plaza, &eve, 0).await;
    assert_eq!(plaza.view().joined.len(), 3, "eve has not left");
    fresh.follow(&fixture, Duration::ZERO).await;
    let mut fresher = Follower::new(&ben, 400, false);
    fresher.follow(&fixture, Duration::ZERO).await;
    assert_eq!(fresh.picture, fresher.picture);
}
