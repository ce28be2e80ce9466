//! Which rooms a request is about: the user's rooms by activity, filtered and cut into the ranges of each list, and
//! those subscribed to. Nothing here loads a room, but for the spaces that a filter names.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use im2_model::{Position, RoomId, RoomNid};
use im2_rooms::content::Membership;
use serde_json::Value;

use super::{
    SlidingSync,
    request::{Filters, List, RoomConfig, SlidingRequest},
    required_state::Combined,
    sent::Sent,
};
use crate::{
    Result,
    account_data::Labels,
    rooms::{RoomMembership, RoomSummary},
    session::Session,
};

/// One of the user's rooms.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) room: RoomNid,
    pub(super) membership: RoomMembership,
    pub(super) summary: Arc<RoomSummary>,
    /// The last of it that concerns the user, in the stream.
    pub(super) at: Position,
    pub(super) is_dm: bool,
    /// Whether it belongs to lists, and not only where it is subscribed to.
    is_listed: bool,
}

/// A room that matches.
#[derive(Debug)]
pub(super) struct Matched {
    pub(super) candidate: Candidate,
    pub(super) config: Arc<Combined>,
    pub(super) lists: Arc<[Box<str>]>,
    pub(super) is_subscribed: bool,
}

/// What a request is about.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The rooms, those with the latest activity first.
    pub(super) rooms: Vec<Matched>,
    /// How many rooms each list has, whatever its ranges.
    pub(super) counts: BTreeMap<String, usize>,
    /// The combinations of rules that occur.
    pub(super) configs: Vec<Arc<Combined>>,
}

impl SlidingSync {
    /// The rooms that `request` is about, given those the user has to do with.
    pub(super) async fn listing(
        &self,
        session: &Session,
        request: &SlidingRequest,
        memberships: Vec<(RoomNid, RoomMembership)>,
        sent: &Sent,
    ) -> Result<Listing> {
        if request.lists.is_empty() && request.subscriptions.is_empty() {
            return Ok(Listing::default());
        }
        let labels = self.account_data.labels(session.user).await?;
        let candidates = self.candidates(session, memberships, sent, &labels).await?;
        let mut places: HashMap<usize, Vec<usize>> = HashMap::new();
        let mut counts = BTreeMap::new();
        for (number, (name, list)) in request.lists.iter().enumerate() {
            let filter = self.filter(session, list, &labels).await?;
            let listed = candidates.iter().enumerate().filter(|(_, candidate)| candidate.is_listed);
            let mut count = 0;
            for (at, _) in listed.filter(|(_, candidate)| filter.passes(candidate)) {
                if list.covers(count) {
                    places.entry(at).or_default().push(number);
                }
                count += 1;
            }
            counts.insert(name.clone(), count);
        }
        let mut rules = Rules { request, known: &sent.configs, made: HashMap::new() };
        let mut rooms = Vec::new();
        for (at, candidate) in candidates.into_iter().enumerate() {
            let lists = places.remove(&at).unwrap_or_default();
            let subscription = request.subscriptions.get(&candidate.summary.id);
            if lists.is_empty() && subscription.is_none() {
                continue;
            }
            let is_subscribed = subscription.is_some();
            let (config, lists) = rules.combine(lists, subscription);
            rooms.push(Matched { candidate, config, lists, is_subscribed });
        }
        Ok(Listing { rooms, counts, configs: rules.configs() })
    }

    /// All rooms that may match, those with the latest activity first.
    async fn candidates(
        &self,
        session: &Session,
        mut memberships: Vec<(RoomNid, RoomMembership)>,
        sent: &Sent,
        labels: &Labels,
    ) -> Result<Vec<Candidate>> {
        memberships.retain(|(room, membership)| sent.rooms.contains_key(room) || may_match(membership));
        let is_invite = |membership: &RoomMembership| membership.membership == Membership::Invite;
        if memberships.iter().any(|(_, membership)| is_invite(membership)) {
            let wanted = self.wanted_invites(session).await?;
            memberships.retain(|(room, membership)| !is_invite(membership) || wanted.include(*room));
        }
        let rooms: Vec<RoomNid> = memberships.iter().map(|(room, _)| *room).collect();
        let summaries = self.rooms.summaries(session.user, &rooms).await?;
        let found = memberships.into_iter().zip(summaries).filter_map(|((room, membership), summary)| {
            let summary = summary?;
            let is_member = membership.membership == Membership::Join;
            Some(Candidate {
                room,
                membership,
                at: if is_member { summary.last() } else { membership.position },
                is_dm: labels.direct.contains(&summary.id),
                is_listed: sent.rooms.contains_key(&room) || is_listed(&membership),
                summary,
            })
        });
        let mut candidates: Vec<_> = found.collect();
        candidates.sort_unstable_by_key(|candidate| Reverse(candidate.at));
        Ok(candidates)
    }
}

/// Which invites a user wants to see.
enum WantedInvites {
    /// None.
    None,
    /// All but those to these rooms.
    AllBut(HashSet<RoomNid>),
}

impl WantedInvites {
    fn include(&self, room: RoomNid) -> bool {
        matches!(self, Self::AllBut(rooms) if !rooms.contains(&room))
    }
}

impl SlidingSync {
    /// Invites by people whom the user ignores are not shown.
    async fn wanted_invites(&self, session: &Session) -> Result<WantedInvites> {
        if self.rooms.blocks_invites(session.user).await? {
            return Ok(WantedInvites::None);
        }
        let ignored = self.account_data.ignored_users(session.user, &session.user_id).await?;
        if ignored.is_empty() {
            return Ok(WantedInvites::AllBut(HashSet::new()));
        }
        let user = session.user;
        let inviters = self.core.store.read(move |db| db.inviters_of(user)).await?;
        let unwanted = inviters.into_iter().filter(|(_, inviter)| ignored.contains(inviter)).map(|(room, _)| room);
        Ok(WantedInvites::AllBut(unwanted.collect()))
    }

    async fn filter<'a>(&self, session: &Session, list: &'a List, labels: &'a Labels) -> Result<Filter<'a>> {
        let Some(filters) = &list.filters else {
            return Ok(Filter { filters: None, labels, name: None, children: None });
        };
        let name = filters.room_name_like.as_deref().map(str::to_lowercase);
        let children = match &filters.spaces {
            Some(spaces) => Some(self.children(session, spaces).await?),
            None => None,
        };
        Ok(Filter { filters: Some(filters), labels, name, children })
    }

    /// The rooms that spaces which the user is in have as children.
    async fn children(&self, session: &Session, spaces: &[String]) -> Result<HashSet<RoomId>> {
        let mut children = HashSet::new();
        for space in spaces.iter().filter_map(|space| RoomId::parse(space).ok()) {
            let Some(space) = self.rooms.find(&space).await? else { continue };
            let view = space.view();
            if view.joined.contains_key(&session.user) {
                let links = view.state.of_kind("m.space.child");
                let links = links.filter(|(_, event)| has_via(event.pdu.content_json()));
                children.extend(links.filter_map(|(room, _)| RoomId::parse(room).ok()));
            }
        }
        Ok(children)
    }
}

/// Whether the content of an `m.space.child` makes a child: without `via` it does not (any more).
fn has_via(content: &str) -> bool {
    let content: Value = serde_json::from_str(content).unwrap_or_default();
    content.get("via").is_some_and(Value::is_array)
}

/// Whether a room that was not sent yet may be part of a list or be subscribed to.
fn may_match(membership: &RoomMembership) -> bool {
    !membership.forgotten && (is_present(membership) || membership.was_joined)
}

/// Whether a room that was not sent yet is part of lists: those that the user left are not, those that they were
/// made to leave are.
fn is_listed(membership: &RoomMembership) -> bool {
    is_present(membership) || !membership.by_self
}

fn is_present(membership: &RoomMembership) -> bool {
    matches!(membership.membership, Membership::Join | Membership::Invite | Membership::Knock)
}

/// A list's filter with what it takes to apply it.
struct Filter<'a> {
    filters: Option<&'a Filters>,
    labels: &'a Labels,
    name: Option<String>,
    children: Option<HashSet<RoomId>>,
}

impl Filter<'_> {
    fn passes(&self, candidate: &Candidate) -> bool {
        let Some(filters) = self.filters else { return true };
        let is_invite = candidate.membership.membership == Membership::Invite;
        let tags = self.labels.tags.get(&candidate.room).map_or(&[][..], Vec::as_slice);
        let has_any = |wanted: &[String]| wanted.iter().any(|tag| tags.iter().any(|one| **one == **tag));
        filters.is_dm.is_none_or(|is_dm| is_dm == candidate.is_dm)
            && filters.is_invited.is_none_or(|is_invited| is_invited == is_invite)
            && !filters.not_tags.as_deref().is_some_and(has_any)
            && filters.tags.as_deref().is_none_or(has_any)
            && self.children.as_ref().is_none_or(|children| children.contains(&candidate.summary.id))
            && candidate.summary.about(|about| {
                let is_one_of =
                    |types: &[Option<String>]| types.iter().any(|one| one.as_deref() == about.room_type.as_deref());
                filters.is_encrypted.is_none_or(|is_encrypted| is_encrypted == about.encrypted)
                    && filters.room_types.as_deref().is_none_or(is_one_of)
                    && !filters.not_room_types.as_deref().is_some_and(is_one_of)
                    && self
                        .name
                        .as_deref()
                        .is_none_or(|part| about.name.as_deref().is_some_and(|name| name.contains(part)))
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

    fn configs(self) -> Vec<Arc<Combined>> {
        self.made.into_values().map(|(combined, _)| combined).collect()
    }
}
