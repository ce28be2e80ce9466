//! Guests: accounts without a name of one's own and without a password, and how they become others (spec: "Guest
//! Access").

use im2_core::{
    Code, Error, Result, Transaction,
    committed::{Committed, UserFact},
    names,
};
use im2_model::UserNid;
use im2_store::{accounts::NewAccount, tokens::NewTokenPair};

use super::{
    Accounts, RegisterRequest, Registered,
    login::{NewSession, begin_session, end_tokens},
    uia::{Flow, Proof, TokenRule},
};

impl Accounts {
    /// Makes a guest account and signs it in, if this server has guests. What else a client may ask of a registration
    /// is not asked for here: the server picks the name and the device.
    pub async fn register_guest(&self, device_name: Option<String>) -> Result<Registered> {
        if !self.options.guests {
            return Err(Error::refused(Code::Forbidden, "this server has no guest accounts"));
        }
        super::check_device_name(device_name.as_deref())?;
        let user_id = self.draw_user_id().await?;
        let device = NewSession { initial_device_display_name: device_name, ..NewSession::default() };
        // The user's number is known only inside the transaction; the tokens are drawn before it.
        let (signed_in, pair) = self.new_pair(UserNid(0), &user_id, &device);
        let now = self.core.now();
        let new = NewAccount { user_id: user_id.clone(), password_hash: None, is_admin: false, created_ts: now };
        let make = move |tx: &mut Transaction<'_>| {
            let Some(user) = tx.create_account(&new)? else { return Ok(false) };
            tx.set_guest(user, true)?;
            let pair = NewTokenPair { user, ..pair.clone() };
            begin_session(tx, &pair, device.initial_device_display_name.as_deref(), now)?;
            tx.publish(Committed::User(user, UserFact::Guest, true));
            Ok(true)
        };
        if self.core.store.write(make).await? {
            return Ok(Registered { user_id, session: Some(signed_in) });
        }
        Err(Error::Internal("the name that was drawn was taken at once".into()))
    }

    /// Makes a guest's account an ordinary one, with a password, for whoever has its token and names it.
    pub(super) async fn upgrade_guest(
        &self,
        token: &str,
        request: RegisterRequest,
        flows: Vec<Flow>,
        rule: TokenRule,
    ) -> Result<Registered> {
        let refused = || Error::refused(Code::Forbidden, "this access token does not belong to that guest");
        let guest =
            self.authenticate(token).await.map_err(|error| if error.code().is_some() { refused() } else { error })?;
        let is_meant = request.username.as_deref().is_some_and(|name| name.to_lowercase() == guest.user_id.localpart());
        if !is_meant || !self.core.guests.contains(guest.user) {
            return Err(refused());
        }
        if let Some(password) = &request.password {
            self.check_chosen_password(Some(&guest.user_id), password)?;
        }
        let Proof { registration_token, .. } = self.uia.register(flows, rule, request.auth).await?;
        let password =
            request.password.ok_or_else(|| Error::refused(Code::MissingParam, "the account needs a password"))?;
        let hash = self.passwords.hash(&password).await?;
        let (user, user_id, now) = (guest.user, guest.user_id, self.core.now());
        let (signed_in, pair) = self.new_pair(user, &user_id, &request.device);
        let name = request.device.initial_device_display_name;
        let (begins, named) = (!request.inhibit_login, user_id.clone());
        let upgrade = move |tx: &mut Transaction<'_>| {
            if let Some(text) = &registration_token {
                let grants_admin = tx.registration_token(text)?.is_some_and(|token| token.grants_admin);
                if !tx.use_registration_token(text, now)? {
                    return Ok(false);
                }
                if grants_admin {
                    tx.set_admin(user, true)?;
                }
            }
            tx.set_guest(user, false)?;
            tx.set_password(user, &hash)?;
            let profile = tx.member_profile(&named)?;
            let display_name = profile.iter().find(|(field, _)| field == "displayname").map(|(_, name)| name.as_str());
            tx.index_user(user, &names::index(&named, display_name))?;
            // What is cached of the guest's sessions may no longer be so.
            let mut ended = tx.access_hashes(user, None)?;
            if begins {
                ended.extend(begin_session(tx, &pair, name.as_deref(), now)?);
            }
            end_tokens(tx, user, ended);
            tx.publish(Committed::User(user, UserFact::Guest, false));
            Ok(true)
        };
        if !self.core.store.write(upgrade).await? {
            return Err(Error::refused(Code::Forbidden, "the registration token has just been used up"));
        }
        Ok(Registered { user_id, session: begins.then_some(signed_in) })
    }
}
