//! Accounts: registration, signing in and out, tokens, passwords and their administration.
//!
//! The only place where a [`Session`] or a [`Proof`](uia::Proof) is made. What hangs on an account elsewhere (rooms,
//! account data …) reacts to rows and jobs written here, never to a call.

mod administration;
pub mod device_lists;
pub mod devices;
mod first_parameters;
mod guess_limits;
mod guests;
mod impersonation;
pub mod key_backup;
mod last_seen;
mod login;
mod manage;
pub mod own_limits;
mod password_strength;
mod passwords;
mod registration;
mod registration_tokens;
mod services;
mod sessions;
mod shared_secret;
mod short_lived_tokens;
pub mod uia;
pub mod user_directory;

use std::sync::Arc;

use im2_model::{Millis, ServerName, UserId, UserNid};

pub use administration::NewUser;
pub use guess_limits::Origin;
pub use im2_store::registration_tokens::RegistrationToken;
pub use last_seen::Seen;
pub use login::{LoginRequest, NewSession, SignedIn};
pub use manage::{AccountSummary, Departure, LEAVE_ROOMS};
pub use passwords::PasswordCost;
pub use registration::{RegisterRequest, Registered};
pub use registration_tokens::NewRegistrationToken;
pub use services::Assertion;
pub use shared_secret::SharedSecretRequest;
pub use short_lived_tokens::ShortLivedToken;

use first_parameters::Request;
use im2_core::{Code, Core, Error, Result, committed::Apply, jobs::Handlers};
use last_seen::LastSeen;
use passwords::{Passwords, check_length};
use sessions::Sessions;
use shared_secret::Nonces;
use uia::Uia;

/// The users who may register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RegistrationMode {
    /// Anybody.
    Open,
    /// Holders of a registration token.
    Token,
    /// Nobody but the first administrator, with the one-time token for that.
    #[default]
    Closed,
}

/// People and their devices, as far as they need no room.
#[derive(Debug)]
pub struct People {
    /// Accounts and their tokens.
    pub accounts: Accounts,
    /// Devices of the signed-in user.
    pub devices: devices::Devices,
    /// Backups of room keys.
    pub key_backups: key_backup::KeyBackups,
    /// Finding people.
    pub directory: user_directory::UserDirectory,
    /// Limits on requests that single users have of their own.
    pub limits: own_limits::RateLimits,
}

impl People {
    /// Builds it on the core.
    pub fn new(core: &Core, accounts: Options, directory: user_directory::Options) -> Self {
        let accounts = Accounts::new(core.clone(), accounts);
        Self {
            devices: devices::Devices::new(core.clone(), accounts.clone()),
            key_backups: key_backup::KeyBackups::new(core.clone()),
            directory: user_directory::UserDirectory::new(core.clone(), directory),
            limits: own_limits::RateLimits::new(core.clone()),
            accounts,
        }
    }

    /// Adds what runs the jobs of these use cases.
    pub fn register(&self, core: &Core, handlers: Handlers) -> Handlers {
        key_backup::register(handlers, core)
    }
}

/// Options for accounts.
#[derive(Debug, Clone)]
pub struct Options {
    /// The users who may register.
    pub registration: RegistrationMode,
    /// Whether there are guests: accounts that anybody gets without asking, and that may do little.
    pub guests: bool,
    /// The secret of shared-secret registration; `None` switches it off.
    pub shared_secret: Option<String>,
    /// The minimum length of passwords, in characters.
    pub min_password: usize,
    /// The cost of hashing a password.
    pub password_cost: PasswordCost,
    /// Whether signed-in people can make tokens for signing in on other devices.
    pub login_tokens: bool,
    /// How long an access token lives when the client can refresh it.
    pub access_token_lifetime: Millis,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            registration: RegistrationMode::default(),
            guests: false,
            shared_secret: None,
            min_password: 8,
            login_tokens: false,
            password_cost: PasswordCost::default(),
            access_token_lifetime: 60 * 60 * 1000,
        }
    }
}

/// The use cases of accounts. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Accounts {
    core: Core,
    options: Arc<Options>,
    passwords: Passwords,
    sessions: Arc<Sessions>,
    uia: Uia,
    last_seen: LastSeen,
    nonces: Arc<Nonces>,
}

impl Accounts {
    /// Password hashes under way and waiting.
    pub fn password_load(&self) -> im2_fair::Load {
        self.passwords.load()
    }

    /// Builds it on the core.
    pub fn new(core: Core, options: Options) -> Self {
        let passwords = Passwords::new(options.password_cost, Arc::clone(&core.random));
        let sessions = Arc::new(Sessions::new(&core.memory));
        let layer: Arc<dyn Apply> = Arc::clone(&sessions) as _;
        core.layers.add(&layer);
        Self {
            uia: Uia::new(core.clone(), passwords.clone()),
            sessions,
            last_seen: LastSeen::default(),
            nonces: Arc::default(),
            options: Arc::new(options),
            passwords,
            core,
        }
    }

    /// Keeps the parameters of a request whose user-interactive authentication is in progress, so that its client can
    /// go on with `auth` alone. `session` is that of the authentication.
    pub fn keep_parameters(&self, session: &str, endpoint: &'static str, user: Option<UserNid>, parameters: &str) {
        self.uia.keep_parameters(session, Request { endpoint, user }, parameters);
    }

    /// The parameters with which a request began that `session` is the authentication of.
    pub fn parameters(&self, session: &str, endpoint: &'static str, user: Option<UserNid>) -> Option<Box<str>> {
        self.uia.parameters(session, Request { endpoint, user })
    }

    /// Forgets what is kept in memory of requests whose time is over. To be called every second or so.
    pub fn expire_parameters(&self) {
        self.uia.expire();
    }

    /// The mode of registration: it says who may register.
    pub fn registration_mode(&self) -> RegistrationMode {
        self.options.registration
    }
}

/// The local user that `text`, a user ID or a localpart, means. Capitals are no difference: no account has any.
fn local_user(text: &str, server: &ServerName) -> Option<UserId> {
    let user_id = if text.starts_with('@') {
        UserId::parse(text).ok().filter(|user_id| user_id.server_name() == server.as_str())?
    } else {
        UserId::new(text, server).ok()?
    };
    UserId::new(&user_id.localpart().to_lowercase(), server).ok()
}

impl Accounts {
    /// Refuses a password that `user` should not choose: one that is too short, or among the first that are guessed.
    fn check_chosen_password(&self, user: Option<&UserId>, password: &str) -> Result<()> {
        check_length(password)?;
        let least = self.options.min_password;
        if password.chars().count() < least {
            let message = format!("the password must have at least {least} characters");
            return Err(Error::refused(Code::WeakPassword, message));
        }
        self.check_given_password(user, password)
    }

    /// Refuses a password that nobody should give `user`, administrators included. These may give a short one: it may
    /// be for a first time, or for a machine.
    fn check_given_password(&self, user: Option<&UserId>, password: &str) -> Result<()> {
        check_length(password)?;
        let server = self.core.server_name.as_str();
        let names = [user.map_or("", UserId::localpart), server, server.split('.').next().unwrap_or_default()];
        password_strength::reason(password, &names).map_or(Ok(()), |why| Err(Error::refused(Code::WeakPassword, why)))
    }
}

/// The longest name a device may have, in characters.
pub(crate) const MAX_DEVICE_NAME: usize = 255;

/// Refuses a device name that is too long to be one.
pub fn check_device_name(name: Option<&str>) -> Result<()> {
    if name.is_some_and(|name| name.chars().count() > MAX_DEVICE_NAME) {
        return Err(Error::refused(Code::InvalidParam, "a device's display name must have at most 255 characters"));
    }
    Ok(())
}
