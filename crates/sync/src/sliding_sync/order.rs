//! A user's rooms in the order of their activity, as all the user's connections see them: made once, then kept up to
//! date with what the stream says has changed, so that an answer costs the same however many rooms there are.
//!
//! For each filter in use the rooms that pass it are kept in order as well ([`Ranking`]). What tells filters apart but
//! comes with no event (tags, direct chats, ignored people, forgotten rooms) is rare: everything is made anew then.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use im2_chat::{
    account_data::{INVITE_PERMISSION_CONFIG, TagsAndDirect},
    rooms::{RoomMembership, RoomSummary, UserRooms},
};
use im2_core::{
    Result,
    memory::{Cache, Memory, Share},
    session::Session,
    stream::Change,
};
use im2_kernel::content::Membership;
use im2_model::{Position, RoomNid, StreamToken, UserId, UserNid};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{
    SlidingSync,
    filter::Filter,
    invites::WantedInvites,
    places::{Key, Ranked},
    request::{Filters, List},
};

/// Estimated memory for an order without rooms, and for each room in the few filters that clients have, in bytes.
const ORDER: usize = 512;
const ROOM: usize = 128;
/// Filters whose rooms are kept for one user. Clients have one to four; those used longest ago go first.
const RANKINGS: usize = 8;

/// The rooms of one user.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// The inputs that it was made from; `None` until it is made.
    basis: Option<Basis>,
    /// The place in the stream up to which it is true.
    reached: StreamToken,
    /// The rooms that belong to lists, each with the last of it that concerns the user.
    at: HashMap<RoomNid, Position>,
    rankings: Vec<Ranking>,
    uses: u64,
}

/// The inputs that an order is made from, beside the stream's news of rooms.
#[derive(Debug)]
struct Basis {
    rooms: Arc<UserRooms>,
    forgets: u64,
    labels: Arc<TagsAndDirect>,
    ignored: Arc<HashSet<UserId>>,
    invites: WantedInvites,
}

/// The rooms that pass a filter, in order.
#[derive(Debug)]
pub(super) struct Ranking {
    filter: Option<Filter>,
    pub(super) rooms: Ranked,
    /// Another number whenever it was made anew: as long as it is the same, only rooms have moved that events were in.
    pub(super) epoch: u64,
    used: u64,
}

/// A change in the stream that concerns an order.
#[derive(Debug, PartialEq, Eq)]
enum News {
    Room(RoomNid),
    InvitePermissions,
}

impl Basis {
    fn is_same(&self, rooms: &Arc<UserRooms>, labels: &Arc<TagsAndDirect>, ignored: &Arc<HashSet<UserId>>) -> bool {
        Arc::ptr_eq(&self.rooms, rooms)
            && self.forgets == rooms.forgets()
            && Arc::ptr_eq(&self.labels, labels)
            && Arc::ptr_eq(&self.ignored, ignored)
    }

    fn news(&self, user: UserNid, position: Position, change: &Change) -> Option<News> {
        match change {
            Change::Event(event) => self.news_of_room(position, event.room),
            Change::State(resolved) => self.news_of_room(position, resolved.room),
            Change::Gone(gone) => gone.told.contains_key(&user).then_some(News::Room(gone.room)),
            Change::AccountData(change) => {
                (change.user == user && *change.kind == *INVITE_PERMISSION_CONFIG).then_some(News::InvitePermissions)
            }
            _ => None,
        }
    }

    fn news_of_room(&self, position: Position, room: RoomNid) -> Option<News> {
        let membership = self.rooms.get_forgotten_too(room)?;
        // A room from which the user was turned away stays as it was then.
        let is_over = matches!(membership.membership, Membership::Leave | Membership::Ban);
        (!is_over || position == membership.position).then_some(News::Room(room))
    }

    /// Whether the user is invited to one of these rooms by somebody of whom it is not known whether they are ignored.
    fn has_unknown_inviter(&self, rooms: &BTreeSet<RoomNid>) -> bool {
        let is_invite = |room: &RoomNid| self.rooms.get(*room).is_some_and(|it| it.membership == Membership::Invite);
        !self.ignored.is_empty() && rooms.iter().any(is_invite)
    }

    /// The user's membership in a room and the position of its activity, if it belongs to lists: if the user is in it,
    /// or about to be, or was made to leave it.
    fn place(&self, summary: &RoomSummary) -> Option<(RoomMembership, Position)> {
        let membership = self.rooms.get(summary.room)?;
        let is_listed = match membership.membership {
            Membership::Join | Membership::Knock => true,
            Membership::Invite => self.invites.include(summary.room),
            Membership::Leave | Membership::Ban => membership.was_joined && !membership.by_self,
        };
        is_listed.then(|| (membership, activity(summary, &membership)))
    }
}

/// The position of the last event of a room that concerns a user with this membership: of all events for a member, else
/// of the member event.
pub(super) fn activity(summary: &RoomSummary, membership: &RoomMembership) -> Position {
    if membership.membership == Membership::Join { summary.last() } else { membership.position }
}

impl Ranking {
    fn passes(&self, summary: &RoomSummary, membership: &RoomMembership, labels: &TagsAndDirect) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.passes(summary, membership, labels))
    }
}

impl Order {
    /// The key of a room that belongs to lists.
    pub(super) fn key(&self, room: RoomNid) -> Option<Key> {
        self.at.get(&room).map(|at| Key::new(*at, room))
    }

    /// The number of the ranking by a filter, if there is one.
    fn ranking_by(&self, filter: Option<&Filter>) -> Option<usize> {
        self.rankings.iter().position(|ranking| ranking.filter.as_ref() == filter)
    }

    /// A ranking that [`SlidingSync::rankings`] has named.
    pub(super) fn ranking(&self, number: usize) -> &Ranking {
        &self.rankings[number]
    }

    /// Whether a room passes the filter of a ranking.
    pub(super) fn passes(&self, number: usize, summary: &RoomSummary, membership: &RoomMembership) -> bool {
        self.basis.as_ref().is_some_and(|basis| self.rankings[number].passes(summary, membership, &basis.labels))
    }

    /// Whether a room is one of the user's direct chats.
    pub(super) fn is_direct(&self, summary: &RoomSummary) -> bool {
        self.basis.as_ref().is_some_and(|basis| basis.labels.direct.contains(&summary.id))
    }

    /// Whether the user wants to see the invite to `room`.
    pub(super) fn wants_invite(&self, room: RoomNid) -> bool {
        self.basis.as_ref().is_some_and(|basis| basis.invites.include(room))
    }

    /// Moves a room to where it stands now; `None` for one that is not there any more.
    fn put(&mut self, room: RoomNid, summary: Option<&RoomSummary>) {
        let Some(basis) = &self.basis else { return };
        if let Some(before) = self.at.remove(&room) {
            self.rankings.iter_mut().for_each(|ranking| ranking.rooms.remove(Key::new(before, room)));
        }
        let Some((summary, (membership, at))) = summary.and_then(|summary| Some((summary, basis.place(summary)?)))
        else {
            return;
        };
        self.at.insert(room, at);
        for ranking in &mut self.rankings {
            if ranking.passes(summary, &membership, &basis.labels) {
                ranking.rooms.insert(Key::new(at, room));
            }
        }
    }

    /// Drops rankings beyond those that are kept, those used longest ago first.
    pub(super) fn forget_rankings(&mut self) {
        while self.rankings.len() > RANKINGS {
            let oldest = self.rankings.iter().enumerate().min_by_key(|(_, ranking)| ranking.used);
            let Some((number, _)) = oldest else { return };
            self.rankings.swap_remove(number);
        }
    }
}

impl SlidingSync {
    /// The order of the user's rooms as of now. Whoever holds it makes the user's other connections wait.
    pub(super) async fn order(&self, session: &Session, rooms: &Arc<UserRooms>) -> Result<OwnedMutexGuard<Order>> {
        let mut order = self.orders.of(session.user, rooms.count()).lock_owned().await;
        let labels = self.account_data.tags_and_direct(session.user).await?;
        let ignored = self.account_data.ignored_users(session.user, &session.user_id).await?;
        let is_same = order.basis.as_ref().is_some_and(|basis| basis.is_same(rooms, &labels, &ignored));
        if !(is_same && self.catch_up(session.user, &mut order).await?) {
            let forgets = rooms.forgets();
            // Read before everything that is true as of then: what comes meanwhile is put in place the next time.
            let reached = self.core.stream.reached();
            let invites = self.wanted_invites(session, &ignored).await?;
            let basis = Basis { rooms: Arc::clone(rooms), forgets, labels, ignored, invites };
            *order = self.build(basis, reached).await?;
        }
        Ok(order)
    }

    /// Brings an order up to date; `false` if it has to be made anew.
    async fn catch_up(&self, user: UserNid, order: &mut Order) -> Result<bool> {
        let Some(basis) = &order.basis else { return Ok(false) };
        let news = self.core.stream.since(&order.reached, |position, change| basis.news(user, position, change));
        let Some((news, reached)) = news else { return Ok(false) };
        let rooms: Option<BTreeSet<RoomNid>> = news
            .into_iter()
            .map(|news| match news {
                News::Room(room) => Some(room),
                News::InvitePermissions => None,
            })
            .collect();
        let Some(rooms) = rooms.filter(|rooms| !basis.has_unknown_inviter(rooms)) else { return Ok(false) };
        let rooms: Vec<RoomNid> = rooms.into_iter().collect();
        for (room, summary) in rooms.iter().zip(self.rooms.summaries(&rooms).await?) {
            order.put(*room, summary.as_deref());
        }
        order.reached = reached;
        Ok(true)
    }

    async fn build(&self, basis: Basis, reached: StreamToken) -> Result<Order> {
        let rooms: Vec<RoomNid> = basis.rooms.all().into_iter().map(|(room, _)| room).collect();
        let summaries = self.rooms.summaries(&rooms).await?;
        let places = summaries.iter().flatten().filter_map(|one| Some((one.room, basis.place(one)?.1)));
        Ok(Order { at: places.collect(), basis: Some(basis), reached, ..Order::default() })
    }

    /// The rankings of these lists, by number.
    pub(super) async fn rankings(
        &self,
        session: &Session,
        order: &mut Order,
        lists: &[(String, List)],
    ) -> Result<Vec<usize>> {
        let mut numbers = Vec::with_capacity(lists.len());
        for (_, list) in lists {
            let filters = list.filters.as_ref().filter(|filters| **filters != Filters::default());
            let filter = match filters {
                Some(filters) => Some(self.filter(session, filters).await?),
                None => None,
            };
            let number = if let Some(known) = order.ranking_by(filter.as_ref()) {
                known
            } else {
                let rooms = self.rank(order, filter.as_ref()).await?;
                order.rankings.push(Ranking { filter, rooms, epoch: self.orders.epoch(), used: 0 });
                order.rankings.len() - 1
            };
            order.uses += 1;
            order.rankings[number].used = order.uses;
            numbers.push(number);
        }
        Ok(numbers)
    }

    /// Ranks the rooms that pass a filter.
    async fn rank(&self, order: &Order, filter: Option<&Filter>) -> Result<Ranked> {
        let keys = order.at.iter().map(|(room, at)| Key::new(*at, *room));
        let (Some(filter), Some(basis)) = (filter, &order.basis) else { return Ok(keys.collect()) };
        let keys: Vec<Key> = keys.collect();
        let rooms: Vec<RoomNid> = keys.iter().map(|key| key.room).collect();
        let summaries = self.rooms.summaries(&rooms).await?;
        let passes = |summary: &RoomSummary| {
            let membership = basis.rooms.get(summary.room);
            membership.is_some_and(|membership| filter.passes(summary, &membership, &basis.labels))
        };
        let ranked = keys.into_iter().zip(summaries).filter(|(_, summary)| summary.as_deref().is_some_and(passes));
        Ok(ranked.map(|(key, _)| key).collect())
    }
}

/// The orders of all users who look at lists.
#[derive(Debug)]
pub(super) struct Orders {
    kept: Cache<UserNid, Kept>,
    epochs: AtomicU64,
}

#[derive(Debug, Clone)]
struct Kept {
    /// How many rooms it had when it was kept.
    size: usize,
    order: Arc<Mutex<Order>>,
}

impl Orders {
    pub(crate) fn new(memory: &Memory) -> Self {
        let kept = Cache::new(memory, "room_orders", Share::ThirtySecond, |_, kept: &Kept| ORDER + ROOM * kept.size);
        Self { kept, epochs: AtomicU64::new(0) }
    }

    /// The order of a user who has `size` rooms.
    fn of(&self, user: UserNid, size: usize) -> Arc<Mutex<Order>> {
        let known = self.kept.get(&user);
        if let Some(known) = known.as_ref().filter(|known| size <= 2 * known.size + 100) {
            return Arc::clone(&known.order);
        }
        let order = known.map(|known| known.order).unwrap_or_default();
        self.kept.insert(user, Kept { size, order: Arc::clone(&order) });
        order
    }

    fn epoch(&self) -> u64 {
        self.epochs.fetch_add(1, Ordering::Relaxed)
    }
}
