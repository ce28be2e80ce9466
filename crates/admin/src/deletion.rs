//! Deleting a room: its users leave it, for another room if there is to be one, and it is purged.
//!
//! Every step finds out what is left to do, so that a deletion that was cut off goes on.

use im2_chat::rooms::{Actor, CreateRoom, Draft, Preset, Room, Rooms};
use im2_core::{Code, Core, Error, Result};
use im2_kernel::content::Membership;
use im2_model::{RoomAliasId, RoomId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::tasks::Progress;

const ROOM_NAME: &str = "Content Violation Notification";
const MESSAGE: &str = "This room was closed by the administrators of this server because of its content.";

/// A request to delete a room.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the administration API names and explains them")]
pub struct DeleteRoom {
    pub new_room_user_id: Option<UserId>,
    pub room_name: Option<String>,
    pub message: Option<String>,
    #[serde(default)]
    pub block: bool,
    #[serde(default = "yes")]
    pub purge: bool,
    #[serde(default)]
    pub force_purge: bool,
}

fn yes() -> bool {
    true
}

/// The outcome for the room's users and aliases.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the administration API names and explains them")]
pub struct Shutdown {
    pub kicked_users: Vec<UserId>,
    pub failed_to_kick_users: Vec<UserId>,
    pub local_aliases: Vec<RoomAliasId>,
    pub new_room_id: Option<RoomId>,
}

/// The work.
pub(super) struct Deletion {
    core: Core,
    rooms: Rooms,
}

impl Deletion {
    pub(super) fn new(core: Core, rooms: Rooms) -> Self {
        Self { core, rooms }
    }

    /// Refuses what cannot be done.
    pub(super) async fn check(&self, room_id: &RoomId, request: &DeleteRoom) -> Result<()> {
        let foreign = |user: &&UserId| user.server_name() != self.core.server_name.as_str();
        if request.new_room_user_id.as_ref().is_some_and(|user| foreign(&user)) {
            return Err(Error::refused(Code::InvalidParam, "new_room_user_id must be a user of this server"));
        }
        // A room that is not here can be blocked before it comes, and nothing else.
        if !request.block && self.rooms.find(room_id).await?.is_none() {
            return Err(Error::refused(Code::NotFound, "there is no such room on this server"));
        }
        Ok(())
    }

    /// Deletes the room, and notes how far it is.
    pub(super) async fn run(
        &self,
        room_id: &RoomId,
        request: &DeleteRoom,
        shutdown: &mut Shutdown,
        progress: &Progress,
    ) -> Result<()> {
        if let Some(room) = self.rooms.find(room_id).await? {
            if let (Some(user_id), None) = (&request.new_room_user_id, &shutdown.new_room_id) {
                shutdown.new_room_id = Some(self.make_new_room(user_id, request).await?);
                progress.save(shutdown).await?;
            }
            self.empty(&room, shutdown).await?;
            self.move_aliases(&room, shutdown).await?;
            progress.save(shutdown).await?;
            if !request.purge {
                return Ok(());
            }
            if !shutdown.failed_to_kick_users.is_empty() && !request.force_purge {
                let message = "not all users could be removed from the room; force_purge purges it anyway";
                return Err(Error::refused(Code::Unknown, message));
            }
            self.rooms.begin_purge(room_id).await?;
        }
        self.rooms.finish_purge(room_id).await
    }

    /// Makes the room in which the users are told what happened.
    async fn make_new_room(&self, user_id: &UserId, request: &DeleteRoom) -> Result<RoomId> {
        let owner = self.actor(user_id).await?;
        let levels = json!({ "users_default": -10 });
        let new = CreateRoom {
            version: self.rooms.default_version(),
            preset: Some(Preset::PublicChat),
            name: Some(request.room_name.clone().unwrap_or_else(|| ROOM_NAME.to_owned())),
            power_level_content_override: levels.as_object().cloned().unwrap_or_default(),
            ..CreateRoom::default()
        };
        let room = self.rooms.create_regardless(&owner, new).await?;
        let mut content = Map::new();
        content.insert("msgtype".into(), "m.text".into());
        content.insert("body".into(), Value::from(request.message.as_deref().unwrap_or(MESSAGE)));
        let message = Draft { despite_shadow_ban: true, ..Draft::message("m.room.message", content) };
        self.rooms.append(&room, &owner, message, None).await?;
        Ok(room.id.clone())
    }

    /// Takes everybody out of the room, into the new one if they were members.
    async fn empty(&self, room: &Room, shutdown: &mut Shutdown) -> Result<()> {
        let present: Vec<(UserId, bool)> = {
            let view = room.view();
            let members = view.members.iter().filter_map(|(user_id, member)| {
                let present = matches!(member.membership, Membership::Join | Membership::Invite | Membership::Knock);
                present.then(|| (user_id.clone(), member.membership == Membership::Join))
            });
            members.collect()
        };
        shutdown.failed_to_kick_users.clear();
        for (user_id, joined) in present {
            let actor = self.actor(&user_id).await?;
            if let (Some(new), true) = (&shutdown.new_room_id, joined) {
                tolerate(self.rooms.join(&actor, new, None).await.map(drop))?;
            }
            let left = tolerate(self.rooms.leave_regardless(&actor, &room.id, None).await)?;
            let list = if left { &mut shutdown.kicked_users } else { &mut shutdown.failed_to_kick_users };
            if !list.contains(&user_id) {
                list.push(user_id);
            }
        }
        Ok(())
    }

    async fn move_aliases(&self, room: &Room, shutdown: &mut Shutdown) -> Result<()> {
        self.rooms.unpublish(&room.id).await?;
        let Some(new) = &shutdown.new_room_id else { return Ok(()) };
        let Some(new) = self.rooms.find(new).await? else { return Ok(()) };
        let (from, to) = (room.nid, new.nid);
        let moved = self.core.store.write(move |tx| {
            let moved = tx.aliases_of(from)?;
            tx.move_aliases(from, to)?;
            Ok(moved)
        });
        for alias in moved.await? {
            if !shutdown.local_aliases.contains(&alias) {
                shutdown.local_aliases.push(alias);
            }
        }
        Ok(())
    }

    async fn actor(&self, user_id: &UserId) -> Result<Actor> {
        let wanted = user_id.clone();
        let user = self.core.store.write(move |tx| tx.ensure_user(&wanted)).await?;
        Ok(Actor { user, user_id: user_id.clone() })
    }
}

/// Whether something was done; that a room refuses is no failure of the work.
fn tolerate(outcome: Result<()>) -> Result<bool> {
    match outcome {
        Ok(()) => Ok(true),
        Err(Error::Refused { message, .. }) => {
            tracing::info!(%message, "a step of a room's deletion was refused");
            Ok(false)
        }
        Err(error) => Err(error),
    }
}
