//! A data directory from before positions had a writer in them (schema 2): what was in it is there, in order, and the
//! tokens that clients have kept go on where they ended.
//!
//! `upgrade/one_writer.db.gz` is the database of a server of then. Ana and Ben are in two rooms. Ana said `before 0` to
//! `before 99` in the first, then Ben's client followed to [`EARLY`]; then Ana said `missed 0` to `missed 4` there and
//! `needle in two` in the second, sent Ben's device a message and read what she had said; Ben kept some account data; Ana
//! replied in a thread of the first room, which Ben then subscribed to, and Ben said `last in two`. Ana's client followed
//! to [`LATE`]; Ben set a pusher.

use std::{fs::File, io::copy};

use flate2::read::GzDecoder;
use im2_testkit::{Binary, Client, Process};
use serde_json::{Value, json};

const EARLY: &str = "s1.116~1795976948448001";
const LATE: &str = "s1.128~1795976948448002";
/// A page of the first room's history went back to here.
const BACK: &str = "t111";
const ONE: &str = "!0KLQJuKolTv52UL-3BZrgBNxDIPl2qbWYQY04TIbob4";
const TWO: &str = "!MUTOXkpoCOFRdWraRpLbJT67KKd8ujQSerhavWQ7XYc";
const THREAD: &str = "$GoYPajNtIdsKZL1N22quRG2fMj8Ksdm6GtcgrOKkKVo";
/// The second room's `bump_stamp`, as clients remember it.
const BUMP_OF_TWO: i64 = 128;

fn upgraded() -> (Binary, Process) {
    let binary = Binary::new(env!("CARGO_BIN_EXE_im2"));
    let data = binary.folder().join("data");
    std::fs::create_dir(&data).unwrap();
    let packed = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/upgrade/one_writer.db.gz");
    let mut database = GzDecoder::new(File::open(packed).unwrap());
    copy(&mut database, &mut File::create(data.join("im2.db")).unwrap()).unwrap();
    let server = binary.serve(&[]);
    (binary, server)
}

/// Signs in on the device that the user had.
async fn back_on(server: &Process, name: &str) -> Client {
    let nobody = server.anonymous();
    let body = json!({
        "type": "m.login.password",
        "identifier": { "type": "m.id.user", "user": name },
        "password": format!("a long passphrase of {name}"),
        "device_id": name.to_uppercase(),
    });
    nobody.signed_in(&nobody.post("/v3/login", body).await.ok())
}

fn bodies(events: &Value) -> Vec<String> {
    let events = events.as_array().into_iter().flatten();
    events.filter_map(|event| event["content"]["body"].as_str().map(str::to_owned)).collect()
}

fn said(sync: &Value, room: &str) -> Vec<String> {
    bodies(&sync["rooms"]["join"][room]["timeline"]["events"])
}

fn next(sync: &Value) -> String {
    sync["next_batch"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_client_that_was_away_over_the_upgrade_is_told_all_that_it_missed_once() {
    let (_binary, server) = upgraded();
    let (ana, ben) = (back_on(&server, "ana").await, back_on(&server, "ben").await);
    let sync = ben.sync(Some(EARLY)).await;
    let missed = ["missed 0", "missed 1", "missed 2", "missed 3", "missed 4", "reply"];
    assert_eq!(said(&sync, ONE), missed);
    assert_eq!(said(&sync, TWO), ["needle in two", "last in two"]);
    assert_eq!(sync["to_device"]["events"][0]["content"]["n"], 1);
    let kept = sync["account_data"]["events"].as_array().unwrap();
    assert!(kept.iter().any(|event| event["type"] == "org.example.kept"), "{kept:?}");
    let receipts = sync["rooms"]["join"][ONE]["ephemeral"]["events"].to_string();
    assert!(receipts.contains("m.receipt") && receipts.contains("@ana:localhost"), "{receipts}");

    let again = ben.sync(Some(&next(&sync))).await;
    assert!(again["rooms"]["join"][ONE].is_null() && again["rooms"]["join"][TWO].is_null(), "{again}");
    assert!(again["to_device"].is_null() && again["account_data"].is_null(), "{again}");
    // What another device has confirmed is gone; all else is told as often as it is asked for.
    let once_more = ben.sync(Some(EARLY)).await;
    assert!(once_more["to_device"].is_null(), "{once_more}");
    assert_eq!(said(&once_more, ONE), missed);

    assert!(ana.sync(Some(LATE)).await["rooms"]["join"][ONE].is_null());
    ana.send_text(ONE, "after").await;
    for (client, since) in [(&ana, LATE.to_owned()), (&ben, next(&again))] {
        let sync = client.sync(Some(&since)).await;
        assert_eq!(said(&sync, ONE), ["after"], "since {since}");
        assert!(sync["rooms"]["join"][TWO].is_null(), "{sync}");
        let end = client.sync(Some(&next(&sync))).await;
        assert!(end["rooms"]["join"].is_null() || end["rooms"]["join"][ONE].is_null(), "{end}");
    }
    assert_eq!(said(&ben.sync(Some(EARLY)).await, ONE), [&missed[..], &["after"]].concat());
}

#[tokio::test]
async fn what_was_before_the_upgrade_is_before_what_came_after_it() {
    let (binary, server) = upgraded();
    let (ana, ben) = (back_on(&server, "ana").await, back_on(&server, "ben").await);
    let lists = json!({ "lists": { "all": { "ranges": [[0, 9]], "timeline_limit": 1, "required_state": [] } } });
    let sliding = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync";
    let before = ben.post(sliding, lists.clone()).await.ok();
    assert_eq!(before["rooms"][TWO]["bump_stamp"], BUMP_OF_TWO, "clients remember it");
    ana.send_text(ONE, "a newer needle").await;
    let pos = before["pos"].as_str().unwrap();
    let after = ben.post(&format!("{sliding}?pos={pos}"), lists).await.ok();
    assert!(after["rooms"][ONE]["bump_stamp"].as_i64().unwrap() > BUMP_OF_TWO, "{after}");
    assert_eq!(bodies(&after["rooms"][ONE]["timeline"]), ["a newer needle"]);

    let terms = json!({ "search_categories": { "room_events": { "search_term": "needle", "order_by": "recent" } } });
    let found = ben.post("/v3/search", terms).await.ok();
    let results = found["search_categories"]["room_events"]["results"].as_array().unwrap().clone();
    let results: Vec<_> = results.iter().map(|found| found["result"]["content"]["body"].clone()).collect();
    assert_eq!(results, ["a newer needle", "needle in two"]);

    let page = |query: &str| format!("/v3/rooms/{ONE}/messages?{query}");
    let back = ben.get(&page(&format!("dir=b&limit=2&from={BACK}"))).await.ok();
    let forward = ben.get(&page(&format!("dir=f&limit=2&from={EARLY}"))).await.ok();
    assert_eq!(bodies(&forward["chunk"]), ["missed 0", "missed 1"]);
    assert_eq!(bodies(&back["chunk"]).len(), 2);
    let thread = THREAD.replace('$', "%24");
    let followed = format!("/_matrix/client/unstable/io.element.msc4306/rooms/{ONE}/thread/{thread}/subscription");
    assert_eq!(ben.get(&followed).await.ok()["automatic"], false);

    // The server goes on in the same way when it is started again.
    let since = next(&ben.sync(None).await);
    server.signal("TERM");
    assert!(server.wait().0.success());
    let server = binary.serve(&[]);
    let (ana, ben) = (back_on(&server, "ana").await, back_on(&server, "ben").await);
    ana.send_text(TWO, "once more").await;
    let sync = ben.sync(Some(&since)).await;
    assert_eq!(said(&sync, TWO), ["once more"]);
    assert!(sync["rooms"]["join"][ONE].is_null(), "{sync}");
    assert_eq!(said(&ben.sync(Some(EARLY)).await, TWO), ["needle in two", "last in two", "once more"]);
}
