//! Lists of all members of a room, for answers.
//!
//! The member events of a room of ordinary size are in memory. For a larger room their numbers are found first, which
//! fixes who is in the list, and then the events are written page by page as they are read: their bytes go from the
//! database into the answer, and only eight bytes are kept for each.

use std::{borrow::Cow, collections::HashSet, fmt, io::Write as _, sync::Arc};

use im2_core::{Core, Result};
use im2_kernel::{client::StoredState, content::Membership};
use im2_model::{EventId, Millis, UserId};
use im2_store::{Snapshot, rooms::EventText};

use super::{
    Form, Room, RoomEvent, Rooms,
    event::{RedactedBecause, has_url, redaction},
};
use crate::filters::{Candidate, EventFilter};

/// Members in one page.
const PAGE: usize = 1_000;
/// Estimated size of a member in an answer, in bytes: the buffer for a page is allocated at once.
const BYTES: usize = 400;

/// Tells by a user's membership whether the user is wanted in a list.
type Wanted = Arc<dyn Fn(Option<Membership>) -> bool + Send + Sync>;

/// The member events of a room that somebody wants to list.
#[derive(Debug)]
pub enum MemberList {
    /// They are in memory.
    Here(Vec<Arc<RoomEvent>>),
    /// They are to be read.
    Stored(StoredMembers),
}

/// Member events that are read as they are written.
pub struct StoredMembers {
    core: Core,
    room: Arc<Room>,
    /// The members' numbers, in the order in which their events were written, which is how they lie in the database.
    numbers: Vec<i64>,
    /// How many of them have been read.
    read: usize,
    /// The predicate for those who are wanted, if it has not been applied yet.
    wanted: Option<Wanted>,
    /// The users who are left out.
    without: Arc<HashSet<Box<str>>>,
    /// Whether the next one follows another.
    follows: bool,
}

/// A member event, borrowed from the database.
#[derive(Debug)]
pub struct StoredMember<'a> {
    text: EventText<'a>,
    state: StoredState<'a>,
    room: &'a Room,
    redacted_because: Option<RedactedBecause>,
}

impl Rooms {
    /// The member events as of event number `at`, or as they are now, of those who are `wanted`.
    pub async fn member_list(
        &self,
        room: &Arc<Room>,
        at: Option<i64>,
        wanted: impl Fn(Option<Membership>) -> bool + Send + Sync + 'static,
    ) -> Result<MemberList> {
        let wanted: Wanted = Arc::new(wanted);
        let Some(Found { mut list, changed }) = in_memory(room, at, &wanted) else {
            let (nid, seq) = (room.nid, at.unwrap_or(i64::MAX));
            let numbers = self.core.store.read(move |db| db.member_numbers_at(nid, seq)).await?;
            return Ok(self.stored(room, numbers, Some(wanted)));
        };
        for user_id in changed {
            let before = self.state_entry(room, "m.room.member", &user_id, at).await?;
            let Some(before) = before.filter(|event| wanted(event.pdu.membership)) else { continue };
            match &mut list {
                Listed::Events(events) => events.push(before),
                Listed::Numbers(numbers) => numbers.push(before.seq),
            }
        }
        Ok(match list {
            Listed::Events(events) => MemberList::Here(events),
            Listed::Numbers(numbers) => self.stored(room, numbers, None),
        })
    }

    fn stored(&self, room: &Arc<Room>, mut numbers: Vec<i64>, wanted: Option<Wanted>) -> MemberList {
        numbers.sort_unstable();
        let (core, room) = (self.core.clone(), Arc::clone(room));
        MemberList::Stored(StoredMembers {
            core,
            room,
            numbers,
            read: 0,
            wanted,
            without: Arc::default(),
            follows: false,
        })
    }
}

/// The part of a list that is known in memory.
struct Found {
    list: Listed,
    /// The users whose entry is younger than the list, and had a value then.
    changed: Vec<Box<str>>,
}

enum Listed {
    Events(Vec<Arc<RoomEvent>>),
    Numbers(Vec<i64>),
}

/// The list as far as it is in memory; `None` if what changed since number `at` is not.
fn in_memory(room: &Room, at: Option<i64>, wanted: &Wanted) -> Option<Found> {
    let view = room.view();
    let seq = at.unwrap_or(i64::MAX);
    let changed = match at.filter(|at| *at < view.seq) {
        Some(at) => view.changed_after(at, |kind| kind == "m.room.member")?,
        None => Vec::new(),
    };
    let list = if let Some(unchanged) = view.members.events_until(seq) {
        Listed::Events(unchanged.filter(|event| wanted(event.pdu.membership)).cloned().collect())
    } else {
        let all = view.members.iter().map(|(_, member)| member);
        let unchanged = all.filter(|member| member.since <= seq && wanted(Some(member.membership)));
        Listed::Numbers(unchanged.map(|member| member.seq).collect())
    };
    Some(Found { list, changed: changed.into_iter().map(|(_, user_id)| user_id).collect() })
}

impl StoredMembers {
    /// Whether there is nobody left to read.
    pub fn is_finished(&self) -> bool {
        self.read == self.numbers.len()
    }

    /// The same behind other elements of the same array.
    #[must_use]
    pub fn following(mut self, others: bool) -> Self {
        self.follows = others;
        self
    }

    /// The same without some users.
    #[must_use]
    pub fn without(mut self, user_ids: HashSet<Box<str>>) -> Self {
        self.without = Arc::new(user_ids);
        self
    }

    /// Appends the next page to `out`, with commas between the members. `write` says whether it wrote the one it was
    /// given. It runs where the database is read.
    pub async fn write_page<W>(&mut self, mut out: Vec<u8>, write: &W) -> Result<Vec<u8>>
    where
        W: Fn(&mut Vec<u8>, &StoredMember<'_>) -> bool + Clone + Send + 'static,
    {
        let end = self.numbers.len().min(self.read + PAGE);
        let numbers = self.numbers[self.read..end].to_vec();
        let (room, wanted, without) = (Arc::clone(&self.room), self.wanted.clone(), Arc::clone(&self.without));
        let (write, mut follows) = (write.clone(), self.follows);
        out.reserve(numbers.len() * BYTES);
        let read = move |db: &Snapshot<'_>| {
            db.events_numbered(room.nid, &numbers, |text| {
                let member = StoredMember::read(db, &room, text)?;
                let is_wanted = wanted.as_ref().is_none_or(|wanted| wanted(member.state.membership()));
                if !is_wanted || (!without.is_empty() && without.contains(&*member.user_id())) {
                    return Ok(());
                }
                let before = out.len();
                if follows {
                    out.push(b',');
                }
                if write(&mut out, &member) {
                    follows = true;
                } else {
                    out.truncate(before);
                }
                Ok(())
            })?;
            Ok((out, follows))
        };
        let (out, follows) = self.core.store.read(read).await?;
        (self.read, self.follows) = (end, follows);
        Ok(out)
    }

    /// Appends all of them, for answers that are made in one piece.
    pub async fn write_all<W>(mut self, out: &mut Vec<u8>, write: W) -> Result<()>
    where
        W: Fn(&mut Vec<u8>, &StoredMember<'_>) -> bool + Clone + Send + 'static,
    {
        let (start, total) = (out.len(), self.numbers.len());
        while !self.is_finished() {
            *out = self.write_page(std::mem::take(out), &write).await?;
            // A large answer that grows is copied again and again.
            let each = (out.len() - start) / self.read.max(1);
            out.reserve(each * (total - self.read));
        }
        Ok(())
    }
}

impl fmt::Debug for StoredMembers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredMembers")
            .field("read", &self.read)
            .field("of", &self.numbers.len())
            .finish_non_exhaustive()
    }
}

impl<'a> StoredMember<'a> {
    fn read(db: &Snapshot<'_>, room: &'a Room, text: EventText<'a>) -> im2_store::Result<Self> {
        let corrupt = |error: String| im2_store::Error::Corrupt(format!("event {}: {error}", text.event_id));
        let state = StoredState::read(text.pdu).map_err(|error| corrupt(error.to_string()))?;
        let redacted_because = match text.redacted_by {
            Some(by) => {
                let by = EventId::parse(by).map_err(|error| corrupt(error.to_string()))?;
                redaction(db, room.version, room.nid, &by)?
            }
            None => None,
        };
        Ok(Self { text, state, room, redacted_because })
    }

    /// Writes it as JSON for a viewer who is told the time, and what they were to the room when it was sent.
    pub fn write(&self, out: &mut Vec<u8>, form: Form, now: Millis, membership: Membership) {
        if form == Form::Federation {
            return out.extend_from_slice(self.text.pdu.as_bytes());
        }
        let room_id = (form == Form::Full).then(|| self.room.id.as_str());
        self.state.write_prefix(out, self.text.event_id, room_id);
        let age = now.saturating_sub(self.state.origin_server_ts);
        // Writing to a vector cannot fail.
        drop(write!(out, ",\"unsigned\":{{\"age\":{age},\"membership\":\"{}\"", membership.as_str()));
        if let Some(redaction) = &self.redacted_because {
            drop(write!(out, ",\"redacted_because\":{}", redaction.json));
        }
        out.extend_from_slice(b"}}");
    }

    /// Whether a filter that lets the room through lets it through too.
    pub fn passes(&self, filter: &EventFilter) -> bool {
        if filter.is_open() {
            return true;
        }
        let sender = UserId::parse(&self.state.sender()).ok();
        let has_url = has_url(self.content_json());
        let candidate = Candidate { kind: "m.room.member", sender: sender.as_ref(), has_url };
        filter.matches(candidate)
    }

    /// Its place in the room.
    pub fn seq(&self) -> i64 {
        self.text.seq
    }

    /// The content as it is stored.
    pub fn content_json(&self) -> &'a str {
        self.state.content_json()
    }

    /// The member's user ID, as JSON.
    pub fn user_id_json(&self) -> &'a str {
        self.state.state_key_json()
    }

    /// The member's user ID.
    pub fn user_id(&self) -> Cow<'a, str> {
        self.state.state_key()
    }
}
