//! Account data: settings that clients keep for the account and for rooms, tags, the list of ignored users (spec:
//! client-server API, "Client Config", "Room Tagging", "Ignoring Users").

mod in_rooms;
mod tags_and_direct;

use std::{collections::HashSet, sync::Arc};

use im2_kernel::push::Ruleset;
use im2_model::{Position, RoomId, RoomNid, StreamToken, UserId, UserNid};
use im2_store::{
    Snapshot,
    account_data::{AccountData as Row, AccountDataSet, SetAccountData},
};
use serde_json::{Map, Value, json, value::RawValue};

pub use tags_and_direct::TagsAndDirect;

use im2_core::{
    Code, Committed, Core, Error, Result, Transaction,
    memory::{Cache, Share},
    rate_limits::Quota,
    stream::{AccountDataChange, Change},
};

/// The largest content of one type, in bytes. It holds an `m.direct` of some three thousand people.
pub const MAX_CONTENT_BYTES: usize = 256 * 1024;
/// Types a user may keep for the account, and again for each room: an initial sync delivers all of them.
pub const MAX_TYPES: usize = 1_000;
/// The longest type and the longest tag (spec: "The name of a tag MUST NOT exceed 255 bytes").
const MAX_NAME_BYTES: usize = 255;
/// Estimated memory for one entry of a cached list of ignored users, in bytes.
const IGNORED_USER: usize = 96;

/// The type of push rules. Stored are the user's changes of the defaults.
pub(crate) const PUSH_RULES: &str = "m.push_rules";
/// The type of the fully-read marker of a room.
pub(crate) const FULLY_READ: &str = "m.fully_read";
const TAGS: &str = "m.tag";
const DIRECT: &str = "m.direct";
const IGNORED_USER_LIST: &str = "m.ignored_user_list";
/// The type in which a user says who may invite them.
pub const INVITE_PERMISSION_CONFIG: &str = "m.invite_permission_config";

/// The use cases of account data.
#[derive(Debug, Clone)]
pub struct AccountData {
    core: Core,
    ignored: Cache<UserNid, Arc<HashSet<UserId>>>,
    labels: tags_and_direct::Cached,
}

impl AccountData {
    /// Builds it on the core.
    pub fn new(core: Core) -> Self {
        let weigh = |_: &UserNid, ignored: &Arc<HashSet<UserId>>| IGNORED_USER * ignored.len();
        let ignored = Cache::new(&core.memory, "ignored_users", Share::ThirtySecond, weigh);
        Self { ignored, labels: tags_and_direct::cache(&core.memory), core }
    }

    /// The content of one type, for the account or for a room.
    pub async fn get(
        &self,
        user: UserNid,
        user_id: &UserId,
        room: Option<&RoomId>,
        kind: &str,
    ) -> Result<Box<RawValue>> {
        let is_rules = room.is_none() && kind == PUSH_RULES;
        let kind = kind.to_owned();
        let content = match room.cloned() {
            None => self.core.store.read(move |db| db.account_data(user, None, &kind)).await?,
            Some(room_id) => self.core.store.read(move |db| in_room(db, user, &room_id, &kind)).await?,
        };
        if is_rules {
            return raw(ruleset_of(user_id, content.as_deref()).to_content().to_string());
        }
        let content = content.ok_or_else(|| Error::refused(Code::NotFound, "there is no account data of this type"))?;
        raw(content)
    }

    /// Sets the content of one type, for the account or for a room that the user has to do with.
    pub async fn set(
        &self,
        user: UserNid,
        room: Option<&RoomId>,
        kind: &str,
        content: &Map<String, Value>,
    ) -> Result<()> {
        if is_managed(kind) {
            let message = format!("{kind} is managed by the server: use its own endpoints");
            return Err(Error::refused(Code::BadJson, message));
        }
        check_name(kind, "type")?;
        let content = serde_json::to_string(content).map_err(|error| Error::Internal(error.to_string()))?;
        check_size(&content)?;
        let (room, kind, most_bytes) =
            (room.cloned(), kind.to_owned(), self.core.limits.quota(Quota::AccountDataBytes));
        let command = SetAccountData { user, room, kind, content, most_bytes, most_types: MAX_TYPES };
        let tell = |command: &SetAccountData, outcome: &AccountDataSet| {
            let &AccountDataSet::Done(room, position) = outcome else { return Ok(Vec::new()) };
            let entry = Entry { user: command.user, room, kind: &command.kind };
            Ok(vec![news_of(entry, &command.content, position)?])
        };
        match self.core.store.carry_out(command, tell).await? {
            AccountDataSet::Done(..) => Ok(()),
            AccountDataSet::NoRoom => Err(no_room()),
            AccountDataSet::TooManyBytes => Err(self.core.limits.over_quota(Quota::AccountDataBytes)),
            AccountDataSet::TooManyTypes => {
                let message = format!("at most {MAX_TYPES} types of account data can be stored");
                Err(Error::refused(Code::TooLarge, message))
            }
        }
    }

    /// Refuses content that takes an account beyond what it may keep. The inner error is the refusal. What does not
    /// grow is not counted.
    fn check_quota(
        &self,
        db: &Snapshot<'_>,
        user: UserNid,
        kind: &str,
        before: Option<&str>,
        content: &str,
    ) -> im2_store::Result<Result<()>> {
        let before = before.map_or(0, |before| before.len() + kind.len());
        let more = (content.len() + kind.len()).saturating_sub(before) as u64;
        if more == 0 {
            return Ok(Ok(()));
        }
        Ok(self.core.limits.check_quota(Quota::AccountDataBytes, db.account_data_bytes(user)? + more))
    }

    /// Everything the user keeps, push rules included: what an initial sync delivers.
    pub async fn all(&self, user: UserNid, user_id: &UserId) -> Result<Vec<AccountDataChange>> {
        let mut rows = self.core.store.read(move |db| db.all_account_data(user)).await?;
        if !rows.iter().any(|row| row.room.is_none() && row.kind == PUSH_RULES) {
            rows.push(no_push_rules());
        }
        rows.into_iter().map(|row| change(user, user_id, row)).collect()
    }

    /// Everything the user keeps for the account, push rules included.
    pub async fn global(&self, user: UserNid, user_id: &UserId) -> Result<Vec<AccountDataChange>> {
        let mut rows = self.core.store.read(move |db| db.account_data_of_room(user, None)).await?;
        if !rows.iter().any(|row| row.kind == PUSH_RULES) {
            rows.push(no_push_rules());
        }
        rows.into_iter().map(|row| change(user, user_id, row)).collect()
    }

    /// The account data that changed after `since`, read from the database: for a token that the ring in memory no
    /// longer covers.
    pub async fn since(&self, user: UserNid, user_id: &UserId, since: &StreamToken) -> Result<Vec<AccountDataChange>> {
        let rows = self.core.store.read(move |db| db.all_account_data(user)).await?;
        rows.into_iter().filter(|row| !since.includes(row.position)).map(|row| change(user, user_id, row)).collect()
    }

    /// Forgets what is in memory of account data that has changed.
    pub(crate) fn forget(&self, user: UserNid, room: Option<RoomNid>, kind: &str) {
        match (kind, room) {
            (IGNORED_USER_LIST, None) => drop(self.ignored.remove(&user)),
            (DIRECT, None) | (TAGS, Some(_)) => drop(self.labels.remove(&user)),
            _ => {}
        }
    }

    /// The users whom the user ignores.
    pub async fn ignored_users(&self, user: UserNid, user_id: &UserId) -> Result<Arc<HashSet<UserId>>> {
        let load = async {
            let content = self.core.store.read(move |db| db.account_data(user, None, IGNORED_USER_LIST)).await?;
            Ok(Arc::new(content.map(|content| ignored_in(&content, user_id)).unwrap_or_default()))
        };
        // A commit that removes the entry while it loads also drops what was loaded.
        self.ignored.get_or_insert_async(&user, load).await
    }
}

/// Tags: the content of `m.tag` in a room.
impl AccountData {
    /// The tags of a room, as the specification's answer: `{"tags": {…}}`.
    pub async fn tags(&self, user: UserNid, room_id: &RoomId) -> Result<Value> {
        let room_id = room_id.clone();
        let content = self.core.store.read(move |db| in_room(db, user, &room_id, TAGS)).await?;
        Ok(json!({ "tags": tags_in(content.as_deref()) }))
    }

    /// Adds a tag to a room, or changes it. `order`, if given, is between 0 and 1.
    pub async fn set_tag(&self, user: UserNid, room_id: &RoomId, tag: &str, content: Map<String, Value>) -> Result<()> {
        check_name(tag, "tag")?;
        let order_fits = |order: &Value| order.as_f64().is_some_and(|order| (0.0..=1.0).contains(&order));
        if content.get("order").is_some_and(|order| !order_fits(order)) {
            return Err(Error::refused(Code::BadJson, "order must be a number between 0 and 1"));
        }
        let (tag, content) = (tag.to_owned(), Value::Object(content));
        self.change_tags(user, room_id, move |tags| {
            let before = tags.insert(tag.clone(), content.clone());
            before.as_ref() != Some(&content)
        })
        .await
    }

    /// Removes a tag from a room, if it is there.
    pub async fn delete_tag(&self, user: UserNid, room_id: &RoomId, tag: &str) -> Result<()> {
        let tag = tag.to_owned();
        self.change_tags(user, room_id, move |tags| tags.remove(&tag).is_some()).await
    }

    async fn change_tags(
        &self,
        user: UserNid,
        room_id: &RoomId,
        change: impl Fn(&mut Map<String, Value>) -> bool + Send + 'static,
    ) -> Result<()> {
        let (this, room_id) = (self.clone(), room_id.clone());
        let write = move |tx: &mut Transaction<'_>| {
            let Some(room) = tx.room_of_user(user, &room_id)? else { return Ok(Err(no_room())) };
            let before = tx.account_data(user, Some(room), TAGS)?;
            let mut tags = tags_in(before.as_deref());
            if !change(&mut tags) {
                return Ok(Ok(()));
            }
            let content = json!({ "tags": tags }).to_string();
            let checked = match check_size(&content) {
                Ok(()) => this.check_quota(tx, user, TAGS, before.as_deref(), &content)?,
                refused => refused,
            };
            if let Err(refusal) = checked {
                return Ok(Err(refusal));
            }
            record(tx, Entry { user, room: Some(room), kind: TAGS }, &content, None).map(Ok)
        };
        self.core.store.write(write).await?
    }
}

/// Whether the server itself keeps this type, so that clients cannot set it as account data.
pub fn is_managed(kind: &str) -> bool {
    matches!(kind, FULLY_READ | PUSH_RULES)
}

/// The key of a piece of account data.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    /// The user.
    pub(crate) user: UserNid,
    /// The room; `None` for the account.
    pub(crate) room: Option<RoomNid>,
    /// The type.
    pub(crate) kind: &'a str,
}

/// Stores one type's content and streams it to the user's devices. `content` is a JSON object, and so is `streamed`,
/// for types that are kept in another form than clients see.
pub(crate) fn record(
    tx: &mut Transaction<'_>,
    entry: Entry<'_>,
    content: &str,
    streamed: Option<&str>,
) -> im2_store::Result<()> {
    let position = tx.next_position();
    tx.set_account_data(entry.user, entry.room, entry.kind, content, position)?;
    tx.publish(news_of(entry, streamed.unwrap_or(content), position)?);
    Ok(())
}

/// What is told of one type's content, as clients see it, that was stored.
pub(crate) fn news_of(entry: Entry<'_>, content: &str, position: Position) -> im2_store::Result<Committed> {
    let corrupt = |error: serde_json::Error| im2_store::Error::Corrupt(error.to_string());
    let Entry { user, room, kind } = entry;
    let content = RawValue::from_string(content.to_owned()).map_err(corrupt)?;
    let change = Change::AccountData(Arc::new(AccountDataChange { user, room, kind: kind.into(), content }));
    Ok(Committed::News { position, changes: vec![change], users: vec![user] })
}

/// The push rules of a user who changed `stored` of the defaults.
pub(crate) fn ruleset_of(user_id: &UserId, stored: Option<&str>) -> Ruleset {
    let stored = stored.and_then(|stored| serde_json::from_str(stored).ok());
    Ruleset::from_stored(user_id, &stored.unwrap_or(Value::Null))
}

fn in_room(db: &Snapshot<'_>, user: UserNid, room_id: &RoomId, kind: &str) -> im2_store::Result<Option<String>> {
    match db.room(room_id)? {
        Some(room) => db.account_data(user, Some(room.nid), kind),
        None => Ok(None),
    }
}

fn no_room() -> Error {
    Error::refused(Code::NotFound, "you are not in this room")
}

fn check_name(name: &str, what: &str) -> Result<()> {
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        return Err(Error::refused(Code::InvalidParam, format!("a {what} must have 1 to {MAX_NAME_BYTES} bytes")));
    }
    Ok(())
}

pub(crate) fn check_size(content: &str) -> Result<()> {
    if content.len() > MAX_CONTENT_BYTES {
        let message = format!("account data of one type is limited to {MAX_CONTENT_BYTES} bytes");
        return Err(Error::refused(Code::TooLarge, message));
    }
    Ok(())
}

/// The push rules of somebody who changed none of the defaults.
fn no_push_rules() -> Row {
    Row { room: None, kind: PUSH_RULES.to_owned(), content: "{}".to_owned(), position: Position::default() }
}

fn raw(content: String) -> Result<Box<RawValue>> {
    RawValue::from_string(content).map_err(|error| Error::Internal(format!("stored account data: {error}")))
}

fn change(user: UserNid, user_id: &UserId, mut row: Row) -> Result<AccountDataChange> {
    if row.room.is_none() && row.kind == PUSH_RULES {
        row.content = ruleset_of(user_id, Some(&row.content)).to_content().to_string();
    }
    Ok(AccountDataChange { user, room: row.room, kind: row.kind.into(), content: raw(row.content)? })
}

/// The tags in the content of `m.tag`. What a client stored in another shape counts as none.
fn tags_in(content: Option<&str>) -> Map<String, Value> {
    let content = content.and_then(|content| serde_json::from_str(content).ok());
    match content {
        Some(Value::Object(mut content)) => match content.remove("tags") {
            Some(Value::Object(tags)) => tags,
            _ => Map::new(),
        },
        _ => Map::new(),
    }
}

/// The users in the content of `m.ignored_user_list`, except for the list's own user.
fn ignored_in(content: &str, own: &UserId) -> HashSet<UserId> {
    let content: Value = serde_json::from_str(content).unwrap_or_default();
    let users = content.get("ignored_users").and_then(Value::as_object);
    let users = users.into_iter().flat_map(Map::keys).filter_map(|user_id| UserId::parse(user_id).ok());
    users.filter(|user_id| user_id != own).collect()
}
