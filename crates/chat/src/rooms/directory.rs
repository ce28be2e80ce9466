//! The published directory (spec: "Published room directory").
//!
//! A room that is published and that strangers can neither join, ask to join nor read is not listed: it may have become
//! private after it was published. It is again once that changes.
//!
//! It is in memory, about 1 KB a room, so that it can be searched for any part of a text in any script. It is read on
//! first use, on the writer's thread between two changes, and kept true by commits after that.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    ops::Bound,
    str::FromStr,
    sync::Arc,
};

use im2_core::{
    Code, Error, Result,
    committed::{Committed, DirectoryListing, Local},
    services::{Service, instance_id},
};
use im2_model::{RoomId, RoomNid, fold, fold_term};
use im2_store::{Snapshot, rooms::EventRow};
use parking_lot::{Mutex, RwLock};

use super::{
    Actor, Room, RoomEvent, RoomVersion, Rooms,
    aliases::may_set_canonical_alias,
    summary::{DESCRIBING, Listing},
    validate,
};

/// Rooms that can be published: what the memory that the directory takes is bounded by.
const MAX_PUBLISHED: usize = 100_000;

/// The longest identifier of a network, in bytes.
const MAX_NETWORK: usize = 255;

/// A room's sort key in the directory: large rooms first, among equals by identifier.
type Rank = (Reverse<usize>, RoomId);

/// The published rooms; empty until first used.
#[derive(Debug, Default)]
pub(super) struct Directory(RwLock<Option<Listed>>);

#[derive(Debug, Default)]
struct Listed {
    ranks: HashMap<RoomNid, Rank>,
    rooms: BTreeMap<Rank, Arc<Entry>>,
}

#[derive(Debug)]
struct Entry {
    listing: Listing,
    lists: Lists,
    /// The text that is searched, folded.
    text: String,
}

/// The directories in which a room is published.
#[derive(Debug, Clone, Default)]
struct Lists {
    /// In the server's own directory.
    own: bool,
    /// For these networks of application services.
    networks: BTreeSet<String>,
}

impl Lists {
    fn is_empty(&self) -> bool {
        !self.own && self.networks.is_empty()
    }
}

/// The directories that are searched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Networks {
    /// Those of the server's own directory.
    #[default]
    Own,
    /// Those published for one network of an application service, as `GET /thirdparty/protocols` names it.
    One(String),
    /// All.
    All,
}

impl Networks {
    fn include(&self, lists: &Lists) -> bool {
        match self {
            Self::Own => lists.own,
            Self::One(network) => lists.networks.contains(network),
            Self::All => true,
        }
    }
}

impl Listed {
    /// The directories in which a room is published now.
    fn lists(&self, room: RoomNid) -> Lists {
        let entry = self.ranks.get(&room).and_then(|rank| self.rooms.get(rank));
        entry.map(|entry| entry.lists.clone()).unwrap_or_default()
    }

    fn set(&mut self, room: RoomNid, listing: Listing, lists: Lists) {
        self.remove(room);
        if lists.is_empty() {
            return;
        }
        let rank = (Reverse(listing.num_joined_members), listing.room_id.clone());
        let parts = [&listing.name, &listing.topic, &listing.canonical_alias];
        let parts: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
        let text = fold(&parts.join("\n"));
        self.ranks.insert(room, rank.clone());
        self.rooms.insert(rank, Arc::new(Entry { listing, lists, text }));
    }

    fn remove(&mut self, room: RoomNid) {
        if let Some(rank) = self.ranks.remove(&room) {
            self.rooms.remove(&rank);
        }
    }
}

impl Directory {
    /// Brings the listing of a room up to date after one of its events. Called once it is committed. The room is given
    /// unless it is not in memory, because another node has changed it.
    pub(super) fn note(&self, room: Option<&Room>, event: &RoomEvent) {
        let describes = event.state_key().is_some_and(|key| key.is_empty() && DESCRIBING.contains(&event.kind()));
        if !describes && event.kind() != "m.room.member" {
            return;
        }
        self.note_resolved(event.room, room);
    }

    /// Takes note of a resolution of a room's state.
    pub(super) fn note_resolved(&self, nid: RoomNid, room: Option<&Room>) {
        let is_listed = self.0.read().as_ref().is_some_and(|listed| listed.ranks.contains_key(&nid));
        if is_listed {
            self.change(room, |_| {});
        }
    }

    /// Takes out a room that was purged.
    pub(super) fn remove(&self, room: RoomNid) {
        if let Some(listed) = self.0.write().as_mut() {
            listed.remove(room);
        }
    }

    /// Adds a room to a directory, or takes it out, and brings what is said of it up to date.
    pub(super) fn set(&self, room: Option<&Room>, listing: &DirectoryListing) {
        self.change(room, |lists| match listing {
            DirectoryListing::Own(published) => lists.own = *published,
            DirectoryListing::Network(network, true) => drop(lists.networks.insert(network.clone())),
            DirectoryListing::Network(network, false) => drop(lists.networks.remove(network)),
            DirectoryListing::Nowhere => *lists = Lists::default(),
        });
    }

    /// Takes what was read of the whole directory; what was committed after it is applied after it.
    pub(super) fn take(&self, read: &Local) {
        if let Some(listed) = read.get::<Mutex<Option<Listed>>>() {
            *self.0.write() = listed.lock().take();
        }
    }

    /// Changes where a room is published, and brings what is said of it up to date. Where the room is not in memory,
    /// everything is read again by who wants it.
    fn change(&self, room: Option<&Room>, change: impl FnOnce(&mut Lists)) {
        let mut loaded = self.0.write();
        let Some(room) = room else {
            *loaded = None;
            return;
        };
        if let Some(listed) = loaded.as_mut() {
            let mut lists = listed.lists(room.nid);
            change(&mut lists);
            let listing = Listing::of_view(&room.id, &room.view());
            listed.set(room.nid, listing, lists);
        }
    }

    fn is_loaded(&self) -> bool {
        self.0.read().is_some()
    }
}

/// A look into the directory.
#[derive(Debug, Clone, Default)]
pub struct DirectoryQuery {
    /// Only rooms whose name, topic or alias has each of these words in it.
    pub search: Option<String>,
    /// The directories to search.
    pub networks: Networks,
    /// Only rooms of these types; `None` in the list stands for rooms without a type.
    pub room_types: Option<Vec<Option<String>>>,
    /// The token of the page to begin with.
    pub since: Option<DirectoryToken>,
    /// The most rooms to return.
    pub limit: usize,
}

/// A place in the directory. As text `n<members>,<room>` for what comes after that room, `p…` for what comes before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryToken {
    backward: bool,
    rank: Rank,
}

impl fmt::Display for DirectoryToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = if self.backward { 'p' } else { 'n' };
        write!(f, "{direction}{},{}", self.rank.0.0, self.rank.1)
    }
}

impl FromStr for DirectoryToken {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parse = || {
            let (backward, rest) = match text.strip_prefix('n') {
                Some(rest) => (false, rest),
                None => (true, text.strip_prefix('p')?),
            };
            let (members, room) = rest.split_once(',')?;
            Some(Self { backward, rank: (Reverse(members.parse().ok()?), room.parse().ok()?) })
        };
        parse().ok_or_else(|| Error::refused(Code::InvalidParam, "`since` is not a token of this directory"))
    }
}

/// A part of the directory.
#[derive(Debug, Clone, Default)]
pub struct DirectoryPage {
    /// The rooms.
    pub rooms: Vec<Listing>,
    /// The token of the next page, if there is one.
    pub next: Option<DirectoryToken>,
    /// The token of the previous page, if there is one.
    pub previous: Option<DirectoryToken>,
    /// How many rooms there are altogether.
    pub total: usize,
}

impl Rooms {
    /// Looks into the published directory of this server.
    pub async fn published(&self, query: &DirectoryQuery) -> Result<DirectoryPage> {
        self.load_directory().await?;
        let listed = self.directory.0.read();
        Ok(listed.as_ref().map(|listed| listed.page(query)).unwrap_or_default())
    }

    /// Whether a room is in the published directory.
    pub async fn is_published(&self, room_id: &RoomId) -> Result<bool> {
        let nid = self.existing(room_id).await?.nid;
        Ok(self.core.store.read(move |db| db.is_published(nid)).await?)
    }

    /// Puts a room into the published directory or takes it out: for those of its members who may set its canonical
    /// alias, and for administrators of the server.
    pub async fn set_published(&self, actor: &Actor, is_admin: bool, room_id: &RoomId, published: bool) -> Result<()> {
        let room = self.existing(room_id).await?;
        if !is_admin && !may_set_canonical_alias(&room, actor) {
            let message = "publishing a room requires the power to set its canonical alias";
            return Err(Error::refused(Code::Forbidden, message));
        }
        self.load_directory().await?;
        self.refuse_when_full(published)?;
        if published && !is_admin && self.is_shadow_banned(actor) {
            return Ok(());
        }
        let change = move |tx: &mut im2_core::Transaction<'_>| {
            tx.set_published(room.nid, published)?;
            publish_in_directory(tx, &room, DirectoryListing::Own(published));
            Ok(())
        };
        Ok(self.core.store.write(change).await?)
    }

    /// Takes a room out of the published directory and of those of networks, whoever asks.
    pub async fn unpublish(&self, room_id: &RoomId) -> Result<()> {
        let Some(room) = self.find(room_id).await? else { return Ok(()) };
        let change = move |tx: &mut im2_core::Transaction<'_>| {
            tx.set_published(room.nid, false)?;
            tx.remove_from_networks(room.nid)?;
            publish_in_directory(tx, &room, DirectoryListing::Nowhere);
            Ok(())
        };
        Ok(self.core.store.write(change).await?)
    }

    /// Publishes a room for one of the networks that an application service bridges, or takes it back.
    pub async fn set_in_network(
        &self,
        service: &Service,
        network: &str,
        room_id: &RoomId,
        published: bool,
    ) -> Result<()> {
        let too_long = network.len() > MAX_NETWORK;
        validate::refuse_unless(!too_long, Code::InvalidParam, "a network's ID must have at most 255 bytes")?;
        let room = self.existing(room_id).await?;
        self.load_directory().await?;
        self.refuse_when_full(published)?;
        let network = instance_id(&service.id, network);
        let change = move |tx: &mut im2_core::Transaction<'_>| {
            tx.set_in_network(&network, room.nid, published)?;
            publish_in_directory(tx, &room, DirectoryListing::Network(network.clone(), published));
            Ok(())
        };
        Ok(self.core.store.write(change).await?)
    }

    fn refuse_when_full(&self, published: bool) -> Result<()> {
        let count = self.directory.0.read().as_ref().map_or(0, |listed| listed.rooms.len());
        let is_full = published && count >= MAX_PUBLISHED;
        validate::refuse_unless(!is_full, Code::Forbidden, "the directory of this server is full")
    }

    async fn load_directory(&self) -> Result<()> {
        if self.directory.is_loaded() {
            return Ok(());
        }
        // What is committed before this is read here, what is committed after it is applied after this.
        let load = move |tx: &mut im2_core::Transaction<'_>| {
            let listed = read(tx)?;
            tx.publish(Committed::DirectoryRead(Local::new(Arc::new(Mutex::new(Some(listed))))));
            Ok(())
        };
        Ok(self.core.store.write(load).await?)
    }
}

/// Says that a room was published in a directory or taken out of it, once that is durable.
pub(super) fn publish_in_directory(tx: &mut im2_core::Transaction<'_>, room: &Arc<Room>, listing: DirectoryListing) {
    tx.publish(Committed::Published { room: room.nid, listing, handle: Local::new(Arc::clone(room)) });
}

fn read(db: &Snapshot<'_>) -> im2_store::Result<Listed> {
    let mut states: HashMap<RoomNid, Vec<EventRow>> = HashMap::new();
    for row in db.published_state(&DESCRIBING)? {
        states.entry(row.room).or_default().push(row);
    }
    let mut lists: HashMap<RoomNid, Lists> = HashMap::new();
    for (network, room) in db.network_rooms()? {
        lists.entry(room).or_default().networks.insert(network);
    }
    let mut listed = Listed::default();
    for published in db.published_rooms()? {
        let room = published.room;
        let unknown = || im2_store::Error::Corrupt(format!("room {}: unknown version", room.room_id));
        let version = RoomVersion::understood(&room.version).ok_or_else(unknown)?;
        let rows = states.remove(&room.nid).unwrap_or_default();
        let events = rows.iter().map(|row| RoomEvent::load_state(version, row));
        let events: Vec<RoomEvent> = events.collect::<im2_store::Result<_>>()?;
        let content =
            |kind: &str| events.iter().find(|event| event.kind() == kind).map(|event| event.pdu.content_json());
        let mut lists = lists.remove(&room.nid).unwrap_or_default();
        lists.own = db.is_published(room.nid)?;
        listed.set(room.nid, Listing::of(&room.room_id, published.joined, content), lists);
    }
    Ok(listed)
}

impl Listed {
    fn page(&self, query: &DirectoryQuery) -> DirectoryPage {
        let search = fold_term(query.search.as_deref().unwrap_or_default());
        let words: Vec<&str> = search.split_whitespace().collect();
        let listed = |entry: &Entry| entry.listing.is_open() && query.networks.include(&entry.lists);
        let wanted = |entry: &Entry| {
            listed(entry)
                && words.iter().all(|word| entry.text.contains(word))
                && query.room_types.as_ref().is_none_or(|types| types.contains(&entry.listing.room_type))
        };
        let backward = query.since.as_ref().is_some_and(|since| since.backward);
        let from = query.since.as_ref().map_or(Bound::Unbounded, |since| Bound::Excluded(&since.rank));
        // One more than the page holds tells whether there are more.
        let take = query.limit + 1;
        let mut found: Vec<(&Rank, &Arc<Entry>)> = if backward {
            let range = self.rooms.range::<Rank, _>((Bound::Unbounded, from)).rev();
            range.filter(|(_, entry)| wanted(entry)).take(take).collect()
        } else {
            let range = self.rooms.range::<Rank, _>((from, Bound::Unbounded));
            range.filter(|(_, entry)| wanted(entry)).take(take).collect()
        };
        let more = found.len() > query.limit;
        found.truncate(query.limit);
        if backward {
            found.reverse();
        }
        let (before, after) = if backward { (more, true) } else { (query.since.is_some(), more) };
        let token = |backward, at: Option<&(&Rank, &Arc<Entry>)>| {
            at.map(|(rank, _)| DirectoryToken { backward, rank: (*rank).clone() })
        };
        DirectoryPage {
            next: token(false, found.last()).filter(|_| after),
            previous: token(true, found.first()).filter(|_| before),
            rooms: found.iter().map(|(_, entry)| entry.listing.clone()).collect(),
            total: self.rooms.values().filter(|entry| listed(entry)).count(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, time::Instant};

    use im2_model::{RoomId, RoomNid};

    use super::{DirectoryQuery, Listed, Listing, Lists};

    fn own() -> Lists {
        Lists { own: true, ..Lists::default() }
    }

    fn listing(number: usize) -> Listing {
        let room_id = RoomId::parse(&format!("!{number}:x")).unwrap();
        let name = format!(r#"{{"name":"Room {number} 群"}}"#);
        let members = number % 7;
        Listing::of(&room_id, members, |kind| match kind {
            "m.room.name" => Some(name.as_str()),
            "m.room.join_rules" => Some(r#"{"join_rule":"public"}"#),
            _ => None,
        })
    }

    #[test]
    fn ten_thousand_rooms_are_paged_through_once_each_and_searched_quickly() {
        let mut listed = Listed::default();
        for number in 0..10_000 {
            listed.set(RoomNid(number as i64), listing(number), own());
        }
        let mut query = DirectoryQuery { limit: 300, ..DirectoryQuery::default() };
        let (mut seen, mut last) = (HashSet::new(), usize::MAX);
        loop {
            let page = listed.page(&query);
            for room in page.rooms {
                assert!(room.num_joined_members <= last, "large rooms come first");
                last = room.num_joined_members;
                assert!(seen.insert(room.room_id), "no room comes twice");
            }
            match page.next {
                Some(next) => query.since = Some(next.to_string().parse().unwrap()),
                None => break,
            }
        }
        assert_eq!(seen.len(), 10_000);
        let began = Instant::now();
        let search = Some("9999 群".to_owned());
        let found = listed.page(&DirectoryQuery { search, limit: 10, ..DirectoryQuery::default() });
        assert_eq!(found.rooms.len(), 1);
        assert!(began.elapsed().as_millis() < 500, "{:?} for a look at all of them", began.elapsed());
    }

    #[test]
    fn a_room_that_grows_moves_and_one_that_is_taken_out_is_gone() {
        let mut listed = Listed::default();
        for number in 0..3 {
            listed.set(RoomNid(number as i64), listing(number), own());
        }
        let mut grown = listing(0);
        grown.num_joined_members = 50;
        listed.set(RoomNid(0), grown, own());
        listed.remove(RoomNid(2));
        let page = listed.page(&DirectoryQuery { limit: 10, ..DirectoryQuery::default() });
        let ids: Vec<_> = page.rooms.iter().map(|room| room.room_id.as_str()).collect();
        assert_eq!((ids, page.total), (vec!["!0:x", "!1:x"], 2));
    }
}
