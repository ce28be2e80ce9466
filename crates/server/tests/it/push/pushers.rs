//! Making, listing and ending pushers.

use im2_testkit::Server;
use serde_json::{Value, json};

use super::{keys, pusher, set};

const URL: &str = "https://push.example.org/_matrix/push/v1/notify";

#[tokio::test]
async fn a_pusher_is_shown_as_it_was_set_until_it_is_deleted() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    assert_eq!(ana.get("/v3/pushers").await.ok(), json!({ "pushers": [] }));
    let mut request = pusher(URL, "key");
    request["profile_tag"] = json!("work");
    request["data"] = json!({ "url": URL, "format": "event_id_only", "org.example.brand": { "a": [1] } });
    set(&ana, request.clone()).await;
    assert_eq!(ana.get("/v3/pushers").await.ok(), json!({ "pushers": [request] }));
    let changed = pusher(URL, "key");
    set(&ana, changed.clone()).await;
    assert_eq!(ana.get("/v3/pushers").await.ok(), json!({ "pushers": [changed] }), "set again, it is changed");
    assert_eq!(keys(&ben).await, [""; 0]);
    let delete = json!({ "kind": null, "app_id": "org.example.app", "pushkey": "key" });
    set(&ben, delete.clone()).await;
    assert_eq!(keys(&ana).await, ["key"], "only one's own are deleted");
    set(&ana, delete.clone()).await;
    assert_eq!(keys(&ana).await, [""; 0]);
    set(&ana, delete).await;
}

#[tokio::test]
async fn a_key_that_another_user_sets_is_theirs_unless_they_append() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    set(&ana, pusher(URL, "shared")).await;
    set(&ana, pusher(URL, "own")).await;
    let mut appended = pusher(URL, "shared");
    appended["append"] = json!(true);
    set(&ben, appended).await;
    assert_eq!((keys(&ana).await.len(), keys(&ben).await.len()), (2, 1));
    set(&ben, pusher(URL, "shared")).await;
    assert_eq!((keys(&ana).await, keys(&ben).await), (vec!["own".to_owned()], vec!["shared".to_owned()]));
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_refused() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let without = |member: &str| {
        let mut request = pusher(URL, "key");
        request.as_object_mut().unwrap().remove(member);
        request
    };
    for member in ["kind", "app_id", "pushkey", "app_display_name", "device_display_name", "lang", "data"] {
        ana.post("/v3/pushers/set", without(member)).await.refused(400, "M_MISSING_PARAM");
    }
    let with = |member: &str, value: Value| {
        let mut request = pusher(URL, "key");
        request[member] = value;
        request
    };
    ana.post("/v3/pushers/set", with("data", json!({}))).await.refused(400, "M_MISSING_PARAM");
    for (member, value) in [
        ("kind", json!("email")),
        ("kind", json!("carrier_pigeon")),
        ("app_id", json!("")),
        ("app_id", json!("x".repeat(65))),
        ("pushkey", json!("")),
        ("pushkey", json!("x".repeat(513))),
        ("lang", json!("x".repeat(256))),
        ("data", json!({ "url": 5 })),
        ("data", json!({ "url": URL, "format": 5 })),
        ("data", json!({ "url": URL, "more": "x".repeat(9_000) })),
    ] {
        ana.post("/v3/pushers/set", with(member, value)).await.refused(400, "M_INVALID_PARAM");
    }
    for url in [
        "",
        "nonsense",
        "/_matrix/push/v1/notify",
        "http://push.example.org/_matrix/push/v1/notify",
        "https://push.example.org/",
        "https://push.example.org/_matrix/push/v1/notify/",
        "https://push.example.org/_matrix/push/v1/notify?a=b",
        "https://ana:secret@push.example.org/_matrix/push/v1/notify",
        "file:///_matrix/push/v1/notify",
    ] {
        let answer = ana.post("/v3/pushers/set", with("data", json!({ "url": url }))).await;
        answer.refused(400, "M_INVALID_PARAM");
    }
    for (member, value) in [("kind", json!(5)), ("append", json!("yes")), ("data", json!([])), ("lang", json!({}))] {
        ana.post("/v3/pushers/set", with(member, value)).await.refused(400, "M_BAD_JSON");
    }
    assert_eq!(keys(&ana).await, [""; 0]);
}

#[tokio::test]
async fn a_pusher_ends_with_the_session_that_set_it() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let phone = ana.log_in("ana", "password of ana").await;
    let tablet = ana.log_in("ana", "password of ana").await;
    set(&ana, pusher(URL, "computer")).await;
    set(&phone, pusher(URL, "phone")).await;
    set(&tablet, pusher(URL, "tablet")).await;
    assert_eq!(keys(&phone).await, ["computer", "phone", "tablet"], "all of a user's devices see all");
    tablet.post("/v3/logout", json!({})).await.ok();
    assert_eq!(keys(&ana).await, ["computer", "phone"]);
    let change = json!({
        "new_password": "another password of ana",
        "auth": { "type": "m.login.password", "password": "password of ana",
                  "identifier": { "type": "m.id.user", "user": "ana" } },
    });
    ana.post("/v3/account/password", change).await.ok();
    assert_eq!(keys(&ana).await, ["computer"], "a new password ends the other sessions");
}

#[tokio::test]
async fn the_number_of_pushers_is_limited() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    for number in 0..200 {
        set(&ana, pusher(URL, &format!("key {number}"))).await;
    }
    ana.post("/v3/pushers/set", pusher(URL, "one more")).await.refused(403, "M_USER_LIMIT_EXCEEDED");
    set(&ana, pusher(URL, "key 7")).await;
}
