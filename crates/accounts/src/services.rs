//! The use of accounts by application services: they act as users, make them and sign them in (spec: application
//! service API, "Identity assertion", "Server admin style permissions").

use std::sync::Arc;

use im2_core::{
    Code, Error, Result,
    asserted_identities::{Identity, Known},
    services::Service,
    session::Session,
};
use im2_model::{DeviceId, UserId};

use super::{
    Accounts, NewSession, Registered, SignedIn, local_user,
    login::{begin_session, end_tokens},
    registration::Creation,
};
use crate::device_lists;

/// The user and device that a request says an application service acts as. It has no effect in requests of others.
#[derive(Debug, Clone, Default)]
pub struct Assertion {
    /// The user; the service's own if absent.
    pub user_id: Option<String>,
    /// The user's device; none if absent.
    pub device_id: Option<String>,
}

impl Accounts {
    /// The session of an access token; for an application service's token, that of the user it acts as.
    pub async fn authenticate_as(&self, token: &str, assertion: impl FnOnce() -> Assertion) -> Result<Session> {
        match self.core.services.by_token(token) {
            Some(service) => self.assert_identity(service, assertion()).await,
            None => self.authenticate(token).await,
        }
    }

    async fn assert_identity(&self, service: &Arc<Service>, assertion: Assertion) -> Result<Session> {
        service.heard_of();
        let forbidden = |message| Error::refused(Code::Forbidden, message);
        let user_id = match assertion.user_id {
            Some(text) => UserId::parse(&text).ok().filter(|user_id| service.owns_user(user_id)),
            None => Some(service.sender.clone()),
        };
        let user_id = user_id.ok_or_else(|| forbidden("this user is outside the application service's namespaces"))?;
        let device_id = assertion.device_id.map(|text| DeviceId::parse(&text)).transpose();
        let device_id = device_id.map_err(|_| unknown_device())?;
        let identity = (user_id, device_id);
        let known = match self.core.asserted_identities.get(&identity) {
            Some(known) => known,
            None => self.look_up(&identity).await?,
        };
        self.core.refuse_locked(known.user)?;
        let (user_id, device_id) = identity;
        Ok(Session {
            user: known.user,
            user_id,
            has_device: device_id.is_some(),
            device_id: device_id.unwrap_or_else(|| service.device_stand_in()),
            token: 0,
            is_admin: known.is_admin,
            service: Some(Arc::clone(service)),
        })
    }

    /// Looks up an identity that a service assumes. Refuses a user who does not exist, is deactivated or locked, and an
    /// unknown device.
    async fn look_up(&self, identity: &Identity) -> Result<Known> {
        let before = self.core.asserted_identities.changes();
        let (wanted, device) = identity.clone();
        let read = move |db: &im2_store::Snapshot<'_>| {
            let Some(account) = db.account(&wanted)? else { return Ok(None) };
            let has_device = match device {
                Some(device) => db.device(account.user, &device)?.is_some(),
                None => true,
            };
            Ok(Some((account, has_device)))
        };
        let found = self.core.store.read(read).await?;
        let unregistered = || Error::refused(Code::Forbidden, "the application service has not registered this user");
        let (account, device_is_known) = found.ok_or_else(unregistered)?;
        if account.deactivated_ts.is_some() {
            return Err(Error::refused(Code::UserDeactivated, "this account has been deactivated"));
        }
        self.core.refuse_locked(account.user)?;
        if !device_is_known {
            return Err(unknown_device());
        }
        Ok(self.core.asserted_identities.keep(identity.clone(), account.user, account.is_admin, before))
    }

    /// Registers a user for an application service, without a password.
    pub async fn register_for_service(
        &self,
        token: Option<&str>,
        username: Option<&str>,
        session: Option<NewSession>,
    ) -> Result<Registered> {
        let service = self.service(token)?;
        let missing = || Error::refused(Code::MissingParam, "an application service must give a username");
        let user_id = self.new_user_id_for(username.ok_or_else(missing)?, Some(service))?;
        if !service.owns_user(&user_id) {
            return Err(out_of_namespace());
        }
        if let Some(session) = &session {
            super::check_device_name(session.initial_device_display_name.as_deref())?;
        }
        let creation = Creation {
            user_id,
            password_hash: None,
            is_admin: false,
            displayname: None,
            registration_token: None,
            session,
        };
        self.create(creation).await
    }

    /// Signs in a user of an application service, without a password.
    pub async fn login_for_service(
        &self,
        token: Option<&str>,
        user: Option<&str>,
        device: NewSession,
    ) -> Result<SignedIn> {
        let service = self.service(token)?;
        let missing = || Error::refused(Code::MissingParam, "an identifier is required");
        let user = user.ok_or_else(missing)?;
        super::check_device_name(device.initial_device_display_name.as_deref())?;
        let user_id = local_user(user, &self.core.server_name).filter(|user_id| service.owns_user(user_id));
        let user_id = user_id.ok_or_else(out_of_namespace)?;
        let account = self.core.store.read(move |db| db.account(&user_id)).await?;
        let unknown = || Error::refused(Code::Forbidden, "the application service has not registered this user");
        let account = account.ok_or_else(unknown)?;
        if account.deactivated_ts.is_some() {
            return Err(Error::refused(Code::UserDeactivated, "this account has been deactivated"));
        }
        self.core.refuse_locked(account.user)?;
        let (signed_in, pair) = self.new_pair(account.user, &account.user_id, &device);
        let now = self.core.now();
        let begin = move |tx: &mut im2_core::Transaction<'_>| {
            if let Err(refusal) = device_lists::check_device_id(tx, pair.user, &pair.device_id)? {
                return Ok(Err(refusal));
            }
            let ended = begin_session(tx, &pair, device.initial_device_display_name.as_deref(), now)?;
            end_tokens(tx, pair.user, ended);
            Ok(Ok(()))
        };
        self.core.store.write(begin).await??;
        Ok(signed_in)
    }

    /// Makes the application services' own users, as far as they are not there. To be called at the start.
    pub async fn make_service_users(&self) -> Result<()> {
        for service in self.core.services.all() {
            let creation = Creation {
                user_id: service.sender.clone(),
                password_hash: None,
                is_admin: false,
                displayname: None,
                registration_token: None,
                session: None,
            };
            match self.create(creation).await {
                Err(error) if error.code() == Some(Code::UserInUse) => {}
                outcome => drop(outcome?),
            }
        }
        Ok(())
    }

    /// The service that shows this token.
    fn service(&self, token: Option<&str>) -> Result<&Arc<Service>> {
        let missing = || Error::refused(Code::MissingToken, "this requires an application service's access token");
        let unknown = || Error::refused(Code::UnknownToken, "this access token belongs to no application service");
        self.core.services.by_token(token.ok_or_else(missing)?).ok_or_else(unknown)
    }
}

fn unknown_device() -> Error {
    Error::refused(Code::UnknownDevice, "this user has no such device")
}

fn out_of_namespace() -> Error {
    Error::refused(Code::Exclusive, "this user is outside the application service's namespaces")
}
