//! The presence of users, in memory: a state machine over the time it is given.

use std::collections::{BTreeMap, HashMap, HashSet};

use im2_model::{DeviceId, Millis, UserId, UserNid};
use serde::{Deserialize, Serialize};

use im2_core::ephemeral::Ephemeral;

/// Users without activity for this long are shown as unavailable, in milliseconds.
const IDLE: Millis = 5 * 60 * 1000;
/// Users who have not synced for this long are shown as offline, in milliseconds.
const GONE: Millis = 30 * 1000;
/// Users who did something within this time are shown as currently active, in milliseconds.
const ACTIVE: Millis = 60 * 1000;
/// Users remembered. Beyond it those who went offline first are forgotten; the rest are connected, and connections
/// are bounded elsewhere. An entry takes some 300 bytes, and 100 for each device that is connected.
const CAPACITY: usize = 100_000;
/// Connected devices that count for a user's presence. Beyond it the one that has been silent for longest does not.
const MAX_DEVICES: usize = 32;

/// Whether a user is there (spec: "Presence").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Availability {
    /// Connected, and not idle.
    Online,
    /// Connected, but idle.
    Unavailable,
    /// Not connected, or hiding.
    #[default]
    Offline,
}

/// A user's name and picture, which presence carries too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublicName {
    /// The display name.
    pub displayname: Option<String>,
    /// The avatar.
    pub avatar_url: Option<String>,
}

/// The content of `m.presence`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PresenceContent {
    /// Whether the user is there.
    pub presence: Availability,
    /// Milliseconds since they last did something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_active_ago: Option<Millis>,
    /// Whether that is so recent that no count is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currently_active: Option<bool>,
    /// Their status message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_msg: Option<String>,
    /// Their display name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub displayname: Option<String>,
    /// Their avatar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avatar_url: Option<String>,
}

/// The state of a user that others were told last.
#[derive(Debug, Clone, Default)]
struct Shown {
    availability: Availability,
    currently_active: bool,
    status_msg: Option<String>,
    public_name: PublicName,
}

/// One device of a user, while it is connected.
#[derive(Debug, Clone)]
pub(super) struct Device {
    id: DeviceId,
    /// The presence that the device last asked for.
    pub(super) chosen: Availability,
    /// When it was last heard of; now, while it syncs.
    pub(super) last_contact: Millis,
    /// Its syncs in progress.
    pub(super) syncing: u32,
}

impl Device {
    /// Notes that the user did something there. Who hides goes on hiding.
    pub(super) fn act(&mut self) {
        if self.chosen == Availability::Unavailable {
            self.chosen = Availability::Online;
        }
    }

    fn is_gone(&self, now: Millis) -> bool {
        self.syncing == 0 && now >= self.last_contact + GONE
    }
}

/// One user.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) user_id: UserId,
    /// The devices that have been heard of lately. The user is as available as the most available of them.
    devices: Vec<Device>,
    pub(super) status_msg: Option<String>,
    pub(super) public_name: PublicName,
    pub(super) last_active: Millis,
    shown: Shown,
    /// The number of the last change that others were told of.
    changed: u64,
    /// Whether the database does not know of the last change.
    pub(super) unsaved: bool,
}

impl Entry {
    pub(super) fn new(
        user_id: UserId,
        status_msg: Option<String>,
        public_name: PublicName,
        last_active: Millis,
    ) -> Self {
        let shown = Shown { status_msg: status_msg.clone(), public_name: public_name.clone(), ..Shown::default() };
        Self { user_id, devices: Vec::new(), status_msg, public_name, last_active, shown, changed: 0, unsaved: false }
    }

    pub(super) fn is_live(&self) -> bool {
        self.shown.availability != Availability::Offline
    }

    /// A device that has been heard of lately.
    pub(super) fn known_device(&mut self, device_id: &DeviceId) -> Option<&mut Device> {
        self.devices.iter_mut().find(|device| device.id == *device_id)
    }

    /// A device that is heard of at `now`.
    pub(super) fn device(&mut self, device_id: &DeviceId, now: Millis) -> &mut Device {
        let known = self.devices.iter().position(|device| device.id == *device_id);
        let index = known.unwrap_or_else(|| {
            if self.devices.len() == MAX_DEVICES
                && let Some(silent) = (0..MAX_DEVICES).min_by_key(|index| self.devices[*index].last_contact)
            {
                self.devices.swap_remove(silent);
            }
            let id = device_id.clone();
            self.devices.push(Device { id, chosen: Availability::Offline, last_contact: now, syncing: 0 });
            self.devices.len() - 1
        });
        let device = &mut self.devices[index];
        device.last_contact = now;
        device
    }

    /// Forgets all devices.
    pub(crate) fn disconnect(&mut self) {
        self.devices.clear();
    }

    /// Whether the user is there at `now`, and whether they are currently active.
    fn judge(&self, now: Millis) -> (Availability, bool) {
        let asked = |wanted| self.devices.iter().any(|device| device.chosen == wanted && !device.is_gone(now));
        let availability = if asked(Availability::Online) && now < self.last_active + IDLE {
            Availability::Online
        } else if asked(Availability::Online) || asked(Availability::Unavailable) {
            Availability::Unavailable
        } else {
            Availability::Offline
        };
        (availability, availability == Availability::Online && now < self.last_active + ACTIVE)
    }

    /// Shows others what is true at `now`. Returns whether that is new to them.
    fn show(&mut self, now: Millis) -> bool {
        self.devices.retain(|device| !device.is_gone(now));
        let (availability, currently_active) = self.judge(now);
        let shown = &self.shown;
        if (shown.availability, shown.currently_active) == (availability, currently_active)
            && shown.status_msg == self.status_msg
            && shown.public_name == self.public_name
        {
            return false;
        }
        self.shown = Shown {
            availability,
            currently_active,
            status_msg: self.status_msg.clone(),
            public_name: self.public_name.clone(),
        };
        true
    }

    pub(super) fn content(&self, now: Millis) -> PresenceContent {
        let shown = &self.shown;
        PresenceContent {
            presence: shown.availability,
            last_active_ago: (self.last_active > 0).then(|| now.saturating_sub(self.last_active)),
            currently_active: (shown.availability == Availability::Online).then_some(shown.currently_active),
            status_msg: shown.status_msg.clone(),
            displayname: shown.public_name.displayname.clone(),
            avatar_url: shown.public_name.avatar_url.clone(),
        }
    }
}

/// Everybody whose presence is known.
#[derive(Debug, Default)]
pub(super) struct PresenceStates {
    entries: HashMap<UserNid, Entry>,
    /// The order of the changes, for those who follow them.
    changes: BTreeMap<u64, UserNid>,
    /// The users who have changed since the last tick: at most as many as there are entries.
    fresh: HashSet<UserNid>,
}

impl PresenceStates {
    pub(super) fn get(&self, user: UserNid) -> Option<&Entry> {
        self.entries.get(&user)
    }

    /// Adds a user who is not known yet.
    pub(super) fn add(&mut self, user: UserNid, entry: Entry) {
        self.entries.entry(user).or_insert(entry);
    }

    /// Numbers a user's state as a change, although it may not be one: others may believe something else.
    pub(super) fn announce(&mut self, user: UserNid, numbers: &Ephemeral) {
        let Some(entry) = self.entries.get_mut(&user) else { return };
        entry.unsaved = true;
        self.fresh.insert(user);
        self.changes.remove(&entry.changed);
        numbers.signal(|number| {
            entry.changed = number;
            self.changes.insert(number, user);
        });
    }

    /// Changes a known user's entry. What others see anew is numbered.
    pub(super) fn update(&mut self, user: UserNid, now: Millis, numbers: &Ephemeral, change: impl FnOnce(&mut Entry)) {
        let Some(entry) = self.entries.get_mut(&user) else { return };
        change(entry);
        if entry.show(now) {
            self.announce(user, numbers);
        }
    }

    /// Lets time pass: returns those of whom others see something else since the last tick.
    pub(super) fn tick(&mut self, now: Millis, numbers: &Ephemeral) -> HashSet<UserNid> {
        let live: Vec<UserNid> =
            self.entries.iter().filter(|(_, entry)| entry.is_live()).map(|(user, _)| *user).collect();
        for user in live {
            self.update(user, now, numbers, |_| {});
        }
        self.shrink();
        std::mem::take(&mut self.fresh)
    }

    /// Forgets those who went offline first while there are too many.
    fn shrink(&mut self) {
        let excess = self.entries.len().saturating_sub(CAPACITY);
        if excess == 0 {
            return;
        }
        let can_go = |user: &UserNid| self.entries.get(user).is_some_and(|entry| !entry.is_live() && !entry.unsaved);
        let dropped: Vec<(u64, UserNid)> = self
            .changes
            .iter()
            .filter(|(_, user)| can_go(user))
            .take(excess)
            .map(|(number, user)| (*number, *user))
            .collect();
        for (number, user) in dropped {
            self.changes.remove(&number);
            self.entries.remove(&user);
        }
    }

    /// Those who changed after `since`, up to `upto`.
    pub(super) fn changed(&self, since: u64, upto: u64) -> Vec<UserNid> {
        if since >= upto {
            return Vec::new();
        }
        self.changes.range(since + 1..=upto).map(|(_, user)| *user).collect()
    }

    /// The first `limit` of them, and the number up to which these are all.
    pub(crate) fn changed_first(&self, since: u64, upto: u64, limit: usize) -> (Vec<UserNid>, u64) {
        if since >= upto {
            return (Vec::new(), upto);
        }
        let found: Vec<(u64, UserNid)> =
            self.changes.range(since + 1..=upto).take(limit).map(|(number, user)| (*number, *user)).collect();
        let reached = if found.len() < limit { upto } else { found.last().map_or(upto, |(number, _)| *number) };
        (found.into_iter().map(|(_, user)| user).collect(), reached)
    }

    /// Those who are not offline.
    pub(super) fn live(&self) -> Vec<UserNid> {
        self.entries.iter().filter(|(_, entry)| entry.is_live()).map(|(user, _)| *user).collect()
    }

    /// The entries that the database does not know yet; they count as saved from here on.
    pub(super) fn take_unsaved(&mut self) -> Vec<(UserNid, Entry)> {
        let unsaved = self.entries.iter_mut().filter(|(_, entry)| entry.unsaved);
        let take = |(user, entry): (&UserNid, &mut Entry)| {
            entry.unsaved = false;
            (*user, entry.clone())
        };
        unsaved.map(take).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Availability, Entry, PresenceStates, PublicName};
    use im2_core::ephemeral::Ephemeral;
    use im2_model::{DeviceId, Millis, UserId, UserNid};

    const ANA: UserNid = UserNid(1);
    const SECOND: Millis = 1_000;
    const MINUTE: Millis = 60 * SECOND;

    fn phone() -> DeviceId {
        DeviceId::parse("PHONE").unwrap()
    }

    fn laptop() -> DeviceId {
        DeviceId::parse("LAPTOP").unwrap()
    }

    struct Scene {
        states: PresenceStates,
        numbers: Ephemeral,
        now: Millis,
    }

    impl Scene {
        /// Ana syncs, and has just done something.
        fn new() -> Self {
            let mut scene =
                Self { states: PresenceStates::default(), numbers: Ephemeral::starting_at(1), now: 1_000_000 };
            let user_id = UserId::parse("@ana:im.test").unwrap();
            scene.states.add(ANA, Entry::new(user_id, None, PublicName::default(), 0));
            let now = scene.now;
            scene.change(|entry| {
                let device = entry.device(&phone(), now);
                (device.chosen, device.syncing) = (Availability::Online, 1);
                entry.last_active = now;
            });
            assert!(scene.wait(0), "others are told");
            scene
        }

        fn change(&mut self, change: impl FnOnce(&mut Entry)) {
            self.states.update(ANA, self.now, &self.numbers, change);
        }

        fn wait(&mut self, time: Millis) -> bool {
            self.now += time;
            !self.states.tick(self.now, &self.numbers).is_empty()
        }

        fn shown(&self) -> (Availability, Option<bool>) {
            let content = self.states.get(ANA).unwrap().content(self.now);
            (content.presence, content.currently_active)
        }
    }

    #[test]
    fn who_does_nothing_is_active_then_online_then_unavailable() {
        let mut scene = Scene::new();
        assert_eq!(scene.shown(), (Availability::Online, Some(true)));
        assert!(!scene.wait(MINUTE - 1));
        assert!(scene.wait(1));
        assert_eq!(scene.shown(), (Availability::Online, Some(false)));
        assert!(scene.wait(4 * MINUTE));
        assert_eq!(scene.shown(), (Availability::Unavailable, None));
        let now = scene.now;
        scene.change(|entry| entry.last_active = now);
        assert_eq!(scene.shown(), (Availability::Online, Some(true)));
    }

    #[test]
    fn who_stops_syncing_is_offline_after_a_while() {
        let mut scene = Scene::new();
        let now = scene.now;
        scene.change(|entry| entry.device(&phone(), now).syncing = 0);
        assert!(!scene.wait(29 * SECOND));
        assert!(scene.wait(SECOND));
        assert_eq!(scene.shown(), (Availability::Offline, None));
        assert!(!scene.wait(MINUTE));
    }

    #[test]
    fn a_user_is_as_available_as_the_most_available_of_their_devices() {
        let mut scene = Scene::new();
        let shown = scene.numbers.reached();
        for _ in 0..3 {
            let now = scene.now;
            scene.change(|entry| entry.device(&laptop(), now).chosen = Availability::Unavailable);
            scene.change(|entry| entry.device(&phone(), now).chosen = Availability::Online);
            assert!(!scene.wait(10 * SECOND), "nothing changes with the polls");
        }
        assert_eq!((scene.shown(), scene.numbers.reached()), ((Availability::Online, Some(true)), shown));
        let now = scene.now;
        scene.change(|entry| entry.device(&phone(), now).syncing = 0);
        assert!(!scene.wait(15 * SECOND));
        let now = scene.now;
        scene.change(|entry| entry.device(&laptop(), now).chosen = Availability::Unavailable);
        assert!(scene.wait(15 * SECOND), "the phone is gone");
        assert_eq!(scene.shown(), (Availability::Unavailable, None));
        assert!(scene.wait(15 * SECOND), "and so is the laptop");
        assert_eq!(scene.shown(), (Availability::Offline, None));
    }

    #[test]
    fn devices_beyond_the_limit_are_not_kept() {
        let mut scene = Scene::new();
        for number in 0..1_000 {
            let (now, device) = (scene.now, DeviceId::parse(&format!("D{number}")).unwrap());
            scene.change(|entry| entry.device(&device, now).chosen = Availability::Online);
        }
        assert_eq!(scene.states.get(ANA).unwrap().devices.len(), super::MAX_DEVICES);
        assert!(scene.wait(MINUTE));
        assert_eq!(scene.states.get(ANA).unwrap().devices.len(), 0);
    }

    #[test]
    fn changes_are_followed_by_number_and_only_the_last_of_a_user_counts() {
        let mut scene = Scene::new();
        let start = scene.numbers.reached();
        assert_eq!(scene.states.changed(0, start), [ANA]);
        scene.change(|entry| entry.status_msg = Some("away".into()));
        scene.change(|entry| entry.status_msg = Some("back".into()));
        scene.change(|entry| entry.status_msg = Some("back".into()));
        let end = scene.numbers.reached();
        assert_eq!(end, start + 2);
        assert_eq!(scene.states.changed(0, start), []);
        assert_eq!(scene.states.changed(start, end), [ANA]);
        assert_eq!(scene.states.changed(end, end), []);
    }

    #[test]
    fn what_is_unsaved_is_taken_once() {
        let mut scene = Scene::new();
        assert_eq!(scene.states.take_unsaved().len(), 1);
        assert!(scene.states.take_unsaved().is_empty());
        scene.wait(MINUTE);
        assert_eq!(scene.states.take_unsaved().len(), 1);
    }
}
