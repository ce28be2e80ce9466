//! Push notifications: where users want to be told of events while no client of theirs is open (spec: client-server
//! API, "Push Notifications").
//!
//! A pusher is a row; what is to be delivered is not. [`delivery`] follows the stream and judges each event for those
//! members of its room who have pushers, so that a message costs its sender nothing for them, and how far that has got
//! is one row for all.

mod badge;
mod delivery;
mod evaluation;
mod gateways;
mod notification;
mod notifier;
mod registry;
pub(crate) mod web_push;

use std::sync::Arc;

use im2_model::{Millis, UserNid};
use im2_store::pushers::{Activation, PusherSettings};
use parking_lot::Mutex;
use serde_json::{Map, Value};
use tokio::sync::Notify;
use url::Url;

pub use delivery::Delivery;
pub use im2_store::pushers::{Pusher, PusherKind};

use gateways::{Gateway, Gateways};
use im2_core::{
    Code, Core, Error, Result,
    committed::{Apply, Committed},
    rate_limits::Quota,
    session::Session,
};
use registry::Registry;
use web_push::DeviceKeys;

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
/// How long the token is valid that a client activates a pusher with (MSC4174).
const ACTIVATION: Millis = 5 * 60 * 1000;
/// The path that every gateway has.
const PATH: &str = "/_matrix/push/v1/notify";

/// Options for push notifications.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Whether gateways may be at addresses that are not public and be spoken to without TLS: for a gateway in the
    /// same house.
    pub allow_private_addresses: bool,
}

/// The body of `POST /pushers/set`; each field may be missing.
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
    /// Notified when a pusher was queued from outside of the delivery.
    queued: Arc<Notify>,
    sender: Arc<web_push::Sender>,
}

/// The outcome of a request for a pusher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PusherSet {
    /// It is as the client wants it.
    Done,
    /// Before anything is sent to it, the client has to answer with the token that it is sent.
    NeedsActivation,
}

impl Apply for Pushers {
    fn apply(&self, committed: &Committed) {
        if let Committed::PusherSet { user, user_id, nid, url, since, needs_activation } = committed {
            self.registry.add(*user, user_id, *nid, Gateway::of(url), *since);
            if *needs_activation {
                self.queue(*user, *nid);
            }
        }
    }
}

impl Pushers {
    pub(crate) fn new(core: Core, options: Options, sender: web_push::Sender) -> Self {
        Self {
            core,
            options,
            registry: Arc::default(),
            gateways: Arc::new(Mutex::new(Gateways::new())),
            queued: Arc::default(),
            sender: Arc::new(sender),
        }
    }

    /// The key by which push services know this server (RFC 8292), as clients give it to them.
    pub fn web_push_key(&self) -> String {
        self.sender.public_key()
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
    pub async fn set(&self, session: &Session, request: PusherRequest) -> Result<PusherSet> {
        check_length("app_id", &request.app_id, MAX_APP_ID)?;
        if request.pushkey.is_empty() || request.pushkey.len() > MAX_PUSHKEY {
            return Err(invalid(format!("pushkey must have 1 to {MAX_PUSHKEY} bytes")));
        }
        let user = session.user;
        let Some(kind) = &request.kind else {
            let (app_id, pushkey) = (request.app_id, request.pushkey);
            self.core.store.write(move |tx| tx.remove_pusher(user, &app_id, &pushkey)).await?;
            return Ok(PusherSet::Done);
        };
        let Some(kind) = PusherKind::parse(kind) else {
            return Err(invalid(
                "only pushers of kind `http` and `webpush` are supported: this server does not send e-mail",
            ));
        };
        let append = request.append;
        let settings = self.settings(request, kind)?;
        let (this, session, now) = (self.clone(), session.clone(), self.core.now());
        let token = self.core.random.alphanumeric(32);
        let write = move |tx: &mut im2_core::Transaction<'_>| {
            let existing = tx.pushers_of(user)?;
            let is_same = |pusher: &&Pusher| {
                (&pusher.settings.app_id, &pusher.settings.pushkey) == (&settings.app_id, &settings.pushkey)
            };
            let before = existing.iter().find(is_same);
            let limits = &this.core.limits;
            if existing.len() as u64 >= limits.quota(Quota::Pushers) && before.is_none() {
                return Ok(Err(limits.over_quota(Quota::Pushers)));
            }
            if !append {
                tx.remove_pushers_of_others(user, &settings.app_id, &settings.pushkey)?;
            }
            let is_active =
                before.is_some_and(|before| before.activation.is_none() && sends_alike(&before.settings, &settings));
            let activation = (kind == PusherKind::WebPush && !is_active)
                .then(|| Activation { token: token.clone(), until: now + ACTIVATION });
            let device = tx.device(user, &session.device_id)?.map(|device| device.device_id);
            let since = tx.next_position();
            let nid = tx.set_pusher(user, device.as_ref(), &settings, activation.as_ref(), (now, since))?;
            let outcome = if activation.is_some() { PusherSet::NeedsActivation } else { PusherSet::Done };
            let (user_id, url) = (session.user_id.clone(), settings.url.clone());
            let needs_activation = outcome == PusherSet::NeedsActivation;
            tx.publish(Committed::PusherSet { user, user_id, nid, url, since, needs_activation });
            Ok(Ok(outcome))
        };
        self.core.store.write(write).await?
    }

    /// Notes that messages to a pusher arrive: the client answers with the token that it was sent (MSC4174).
    pub async fn activate(&self, session: &Session, app_id: String, token: String) -> Result<()> {
        let (user, now) = (session.user, self.core.now());
        let activate = move |tx: &mut im2_core::Transaction<'_>| {
            let mut pushers = tx.pushers_of(user)?;
            pushers.retain(|pusher| pusher.settings.kind == PusherKind::WebPush && pusher.settings.app_id == app_id);
            if pushers.is_empty() {
                return Ok(Err(Error::refused(Code::NotFound, "you have no Web Push pusher with this app_id")));
            }
            let waiting = pushers.iter().find_map(|pusher| {
                let activation = pusher.activation.as_ref().filter(|activation| activation.token == token)?;
                Some((pusher.nid, activation.until))
            });
            match waiting {
                None => Ok(Err(Error::refused(Code::UnknownActivationToken, "no pusher is waiting for this token"))),
                Some((_, until)) if until <= now => {
                    let message = "this token has expired: set the pusher again to receive a new one";
                    Ok(Err(Error::refused(Code::ExpiredActivationToken, message)))
                }
                Some((nid, _)) => tx.activate_pusher(nid).map(Ok),
            }
        };
        self.core.store.write(activate).await?
    }

    /// Has the delivery look at a pusher.
    fn queue(&self, user: UserNid, nid: i64) {
        if let Some((nid, gateway)) = self.registry.refresh_one(user, nid) {
            self.gateways.lock().push(user, nid, gateway);
        }
        self.queued.notify_one();
    }

    /// Checks the settings in a request. Missing or invalid ones are refused.
    fn settings(&self, request: PusherRequest, kind: PusherKind) -> Result<PusherSettings> {
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
                return Err(invalid(format!("{name} must have at most {MAX_TEXT} characters")));
            }
        }
        let url = match data.remove("url") {
            None => return Err(Error::refused(Code::MissingParam, "Missing parameters: data.url")),
            Some(Value::String(url)) => self.checked_url(url, kind)?,
            Some(_) => return Err(invalid("data.url must be a string")),
        };
        if data.get("format").is_some_and(|format| !format.is_string()) {
            return Err(invalid("data.format must be a string"));
        }
        if kind == PusherKind::WebPush {
            let auth = match data.get("auth") {
                None => return Err(Error::refused(Code::MissingParam, "Missing parameters: data.auth")),
                Some(auth) => auth.as_str().ok_or_else(|| invalid("data.auth must be a string"))?,
            };
            DeviceKeys::parse(&pushkey, auth).map_err(invalid)?;
            if data.get("events_only").is_some_and(|only| !only.is_boolean()) {
                return Err(invalid("data.events_only must be true or false"));
            }
        }
        let data = Value::Object(data).to_string();
        if data.len() > MAX_DATA {
            return Err(invalid(format!("data must have at most {MAX_DATA} bytes")));
        }
        Ok(PusherSettings {
            kind,
            app_id,
            pushkey,
            app_display_name,
            device_display_name,
            lang,
            profile_tag,
            url,
            data,
        })
    }

    fn checked_url(&self, text: String, kind: PusherKind) -> Result<String> {
        let url = Url::parse(&text).ok().filter(|url| text.len() <= MAX_URL && url.has_host());
        let url = url.ok_or_else(|| invalid("data.url is not a URL"))?;
        let is_allowed = match url.scheme() {
            "https" => true,
            "http" => self.options.allow_private_addresses,
            _ => false,
        };
        if !is_allowed || !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("data.url must be an https URL without user name and password"));
        }
        let is_gateway = url.path() == PATH && url.query().is_none() && url.fragment().is_none();
        if kind == PusherKind::Http && !is_gateway {
            return Err(invalid(format!("data.url must have the path {PATH}")));
        }
        Ok(text)
    }
}

/// Whether what is sent goes the same way to the same device.
fn sends_alike(one: &PusherSettings, other: &PusherSettings) -> bool {
    let auth = |settings: &PusherSettings| {
        serde_json::from_str::<Value>(&settings.data).ok().and_then(|data| data.get("auth").cloned())
    };
    (one.kind, &one.url, auth(one)) == (other.kind, &other.url, auth(other))
}

fn check_length(name: &str, text: &str, most: usize) -> Result<()> {
    let length = text.chars().count();
    if (1..=most).contains(&length) { Ok(()) } else { Err(invalid(format!("{name} must have 1 to {most} characters"))) }
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::refused(Code::InvalidParam, message)
}
