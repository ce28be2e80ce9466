//! Presence: who is online, idle or away, for those who share a room with them (spec: "Presence").
//!
//! Kept in memory and numbered with the ephemeral counter; `/sync` asks for what changed between two numbers. Only
//! the status message and the time of the last activity are stored: the message with the request that sets it, the
//! rest in batches.

mod states;

use std::{collections::HashSet, sync::Arc};

use im2_core::{Code, Core, Error, Result, session::Session};
use im2_kernel::content::Membership;
use im2_model::{DeviceId, Millis, RoomNid, UserId, UserNid};
use im2_store::presence::{PresenceRow, SavePresence};
use parking_lot::Mutex;

pub use states::{Availability, PresenceContent, PublicName};

use crate::rooms::Rooms;
use states::{Entry, PresenceStates};

/// The longest status message, in characters.
const MAX_STATUS: usize = 1_000;
/// Users who are told offline after a restart.
const MAX_RESTORED: usize = 50_000;

/// A user's presence as it is streamed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresenceEvent {
    /// The user.
    pub sender: UserId,
    /// The state that is announced.
    pub content: PresenceContent,
}

/// The use cases of presence. Cheap to clone.
#[derive(Clone)]
pub struct Presence {
    core: Core,
    rooms: Rooms,
    states: Arc<Mutex<PresenceStates>>,
}

/// A sync in progress: while it lives, its device is connected.
#[derive(Debug)]
#[must_use]
pub struct Connected {
    presence: Presence,
    user: UserNid,
    device_id: DeviceId,
}

impl Drop for Connected {
    fn drop(&mut self) {
        let now = self.presence.core.now();
        self.presence.update(self.user, |entry| {
            if let Some(device) = entry.known_device(&self.device_id) {
                device.syncing = device.syncing.saturating_sub(1);
                device.last_contact = now;
            }
        });
    }
}

impl Presence {
    /// Presence after a start: whoever was online before is offline until they come back, and others are told so.
    pub async fn open(core: Core, rooms: Rooms) -> Result<Self> {
        let live = core.store.read(|db| db.live_presence(MAX_RESTORED)).await?;
        let mut states = PresenceStates::default();
        for row in live {
            let entry = Entry::new(row.user_id, row.status_msg, PublicName::default(), row.last_active_ts);
            states.add(row.user, entry);
            states.announce(row.user, &core.ephemeral);
        }
        Ok(Self { core, rooms, states: Arc::new(Mutex::new(states)) })
    }

    /// Sets the presence of the session's device, and the status message of its user (spec: `PUT
    /// /presence/{userId}/status`).
    pub async fn set(&self, session: &Session, chosen: Availability, status_msg: Option<String>) -> Result<()> {
        if status_msg.as_ref().is_some_and(|text| text.chars().count() > MAX_STATUS) {
            return Err(Error::refused(Code::InvalidParam, "a status message must have at most 1000 characters"));
        }
        let reaches_others = !self.core.shadow_banned.contains(session.user);
        let status_msg = status_msg.filter(|text| !text.is_empty() && reaches_others);
        self.know(session.user, &session.user_id).await?;
        let now = self.core.now();
        let is_new_text = self.states.lock().get(session.user).is_some_and(|entry| entry.status_msg != status_msg);
        if is_new_text {
            let row = PresenceRow {
                user: session.user,
                user_id: session.user_id.clone(),
                status_msg: status_msg.clone(),
                last_active_ts: now,
                live: chosen != Availability::Offline,
            };
            self.core.store.carry_out(SavePresence(vec![row]), |_, ()| Ok(Vec::new())).await?;
        }
        self.update(session.user, |entry| {
            entry.device(&session.device_id, now).chosen = chosen;
            entry.status_msg = status_msg;
            entry.last_active = now;
        });
        Ok(())
    }

    /// Somebody's presence, for those who share a room with them (spec: `GET /presence/{userId}/status`).
    pub async fn get(&self, session: &Session, of: &UserId) -> Result<PresenceContent> {
        let refused = || Error::refused(Code::Forbidden, "you share no room with this user");
        let wanted = of.clone();
        let user = self.core.store.read(move |db| db.user_nid(&wanted)).await?.ok_or_else(refused)?;
        if !self.may_see(session.user, user).await? {
            return Err(refused());
        }
        self.know(user, of).await?;
        let now = self.core.now();
        let states = self.states.lock();
        states.get(user).map(|entry| entry.content(now)).ok_or_else(refused)
    }

    /// Notes that a sync of this session begins, and what it says of its device (spec: `set_presence` of `GET /sync`;
    /// absent means online). A client that says offline leaves no trace.
    pub async fn connect(&self, session: &Session, chosen: Availability) -> Result<Option<Connected>> {
        if chosen == Availability::Offline {
            return Ok(None);
        }
        self.know(session.user, &session.user_id).await?;
        let now = self.core.now();
        self.update(session.user, |entry| {
            let was_live = entry.is_live();
            let device = entry.device(&session.device_id, now);
            let comes_back = device.chosen == Availability::Unavailable && chosen == Availability::Online;
            device.chosen = chosen;
            device.syncing += 1;
            if !was_live || comes_back {
                entry.last_active = now;
            }
        });
        Ok(Some(Connected { presence: self.clone(), user: session.user, device_id: session.device_id.clone() }))
    }

    /// Notes that the user of a session did something (sent, read, typed): the device, if it is connected, is then
    /// online.
    pub fn touch(&self, session: &Session) {
        let now = self.core.now();
        self.update(session.user, |entry| {
            if entry.is_live() {
                entry.last_active = now;
                if let Some(device) = entry.known_device(&session.device_id) {
                    device.act();
                }
            }
        });
    }

    /// Notes that a user's name or picture changed: presence tells of it too.
    pub(crate) fn profile_changed(&self, user: UserNid, public_name: PublicName) {
        self.update(user, |entry| entry.public_name = public_name);
    }

    /// Notes that a user is no more.
    pub fn ended(&self, user: UserNid) {
        self.update(user, |entry| {
            entry.disconnect();
            entry.status_msg = None;
            entry.public_name = PublicName::default();
        });
    }

    /// Returns the presence events that `user` has to be sent: their own, and those of users who share a room with
    /// them. Those after `since` and up to `upto`, both numbers of the ephemeral counter; without `since`, those of all
    /// who are not offline.
    pub async fn news(&self, user: UserNid, since: Option<u64>, upto: u64) -> Result<Vec<PresenceEvent>> {
        let candidates = {
            let states = self.states.lock();
            since.map_or_else(|| states.live(), |since| states.changed(since, upto))
        };
        let mut visible = Vec::new();
        for candidate in candidates {
            if self.may_see(user, candidate).await? {
                visible.push(candidate);
            }
        }
        Ok(self.current(visible))
    }

    /// The users whose presence changed after `since` and up to `upto`, both numbers of the ephemeral counter: the
    /// first `limit` of them, and the number up to which these are all.
    pub fn changed(&self, since: u64, upto: u64, limit: usize) -> (Vec<UserNid>, u64) {
        self.states.lock().changed_first(since, upto, limit)
    }

    /// The presence of these users as far as they have any, whoever asks: for those who have come into a room.
    pub fn current(&self, users: impl IntoIterator<Item = UserNid>) -> Vec<PresenceEvent> {
        let now = self.core.now();
        let states = self.states.lock();
        let event = |entry: &Entry| PresenceEvent { sender: entry.user_id.clone(), content: entry.content(now) };
        users.into_iter().filter_map(|user| states.get(user).map(event)).collect()
    }

    /// Lets time pass, and wakes those for whom there is news: to be called every second or so.
    pub fn tick(&self) {
        let changed = self.states.lock().tick(self.core.now(), &self.core.ephemeral);
        if !changed.is_empty() {
            self.wake_observers(&changed);
        }
    }

    /// Stores what has changed. To be called every minute or so, and before the end.
    pub async fn flush(&self) -> Result<()> {
        let row = |(user, entry): (UserNid, Entry)| PresenceRow {
            user,
            live: entry.is_live(),
            user_id: entry.user_id,
            status_msg: entry.status_msg,
            last_active_ts: entry.last_active,
        };
        let rows: Vec<PresenceRow> = self.states.lock().take_unsaved().into_iter().map(row).collect();
        if rows.is_empty() {
            return Ok(());
        }
        Ok(self.core.store.carry_out(SavePresence(rows), |_, ()| Ok(Vec::new())).await?)
    }

    /// Whether `user` may know the presence of `other`.
    async fn may_see(&self, user: UserNid, other: UserNid) -> Result<bool> {
        if user == other {
            return Ok(true);
        }
        let mine = self.rooms.of_user(user).await?;
        Ok(mine.shares_room_with(&*self.rooms.of_user(other).await?))
    }

    /// Reads into memory what is stored of a user, if that has not been done.
    async fn know(&self, user: UserNid, user_id: &UserId) -> Result<()> {
        if self.states.lock().get(user).is_some() {
            return Ok(());
        }
        let wanted = user_id.clone();
        let (row, fields) =
            self.core.store.read(move |db| Ok((db.presence(user)?, db.member_profile(&wanted)?))).await?;
        let (status_msg, last_active): (Option<String>, Millis) =
            row.map_or((None, 0), |row| (row.status_msg, row.last_active_ts));
        let mut public_name = PublicName::default();
        for (name, value) in fields {
            match name.as_str() {
                "displayname" => public_name.displayname = Some(value),
                _ => public_name.avatar_url = Some(value),
            }
        }
        self.states.lock().add(user, Entry::new(user_id.clone(), status_msg, public_name, last_active));
        Ok(())
    }

    /// Changes a user's entry. Those who see a difference are woken at the next tick, all at once: a crowd that comes
    /// online would otherwise wake each of its members for each other.
    fn update(&self, user: UserNid, change: impl FnOnce(&mut Entry)) {
        self.states.lock().update(user, self.core.now(), &self.core.ephemeral, change);
    }

    /// Wakes the waiting syncs of those who share a room with one of `users`. Looks only at what is in memory: the
    /// rooms of a user who waits are, and whoever is not woken hears of it at the next look.
    fn wake_observers(&self, users: &HashSet<UserNid>) {
        let joined = |user: &UserNid| self.rooms.of_user_in_memory(*user).map(|rooms| rooms.with(Membership::Join));
        let rooms: HashSet<RoomNid> = users.iter().filter_map(joined).flatten().collect();
        let sees_one = |waiting: UserNid| {
            users.contains(&waiting)
                || self.rooms.of_user_in_memory(waiting).is_some_and(|mine| mine.is_joined_to_one_of(&rooms))
        };
        self.core.bus.wake_all(usize::MAX, std::iter::empty(), sees_one);
    }
}

impl std::fmt::Debug for Presence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Presence").finish_non_exhaustive()
    }
}
