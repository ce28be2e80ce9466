//! The rooms that a request is about: those in the ranges of its lists, and those subscribed to. Only those of them are
//! looked at that may have anything to tell: that have changed, or came into sight. Nothing here loads a room, except
//! for the spaces that a filter names.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use im2_chat::rooms::{RoomMembership, RoomSummary, UserRooms};
use im2_core::{Result, session::Session};
use im2_kernel::content::Membership;
use im2_model::{Position, RoomId, RoomNid};

use super::{
    SlidingSync,
    order::{Order, activity},
    places::{Key, Places, Window},
    request::{RoomConfig, SlidingRequest},
    required_state::Combined,
    sent::Sent,
    view::{Asked, View},
};
use crate::changes::Changes;

/// One of the user's rooms.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) room: RoomNid,
    pub(super) membership: RoomMembership,
    pub(super) summary: Arc<RoomSummary>,
    /// The last of it that concerns the user, in the stream.
    pub(super) at: Position,
    pub(super) is_dm: bool,
}

/// A room that matches.
#[derive(Debug)]
pub(super) struct Matched {
    pub(super) candidate: Candidate,
    pub(super) config: Arc<Combined>,
    pub(super) lists: Arc<[Box<str>]>,
    pub(super) is_subscribed: bool,
}

/// The rooms that a request is about, and the lists they are in.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The rooms that may have anything to tell, those with the latest activity first.
    pub(super) rooms: Vec<Matched>,
    /// How many rooms each list has, whatever its ranges.
    pub(super) counts: BTreeMap<String, usize>,
    /// The combinations of rules that occur.
    pub(super) configs: Vec<Arc<Combined>>,
    /// The view that the next answer is compared with.
    pub(super) view: Option<Arc<View>>,
}

/// A room that only this connection has in its lists.
struct Stray {
    key: Key,
    membership: RoomMembership,
    summary: Arc<RoomSummary>,
}

/// A list of the request.
struct InSight<'a> {
    places: Places<'a>,
    window: Window,
}

impl InSight<'_> {
    fn has(&self, key: Key) -> bool {
        self.window.contains(key) && self.places.contains(key)
    }
}

/// The inputs that a listing is made from.
struct Maker<'a> {
    sync: &'a SlidingSync,
    request: &'a SlidingRequest,
    mine: &'a UserRooms,
    sent: &'a Sent,
    changes: &'a Changes,
    order: &'a Order,
    /// The ranking of each list.
    rankings: Vec<usize>,
    /// The view that the client's last answer was made from, if the request asks for the same.
    before: Option<&'a View>,
}

impl SlidingSync {
    /// The rooms that `request` is about, given those the user has to do with. `changes` end before what is listed is
    /// read: who waits for more has missed nothing.
    pub(super) async fn listing(
        &self,
        session: &Session,
        request: &SlidingRequest,
        mine: &Arc<UserRooms>,
        sent: &Sent,
        changes: &Changes,
    ) -> Result<Listing> {
        if request.lists.is_empty() && request.subscriptions.is_empty() {
            return Ok(Listing::default());
        }
        let mut order = self.order(session, mine).await?;
        let rankings = self.rankings(session, &mut order, &request.lists).await?;
        let asked = Asked::new(request, rankings.iter().map(|number| order.ranking(*number).epoch));
        let before = sent.told.view.as_deref().filter(|view| view.asked == asked);
        let subscribed = self.subscribed(request, sent).await?;
        let maker = Maker { sync: self, request, mine, sent, changes, order: &order, rankings, before };
        let listing = maker.make(asked, subscribed).await?;
        order.forget_rankings();
        Ok(listing)
    }

    /// The rooms subscribed to, as far as there are such rooms.
    async fn subscribed(&self, request: &SlidingRequest, sent: &Sent) -> Result<HashMap<RoomId, RoomNid>> {
        let known = sent.told.view.as_ref().map(|view| &view.subscribed);
        let known = |room: &RoomId| Some((room.clone(), *known?.get(room)?));
        let mut subscribed: HashMap<RoomId, RoomNid> = request.subscriptions.keys().filter_map(known).collect();
        let unknown = request.subscriptions.keys().filter(|room| !subscribed.contains_key(*room));
        let unknown: Vec<RoomId> = unknown.cloned().collect();
        if !unknown.is_empty() {
            let numbers = self.rooms.numbers(unknown.clone()).await?;
            subscribed.extend(unknown.into_iter().zip(numbers).filter_map(|(room, number)| Some((room, number?))));
        }
        Ok(subscribed)
    }
}

impl Maker<'_> {
    async fn make(&self, asked: Asked, subscribed: HashMap<RoomId, RoomNid>) -> Result<Listing> {
        let strays = self.strays().await?;
        let lists: Vec<InSight<'_>> = self
            .rankings
            .iter()
            .enumerate()
            .map(|(number, ranking)| self.in_sight(number, *ranking, &strays))
            .collect();
        let rooms = self.rooms_to_look_at(&lists, &strays, &subscribed);
        let mut rules = Rules { request: self.request, known: &self.sent.told.configs, made: HashMap::new() };
        let mut matched = Vec::new();
        for (room, summary) in rooms.iter().zip(self.sync.rooms.summaries(&rooms).await?) {
            let Some(candidate) = self.candidate(*room, summary) else { continue };
            let key = self.order.key(*room).or_else(|| strays.iter().map(|it| it.key).find(|key| key.room == *room));
            let lists = lists.iter().enumerate().filter(|(_, list)| key.is_some_and(|key| list.has(key)));
            let lists: Vec<usize> = lists.map(|(number, _)| number).collect();
            let subscription = self.request.subscriptions.get(&candidate.summary.id);
            if lists.is_empty() && subscription.is_none() {
                continue;
            }
            let (config, lists) = rules.combine(lists, subscription);
            matched.push(Matched { candidate, config, lists, is_subscribed: subscription.is_some() });
        }
        matched.sort_unstable_by_key(|matched| Reverse(matched.candidate.at));
        let names = self.request.lists.iter().map(|(name, _)| name.clone());
        Ok(Listing {
            rooms: matched,
            counts: names.zip(lists.iter().map(|list| list.places.len())).collect(),
            configs: rules.configs(self.before.is_some()),
            view: Some(Arc::new(View {
                asked,
                windows: lists.into_iter().map(|list| list.window).collect(),
                strays: strays.into_iter().map(|stray| stray.key.room).collect(),
                subscribed,
            })),
        })
    }

    /// The rooms that the client was told of and that belong to nobody's lists any more.
    async fn strays(&self) -> Result<Vec<Stray>> {
        let is_stray = |room: &RoomNid| self.sent.rooms.contains_key(room) && self.order.key(*room).is_none();
        let rooms: HashSet<RoomNid> = match self.before {
            Some(before) => {
                // A room that was told of because of a subscription belongs to lists from then on.
                let rooms = before.strays.iter().chain(before.subscribed.values()).chain(&self.changes.rooms);
                rooms.copied().filter(is_stray).collect()
            }
            None => self.sent.rooms.keys().copied().filter(is_stray).collect(),
        };
        let rooms: Vec<RoomNid> = rooms.into_iter().collect();
        let summaries = self.sync.rooms.summaries(&rooms).await?;
        let strays = rooms.into_iter().zip(summaries).filter_map(|(room, summary)| {
            let Candidate { membership, summary, at, .. } = self.candidate(room, summary)?;
            Some(Stray { key: Key::new(at, room), membership, summary })
        });
        Ok(strays.collect())
    }

    fn in_sight(&self, number: usize, ranking: usize, strays: &[Stray]) -> InSight<'_> {
        let passes = |stray: &&Stray| self.order.passes(ranking, &stray.summary, &stray.membership);
        let own = strays.iter().filter(passes).map(|stray| stray.key);
        let places = Places::new(&self.order.ranking(ranking).rooms, own);
        let window = places.window(&self.request.lists[number].1.places());
        InSight { places, window }
    }

    /// All rooms in visible; or, if the client was told of those that were in sight before, what has changed since.
    fn rooms_to_look_at(
        &self,
        lists: &[InSight<'_>],
        strays: &[Stray],
        subscribed: &HashMap<RoomId, RoomNid>,
    ) -> Vec<RoomNid> {
        let mut rooms: BTreeSet<RoomNid> = subscribed.values().copied().collect();
        // What lists they are in may change by events that are no news for somebody who has left.
        rooms.extend(strays.iter().map(|stray| stray.key.room));
        rooms.extend(&self.changes.rooms);
        if let Some(view) = &self.sent.told.view {
            rooms.extend(view.subscribed.values());
        }
        let nothing = Window::default();
        for (number, list) in lists.iter().enumerate() {
            let before = self.before.map_or(&nothing, |view| &view.windows[number]);
            rooms.extend(list.places.between(before, &list.window).map(|key| key.room));
        }
        rooms.into_iter().collect()
    }

    /// A room that may be part of a list or be subscribed to.
    fn candidate(&self, room: RoomNid, summary: Option<Arc<RoomSummary>>) -> Option<Candidate> {
        let summary = summary?;
        let membership = self.mine.get_forgotten_too(room)?;
        let is_known = self.sent.rooms.contains_key(&room);
        let may_match = match membership.membership {
            Membership::Invite if !self.order.wants_invite(room) => false,
            _ if is_known => true,
            _ if membership.forgotten => false,
            Membership::Join | Membership::Invite | Membership::Knock => true,
            Membership::Leave | Membership::Ban => membership.was_joined,
        };
        // What has become of the membership only now is told in the next answer.
        let is_settled = self.changes.until.includes(membership.position);
        (may_match && is_settled).then(|| Candidate {
            room,
            at: activity(&summary, &membership),
            is_dm: self.order.is_direct(&summary),
            membership,
            summary,
        })
    }
}

/// A combination of rules, and the lists that it is of.
type Rule = (Arc<Combined>, Arc<[Box<str>]>);

/// Makes one combination of the rules that match a room, each combination once.
struct Rules<'a> {
    request: &'a SlidingRequest,
    known: &'a [Arc<Combined>],
    made: HashMap<Vec<usize>, Rule>,
}

impl Rules<'_> {
    fn combine(&mut self, lists: Vec<usize>, subscription: Option<&RoomConfig>) -> Rule {
        if let Some(config) = subscription {
            let names = self.names(&lists);
            let configs = lists.iter().map(|number| &self.request.lists[*number].1.config);
            return (self.known(Combined::of(configs.chain([config]))), names);
        }
        if let Some(made) = self.made.get(&lists) {
            return made.clone();
        }
        let combined = Combined::of(lists.iter().map(|number| &self.request.lists[*number].1.config));
        let made = (self.known(combined), self.names(&lists));
        self.made.insert(lists, made.clone());
        made
    }

    fn names(&self, lists: &[usize]) -> Arc<[Box<str>]> {
        lists.iter().map(|number| self.request.lists[*number].0.as_str().into()).collect()
    }

    /// The same combination as rooms were sent by before, if it is one, so that comparing them costs nothing.
    fn known(&self, combined: Combined) -> Arc<Combined> {
        let made = self.made.values().map(|(made, _)| made);
        let same = self.known.iter().chain(made).find(|known| ***known == combined);
        same.cloned().unwrap_or_else(|| Arc::new(combined))
    }

    /// The combinations that were made, and those known before if they may occur still.
    fn configs(self, with_known: bool) -> Vec<Arc<Combined>> {
        let known = if with_known { self.known } else { &[] };
        let made = self.made.into_values().map(|(combined, _)| combined);
        let new = made.filter(|made| !known.iter().any(|known| Arc::ptr_eq(known, made)));
        known.iter().cloned().chain(new).collect()
    }
}
