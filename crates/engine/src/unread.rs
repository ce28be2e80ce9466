//! Unread counts: how many events of a room notify a user who has not read them (spec: client-server API, "Receiving
//! notifications").
//!
//! Nothing is written when a message is sent. A count is computed when somebody looks, from the user's receipts, push
//! rules and the room's events; it is kept in memory and goes on from there with the events that have come since.
//! Whatever it was computed from (the `Basis`) is compared before it is used again, so nobody has to clear it.
//!
//! A user's own message marks its thread as read up to it, as a receipt would.

use std::{collections::HashSet, sync::Arc};

use im2_model::{RoomNid, UserId, UserNid};
use im2_rooms::{
    content::Membership,
    event::Pdu,
    power::PowerLevels,
    push::{Context, Evaluation, FlatEvent},
    relations::{Relation, Thread, rel_type},
    unread::{Candidate, Counts, ReadUpTo, UnreadCounts},
};
use im2_store::{
    Snapshot,
    rooms::{Direction, EventRow},
};
use quick_cache::sync::Cache;
use serde::Deserialize;

use crate::{
    Core, Result,
    account_data::AccountData,
    push_rules::{PushRules, UserRules},
    receipts::{OwnReceipts, Receipts},
    rooms::{Actor, Room, RoomEvent, View},
    threads,
};

/// Rooms of users whose counts are kept. One takes some 400 bytes, and more for each thread with unread events.
const KEPT: usize = 100_000;
/// The newest events of a room that are looked at. What is older and unread does not count any more.
const NEWEST: usize = 5_000;
/// The newest events of threads that are looked at where the main timeline has been read already.
const NEWEST_IN_THREADS: usize = 500;
/// Events read from the database at a time.
const CHUNK: usize = 128;
/// Changes of a member's profile that are followed back to find when the member joined.
const PROFILE_CHANGES: usize = 100;

/// The use cases of unread counts.
#[derive(Debug, Clone)]
pub struct Unread {
    core: Core,
    account_data: AccountData,
    push_rules: PushRules,
    receipts: Receipts,
    kept: Arc<Cache<(UserNid, RoomNid), Arc<RoomUnread>>>,
}

/// What a user has not read of a room.
#[derive(Debug, Clone)]
pub struct RoomUnread {
    /// How much.
    pub counts: UnreadCounts,
    read: ReadUpTo<i64>,
    /// The number of the event with which the user joined; 0 if that does not matter, because later events are read.
    joined: i64,
    /// The number of the last event counted.
    until: i64,
    basis: Arc<Basis>,
}

/// What counts depend on beside the events.
#[derive(Debug, Clone)]
pub(crate) struct Basis {
    rules: Arc<UserRules>,
    ignored: Arc<HashSet<UserId>>,
    receipts: Arc<OwnReceipts>,
    power: Arc<PowerLevels>,
    display_name: Option<String>,
    member_count: u64,
    /// The number of the user's current member event.
    member: i64,
}

/// An event that may count.
struct Event<'a> {
    seq: i64,
    pdu: &'a Pdu,
    is_redacted: bool,
}

impl RoomUnread {
    /// Whether the user has read the event numbered `seq`, which belongs to `thread`.
    pub fn is_read(&self, thread: &Thread, seq: i64) -> bool {
        self.read.includes(thread, seq)
    }

    /// What the user's push rules make of an event in the room as it is now; nothing for events that notify nobody.
    pub(crate) fn evaluate<'a>(&'a self, user: &UserId, pdu: &Pdu, is_redacted: bool) -> Evaluation<'a> {
        self.basis.evaluate(user, &Event { seq: 0, pdu, is_redacted })
    }

    fn nothing(basis: Arc<Basis>, joined: i64, until: i64) -> Self {
        let read = basis.receipts.read.clone();
        Self { counts: UnreadCounts::default(), read, joined, until, basis }
    }

    /// Counts one event more, which is newer than all before it. `thread_of` tells an event's thread, if it can.
    fn take<E>(
        &mut self,
        user: &UserId,
        event: &Event<'_>,
        thread_of: impl FnOnce(&Pdu) -> std::result::Result<Thread, E>,
    ) -> std::result::Result<(), E> {
        let relation = || Relation::of(event.pdu);
        let is_comment = |relation: &Relation| relation.is(rel_type::ANNOTATION) || relation.is(rel_type::REPLACE);
        if event.pdu.sender == *user {
            let is_message = !event.is_redacted && !event.pdu.is_state() && &*event.pdu.kind != "m.room.redaction";
            if is_message && !relation().as_ref().is_some_and(is_comment) {
                let thread = thread_of(event.pdu)?;
                self.read.record(Some(&thread), event.seq);
                match &thread {
                    Thread::Main => self.counts.main = Counts::default(),
                    Thread::Root(root) => drop(self.counts.threads.remove(root)),
                }
            }
            return Ok(());
        }
        let Evaluation { notify, highlight, .. } = self.basis.evaluate(user, event);
        let passed = || event.seq <= self.basis.receipts.main && relation().as_ref().is_some_and(is_comment);
        if notify && !passed() {
            let thread = thread_of(event.pdu)?;
            let candidate = Candidate { at: event.seq, sender: &event.pdu.sender, thread, notify, highlight };
            self.counts.add(user, &self.read, &candidate);
        }
        Ok(())
    }
}

impl Basis {
    fn evaluate(&self, user: &UserId, event: &Event<'_>) -> Evaluation<'_> {
        if event.is_redacted || self.ignored.contains(&event.pdu.sender) {
            return Evaluation::default();
        }
        let display_name = self.display_name.as_deref();
        let context = Context { user, display_name, member_count: self.member_count, power: &self.power };
        self.rules.rules.evaluate(&FlatEvent::new(event.pdu), &context)
    }

    /// Whether events count alike on both.
    fn is_like(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.rules, &other.rules)
            && Arc::ptr_eq(&self.ignored, &other.ignored)
            && Arc::ptr_eq(&self.receipts, &other.receipts)
            && Arc::ptr_eq(&self.power, &other.power)
            && self.display_name == other.display_name
            && self.member == other.member
            && self.rules.member_count_class(self.member_count) == self.rules.member_count_class(other.member_count)
    }

    /// Up to which event everything is read in every thread.
    fn settled(&self) -> i64 {
        self.receipts.read.everywhere().unwrap_or(0)
    }
}

impl Unread {
    pub(crate) fn new(core: Core, account_data: AccountData, push_rules: PushRules, receipts: Receipts) -> Self {
        Self { core, account_data, push_rules, receipts, kept: Arc::new(Cache::new(KEPT)) }
    }

    /// What `actor`, a member of `room`, has not read of it.
    pub async fn in_room(&self, actor: &Actor, room: &Arc<Room>) -> Result<Arc<RoomUnread>> {
        let key = (actor.user, room.nid);
        let rules = self.push_rules.compiled(actor.user, &actor.user_id).await?;
        let ignored = self.account_data.ignored_users(actor.user, &actor.user_id).await?;
        let receipts = self.receipts.own(actor.user, room.nid).await?;
        let (basis, head) = {
            let view = room.view();
            let (member, display_name) = member_of(&view, &actor.user_id);
            let (power, member_count) = (Arc::clone(&view.power), view.joined.len() as u64);
            (Basis { rules, ignored, receipts, power, display_name, member_count, member }, view.seq)
        };
        let kept = self.kept.get(&key);
        if let Some(kept) = kept.as_ref().filter(|kept| kept.basis.is_like(&basis)) {
            if kept.until >= head {
                return Ok(Arc::clone(kept));
            }
            let is_redaction = |event: &Arc<RoomEvent>| event.kind() == "m.room.redaction";
            let news = room.view().after(kept.until).filter(|news| !news.iter().any(is_redaction));
            if let Some(more) = news.and_then(|news| in_memory(actor, room, RoomUnread::clone(kept), &news)) {
                return Ok(self.keep(key, more));
            }
        }
        let joined = kept.filter(|kept| kept.basis.member == basis.member).map(|kept| kept.joined);
        Ok(self.keep(key, self.count(actor, room, Arc::new(basis), head, joined).await?))
    }

    fn keep(&self, key: (UserNid, RoomNid), unread: RoomUnread) -> Arc<RoomUnread> {
        let unread = Arc::new(unread);
        self.kept.insert(key, Arc::clone(&unread));
        unread
    }

    /// Counts from the beginning, up to event number `head`.
    async fn count(
        &self,
        actor: &Actor,
        room: &Arc<Room>,
        basis: Arc<Basis>,
        head: i64,
        joined: Option<i64>,
    ) -> Result<RoomUnread> {
        if basis.settled() >= basis.member.max(basis.receipts.main) {
            let from = basis.settled();
            let news = room.view().after(from);
            let start = RoomUnread::nothing(Arc::clone(&basis), 0, from);
            if let Some(unread) = news.and_then(|news| in_memory(actor, room, start, &news)) {
                return Ok(unread);
            }
        }
        let (actor, room) = (actor.clone(), Arc::clone(room));
        let count = move |db: &Snapshot<'_>| in_database(db, &actor, &room, basis, head, joined);
        Ok(self.core.store.read(count).await?)
    }
}

/// Counts `news` on top of `unread`, if all that matters is in memory.
fn in_memory(actor: &Actor, room: &Room, mut unread: RoomUnread, news: &[Arc<RoomEvent>]) -> Option<RoomUnread> {
    for event in news {
        let one = Event { seq: event.seq, pdu: &event.pdu, is_redacted: event.is_redacted() };
        let thread_of = |pdu: &Pdu| match Relation::of(pdu) {
            None => Ok(Thread::Main),
            Some(_) => threads::in_memory(&room.view(), pdu).ok_or(()),
        };
        unread.take(&actor.user_id, &one, thread_of).ok()?;
        unread.until = event.seq;
    }
    Some(unread)
}

/// Counts up to event number `head`.
fn in_database(
    db: &Snapshot<'_>,
    actor: &Actor,
    room: &Room,
    basis: Arc<Basis>,
    head: i64,
    joined: Option<i64>,
) -> im2_store::Result<RoomUnread> {
    let joined = match joined {
        Some(joined) => joined,
        None if basis.settled() >= basis.member => 0,
        None => joined_at(db, room, &actor.user_id, basis.member)?,
    };
    let settled = basis.settled().max(joined);
    // What is after `from` is looked at whole; before it only threads can have anything unread.
    let from = settled.max(basis.receipts.main).max(head - NEWEST as i64);
    let mut unread = RoomUnread::nothing(basis, joined, head);
    let mut take = |row: &EventRow| {
        let event = RoomEvent::load_state(room.version, row)?;
        let one = Event { seq: row.seq, pdu: &event.pdu, is_redacted: row.redacted_by.is_some() };
        unread.take(&actor.user_id, &one, |pdu| threads::in_database(db, room, pdu))
    };
    if from > settled {
        let newest_first = db.conversation_events(room.nid, settled, from, NEWEST_IN_THREADS)?;
        newest_first.iter().rev().try_for_each(&mut take)?;
    }
    let mut at = from;
    while at < head {
        let rows = db.events_from(room.nid, at, Direction::Forward, CHUNK)?;
        let Some(last) = rows.last() else { break };
        at = last.seq;
        rows.iter().filter(|row| row.seq <= head).try_for_each(&mut take)?;
    }
    Ok(unread)
}

/// The number of the event with which a user joined who has been a member since: their member event, or the first of
/// those that only changed their profile.
pub(crate) fn joined_at(db: &Snapshot<'_>, room: &Room, user_id: &UserId, member: i64) -> im2_store::Result<i64> {
    let mut joined = member;
    for _ in 0..PROFILE_CHANGES {
        let before = db.state_entry_at(room.nid, "m.room.member", user_id.as_str(), joined - 1)?;
        let Some(before) = before else { break };
        if RoomEvent::load_state(room.version, &before)?.pdu.membership != Some(Membership::Join) {
            break;
        }
        joined = before.seq;
    }
    Ok(joined)
}

/// A user's current member event: its number and the display name in it.
fn member_of(view: &View, user_id: &UserId) -> (i64, Option<String>) {
    #[derive(Deserialize)]
    struct Profile {
        displayname: Option<String>,
    }
    let Some(member) = view.state.get("m.room.member", user_id.as_str()) else { return (view.seq, None) };
    let profile = serde_json::from_str::<Profile>(member.pdu.content_json()).ok();
    (member.seq, profile.and_then(|profile| profile.displayname))
}
