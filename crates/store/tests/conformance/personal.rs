//! Account data, profiles, filters, presence, receipts and subscriptions.

use im2_model::{Position, RoomNid, UserNid};
use im2_store::{
    Result, account_data::AccountData, presence::PresenceRow, profiles::ProfileField, receipts::Receipt,
    thread_subscriptions::ThreadSubscription, unread::StoredUnread,
};

use crate::{Tx, account, append, case, committed, event_id, member, room, room_id, token, until, user_id};

#[tokio::test]
async fn account_data_is_kept_per_account_and_per_room() {
    case(|tx| {
        let (ana, ben) = (account(tx, "ana")?, account(tx, "ben")?);
        let here = room(tx, "here")?;
        let at = tx.next_position();
        tx.set_account_data(ana, None, "m.b", "{}", at)?;
        tx.set_account_data(ana, None, "m.a", "{\"a\":1}", at)?;
        tx.set_account_data(ana, Some(here), "m.a", "{\"r\":1}", at)?;
        let later = tx.next_position();
        tx.set_account_data(ana, None, "m.b", "{\"ü\":2}", later)?;
        assert_eq!(tx.account_data(ana, None, "m.a")?.as_deref(), Some("{\"a\":1}"));
        assert_eq!(tx.account_data(ana, Some(here), "m.a")?.as_deref(), Some("{\"r\":1}"));
        assert_eq!(tx.account_data(ana, Some(here), "m.b")?, None);
        assert_eq!(tx.account_data(ben, None, "m.a")?, None);
        let row = |room, kind: &str, content: &str, position| AccountData {
            room,
            kind: kind.into(),
            content: content.into(),
            position,
        };
        let own = [row(None, "m.a", "{\"a\":1}", at), row(None, "m.b", "{\"ü\":2}", later)];
        let of_room = row(Some(here), "m.a", "{\"r\":1}", at);
        assert_eq!(tx.account_data_of_room(ana, None)?, own);
        assert_eq!(tx.account_data_of_room(ana, Some(here))?, [of_room.clone()]);
        assert_eq!(tx.all_account_data(ana)?, [own[0].clone(), own[1].clone(), of_room]);
        assert_eq!(tx.account_data_of_rooms(ana, "m.a")?, [(here, "{\"r\":1}".to_owned())]);
        assert_eq!(tx.account_data_count(ana, None)?, 2);
        assert_eq!(tx.account_data_bytes(ana)?, 7 + 8 + 7 + 9, "bytes, not characters");
        assert_eq!((tx.account_data_count(ben, None)?, tx.account_data_bytes(ben)?), (0, 0));

        assert_eq!(tx.room_of_user(ana, &room_id("here"))?, None);
        append(tx, here, &member(ana, "ana", "join"))?;
        assert_eq!(tx.room_of_user(ana, &room_id("here"))?, Some(here));
        assert_eq!(tx.room_of_user(ben, &room_id("here"))?, None);
        tx.erase_account_data(ana)?;
        assert_eq!(tx.all_account_data(ana)?, []);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_profile_is_named_values() {
    case(|tx| {
        let (ana, ben) = (account(tx, "ana")?, account(tx, "ben")?);
        tx.set_profile_field(ana, "displayname", "\"An\\\"a\"")?;
        tx.set_profile_field(ana, "avatar_url", "null")?;
        tx.set_profile_field(ana, "m.tz", "{\"zone\":1}")?;
        tx.set_profile_field(ana, "m.tz", "{\"zone\":2}")?;
        let field = |name: &str, value: &str| ProfileField { name: name.into(), value: value.into() };
        let all = [field("avatar_url", "null"), field("displayname", "\"An\\\"a\""), field("m.tz", "{\"zone\":2}")];
        assert_eq!(tx.profile(ana)?, all);
        assert_eq!(tx.profile_field(ana, "m.tz")?.as_deref(), Some("{\"zone\":2}"));
        assert_eq!(tx.profile_field(ben, "m.tz")?, None);
        let in_members = tx.member_profile(&user_id("ana"))?;
        assert_eq!(in_members, [("displayname".to_owned(), "An\"a".to_owned())], "text only, as text");
        assert!(tx.remove_profile_field(ana, "m.tz")?);
        assert!(!tx.remove_profile_field(ana, "m.tz")?);
        tx.remove_profile(ana)?;
        assert_eq!(tx.profile(ana)?, []);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn filters_have_numbers() {
    case(|tx| {
        let (ana, ben) = (account(tx, "ana")?, account(tx, "ben")?);
        assert_eq!(tx.last_filter_number(ana)?, 0);
        tx.add_filter(ana, 1, "{\"a\":1}")?;
        tx.add_filter(ana, 2, "{}")?;
        assert!(tx.add_filter(ana, 2, "{\"b\":1}").unwrap_err().is_duplicate());
        assert_eq!(tx.last_filter_number(ana)?, 2);
        assert_eq!(tx.filter(ana, 1)?.as_deref(), Some("{\"a\":1}"));
        assert_eq!(tx.filter(ben, 1)?, None);
        assert_eq!(tx.filter_number(ana, "{}")?, Some(2));
        assert_eq!(tx.filter_number(ana, "{ }")?, None);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn presence_is_kept_of_each_user() {
    case(|tx| {
        let (ana, ben) = (account(tx, "ana")?, account(tx, "ben")?);
        let row = |user, name, live, status: Option<&str>| PresenceRow {
            user,
            user_id: user_id(name),
            status_msg: status.map(Into::into),
            last_active_ts: 5,
            live,
        };
        tx.save_presence(&row(ana, "ana", false, None))?;
        tx.save_presence(&row(ana, "ana", true, Some("away")))?;
        tx.save_presence(&row(ben, "ben", false, None))?;
        assert_eq!(tx.presence(ana)?, Some(row(ana, "ana", true, Some("away"))));
        assert_eq!(tx.live_presence(9)?, [row(ana, "ana", true, Some("away"))]);
        assert_eq!(tx.live_presence(0)?, []);
        tx.remove_presence(ana)?;
        assert_eq!(tx.presence(ana)?, None);
        assert!(tx.presence(ben)?.is_some());
        Ok(())
    })
    .await;
}

fn receipt(user: (UserNid, &str), room: RoomNid, kind: &str, seq: i64, position: Position) -> Receipt {
    Receipt {
        room,
        user: user.0,
        user_id: user_id(user.1),
        kind: kind.into(),
        thread_id: None,
        event_id: event_id(&format!("read{seq}")),
        event_seq: seq,
        ts: 5,
        position,
    }
}

/// Two users joined to a room, and four receipts: two public ones of Ana, of which the later is in a thread, a private
/// one of hers, and one of Ben's.
fn receipts(tx: &mut Tx<'_>) -> Result<(RoomNid, UserNid, UserNid, Vec<Receipt>)> {
    let (ana, ben) = (account(tx, "ana")?, account(tx, "ben")?);
    let here = room(tx, "here")?;
    append(tx, here, &member(ana, "ana", "join"))?;
    append(tx, here, &member(ben, "ben", "join"))?;
    let at = [(); 4].map(|()| tx.next_position());
    let mut all = vec![
        receipt((ana, "ana"), here, "m.read", 1, at[0]),
        receipt((ana, "ana"), here, "m.read", 2, at[1]),
        receipt((ana, "ana"), here, "m.read.private", 2, at[2]),
        receipt((ben, "ben"), here, "m.read", 1, at[3]),
    ];
    all[1].thread_id = Some("main".into());
    for one in &all {
        tx.set_receipt(one)?;
    }
    Ok((here, ana, ben, all))
}

#[tokio::test]
async fn a_receipt_replaces_that_of_the_same_kind_and_thread() {
    case(|tx| {
        let (here, ana, ben, mut all) = receipts(tx)?;
        let sorted = |mut found: Vec<Receipt>| {
            found.sort_by_key(|one| one.position);
            found
        };
        assert_eq!(sorted(tx.receipts_in_rooms(&[here], ana)?), all);
        assert_eq!(sorted(tx.receipts_in_rooms(&[here], ben)?), [all[0].clone(), all[1].clone(), all[3].clone()]);
        assert_eq!(sorted(tx.receipts_of(&[here], ana)?), all[..3]);
        assert_eq!(tx.receipt_count(here, ana)?, 3);
        assert_eq!(tx.receipt_seq(here, ana, "m.read", None)?, Some(1));
        assert_eq!(tx.receipt_seq(here, ana, "m.read", Some("main"))?, Some(2));
        assert_eq!(tx.receipt_seq(here, ben, "m.read.private", None)?, None);
        all[0] = receipt((ana, "ana"), here, "m.read", 2, tx.next_position());
        tx.set_receipt(&all[0])?;
        assert_eq!(tx.receipt_count(here, ana)?, 3);
        assert_eq!(tx.receipt_seq(here, ana, "m.read", None)?, Some(2));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn receipts_after_a_place_are_those_one_may_see() {
    committed(receipts, |db, (here, ana, ben, all)| {
        let positions = |mut found: Vec<Receipt>| {
            found.sort_by_key(|one| one.position);
            found.into_iter().map(|one| one.position).collect::<Vec<_>>()
        };
        let since = token(all[0].position);
        let (public, own) = (vec![all[1].position, all[3].position], [1, 2, 3].map(|one: usize| all[one].position));
        assert_eq!(positions(db.receipts_since(here, ben, &since)?), public);
        assert_eq!(positions(db.receipts_since(here, ana, &since)?), own);
        assert_eq!(positions(db.receipts_of_rooms_since(ben, &since)?), public);
        assert_eq!(positions(db.receipts_of_rooms_since(ana, &since)?), own);
        let stranger = UserNid(999);
        assert_eq!(db.receipts_of_rooms_since(stranger, &since)?, []);
        let (after, to) = (until(all[0].position), until(all[2].position));
        assert_eq!(positions(db.receipts_between(here, &after, &to)?), [all[1].position, all[2].position]);
        assert_eq!(db.rooms_read_between(&after, &to)?, [here]);
        assert_eq!(db.rooms_read_between(&to, &to)?, []);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn unread_counts_are_stored_for_members_only() {
    case(|tx| {
        let (ana, ben) = (account(tx, "ana")?, account(tx, "ben")?);
        let here = room(tx, "here")?;
        append(tx, here, &member(ana, "ana", "join"))?;
        append(tx, here, &member(ana, "ben", "invite"))?;
        let stored = StoredUnread { inputs: vec![1, 2], until: 7, record: "{}".into() };
        tx.store_unread(ana, here, &StoredUnread { until: 6, ..stored.clone() })?;
        tx.store_unread(ana, here, &stored)?;
        tx.store_unread(ben, here, &stored)?;
        assert_eq!(tx.stored_unread(ana, here)?, Some(stored.clone()));
        assert_eq!(tx.stored_unread(ben, here)?, None);
        tx.forget_unread(here)?;
        assert_eq!(tx.stored_unread(ana, here)?, None);
        tx.store_unread(ana, here, &stored)?;
        append(tx, here, &member(ana, "ana", "leave"))?;
        assert_eq!(tx.stored_unread(ana, here)?, None, "who leaves has read all");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn thread_subscriptions_change_in_the_stream() {
    let write = |tx: &mut Tx<'_>| {
        let (ana, ben) = (account(tx, "ana")?, account(tx, "ben")?);
        let here = room(tx, "here")?;
        let set = ThreadSubscription { subscribed: true, automatic: true, until_seq: 0 };
        let unset = ThreadSubscription { subscribed: false, automatic: false, until_seq: 5 };
        let at = [(); 4].map(|()| tx.next_position());
        tx.set_thread_subscription(ana, here, &event_id("a"), set, at[0])?;
        tx.set_thread_subscription(ana, here, &event_id("b"), set, at[1])?;
        tx.set_thread_subscription(ana, here, &event_id("a"), unset, at[2])?;
        tx.set_thread_subscription(ben, here, &event_id("b"), set, at[3])?;
        assert_eq!(tx.thread_subscription(ana, here, &event_id("a"))?, Some(unset));
        assert_eq!(tx.thread_subscription(ana, here, &event_id("b"))?, Some(set));
        assert_eq!(tx.thread_subscription(ben, here, &event_id("a"))?, None);
        Ok((ana, at))
    };
    committed(write, |db, (ana, at)| {
        let found = db.thread_subscriptions(ana, None, None, 9)?;
        let positions = |found: &[im2_store::thread_subscriptions::ThreadSubscriptionChange]| {
            found.iter().map(|one| one.position).collect::<Vec<_>>()
        };
        assert_eq!(positions(&found), [at[2], at[1]], "the latest first");
        assert_eq!((&found[0].room_id, &found[0].root), (&room_id("here"), &event_id("a")));
        assert_eq!((found[0].subscribed, found[0].automatic), (false, false));
        assert_eq!(positions(&db.thread_subscriptions(ana, None, None, 1)?), [at[2]]);
        assert_eq!(positions(&db.thread_subscriptions(ana, Some(&token(at[1])), None, 9)?), [at[2]]);
        assert_eq!(positions(&db.thread_subscriptions(ana, None, Some(at[2]), 9)?), [at[1]]);
        Ok(())
    })
    .await;
    case(|tx| {
        let ana = account(tx, "ana")?;
        let here = room(tx, "here")?;
        let set = ThreadSubscription { subscribed: true, automatic: true, until_seq: 0 };
        let at = tx.next_position();
        tx.set_thread_subscription(ana, here, &event_id("a"), set, at)?;
        tx.erase_thread_subscriptions(ana)?;
        assert_eq!(tx.thread_subscription(ana, here, &event_id("a"))?, None);
        Ok(())
    })
    .await;
}
