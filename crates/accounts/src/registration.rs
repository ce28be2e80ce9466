//! Making accounts (spec: `POST /register`).

use im2_core::{Code, Error, Result, Transaction, names, services::Service};
use im2_model::{MAX_ID_BYTES, UserId, UserNid, shown_name};
use im2_store::{accounts::NewAccount, tokens::NewTokenPair};

use super::{
    Accounts, Origin, RegistrationMode,
    login::{LoginRequest, NewSession, SignedIn, begin_session},
    uia::{Auth, Flow, Made, Stage, TokenRule},
};

/// A request to register.
#[derive(Clone, Default)]
pub struct RegisterRequest {
    /// The localpart they would like; one is drawn if absent.
    pub username: Option<String>,
    /// The password.
    pub password: Option<String>,
    /// Whether no session shall begin.
    pub inhibit_login: bool,
    /// The session that begins otherwise.
    pub device: NewSession,
    /// How far the user-interactive authentication has got.
    pub auth: Option<Auth>,
    /// The access token of the guest whose account it shall become.
    pub guest_access_token: Option<String>,
}

/// A new account.
#[derive(Clone)]
pub struct Registered {
    /// The user.
    pub user_id: UserId,
    /// Their first session, unless it was not wanted.
    pub session: Option<SignedIn>,
}

/// The account to be made, once it is clear that it may be made.
pub(super) struct Creation {
    pub(super) user_id: UserId,
    pub(super) password_hash: Option<String>,
    pub(super) is_admin: bool,
    /// The display name; the localpart if there is none.
    pub(super) displayname: Option<String>,
    /// Used up with the making.
    pub(super) registration_token: Option<String>,
    pub(super) session: Option<NewSession>,
}

impl Accounts {
    /// Registers somebody, as far as the server's mode of registration allows it.
    pub async fn register(&self, mut request: RegisterRequest) -> Result<Registered> {
        let (flows, rule) = self.registration_flows().await?;
        super::check_device_name(request.device.initial_device_display_name.as_deref())?;
        if let Some(token) = request.guest_access_token.take() {
            return self.upgrade_guest(&token, request, flows, rule).await;
        }
        if let Some(made) = self.uia.made(request.auth.as_ref())
            && request.username.as_ref().is_none_or(|name| name.eq_ignore_ascii_case(made.user_id.localpart()))
        {
            return self.register_again(made, request).await;
        }
        let wanted = match &request.username {
            Some(username) => Some(self.check_available(username).await?),
            None => None,
        };
        if let Some(password) = &request.password {
            self.check_chosen_password(wanted.as_ref(), password)?;
        }
        let proof = self.uia.register(flows, rule, request.auth).await?;
        let password =
            request.password.ok_or_else(|| Error::refused(Code::MissingParam, "the new account needs a password"))?;
        let password_hash = Some(self.passwords.hash(&password).await?);
        let session = (!request.inhibit_login).then_some(request.device);
        let user_id = match wanted {
            Some(user_id) => user_id,
            None => self.draw_user_id().await?,
        };
        let registration_token = proof.registration_token.clone();
        let creation =
            Creation { user_id, password_hash, is_admin: false, displayname: None, registration_token, session };
        let registered = self.create(creation).await?;
        let device_id = registered.session.as_ref().map(|session| &session.device_id);
        self.uia.note_made(proof, &registered.user_id, device_id);
        Ok(registered)
    }

    /// Answers whoever has registered and, because the answer was lost, tries again: the same account and device. The
    /// password shows that it is them.
    async fn register_again(&self, made: Made, request: RegisterRequest) -> Result<Registered> {
        let Made { user_id, device_id, .. } = made;
        let device = NewSession { device_id: device_id.or(request.device.device_id), ..request.device };
        let password = request.password.unwrap_or_default();
        let login = LoginRequest { user: user_id.to_string(), password, device, origin: Origin::default() };
        let session = if request.inhibit_login { None } else { Some(self.login(login).await?) };
        Ok(Registered { user_id, session })
    }

    /// Whether a localpart can be registered, and as which user.
    pub async fn check_available(&self, username: &str) -> Result<UserId> {
        let user_id = self.new_user_id(username)?;
        let wanted = user_id.clone();
        if self.core.store.read(move |db| db.account(&wanted)).await?.is_some() {
            return Err(user_in_use());
        }
        Ok(user_id)
    }

    /// Refuses if registering is not possible at all.
    pub async fn check_registration_offered(&self) -> Result<()> {
        self.registration_flows().await.map(drop)
    }

    /// The user that a new account with this localpart would be.
    pub(super) fn new_user_id(&self, username: &str) -> Result<UserId> {
        self.new_user_id_for(username, None)
    }

    /// The same for an application service, which has names of its own.
    pub(super) fn new_user_id_for(&self, username: &str, service: Option<&Service>) -> Result<UserId> {
        let localpart = username.to_lowercase();
        let invalid = |message: &'static str| Error::refused(Code::InvalidUsername, message);
        if !UserId::is_valid_new_localpart(&localpart) {
            return Err(invalid(
                "a user name may contain only the letters a to z, digits and the characters . _ = - / +",
            ));
        }
        let user_id = UserId::new(&localpart, &self.core.server_name).map_err(|_| {
            Error::refused(Code::InvalidUsername, format!("a user ID must have at most {MAX_ID_BYTES} bytes"))
        })?;
        if self.core.services.is_user_taken(&user_id, service) {
            return Err(Error::refused(Code::Exclusive, "this user name is reserved for an application service"));
        }
        if service.is_none() && localpart.starts_with('_') {
            return Err(invalid("user names that begin with _ are reserved for application services"));
        }
        Ok(user_id)
    }

    /// The ways to register now. What is offered is what the mode of registration means: a client that was offered
    /// tokens besides would ask people for one that they do not have. On an open server too, somebody who has a token
    /// can show it: it may make them the first administrator.
    async fn registration_flows(&self) -> Result<(Vec<Flow>, TokenRule)> {
        match self.options.registration {
            RegistrationMode::Token => Ok((vec![Flow::of(Stage::RegistrationToken)], TokenRule::Any)),
            RegistrationMode::Open => {
                Ok((vec![Flow::of(Stage::Dummy), Flow::unoffered(Stage::RegistrationToken)], TokenRule::Any))
            }
            RegistrationMode::Closed => {
                let now = self.core.now();
                let awaits_admin = self.core.store.read(move |db| db.admin_registration_token(now)).await?.is_some();
                if awaits_admin {
                    return Ok((vec![Flow::of(Stage::RegistrationToken)], TokenRule::GrantsAdmin));
                }
                let message = "registration is closed on this server: ask its administrator";
                Err(Error::refused(Code::Forbidden, message))
            }
        }
    }

    pub(super) async fn draw_user_id(&self) -> Result<UserId> {
        // Thirty-six to the tenth: that two draws collide says that something is wrong.
        for _ in 0..4 {
            let localpart = self.core.random.alphanumeric(10).to_ascii_lowercase();
            match self.check_available(&localpart).await {
                Err(error) if error.code() == Some(Code::UserInUse) => {}
                outcome => return outcome,
            }
        }
        Err(Error::Internal("no free user name was drawn".into()))
    }

    /// Makes an account and, if wanted, its first session, in one step.
    pub(super) async fn create(&self, creation: Creation) -> Result<Registered> {
        let Creation { user_id, password_hash, is_admin, displayname, registration_token, session } = creation;
        let displayname = displayname.map(|name| shown_name(&name).into_owned()).filter(|name| !name.is_empty());
        let now = self.core.now();
        // The user's number is known only inside the transaction; the tokens are drawn before it.
        let drawn = session.map(|session| (self.new_pair(UserNid(0), &user_id, &session), session));
        let (signed_in, rest) = drawn.map(|((signed_in, pair), session)| (signed_in, (pair, session))).unzip();
        let new = NewAccount { user_id: user_id.clone(), password_hash, is_admin, created_ts: now };
        // Clients show a bare user ID where there is no name, and some do not get on without one.
        let displayname = displayname.filter(|name| !name.is_empty()).unwrap_or_else(|| user_id.localpart().to_owned());
        let make = move |tx: &mut Transaction<'_>| {
            let mut is_admin = is_admin;
            if let Some(text) = &registration_token {
                let grants_admin = tx.registration_token(text)?.is_some_and(|token| token.grants_admin);
                if tx.account(&new.user_id)?.is_none() && !tx.use_registration_token(text, now)? {
                    return Ok(Err(token_used_up()));
                }
                is_admin |= grants_admin;
            }
            let Some(user) = tx.create_account(&NewAccount { is_admin, ..new.clone() })? else {
                return Ok(Err(user_in_use()));
            };
            tx.index_user(user, &names::index(&new.user_id, Some(&displayname)))?;
            tx.set_profile_field(user, "displayname", &serde_json::Value::from(displayname.as_str()).to_string())?;
            if let Some((pair, session)) = &rest {
                let pair = NewTokenPair { user, ..pair.clone() };
                begin_session(tx, &pair, session.initial_device_display_name.as_deref(), now)?;
            }
            Ok(Ok(()))
        };
        self.core.store.write(make).await??;
        Ok(Registered { user_id, session: signed_in })
    }
}

fn user_in_use() -> Error {
    Error::refused(Code::UserInUse, "this user name is taken")
}

fn token_used_up() -> Error {
    Error::refused(Code::Forbidden, "the registration token has just been used up")
}
