//! The users' pushers and the notifications to deliver to each: in memory, and bounded.
//!
//! A pusher that is not here is not notified; one that is here may have ended, which its row says when something is
//! about to be delivered.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use im2_model::{EventId, Millis, Position, RoomNid, StreamToken, UserId, UserNid};
use im2_store::pushers::Pusher;
use parking_lot::Mutex;

use super::{badge::Badge, gateways::Gateway};
use crate::follower::{Due, Outbox, Placed, Start};

/// Notifications that wait for one gateway. When it has been away for so long that there are more, the older give way:
/// a device that hears of the newest fetches the rest.
const WAITING: usize = 50;
/// News of one user that wait to be judged, a hundred bytes each. They are judged in no time, unless the user has the
/// server busy with other work.
const UNJUDGED: usize = 4_096;
/// Notifications that wait for all gateways of one user. Users with many pushers have fewer waiting for each.
const WAITING_OF_USER: usize = 1_000;

/// An event that a user may have to be notified of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) position: Position,
    pub(super) room: RoomNid,
    pub(super) event_id: EventId,
    /// When it began to wait.
    pub(super) since: Millis,
}

impl Placed for Item {
    fn position(&self) -> Position {
        self.position
    }
}

/// The next thing to deliver to a pusher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Task {
    /// A notification.
    Event(Arc<Item>),
    /// The numbers alone, because they may have changed.
    Badge,
}

/// Something that may have to be told to a user's pushers.
#[derive(Debug, Clone)]
pub(super) enum News {
    /// This happened in a room of theirs.
    Event(Position, RoomNid, EventId),
    /// They have read something in this room.
    Read(RoomNid),
    /// The rules by which their unread events are counted have changed.
    Rules,
}

/// One pusher.
#[derive(Debug)]
struct Slot {
    nid: i64,
    gateway: Gateway,
    /// The notifications that wait. The outbox's current state is the unread numbers.
    waiting: Outbox<Arc<Item>>,
    /// The number that the gateway was told last.
    told: Option<u64>,
}

/// A pusher that has to be queued for its gateway.
pub(crate) type Ready = (i64, Gateway);

impl Slot {
    /// The pusher to queue, unless it is queued already.
    fn queue(&mut self) -> Option<Ready> {
        self.waiting.queue().then(|| self.ready())
    }

    fn ready(&self) -> Ready {
        (self.nid, self.gateway.clone())
    }
}

/// One user with pushers.
#[derive(Debug)]
struct Owner {
    user_id: UserId,
    badge: Arc<Badge>,
    slots: Vec<Slot>,
    /// News to judge, in order; the first are being judged.
    unjudged: VecDeque<News>,
    /// Whether somebody judges, or is about to.
    judging: bool,
}

impl Owner {
    fn first_unjudged(&self) -> Option<Position> {
        let events =
            self.unjudged.iter().filter_map(|news| if let News::Event(at, ..) = news { Some(*at) } else { None });
        events.min()
    }
}

/// The users with pushers.
#[derive(Debug, Default)]
pub(super) struct Registry {
    owners: Mutex<HashMap<UserNid, Owner>>,
}

impl Registry {
    /// Adds a pusher that is notified of what comes after `since`, unless it is there.
    pub(super) fn add(&self, user: UserNid, user_id: &UserId, nid: i64, gateway: Gateway, since: Position) {
        self.insert(user, user_id, (nid, gateway), Start::Added(since), Some(since));
    }

    /// Adds a pusher as it is stored, or brings it to where it is.
    pub(super) fn restore(&self, pusher: &Pusher, start: Start) {
        let (user, nid, gateway) = (pusher.user, pusher.nid, Gateway::of(&pusher.settings.url));
        self.insert(user, &pusher.user_id, (nid, gateway), start.clone(), pusher.behind);
        self.with(user, nid, |slot| slot.waiting.begin_at(start, pusher.behind));
    }

    fn insert(
        &self,
        user: UserNid,
        user_id: &UserId,
        (nid, gateway): (i64, Gateway),
        start: Start,
        stored: Option<Position>,
    ) {
        let mut owners = self.owners.lock();
        let fresh = || Owner {
            user_id: user_id.clone(),
            badge: Arc::default(),
            slots: Vec::new(),
            unjudged: VecDeque::new(),
            judging: false,
        };
        let owner = owners.entry(user).or_insert_with(fresh);
        if let Some(slot) = owner.slots.iter_mut().find(|slot| slot.nid == nid) {
            slot.gateway = gateway; // it may have been set anew
        } else {
            owner.slots.push(Slot { nid, gateway, waiting: Outbox::new(start, stored), told: None });
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.owners.lock().is_empty()
    }

    /// Forgets all pushers.
    pub(super) fn clear(&self) {
        self.owners.lock().clear();
    }

    /// Forgets a pusher that is no more.
    pub(super) fn remove(&self, user: UserNid, nid: i64) {
        let mut owners = self.owners.lock();
        if let Some(owner) = owners.get_mut(&user) {
            owner.slots.retain(|slot| slot.nid != nid);
            if owner.slots.is_empty() {
                owners.remove(&user);
            }
        }
    }

    pub(super) fn has(&self, user: UserNid) -> bool {
        self.owners.lock().contains_key(&user)
    }

    /// The user's name and numbers.
    pub(super) fn owner(&self, user: UserNid) -> Option<(UserId, Arc<Badge>)> {
        self.owners.lock().get(&user).map(|owner| (owner.user_id.clone(), Arc::clone(&owner.badge)))
    }

    /// Those with pushers among `users`, of whom there are `count`; whichever are fewer are walked.
    pub(super) fn among(
        &self,
        count: usize,
        users: impl Iterator<Item = UserNid>,
        is_one: impl Fn(UserNid) -> bool,
    ) -> HashSet<UserNid> {
        let owners = self.owners.lock();
        if count <= owners.len() {
            users.filter(|user| owners.contains_key(user)).collect()
        } else {
            owners.keys().copied().filter(|user| is_one(*user)).collect()
        }
    }

    /// Has news of a user wait to be judged. Returns whether somebody has to begin to.
    pub(super) fn note(&self, user: UserNid, news: News) -> bool {
        let mut owners = self.owners.lock();
        let Some(owner) = owners.get_mut(&user) else { return false };
        if owner.unjudged.len() >= UNJUDGED {
            owner.unjudged.remove(1); // the first is being judged
        }
        owner.unjudged.push_back(news);
        !std::mem::replace(&mut owner.judging, true)
    }

    /// The news to judge next; they stay until they have been.
    pub(super) fn unjudged(&self, user: UserNid) -> Option<News> {
        self.owners.lock().get(&user)?.unjudged.front().cloned()
    }

    /// Notes that what was next has been judged.
    pub(super) fn judged(&self, user: UserNid) {
        if let Some(owner) = self.owners.lock().get_mut(&user) {
            owner.unjudged.pop_front();
        }
    }

    /// Notes that nobody judges any more, unless there is more. Returns whether there is.
    pub(super) fn stop_judging(&self, user: UserNid) -> bool {
        let mut owners = self.owners.lock();
        let Some(owner) = owners.get_mut(&user) else { return false };
        owner.judging = !owner.unjudged.is_empty();
        owner.judging
    }

    /// Has an event wait for all of a user's pushers. Returns those that have to be queued.
    pub(super) fn notify(&self, user: UserNid, item: &Arc<Item>) -> Vec<Ready> {
        let mut owners = self.owners.lock();
        let Some(owner) = owners.get_mut(&user) else { return Vec::new() };
        let share = (WAITING_OF_USER / owner.slots.len().max(1)).clamp(1, WAITING);
        let mut ready = Vec::new();
        for slot in owner.slots.iter_mut().filter(|slot| slot.waiting.wants(item.position)) {
            slot.waiting.push(Arc::clone(item), share);
            ready.extend(slot.queue());
        }
        ready
    }

    /// Has the numbers wait for all of a user's pushers. Returns those that have to be queued.
    pub(super) fn refresh(&self, user: UserNid) -> Vec<Ready> {
        let mut owners = self.owners.lock();
        let Some(owner) = owners.get_mut(&user) else { return Vec::new() };
        let slots = owner.slots.iter_mut();
        slots
            .filter_map(|slot| {
                slot.waiting.push_state();
                slot.queue()
            })
            .collect()
    }

    /// The same for one pusher.
    pub(super) fn refresh_one(&self, user: UserNid, nid: i64) -> Option<Ready> {
        self.with(user, nid, |slot| {
            slot.waiting.push_state();
            slot.queue()
        })
        .flatten()
    }

    /// Notes that a pusher is no longer queued, and has it queued again if something waits for it.
    pub(super) fn unqueue(&self, user: UserNid, nid: i64) -> Option<Ready> {
        self.with(user, nid, |slot| slot.waiting.unqueue().then(|| slot.ready())).flatten()
    }

    /// Takes what is to be delivered to a pusher next, unless something is being delivered to it. An event brings the
    /// numbers along.
    pub(super) fn take(&self, user: UserNid, nid: i64) -> Option<Task> {
        let due = self.with(user, nid, |slot| slot.waiting.take()).flatten()?;
        Some(match due {
            Due::Item(item) => Task::Event(item),
            Due::State => Task::Badge,
        })
    }

    /// Notes that a delivery is done: the gateway was told `badge`, or there was nothing to say.
    pub(super) fn delivered(&self, user: UserNid, nid: i64, badge: Option<u64>) {
        self.with(user, nid, |slot| {
            slot.waiting.confirmed();
            slot.told = badge.or(slot.told);
        });
    }

    /// Notes that a delivery failed, and what is to be tried again. Returns how many have failed in a row.
    pub(super) fn failed(&self, user: UserNid, nid: i64) -> Option<u32> {
        self.with(user, nid, |slot| slot.waiting.failed())
    }

    /// Puts back what is to be tried again.
    pub(super) fn retry(&self, user: UserNid, nid: i64) {
        self.with(user, nid, |slot| slot.waiting.try_again(WAITING));
    }

    /// The number that a gateway was told last.
    pub(super) fn told(&self, user: UserNid, nid: i64) -> Option<u64> {
        self.with(user, nid, |slot| slot.told).flatten()
    }

    fn with<T>(&self, user: UserNid, nid: i64, work: impl FnOnce(&mut Slot) -> T) -> Option<T> {
        let mut owners = self.owners.lock();
        let slot = owners.get_mut(&user)?.slots.iter_mut().find(|slot| slot.nid == nid)?;
        Some(work(slot))
    }

    /// The pushers whose position, compared with a cursor that stands at `cursor`, the database does not know yet: the
    /// position while they are behind it, `None` if they are not. They are taken as stored from now on.
    pub(super) fn take_progress(&self, cursor: &StreamToken) -> Vec<(i64, Option<Position>)> {
        let mut owners = self.owners.lock();
        let slots = owners.values_mut().flat_map(|owner| {
            let unjudged = owner.first_unjudged();
            owner.slots.iter_mut().map(move |slot| (slot, unjudged))
        });
        slots.filter_map(|(slot, unjudged)| Some((slot.nid, slot.waiting.take_behind(cursor, unjudged)?))).collect()
    }

    /// Takes back that progress was stored.
    pub(super) fn put_back(&self, progress: &[(i64, Option<Position>)]) {
        let mut owners = self.owners.lock();
        for slot in owners.values_mut().flat_map(|owner| owner.slots.iter_mut()) {
            if progress.iter().any(|(nid, _)| *nid == slot.nid) {
                slot.waiting.not_stored();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use im2_model::{EventId, Position, Reached, RoomNid, StreamToken, UserId, UserNid};

    use std::sync::Arc;

    use super::{Gateway, Item, Registry, Start, Task, WAITING, WAITING_OF_USER};

    fn item(sequence: u64) -> Arc<Item> {
        let event_id = EventId::parse(&format!("$event{sequence}")).unwrap();
        Arc::new(Item { position: Position::new(1, sequence), room: RoomNid(1), event_id, since: 0 })
    }

    fn gateway() -> Gateway {
        Gateway::of("https://push.example.org/_matrix/push/v1/notify")
    }

    fn at(sequence: u64) -> StreamToken {
        StreamToken::at(Position::new(1, sequence), 0)
    }

    fn one_pusher() -> (Registry, UserNid) {
        let (registry, ana) = (Registry::default(), UserNid(1));
        registry.add(ana, &UserId::parse("@ana:x").unwrap(), 7, gateway(), Position::new(1, 10));
        (registry, ana)
    }

    #[test]
    fn events_are_delivered_in_order_one_at_a_time_and_the_numbers_go_with_the_last() {
        let (registry, ana) = one_pusher();
        assert!(registry.notify(ana, &item(10)).is_empty(), "before its time");
        registry.notify(ana, &item(11));
        registry.refresh(ana);
        registry.notify(ana, &item(12));
        assert_eq!(registry.take(ana, 7), Some(Task::Event(item(11))));
        assert_eq!(registry.take(ana, 7), None, "busy");
        let behind = |sequence| (7, Some(Position::new(1, sequence).just_before()));
        assert_eq!(registry.take_progress(&at(12)), [behind(11)]);
        registry.delivered(ana, 7, Some(1));
        assert_eq!(registry.take(ana, 7), Some(Task::Event(item(12))));
        assert_eq!(registry.take_progress(&at(12)), [behind(12)]);
        registry.delivered(ana, 7, Some(2));
        assert_eq!((registry.take(ana, 7), registry.told(ana, 7)), (None, Some(2)));
        assert_eq!(registry.take_progress(&at(12)), [(7, None)]);
        registry.refresh(ana);
        assert_eq!(registry.take(ana, 7), Some(Task::Badge));
    }

    #[test]
    fn a_restored_pusher_is_told_of_what_another_writer_wrote_meanwhile() {
        let mut told = Reached::default();
        told.advance(Position::new(1, 10));
        told.advance(Position::new(2, 4));
        let start = Start::Told(Arc::new(told.clone()));
        assert!(start.includes(Position::new(2, 4)) && !start.includes(Position::new(2, 5)));
        assert!(start.ahead_of(&told.clone().into()).is_none());
        assert_eq!(start.ahead_of(&at(10)), Some(Position::new(1, 10)), "nothing of the second");
        let start = Start::Added(Position::new(1, 10));
        assert!(start.includes(Position::new(2, 5)) && !start.includes(Position::new(2, 10)));
        assert!(start.ahead_of(&at(9)).is_some() && start.ahead_of(&at(10)).is_none());
    }

    #[test]
    fn what_failed_is_taken_again_before_what_came_later() {
        let (registry, ana) = one_pusher();
        registry.notify(ana, &item(11));
        registry.take(ana, 7);
        registry.notify(ana, &item(12));
        assert_eq!((registry.failed(ana, 7), registry.failed(ana, 7)), (Some(1), Some(2)));
        assert_eq!(registry.take(ana, 7), None, "until it is time");
        registry.retry(ana, 7);
        assert_eq!(registry.take(ana, 7), Some(Task::Event(item(11))));
        registry.delivered(ana, 7, None);
        registry.remove(ana, 7);
        assert!(registry.is_empty() && registry.take(ana, 7).is_none() && !registry.has(ana));
    }

    #[test]
    fn a_gateway_that_is_away_for_long_keeps_only_the_newest_waiting() {
        let (registry, ana) = one_pusher();
        for sequence in 11..200 {
            registry.notify(ana, &item(sequence));
        }
        assert_eq!(registry.take(ana, 7), Some(Task::Event(item(200 - WAITING as u64))));
    }

    #[test]
    fn a_pusher_is_queued_once_however_much_waits_for_it() {
        let (registry, ana) = one_pusher();
        assert_eq!(registry.notify(ana, &item(11)), [(7, gateway())]);
        assert!(registry.notify(ana, &item(12)).is_empty() && registry.refresh(ana).is_empty());
        registry.take(ana, 7);
        registry.delivered(ana, 7, Some(1));
        assert_eq!(registry.unqueue(ana, 7), Some((7, gateway())), "there is one more");
        registry.take(ana, 7);
        registry.delivered(ana, 7, Some(2));
        assert_eq!(registry.unqueue(ana, 7), None);
        assert_eq!(registry.refresh(ana), [(7, gateway())]);
    }

    #[test]
    fn many_pushers_of_one_user_have_little_waiting() {
        let (registry, ana) = one_pusher();
        for nid in 100..300 {
            registry.add(ana, &UserId::parse("@ana:x").unwrap(), nid, gateway(), Position::new(1, 10));
        }
        for sequence in 11..100 {
            registry.notify(ana, &item(sequence));
        }
        let owners = registry.owners.lock();
        let waiting: usize = owners[&ana].slots.iter().map(|slot| slot.waiting.len()).sum();
        assert!(waiting <= WAITING_OF_USER, "{waiting}");
    }
}
