//! Media: uploads, thumbnails, previews, and what refers to them.

use im2_store::{
    blobs::Digest,
    media::{Content, Thumbnail, ThumbnailKey},
    rooms::{NewEvent, Redaction},
    user_content::{MediaOrder, MediaPage},
};
use serde_json::json;

use crate::{account, append, case, event, message, room, state};

fn content(number: u8, size: u64) -> Content {
    Content { digest: Digest([number; 32]), size, content_type: Some("image/png".into()), filename: None }
}

#[tokio::test]
async fn an_upload_is_kept_and_counted() {
    case(|tx| {
        let (ana, ben) = (account(tx, "ana")?, account(tx, "ben")?);
        assert_eq!(tx.media("one")?, None);
        tx.add_media("one", Some(ana), &content(1, 10), 100)?;
        tx.add_media("two", Some(ana), &content(2, 20), 200)?;
        tx.add_media("server", None, &content(3, 30), 300)?;
        assert!(tx.add_media("one", Some(ben), &content(4, 1), 1).unwrap_err().is_duplicate());
        let found = tx.media("one")?.unwrap();
        assert_eq!((found.owner, found.content, found.expires), (Some(ana), Some(content(1, 10)), None));
        assert_eq!((found.accessed, found.quarantined), (100, false));
        assert_eq!((tx.media_bytes(ana)?, tx.media_bytes(ben)?), (30, 0));
        assert_eq!(tx.unowned_media(&Digest([3; 32]))?.as_deref(), Some("server"));
        assert_eq!(tx.unowned_media(&Digest([1; 32]))?, None);
        tx.media_accessed("one", 150)?;
        assert_eq!(tx.media("one")?.unwrap().accessed, 150);
        assert!(tx.is_blob_in_use(&Digest([1; 32]))?);
        assert!(!tx.is_blob_in_use(&Digest([9; 32]))?);
        assert_eq!(tx.media_ids_of(ana, "", 9)?, ["one", "two"]);
        assert_eq!(tx.media_ids_of(ana, "one", 9)?, ["two"]);
        let page = MediaPage { order: MediaOrder::Size, descending: true, from: 0, limit: 1 };
        assert_eq!(tx.media_page(ana, page)?, (vec!["two".to_owned()], 2));
        assert_eq!(tx.media_page(ana, MediaPage { from: 1, ..page })?, (vec!["one".to_owned()], 2));
        assert_eq!(tx.old_media(250, 0, "", 9)?, ["one", "two"]);
        assert_eq!(tx.old_media(250, 15, "", 9)?, ["two"]);
        assert_eq!(tx.old_media(150, 0, "", 9)?, [""; 0]);
        assert_eq!(tx.old_media(500, 0, "one", 1)?, ["server"]);
        assert_eq!(tx.delete_media_of(ana)?, 2);
        assert_eq!(tx.media("one")?, None);
        assert!(tx.media("server")?.is_some());
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_promise_is_fulfilled_once_or_expires() {
    case(|tx| {
        let ana = account(tx, "ana")?;
        tx.promise_media("one", ana, 1, 100)?;
        tx.promise_media("two", ana, 1, 50)?;
        assert_eq!((tx.promised_media(ana, 10)?, tx.promised_media(ana, 50)?), (2, 1));
        assert_eq!(tx.first_promise_expires(ana)?, Some(50));
        assert_eq!(tx.media("one")?.unwrap().expires, Some(100));
        assert!(tx.fulfil_media("one", &content(1, 10))?);
        assert!(!tx.fulfil_media("one", &content(2, 20))?);
        assert!(!tx.fulfil_media("none", &content(2, 20))?);
        let found = tx.media("one")?.unwrap();
        assert_eq!((found.content, found.expires), (Some(content(1, 10)), None));
        assert_eq!(tx.forget_expired_media(ana, 49)?, 0);
        assert_eq!(tx.forget_expired_media(ana, 50)?, 1);
        assert_eq!(tx.first_promise_expires(ana)?, None);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn quarantine_follows_the_content_and_not_what_is_protected() {
    case(|tx| {
        let (ana, ben) = (account(tx, "ana")?, account(tx, "ben")?);
        tx.add_media("one", Some(ana), &content(1, 10), 5)?;
        tx.add_media("same", Some(ben), &content(1, 10), 5)?;
        tx.add_media("safe", Some(ben), &content(1, 10), 5)?;
        tx.add_media("other", Some(ben), &content(2, 10), 5)?;
        assert!(tx.protect_media("safe", true)?);
        assert!(!tx.protect_media("none", true)?);
        assert_eq!(tx.quarantine("one", Some(ben))?, 2);
        assert_eq!(tx.quarantine("one", Some(ben))?, 0);
        assert!(tx.media("same")?.unwrap().quarantined);
        assert!(!tx.media("safe")?.unwrap().quarantined && !tx.media("other")?.unwrap().quarantined);
        let info = tx.media_info("one")?.unwrap();
        assert_eq!(
            (info.owner.as_deref(), info.quarantined_by.as_deref()),
            (Some("@ana:example.org"), Some("@ben:example.org"))
        );
        assert_eq!((info.digest, info.size, info.created_ts, info.protected), (Some(Digest([1; 32])), 10, 5, false));
        assert!(tx.media_info("safe")?.unwrap().protected);
        assert_eq!(tx.media_info("none")?, None);
        tx.add_media("born", Some(ana), &content(1, 10), 6)?;
        assert!(tx.media("born")?.unwrap().quarantined, "as the other uploads of it");
        tx.promise_media("late", ana, 1, 9)?;
        tx.fulfil_media("late", &content(1, 10))?;
        assert!(tx.media("late")?.unwrap().quarantined);
        assert_eq!(tx.quarantine("one", None)?, 4);
        assert!(!tx.media("born")?.unwrap().quarantined);
        let (changes, last) = tx.quarantine_changes(0, 9)?;
        assert_eq!((changes.len(), last), (8, 8));
        assert!(changes[..4].iter().all(|one| one.quarantined) && changes[4..].iter().all(|one| !one.quarantined));
        assert_eq!(changes[2].media_id, "born");
        let (changes, last) = tx.quarantine_changes(6, 1)?;
        assert_eq!((changes[0].id, last), (7, 8));
        assert_eq!(tx.old_media(10, 0, "other", 9)?, ["same"], "what is protected is left out");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn thumbnails_are_of_a_content_and_go_with_it() {
    case(|tx| {
        let ana = account(tx, "ana")?;
        tx.add_media("one", Some(ana), &content(1, 10), 5)?;
        tx.add_media("same", Some(ana), &content(1, 10), 5)?;
        let key = ThumbnailKey { source: Digest([1; 32]), width: 32, height: 24, method: "crop", animated: false };
        let thumbnail = |number| Thumbnail { digest: Digest([number; 32]), size: 3, content_type: "image/png".into() };
        assert_eq!(tx.thumbnail(&key)?, None);
        tx.add_thumbnail(&key, &thumbnail(7))?;
        tx.add_thumbnail(&key, &thumbnail(8))?;
        assert_eq!(tx.thumbnail(&key)?, Some(thumbnail(8)), "the later one");
        assert_eq!(tx.thumbnail(&ThumbnailKey { animated: true, ..key })?, None);
        assert!(tx.is_blob_in_use(&Digest([8; 32]))?);
        assert_eq!(tx.delete_media("none")?, None);
        assert_eq!(tx.delete_media("one")?, Some(vec![Digest([1; 32])]), "another upload has thumbnails of it");
        assert_eq!(tx.delete_media("same")?, Some(vec![Digest([1; 32]), Digest([8; 32])]));
        assert_eq!(tx.thumbnail(&key)?, None);
        tx.promise_media("promise", ana, 1, 9)?;
        assert_eq!(tx.delete_media("promise")?, Some(Vec::new()));
        tx.add_thumbnail(&key, &thumbnail(7))?;
        assert_eq!(tx.forget_orphaned_thumbnails()?, 1);
        assert_eq!(tx.thumbnail(&key)?, None);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn previews_expire_and_make_room() {
    case(|tx| {
        tx.keep_url_preview("a", "{\"a\":0}", 0, 10, 9)?;
        tx.keep_url_preview("a", "{\"a\":1}", 0, 50, 9)?;
        assert_eq!(tx.url_preview("a", 49)?.as_deref(), Some("{\"a\":1}"));
        assert_eq!((tx.url_preview("a", 50)?, tx.url_preview("b", 0)?), (None, None));
        tx.keep_url_preview("b", "{}", 0, 40, 9)?;
        tx.keep_url_preview("c", "{}", 0, 60, 2)?;
        assert_eq!(tx.url_preview("b", 0)?, None, "the one that ends first makes room");
        assert!(tx.url_preview("a", 0)?.is_some() && tx.url_preview("c", 0)?.is_some());
        tx.keep_url_preview("d", "{}", 55, 90, 9)?;
        assert_eq!(tx.url_preview("a", 0)?, None, "expired ones go");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn media_is_unreferenced_when_its_last_event_is_gone() {
    case(|tx| {
        let ana = account(tx, "ana")?;
        let here = room(tx, "here")?;
        for name in ["one", "two", "never"] {
            tx.add_media(name, Some(ana), &content(1, 10), 5)?;
        }
        let naming =
            |names: &[&str]| NewEvent { media: names.iter().map(|name| (*name).into()).collect(), ..message(ana) };
        let (first, second) = (naming(&["one", "two", "one"]), naming(&["one"]));
        append(tx, here, &first)?;
        append(tx, here, &second)?;
        let mut names = tx.media_in_room(here, 9)?;
        names.sort();
        assert_eq!(names, ["one", "two"]);
        assert_eq!(tx.media_in_room(here, 1)?.len(), 1);
        let redact = |target: &NewEvent, ts| NewEvent {
            ts,
            redaction: Some(Redaction {
                target: target.event_id.clone(),
                pdu: "{}".into(),
                terms: None,
                summary: None,
            }),
            ..event(ana, "m.room.redaction", &json!({}))
        };
        append(tx, here, &redact(&first, 50))?;
        assert_eq!(tx.unreferenced_media(50, "", 9)?, ["two"]);
        assert_eq!(tx.unreferenced_media(49, "", 9)?, [""; 0]);
        append(tx, here, &redact(&second, 60))?;
        assert_eq!(tx.unreferenced_media(60, "", 9)?, ["one", "two"]);
        assert_eq!(tx.unreferenced_media(60, "one", 9)?, ["two"]);
        assert!(tx.is_unreferenced("two", 50)? && !tx.is_unreferenced("two", 49)?);
        assert!(!tx.is_unreferenced("never", 99)?, "no event has ever named it");
        append(tx, here, &naming(&["one"]))?;
        assert!(!tx.is_unreferenced("one", 99)?);
        tx.protect_media("two", true)?;
        assert_eq!(tx.unreferenced_media(99, "", 9)?, [""; 0]);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn contents_are_found_where_media_may_be_named() {
    case(|tx| {
        let ana = account(tx, "ana")?;
        let here = room(tx, "here")?;
        let at = tx.next_position();
        tx.set_account_data(ana, None, "m.x", "{\"url\":\"mxc://a/data\"}", at)?;
        tx.set_profile_field(ana, "avatar_url", "\"mxc://a/face\"")?;
        tx.set_profile_field(ana, "m.other", "\"mxc://a/face\"")?;
        append(tx, here, &state(ana, "m.room.avatar", &json!({ "url": "mxc://a/room" })))?;
        append(tx, here, &event(ana, "m.room.message", &json!({ "url": "mxc://a/room" })))?;
        assert_eq!(tx.personal_contents_with("mxc://a/data")?, ["{\"url\":\"mxc://a/data\"}"]);
        assert_eq!(tx.personal_contents_with("mxc://a/face")?.len(), 2);
        assert_eq!(tx.personal_contents_with("mxc://b/")?, [""; 0]);
        assert_eq!(tx.pictures_with("mxc://a/room")?.len(), 1, "current state only");
        assert_eq!(tx.pictures_with("mxc://a/face")?, ["\"mxc://a/face\""]);
        assert_eq!(tx.pictures_with("mxc://a/data")?, [""; 0]);
        Ok(())
    })
    .await;
}
