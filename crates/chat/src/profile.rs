//! Profiles: display name, avatar, and fields of the user's own choosing (spec: "Profiles").

use im2_core::{Code, Committed, Core, Error, Result, Transaction, names, session::Session};
use im2_model::{UserId, UserNid, shown_name};
use im2_store::profiles::ProfileField;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::presence::PublicName;

/// The outbox job that carries a change of a user's profile into their member events. Its payload is [`Changed`].
pub const PROPAGATE: &str = "profile.propagate";

/// The size of a whole profile as JSON, in bytes (spec: "the total profile MUST be under 64 KiB").
const MAX_PROFILE: usize = 65_536;
/// The length of a field's name, in bytes.
const MAX_NAME: usize = 255;
/// The length of a display name, in characters.
const MAX_DISPLAYNAME: usize = 256;

/// The length of the address of an avatar, in bytes. The specification says of it only that it is a URI: clients show
/// what they can (`mxc://`) and ignore the rest.
const MAX_AVATAR_URL: usize = 1_000;

/// The payload of [`PROPAGATE`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Changed {
    /// The user whose profile changed.
    pub user_id: UserId,
    /// The field: `displayname` or `avatar_url`.
    pub field: String,
    /// The value before the change.
    pub before: Option<String>,
}

/// The use cases of profiles.
#[derive(Debug, Clone)]
pub struct Profiles {
    core: Core,
}

impl Profiles {
    /// Builds it on the core.
    pub fn new(core: Core) -> Self {
        Self { core }
    }

    /// All fields of somebody's profile.
    pub async fn get(&self, user_id: UserId) -> Result<Map<String, Value>> {
        let read = move |db: &im2_store::Snapshot<'_>| {
            let Some(account) = db.account(&user_id)? else { return Ok(None) };
            db.profile(account.user).map(Some)
        };
        let fields = self.core.store.read(read).await?.ok_or_else(no_such_user)?;
        fields.into_iter().map(|field| Ok((field.name, parse(&field.value)?))).collect()
    }

    /// One field of somebody's profile.
    pub async fn get_field(&self, user_id: UserId, name: String) -> Result<Value> {
        let read = move |db: &im2_store::Snapshot<'_>| match db.account(&user_id)? {
            Some(account) => db.profile_field(account.user, &name),
            None => Ok(None),
        };
        let missing = || Error::refused(Code::NotFound, "there is no such user or profile field");
        parse(&self.core.store.read(read).await?.ok_or_else(missing)?)
    }

    /// Sets a field of the session's user. An empty display name or avatar is none.
    pub async fn set(&self, session: &Session, user_id: &UserId, name: &str, value: Value) -> Result<()> {
        check_owner(session, user_id)?;
        self.core.refuse_suspended(session.user)?;
        self.check_guest(session, name)?;
        check_name(name)?;
        check_value(name, &value)?;
        self.set_for(session.user, user_id, name, value).await
    }

    /// Sets a field that has been checked, of whoever it is.
    pub async fn set_for(&self, user: UserNid, user_id: &UserId, name: &str, value: Value) -> Result<()> {
        let value = match value {
            Value::String(text) if name == "displayname" => Value::from(shown_name(&text)),
            value => value,
        };
        let removes = matches!(name, "displayname" | "avatar_url") && value.as_str() == Some("");
        self.change(user, user_id, name, (!removes).then(|| value.to_string())).await
    }

    /// Removes a field of the session's user; that it was not there is no error.
    pub async fn remove(&self, session: &Session, user_id: &UserId, name: &str) -> Result<()> {
        check_owner(session, user_id)?;
        self.core.refuse_suspended(session.user)?;
        self.check_guest(session, name)?;
        check_name(name)?;
        self.change(session.user, user_id, name, None).await
    }

    /// Guests have a display name and nothing else (spec: "Guest Access").
    fn check_guest(&self, session: &Session, name: &str) -> Result<()> {
        if name != "displayname" && self.core.guests.contains(session.user) {
            return Err(Error::refused(Code::GuestAccessForbidden, "guests can only set a display name"));
        }
        Ok(())
    }

    async fn change(&self, user: UserNid, user_id: &UserId, name: &str, value: Option<String>) -> Result<()> {
        let (user_id, name, now) = (user_id.clone(), name.to_owned(), self.core.now());
        let reaches_others = !self.core.shadow_banned.contains(user);
        let change = move |tx: &mut Transaction<'_>| {
            let before = tx.profile_field(user, &name)?;
            if before == value {
                return Ok(true);
            }
            match &value {
                Some(value) => tx.set_profile_field(user, &name, value)?,
                None => drop(tx.remove_profile_field(user, &name)?),
            }
            let fields = tx.profile(user)?;
            if value.is_some() && size(&fields) >= MAX_PROFILE {
                match &before {
                    Some(before) => tx.set_profile_field(user, &name, before)?,
                    None => drop(tx.remove_profile_field(user, &name)?),
                }
                return Ok(false);
            }
            let works = tx.account_of(user)?.is_some_and(|account| account.deactivated_ts.is_none());
            if works && matches!(name.as_str(), "displayname" | "avatar_url") {
                let public_name = public_name(&fields);
                tx.index_user(user, &names::index(&user_id, public_name.displayname.as_deref()))?;
                let before = before.and_then(|before| serde_json::from_str(&before).ok());
                let changed = json!(Changed { user_id: user_id.clone(), field: name.clone(), before });
                tx.add_job(PROPAGATE, &changed.to_string(), now)?;
                if reaches_others {
                    let PublicName { displayname, avatar_url } = public_name;
                    tx.publish(Committed::ProfileChanged { user, displayname, avatar_url });
                }
            }
            Ok(true)
        };
        if self.core.store.write(change).await? {
            return Ok(());
        }
        Err(Error::refused(Code::ProfileTooLarge, "a profile must stay below 64 KiB in total"))
    }
}

fn public_name(fields: &[ProfileField]) -> PublicName {
    let text = |name: &str| {
        let field = fields.iter().find(|field| field.name == name)?;
        serde_json::from_str::<String>(&field.value).ok()
    };
    PublicName { displayname: text("displayname"), avatar_url: text("avatar_url") }
}

/// The size of the profile as a JSON object.
fn size(fields: &[ProfileField]) -> usize {
    fields.iter().map(|field| field.name.len() + field.value.len() + 4).sum::<usize>() + 1
}

fn parse(value: &str) -> Result<Value> {
    serde_json::from_str(value).map_err(|error| Error::Internal(format!("a stored profile field: {error}")))
}

fn no_such_user() -> Error {
    Error::refused(Code::NotFound, "there is no such user on this server")
}

fn check_owner(session: &Session, user_id: &UserId) -> Result<()> {
    if *user_id == session.user_id {
        return Ok(());
    }
    Err(Error::refused(Code::Forbidden, "you can only change your own profile"))
}

/// Checks a field's name (spec: appendices, "Common Namespaced Identifier Grammar").
fn check_name(name: &str) -> Result<()> {
    if name.len() > MAX_NAME {
        return Err(Error::refused(Code::KeyTooLarge, "the name of a profile field must have at most 255 bytes"));
    }
    let is_allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.');
    if name.starts_with(|first: char| first.is_ascii_lowercase()) && name.bytes().all(is_allowed) {
        return Ok(());
    }
    let message =
        "the name of a profile field must begin with a letter a to z and may contain only a to z, digits and - _ .";
    Err(Error::refused(Code::InvalidParam, message))
}

/// Checks the value of a field that the specification defines.
pub fn check_value(name: &str, value: &Value) -> Result<()> {
    let invalid = |message: &'static str| Err(Error::refused(Code::InvalidParam, message));
    match (name, value) {
        ("displayname", Value::String(text)) if text.chars().count() > MAX_DISPLAYNAME => {
            invalid("a display name must have at most 256 characters")
        }
        ("avatar_url", Value::String(text)) if text.len() > MAX_AVATAR_URL => {
            invalid("an avatar's URI must have at most 1000 bytes")
        }
        ("displayname" | "avatar_url" | "m.tz", value) if !value.is_string() => {
            invalid("this profile field must be a string")
        }
        _ => Ok(()),
    }
}
