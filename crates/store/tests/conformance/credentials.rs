//! Access and refresh tokens, tokens for one purpose, and tokens to register with.

use im2_model::UserNid;
use im2_store::{
    Result,
    registration_tokens::RegistrationToken,
    short_lived_tokens::Purpose,
    tokens::{NewTokenPair, TokenHash},
};

use crate::{Tx, account, account_with_device, case, device_id, user_id};

fn hash(number: u8) -> TokenHash {
    [number; 32]
}

fn pair(tx: &Tx<'_>, user: UserNid, device: &str, number: u8, replaces: Option<i64>) -> Result<i64> {
    let (access, refresh) = (hash(number), Some(hash(100 + number)));
    let device_id = device_id(device);
    tx.add_token_pair(&NewTokenPair { user, device_id, access, refresh, expires_at: Some(number.into()), replaces })
}

#[tokio::test]
async fn a_pair_of_tokens_is_found_by_either() {
    case(|tx| {
        let (ana, device) = account_with_device(tx, "ana", "D")?;
        tx.set_admin(ana, true)?;
        let nid = pair(tx, ana, "D", 1, None)?;
        let found = tx.token_pair(&hash(1))?.unwrap();
        assert_eq!((found.nid, found.user, &found.user_id), (nid, ana, &user_id("ana")));
        assert_eq!((found.device_id.as_ref(), found.is_admin), (Some(&device), true));
        assert_eq!((found.expires_at, found.replaces), (Some(1), None));
        assert_eq!(tx.token_pair_by_refresh(&hash(101))?, Some(found));
        assert_eq!(tx.token_pair(&hash(101))?, None);
        assert_eq!(tx.token_pair_by_refresh(&hash(1))?, None);
        assert!(pair(tx, ana, "D", 1, None).unwrap_err().is_duplicate(), "a digest is there once");
        assert!(!pair(tx, ana, "NONE", 2, None).unwrap_err().is_duplicate(), "there is no such device");
        assert_eq!(tx.token_pair(&hash(2))?, None);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_refreshed_pair_takes_the_place_of_its_origin_when_it_is_used() {
    case(|tx| {
        let (ana, _) = account_with_device(tx, "ana", "D")?;
        let first = pair(tx, ana, "D", 1, None)?;
        assert_eq!(tx.remove_unused_successor(first)?, None);
        pair(tx, ana, "D", 2, Some(first))?;
        assert_eq!(tx.remove_unused_successor(first)?, Some(hash(2)));
        let third = pair(tx, ana, "D", 3, Some(first))?;
        assert_eq!(tx.token_pair(&hash(3))?.unwrap().replaces, Some(first));
        assert_eq!(tx.confirm_token_pair(third)?, Some(hash(1)));
        assert_eq!(tx.token_pair(&hash(1))?, None);
        assert_eq!(tx.token_pair(&hash(3))?.unwrap().replaces, None);
        assert_eq!(tx.confirm_token_pair(third)?, None, "confirmed already");
        assert_eq!(tx.remove_token_pair(third)?, Some(hash(3)));
        assert_eq!(tx.remove_token_pair(third)?, None);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn tokens_are_removed_by_device_user_and_issuer() {
    case(|tx| {
        let (ana, device) = account_with_device(tx, "ana", "D")?;
        let (ben, _) = account_with_device(tx, "ben", "D")?;
        tx.ensure_device(ana, &device_id("E"), None, 1)?;
        pair(tx, ana, "D", 1, None)?;
        pair(tx, ana, "E", 2, None)?;
        pair(tx, ben, "D", 3, None)?;
        tx.add_borrowed_token(ana, ben, &hash(4), Some(9))?;
        let borrowed = tx.token_pair(&hash(4))?.unwrap();
        assert_eq!((borrowed.user, borrowed.device_id, borrowed.expires_at), (ana, None, Some(9)));
        let sorted = |mut hashes: Vec<TokenHash>| {
            hashes.sort_unstable();
            hashes
        };
        assert_eq!(sorted(tx.access_hashes(ana, None)?), [hash(1), hash(2), hash(4)]);
        assert_eq!(tx.access_hashes(ana, Some(&device))?, [hash(1)]);
        tx.remove_device_tokens(ana, &device)?;
        assert_eq!(sorted(tx.access_hashes(ana, None)?), [hash(2), hash(4)]);
        assert_eq!(tx.access_hashes(ben, None)?, [hash(3)]);
        assert_eq!(tx.remove_borrowed_tokens(ben)?, [[0; 32]; 0], "it acts as the other");
        assert_eq!(tx.remove_borrowed_tokens(ana)?, [hash(4)]);
        tx.add_borrowed_token(ana, ben, &hash(5), None)?;
        assert_eq!(tx.remove_tokens_issued_by(ana)?, [[0; 32]; 0]);
        assert_eq!(tx.remove_tokens_issued_by(ben)?, [hash(5)]);
        assert_eq!(tx.access_hashes(ana, None)?, [hash(2)]);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_pass_is_good_for_one_purpose_and_until_it_ends() {
    case(|tx| {
        let (ana, ben) = (account(tx, "ana")?, account(tx, "ben")?);
        tx.add_pass(Purpose::Login, &hash(1), ana, 0, 10)?;
        tx.add_pass(Purpose::OpenId, &hash(2), ana, 0, 10)?;
        tx.add_pass(Purpose::OpenId, &hash(3), ben, 0, 10)?;
        assert_eq!(tx.short_lived_token(Purpose::Login, &hash(1), 9)?, Some(ana));
        assert_eq!(tx.short_lived_token(Purpose::Login, &hash(1), 10)?, None);
        assert_eq!(tx.short_lived_token(Purpose::OpenId, &hash(1), 9)?, None);
        assert!(!tx.use_pass(Purpose::OpenId, &hash(1))?);
        assert!(tx.use_pass(Purpose::Login, &hash(1))?);
        assert!(!tx.use_pass(Purpose::Login, &hash(1))?);
        tx.remove_short_lived_tokens(ana)?;
        assert_eq!(tx.short_lived_token(Purpose::OpenId, &hash(2), 0)?, None);
        assert_eq!(tx.short_lived_token(Purpose::OpenId, &hash(3), 0)?, Some(ben));
        // Of one purpose a user has a hundred, and loses those that end first.
        for number in 0..=100 {
            tx.add_pass(Purpose::Login, &hash(10 + number), ana, 20, 100 + u64::from(number))?;
        }
        assert_eq!(tx.short_lived_token(Purpose::OpenId, &hash(3), 0)?, None, "ended ones are forgotten");
        assert_eq!(tx.short_lived_token(Purpose::Login, &hash(10), 20)?, None);
        assert_eq!(tx.short_lived_token(Purpose::Login, &hash(11), 20)?, Some(ana));
        assert_eq!(tx.short_lived_token(Purpose::Login, &hash(110), 20)?, Some(ana));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_registration_token_counts_its_uses() {
    case(|tx| {
        let new = RegistrationToken {
            token: "b".into(),
            uses_allowed: Some(2),
            uses: 0,
            expires_at: Some(10),
            grants_admin: false,
        };
        assert!(tx.add_registration_token(&new, 0)?);
        assert!(!tx.add_registration_token(&new, 0)?);
        assert_eq!(tx.registration_token("b")?.as_ref(), Some(&new));
        assert_eq!(tx.registration_token("c")?, None);
        assert!(tx.use_registration_token("b", 9)?);
        assert!(!tx.use_registration_token("b", 10)?, "it has ended");
        assert!(tx.use_registration_token("b", 9)?);
        assert!(!tx.use_registration_token("b", 9)?, "it is used up");
        assert_eq!(tx.registration_token("b")?.unwrap().uses, 2);
        assert!(tx.update_registration_token("b", None, None)?);
        assert!(!tx.update_registration_token("c", None, None)?);
        assert!(tx.use_registration_token("b", 99)?);
        for token in ["a", "c", "d"] {
            tx.add_registration_token(&RegistrationToken { token: token.into(), ..new.clone() }, 0)?;
        }
        let texts = |tokens: Vec<RegistrationToken>| tokens.into_iter().map(|one| one.token).collect::<Vec<_>>();
        assert_eq!(texts(tx.registration_tokens("", 9)?), ["a", "b", "c", "d"]);
        assert_eq!(texts(tx.registration_tokens("a", 2)?), ["b", "c"]);
        assert!(tx.remove_registration_token("b")?);
        assert!(!tx.remove_registration_token("b")?);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn tokens_that_make_administrators_end_with_the_first_one() {
    case(|tx| {
        let ana = account(tx, "ana")?;
        let token = |text: &str, grants_admin| RegistrationToken {
            token: text.into(),
            uses_allowed: Some(1),
            uses: 0,
            expires_at: Some(10),
            grants_admin,
        };
        tx.add_registration_token(&token("admin", true), 0)?;
        tx.add_registration_token(&token("user", false), 0)?;
        assert_eq!(tx.admin_registration_token(9)?.unwrap().token, "admin");
        assert_eq!(tx.admin_registration_token(10)?, None);
        tx.set_admin(ana, true)?;
        assert_eq!(tx.registration_token("admin")?, None);
        assert!(tx.registration_token("user")?.is_some());
        tx.add_registration_token(&token("later", true), 0)?;
        tx.set_admin(ana, true)?;
        assert!(tx.registration_token("later")?.is_some(), "somebody who may has made it");
        Ok(())
    })
    .await;
}
