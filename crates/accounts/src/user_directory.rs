//! Finding people (spec: "User Directory").
//!
//! Users whom one may see are found by any part of their names; everybody who has an account here is found by their
//! whole user name, as whoever knows it can write to them anyway.

use im2_model::UserId;

pub use im2_store::user_directory::DirectoryEntry;

use im2_core::{
    Core, Result,
    names::{self, Place},
    session::Session,
};

/// Results of one search.
const MAX_RESULTS: usize = 50;
/// Matches that are put in order before the best of them are given.
const MAX_RANKED: usize = 500;

/// Options for the user directory.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Whether everybody with an account here may be found by everybody; otherwise only who shares a room with the
    /// searcher, or is in a room that anybody may join or read.
    pub everyone: bool,
}

/// The results of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The best matches.
    pub results: Vec<DirectoryEntry>,
    /// Whether there are more.
    pub limited: bool,
}

/// The use cases of the user directory.
#[derive(Debug, Clone)]
pub struct UserDirectory {
    core: Core,
    options: Options,
}

impl UserDirectory {
    /// Builds it on the core.
    pub fn new(core: Core, options: Options) -> Self {
        Self { core, options }
    }

    /// The users whose names match `term`, best first: the very user name, then names with words that begin with the
    /// term's, then names that contain them; among equals those who say who they are.
    pub async fn search(&self, session: &Session, term: &str, limit: usize) -> Result<Found> {
        let limit = limit.min(MAX_RESULTS);
        let term = term.trim();
        // Of a user ID, the server's name is the same for all.
        let words = term.strip_prefix('@').map_or(term, |rest| rest.split(':').next().unwrap_or_default());
        let tiers = [names::query(words, Place::Start), names::query(words, Place::Anywhere)];
        let exact = self.named(term);
        let (caller, everyone) = (session.user, self.options.everyone);
        let read = move |db: &im2_store::Snapshot<'_>| {
            let mut ranked: Vec<DirectoryEntry> = Vec::new();
            if let Some(user_id) = &exact {
                ranked.extend(db.directory_entry(user_id)?);
            }
            for runs in tiers.iter().filter(|runs| !runs.is_empty()) {
                if ranked.len() > limit {
                    break;
                }
                let mut found = db.search_users(runs, caller, everyone, MAX_RANKED)?;
                found.retain(|entry| !ranked.iter().any(|seen| seen.user_id == entry.user_id));
                found.sort_by_cached_key(rank);
                ranked.extend(found);
            }
            Ok(ranked)
        };
        let mut results = self.core.store.read(read).await?;
        let limited = results.len() > limit;
        results.truncate(limit);
        Ok(Found { results, limited })
    }

    /// The user of this server that `term` names in full, as user ID or localpart.
    fn named(&self, term: &str) -> Option<UserId> {
        let term = term.to_lowercase();
        let server = &self.core.server_name;
        match term.strip_prefix('@').map(|rest| rest.split_once(':')) {
            None => UserId::new(&term, server).ok(),
            Some(None) => UserId::new(&term[1..], server).ok(),
            Some(Some((localpart, domain))) if domain == server.as_str() => UserId::new(localpart, server).ok(),
            Some(Some(_)) => None,
        }
    }
}

/// The order among equally good matches.
fn rank(entry: &DirectoryEntry) -> (bool, bool, usize, String) {
    let name = entry.displayname.as_deref().unwrap_or_else(|| entry.user_id.localpart());
    (entry.displayname.is_none(), entry.avatar_url.is_none(), name.chars().count(), entry.user_id.to_string())
}
