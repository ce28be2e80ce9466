//! The application services that this server knows, and what is theirs (spec: application service API).
//!
//! Known from the start and never changed while the server runs, so whoever asks need not wait.

use std::{collections::HashMap, sync::Arc};

use im2_model::{DeviceId, RoomAliasId, RoomId, ServerName, UserId};
use im2_store::tokens::TokenHash;
use regex::Regex;
use ring::digest::{SHA256, digest};
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};
use url::Url;

use super::call::USER_AGENT;
use crate::outbound::{Outbound, Reach};

/// An application service as its registration describes it.
pub struct Service {
    /// Its identifier, which never changes.
    pub id: String,
    /// The URL at which it listens, if it wants to be told anything.
    pub url: Option<Url>,
    /// Its own user.
    pub sender: UserId,
    /// Whether its users, apart from its own, are limited in rate.
    pub rate_limited: bool,
    /// The third-party networks that it bridges.
    pub protocols: Vec<String>,
    /// Whether it wants to know who types, reads and is online.
    pub receives_ephemeral: bool,
    /// Whether it wants to know what encryption takes: devices that change, keys that run out (MSC3202).
    pub does_encryption: bool,
    pub(crate) as_token: String,
    pub(crate) hs_token: String,
    pub(crate) users: Vec<Namespace>,
    pub(crate) aliases: Vec<Namespace>,
    pub(crate) rooms: Vec<Namespace>,
    /// Told when the service is heard of, which is a reason not to wait longer before it is told something again.
    pub heard: Notify,
}

/// Identifiers that a service is interested in.
pub(crate) struct Namespace {
    /// Whether nobody else may have them.
    pub(crate) exclusive: bool,
    pub(crate) regex: Regex,
}

fn any(namespaces: &[Namespace], text: &str) -> bool {
    namespaces.iter().any(|namespace| namespace.regex.is_match(text))
}

fn any_exclusive(namespaces: &[Namespace], text: &str) -> bool {
    namespaces.iter().any(|namespace| namespace.exclusive && namespace.regex.is_match(text))
}

impl Service {
    /// Whether it may act as this user: its own, and the local ones of its namespaces.
    pub fn owns_user(&self, user_id: &UserId) -> bool {
        *user_id == self.sender || (self.is_local(user_id) && any(&self.users, user_id.as_str()))
    }

    /// Whether nobody else may be this user.
    pub fn claims_user(&self, user_id: &UserId) -> bool {
        *user_id == self.sender || (self.is_local(user_id) && any_exclusive(&self.users, user_id.as_str()))
    }

    /// Whether an alias is in one of its namespaces.
    pub fn owns_alias(&self, alias: &RoomAliasId) -> bool {
        any(&self.aliases, alias.as_str())
    }

    /// Whether it is interested in all that happens in a room because of what the room is called.
    pub fn wants_room(&self, room_id: &RoomId) -> bool {
        any(&self.rooms, room_id.as_str())
    }

    /// Whether it is interested in rooms by what they are called.
    pub fn wants_rooms(&self) -> bool {
        !self.rooms.is_empty()
    }

    /// Whether it is interested in rooms by their aliases.
    pub fn wants_aliases(&self) -> bool {
        !self.aliases.is_empty()
    }

    /// The ID that stands in for a device where the service acts as a user without naming one.
    pub fn device_stand_in(&self) -> DeviceId {
        DeviceId::parse(&format!("appservice {}", self.id)).expect("an id is short and has no control characters")
    }

    /// Notes that the service has shown that it is there.
    pub fn heard_of(&self) {
        self.heard.notify_one();
    }

    /// Waits until `latest`, or less long if the service is heard of, but not less than until `earliest`.
    pub async fn wait_or_hear(&self, earliest: Instant, latest: Instant) {
        sleep_until(earliest).await;
        tokio::select! {
            () = sleep_until(latest) => {}
            () = self.heard.notified() => {}
        }
    }

    fn is_local(&self, user_id: &UserId) -> bool {
        user_id.server_name() == self.sender.server_name()
    }
}

impl PartialEq for Service {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Service {}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("id", &self.id).finish_non_exhaustive()
    }
}

/// All of them.
pub struct Services {
    all: Vec<Arc<Service>>,
    by_token: HashMap<TokenHash, Arc<Service>>,
    /// The operator says where they are, which may well be this machine.
    pub outbound: Outbound,
}

impl Default for Services {
    fn default() -> Self {
        let outbound = Outbound::new(Reach::Anywhere, None, USER_AGENT);
        Self { all: Vec::new(), by_token: HashMap::new(), outbound }
    }
}

impl Services {
    /// These services. The error, if two of them have in common what may not be, is a sentence for the operator.
    pub fn new(services: Vec<Service>) -> Result<Self, String> {
        let mut found = Self::default();
        for service in services {
            let twice = |what: &str| Err(format!("two application services have the same {what} ({})", service.id));
            if found.all.iter().any(|other| other.id == service.id) {
                return twice("id");
            }
            if found.all.iter().any(|other| other.sender == service.sender) {
                return twice("sender_localpart");
            }
            let hash = hash(&service.as_token);
            if found.by_token.contains_key(&hash) {
                return twice("as_token");
            }
            let service = Arc::new(service);
            found.by_token.insert(hash, Arc::clone(&service));
            found.all.push(service);
        }
        Ok(found)
    }

    /// All of them.
    pub fn all(&self) -> &[Arc<Service>] {
        &self.all
    }

    /// The service that an access token belongs to, if it is a service's.
    pub fn by_token(&self, token: &str) -> Option<&Arc<Service>> {
        // Digests are looked up, so that how long it takes says nothing about the token.
        if self.all.is_empty() { None } else { self.by_token.get(&hash(token)) }
    }

    /// Whether this user is for a service only, and not for `asking`.
    pub fn is_user_taken(&self, user_id: &UserId, asking: Option<&Service>) -> bool {
        self.others(asking).any(|service| service.claims_user(user_id))
    }

    /// Whether this alias is for a service only, and not for `asking`.
    pub fn is_alias_taken(&self, alias: &RoomAliasId, asking: Option<&Service>) -> bool {
        self.others(asking).any(|service| any_exclusive(&service.aliases, alias.as_str()))
    }

    /// The services that might know a user who is not there yet.
    pub fn for_user(&self, user_id: &UserId) -> impl Iterator<Item = &Arc<Service>> {
        self.all.iter().filter(move |service| service.owns_user(user_id))
    }

    /// The services that might know an alias that is not there yet.
    pub fn for_alias(&self, alias: &RoomAliasId, server: &ServerName) -> impl Iterator<Item = &Arc<Service>> {
        let is_local = alias.server_name() == server.as_str();
        self.all.iter().filter(move |service| is_local && service.owns_alias(alias))
    }

    /// The services other than `asking` in whose way it must not come. What it has itself is its own.
    fn others<'a>(&'a self, asking: Option<&'a Service>) -> impl Iterator<Item = &'a Arc<Service>> {
        self.all.iter().filter(move |service| asking.is_none_or(|asking| asking.id != service.id))
    }
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.all).finish()
    }
}

fn hash(token: &str) -> TokenHash {
    let mut hash = TokenHash::default();
    hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    hash
}
