//! User-interactive authentication: stages that a client passes one after the other before a request is carried out
//! (spec: "User-Interactive Authentication API").
//!
//! A use case that needs it takes the request's `auth` and gets a [`Proof`] for it, which is made nowhere else, or an
//! error that tells the client how to go on. Progress is kept in memory: a client whose session is lost starts again.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

use im2_core::{
    Code, Core, Error, Result,
    memory::{Cache, Share},
    session::Session,
};
use im2_model::{DeviceId, Millis, UserId, UserNid};
use serde::Deserialize;

use super::{
    first_parameters::{FirstParameters, Request},
    guess_limits::reserve_confirmation,
    local_user,
    passwords::Passwords,
};
pub use im2_core::{Challenge, Flow, Stage};

/// Estimated memory for an authentication in progress or an account just made, in bytes.
const PROGRESS: usize = 256;
/// How long one may take, and how long afterwards the answer can be asked for again.
const LIFETIME: Millis = 30 * 60 * 1000;
/// How long the parameters of a request are kept after it was carried out, for a client that has not got the answer
/// and sends its last `auth` again.
const AFTERWARDS: Millis = 2 * 60 * 1000;

/// The purpose of an authentication. A session begun for one purpose, or by one user, is worth nothing for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Making an account.
    Register,
    /// Choosing a new password.
    ChangePassword,
    /// Making a token for another device to sign in with.
    LoginToken,
    /// Ending the account.
    Deactivate,
    /// Signing out other devices: a digest of which, so that consent to one is none to another.
    RemoveDevices(u64),
    /// Putting other cross-signing keys in the place of those that are there: a digest of which.
    ReplaceCrossSigning(u64),
}

impl Purpose {
    /// The removal of these devices.
    pub(crate) fn remove_devices(devices: &[DeviceId]) -> Self {
        let mut hasher = DefaultHasher::new();
        devices.hash(&mut hasher);
        Self::RemoveDevices(hasher.finish())
    }
}

/// The registration tokens that are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenRule {
    /// Any that is valid.
    Any,
    /// Those that make administrators.
    GrantsAdmin,
}

/// The `auth` of a request.
#[derive(Clone, Default, Deserialize)]
pub struct Auth {
    /// The stage it attempts; none when it only asks how things stand.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The session it continues.
    pub session: Option<String>,
    /// The user whose password it is.
    pub identifier: Option<Identifier>,
    /// The same, as older clients write it.
    pub user: Option<String>,
    /// The password.
    pub password: Option<String>,
    /// The registration token.
    pub token: Option<String>,
}

/// A client's name for a user (spec: "Identifier types").
#[derive(Debug, Clone, Deserialize)]
pub struct Identifier {
    /// `m.id.user` is the one that is understood here.
    #[serde(rename = "type")]
    pub kind: String,
    /// A user ID or a localpart.
    pub user: Option<String>,
}

impl Identifier {
    /// The user named, if it is named in a way that is understood.
    pub fn into_user(self) -> Option<String> {
        if self.kind == "m.id.user" { self.user } else { None }
    }
}

/// Evidence that an authentication has been completed.
#[must_use]
pub struct Proof {
    /// The authentication's session.
    pub(super) id: String,
    /// The registration token that was shown, if one was.
    pub(super) registration_token: Option<String>,
}

#[derive(Debug, Clone)]
struct Progress {
    purpose: Purpose,
    user: Option<UserNid>,
    begun: Millis,
    completed: Vec<Stage>,
    registration_token: Option<String>,
}

/// An account that was made, for a client that has not heard of it and tries again (a stage that is retried after
/// the last is answered with the result).
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) user_id: UserId,
    /// The device that was signed in.
    pub(super) device_id: Option<DeviceId>,
    at: Millis,
}

#[derive(Debug, Clone)]
pub(super) struct Uia {
    core: Core,
    passwords: Passwords,
    progress: Cache<String, Progress>,
    made: Cache<String, Made>,
    parameters: Arc<FirstParameters>,
}

impl Uia {
    pub(crate) fn new(core: Core, passwords: Passwords) -> Self {
        let share = Share::HundredAndTwentyEighth;
        let progress = Cache::new(&core.memory, "authentications", share, |_, _| PROGRESS);
        let made = Cache::new(&core.memory, "made_accounts", share, |_, _| PROGRESS);
        Self { core, passwords, progress, made, parameters: Arc::default() }
    }

    /// Keeps the parameters of a request whose authentication is in progress.
    pub(super) fn keep_parameters(&self, session: &str, request: Request, parameters: &str) {
        if let Some(progress) = self.progress.get(session) {
            self.parameters.keep(session, request, parameters, self.core.now(), progress.begun + LIFETIME);
        }
    }

    /// The parameters with which a request began that is gone on with.
    pub(super) fn parameters(&self, session: &str, request: Request) -> Option<Box<str>> {
        self.parameters.get(session, request, self.core.now())
    }

    /// Forgets what is kept of requests whose time is over.
    pub(crate) fn expire(&self) {
        self.parameters.expire(self.core.now());
    }

    /// Completes the authentication of a signed-in user, by password.
    pub(super) async fn confirm(&self, purpose: Purpose, session: &Session, auth: Option<Auth>) -> Result<Proof> {
        let flows = vec![Flow::of(Stage::Password)];
        self.run(purpose, Some(session), flows, TokenRule::Any, auth).await
    }

    /// Completes the authentication of somebody who registers.
    pub(super) async fn register(&self, flows: Vec<Flow>, rule: TokenRule, auth: Option<Auth>) -> Result<Proof> {
        self.run(Purpose::Register, None, flows, rule, auth).await
    }

    /// Notes what has come of a registration.
    pub(super) fn note_made(&self, proof: Proof, user_id: &UserId, device_id: Option<&DeviceId>) {
        let made = Made { user_id: user_id.clone(), device_id: device_id.cloned(), at: self.core.now() };
        self.made.insert(proof.id, made);
    }

    /// The account made by the registration that `auth` goes on with, if it was completed within the lifetime of an
    /// authentication.
    pub(super) fn made(&self, auth: Option<&Auth>) -> Option<Made> {
        let made = self.made.get(auth?.session.as_ref()?)?;
        (self.core.now() < made.at + LIFETIME).then_some(made)
    }

    async fn run(
        &self,
        purpose: Purpose,
        session: Option<&Session>,
        flows: Vec<Flow>,
        rule: TokenRule,
        auth: Option<Auth>,
    ) -> Result<Proof> {
        let user = session.map(|session| session.user);
        let (id, mut progress) = self.resume(purpose, user, auth.as_ref());
        let is_strange = auth.as_ref().and_then(|auth| auth.session.as_ref()).is_some_and(|named| *named != id);
        let mut failure = None;
        if is_strange {
            failure = Some((Code::Forbidden, "this session is unknown, has expired, or belongs to another request"));
        } else if let Some(auth) = auth
            && let Some(kind) = &auth.kind
        {
            match next_stage(&flows, &progress.completed, kind) {
                Next::Passed => {}
                Next::Refused => failure = Some((Code::Unrecognized, "this stage is not one of those that remain")),
                Next::Attempt(stage) => {
                    failure = self.attempt(stage, session, rule, auth, &mut progress).await?.err();
                    if failure.is_none() {
                        progress.completed.push(stage);
                    }
                }
            }
        }
        if flows.iter().any(|flow| flow.stages == progress.completed) {
            self.progress.remove(&id);
            let now = self.core.now();
            self.parameters.end(&id, if purpose == Purpose::Register { now + AFTERWARDS } else { now });
            return Ok(Proof { id, registration_token: progress.registration_token });
        }
        let tried = failure.is_some() || !progress.completed.is_empty();
        let completed = tried.then(|| progress.completed.clone());
        self.progress.insert(id.clone(), progress);
        let flows = flows.into_iter().filter(|flow| flow.offered).collect();
        let challenge = Challenge { flows, params: BTreeMap::new(), session: id, completed, failure };
        Err(Error::Challenge(Box::new(challenge)))
    }

    /// The progress that `auth` refers to, or a new beginning.
    fn resume(&self, purpose: Purpose, user: Option<UserNid>, auth: Option<&Auth>) -> (String, Progress) {
        let now = self.core.now();
        let known = auth.and_then(|auth| auth.session.as_ref()).and_then(|id| Some((id, self.progress.get(id)?)));
        if let Some((id, progress)) = known
            && progress.purpose == purpose
            && progress.user == user
            && now < progress.begun + LIFETIME
        {
            return (id.clone(), progress);
        }
        let fresh = Progress { purpose, user, begun: now, completed: Vec::new(), registration_token: None };
        (self.core.random.alphanumeric(24), fresh)
    }

    /// Tries one stage. The inner error is what the client did wrong.
    async fn attempt(
        &self,
        stage: Stage,
        session: Option<&Session>,
        rule: TokenRule,
        auth: Auth,
        progress: &mut Progress,
    ) -> Result<std::result::Result<(), (Code, &'static str)>> {
        match stage {
            Stage::Dummy => Ok(Ok(())),
            Stage::Password => {
                let passed = match session {
                    Some(session) => self.check_password(session, auth).await?,
                    None => false,
                };
                Ok(if passed { Ok(()) } else { Err((Code::Forbidden, "the password is wrong")) })
            }
            Stage::RegistrationToken => {
                let now = self.core.now();
                let Some(text) = auth.token else {
                    return Ok(Err((Code::MissingParam, "the registration token is missing")));
                };
                let shown = text.clone();
                let found = self.core.store.read(move |db| db.registration_token(&shown)).await?;
                let accepted =
                    found.is_some_and(|token| token.is_valid(now) && (rule == TokenRule::Any || token.grants_admin));
                if !accepted {
                    return Ok(Err((Code::Unauthorized, "this registration token is invalid")));
                }
                progress.registration_token = Some(text);
                Ok(Ok(()))
            }
        }
    }

    /// Whether `auth` has the password of the session's own user. To name somebody else is refused at once: no second
    /// attempt will do.
    async fn check_password(&self, session: &Session, auth: Auth) -> Result<bool> {
        let named = match (auth.identifier, auth.user) {
            (Some(identifier), _) => identifier.into_user(),
            (None, Some(user)) => Some(user),
            (None, None) => Some(session.user_id.to_string()),
        };
        let named = named.and_then(|named| local_user(&named, &self.core.server_name));
        if named.as_ref() != Some(&session.user_id) {
            return Err(Error::refused(Code::Forbidden, "you can only authenticate as yourself"));
        }
        let user = session.user;
        let account = self.core.store.read(move |db| db.account_of(user)).await?;
        let hash = account.and_then(|account| account.password_hash);
        let guess = reserve_confirmation(&self.core, session)?;
        let verified = self.passwords.verify(auth.password.as_deref().unwrap_or_default(), hash.as_deref()).await;
        if !matches!(verified, Ok(false)) {
            guess.give_back();
        }
        verified
    }
}

enum Next {
    /// The stage has been passed before.
    Passed,
    /// It continues one of the flows.
    Attempt(Stage),
    /// It is unknown here, or not its turn.
    Refused,
}

fn next_stage(flows: &[Flow], completed: &[Stage], kind: &str) -> Next {
    let stage = match kind {
        "m.login.dummy" => Stage::Dummy,
        "m.login.password" => Stage::Password,
        "m.login.registration_token" => Stage::RegistrationToken,
        _ => return Next::Refused,
    };
    if completed.contains(&stage) {
        return Next::Passed;
    }
    let continues =
        |flow: &Flow| flow.stages.starts_with(completed) && flow.stages.get(completed.len()) == Some(&stage);
    if flows.iter().any(continues) { Next::Attempt(stage) } else { Next::Refused }
}
