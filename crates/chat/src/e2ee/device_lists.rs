//! Device lists: the users whose devices a user has to look up again (spec: "Tracking the device list for a user",
//! `device_lists` of `/sync`, `GET /keys/changes`).
//!
//! Between two places in the stream, `changed` are the users who share a room with the reader at the second one and
//! have changed their devices or cross-signing keys in between, or have come together with the reader in a room, or
//! are in one that has been encrypted. `left` are those who shared a room with the reader at the first place and share
//! none at the second. The reader's own changes are listed too, and the users whose keys they have signed.
//!
//! Clients keep track of devices for encrypted rooms only. In a large room that is not encrypted, members are therefore
//! not listed as they come and go: a client that joins it would be sent everybody for nothing. They all are once it is
//! encrypted, and their changed devices always.
//!
//! The candidates, [`Hints`], come from the ring in memory or from the database; the result is worked out from them in
//! the same way for both.

use std::collections::{BTreeMap, BTreeSet};

use im2_core::{Result, session::Session, stream::Change};
use im2_model::{RoomNid, StreamToken, UserId, UserNid};
use im2_store::{Snapshot, e2ee::Member};
use serde::Serialize;

use super::E2ee;
use crate::rooms::{RoomEvent, UserRooms};

/// Up to this number of users, each one's rooms are looked at to find whether they share one with the reader; above
/// it, the reader's rooms are gone through for all of them together.
const MANY: usize = 256;
/// Members, former ones included, of a room that is not encrypted above which they are not listed as they come and go.
pub const LARGE: usize = 500;

/// The users whose devices a user has to look up again, and those whose devices are of no concern any more.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct DeviceLists {
    /// Look up again.
    pub changed: Vec<UserId>,
    /// No more of interest.
    pub left: Vec<UserId>,
}

impl DeviceLists {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.left.is_empty()
    }
}

/// Changes of keys between two places in the stream, for one device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyNews {
    /// The users whose devices have to be looked up again.
    pub device_lists: DeviceLists,
    /// Whether keys that the device has in store for others were handed out.
    pub counts_changed: bool,
}

impl KeyNews {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.device_lists.is_empty() && !self.counts_changed
    }
}

/// Changes that may lead to an entry in the answer: the candidates.
#[derive(Debug, Clone, Default)]
struct Hints {
    /// Rooms in which somebody's membership changed, and whose; or that were encrypted.
    rooms: BTreeMap<RoomNid, BTreeSet<UserNid>>,
    /// Users whose devices or cross-signing keys changed.
    changed: BTreeSet<UserNid>,
    /// Users whose keys the user has signed.
    signed: BTreeSet<UserNid>,
    /// Whether the device's own keys in store were handed out.
    counts_changed: bool,
}

impl Hints {
    /// Notes a change of the stream as far as it may be of interest to a device of a user with these rooms.
    fn note(&mut self, session: &Session, rooms: &UserRooms, change: &Change) {
        match change {
            Change::Event(event) => self.note_event(rooms, event),
            Change::State(resolved) if rooms.get_forgotten_too(resolved.room).is_some() => {
                let members = resolved.entries.iter().filter_map(|entry| entry.member);
                self.rooms.entry(resolved.room).or_default().extend(members);
            }
            Change::DeviceList(user) => drop(self.changed.insert(*user)),
            Change::KeySigned { by, whose } if *by == session.user => drop(self.signed.insert(*whose)),
            Change::KeyCounts(user, device_id) if *user == session.user && *device_id == session.device_id => {
                self.counts_changed = true;
            }
            _ => {}
        }
    }

    fn note_event(&mut self, rooms: &UserRooms, event: &RoomEvent) {
        let encrypts = event.kind() == "m.room.encryption" && event.is_state();
        if (encrypts || event.member.is_some()) && rooms.get_forgotten_too(event.room).is_some() {
            self.rooms.entry(event.room).or_default().extend(event.member);
        }
    }

    fn is_empty(&self) -> bool {
        self.rooms.is_empty() && self.changed.is_empty() && self.signed.is_empty()
    }

    /// The same from the database, for a token that the stream's stretch in memory no longer covers.
    fn from_database(db: &Snapshot<'_>, session: &Session, since: &StreamToken) -> im2_store::Result<Self> {
        let user = session.user;
        let counts_changed = db.key_counts_changed(user, &session.device_id)?;
        let counts_changed = counts_changed.is_some_and(|position| !since.includes(position));
        let mut hints = Self { counts_changed, ..Self::default() };
        for row in db.memberships_of(user)? {
            let own_changed = !since.includes(row.position);
            let is_active = row.membership == "join"
                && db.last_position(row.room)?.is_some_and(|last| !since.includes(last))
                && (db.encrypted_since(row.room)?.is_some() || !db.has_more_members(row.room, LARGE)?);
            if !own_changed && !is_active {
                continue;
            }
            let touched = hints.rooms.entry(row.room).or_default();
            if is_active {
                let members = db.members(row.room)?.into_iter();
                touched.extend(members.filter(|member| !since.includes(member.position)).map(|member| member.user));
            }
        }
        hints.changed.extend(db.device_lists_changed(since)?);
        hints.signed.extend(db.keys_signed(user, since)?);
        Ok(hints)
    }
}

impl E2ee {
    /// Returns the changes of keys between two places in the stream, for the session's device. `rooms` are its user's.
    pub async fn news(
        &self,
        session: &Session,
        rooms: &UserRooms,
        since: &StreamToken,
        until: &StreamToken,
    ) -> Result<KeyNews> {
        let mut hints = Hints::default();
        let walked = self.core.stream.since(since, |position, change| {
            if until.includes(position) {
                hints.note(session, rooms, change);
            }
            None::<()>
        });
        hints.rooms.retain(|room, _| !self.is_passed_over(*room));
        self.judge(session, since, until, walked.map(|_| hints)).await
    }

    /// The device lists for a client that stood at `from`, as of `to` (spec: `GET /keys/changes`).
    pub async fn changes(&self, session: &Session, from: &StreamToken, to: &StreamToken) -> Result<DeviceLists> {
        Ok(self.judge(session, from, to, None).await?.device_lists)
    }

    /// Whether members of a room are not listed as they come and go, as far as that is known without looking it up.
    fn is_passed_over(&self, room: RoomNid) -> bool {
        self.rooms.room_in_memory(room).is_some_and(|room| {
            let view = room.view();
            view.members.len() > LARGE && view.state.get("m.room.encryption", "").is_none()
        })
    }

    /// Works out the answer from the hints; without hints, the database is asked for them.
    async fn judge(
        &self,
        session: &Session,
        from: &StreamToken,
        to: &StreamToken,
        hints: Option<Hints>,
    ) -> Result<KeyNews> {
        let is_past = from.stream().includes_all(to.stream());
        if is_past || hints.as_ref().is_some_and(Hints::is_empty) {
            let counts_changed = hints.is_some_and(|hints| hints.counts_changed);
            return Ok(KeyNews { counts_changed, ..KeyNews::default() });
        }
        let (session, from, to) = (session.clone(), from.clone(), to.clone());
        let find = move |db: &Snapshot<'_>| {
            let hints = match hints {
                Some(hints) => hints,
                None => Hints::from_database(db, &session, &from)?,
            };
            let counts_changed = hints.counts_changed;
            let device_lists = Between { db, user: session.user, from: &from, to: &to }.find(hints)?;
            Ok(KeyNews { device_lists, counts_changed })
        };
        Ok(self.core.store.read(find).await?)
    }
}

/// A user, and two places in the stream.
struct Between<'a> {
    db: &'a Snapshot<'a>,
    user: UserNid,
    from: &'a StreamToken,
    to: &'a StreamToken,
}

impl Between<'_> {
    fn find(&self, hints: Hints) -> im2_store::Result<DeviceLists> {
        let (mut changed, mut gone) = (BTreeSet::new(), BTreeSet::new());
        for (room, touched) in hints.rooms {
            self.compare(room, &touched, &mut changed, &mut gone)?;
        }
        if hints.changed.contains(&self.user) {
            changed.insert(self.user);
        }
        let candidates: BTreeSet<UserNid> = hints.changed.difference(&changed).copied().collect();
        changed.append(&mut self.sharing(candidates)?);
        changed.extend(hints.signed);
        let still_there = self.sharing(gone.clone())?;
        let left: BTreeSet<UserNid> = gone.difference(&still_there).copied().collect();
        changed.retain(|other| !left.contains(other));
        Ok(DeviceLists { changed: self.db.user_ids(changed)?, left: self.db.user_ids(left)? })
    }

    /// Finds with whom the user has come together, or not any more, in one room.
    fn compare(
        &self,
        room: RoomNid,
        touched: &BTreeSet<UserNid>,
        changed: &mut BTreeSet<UserNid>,
        gone: &mut BTreeSet<UserNid>,
    ) -> im2_store::Result<()> {
        let encrypted = self.db.encrypted_since(room)?;
        let is_encrypted = encrypted.is_some_and(|position| self.to.includes(position));
        let was_encrypted = encrypted.is_some_and(|position| self.from.includes(position));
        if !is_encrypted && self.db.has_more_members(room, LARGE)? {
            return Ok(());
        }
        let Some(own) = self.db.member(room, self.user)? else { return Ok(()) };
        let before = self.db.was_joined(room, &own, self.from)?;
        let after = self.db.was_joined(room, &own, self.to)?;
        let newly_encrypted = is_encrypted && !was_encrypted;
        let others: Vec<Member> = match (before, after) {
            (false, false) => return Ok(()),
            (true, true) if !newly_encrypted => {
                let found = touched.iter().filter_map(|other| self.db.member(room, *other).transpose());
                found.collect::<im2_store::Result<_>>()?
            }
            _ => self.db.members(room)?,
        };
        for other in others.iter().filter(|other| other.user != self.user) {
            let together_before = before && self.db.was_joined(room, other, self.from)?;
            let together_after = after && self.db.was_joined(room, other, self.to)?;
            match (together_before, together_after) {
                (true, false) => drop(gone.insert(other.user)),
                (false, true) => drop(changed.insert(other.user)),
                (true, true) if newly_encrypted => drop(changed.insert(other.user)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Those of `users` who shared a room with the reader at the second place.
    fn sharing(&self, users: BTreeSet<UserNid>) -> im2_store::Result<BTreeSet<UserNid>> {
        let mut found = BTreeSet::new();
        if users.len() <= MANY {
            for other in users {
                if self.shares(other)? {
                    found.insert(other);
                }
            }
            return Ok(found);
        }
        let mut missing = users;
        for row in self.db.memberships_of(self.user)? {
            if missing.is_empty() {
                break;
            }
            let own = Member { user: self.user, membership: row.membership, position: row.position };
            if !self.db.was_joined(row.room, &own, self.to)? {
                continue;
            }
            for other in self.db.members_among(row.room, &missing)? {
                if self.db.was_joined(row.room, &other, self.to)? {
                    missing.remove(&other.user);
                    found.insert(other.user);
                }
            }
        }
        Ok(found)
    }

    /// Whether the reader shared a room with another at the second place.
    fn shares(&self, other: UserNid) -> im2_store::Result<bool> {
        for row in self.db.memberships_of(other)? {
            let theirs = Member { user: other, membership: row.membership, position: row.position };
            if self.db.was_joined(row.room, &theirs, self.to)? && self.is_joined(row.room)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn is_joined(&self, room: RoomNid) -> im2_store::Result<bool> {
        match self.db.member(room, self.user)? {
            Some(own) => self.db.was_joined(room, &own, self.to),
            None => Ok(false),
        }
    }
}
