//! Accounts: registration, signing in and out, tokens, passwords and their administration.
//!
//! The only place where a [`Session`] or a [`Proof`](uia::Proof) is made. What hangs on an account elsewhere (rooms,
//! account data …) reacts to rows and jobs written here, never to a call.

mod administered;
mod asserted;
mod borrowed;
mod first_parameters;
mod guessable;
mod guesses;
mod guests;
mod last_seen;
mod login;
mod manage;
mod passes;
mod passwords;
mod registration;
mod registration_tokens;
mod services;
mod sessions;
mod shared_secret;
pub mod uia;

use std::sync::Arc;

use im2_model::{Millis, ServerName, UserId, UserNid};

pub use administered::NewUser;
pub use asserted::Asserted;
pub use guesses::Origin;
pub use im2_store::registration_tokens::RegistrationToken;
pub use last_seen::Seen;
pub use login::{LoginRequest, NewSession, SignedIn};
pub use manage::{AccountSummary, Departure, LEAVE_ROOMS};
pub use passes::Brief;
pub use passwords::PasswordCost;
pub use registration::{RegisterRequest, Registered};
pub use registration_tokens::NewRegistrationToken;
pub use services::Assertion;
pub use shared_secret::SharedSecretRequest;

use crate::{Code, Core, Error, Result};
use first_parameters::Request;
use last_seen::LastSeen;
use passwords::{Passwords, check_length};
use sessions::Sessions;
use shared_secret::Nonces;
use uia::Uia;

/// Who may register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RegistrationMode {
    /// Anybody.
    Open,
    /// Who holds a registration token.
    Token,
    /// Nobody but the first administrator, with the one-time token for that.
    #[default]
    Closed,
}

/// How accounts behave.
#[derive(Debug, Clone)]
pub struct Options {
    /// Who may register.
    pub registration: RegistrationMode,
    /// Whether there are guests: accounts that anybody gets without asking, and that may do little.
    pub guests: bool,
    /// The secret of shared-secret registration; `None` switches it off.
    pub shared_secret: Option<String>,
    /// The shortest password that people may choose, in characters.
    pub min_password: usize,
    /// What hashing a password costs.
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
    pub(crate) fn password_load(&self) -> im2_fair::Load {
        self.passwords.load()
    }

    pub(crate) fn new(core: Core, options: Options) -> Self {
        let passwords = Passwords::new(options.password_cost, Arc::clone(&core.random));
        Self {
            uia: Uia::new(core.clone(), passwords.clone()),
            sessions: Arc::new(Sessions::new(&core.memory)),
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
    pub(crate) fn expire_parameters(&self) {
        self.uia.expire();
    }

    /// Who may register.
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
            let message = format!("the password needs at least {least} characters");
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
        guessable::reason(password, &names).map_or(Ok(()), |why| Err(Error::refused(Code::WeakPassword, why)))
    }
}

/// The longest name a device may have, in characters.
pub(crate) const MAX_DEVICE_NAME: usize = 255;

/// Refuses a device name that is too long to be one.
pub(crate) fn check_device_name(name: Option<&str>) -> Result<()> {
    if name.is_some_and(|name| name.chars().count() > MAX_DEVICE_NAME) {
        return Err(Error::refused(Code::InvalidParam, "a device's display name has at most 255 characters"));
    }
    Ok(())
}
