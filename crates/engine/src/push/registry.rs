//! Which users have pushers and what is to be delivered to each: in memory, and bounded.
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

/// What is delivered next.
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
    /// Whether it is queued for its gateway, being told, or waiting for its next attempt.
    queued: bool,
    /// Events up to here are none of its business.
    since: Position,
    waiting: VecDeque<Arc<Item>>,
    /// Whether the numbers are to be told although no event is.
    badge: bool,
    /// What is being delivered.
    busy: Option<Task>,
    /// Attempts that have failed since the last that did not.
    failures: u32,
    /// The number that the gateway was told last.
    told: Option<u64>,
    /// What the database says of where it is behind.
    stored: Option<Position>,
    /// Whether it may say something else.
    unsure: bool,
}

/// A pusher that has to be queued for its gateway.
pub(super) type Ready = (i64, Gateway);

impl Slot {
    /// The pusher to queue, unless it is queued already.
    fn queue(&mut self) -> Option<Ready> {
        let was_queued = std::mem::replace(&mut self.queued, true);
        (!was_queued).then(|| (self.nid, self.gateway.clone()))
    }

    /// The place after which something is still to be delivered, if it is not where `cursor` stands.
    fn behind(&self, cursor: &StreamToken, unjudged: Option<Position>) -> Option<Position> {
        let unjudged = unjudged.filter(|position| *position > self.since);
        let busy = match &self.busy {
            Some(Task::Event(item)) => Some(item.position),
            _ => None,
        };
        let first = self.waiting.front().map(|item| item.position);
        let first = first.into_iter().chain(busy).chain(unjudged).min();
        let before = first.map(|position| Position::from_i64(position.to_i64() - 1));
        before.or_else(|| (!cursor.includes(self.since)).then_some(self.since))
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
        self.unjudged.iter().find_map(|news| if let News::Event(position, ..) = news { Some(*position) } else { None })
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
        self.insert(user, user_id, (nid, gateway), since, Some(since));
    }

    /// Adds a pusher as it is stored.
    pub(super) fn restore(&self, pusher: &Pusher, since: Position) {
        let gateway = Gateway::of(&pusher.settings.url);
        self.insert(pusher.user, &pusher.user_id, (pusher.nid, gateway), since, pusher.behind);
    }

    fn insert(
        &self,
        user: UserNid,
        user_id: &UserId,
        (nid, gateway): (i64, Gateway),
        since: Position,
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
            owner.slots.push(Slot {
                nid,
                gateway,
                queued: false,
                since,
                waiting: VecDeque::new(),
                badge: false,
                busy: None,
                failures: 0,
                told: None,
                stored,
                unsure: false,
            });
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.owners.lock().is_empty()
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
        for slot in &mut owner.slots {
            if item.position <= slot.since {
                continue;
            }
            while slot.waiting.len() >= share {
                slot.waiting.pop_front();
            }
            slot.waiting.push_back(Arc::clone(item));
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
                slot.badge = true;
                slot.queue()
            })
            .collect()
    }

    /// Notes that a pusher is no longer queued, and has it queued again if something waits for it.
    pub(super) fn unqueue(&self, user: UserNid, nid: i64) -> Option<Ready> {
        self.with(user, nid, |slot| {
            slot.queued = false;
            if slot.busy.is_none() && (slot.badge || !slot.waiting.is_empty()) { slot.queue() } else { None }
        })
        .flatten()
    }

    /// Takes what is to be delivered to a pusher next, unless something is being delivered to it. An event brings the
    /// numbers along.
    pub(super) fn take(&self, user: UserNid, nid: i64) -> Option<Task> {
        self.with(user, nid, |slot| {
            if slot.busy.is_some() {
                return None;
            }
            let task = match slot.waiting.pop_front() {
                Some(item) => Task::Event(item),
                None if slot.badge => Task::Badge,
                None => return None,
            };
            if slot.waiting.is_empty() {
                slot.badge = false;
            }
            slot.busy = Some(task.clone());
            Some(task)
        })
        .flatten()
    }

    /// Notes that a delivery is done: the gateway was told `badge`, or there was nothing to say.
    pub(super) fn delivered(&self, user: UserNid, nid: i64, badge: Option<u64>) {
        self.with(user, nid, |slot| {
            slot.busy = None;
            slot.failures = 0;
            slot.told = badge.or(slot.told);
        });
    }

    /// Notes that a delivery failed, and what is to be tried again. Returns how many have failed in a row.
    pub(super) fn failed(&self, user: UserNid, nid: i64) -> Option<u32> {
        self.with(user, nid, |slot| {
            slot.failures = slot.failures.saturating_add(1);
            slot.failures
        })
    }

    /// Puts back what is to be tried again.
    pub(super) fn retry(&self, user: UserNid, nid: i64) {
        self.with(user, nid, |slot| match slot.busy.take() {
            Some(Task::Event(item)) if slot.waiting.len() < WAITING => slot.waiting.push_front(item),
            Some(_) => slot.badge = true,
            None => {}
        });
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

    /// What the database does not know yet of where pushers are behind a cursor that stands at `cursor`. It is taken
    /// as stored from now on.
    pub(super) fn take_progress(&self, cursor: &StreamToken) -> Vec<(i64, Option<Position>)> {
        let mut owners = self.owners.lock();
        let slots = owners.values_mut().flat_map(|owner| {
            let unjudged = owner.first_unjudged();
            owner.slots.iter_mut().map(move |slot| (slot, unjudged))
        });
        let changed = slots.filter_map(|(slot, unjudged)| {
            let behind = slot.behind(cursor, unjudged);
            let is_new = slot.unsure || slot.stored != behind;
            slot.unsure = false;
            slot.stored = behind;
            is_new.then_some((slot.nid, behind))
        });
        changed.collect()
    }

    /// Takes back that progress was stored.
    pub(super) fn put_back(&self, progress: &[(i64, Option<Position>)]) {
        let mut owners = self.owners.lock();
        for slot in owners.values_mut().flat_map(|owner| owner.slots.iter_mut()) {
            if progress.iter().any(|(nid, _)| *nid == slot.nid) {
                slot.unsure = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use im2_model::{EventId, Position, RoomNid, StreamToken, UserId, UserNid};

    use std::sync::Arc;

    use super::{Gateway, Item, Registry, Task, WAITING, WAITING_OF_USER};

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
        assert_eq!(registry.take_progress(&at(12)), [], "behind where it began");
        registry.delivered(ana, 7, Some(1));
        assert_eq!(registry.take(ana, 7), Some(Task::Event(item(12))));
        assert_eq!(registry.take_progress(&at(12)), [(7, Some(Position::new(1, 11)))]);
        registry.delivered(ana, 7, Some(2));
        assert_eq!((registry.take(ana, 7), registry.told(ana, 7)), (None, Some(2)));
        assert_eq!(registry.take_progress(&at(12)), [(7, None)]);
        registry.refresh(ana);
        assert_eq!(registry.take(ana, 7), Some(Task::Badge));
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
