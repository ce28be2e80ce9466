//! The summaries that lists of rooms are sorted and filtered by: kept in memory for the rooms of those who look at
//! lists, so that listing loads no room. The database has the same, written in the transaction of each event.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use im2_core::{
    Core, Result,
    memory::{Cache, Share},
};
use im2_kernel::{content::CreateContent, event::Pdu};
use im2_model::{Position, RoomId, RoomNid, fold};
use im2_store::rooms::{SummaryChange, SummaryRow};
use parking_lot::{Mutex, RwLock};
use serde::Deserialize;

use super::{Room, RoomEvent};

/// Estimated memory for a summary, its name and its place in the cache, in bytes. The name may change, so the longest
/// usual one is counted.
const SUMMARY: usize = 256;
/// The part of a longer name that is kept, in bytes: enough to tell rooms apart, and memory stays bounded.
const NAME_BYTES: usize = 256;

/// The types of events that count as activity in a room (MSC4186, `bump_stamp`).
const ACTIVITY: [&str; 7] = [
    "m.room.create",
    "m.room.message",
    "m.room.encrypted",
    "m.sticker",
    "m.call.invite",
    "m.poll.start",
    "m.beacon_info",
];

/// A room as lists know it.
#[derive(Debug)]
pub struct RoomSummary {
    /// Its number.
    pub room: RoomNid,
    /// Its identifier.
    pub id: RoomId,
    last: AtomicI64,
    bump: AtomicI64,
    about: RwLock<About>,
}

/// The room's properties that filters and sorting look at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// Its name, folded.
    pub name: Option<Box<str>>,
    /// Its type.
    pub room_type: Option<Box<str>>,
    /// Whether it is encrypted.
    pub encrypted: bool,
}

impl RoomSummary {
    fn of(row: SummaryRow) -> Self {
        let about = About {
            name: row.name.as_deref().map(folded),
            room_type: row.room_type.map(Into::into),
            encrypted: row.encrypted,
        };
        Self {
            room: row.room,
            id: row.room_id,
            last: AtomicI64::new(row.last.to_i64()),
            bump: AtomicI64::new(row.bump.to_i64()),
            about: RwLock::new(about),
        }
    }

    /// The position of its last event in the stream.
    pub fn last(&self) -> Position {
        Position::from_i64(self.last.load(Ordering::Acquire))
    }

    /// The position of the last event that counts as activity.
    pub fn bump(&self) -> Position {
        Position::from_i64(self.bump.load(Ordering::Acquire))
    }

    /// Looks at what it is about.
    pub fn about<T>(&self, look: impl FnOnce(&About) -> T) -> T {
        look(&self.about.read())
    }

    fn note(&self, event: &RoomEvent) {
        // Where another node has committed, later events may have been read here before.
        self.last.fetch_max(event.position.to_i64(), Ordering::AcqRel);
        if is_activity(&event.pdu) {
            self.bump.fetch_max(event.position.to_i64(), Ordering::AcqRel);
        }
    }

    fn note_resolved(&self, position: Position) {
        self.last.fetch_max(position.to_i64(), Ordering::AcqRel);
    }

    fn describe(&self, room: &Room) {
        let view = room.view();
        let mut about = About::default();
        for kind in DESCRIBING {
            match view.state.get(kind, "").and_then(|event| change_by(&event.pdu)) {
                Some(SummaryChange::Name(name)) => about.name = name.as_deref().map(folded),
                Some(SummaryChange::RoomType(room_type)) => about.room_type = room_type,
                Some(SummaryChange::Encrypted(encrypted)) => about.encrypted = encrypted,
                None => {}
            }
        }
        *self.about.write() = about;
    }
}

/// The state that [`About`] is made of.
const DESCRIBING: [&str; 3] = ["m.room.create", "m.room.name", "m.room.encryption"];

/// Whether an event counts as activity.
pub(super) fn is_activity(pdu: &Pdu) -> bool {
    ACTIVITY.contains(&&*pdu.kind)
}

/// The change to a room's summary that an event makes as current state; `None` if it makes none.
pub(super) fn change_by(pdu: &Pdu) -> Option<SummaryChange> {
    #[derive(Deserialize)]
    struct Name {
        name: Option<Box<str>>,
    }
    if pdu.state_key.as_deref() != Some("") {
        return None;
    }
    match &*pdu.kind {
        "m.room.create" => {
            CreateContent::parse(pdu.content_json()).room_type.map(|kind| SummaryChange::RoomType(Some(kind)))
        }
        "m.room.name" => {
            let name = serde_json::from_str::<Name>(pdu.content_json()).ok().and_then(|content| content.name);
            Some(SummaryChange::Name(name.filter(|name| !name.is_empty())))
        }
        "m.room.encryption" => Some(SummaryChange::Encrypted(true)),
        _ => None,
    }
}

/// A name as lists compare it, whatever its case, accents, width and kana.
fn folded(name: &str) -> Box<str> {
    // Before, so that a long name costs little; and after, because folding makes some characters longer.
    cut(&fold(cut(name))).into()
}

/// The beginning of a name.
fn cut(name: &str) -> &str {
    let end = name.char_indices().map(|(at, char)| at + char.len_utf8()).take_while(|end| *end <= NAME_BYTES).last();
    &name[..end.unwrap_or(0)]
}

/// The summaries in memory.
pub(super) struct Summaries {
    core: Core,
    rooms: Cache<RoomNid, Arc<RoomSummary>>,
    /// Held while one is added or changed, so that what is read beside a change is not kept.
    loading: Mutex<Loading>,
}

#[derive(Debug, Default)]
struct Loading {
    /// Reads under way.
    reads: usize,
    /// Rooms that changed meanwhile without being in memory.
    changed: HashSet<RoomNid>,
}

impl Summaries {
    pub(crate) fn new(core: Core) -> Self {
        let rooms = Cache::new(&core.memory, "summaries", Share::Sixteenth, |_, _| SUMMARY);
        Self { core, rooms, loading: Mutex::default() }
    }

    /// The summaries of `wanted`, in the same order; `None` for a room that is not there.
    pub(super) async fn of(&self, wanted: &[RoomNid]) -> Result<Vec<Option<Arc<RoomSummary>>>> {
        let mut found: Vec<_> = wanted.iter().map(|room| self.rooms.get(room)).collect();
        let missing: Vec<RoomNid> =
            wanted.iter().zip(&found).filter(|(_, found)| found.is_none()).map(|(room, _)| *room).collect();
        if missing.is_empty() {
            return Ok(found);
        }
        let loaded: HashMap<_, _> = self.load(missing).await?.into_iter().map(|one| (one.room, one)).collect();
        for (slot, room) in found.iter_mut().zip(wanted).filter(|(slot, _)| slot.is_none()) {
            *slot = self.rooms.get(room).or_else(|| loaded.get(room).cloned());
        }
        Ok(found)
    }

    async fn load(&self, rooms: Vec<RoomNid>) -> Result<Vec<Arc<RoomSummary>>> {
        self.loading.lock().reads += 1;
        let rows = self.core.store.read(move |db| db.summaries(&rooms)).await;
        let mut loading = self.loading.lock();
        let rows = rows.map(|rows| {
            let loaded: Vec<_> = rows.into_iter().map(|row| Arc::new(RoomSummary::of(row))).collect();
            for one in loaded.iter().filter(|one| !loading.changed.contains(&one.room)) {
                if self.rooms.peek(&one.room).is_none() {
                    self.rooms.insert(one.room, Arc::clone(one));
                }
            }
            loaded
        });
        loading.reads -= 1;
        if loading.reads == 0 {
            loading.changed.clear();
        }
        Ok(rows?)
    }

    /// Takes note of an event that is in the room's view, or of one of a room that is not in memory, which another node
    /// has committed. Called once it is committed, in the room's order.
    pub(super) fn note(&self, room: Option<&Room>, event: &RoomEvent) {
        let is_about = event.is_state() || event.kind() == "m.room.redaction";
        self.change(event.room, room, is_about, |summary| summary.note(event));
    }

    /// Takes note of a resolution of the state, as of an event.
    pub(super) fn note_resolved(&self, nid: RoomNid, room: Option<&Room>, position: Position) {
        self.change(nid, room, true, |summary| summary.note_resolved(position));
    }

    fn change(&self, nid: RoomNid, room: Option<&Room>, is_about: bool, change: impl FnOnce(&RoomSummary)) {
        let mut loading = self.loading.lock();
        match self.rooms.peek(&nid) {
            Some(summary) => {
                change(&summary);
                match room {
                    _ if !is_about => {}
                    Some(room) => summary.describe(room),
                    // It is read again by who wants it.
                    None => drop(self.rooms.remove(&nid)),
                }
            }
            None if loading.reads > 0 => drop(loading.changed.insert(nid)),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::folded;

    #[test]
    fn a_name_is_compared_folded_and_cut_between_characters() {
        assert_eq!(&*folded("Übung"), "ubung");
        assert_eq!(folded(&"界".repeat(300)).chars().count(), 85);
        assert_eq!(&*folded(""), "");
    }
}
