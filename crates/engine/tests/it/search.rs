//! What a search finds is what the rooms' events say, whatever happened to them.

use std::{collections::BTreeSet, sync::Arc};

use im2_chat::{
    filters::EventFilter,
    rooms::{Actor, CreateRoom, Draft, Preset, Room, RoomEvent},
    search::{Order, Request, SearchKey},
};
use im2_kernel::relations::Relation;
use im2_model::{EventId, SeededRandom};
use im2_store::rooms::Direction;
use serde_json::{Value, json};

use crate::{Fixture, builders::number};

const WORDS: [&str; 12] =
    ["tea", "teapot", "milk", "sugar", "Zürich", "harbour", "今天天气", "天气很好", "喝茶", "ok", "lemon", "jam"];

async fn append(fixture: &Fixture, room: &Arc<Room>, actor: &Actor, draft: Draft) -> EventId {
    fixture.clock.advance(1);
    fixture.engine.chat.rooms.append(room, actor, draft, None).await.unwrap()
}

fn draft(kind: &str, content: Value) -> Draft {
    Draft::message(kind, serde_json::from_value(content).unwrap())
}

async fn redact(fixture: &Fixture, room: &Arc<Room>, actor: &Actor, event: &EventId) {
    let redaction = draft("m.room.redaction", json!({ "redacts": event }));
    append(fixture, room, actor, Draft { redacts: Some(event.clone()), ..redaction }).await;
}

/// Everything that a search finds, page by page, each result once.
async fn find(fixture: &Fixture, actor: &Actor, term: &str, order: Order) -> BTreeSet<EventId> {
    let filter: EventFilter = serde_json::from_value(json!({ "limit": 100 })).unwrap();
    let (keys, groups) = (SearchKey::ALL.to_vec(), Vec::new());
    let mut request = Request { term: term.to_owned(), keys, filter, order, groups, from: None };
    let mut found = BTreeSet::new();
    loop {
        let page = fixture.engine.chat.search.search(actor, request.clone()).await.unwrap();
        for hit in page.hits {
            assert!(found.insert(hit.event.id().clone()), "{term}: twice");
        }
        let Some(next) = page.next else { return found };
        request.from = Some(next.to_string().parse().unwrap());
    }
}

async fn all_events(fixture: &Fixture, room: &Arc<Room>, actor: &Actor) -> Vec<Arc<RoomEvent>> {
    let rooms = &fixture.engine.chat.rooms;
    let reader = rooms.reader(actor, &room.id).await.unwrap();
    let (mut events, mut from) = (Vec::new(), Some(0));
    while let Some(at) = from {
        let page = rooms.page(&reader, at, None, Direction::Forward, 1_000, |_| true).await.unwrap();
        events.extend(page.events);
        from = page.next;
    }
    events
}

/// The messages that say all of `words` now.
fn naive(events: &[Arc<RoomEvent>], words: &[&str]) -> BTreeSet<EventId> {
    let text = |content: &Value| content["body"].as_str().map(str::to_lowercase);
    let mut found = BTreeSet::new();
    for event in events.iter().filter(|event| event.kind() == "m.room.message" && !event.is_redacted()) {
        if Relation::of(event.signed()).is_some() {
            continue;
        }
        let edits = events.iter().filter(|edit| {
            let replaces = Relation::of(edit.signed()).is_some_and(|relation| relation.event_id == *event.id());
            replaces && !edit.is_redacted() && edit.signed().sender == event.signed().sender
        });
        let newest = edits.max_by_key(|edit| edit.signed().origin_server_ts);
        let content = Value::Object(newest.unwrap_or(event).signed().content_map());
        let said = text(if newest.is_some() { &content["m.new_content"] } else { &content }).unwrap();
        let says = |word: &&str| {
            if word.is_ascii() {
                said.split(' ').any(|one| one == *word)
            } else {
                said.replace('ü', "u").contains(&word.to_lowercase().replace('ü', "u"))
            }
        };
        if words.iter().all(says) {
            found.insert(event.id().clone());
        }
    }
    found
}

/// A sentence by chance.
fn sentence(random: &SeededRandom) -> String {
    let count = 1 + number(random, 4);
    let words: Vec<_> = (0..count).map(|_| WORDS[number(random, WORDS.len())]).collect();
    words.join(" ")
}

#[tokio::test]
async fn what_is_found_is_what_the_events_say() {
    let fixture = Fixture::new().await;
    let random = SeededRandom::new(7);
    let (ana, ben) = (fixture.user("ana").await, fixture.user("ben").await);
    let public = CreateRoom { preset: Some(Preset::PublicChat), ..CreateRoom::default() };
    let rooms = [
        fixture.engine.chat.rooms.create(&ana, public.clone()).await.unwrap(),
        fixture.engine.chat.rooms.create(&ana, public).await.unwrap(),
    ];
    fixture.engine.chat.rooms.join(&ben, &rooms[0].id, None).await.unwrap();
    fixture.engine.chat.rooms.join(&ben, &rooms[1].id, None).await.unwrap();
    let mut said: Vec<(usize, bool, EventId)> = Vec::new();
    for step in 0..450 {
        let target = said.get(number(&random, said.len().max(1))).cloned();
        match (number(&random, 12), target) {
            (0, Some((room, _, event))) => redact(&fixture, &rooms[room], &ana, &event).await,
            (1 | 2, Some((room, by_ben, event))) => {
                // Now and then somebody edits what is not theirs, which has no effect.
                let author = if by_ben ^ (step % 7 == 0) { &ben } else { &ana };
                let text = sentence(&random);
                let content = json!({ "msgtype": "m.text", "body": format!("* {text}"),
                    "m.new_content": { "msgtype": "m.text", "body": text },
                    "m.relates_to": { "rel_type": "m.replace", "event_id": event } });
                let edit = append(&fixture, &rooms[room], author, draft("m.room.message", content)).await;
                if step % 3 == 0 {
                    redact(&fixture, &rooms[room], &ana, &edit).await;
                }
            }
            _ => {
                let (room, by_ben) = (number(&random, 2), step % 2 == 0);
                let content = json!({ "msgtype": "m.text", "body": sentence(&random) });
                let author = if by_ben { &ben } else { &ana };
                let event = append(&fixture, &rooms[room], author, draft("m.room.message", content)).await;
                said.push((room, by_ben, event));
            }
        }
    }
    let mut events = all_events(&fixture, &rooms[0], &ana).await;
    events.extend(all_events(&fixture, &rooms[1], &ana).await);
    for (term, words) in [
        ("tea", vec!["tea"]),
        ("\"teapot\"", vec!["teapot"]),
        ("milk \"sugar\"", vec!["milk", "sugar"]),
        ("zurich ok", vec!["Zürich", "ok"]),
        ("天气", vec!["天气"]),
        ("天", vec!["天"]),
        ("喝茶 harbour", vec!["喝茶", "harbour"]),
        ("\"jam\"", vec!["jam"]),
    ] {
        // What is not in quotation marks finds words that begin with it, too.
        let mut expected = naive(&events, &words);
        if term == "tea" {
            expected.extend(naive(&events, &["teapot"]));
        }
        assert!(!expected.is_empty(), "{term}");
        assert_eq!(find(&fixture, &ana, term, Order::Recent).await, expected, "{term}");
        assert_eq!(find(&fixture, &ben, term, Order::Rank).await, expected, "{term}");
    }
}

#[tokio::test]
async fn more_than_is_looked_at_in_one_go_is_found_all_the_same() {
    let fixture = Fixture::new().await;
    let ana = fixture.user("ana").await;
    let room = fixture.engine.chat.rooms.create(&ana, CreateRoom::default()).await.unwrap();
    let mut sending = tokio::task::JoinSet::new();
    for number in 0..1_150 {
        let (rooms, room, ana) = (fixture.engine.chat.rooms.clone(), Arc::clone(&room), ana.clone());
        let text = format!("all{} {number}", " all".repeat(number % 5));
        let message = draft("m.room.message", json!({ "msgtype": "m.text", "body": text }));
        sending.spawn(async move { rooms.append(&room, &ana, message, None).await.unwrap() });
    }
    let sent: BTreeSet<EventId> = sending.join_all().await.into_iter().collect();
    assert_eq!(find(&fixture, &ana, "all", Order::Rank).await, sent);
}

/// The bytes of the database's files.
fn files(fixture: &Fixture) -> Vec<u8> {
    let names = ["im2.db", "im2.db-wal"].map(|name| fixture.folder.path().join(name));
    names.iter().filter_map(|path| std::fs::read(path).ok()).flatten().collect()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn nothing_of_a_redacted_message_is_left_in_the_files() {
    const MARKER: &str = "quizzaciously";
    let fixture = Fixture::new().await;
    let ana = fixture.user("ana").await;
    let room = fixture.engine.chat.rooms.create(&ana, CreateRoom::default()).await.unwrap();
    let say = async |text: &str| {
        let content = json!({ "msgtype": "m.text", "body": text });
        append(&fixture, &room, &ana, draft("m.room.message", content)).await
    };
    let mut marked = Vec::new();
    for round in 0..3 {
        // Short and long, an edit, a reaction, a topic; some of them enter the large part of the index, some do not.
        let text = format!("{MARKER} number {round}");
        let message = say(&text).await;
        marked.push(say(&format!("{text} {}", "and on and on ".repeat(500))).await);
        let edit = json!({ "body": text, "m.new_content": { "msgtype": "m.text", "body": text },
            "m.relates_to": { "rel_type": "m.replace", "event_id": message } });
        marked.push(append(&fixture, &room, &ana, draft("m.room.message", edit)).await);
        let reaction = json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": message, "key": text } });
        marked.push(append(&fixture, &room, &ana, draft("m.reaction", reaction)).await);
        let topic = serde_json::from_value(json!({ "topic": text })).unwrap();
        marked.push(append(&fixture, &room, &ana, Draft::state("m.room.topic", "", topic)).await);
        marked.push(message);
        for number in 0..130 {
            say(&format!("message {number} of many")).await;
        }
    }
    fixture.engine.core.store.flush().await.unwrap();
    assert!(holds(&files(&fixture), MARKER));
    for event in &marked {
        redact(&fixture, &room, &ana, event).await;
    }
    fixture.engine.core.store.flush().await.unwrap();
    assert!(!holds(&files(&fixture), MARKER));
    assert!(find(&fixture, &ana, MARKER, Order::Rank).await.is_empty());
    assert_eq!(find(&fixture, &ana, "129 many", Order::Recent).await.len(), 3);
}
