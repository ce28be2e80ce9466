//! Users, accounts, and their flags and limits.

use im2_model::UserNid;
use im2_store::{
    account_list::{AccountOrder, AccountQuery},
    accounts::NewAccount,
    invites::InviteBudget,
    rate_limits::RateLimit,
};
use serde_json::json;

use crate::{account, account_with_device, append, case, device_id, event, member, room, user_id};

#[tokio::test]
async fn users_have_numbers() {
    case(|tx| {
        assert_eq!(tx.user_nid(&user_id("ana"))?, None);
        let ana = tx.ensure_user(&user_id("ana"))?;
        let ben = tx.ensure_user(&user_id("ben"))?;
        assert_ne!(ana, ben);
        assert_eq!(tx.ensure_user(&user_id("ana"))?, ana);
        assert_eq!(tx.user_nid(&user_id("ana"))?, Some(ana));
        assert_eq!(tx.user_id(ana)?, Some(user_id("ana")));
        assert_eq!(tx.user_id(UserNid(999))?, None);
        assert_eq!(tx.user_ids([ben, UserNid(999), ana])?, [user_id("ana"), user_id("ben")]);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn an_account_is_made_once() {
    case(|tx| {
        let new =
            NewAccount { user_id: user_id("ana"), password_hash: Some("digest".into()), is_admin: true, created_ts: 7 };
        assert_eq!(tx.account(&new.user_id)?, None);
        let ana = tx.create_account(&new)?.unwrap();
        assert_eq!(tx.create_account(&NewAccount { password_hash: None, ..new.clone() })?, None);
        let found = tx.account(&new.user_id)?.unwrap();
        assert_eq!((found.user, &found.user_id, found.created_ts), (ana, &new.user_id, 7));
        assert_eq!((found.password_hash.as_deref(), found.is_admin), (Some("digest"), true));
        assert_eq!((found.deactivated_ts, found.erased, found.locked), (None, false, false));
        assert_eq!((found.suspended, found.shadow_banned, &found.user_type), (false, false, &None));
        assert_eq!(tx.account_of(ana)?.as_ref(), Some(&found));
        assert_eq!(tx.account_of(UserNid(999))?, None);
        let stranger = tx.ensure_user(&user_id("stranger"))?;
        assert_eq!(tx.account_of(stranger)?, None, "a user of another server");

        let others = [account(tx, "ben")?, account(tx, "cleo")?];
        let numbers = |accounts: Vec<im2_store::accounts::Account>| -> Vec<_> {
            accounts.into_iter().map(|account| account.user).collect()
        };
        assert_eq!(numbers(tx.accounts(UserNid(0), 9)?), [ana, others[0], others[1]]);
        assert_eq!(numbers(tx.accounts(ana, 1)?), [others[0]]);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn an_account_is_changed_alone() {
    case(|tx| {
        let (ana, ben) = (account(tx, "ana")?, account(tx, "ben")?);
        assert!(!tx.has_admin()?);
        let flags = |tx: &crate::Tx<'_>| {
            let is_one = |users: Vec<UserNid>| users == [ana];
            let admin = tx.account_of(ana)?.unwrap().is_admin;
            let flags = [tx.guest_users()?, tx.locked_users()?, tx.suspended_users()?, tx.shadow_banned_users()?];
            Ok::<_, im2_store::Error>((flags.map(is_one), admin))
        };
        tx.set_guest(ana, true)?;
        assert_eq!(flags(tx)?, ([true, false, false, false], false));
        tx.set_locked(ana, true)?;
        assert_eq!(flags(tx)?, ([true, true, false, false], false));
        tx.set_locked(ana, false)?;
        tx.set_suspended(ana, true)?;
        assert_eq!(flags(tx)?, ([true, false, true, false], false));
        tx.set_shadow_banned(ana, true)?;
        assert_eq!(flags(tx)?, ([true, false, true, true], false));
        tx.set_locked(ana, true)?;
        tx.set_admin(ana, true)?;
        tx.set_user_type(ana, Some("bot"))?;
        tx.set_password(ana, "digest")?;
        tx.allow_cross_signing_replacement(ana, 50)?;
        assert_eq!(tx.guest_users()?, [ana]);
        assert_eq!(tx.locked_users()?, [ana]);
        assert_eq!(tx.suspended_users()?, [ana]);
        assert_eq!(tx.shadow_banned_users()?, [ana]);
        assert_eq!(tx.administrators()?, [user_id("ana")]);
        assert!(tx.has_admin()?);
        assert_eq!(tx.cross_signing_replaceable_until(ana)?, Some(50));
        assert_eq!(tx.cross_signing_replaceable_until(ben)?, None);
        let changed = tx.account_of(ana)?.unwrap();
        assert!(changed.is_admin && changed.locked && changed.suspended && changed.shadow_banned);
        assert_eq!((changed.user_type.as_deref(), changed.password_hash.as_deref()), (Some("bot"), Some("digest")));
        let other = tx.account_of(ben)?.unwrap();
        assert!(!other.is_admin && !other.locked && !other.suspended && !other.shadow_banned);

        tx.set_guest(ana, false)?;
        tx.set_locked(ana, false)?;
        tx.set_suspended(ana, false)?;
        tx.set_shadow_banned(ana, false)?;
        tx.set_admin(ana, false)?;
        tx.set_user_type(ana, None)?;
        assert!(tx.guest_users()?.is_empty() && tx.locked_users()?.is_empty() && tx.suspended_users()?.is_empty());
        assert!(tx.shadow_banned_users()?.is_empty() && tx.administrators()?.is_empty());
        assert_eq!(tx.account_of(ana)?.unwrap().user_type, None);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_deactivated_account_keeps_its_first_time_and_can_come_back() {
    case(|tx| {
        let ana = account(tx, "ana")?;
        tx.set_password(ana, "digest")?;
        tx.set_admin(ana, true)?;
        tx.deactivate_account(ana, false, 10)?;
        let found = tx.account_of(ana)?.unwrap();
        assert_eq!((found.deactivated_ts, found.erased, found.is_admin), (Some(10), false, false));
        assert_eq!(found.password_hash.as_deref(), Some("digest"), "kept unless it is erased");
        tx.deactivate_account(ana, true, 20)?;
        let found = tx.account_of(ana)?.unwrap();
        assert_eq!((found.deactivated_ts, found.erased, found.password_hash), (Some(10), true, None));
        assert_eq!(tx.erased_users()?, [ana]);
        tx.deactivate_account(ana, false, 30)?;
        assert_eq!(tx.erased_users()?, [ana], "once erased, erased");
        tx.reactivate_account(ana)?;
        let found = tx.account_of(ana)?.unwrap();
        assert_eq!((found.deactivated_ts, found.erased, found.password_hash), (None, false, None));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn accounts_are_listed_by_filters_in_order_and_in_pages() {
    case(|tx| {
        let ana = account(tx, "ana")?;
        let (ben, cleo, dan) = (account(tx, "ben")?, account(tx, "cleo")?, account(tx, "dan")?);
        tx.set_admin(ana, true)?;
        tx.set_guest(ben, true)?;
        tx.set_locked(cleo, true)?;
        tx.deactivate_account(dan, false, 9)?;
        tx.set_profile_field(ana, "displayname", &json!("Queen").to_string())?;
        tx.set_user_type(dan, Some("bot"))?;
        let everybody = AccountQuery { guests: true, locked: true, limit: 9, ..AccountQuery::default() };
        let find = |query: AccountQuery| {
            let (found, count) = tx.list_accounts(&query)?;
            Ok::<_, im2_store::Error>((found.into_iter().map(|one| one.account.user).collect::<Vec<_>>(), count))
        };
        assert_eq!(find(everybody.clone())?, (vec![ana, ben, cleo, dan], 4));
        assert_eq!(find(AccountQuery { limit: 2, from: 1, ..everybody.clone() })?, (vec![ben, cleo], 4));
        assert_eq!(find(AccountQuery { descending: true, ..everybody.clone() })?.0, [dan, cleo, ben, ana]);
        assert_eq!(find(AccountQuery { guests: false, locked: false, ..everybody.clone() })?.0, [ana, dan]);
        assert_eq!(find(AccountQuery { admins: Some(true), ..everybody.clone() })?.0, [ana]);
        assert_eq!(find(AccountQuery { deactivated: Some(true), ..everybody.clone() })?.0, [dan]);
        assert_eq!(find(AccountQuery { deactivated: Some(false), ..everybody.clone() })?.0, [ana, ben, cleo]);
        assert_eq!(find(AccountQuery { name: Some("QUEE".into()), ..everybody.clone() })?.0, [ana]);
        assert_eq!(find(AccountQuery { name: Some("example".into()), ..everybody.clone() })?.0, []);
        assert_eq!(find(AccountQuery { user_id: Some("cleo:exa".into()), ..everybody.clone() })?.0, [cleo]);
        assert_eq!(find(AccountQuery { not_user_types: vec!["bot".into()], ..everybody.clone() })?.0, [ana, ben, cleo]);
        assert_eq!(find(AccountQuery { not_user_types: vec![String::new()], ..everybody.clone() })?.0, [dan]);
        let by_type = AccountQuery { order: AccountOrder::UserType, descending: true, ..everybody };
        assert_eq!(find(by_type)?.0[0], dan);

        tx.ensure_device(ana, &device_id("D"), None, 1)?;
        let seen =
            im2_store::devices::Seen { user: ana, device_id: device_id("D"), ts: 77, ip: None, user_agent: None };
        tx.note_seen(&[seen])?;
        let listed = tx.listed_account(ana)?.unwrap();
        assert_eq!((listed.displayname.as_deref(), listed.avatar_url, listed.is_guest), (Some("Queen"), None, false));
        assert_eq!(listed.last_seen_ts, Some(77));
        assert!(tx.listed_account(ben)?.unwrap().is_guest);
        assert_eq!(tx.listed_account(UserNid(999))?, None);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_users_did_is_counted_from_a_time_on() {
    case(|tx| {
        let (ana, ben) = (account(tx, "ana")?, account(tx, "ben")?);
        let (first, second) = (room(tx, "first")?, room(tx, "second")?);
        for (room, ts) in [(first, 10), (second, 20)] {
            let join = im2_store::rooms::NewEvent { ts, ..member(ana, "ana", "join") };
            append(tx, room, &join)?;
            append(tx, room, &im2_store::rooms::NewEvent { ts: ts + 1, ..member(ana, "ben", "invite") })?;
        }
        // A member's change of name is no join.
        append(tx, first, &im2_store::rooms::NewEvent { ts: 30, ..member(ana, "ana", "join") })?;
        append(tx, first, &event(ana, "m.room.message", &json!({ "membership": "invite" })))?;
        assert_eq!(tx.invites_sent_since(ana, 0)?, 2);
        assert_eq!(tx.invites_sent_since(ana, 21)?, 1);
        assert_eq!(tx.invites_sent_since(ben, 0)?, 0);
        assert_eq!(tx.rooms_joined_since(ana, &user_id("ana"), 0)?, 2);
        assert_eq!(tx.rooms_joined_since(ana, &user_id("ana"), 11)?, 1);
        assert_eq!(tx.rooms_joined_since(ben, &user_id("ben"), 0)?, 0);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn features_limits_and_budgets_are_a_users_own() {
    case(|tx| {
        let (ana, ben) = (account(tx, "ana")?, account(tx, "ben")?);
        tx.withhold_feature(ana, "msc1", true)?;
        tx.withhold_feature(ana, "msc1", true)?;
        tx.withhold_feature(ben, "msc1", true)?;
        tx.withhold_feature(ben, "msc1", false)?;
        assert_eq!(tx.withheld_features()?, [(ana, "msc1".to_owned())]);

        let limit = RateLimit { per_second: 3, burst: 9 };
        tx.set_rate_limit(ana, Some(RateLimit { per_second: 1, burst: 1 }))?;
        tx.set_rate_limit(ana, Some(limit))?;
        assert_eq!(tx.rate_limits()?, [(ana, limit)]);
        tx.set_rate_limit(ana, None)?;
        assert!(tx.rate_limits()?.is_empty());

        assert_eq!(tx.invite_budget(ana)?, None);
        tx.note_invite_answered(ana, true)?;
        assert_eq!(tx.invite_budget(ana)?, None, "nothing is counted before the first invite to a stranger");
        tx.set_invites_spent(ana, 2_000, 5)?;
        tx.note_invite_answered(ana, true)?;
        tx.note_invite_answered(ana, false)?;
        tx.note_invite_answered(ana, false)?;
        tx.give_back_invites(ana, 500)?;
        let budget = InviteBudget { spent: 1_500, spent_ts: 5, accepted: 1, declined: 2 };
        assert_eq!(tx.invite_budget(ana)?, Some(budget));
        tx.give_back_invites(ana, 9_000)?;
        assert_eq!(tx.invite_budget(ana)?.unwrap().spent, 0, "never below nothing");
        assert_eq!(tx.invite_budget(ben)?, None);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_limit_needs_an_account() {
    let opened = crate::open();
    let write = opened.store.write(|tx| {
        let stranger = tx.ensure_user(&user_id("stranger"))?;
        tx.set_rate_limit(stranger, Some(RateLimit { per_second: 1, burst: 1 }))
    });
    let error = write.await.unwrap_err();
    assert!(!error.is_duplicate(), "{error}");
    let found = opened.store.read(|db| db.user_nid(&user_id("stranger"))).await.unwrap();
    assert_eq!(found, None, "nothing of a change that failed remains");
    let (ana, _) = opened.store.write(|tx| account_with_device(tx, "ana", "D")).await.unwrap();
    assert_eq!(opened.store.read(move |db| db.device_count(ana)).await.unwrap(), 1);
}
