//! Finding people, and telling their devices.

use im2_model::{RoomNid, UserNid};
use im2_store::{
    Result,
    pushers::{Activation, Pusher, PusherKind, PusherSettings},
    receipts::Receipt,
    user_directory::Run,
};
use serde_json::json;

use crate::{
    Tx, account, account_with_device, append, case, device_id, event_id, member, message, room, state, user_id,
};

fn found(tx: &Tx<'_>, gram: &str, caller: UserNid, everyone: bool) -> Result<Vec<String>> {
    let runs = [Run { grams: vec![gram.into()], open: true }];
    let entries = tx.search_users(&runs, caller, everyone, 9)?;
    let mut found: Vec<_> = entries.into_iter().map(|entry| entry.user_id.as_str().to_owned()).collect();
    found.sort();
    Ok(found)
}

#[tokio::test]
async fn the_directory_finds_those_one_may_see() {
    case(|tx| {
        let (ana, ben, cleo) = (account(tx, "ana")?, account(tx, "ben")?, account(tx, "cleo")?);
        for (user, grams) in [(ana, "xan ana"), (ben, "xbe ben"), (cleo, "xcl cle leo")] {
            tx.index_user(user, grams)?;
        }
        assert_eq!(found(tx, "x", ana, true)?, ["@ana:example.org", "@ben:example.org", "@cleo:example.org"]);
        assert_eq!(found(tx, "xb", ana, true)?, ["@ben:example.org"]);
        assert_eq!(found(tx, "x", ana, false)?, [""; 0], "they share no room");
        let shared = room(tx, "shared")?;
        for name in ["ana", "ben"] {
            append(tx, shared, &member(ana, name, "join"))?;
        }
        assert_eq!(found(tx, "x", ana, false)?, ["@ben:example.org"]);
        let open = room(tx, "open")?;
        append(tx, open, &state(cleo, "m.room.join_rules", &json!({ "join_rule": "public" })))?;
        append(tx, open, &member(cleo, "cleo", "join"))?;
        assert_eq!(found(tx, "x", ana, false)?, ["@ben:example.org", "@cleo:example.org"]);
        append(tx, open, &state(cleo, "m.room.join_rules", &json!({ "join_rule": "invite" })))?;
        assert_eq!(found(tx, "x", ana, false)?, ["@ben:example.org"]);
        append(
            tx,
            open,
            &state(cleo, "m.room.history_visibility", &json!({ "history_visibility": "world_readable" })),
        )?;
        assert_eq!(found(tx, "x", ana, false)?, ["@ben:example.org", "@cleo:example.org"]);

        let both = [Run { grams: vec!["cle".into(), "leo".into()], open: false }];
        assert_eq!(tx.search_users(&both, ana, true, 9)?.len(), 1, "next to each other");
        let turned = [Run { grams: vec!["leo".into(), "cle".into()], open: false }];
        assert_eq!(tx.search_users(&turned, ana, true, 9)?.len(), 0);
        let whole = [Run { grams: vec!["xa".into()], open: false }];
        assert_eq!(tx.search_users(&whole, ana, true, 9)?.len(), 0);
        let any = [Run { grams: vec!["x".into()], open: true }];
        assert_eq!(tx.search_users(&any, ana, true, 2)?.len(), 2);
        tx.index_user(ben, "other")?;
        assert_eq!(found(tx, "xb", ana, true)?, [""; 0], "in place of what was there");
        assert_eq!(found(tx, "oth", ana, true)?, ["@ben:example.org"]);
        tx.unindex_user(ben)?;
        tx.unindex_user(ben)?;
        assert_eq!(found(tx, "oth", ana, true)?, [""; 0]);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn an_entry_of_the_directory_is_a_working_account() {
    case(|tx| {
        let ana = account(tx, "ana")?;
        tx.set_profile_field(ana, "displayname", "\"Ana\"")?;
        tx.set_profile_field(ana, "avatar_url", "\"mxc://a/b\"")?;
        let entry = tx.directory_entry(&user_id("ana"))?.unwrap();
        assert_eq!((entry.user_id, entry.displayname.as_deref()), (user_id("ana"), Some("Ana")));
        assert_eq!(entry.avatar_url.as_deref(), Some("mxc://a/b"));
        tx.ensure_user(&user_id("stranger"))?;
        assert_eq!(tx.directory_entry(&user_id("stranger"))?, None);
        tx.deactivate_account(ana, false, 1)?;
        assert_eq!(tx.directory_entry(&user_id("ana"))?, None);
        Ok(())
    })
    .await;
}

fn settings(pushkey: &str) -> PusherSettings {
    PusherSettings {
        kind: PusherKind::Http,
        app_id: "org.example".into(),
        pushkey: pushkey.into(),
        app_display_name: "App".into(),
        device_display_name: "Phone".into(),
        lang: "en".into(),
        profile_tag: None,
        url: "https://example.org/push".into(),
        data: "{}".into(),
    }
}

fn nids(pushers: Vec<Pusher>) -> Vec<i64> {
    pushers.into_iter().map(|pusher| pusher.nid).collect()
}

#[tokio::test]
async fn a_pusher_is_set_again_under_its_key() {
    case(|tx| {
        let (ana, device) = account_with_device(tx, "ana", "D")?;
        let ben = account(tx, "ben")?;
        let at = [(); 2].map(|()| tx.next_position());
        let first = tx.set_pusher(ana, Some(&device), &settings("one"), None, (10, at[0]))?;
        let second = tx.set_pusher(ana, None, &settings("two"), None, (10, at[0]))?;
        let of_ben = tx.set_pusher(ben, None, &settings("one"), None, (10, at[0]))?;
        let gone = tx.set_pusher(ana, Some(&device_id("NONE")), &settings("none"), None, (10, at[0]));
        assert!(!gone.unwrap_err().is_duplicate(), "there is no such device");
        let found = tx.pusher(first)?.unwrap();
        assert_eq!((found.user, &found.user_id, found.set_ts), (ana, &user_id("ana"), 10));
        assert_eq!((&found.settings, found.behind, &found.activation), (&settings("one"), Some(at[0]), &None));
        let changed = PusherSettings { lang: "de".into(), profile_tag: Some("t".into()), ..settings("one") };
        assert_eq!(tx.set_pusher(ana, Some(&device), &changed, None, (20, at[1]))?, first);
        let found = tx.pusher(first)?.unwrap();
        assert_eq!((found.settings, found.set_ts, found.behind), (changed, 20, Some(at[0])), "it is where it was");
        assert_eq!(nids(tx.pushers_of(ana)?), [first, second]);
        assert_eq!(nids(tx.pushers_after(0, 9)?), [first, second, of_ben]);
        assert_eq!(nids(tx.pushers_after(first, 1)?), [second]);

        tx.remove_pushers_of_others(ana, "org.example", "one")?;
        assert_eq!(tx.pusher(of_ben)?, None);
        tx.remove_rejected_pusher(first, 10)?;
        assert!(tx.pusher(first)?.is_some(), "its key was set again");
        tx.remove_rejected_pusher(first, 20)?;
        assert_eq!(tx.pusher(first)?, None);
        let third = tx.set_pusher(ana, Some(&device), &settings("one"), None, (10, at[0]))?;
        assert!(third > of_ben, "a number is never given out twice");
        tx.remove_pusher(ana, "org.example", "two")?;
        assert_eq!(nids(tx.pushers_of(ana)?), [third]);
        tx.remove_device(ana, &device)?;
        assert_eq!(nids(tx.pushers_of(ana)?), [0; 0], "it ends with its session");
        tx.set_pusher(ana, None, &settings("two"), None, (10, at[0]))?;
        tx.remove_pushers_of(ana)?;
        assert_eq!(nids(tx.pushers_after(0, 9)?), [0; 0]);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn web_push_waits_for_its_answer_and_where_a_pusher_is_behind_is_kept() {
    case(|tx| {
        let ana = account(tx, "ana")?;
        let at = [(); 2].map(|()| tx.next_position());
        let web = PusherSettings { kind: PusherKind::WebPush, ..settings("key") };
        let activation = Activation { token: "t".into(), until: 99 };
        let nid = tx.set_pusher(ana, None, &web, Some(&activation), (10, at[0]))?;
        assert_eq!(tx.pusher(nid)?.unwrap().activation, Some(activation.clone()));
        tx.set_pusher(ana, None, &web, None, (11, at[0]))?;
        assert_eq!(tx.pusher(nid)?.unwrap().activation, Some(activation), "it is as before");
        tx.activate_pusher(nid)?;
        assert_eq!(tx.pusher(nid)?.unwrap().activation, None);

        tx.save_push_progress(&[(nid, Some(at[1]))])?;
        assert_eq!(tx.pusher(nid)?.unwrap().behind, Some(at[1]));
        tx.save_push_progress(&[(nid, None)])?;
        assert_eq!(tx.pusher(nid)?.unwrap().behind, None);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn unread_rooms_come_with_the_newest_activity_first() {
    case(|tx| {
        let ana = account(tx, "ana")?;
        let mut rooms: Vec<RoomNid> = Vec::new();
        for name in ["one", "two", "three", "left"] {
            rooms.push(room(tx, name)?);
        }
        for room in &rooms {
            append(tx, *room, &member(ana, "ana", "join"))?;
        }
        append(tx, rooms[3], &member(ana, "ana", "leave"))?;
        append(tx, rooms[0], &message(ana))?;
        assert_eq!(tx.unread_rooms(ana, 9)?, [rooms[0], rooms[2], rooms[1]]);
        assert_eq!(tx.unread_rooms(ana, 2)?, [rooms[0], rooms[2]]);
        let receipt = Receipt {
            room: rooms[2],
            user: ana,
            user_id: user_id("ana"),
            kind: "m.read".into(),
            thread_id: None,
            event_id: event_id("read"),
            event_seq: 1,
            ts: 1,
            position: tx.next_position(),
        };
        tx.set_receipt(&receipt)?;
        assert_eq!(tx.unread_rooms(ana, 9)?, [rooms[0], rooms[1]]);
        tx.set_receipt(&Receipt { room: rooms[0], ..receipt })?;
        assert_eq!(tx.unread_rooms(ana, 9)?, [rooms[0], rooms[1]], "not read to the end");
        Ok(())
    })
    .await;
}
