//! Jobs of the outbox that carry changes of accounts and profiles into rooms.
//!
//! Each is idempotent: a room that is done already is passed over. A room that refuses is let go, because it would
//! refuse again; only a failure of this server is tried again.

use std::{
    hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher},
    sync::Arc,
};

use im2_core::{
    Core, Error, Result,
    jobs::{Failure, Handlers},
};
use im2_kernel::content::Membership;
use im2_model::{RoomNid, UserId};
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

use crate::{
    presence::Presence,
    profile,
    rooms::{Actor, Rooms},
};

/// Users whose changes of profiles are carried at the same time: more than jobs of one kind run.
const PROPAGATIONS: usize = 64;

/// The state that the job handlers share.
#[derive(Debug, Clone)]
struct Context {
    core: Core,
    rooms: Rooms,
    presence: Presence,
    /// One for the users of each hash.
    propagations: Arc<[Mutex<()>; PROPAGATIONS]>,
}

/// Adds the handlers of this module's jobs.
pub(crate) fn register(handlers: Handlers, core: &Core, rooms: &Rooms, presence: &Presence) -> Handlers {
    let propagations = std::array::from_fn(|_| Mutex::default());
    let context = Context {
        core: core.clone(),
        rooms: rooms.clone(),
        presence: presence.clone(),
        propagations: Arc::new(propagations),
    };
    let leaving = context.clone();
    handlers
        .on(im2_accounts::LEAVE_ROOMS, move |payload| {
            let context = leaving.clone();
            async move {
                let im2_accounts::Departure { user_id } = parse(&payload)?;
                context.leave_rooms(user_id).await.map_err(|error| error.to_string())
            }
        })
        .on(profile::PROPAGATE, move |payload| {
            let context = context.clone();
            async move { context.propagate_profile(parse(&payload)?).await.map_err(|error| error.to_string()) }
        })
}

fn parse<T: DeserializeOwned>(payload: &str) -> std::result::Result<T, Failure> {
    serde_json::from_str(payload).map_err(|error| format!("payload: {error}"))
}

impl Context {
    /// Takes a deactivated user out of their rooms, and declines the invites they had.
    async fn leave_rooms(&self, user_id: UserId) -> Result<()> {
        let Some(actor) = self.actor(user_id).await? else { return Ok(()) };
        let user = actor.user;
        let account = self.core.store.read(move |db| db.account_of(user)).await?;
        if account.is_some_and(|account| account.deactivated_ts.is_none()) {
            return Ok(()); // an administrator has brought it to life again meanwhile
        }
        self.presence.ended(actor.user);
        let rooms = self.rooms.of_user(actor.user).await?;
        for membership in [Membership::Join, Membership::Invite, Membership::Knock] {
            for room in rooms.with(membership) {
                let room_id = self.rooms.by_nid(room).await?.id.clone();
                tolerate(room, self.rooms.leave_regardless(&actor, &room_id, None).await)?;
            }
        }
        self.rooms.let_go(actor.user).await
    }

    /// Carries a change of a user's profile into their member events. Of one user, one change after the other: a change
    /// must not find a room as it was while an earlier one is about to write what this one started from.
    async fn propagate_profile(&self, changed: profile::Changed) -> Result<()> {
        let profile::Changed { user_id, field, before } = changed;
        let turn = BuildHasherDefault::<DefaultHasher>::default().hash_one(&user_id) as usize % PROPAGATIONS;
        let _turn = self.propagations[turn].lock().await;
        let Some(actor) = self.actor(user_id).await? else { return Ok(()) };
        for room in self.rooms.of_user(actor.user).await?.with(Membership::Join) {
            tolerate(room, self.rooms.refresh_profile(&actor, room, &field, before.clone()).await)?;
        }
        Ok(())
    }

    async fn actor(&self, user_id: UserId) -> Result<Option<Actor>> {
        let wanted = user_id.clone();
        let user = self.core.store.read(move |db| db.user_nid(&wanted)).await?;
        Ok(user.map(|user| Actor { user, user_id }))
    }
}

/// A room that refuses is not a failure of the job.
fn tolerate(room: RoomNid, outcome: Result<()>) -> Result<()> {
    match outcome {
        Err(Error::Refused { message, .. }) => {
            tracing::info!(room = room.0, %message, "a room did not take what follows from a change of an account");
            Ok(())
        }
        outcome => outcome,
    }
}
