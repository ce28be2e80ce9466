//! Features that everybody has and administrators may switch off for single users, by the names of the proposals that
//! they come from.

use std::collections::{BTreeMap, HashSet};

use im2_model::UserNid;
use parking_lot::RwLock;

/// A feature that can be withheld from a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Feature {
    /// Sliding sync.
    SlidingSync,
    /// The state after the timeline, in `/sync`.
    StateAfter,
}

/// The features by the names that tools know. One without a feature is of what this server has for nobody.
const NAMES: [(&str, Option<Feature>); 3] =
    [("msc3575", Some(Feature::SlidingSync)), ("msc3881", None), ("msc4222", Some(Feature::StateAfter))];

impl Feature {
    /// The feature called `name`, if this server has it.
    pub fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).and_then(|(_, feature)| *feature)
    }

    /// Whether tools know a feature of this name, be it that nobody has it here.
    pub fn is_known(name: &str) -> bool {
        NAMES.iter().any(|(known, _)| *known == name)
    }

    /// The name under which it is stored.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, feature)| *feature == Some(self)).map_or("", |(name, _)| *name)
    }
}

/// The withheld features by user. All are in memory, because every sync asks; there are few, because administrators set
/// them one by one.
#[derive(Debug, Default)]
pub struct WithheldFeatures(RwLock<HashSet<(UserNid, Feature)>>);

impl WithheldFeatures {
    /// The features that were stored as withheld. A feature that this server knows no longer is left out.
    pub(crate) fn new(stored: Vec<(UserNid, String)>) -> Self {
        let known = |(user, name): (UserNid, String)| Some((user, Feature::named(&name)?));
        Self(RwLock::new(stored.into_iter().filter_map(known).collect()))
    }

    /// Whether a user goes without a feature.
    pub fn contains(&self, user: UserNid, feature: Feature) -> bool {
        let withheld = self.0.read();
        !withheld.is_empty() && withheld.contains(&(user, feature))
    }

    /// All features by name, each with whether the user has it.
    pub fn of(&self, user: UserNid) -> BTreeMap<&'static str, bool> {
        let has = |feature: Option<Feature>| feature.is_some_and(|feature| !self.contains(user, feature));
        NAMES.into_iter().map(|(name, feature)| (name, has(feature))).collect()
    }

    /// Called once it is committed.
    pub fn set(&self, user: UserNid, feature: Feature, withheld: bool) {
        let mut all = self.0.write();
        if withheld {
            all.insert((user, feature))
        } else {
            all.remove(&(user, feature))
        };
    }
}
