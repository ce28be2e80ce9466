//! Events that are sent later (MSC4140), as calls and reminders need them.

use im2_testkit::{Answer, Client, Server, Setup, segment};
use serde_json::{Value, json};

const MSC: &str = "/_matrix/client/unstable/org.matrix.msc4140";
const NOW: u64 = 1_800_000_000_000;
const DAY: u64 = 24 * 60 * 60 * 1000;

fn setup() -> Setup {
    Setup::default().clock_at(NOW)
}

fn of(room: &str, rest: &str) -> String {
    format!("/v3/rooms/{}/{rest}", segment(room))
}

/// Schedules as the clients of today do, by a parameter.
async fn delay(client: &Client, path: &str, delay: impl std::fmt::Display, content: Value) -> Answer {
    client.put(&format!("{path}?org.matrix.msc4140.delay={delay}"), content).await
}

fn delay_id(answer: Answer) -> String {
    let answer = answer.ok();
    assert!(answer.get("event_id").is_none(), "{answer}");
    answer["delay_id"].as_str().unwrap_or_else(|| panic!("no delay_id: {answer}")).to_owned()
}

async fn text_later(client: &Client, room: &str, ms: u64, body: &str) -> String {
    let path = of(room, &format!("send/m.room.message/{}", client.transaction()));
    delay_id(delay(client, &path, ms, json!({ "msgtype": "m.text", "body": body })).await)
}

async fn act(client: &Client, delay_id: &str, action: &str) -> Answer {
    client.post(&format!("{MSC}/delayed_events/{delay_id}/{action}"), json!({})).await
}

async fn look(client: &Client, delay_id: &str) -> Value {
    client.get(&format!("{MSC}/delayed_events/{delay_id}")).await.ok()
}

async fn list(client: &Client, query: &str) -> Value {
    client.get(&format!("{MSC}/delayed_events{query}")).await.ok()
}

/// The texts of the last messages of a room, the oldest first.
async fn texts(client: &Client, room: &str) -> Vec<String> {
    let page = client.get(&of(room, "messages?dir=b&limit=100")).await.ok();
    let bodies = page["chunk"].as_array().unwrap().iter().rev().filter_map(|event| event["content"]["body"].as_str());
    bodies.map(str::to_owned).collect()
}

async fn pass(server: &Server, ms: u64) {
    server.advance(ms);
    server.until_jobs_are_done().await;
}

#[tokio::test]
async fn an_event_is_sent_when_its_time_has_come_and_not_before() {
    let server = setup().start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    let regretted = ana.send_text(&room, "regretted").await;
    let later = text_later(&ana, &room, 5_000, "later").await;
    let key = format!("_{}_DEVICE", ana.user_id());
    let path = of(&room, &format!("state/org.matrix.msc3401.call.member/{}", segment(&key)));
    let leave = delay_id(delay(&ana, &path, 8_000, json!({})).await);
    let name = delay_id(delay(&ana, &of(&room, "state/m.room.name"), 8_001, json!({ "name": "Over" })).await);
    let path = of(&room, &format!("redact/{}/r", segment(&regretted)));
    let redaction = delay_id(delay(&ana, &path, 9_000, json!({ "reason": "self-destruct" })).await);
    ana.put(&of(&room, &format!("state/org.matrix.msc3401.call.member/{}", segment(&key))), json!({ "in": "call" }))
        .await
        .ok();

    let scheduled = list(&ana, "").await;
    let ids: Vec<&str> =
        scheduled["delayed_events"].as_array().unwrap().iter().map(|e| e["delay_id"].as_str().unwrap()).collect();
    assert_eq!(ids, [&later, &leave, &name, &redaction], "in the order of their times");
    assert_eq!(scheduled["scheduled"], scheduled["delayed_events"], "the older draft's name");
    let expected = json!({ "delay_id": later, "room_id": room, "type": "m.room.message", "delay_ms": 5_000,
        "scheduled_at": NOW, "delay": 5_000, "running_since": NOW, "delayed_since_ts": NOW,
        "content": { "msgtype": "m.text", "body": "later" } });
    assert_eq!(look(&ana, &later).await, expected);
    assert_eq!(look(&ana, &leave).await["state_key"], key);

    pass(&server, 4_999).await;
    assert_eq!(texts(&ben, &room).await, ["regretted"]);
    pass(&server, 1).await;
    assert_eq!(texts(&ben, &room).await, ["regretted", "later"]);
    let sent = look(&ana, &later).await;
    assert_eq!((&sent["finalised_ts"], &sent["content"]["body"]), (&json!(NOW + 5_000), &json!("later")));
    assert_eq!(sent["finalised"], json!({ "finalised_ts": NOW + 5_000, "event_id": sent["event_id"] }));
    let event = of(&room, &format!("event/{}", segment(sent["event_id"].as_str().unwrap())));
    let other_device = ana.log_in("ana", "password of ana").await;
    for client in [&ana, &other_device] {
        let unsigned = client.get(&event).await.ok()["unsigned"].clone();
        assert_eq!(unsigned["org.matrix.msc4140.delay_id"], later, "for the sender: {unsigned}");
        assert!(unsigned.get("transaction_id").is_none(), "{unsigned}");
    }
    assert!(ben.get(&event).await.ok()["unsigned"].get("org.matrix.msc4140.delay_id").is_none());

    pass(&server, 4_000).await;
    let member = of(&room, &format!("state/org.matrix.msc3401.call.member/{}", segment(&key)));
    assert_eq!(ben.get(&member).await.ok(), json!({}), "state that was sent meanwhile does not cancel it");
    assert_eq!(ben.get(&of(&room, "state/m.room.name/")).await.ok(), json!({ "name": "Over" }));
    assert_eq!(texts(&ben, &room).await, ["later"], "the redaction redacts");
    assert!(look(&ana, &redaction).await["event_id"].is_string());
    assert_eq!(list(&ana, "?status=scheduled").await["delayed_events"], json!([]));
    let finalised = list(&ana, "?status=finalised").await;
    assert!(finalised.get("scheduled").is_none());
    assert_eq!(finalised["finalised"].as_array().unwrap().len(), 4);
    let last = &finalised["finalised"][0];
    assert_eq!((&last["outcome"], &last["reason"]), (&json!("send"), &json!("delay")), "{last}");
}

#[tokio::test]
async fn an_event_is_scheduled_by_an_endpoint_of_its_own() {
    let server = setup().start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({})).await;
    let schedule = |kind: &str, txn: &str| format!("{MSC}/rooms/{}/delayed_event/{kind}/{txn}", segment(&room));
    let message = json!({ "delay_ms": 1_000, "content": { "msgtype": "m.text", "body": "one" } });
    let first = delay_id(ana.put(&schedule("m.room.message", "t1"), message.clone()).await);
    assert_eq!(delay_id(ana.put(&schedule("m.room.message", "t1"), message).await), first, "the same transaction");
    let state = json!({ "delay_ms": 1_000, "state_key": "", "content": { "topic": "Late" } });
    delay_id(ana.put(&schedule("m.room.topic", "t1"), state).await);
    pass(&server, 1_000).await;
    assert_eq!(texts(&ana, &room).await, ["one"]);
    assert_eq!(ana.get(&of(&room, "state/m.room.topic/")).await.ok(), json!({ "topic": "Late" }));
    for (wrong, errcode) in [
        (json!({ "delay_ms": 0, "content": {} }), "M_INVALID_PARAM"),
        (json!({ "delay_ms": -5, "content": {} }), "M_INVALID_PARAM"),
        (json!({ "delay_ms": "5", "content": {} }), "M_BAD_JSON"),
        (json!({ "content": {} }), "M_BAD_JSON"),
        (json!({ "delay_ms": 5 }), "M_BAD_JSON"),
        (json!({ "delay_ms": 5, "content": { "n": 1.5 } }), "M_BAD_JSON"),
        (json!({ "delay_ms": 5, "state_key": 1, "content": {} }), "M_BAD_JSON"),
    ] {
        ana.put(&schedule("m.room.message", "wrong"), wrong).await.refused(400, errcode);
    }
    let too_large = json!({ "delay_ms": 5, "content": { "body": "x".repeat(66_000) } });
    ana.put(&schedule("m.room.message", "large"), too_large).await.refused(413, "M_TOO_LARGE");
    let create = json!({ "delay_ms": 5, "state_key": "", "content": {} });
    ana.put(&schedule("m.room.create", "c"), create).await.refused(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn a_scheduled_event_is_restarted_cancelled_and_sent_at_once() {
    let server = setup().start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({})).await;
    let heartbeat = text_later(&ana, &room, 8_000, "gone").await;
    for _ in 0..5 {
        pass(&server, 5_000).await;
        act(&ana, &heartbeat, "restart").await.ok();
    }
    assert_eq!(look(&ana, &heartbeat).await["scheduled_at"], NOW + 25_000);
    let cancelled = text_later(&ana, &room, 1_000, "never").await;
    for _ in 0..2 {
        act(&ana, &cancelled, "cancel").await.ok();
    }
    let hasty = text_later(&ana, &room, DAY, "now").await;
    // The act in the body, as the older draft has it.
    for _ in 0..2 {
        ana.post(&format!("{MSC}/delayed_events/{hasty}"), json!({ "action": "send" })).await.ok();
    }
    pass(&server, 7_999).await;
    assert_eq!(texts(&ana, &room).await, ["now"]);
    pass(&server, 1).await;
    assert_eq!(texts(&ana, &room).await, ["now", "gone"]);
    pass(&server, 30 * DAY).await;
    assert_eq!(texts(&ana, &room).await, ["now", "gone"], "each once");

    // Clients take "not found" for the news that they have to schedule another one.
    for (id, action) in [(&heartbeat, "restart"), (&heartbeat, "cancel"), (&cancelled, "restart"), (&cancelled, "send")]
    {
        act(&ana, id, action).await.refused(404, "M_NOT_FOUND");
    }
    act(&ana, "unknown", "send").await.refused(404, "M_NOT_FOUND");
    act(&ana, &hasty, "postpone").await.refused(404, "M_UNRECOGNIZED");
    let body = json!({ "action": "postpone" });
    ana.post(&format!("{MSC}/delayed_events/{hasty}"), body).await.refused(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn a_delay_that_is_not_understood_sends_nothing() {
    let server = setup().start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({})).await;
    let message = json!({ "msgtype": "m.text", "body": "too early" });
    let paths = [
        of(&room, "send/m.room.message/a"),
        of(&room, "state/m.room.topic"),
        of(&room, "state/m.room.topic/"),
        of(&room, "state/m.room.topic/key"),
        of(&room, "redact/$event/a"),
    ];
    for path in paths {
        for wrong in ["", "0", "-1", "1.5", "soon", "1e3", "99999999999999999999", "5%20"] {
            delay(&ana, &path, wrong, message.clone()).await.refused(400, "M_INVALID_PARAM");
        }
        let parent = format!("{path}?org.matrix.msc4140.parent_delay_id=x");
        ana.put(&parent, message.clone()).await.refused(400, "M_INVALID_PARAM");
        let refused = delay(&ana, &path, 31 * DAY, message.clone()).await.refused(400, "M_UNKNOWN");
        assert_eq!(refused["org.matrix.msc4140.errcode"], "M_MAX_DELAY_EXCEEDED");
        assert_eq!(refused["org.matrix.msc4140.max_delay"], 30 * DAY);
    }
    let path = format!("{MSC}/rooms/{}/delayed_event/m.room.message/a", segment(&room));
    ana.put(&path, json!({ "delay_ms": 31 * DAY, "content": message })).await.refused(403, "M_FORBIDDEN");
    assert_eq!(texts(&ana, &room).await, Vec::<String>::new());
    assert_eq!(list(&ana, "").await["scheduled"], json!([]));
    ana.get(&format!("{MSC}/delayed_events?status=lost")).await.refused(400, "M_UNKNOWN");
}

#[tokio::test]
async fn events_outlive_the_server_and_are_sent_in_order() {
    let server = setup().start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({})).await;
    for (ms, body) in [(3_000, "third"), (1_000, "first"), (2_000, "second"), (DAY, "tomorrow")] {
        text_later(&ana, &room, ms, body).await;
    }
    let folder = server.stop().await;
    let server = Setup::default().clock_at(NOW + 10_000).start_in(folder).await;
    let ana = server.anonymous().with_token(ana.token());
    server.until_jobs_are_done().await;
    assert_eq!(texts(&ana, &room).await, ["first", "second", "third"]);

    // A clock that was set back does not make them wait for the time that it lost.
    let folder = server.stop().await;
    let server = Setup::default().clock_at(NOW - 300 * DAY).start_in(folder).await;
    let ana = server.anonymous().with_token(ana.token());
    pass(&server, DAY - 1).await;
    assert_eq!(texts(&ana, &room).await.len(), 3);
    pass(&server, 1).await;
    assert_eq!(texts(&ana, &room).await, ["first", "second", "third", "tomorrow"]);
}

#[tokio::test]
async fn what_somebody_may_send_is_asked_when_it_is_sent() {
    let server = setup().start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    let path = of(&room, "send/m.room.message/x");
    delay(&ben, &path, 1_000, json!({ "body": "x" })).await.refused(403, "M_FORBIDDEN");
    ben.join(&room).await;
    // What is not allowed yet may be by then.
    let topic = delay_id(delay(&ben, &of(&room, "state/m.room.topic/"), 1_000, json!({ "topic": "Ben's" })).await);
    let name = delay_id(delay(&ben, &of(&room, "state/m.room.name/"), 2_000, json!({ "name": "Ben's" })).await);
    act(&ben, &topic, "send").await.refused(403, "M_FORBIDDEN");
    let mut levels = ana.get(&of(&room, "state/m.room.power_levels/")).await.ok();
    levels["events"]["m.room.topic"] = json!(0);
    ana.set_state(&room, "m.room.power_levels", "", levels).await;
    let gone = text_later(&ben, &room, 3_000, "I was kicked").await;
    pass(&server, 2_000).await;
    assert_eq!(ana.get(&of(&room, "state/m.room.topic/")).await.ok()["topic"], "Ben's", "refused before, sent in time");
    ana.get(&of(&room, "state/m.room.name/")).await.refused(404, "M_NOT_FOUND");
    let failed = look(&ben, &name).await;
    assert_eq!(failed["error"]["errcode"], "M_FORBIDDEN", "{failed}");
    assert_eq!(failed["content"]["name"], "Ben's", "to be sent again: {failed}");
    ana.post(&of(&room, "kick"), json!({ "user_id": ben.user_id() })).await.ok();
    pass(&server, 1_000).await;
    assert_eq!(texts(&ana, &room).await, Vec::<String>::new());
    assert_eq!(look(&ben, &gone).await["error"]["errcode"], "M_FORBIDDEN");
    let failed = &list(&ben, "?status=finalised").await["finalised"][0];
    assert_eq!((&failed["outcome"], &failed["reason"]), (&json!("cancel"), &json!("error")));
}

#[tokio::test]
async fn nothing_is_sent_for_those_who_are_gone_or_locked() {
    let server = setup().start().await;
    let (root, ana) = (server.register_admin("root").await, server.register("ana").await);
    let (ben, eve) = (server.register("ben").await, server.register("eve").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    for user in [&ben, &eve] {
        user.join(&room).await;
        text_later(user, &room, 1_000, "still here").await;
    }
    let user = server.engine().core.store.read({
        let user_id = ben.user_id().parse().unwrap();
        move |db| db.user_nid(&user_id)
    });
    let user = user.await.unwrap().unwrap();
    server.engine().people.accounts.deactivate_user("ben", true).await.unwrap();
    let left = server.engine().core.store.read(move |db| db.scheduled_events_of(user)).await.unwrap();
    assert!(left.is_empty(), "the account's content is gone with it: {left:?}");
    let account = format!("/_synapse/admin/v2/users/{}", segment(eve.user_id()));
    root.put(&account, json!({ "locked": true })).await.ok();
    pass(&server, 1_000).await;
    assert_eq!(texts(&ana, &room).await, Vec::<String>::new());
    root.put(&account, json!({ "locked": false })).await.ok();
    let failed = &list(&eve, "?status=finalised").await["finalised"][0];
    assert_eq!(failed["error"]["errcode"], "M_USER_LOCKED", "{failed}");
}

#[tokio::test]
async fn the_content_of_a_sent_event_is_redacted_with_it() {
    let server = setup().start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({})).await;
    let secret = text_later(&ana, &room, 1_000, "secret").await;
    pass(&server, 1_000).await;
    let sent = look(&ana, &secret).await;
    assert_eq!(sent["content"]["body"], "secret");
    let event = sent["event_id"].as_str().unwrap();
    ana.put(&of(&room, &format!("redact/{}/r", segment(event))), json!({})).await.ok();
    assert_eq!(look(&ana, &secret).await["content"], json!({}));
    assert!(!list(&ana, "").await.to_string().contains("secret"));
    // A week later nothing is remembered of it.
    pass(&server, 7 * DAY + 1).await;
    assert_eq!(list(&ana, "").await["finalised"], json!([]));
    ana.get(&format!("{MSC}/delayed_events/{secret}")).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn the_number_of_scheduled_events_is_limited() {
    let server = setup().set("rate_limits.enabled", false).start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    let capabilities = ana.get("/v3/capabilities").await.ok()["capabilities"].clone();
    let limits = &capabilities["org.matrix.msc4140.delayed_events"];
    assert_eq!(limits["max_delay_ms"], 30 * DAY);
    let most = limits["max_scheduled"].as_u64().unwrap();
    let mut first = None;
    for number in 0..most {
        let id = text_later(&ana, &room, DAY + number, "x").await;
        first.get_or_insert(id);
    }
    let path = of(&room, "send/m.room.message/more");
    let refused = delay(&ana, &path, 5_000, json!({ "body": "x" })).await.refused(400, "M_UNKNOWN");
    assert_eq!(refused["org.matrix.msc4140.errcode"], "M_MAX_DELAYED_EVENTS_EXCEEDED");
    let endpoint = format!("{MSC}/rooms/{}/delayed_event/m.room.message/more", segment(&room));
    let request = json!({ "delay_ms": 5_000, "content": {} });
    let answer = ana.put(&endpoint, request.clone()).await;
    assert_eq!(answer.header("retry-after"), (DAY / 1000).to_string());
    answer.refused(429, "M_LIMIT_EXCEEDED");
    text_later(&ben, &room, DAY, "others may").await;
    act(&ana, &first.unwrap(), "cancel").await.ok();
    delay_id(ana.put(&endpoint, request).await);

    // Scheduling and cancelling again and again leaves neither rows nor jobs behind.
    let user_id = ana.user_id().parse().unwrap();
    for _ in 0..150 {
        let id = list(&ana, "?status=scheduled").await["scheduled"][0]["delay_id"].as_str().unwrap().to_owned();
        act(&ana, &id, "cancel").await.ok();
        text_later(&ana, &room, DAY, "x").await;
    }
    let kept = server.engine().core.store.read(move |db| {
        let user = db.user_nid(&user_id)?.unwrap();
        let jobs = db.due_jobs(u64::MAX >> 1, 10_000)?;
        let jobs = jobs.iter().filter(|job| job.kind == "delayed_events.send").count();
        Ok((db.finalised_events_of(user, 10_000)?.len(), jobs))
    });
    assert_eq!(kept.await.unwrap(), (100, most as usize + 1));
}

#[tokio::test]
async fn the_feature_is_announced_and_open_to_guests() {
    let server = setup().set("registration.guests", true).start().await;
    let versions = server.anonymous().get("/_matrix/client/versions").await.ok();
    assert_eq!(versions["unstable_features"]["org.matrix.msc4140"], true);
    let ana = server.register("ana").await;
    let open = json!([{ "type": "m.room.guest_access", "content": { "guest_access": "can_join" } }]);
    let room = ana.create_room(json!({ "preset": "public_chat", "initial_state": open })).await;
    let guest = server.anonymous().post("/v3/register?kind=guest", json!({})).await.ok();
    let guest = server.anonymous().signed_in(&guest);
    guest.join(&room).await;
    let id = text_later(&guest, &room, 1_000, "hello").await;
    act(&guest, &id, "restart").await.ok();
    assert_eq!(look(&guest, &id).await["delay_id"], id);
    pass(&server, 1_000).await;
    assert_eq!(texts(&ana, &room).await, ["hello"]);
}
