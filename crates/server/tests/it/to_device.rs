//! To-device messages: their recipients, that each arrives once, and that none is lost.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use im2_testkit::{Binary, Client, Server, Setup, segment};
use serde_json::{Value, json};

fn path(kind: &str, txn_id: &str) -> String {
    format!("/v3/sendToDevice/{}/{}", segment(kind), segment(txn_id))
}

/// Sends `content` to one device and expects success.
async fn send(from: &Client, to: &Client, device_id: &str, content: Value) {
    let body = json!({ "messages": { to.user_id(): { device_id: content } } });
    assert_eq!(from.put(&path("org.example.note", &from.transaction()), body).await.ok(), json!({}));
}

/// The contents in a sync's answer.
fn contents(sync: &Value) -> Vec<Value> {
    let events = sync["to_device"]["events"].as_array().cloned().unwrap_or_default();
    events.into_iter().map(|event| event["content"].clone()).collect()
}

fn next(sync: &Value) -> String {
    sync["next_batch"].as_str().unwrap().to_owned()
}

fn numbers(sync: &Value) -> Vec<u64> {
    contents(sync).iter().map(|content| content["number"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn a_message_reaches_the_devices_it_names() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let phone = ben.log_in("ben", "password of ben").await;
    let body = json!({ "messages": {
        ben.user_id(): { phone.device_id(): { "for": "the phone" }, "NOBODYS": { "for": "nobody" } },
        ana.user_id(): { "*": { "for": "all of ana's" } },
        "@nobody:localhost": { "*": {} },
        "@far:elsewhere.example": { "*": {} },
        "nonsense": { "*": {}, "": {} },
    } });
    ana.put(&path("org.example.note", "1"), body).await.ok();
    let event = json!({ "type": "org.example.note", "sender": ana.user_id(), "content": { "for": "the phone" } });
    assert_eq!(phone.sync(None).await["to_device"]["events"], json!([event]));
    assert_eq!(ben.sync(None).await.get("to_device"), None);
    assert_eq!(contents(&ana.sync(None).await), [json!({ "for": "all of ana's" })]);

    let body = json!({ "messages": { ben.user_id(): { "*": { "n": 1 }, phone.device_id(): { "n": 2 } } } });
    ana.put(&path("org.example.note", "2"), body).await.ok();
    assert_eq!(contents(&ben.sync(None).await), [json!({ "n": 1 })]);
    let of_phone = contents(&phone.sync(None).await);
    assert_eq!(of_phone, [json!({ "for": "the phone" }), json!({ "n": 2 })], "what names a device comes before `*`");
}

#[tokio::test]
async fn messages_stay_until_the_next_token_acknowledges_them() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let before = next(&ben.sync(None).await);
    send(&ana, &ben, ben.device_id(), json!({ "number": 1 })).await;
    let first = ben.sync(Some(&before)).await;
    assert_eq!(numbers(&first), [1]);
    assert_eq!(numbers(&ben.sync(Some(&before)).await), [1], "the answer may have been lost");
    assert_eq!(numbers(&ben.sync(None).await), [1], "so may the client's memory");
    send(&ana, &ben, ben.device_id(), json!({ "number": 2 })).await;
    let second = ben.sync(Some(&next(&first))).await;
    assert_eq!(numbers(&second), [2]);
    assert_eq!(numbers(&ben.sync(Some(&before)).await), [2], "the first has been acknowledged");
    assert_eq!(ben.sync(Some(&next(&second))).await.get("to_device"), None);
    assert_eq!(ben.sync(None).await.get("to_device"), None);
}

#[tokio::test]
async fn a_retry_is_answered_and_not_delivered_again() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let body = json!({ "messages": { ben.user_id(): { "*": { "number": 1 } } } });
    let other = ana.log_in("ana", "password of ana").await;
    for _ in 0..2 {
        ana.put(&path("org.example.note", "same"), body.clone()).await.ok();
    }
    other.put(&path("org.example.note", "same"), body.clone()).await.ok();
    ana.put(&path("org.example.other", "same"), body.clone()).await.ok();
    let sync = ben.sync(None).await;
    assert_eq!(numbers(&sync), [1, 1, 1], "another device and another path are other transactions");

    let server = Setup::default().start_in(server.stop().await).await;
    let at = |client: &Client| server.anonymous().with_token(client.token());
    at(&ana).put(&path("org.example.note", "same"), body).await.ok();
    assert_eq!(numbers(&at(&ben).sync(None).await), [1, 1, 1]);
    assert_eq!(at(&ben).sync(Some(&next(&sync))).await.get("to_device"), None);
}

#[tokio::test]
async fn many_messages_come_in_pages_of_a_hundred_and_nothing_is_skipped() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "invite": [ben.user_id()] })).await;
    ben.join(&room).await;
    let start = next(&ben.sync(None).await);
    for number in 0..230 {
        send(&ana, &ben, ben.device_id(), json!({ "number": number })).await;
    }
    let event = ana.send_text(&room, "between").await;
    for since in [Some(&*start), None] {
        let mut sync = ben.sync(since).await;
        assert_eq!(numbers(&sync), (0..100).collect::<Vec<_>>());
        let timeline = |sync: &Value| sync["rooms"]["join"][&room]["timeline"].to_string();
        assert!(timeline(&sync).contains(&event), "rooms do not wait for the inbox");
        if since.is_none() {
            send(&ana, &ben, ben.device_id(), json!({ "number": 230 })).await;
            for page in [100..200, 200..231] {
                let repeated = ben.sync(Some(&next(&sync))).await;
                sync = ben.sync(Some(&next(&sync))).await;
                assert_eq!(numbers(&sync), page.collect::<Vec<_>>());
                assert_eq!(sync["to_device"], repeated["to_device"]);
                assert!(!timeline(&sync).contains(&event), "the room is told once");
            }
        }
        if since.is_none() {
            assert_eq!(ben.sync(Some(&next(&sync))).await.get("to_device"), None);
            assert_eq!(ben.sync(None).await.get("to_device"), None);
        }
    }
}

#[tokio::test]
async fn large_messages_do_not_make_one_answer_huge() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    for number in 0..40 {
        send(&ana, &ben, "*", json!({ "number": number, "padding": "x".repeat(60_000) })).await;
    }
    let (mut seen, mut since) = (Vec::new(), None);
    while seen.len() < 40 {
        let sync = ben.sync(since.as_deref()).await;
        let page = numbers(&sync);
        assert!((1..=17).contains(&page.len()), "{} at once", page.len());
        seen.extend(page);
        since = Some(next(&sync));
    }
    assert_eq!(seen, (0..40).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_message_wakes_whoever_waits() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let since = next(&ben.sync(None).await);
    let waiting = tokio::spawn({
        let ben = ben.clone();
        async move { ben.sync_wait(&since, 60_000).await }
    });
    server.until_somebody_waits().await;
    send(&ana, &ben, "*", json!({ "number": 7 })).await;
    assert_eq!(numbers(&waiting.await.unwrap()), [7]);
}

/// Somebody follows and now and then asks again with an old token, while several send.
#[tokio::test]
async fn a_follower_gets_each_message_once_and_in_order() {
    const EACH: u64 = 40;
    let server = Server::start().await;
    let ben = server.register("ben").await;
    let mut since = next(&ben.sync(None).await);
    let mut senders = Vec::new();
    for sender in 0..3 {
        let (from, to) = (server.register(&format!("sender{sender}")).await, ben.clone());
        senders.push(tokio::spawn(async move {
            for number in 0..EACH {
                send(&from, &to, "*", json!({ "sender": sender, "number": number })).await;
            }
        }));
    }
    let mut received: Vec<Vec<u64>> = vec![Vec::new(); 3];
    let mut round = 0;
    while received.iter().map(Vec::len).sum::<usize>() < 3 * EACH as usize {
        let sync = ben.sync_wait(&since, 60_000).await;
        round += 1;
        if round % 3 == 0 {
            continue; // as if the answer had been lost
        }
        for content in contents(&sync) {
            let sender = content["sender"].as_u64().unwrap() as usize;
            received[sender].push(content["number"].as_u64().unwrap());
        }
        since = next(&sync);
    }
    for sender in senders {
        sender.await.unwrap();
    }
    assert_eq!(received, vec![(0..EACH).collect::<Vec<_>>(); 3]);
    assert_eq!(ben.sync(Some(&since)).await.get("to_device"), None);
}

#[tokio::test]
async fn an_inbox_goes_with_its_device() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let phone = ben.log_in("ben", "password of ben").await;
    let device_id = phone.device_id().to_owned();
    send(&ana, &ben, &device_id, json!({ "number": 1 })).await;
    phone.post("/v3/logout", json!({})).await.ok();
    send(&ana, &ben, &device_id, json!({ "number": 2 })).await;
    let body = json!({
        "type": "m.login.password",
        "identifier": { "type": "m.id.user", "user": "ben" },
        "password": "password of ben",
        "device_id": device_id,
    });
    let login = |body: Value| async { ben.signed_in(&ben.nobody().post("/v3/login", body).await.ok()) };
    let again = login(body.clone()).await;
    assert_eq!(again.sync(None).await.get("to_device"), None);
    send(&ana, &ben, &device_id, json!({ "number": 3 })).await;
    let same = login(body).await;
    assert_eq!(numbers(&same.sync(None).await), [3], "signing in again on a device that is there keeps its inbox");

    let auth = json!({ "type": "m.login.password", "password": "password of ben",
                       "identifier": { "type": "m.id.user", "user": "ben" } });
    ben.post("/v3/account/deactivate", json!({ "auth": auth })).await.ok();
    send(&ana, &ben, "*", json!({ "number": 4 })).await;
}

#[tokio::test]
async fn what_is_too_large_or_no_message_is_refused() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let to_ana = |content: Value| json!({ "messages": { ana.user_id(): { "*": content } } });
    let large = json!({ "padding": "x".repeat(66_000) });
    ana.put(&path("org.example.note", "1"), to_ana(large)).await.refused(413, "M_TOO_LARGE");
    ana.put(&path("org.example.note", "2"), to_ana(json!("text"))).await.refused(400, "M_BAD_JSON");
    ana.put(&path("org.example.note", "3"), json!({ "messages": [] })).await.refused(400, "M_BAD_JSON");
    ana.put(&path("org.example.note", "4"), json!({})).await.refused(400, "M_BAD_JSON");
    ana.put(&path(&"k".repeat(256), "5"), to_ana(json!({}))).await.refused(400, "M_INVALID_PARAM");
    ana.put(&path("org.example.note", &"t".repeat(256)), to_ana(json!({}))).await.refused(400, "M_INVALID_PARAM");
    assert_eq!(ana.sync(None).await.get("to_device"), None);
    ana.put(&path("org.example.note", "1"), to_ana(json!({ "number": 1 }))).await.ok();
    assert_eq!(numbers(&ana.sync(None).await), [1], "what was refused did not use up its transaction");
}

#[tokio::test]
async fn a_kill_between_answer_and_acknowledgement_loses_nothing() {
    let binary = Binary::new(env!("CARGO_BIN_EXE_im2"));
    let open = [("IM2_REGISTRATION__MODE", "open")];
    let server = binary.serve(&open);
    let (ana, ben) = (server.anonymous().register("ana").await, server.anonymous().register("ben").await);
    let start = next(&ben.sync(None).await);
    for number in 0..120 {
        send(&ana, &ben, "*", json!({ "number": number })).await;
    }
    let first = ben.sync(Some(&start)).await;
    assert_eq!(numbers(&first).len(), 100);
    server.kill();

    let server = binary.serve(&open);
    let ben = server.anonymous().with_token(ben.token());
    assert_eq!(numbers(&ben.sync(Some(&start)).await), (0..100).collect::<Vec<_>>());
    let second = ben.sync(Some(&next(&first))).await;
    assert_eq!(numbers(&second), (100..120).collect::<Vec<_>>());
    server.kill();

    let server = binary.serve(&open);
    let ben = server.anonymous().with_token(ben.token());
    assert_eq!(numbers(&ben.sync(None).await), (100..120).collect::<Vec<_>>(), "what was acknowledged is gone");
    assert_eq!(ben.sync(Some(&next(&second))).await.get("to_device"), None);
}

/// Senders do not know what became of the request that the kill cut off, so they send it again.
#[tokio::test]
async fn a_kill_among_many_sends_delivers_each_once() {
    let binary = Binary::new(env!("CARGO_BIN_EXE_im2"));
    let open = [("IM2_REGISTRATION__MODE", "open")];
    let server = binary.serve(&open);
    let ben = server.anonymous().register("ben").await;
    let (acknowledged, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let mut senders = Vec::new();
    for sender in 0..4 {
        let from = server.anonymous().register(&format!("sender{sender}")).await;
        let attempted = Arc::new(AtomicU64::new(0));
        let task = tokio::spawn({
            let (from, to, acknowledged, attempted) =
                (from.clone(), ben.clone(), acknowledged.clone(), attempted.clone());
            async move {
                for number in 0.. {
                    attempted.store(number, Ordering::SeqCst);
                    // Panics when the server is gone, which ends this task.
                    numbered(&from, &to, sender, number).await;
                    let _ = acknowledged.send(());
                }
            }
        });
        senders.push((from, attempted, task));
    }
    for _ in 0..60 {
        heard.recv().await.expect("the senders go on");
    }
    server.kill();

    let server = binary.serve(&open);
    let at = |client: &Client| server.anonymous().with_token(client.token());
    let mut expected = Vec::new();
    for (sender, (from, attempted, task)) in senders.into_iter().enumerate() {
        assert!(task.await.is_err(), "it has ended by the kill");
        let last = attempted.load(Ordering::SeqCst);
        numbered(&at(&from), &ben, sender, last).await;
        expected.push((0..=last).collect::<Vec<_>>());
    }
    let (mut received, mut since) = (vec![Vec::new(); expected.len()], None);
    loop {
        let sync = at(&ben).sync(since.as_deref()).await;
        let page = contents(&sync);
        if page.is_empty() {
            break;
        }
        for content in page {
            let sender = content["sender"].as_u64().unwrap() as usize;
            received[sender].push(content["number"].as_u64().unwrap());
        }
        since = Some(next(&sync));
    }
    assert_eq!(received, expected);
}

/// Sends a sender's message of this number, always in the same transaction.
async fn numbered(from: &Client, to: &Client, sender: usize, number: u64) {
    let body = json!({ "messages": { to.user_id(): { "*": { "sender": sender, "number": number } } } });
    from.put(&path("org.example.note", &format!("number {number}")), body).await.ok();
}
