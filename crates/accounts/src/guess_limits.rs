//! Limits on guesses at passwords that slow down the guesser and not the owner of the account.
//!
//! A guess is counted before its password is hashed and given back if it was right, so that many at the same time are
//! no more than one after the other. Which buckets a guess is taken from depends on where it comes from:
//!
//! - **From an address at which the account is used** (a device of it was last seen there), only from the bucket of
//!   that account and address. Nothing that others do elsewhere empties it. A client that names a device last seen
//!   there, or shows a token of the account, has a bucket of its own beside it: somebody else behind the same address
//!   who guesses does not lock it out.
//! - **From anywhere else**, also from the buckets of the address and of its network, whatever the account, and from
//!   one of the account for all such places together.
//!
//! All attempts, right or wrong, are counted in the same way: where the account is in use by account and address or by
//! device, elsewhere by address and network.
//!
//! So one guesser has ten guesses at an account and then two a minute, and whoever has addresses in many networks has
//! a hundred and then one in ten seconds, some 8,600 a day, however many they are. While that goes on, the owner signs
//! in as always where the account is in use, and may have to wait elsewhere; a login token made on a device that is
//! signed in is not affected. Names that no account has are counted alike, so that limits do not tell which exist.
//!
//! With a token the password can be guessed, too, where it is asked for again: that is counted for the device.

use std::net::{IpAddr, Ipv6Addr};

use im2_core::{
    Core, Result,
    rate_limits::{Class, Reservation, Who, subscriber},
    session::Session,
};
use im2_model::{DeviceId, UserNid};
use im2_store::accounts::Account;

use super::Accounts;

/// The origin of an attempt to sign in.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The client's address, if the edge knows it.
    pub address: Option<IpAddr>,
    /// The access token that the client shows, if it shows one.
    pub token: Option<String>,
}

impl Accounts {
    /// Counts a guess at the password of `name`, which may be nobody's.
    pub(super) async fn reserve_guess(
        &self,
        name: &str,
        account: Option<&Account>,
        origin: &Origin,
        device_id: Option<&DeviceId>,
    ) -> Result<Reservation<'_>> {
        let limits = &self.core.limits;
        if !limits.options().enabled {
            return limits.reserve(&[]);
        }
        let address = subscriber(origin.address.unwrap_or(Ipv6Addr::UNSPECIFIED.into()));
        let here = (Class::FailedLogin, Who::AccountFrom(name, address));
        let at_home = match account {
            Some(account) => self.devices_used_at(account.user, address).await?,
            None => Vec::new(),
        };
        let known = device_id.filter(|device_id| at_home.contains(device_id));
        let device = known.map(|device_id| Who::DeviceFrom(name, device_id.as_str(), address));
        let elsewhere = [
            here,
            (Class::AddressGuesses, Who::address(address)),
            (Class::NetworkGuesses, Who::network(address)),
            (Class::AccountGuesses, Who::Account(name)),
        ];
        let reserved = match (limits.reserve(if at_home.is_empty() { &elsewhere } else { &elsewhere[..1] }), device) {
            (Ok(reservation), _) => Ok(reservation),
            (Err(_), Some(device)) => limits.reserve(&[(Class::FailedLogin, device)]),
            (Err(refusal), None) => self.reserve_for_session(account, origin).await.unwrap_or(Err(refusal)),
        };
        let attempt = match device {
            Some(device) => limits.spend(Class::Login, device),
            None if !at_home.is_empty() => limits.spend(Class::Login, Who::AccountFrom(name, address)),
            None => limits.spend_at(Class::Login, address, 1),
        };
        match (reserved, attempt) {
            (Ok(reservation), Err(refusal)) => {
                reservation.give_back();
                Err(refusal)
            }
            (reserved, _) => reserved,
        }
    }

    /// Counts a guess against the device whose token the client shows, if it shows one of the account.
    async fn reserve_for_session(&self, account: Option<&Account>, origin: &Origin) -> Option<Result<Reservation<'_>>> {
        let (user, token) = (account?.user, origin.token.as_deref()?);
        let session = self.authenticate_even_locked(token).await.ok().filter(|session| session.user == user)?;
        Some(reserve_confirmation(&self.core, &session))
    }

    /// The devices of a user that were last seen at an address.
    async fn devices_used_at(&self, user: UserNid, address: IpAddr) -> Result<Vec<DeviceId>> {
        let devices = self.core.store.read(move |db| db.devices(user)).await?;
        let is_there = |ip: IpAddr| subscriber(ip) == address;
        let here = devices.into_iter().filter(|device| {
            let stored = device.last_seen_ip.as_deref().and_then(|ip| ip.parse().ok());
            let noted = self.noted(user, &device.device_id).and_then(|seen| seen.ip);
            stored.is_some_and(is_there) || noted.is_some_and(is_there)
        });
        Ok(here.map(|device| device.device_id).collect())
    }
}

/// Counts a guess by somebody who has a token of the account already and is asked for its password once more.
pub(super) fn reserve_confirmation<'a>(core: &'a Core, session: &Session) -> Result<Reservation<'a>> {
    core.limits.reserve(&[(Class::FailedLogin, Who::Session(session.user, session.device_id.as_str()))])
}

/// The account that somebody tries to sign in to, written as they like: wrong passwords are counted by account.
pub(super) fn attempted_name(user: &str) -> String {
    let localpart = user.strip_prefix('@').and_then(|id| id.split(':').next()).unwrap_or(user);
    localpart.to_lowercase()
}
