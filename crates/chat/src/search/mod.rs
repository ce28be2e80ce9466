//! Searching messages (spec: client-server API, "Server Side Search").
//!
//! The index (`im2_store::search`) gives events that may match, newest first. They are looked through a window at a
//! time: each is compared with its text as it is now, and what the searcher may not see, or does not want, is left
//! out. The results of a window are put in order, and pages are cut from it; then comes the next, older window. So a
//! search costs no more in a large history than in a small one, and following `next_batch` still reaches everything.
//!
//! `order_by` "rank" therefore ranks within a window, which for all but the commonest words holds every result. The
//! `count` is exact for the windows looked through so far, and never tells of what the searcher may not see.

mod cursor;
mod query;

use std::sync::Arc;

use im2_core::{Core, Result, search_terms::Wanted};
use im2_fair::{Bounds, Load, Turns};
pub use im2_kernel::search::SearchKey;
use im2_model::{EventId, RoomId};

pub use cursor::Cursor;

use crate::{
    account_data::AccountData,
    filters::EventFilter,
    rooms::{Actor, Reader, RoomEvent, Rooms},
};
use cursor::{Key, Scope};
use query::{Match, Query};

/// Events in a window: takes some tens of milliseconds at most.
const WINDOW: usize = 1_000;
/// Windows that one request goes through at most to fill its page.
const MAX_WINDOWS: usize = 3;
/// Searches that look through the database at the same time.
const BOUNDS: Bounds = Bounds {
    // Some of the readers are left for everybody else.
    running: 2,
    running_per_key: 1,
    running_per_target: usize::MAX,
    waiting: 1_024,
    // A client asks again with each letter typed.
    waiting_per_key: 32,
};
/// Results in a page if the filter names no number, and at most.
const DEFAULT_LIMIT: usize = 10;
const MAX_LIMIT: usize = 100;

/// The order of results.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// The best first.
    #[default]
    Rank,
    /// The newest first.
    Recent,
}

/// A property that results can be grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupKey {
    /// The room.
    Room,
    /// The sender.
    Sender,
}

/// A search request.
#[derive(Debug, Clone)]
pub struct Request {
    /// The words.
    pub term: String,
    /// The parts of events in which they may be.
    pub keys: Vec<SearchKey>,
    /// The filter of events.
    pub filter: EventFilter,
    /// The order of results.
    pub order: Order,
    /// The keys to group results by.
    pub groups: Vec<GroupKey>,
    /// The cursor of an earlier page, to go on from its end.
    pub from: Option<Cursor>,
}

/// A result.
#[derive(Debug, Clone)]
pub struct Hit {
    /// The measure of how well it matches. Higher is better.
    pub rank: f64,
    /// The event.
    pub event: Arc<RoomEvent>,
    /// The searcher's right to read its room.
    pub reader: Reader,
}

/// The results that have something in common.
#[derive(Debug, Clone)]
pub struct Group {
    /// The room ID or user ID that they share.
    pub id: String,
    /// Those of this page, in order.
    pub results: Vec<EventId>,
    /// The cursor from which the group goes on.
    pub next: Option<Cursor>,
}

/// A page of results.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// How many results there are, as far as they were looked for.
    pub count: u64,
    /// The words to highlight in the results.
    pub highlights: Vec<String>,
    /// The page.
    pub hits: Vec<Hit>,
    /// Its groups by each key asked for, each in the order of their first results.
    pub groups: Vec<(GroupKey, Vec<Group>)>,
    /// The cursor from which it goes on.
    pub next: Option<Cursor>,
}

/// The use cases of search.
#[derive(Debug, Clone)]
pub struct Search {
    core: Core,
    rooms: Rooms,
    account_data: AccountData,
    turns: Arc<Turns>,
}

/// Matches of a page, and what is after it.
#[derive(Default)]
struct Page {
    matches: Vec<Match>,
    /// The matches of the last window that did not fit into the page.
    rest: Vec<Match>,
    /// Whether there are older windows.
    has_older: bool,
    next: Option<Cursor>,
    count: u64,
}

impl Search {
    /// Builds it on the core.
    pub fn new(core: Core, rooms: Rooms, account_data: AccountData) -> Self {
        Self { core, rooms, account_data, turns: Arc::new(Turns::new(BOUNDS)) }
    }

    /// Searches under way and waiting.
    pub fn load(&self) -> Load {
        self.turns.load()
    }

    /// A page of the events that match and that `actor` may see.
    pub async fn search(&self, actor: &Actor, request: Request) -> Result<Found> {
        let wanted = Wanted::parse(&request.term);
        if wanted.is_empty() || request.keys.is_empty() || request.filter.is_closed() {
            return Ok(Found::default());
        }
        let mut page = self.page(actor, &request, wanted.clone()).await?;
        let highlights = wanted.highlights(page.matches.iter().map(|found| found.text.as_str()));
        let matches = std::mem::take(&mut page.matches);
        let mut hits = Vec::with_capacity(matches.len());
        for found in matches {
            hits.extend(self.hit(actor, found).await?);
        }
        let mut groups = Vec::new();
        for key in &request.groups {
            groups.push((*key, Self::groups(*key, &hits, &page)));
        }
        Ok(Found { count: page.count, highlights, hits, groups, next: page.next })
    }

    /// Goes through windows until a page is full.
    async fn page(&self, actor: &Actor, request: &Request, wanted: Wanted) -> Result<Page> {
        let limit = request.filter.limit_or(DEFAULT_LIMIT, MAX_LIMIT);
        let mut cursor = request.from.clone().unwrap_or_default();
        let look = Arc::new(Query {
            actor: actor.clone(),
            wanted,
            keys: request.keys.clone(),
            filter: request.filter.clone(),
            scope: cursor.scope.clone(),
            rooms: self.rooms.of_user(actor.user).await?.all().into_iter().map(|(room, _)| room).collect(),
            ignored: self.account_data.ignored_users(actor.user, &actor.user_id).await?,
            erased: Arc::clone(&self.core.erased),
        });
        let _turn = self.turns.take().await?;
        let mut page = Page::default();
        for _ in 0..MAX_WINDOWS {
            let (look, before) = (Arc::clone(&look), cursor.before);
            let window = self.core.store.read(move |db| look.through(db, before, WINDOW)).await?;
            let mut matches = window.matches;
            let key = |found: &Match| key_of(request.order, found);
            matches.sort_unstable_by_key(|found| std::cmp::Reverse(key(found)));
            page.count = cursor.counted + matches.len() as u64;
            let start = cursor.after.map_or(0, |after| matches.partition_point(|found| key(found) >= after));
            let mut rest = matches.split_off(start);
            page.rest = rest.split_off(rest.len().min(limit - page.matches.len()));
            let last = rest.last().map(key).or(cursor.after);
            page.matches.extend(rest);
            page.has_older = window.next.is_some();
            if page.matches.len() == limit {
                page.next = Some(Cursor { before: window.before, after: last, ..cursor });
                return Ok(page);
            }
            if window.next.is_none() {
                return Ok(page);
            }
            cursor = Cursor { before: window.next, after: None, counted: page.count, ..cursor };
        }
        page.next = Some(cursor);
        Ok(page)
    }

    /// The event of a match, unless the actor has lost the right to see it meanwhile.
    async fn hit(&self, actor: &Actor, found: Match) -> Result<Option<Hit>> {
        let room = self.rooms.by_nid(found.room).await?;
        let Some(reader) = self.rooms.reader_of(actor, room).await? else { return Ok(None) };
        match self.rooms.readable_event(&reader, &found.event_id).await {
            Ok(event) => Ok(Some(Hit { rank: f64::from(found.rank) / 1e6, event, reader })),
            Err(error) if error.code().is_some() => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn groups(key: GroupKey, hits: &[Hit], page: &Page) -> Vec<Group> {
        let mut groups: Vec<(Scope, Group)> = Vec::new();
        for hit in hits {
            let scope = match key {
                GroupKey::Room => Scope::Room(hit.reader.room.id.clone()),
                GroupKey::Sender => Scope::Sender(hit.event.pdu.sender.clone()),
            };
            let place = groups.iter().position(|(of, _)| *of == scope).unwrap_or_else(|| {
                let more = page
                    .next
                    .as_ref()
                    .filter(|_| page.has_older || page.rest.iter().any(|left| is_in(&scope, hit, left)));
                let next = more.map(|next| Cursor { counted: 0, scope: scope.clone(), ..next.clone() });
                let id = match &scope {
                    Scope::Room(room) => RoomId::to_string(room),
                    Scope::Sender(sender) => sender.to_string(),
                    Scope::Everything => String::new(),
                };
                groups.push((scope, Group { id, results: Vec::new(), next }));
                groups.len() - 1
            });
            groups[place].1.results.push(hit.event.id().clone());
        }
        groups.into_iter().map(|(_, group)| group).collect()
    }
}

fn key_of(order: Order, found: &Match) -> Key {
    let rank = if order == Order::Rank { found.rank } else { 0 };
    (rank, found.position)
}

/// Whether a match belongs to the group `scope`, of which `hit` is one.
fn is_in(scope: &Scope, hit: &Hit, found: &Match) -> bool {
    match scope {
        Scope::Everything => true,
        Scope::Room(_) => found.room == hit.reader.room.nid,
        Scope::Sender(sender) => found.sender == *sender,
    }
}
