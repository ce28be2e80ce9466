//! Notices of the server to its users, in a room for each (spec: "Server Notices").

use std::sync::Arc;

use im2_core::{Code, Core, Error, Result, session::Session};
use im2_kernel::content::Membership;
use im2_model::{DeviceId, EventId, UserId};
use im2_store::accounts::NewAccount;
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;

use crate::{
    account_data::AccountData,
    rooms::{Actor, CreateRoom, Draft, InitialState, Preset, Room, Rooms, Transaction},
};

const TAG: &str = "m.server_notice";
/// The device that the server's own notices count as sent from, so that none is sent twice.
const DEVICE: &str = "SERVER";

/// The account that sends notices, and the name of the rooms that it sends them in.
#[derive(Debug, Clone)]
pub struct Options {
    /// The user who sends them. The account is the server's own: nobody can sign in to it.
    pub user_id: UserId,
    /// The user's display name.
    pub display_name: String,
    /// The user's picture.
    pub avatar_url: Option<String>,
    /// The name of the rooms.
    pub room_name: String,
}

/// A notice to be sent.
#[derive(Debug, Clone)]
pub struct Notice {
    /// The recipient.
    pub user_id: UserId,
    /// The event type.
    pub kind: String,
    /// The state key, for state.
    pub state_key: Option<String>,
    /// The content.
    pub content: Map<String, Value>,
}

/// The use cases.
#[derive(Debug, Clone)]
pub struct ServerNotices {
    core: Core,
    rooms: Rooms,
    account_data: AccountData,
    options: Option<Arc<Options>>,
    /// Held while a room is looked for or made, so that nobody gets two.
    making: Arc<Mutex<()>>,
}

impl ServerNotices {
    /// Builds it on the core.
    pub fn new(core: Core, rooms: Rooms, account_data: AccountData, options: Option<Options>) -> Self {
        Self { core, rooms, account_data, options: options.map(Arc::new), making: Arc::default() }
    }

    /// Whether notices can be sent.
    pub fn are_enabled(&self) -> bool {
        self.options.is_some()
    }

    /// Takes the name of the notices' user before anybody else does, and brings its profile up to date.
    pub async fn prepare(&self) -> Result<()> {
        match &self.options {
            Some(options) => self.sender(options).await.map(drop),
            None => Ok(()),
        }
    }

    /// Sends a notice for an administrator. A transaction that was used before is answered with what it sent.
    pub async fn send(&self, admin: &Session, notice: Notice, txn_id: Option<&str>) -> Result<EventId> {
        let transaction = txn_id.map(|txn_id| Transaction {
            user: admin.user,
            device_id: admin.device_id.clone(),
            txn_id: txn_id.into(),
        });
        self.deliver(notice, transaction).await
    }

    /// Sends a message of the server itself, once for each `name`.
    pub async fn send_once(&self, user_id: &UserId, content: Map<String, Value>, name: &str) -> Result<()> {
        let Some(options) = &self.options else { return Ok(()) };
        let device_id = DeviceId::parse(DEVICE).map_err(|error| Error::Internal(error.to_string()))?;
        let transaction = Transaction { user: self.sender(options).await?.user, device_id, txn_id: name.into() };
        let (user_id, kind) = (user_id.clone(), "m.room.message".to_owned());
        self.deliver(Notice { user_id, kind, state_key: None, content }, Some(transaction)).await.map(drop)
    }

    async fn deliver(&self, notice: Notice, transaction: Option<Transaction>) -> Result<EventId> {
        let disabled = || {
            let message = "server notices are disabled: set server_notices.localpart in the server's configuration";
            Error::refused(Code::Unknown, message)
        };
        let options = self.options.as_ref().ok_or_else(disabled)?;
        let Notice { user_id, kind, state_key, content } = notice;
        let target = self.local_user(&user_id).await?;
        let sender = self.sender(options).await?;
        let room = self.room_for(options, &sender, &target).await?;
        let draft = match state_key {
            Some(state_key) => Draft::state(&kind, &state_key, content),
            None => Draft::message(&kind, content),
        };
        self.rooms.append(&room, &sender, draft, transaction).await
    }

    async fn local_user(&self, user_id: &UserId) -> Result<Actor> {
        if user_id.server_name() != self.core.server_name.as_str() {
            return Err(Error::refused(Code::InvalidParam, "notices can only be sent to users of this server"));
        }
        let wanted = user_id.clone();
        let account = self.core.store.read(move |db| db.account(&wanted)).await?;
        let account = account.filter(|account| account.deactivated_ts.is_none());
        let account = account.ok_or_else(|| Error::refused(Code::NotFound, "there is no such user"))?;
        Ok(Actor { user: account.user, user_id: account.user_id })
    }

    /// The user who sends notices; the account is made if it is not there.
    async fn sender(&self, options: &Arc<Options>) -> Result<Actor> {
        let (options, now) = (Arc::clone(options), self.core.now());
        let user_id = options.user_id.clone();
        let ensure = move |tx: &mut im2_core::Transaction<'_>| {
            let user = tx.ensure_user(&options.user_id)?;
            // Changes nothing where there is an account.
            let (user_id, password_hash) = (options.user_id.clone(), None);
            tx.create_account(&NewAccount { user_id, password_hash, is_admin: false, created_ts: now })?;
            let name = Some(&options.display_name);
            for (field, value) in [("displayname", name), ("avatar_url", options.avatar_url.as_ref())] {
                let wanted = value.map(|value| Value::from(value.as_str()).to_string());
                let current = tx.profile_field(user, field)?;
                match wanted {
                    Some(wanted) if current.as_ref() != Some(&wanted) => tx.set_profile_field(user, field, &wanted)?,
                    None if current.is_some() => drop(tx.remove_profile_field(user, field)?),
                    _ => {}
                }
            }
            Ok(user)
        };
        let user = self.core.store.write(ensure).await?;
        Ok(Actor { user, user_id })
    }

    /// The room for notices to a user who is in it or invited to it. Whoever has left it is invited again; if there is
    /// none, it is made.
    async fn room_for(&self, options: &Options, sender: &Actor, target: &Actor) -> Result<Arc<Room>> {
        let _making = self.making.lock().await;
        let room = match self.room_of(sender, target).await? {
            Some(room) => room,
            None => self.make_room(options, sender, target).await?,
        };
        let membership = room.view().membership(&target.user_id);
        if !matches!(membership, Some(Membership::Join | Membership::Invite)) {
            self.rooms.invite_regardless(sender, &room, &target.user_id).await?;
            self.account_data.set_tag(target.user, &room.id, TAG, Map::new()).await?;
            if self.rooms.blocks_invites(target.user).await? {
                // They would never be shown the invite.
                self.rooms.join(target, &room.id, None).await?;
            }
        }
        Ok(room)
    }

    /// The room that a user was given for notices, if the sender can still bring them there.
    async fn room_of(&self, sender: &Actor, target: &Actor) -> Result<Option<Arc<Room>>> {
        let user = target.user;
        let Some(nid) = self.core.store.read(move |db| db.server_notice_room(user)).await? else { return Ok(None) };
        let room = self.rooms.if_there(nid).await?;
        Ok(room.filter(|room| {
            let view = room.view();
            view.membership(&sender.user_id) == Some(Membership::Join)
                && view.membership(&target.user_id) != Some(Membership::Ban)
        }))
    }

    async fn make_room(&self, options: &Options, sender: &Actor, target: &Actor) -> Result<Arc<Room>> {
        let mut initial_state = Vec::new();
        if let Some(url) = &options.avatar_url {
            let content = Map::from_iter([("url".to_owned(), Value::from(url.as_str()))]);
            initial_state.push(InitialState { kind: "m.room.avatar".into(), state_key: String::new(), content });
        }
        let levels = json!({ "users_default": -10, "invite": 100 });
        let new = CreateRoom {
            version: self.rooms.default_version(),
            preset: Some(Preset::PrivateChat),
            name: Some(options.room_name.clone()),
            initial_state,
            power_level_content_override: levels.as_object().cloned().unwrap_or_default(),
            ..CreateRoom::default()
        };
        let room = self.rooms.create_regardless(sender, new).await?;
        let (user, nid) = (target.user, room.nid);
        self.core.store.write(move |tx| tx.set_server_notice_room(user, nid)).await?;
        Ok(room)
    }
}
