//! Unread counts: what is kept in memory equals what is computed from nothing, whatever happens in between.

use std::{collections::HashMap, sync::Arc};

use im2_chat::{
    receipts::{Marker, MarkerKind},
    rooms::{Actor, CreateRoom, Draft, Preset, Room, RoomEvent},
    unread::{Sizes, Unread},
};
use im2_core::Code;
use im2_kernel::{
    content::Membership,
    push::{Context, FlatEvent, RuleKind},
    relations::{Relation, Thread, thread_of},
    unread::{Counts, UnreadCounts},
};
use im2_model::EventId;
use im2_store::rooms::Direction;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::Fixture;

/// A public room that all of `names` are in.
async fn room_of(fixture: &Fixture, names: &[&str]) -> (Vec<Actor>, Arc<Room>) {
    let members = fixture.users(names).await;
    let public = CreateRoom { preset: Some(Preset::PublicChat), ..CreateRoom::default() };
    let room = fixture.engine.chat.rooms.create(&members[0], public).await.unwrap();
    for member in &members[1..] {
        fixture.engine.chat.rooms.join(member, &room.id, None).await.unwrap();
    }
    (members, room)
}

async fn send(fixture: &Fixture, room: &Arc<Room>, actor: &Actor, kind: &str, content: Value) -> EventId {
    fixture.clock.advance(1);
    let draft = Draft::message(kind, serde_json::from_value(content).unwrap());
    fixture.engine.chat.rooms.append(room, actor, draft, None).await.unwrap()
}

async fn say(fixture: &Fixture, room: &Arc<Room>, actor: &Actor, relation: Option<(&str, &EventId)>) -> EventId {
    let mut content = json!({ "msgtype": "m.text", "body": "hello" });
    if let Some((rel_type, target)) = relation {
        content["m.relates_to"] = json!({ "rel_type": rel_type, "event_id": target });
    }
    send(fixture, room, actor, "m.room.message", content).await
}

async fn read(fixture: &Fixture, room: &Room, actor: &Actor, event_id: &EventId, thread: Option<Thread>) {
    let marker = Marker { kind: MarkerKind::Read, event_id: event_id.clone(), thread };
    fixture.engine.chat.receipts.mark(actor, &room.id, vec![marker]).await.unwrap();
}

async fn counts(fixture: &Fixture, room: &Arc<Room>, actor: &Actor) -> UnreadCounts {
    fixture.engine.chat.unread.in_room(actor, room).await.unwrap().counts.clone()
}

/// The counts in the main timeline and in all threads together.
async fn main_and_threads(fixture: &Fixture, room: &Arc<Room>, actor: &Actor) -> (u64, u64) {
    let counts = counts(fixture, room, actor).await;
    let threads = counts.threads.values().map(|counts| counts.notification_count).sum();
    (counts.main.notification_count, threads)
}

#[tokio::test]
async fn messages_count_until_they_are_read() {
    let fixture = Fixture::new().await;
    let (members, room) = room_of(&fixture, &["ana", "ben"]).await;
    let [ana, ben] = members.as_slice() else { unreachable!("two members were made") };
    assert_eq!(counts(&fixture, &room, ben).await, UnreadCounts::default(), "what was before joining is not unread");
    say(&fixture, &room, ana, None).await;
    let mention = json!({ "msgtype": "m.text", "body": "ben", "m.mentions": { "user_ids": [ben.user_id] } });
    let last = send(&fixture, &room, ana, "m.room.message", mention).await;
    send(&fixture, &room, ana, "m.room.message", json!({ "msgtype": "m.notice", "body": "quiet" })).await;
    let two = Counts { notification_count: 2, highlight_count: 1 };
    assert_eq!(counts(&fixture, &room, ben).await.main, two);
    assert_eq!(counts(&fixture, &room, ana).await, UnreadCounts::default());
    read(&fixture, &room, ben, &last, None).await;
    assert_eq!(counts(&fixture, &room, ben).await, UnreadCounts::default());
}

#[tokio::test]
async fn threads_count_apart_and_an_own_message_reads_its_thread() {
    let fixture = Fixture::new().await;
    let (members, room) = room_of(&fixture, &["ana", "ben"]).await;
    let [ana, ben] = members.as_slice() else { unreachable!("two members were made") };
    let root = say(&fixture, &room, ana, None).await;
    let reply = say(&fixture, &room, ana, Some(("m.thread", &root))).await;
    say(&fixture, &room, ana, Some(("m.thread", &root))).await;
    let last = say(&fixture, &room, ana, None).await;
    assert_eq!(main_and_threads(&fixture, &room, ben).await, (2, 2));
    read(&fixture, &room, ben, &last, Some(Thread::Main)).await;
    assert_eq!(main_and_threads(&fixture, &room, ben).await, (0, 2));
    read(&fixture, &room, ben, &reply, Some(Thread::Root(root.clone()))).await;
    assert_eq!(main_and_threads(&fixture, &room, ben).await, (0, 1));
    say(&fixture, &room, ana, None).await;
    say(&fixture, &room, ben, Some(("m.thread", &root))).await;
    assert_eq!(main_and_threads(&fixture, &room, ben).await, (1, 0));
    say(&fixture, &room, ben, None).await;
    assert_eq!(main_and_threads(&fixture, &room, ben).await, (0, 0));
}

#[tokio::test]
async fn what_was_said_while_away_is_not_unread() {
    let fixture = Fixture::new().await;
    let (members, room) = room_of(&fixture, &["ana", "ben"]).await;
    let [ana, ben] = members.as_slice() else { unreachable!("two members were made") };
    say(&fixture, &room, ana, None).await;
    assert_eq!(main_and_threads(&fixture, &room, ben).await, (1, 0));
    fixture.engine.chat.rooms.leave(ben, &room.id, None).await.unwrap();
    say(&fixture, &room, ana, None).await;
    fixture.engine.chat.rooms.join(ben, &room.id, None).await.unwrap();
    assert_eq!(main_and_threads(&fixture, &room, ben).await, (0, 0));
    say(&fixture, &room, ana, None).await;
    rename(&fixture, &room, ben, "Ben").await;
    assert_eq!(main_and_threads(&fixture, &room, ben).await, (1, 0), "a new name is no new beginning");
}

#[tokio::test]
async fn a_long_absence_counts_from_the_database() {
    let fixture = Fixture::new().await;
    let (members, room) = room_of(&fixture, &["ana", "ben"]).await;
    let first = say(&fixture, &room, &members[0], None).await;
    for _ in 0..300 {
        say(&fixture, &room, &members[0], None).await;
    }
    let id = room.id.clone();
    drop(room);
    let fixture = fixture.reopen().await;
    let room = fixture.engine.chat.rooms.find(&id).await.unwrap().unwrap();
    assert_eq!(main_and_threads(&fixture, &room, &members[1]).await, (301, 0));
    read(&fixture, &room, &members[1], &first, None).await;
    assert_eq!(main_and_threads(&fixture, &room, &members[1]).await, (300, 0));
    say(&fixture, &room, &members[0], None).await;
    assert_eq!(main_and_threads(&fixture, &room, &members[1]).await, (301, 0));
}

/// More work than is done at once, by the size of the messages and by push rules with wildcards, is done in parts.
#[tokio::test]
async fn large_messages_count_under_many_patterns() {
    let fixture = Fixture::new().await;
    let (members, room) = room_of(&fixture, &["ana", "ben"]).await;
    let [ana, ben] = members.as_slice() else { unreachable!("two members were made") };
    for number in 0..30 {
        let rule = json!({ "pattern": format!("{}*{number}", "a".repeat(500)), "actions": ["notify"] });
        let (id, rule) = (format!("wild {number}"), rule.as_object().unwrap().clone());
        let rules = &fixture.engine.chat.push_rules;
        rules.put(ben.user, &ben.user_id, (RuleKind::Content, &id), &rule, (None, None)).await.unwrap();
    }
    let rule = json!({ "pattern": "cake", "actions": ["notify", { "set_tweak": "highlight" }] });
    let rule = rule.as_object().unwrap().clone();
    let rules = &fixture.engine.chat.push_rules;
    rules.put(ben.user, &ben.user_id, (RuleKind::Content, "cake"), &rule, (None, None)).await.unwrap();
    let long = "a".repeat(60_000);
    for end in [" cake", "cake", ""] {
        let body = json!({ "msgtype": "m.text", "body": format!("{long}{end}") });
        for _ in 0..20 {
            send(&fixture, &room, ana, "m.room.message", body.clone()).await;
        }
    }
    let expected = Counts { notification_count: 60, highlight_count: 20 };
    assert_eq!(counts(&fixture, &room, ben).await.main, expected);
    let small = fixture.engine.chat.unread.with_sizes(Sizes { segment: 16, in_memory: 8, long: 16 });
    assert_eq!(small.in_room(ben, &room).await.unwrap().counts.main, expected);
    let last = send(&fixture, &room, ana, "m.room.message", json!({ "msgtype": "m.text", "body": "cake" })).await;
    read(&fixture, &room, ben, &last, None).await;
    assert_eq!(counts(&fixture, &room, ben).await, UnreadCounts::default());
}

#[tokio::test]
async fn what_hangs_on_a_redacted_message_of_a_thread_counts_in_the_main_timeline() {
    let fixture = Fixture::new().await;
    let (members, room) = room_of(&fixture, &["ana", "ben"]).await;
    let [ana, ben] = members.as_slice() else { unreachable!("two members were made") };
    let conditions = json!([{ "kind": "event_match", "key": "type", "pattern": "m.reaction" }]);
    let body = serde_json::from_value(json!({ "conditions": conditions, "actions": ["notify"] })).unwrap();
    let rule = (RuleKind::Override, "reactions");
    fixture.engine.chat.push_rules.put(ben.user, &ben.user_id, rule, &body, (None, None)).await.unwrap();
    // Each event in a segment of its own.
    let unread = fixture.engine.chat.unread.with_sizes(Sizes { segment: 1, in_memory: 0, long: 0 });
    let counted = || async {
        let counts = unread.in_room(ben, &room).await.unwrap().counts.clone();
        (counts.main.notification_count, counts.threads.values().map(|counts| counts.notification_count).sum::<u64>())
    };
    let root = say(&fixture, &room, ana, None).await;
    let reply = say(&fixture, &room, ana, Some(("m.thread", &root))).await;
    let relates_to = json!({ "rel_type": "m.annotation", "event_id": reply, "key": "👍" });
    send(&fixture, &room, ana, "m.reaction", json!({ "m.relates_to": relates_to })).await;
    assert_eq!(counted().await, (1, 2));
    let content = serde_json::from_value(json!({ "redacts": reply })).unwrap();
    let draft = Draft { redacts: Some(reply), ..Draft::message("m.room.redaction", content) };
    fixture.engine.chat.rooms.append(&room, ana, draft, None).await.unwrap();
    assert_eq!(counted().await, (2, 0));
}

/// Many messages, without waiting for each.
async fn say_many(fixture: &Fixture, room: &Arc<Room>, actor: &Actor, count: usize) {
    let mut sending = tokio::task::JoinSet::new();
    for number in 0..count {
        let (rooms, room, actor) = (fixture.engine.chat.rooms.clone(), Arc::clone(room), actor.clone());
        sending.spawn(async move {
            let content = json!({ "msgtype": "m.text", "body": "hello" });
            let draft = Draft::message("m.room.message", serde_json::from_value(content).unwrap());
            rooms.append(&room, &actor, draft, None).await.unwrap();
        });
        if number % 256 == 255 {
            while sending.join_next().await.is_some() {}
        }
    }
    while sending.join_next().await.is_some() {}
}

#[tokio::test]
async fn a_count_goes_back_as_far_as_it_has_to_and_a_long_one_outlives_a_restart() {
    const MANY: usize = 5_200;
    let fixture = Fixture::new().await;
    let (members, room) = room_of(&fixture, &["ana", "ben"]).await;
    let [ana, ben] = members.as_slice() else { unreachable!("two members were made") };
    let root = say(&fixture, &room, ana, None).await;
    let reply = say(&fixture, &room, ana, Some(("m.thread", &root))).await;
    say_many(&fixture, &room, ana, MANY).await;
    let last = say(&fixture, &room, ana, None).await;
    let (nid, user, id) = (room.nid, ben.user, room.id.clone());
    drop(room);

    let fixture = fixture.reopen().await;
    let room = fixture.engine.chat.rooms.find(&id).await.unwrap().unwrap();
    let all = (MANY as u64 + 2, 1);
    assert_eq!(main_and_threads(&fixture, &room, ben).await, all);
    let store = &fixture.engine.core.store;
    let stored = store.read(move |db| db.stored_unread(user, nid)).await.unwrap().expect("it took long");
    assert_eq!(stored.until, room.view().seq);
    drop(room);

    let fixture = fixture.reopen().await;
    let room = fixture.engine.chat.rooms.find(&id).await.unwrap().unwrap();
    assert_eq!(main_and_threads(&fixture, &room, ben).await, all);
    read(&fixture, &room, ben, &last, Some(Thread::Main)).await;
    assert_eq!(main_and_threads(&fixture, &room, ben).await, (0, 1), "in a thread from long ago");
    read(&fixture, &room, ben, &reply, Some(Thread::Root(root))).await;
    assert_eq!(main_and_threads(&fixture, &room, ben).await, (0, 0));
}

#[tokio::test]
async fn a_receipt_and_a_redaction_change_the_stretch_that_they_are_about() {
    let fixture = Fixture::new().await;
    let (members, room) = room_of(&fixture, &["ana", "ben"]).await;
    let [ana, ben] = members.as_slice() else { unreachable!("two members were made") };
    // More stretches than are kept apart.
    let unread = fixture.engine.chat.unread.with_sizes(Sizes { segment: 1, in_memory: 0, long: 0 });
    let counted = || async {
        let counts = unread.in_room(ben, &room).await.unwrap().counts.clone();
        (counts.main.notification_count, counts.threads.values().map(|counts| counts.notification_count).sum::<u64>())
    };
    let mut said = Vec::new();
    for number in 0..300 {
        let relation = (number % 3 == 2).then(|| ("m.thread", &said[0]));
        let event = say(&fixture, &room, ana, relation).await;
        said.push(event);
        if number % 100 == 50 {
            counted().await;
        }
    }
    assert_eq!(counted().await, (200, 100));
    let redact = |event: &EventId| {
        let content = serde_json::from_value(json!({ "redacts": event })).unwrap();
        let draft = Draft { redacts: Some(event.clone()), ..Draft::message("m.room.redaction", content) };
        async { fixture.engine.chat.rooms.append(&room, ana, draft, None).await.unwrap() }
    };
    redact(&said[99]).await;
    redact(&said[200]).await;
    assert_eq!(counted().await, (199, 99));
    // Of the first 151, 101 are in the main timeline, of which one is gone.
    read(&fixture, &room, ben, &said[150], Some(Thread::Main)).await;
    assert_eq!(counted().await, (99, 99));
    read(&fixture, &room, ben, &said[197], Some(Thread::Root(said[0].clone()))).await;
    assert_eq!(counted().await, (99, 33));
    read(&fixture, &room, ben, &said[249], None).await;
    assert_eq!(counted().await, (33, 17));
}

async fn rename(fixture: &Fixture, room: &Arc<Room>, actor: &Actor, name: &str) {
    let content = json!({ "membership": "join", "displayname": name });
    let draft = Draft::state("m.room.member", actor.user_id.as_str(), serde_json::from_value(content).unwrap());
    fixture.engine.chat.rooms.append(room, actor, draft, None).await.unwrap();
}

/// One thing that happens. Numbers choose among members and events, whatever there is.
#[derive(Debug, Clone)]
enum Step {
    Say { who: usize, relation: Option<(&'static str, usize)>, mentions: Option<usize> },
    React { who: usize, to: usize },
    Redact { event: usize },
    Read { who: usize, private: bool, threaded: bool, event: usize },
    Rule { who: usize, rule: usize, on: bool },
    Ignore { who: usize, whom: Option<usize> },
    Rename { who: usize, name: &'static str },
    ComeAndGo { who: usize },
    Look { who: usize },
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let who = || 0..3_usize;
    let near = || 0..12_usize;
    let relation = prop_oneof![
        3 => Just("m.thread"), 1 => Just("m.reference"), 1 => Just("m.replace")
    ];
    prop_oneof![
        12 => (who(), prop::option::of((relation, near())), prop::option::of(who()))
            .prop_map(|(who, relation, mentions)| Step::Say { who, relation, mentions }),
        2 => (who(), near()).prop_map(|(who, to)| Step::React { who, to }),
        2 => near().prop_map(|event| Step::Redact { event }),
        5 => (who(), any::<bool>(), any::<bool>(), near())
            .prop_map(|(who, private, threaded, event)| Step::Read { who, private, threaded, event }),
        2 => (who(), 0..8_usize, any::<bool>()).prop_map(|(who, rule, on)| Step::Rule { who, rule, on }),
        1 => (who(), prop::option::of(who())).prop_map(|(who, whom)| Step::Ignore { who, whom }),
        1 => (who(), prop_oneof![Just("hello"), Just("nobody")]).prop_map(|(who, name)| Step::Rename { who, name }),
        1 => (1..3_usize).prop_map(|who| Step::ComeAndGo { who }),
        6 => who().prop_map(|who| Step::Look { who }),
        1 => Just(Step::Restart),
    ]
}

struct World {
    fixture: Fixture,
    members: Vec<Actor>,
    room: Arc<Room>,
    /// Who counts.
    unread: Unread,
    sizes: Sizes,
}

impl World {
    async fn new(sizes: Sizes) -> Self {
        let fixture = Fixture::new().await;
        let (members, room) = room_of(&fixture, &["ana", "ben", "cem"]).await;
        let unread = fixture.engine.chat.unread.with_sizes(sizes);
        Self { fixture, members, room, unread, sizes }
    }

    async fn events(&self) -> Vec<Arc<RoomEvent>> {
        let reader = self.fixture.engine.chat.rooms.reader(&self.members[0], &self.room.id).await.unwrap();
        let rooms = &self.fixture.engine.chat.rooms;
        rooms.page(&reader, 0, None, Direction::Forward, 10_000, |_| true).await.unwrap().events
    }

    /// The event `back` messages before the newest that is no state.
    async fn event(&self, back: usize) -> Option<Arc<RoomEvent>> {
        let events = self.events().await;
        events.into_iter().rev().filter(|event| !event.is_state() && event.kind() != "m.room.redaction").nth(back)
    }

    async fn take(mut self, step: Step) -> Self {
        let Self { fixture, members, room, .. } = &self;
        match step {
            Step::Restart => {
                let id = room.id.clone();
                let Self { fixture, members, room, unread, sizes } = self;
                drop((room, unread));
                let fixture = fixture.reopen().await;
                let room = fixture.engine.chat.rooms.find(&id).await.unwrap().unwrap();
                let unread = fixture.engine.chat.unread.with_sizes(sizes);
                self = Self { fixture, members, room, unread, sizes };
            }
            Step::Say { who, relation, mentions } => self.say(who, relation, mentions).await,
            Step::React { who, to } => {
                if let Some(target) = self.event(to).await {
                    let relates_to = json!({ "rel_type": "m.annotation", "event_id": target.id(), "key": "👍" });
                    let content = json!({ "m.relates_to": relates_to });
                    let draft = Draft::message("m.reaction", serde_json::from_value(content).unwrap());
                    fixture.clock.advance(1);
                    // A second one that says the same is refused.
                    let sent = fixture.engine.chat.rooms.append(room, &members[who], draft, None).await;
                    assert!(sent.err().is_none_or(|error| error.code() == Some(Code::DuplicateAnnotation)));
                }
            }
            Step::Redact { event } => {
                if let Some(target) = self.event(event).await {
                    let content = serde_json::from_value(json!({ "redacts": target.id() })).unwrap();
                    let draft = Draft::message("m.room.redaction", content);
                    let draft = Draft { redacts: Some(target.id().clone()), ..draft };
                    fixture.engine.chat.rooms.append(room, &members[0], draft, None).await.unwrap();
                }
            }
            Step::Read { who, private, threaded, event } => self.read(who, private, threaded, event).await,
            Step::Rule { who, rule, on } => self.change_rule(who, rule, on).await,
            Step::Ignore { who, whom } => {
                let list = whom.map(|whom| members[whom].user_id.to_string());
                let list: HashMap<String, Value> = list.into_iter().map(|whom| (whom, json!({}))).collect();
                let content = serde_json::from_value(json!({ "ignored_users": list })).unwrap();
                let data = &fixture.engine.chat.account_data;
                data.set(members[who].user, None, "m.ignored_user_list", &content).await.unwrap();
            }
            Step::Rename { who, name } => rename(fixture, room, &members[who], name).await,
            Step::ComeAndGo { who } => {
                fixture.engine.chat.rooms.leave(&members[who], &room.id, None).await.unwrap();
                say(fixture, room, &members[0], None).await;
                fixture.engine.chat.rooms.join(&members[who], &room.id, None).await.unwrap();
            }
            Step::Look { who } => self.look(who).await,
        }
        self
    }

    async fn say(&self, who: usize, relation: Option<(&'static str, usize)>, mentions: Option<usize>) {
        let mut content = json!({ "msgtype": "m.text", "body": "hello" });
        if let Some(whom) = mentions {
            content["m.mentions"] = json!({ "user_ids": [self.members[whom].user_id] });
        }
        if let Some((rel_type, back)) = relation
            && let Some(target) = self.event(back).await
        {
            content["m.relates_to"] = json!({ "rel_type": rel_type, "event_id": target.id() });
            content["m.new_content"] = json!({ "msgtype": "m.text", "body": "hallo" });
        }
        self.fixture.clock.advance(1);
        let draft = Draft::message("m.room.message", serde_json::from_value(content).unwrap());
        // A thread at an event that relates to another is refused to somebody who has tried to repeat a reaction, and
        // is without effect from others.
        let sent = self.fixture.engine.chat.rooms.append(&self.room, &self.members[who], draft, None).await;
        let is_thread = relation.is_some_and(|(rel_type, _)| rel_type == "m.thread");
        assert!(sent.err().is_none_or(|error| is_thread && error.code() == Some(Code::Unknown)));
    }

    async fn read(&self, who: usize, private: bool, threaded: bool, event: usize) {
        let Some(target) = self.event(event).await else { return };
        let events = self.events().await;
        let thread = threaded.then(|| thread_in(&events, &target));
        let kind = if private { MarkerKind::ReadPrivate } else { MarkerKind::Read };
        let marker = Marker { kind, event_id: target.id().clone(), thread };
        self.fixture.engine.chat.receipts.mark(&self.members[who], &self.room.id, vec![marker]).await.unwrap();
    }

    async fn change_rule(&self, who: usize, rule: usize, on: bool) {
        let (rules, me) = (&self.fixture.engine.chat.push_rules, &self.members[who]);
        let default = |kind, id: &'static str| rules.set_enabled(me.user, &me.user_id, (kind, id), on);
        let own = |id: &'static str, conditions: Value| {
            let actions = if on { json!(["notify", { "set_tweak": "highlight" }]) } else { json!([]) };
            let body = serde_json::from_value(json!({ "conditions": conditions, "actions": actions })).unwrap();
            async move { rules.put(me.user, &me.user_id, (RuleKind::Override, id), &body, (None, None)).await }
        };
        let of_kind = |kind, id: String, body: Value| {
            let body = serde_json::from_value(body).unwrap();
            async move { rules.put(me.user, &me.user_id, (kind, &id), &body, (None, None)).await }
        };
        let loud = if on { json!(["notify", { "set_tweak": "highlight" }]) } else { json!([]) };
        let quiet = if on { json!([]) } else { json!(["notify"]) };
        match rule {
            5 => of_kind(RuleKind::Content, "word".into(), json!({ "pattern": "h?llo", "actions": loud })).await,
            6 => of_kind(RuleKind::Room, self.room.id.to_string(), json!({ "actions": quiet })).await,
            7 => of_kind(RuleKind::Sender, self.members[0].user_id.to_string(), json!({ "actions": loud })).await,
            0 => default(RuleKind::Override, ".m.rule.master").await,
            1 => default(RuleKind::Underride, ".m.rule.message").await,
            2 => own("reactions", json!([{ "kind": "event_match", "key": "type", "pattern": "m.reaction" }])).await,
            3 => own("crowd", json!([{ "kind": "room_member_count", "is": ">=3" }])).await,
            _ => own("name", json!([{ "kind": "contains_display_name" }])).await,
        }
        .unwrap();
    }

    /// Compares what is kept with what the room's events and the user's receipts say.
    async fn look(&self, who: usize) {
        let me = &self.members[who];
        let kept = self.unread.in_room(me, &self.room).await.unwrap().counts.clone();
        assert_eq!(kept, self.naive(me).await, "of {}", me.user_id);
    }

    /// The definition: of the events since the user joined, which others sent and the rules notify of, those that no
    /// receipt covers, neither one of their thread nor an unthreaded one. An own message is a receipt for its thread.
    async fn naive(&self, me: &Actor) -> UnreadCounts {
        let engine = &self.fixture.engine;
        let events = self.events().await;
        let (room, user) = (self.room.nid, me.user);
        let receipts = engine.core.store.read(move |db| db.receipts_of(&[room], user)).await.unwrap();
        let mut receipts: Vec<(Option<Thread>, i64)> = receipts
            .into_iter()
            .map(|receipt| (receipt.thread_id.map(|text| Thread::parse(&text).unwrap()), receipt.event_seq))
            .collect();
        let main = receipts.iter().filter(|(thread, _)| !matches!(thread, Some(Thread::Root(_)))).map(|(_, seq)| *seq);
        let main = main.max().unwrap_or(0);
        let (mut joined, mut is_in) = (0, false);
        for event in events.iter().filter(|event| event.state_key() == Some(me.user_id.as_str())) {
            let now = event.signed().membership == Some(Membership::Join);
            if now && !is_in {
                joined = event.seq;
            }
            is_in = now;
        }
        let is_comment = |event: &RoomEvent| {
            Relation::of(event.signed()).is_some_and(|relation| relation.is("m.annotation") || relation.is("m.replace"))
        };
        for event in events.iter().filter(|event| event.sender == user && event.seq > joined) {
            if !event.is_state() && !event.is_redacted() && event.kind() != "m.room.redaction" && !is_comment(event) {
                receipts.push((Some(thread_in(&events, event)), event.seq));
            }
        }
        let rules = engine.chat.push_rules.ruleset(user, &me.user_id).await.unwrap().compile(&me.user_id);
        let ignored = engine.chat.account_data.ignored_users(user, &me.user_id).await.unwrap();
        let member = self.room.member(&engine.core, me.user_id.as_str()).await.unwrap().unwrap();
        let name = member.signed().content_map();
        let view = self.room.view();
        let context = Context {
            user: &me.user_id,
            display_name: name.get("displayname").and_then(Value::as_str),
            member_count: view.joined.len() as u64,
            power: &view.power,
        };
        let mut counts = UnreadCounts::default();
        for event in events.iter().filter(|event| event.sender != user && event.seq > joined && !event.is_redacted()) {
            // A reaction or an edit that came before what was read of the timeline is about what was read.
            let is_passed = is_comment(event) && event.seq <= main;
            if is_passed || ignored.contains(&event.signed().sender) {
                continue;
            }
            let evaluation = rules.evaluate(&FlatEvent::new(event.signed()), &context);
            let thread = thread_in(&events, event);
            let covers =
                |(of, seq): &(Option<Thread>, i64)| of.as_ref().is_none_or(|of| *of == thread) && *seq >= event.seq;
            if !evaluation.notify || receipts.iter().any(covers) {
                continue;
            }
            let counts = match thread {
                Thread::Main => &mut counts.main,
                Thread::Root(root) => counts.threads.entry(root).or_default(),
            };
            counts.notification_count += 1;
            counts.highlight_count += u64::from(evaluation.highlight);
        }
        counts
    }
}

fn thread_in(events: &[Arc<RoomEvent>], event: &RoomEvent) -> Thread {
    thread_of(Relation::of(event.signed()).as_ref(), |id| {
        events.iter().find(|event| event.id() == id).and_then(|event| Relation::of(event.signed()))
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn looking_while_others_write_leaves_a_true_count() {
    let world = Box::pin(World::new(Sizes::default())).await;
    let World { fixture, members, room, .. } = &world;
    let root = say(fixture, room, &members[0], None).await;
    let talk = async {
        for number in 0..60 {
            say(fixture, room, &members[0], (number % 3 == 0).then_some(("m.thread", &root))).await;
        }
    };
    let mention_and_read = async {
        for number in 0..20 {
            world.say(0, None, Some(2)).await;
            world.read(1, number % 2 == 0, number % 3 == 0, 3).await;
        }
    };
    let look = async {
        for number in 0..60 {
            counts(fixture, room, &members[1]).await;
            counts(fixture, room, &members[2]).await;
            if number % 10 == 0 {
                world.read(2, false, number % 20 == 0, 2).await;
            }
        }
    };
    tokio::join!(talk, mention_and_read, look);
    for who in 0..3 {
        world.look(who).await;
    }
}

/// As it is, and so little at once that most counts go through the database, over many stretches, and are stored.
fn sizes() -> impl Strategy<Value = Sizes> {
    let little = (1..6_usize, 0..4_usize, 0..8_usize);
    prop_oneof![
        1 => Just(Sizes::default()),
        3 => little.prop_map(|(segment, in_memory, long)| Sizes { segment, in_memory, long }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_kept_equals_what_is_computed_from_nothing(
        sizes in sizes(),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut world = Box::pin(World::new(sizes)).await;
            for step in steps {
                world = Box::pin(world.take(step)).await;
            }
            for who in 0..3 {
                world.look(who).await;
            }
        });
    }
}
