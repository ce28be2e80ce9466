//! Push notifications: where users want to be told of events while no client of theirs is open (spec: client-server
//! API, "Push Notifications").
//!
//! A pusher is a row; what is to be delivered is not. [`delivery`] follows the stream and judges each event for those
//! members of its room who have pushers, so that a message costs its sender nothing for them, and how far that has got
//! is one row for all.

mod badge;
mod delivery;
mod gateways;
mod judge;
mod notification;
mod registry;
mod teller;

use std::sync::Arc;

use im2_model::Millis;
use im2_store::pushers::PusherSettings;
use parking_lot::Mutex;
use serde_json::{Map, Value};
use url::Url;

pub use delivery::Delivery;
pub use im2_store::pushers::Pusher;

use crate::{Code, Core, Error, Result, rate_limits::Quota, session::Session};
use gateways::{Gateway, Gateways};
use registry::Registry;

/// The longest application identifier, in characters, and push key, in bytes (spec: `POST /pushers/set`).
const MAX_APP_ID: usize = 64;
const MAX_PUSHKEY: usize = 512;
/// The longest of the names and languages, in characters; nobody reads on.
const MAX_TEXT: usize = 255;
/// The longest URL, and what a client may leave for its gateway, in bytes: it goes with every notification.
const MAX_URL: usize = 2_048;
const MAX_DATA: usize = 8 * 1024;
/// How old a notification may become: whoever has not been reached for a day has missed nothing that is still news.
const LIFETIME: Millis = 24 * 60 * 60 * 1000;
/// The path that every gateway has.
const PATH: &str = "/_matrix/push/v1/notify";

/// How push notifications are sent.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Whether gateways may be at addresses that are not public and be spoken to without TLS: for a gateway in the
    /// same house.
    pub allow_private_addresses: bool,
}

/// What a client asks of `POST /pushers/set`, as far as it is there.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the names are the specification's")]
pub struct PusherRequest {
    /// `None` for `null`, which deletes.
    pub kind: Option<String>,
    pub app_id: String,
    pub pushkey: String,
    pub app_display_name: Option<String>,
    pub device_display_name: Option<String>,
    pub lang: Option<String>,
    pub profile_tag: Option<String>,
    pub data: Option<Map<String, Value>>,
    /// Whether pushers of other users with the same key stay.
    pub append: bool,
}

/// The use cases of pushers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Pushers {
    core: Core,
    options: Options,
    registry: Arc<Registry>,
    gateways: Arc<Mutex<Gateways>>,
}

impl Pushers {
    pub(crate) fn new(core: Core, options: Options) -> Self {
        Self { core, options, registry: Arc::default(), gateways: Arc::new(Mutex::new(Gateways::new())) }
    }

    /// Notifications under way and pushers that wait.
    pub fn load(&self) -> im2_fair::Load {
        self.gateways.lock().load()
    }

    /// The user's pushers.
    pub async fn list(&self, session: &Session) -> Result<Vec<Pusher>> {
        let user = session.user;
        Ok(self.core.store.read(move |db| db.pushers_of(user)).await?)
    }

    /// Makes, changes or removes a pusher of the session's user. It ends with the session's device.
    pub async fn set(&self, session: &Session, request: PusherRequest) -> Result<()> {
        check_length("app_id", &request.app_id, MAX_APP_ID)?;
        if request.pushkey.is_empty() || request.pushkey.len() > MAX_PUSHKEY {
            return Err(invalid(format!("pushkey has 1 to {MAX_PUSHKEY} bytes")));
        }
        let user = session.user;
        let Some(kind) = &request.kind else {
            let (app_id, pushkey) = (request.app_id, request.pushkey);
            return Ok(self.core.store.write(move |tx| tx.remove_pusher(user, &app_id, &pushkey)).await?);
        };
        if kind != "http" {
            let message = "this server notifies by `http` only: it sends no e-mail, and no other kind is specified";
            return Err(invalid(message));
        }
        let append = request.append;
        let settings = self.settings(request)?;
        let gateway = Gateway::of(&settings.url);
        let (this, session, now) = (self.clone(), session.clone(), self.core.now());
        let write = move |tx: &mut im2_store::Transaction<'_>| {
            let existing = tx.pushers_of(user)?;
            let is_same = |pusher: &Pusher| {
                (&pusher.settings.app_id, &pusher.settings.pushkey) == (&settings.app_id, &settings.pushkey)
            };
            let limits = &this.core.limits;
            if existing.len() as u64 >= limits.quota(Quota::Pushers) && !existing.iter().any(is_same) {
                return Ok(Err(limits.over_quota(Quota::Pushers)));
            }
            if !append {
                tx.remove_pushers_of_others(user, &settings.app_id, &settings.pushkey)?;
            }
            let device = tx.device(user, &session.device_id)?.map(|device| device.device_id);
            let since = tx.next_position();
            let nid = tx.set_pusher(user, device.as_ref(), &settings, now, since)?;
            tx.on_commit(move || this.registry.add(user, &session.user_id, nid, gateway, since));
            Ok(Ok(()))
        };
        self.core.store.write(write).await?
    }

    /// What the client said, checked.
    fn settings(&self, request: PusherRequest) -> Result<PusherSettings> {
        let PusherRequest { app_id, pushkey, app_display_name, device_display_name, lang, profile_tag, data, .. } =
            request;
        let mut missing = Vec::new();
        let mut required = |name: &'static str, value: Option<String>| {
            value.unwrap_or_else(|| {
                missing.push(name);
                String::new()
            })
        };
        let app_display_name = required("app_display_name", app_display_name);
        let device_display_name = required("device_display_name", device_display_name);
        let lang = required("lang", lang);
        let mut data = data.unwrap_or_else(|| {
            missing.push("data");
            Map::new()
        });
        if !missing.is_empty() {
            return Err(Error::refused(Code::MissingParam, format!("Missing parameters: {}", missing.join(", "))));
        }
        for (name, text) in [
            ("app_display_name", &app_display_name),
            ("device_display_name", &device_display_name),
            ("lang", &lang),
            ("profile_tag", profile_tag.as_ref().unwrap_or(&String::new())),
        ] {
            if text.chars().count() > MAX_TEXT {
                return Err(invalid(format!("{name} has at most {MAX_TEXT} characters")));
            }
        }
        let url = match data.remove("url") {
            None => return Err(Error::refused(Code::MissingParam, "Missing parameters: data.url")),
            Some(Value::String(url)) => self.checked_url(url)?,
            Some(_) => return Err(invalid("data.url is not a text")),
        };
        if data.get("format").is_some_and(|format| !format.is_string()) {
            return Err(invalid("data.format is not a text"));
        }
        let data = Value::Object(data).to_string();
        if data.len() > MAX_DATA {
            return Err(invalid(format!("data has at most {MAX_DATA} bytes")));
        }
        Ok(PusherSettings { app_id, pushkey, app_display_name, device_display_name, lang, profile_tag, url, data })
    }

    fn checked_url(&self, text: String) -> Result<String> {
        let url = Url::parse(&text).ok().filter(|url| text.len() <= MAX_URL && url.has_host());
        let url = url.ok_or_else(|| invalid("data.url is no URL"))?;
        let is_allowed = match url.scheme() {
            "https" => true,
            "http" => self.options.allow_private_addresses,
            _ => false,
        };
        if !is_allowed || !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("data.url must be an https URL without user name and password"));
        }
        if url.path() != PATH || url.query().is_some() || url.fragment().is_some() {
            return Err(invalid(format!("data.url must have the path {PATH}")));
        }
        Ok(text)
    }
}

fn check_length(name: &str, text: &str, most: usize) -> Result<()> {
    let length = text.chars().count();
    if (1..=most).contains(&length) { Ok(()) } else { Err(invalid(format!("{name} has 1 to {most} characters"))) }
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::refused(Code::InvalidParam, message)
}
