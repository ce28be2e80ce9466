//! Administration of users, as the tools that were made for Synapse do it.

use im2_testkit::{Answer, Client, Server, Setup, segment};
use serde_json::{Value, json};

fn v1(user_id: &str, rest: &str) -> String {
    format!("/_synapse/admin/v1/users/{}{rest}", segment(user_id))
}

fn v2(user_id: &str, rest: &str) -> String {
    format!("/_synapse/admin/v2/users/{}{rest}", segment(user_id))
}

async fn log_in(client: &Client, name: &str, password: &str) -> Answer {
    let body = json!({ "type": "m.login.password", "user": name, "password": password });
    client.nobody().post("/v3/login", body).await
}

/// The localparts of a page.
fn names(page: &Value) -> Vec<&str> {
    let users = page["users"].as_array().unwrap().iter();
    users.map(|user| user["name"].as_str().unwrap().trim_start_matches('@').split(':').next().unwrap()).collect()
}

#[tokio::test]
async fn users_are_listed_filtered_sorted_and_by_pages() {
    let server = Setup::default().clock_at(1_700_000_000_000).start().await;
    let root = server.register_admin("root").await;
    for name in ["ana", "ben", "cleo", "dan"] {
        server.advance(1_000);
        server.register(name).await;
    }
    let list = async |query: &str| root.get(&format!("/_synapse/admin/v2/users?{query}")).await.ok();
    let v3 = async |query: &str| root.get(&format!("/_synapse/admin/v3/users?{query}")).await.ok();
    root.put(&v2("@ana:localhost", ""), json!({ "displayname": "Zora 50%", "user_type": "bot" })).await.ok();
    root.put(&v2("@cleo:localhost", ""), json!({ "locked": true })).await.ok();
    root.post("/_synapse/admin/v1/deactivate/@dan:localhost", json!({})).await.ok();

    let all = list("").await;
    assert_eq!((names(&all), &all["total"]), (vec!["ana", "ben", "root"], &json!(3)));
    let ana = &all["users"][0];
    assert_eq!(
        (&ana["displayname"], &ana["user_type"], &ana["admin"]),
        (&json!("Zora 50%"), &json!("bot"), &json!(false))
    );
    assert_eq!((&ana["creation_ts"], &ana["deactivated"]), (&json!(1_700_000_001_000_u64), &json!(false)));
    for (query, expected) in [
        ("deactivated=true&locked=true", vec!["ana", "ben", "cleo", "dan", "root"]),
        ("locked=true", vec!["ana", "ben", "cleo", "root"]),
        ("admins=true", vec!["root"]),
        ("admins=false", vec!["ana", "ben"]),
        ("guests=false", vec!["ana", "ben", "root"]),
        ("name=ZORA", vec!["ana"]),
        ("name=0%25", vec!["ana"]),
        ("name=_", vec![]),
        ("name=localhost", vec![]),
        ("user_id=localhost", vec!["ana", "ben", "root"]),
        ("user_id=%40b", vec!["ben"]),
        ("name=ana&user_id=ben", vec!["ana"]),
        ("not_user_type=bot", vec!["ben", "root"]),
        ("not_user_type=", vec!["ana"]),
        ("not_user_type=bot&not_user_type=", vec![]),
        ("order_by=creation_ts", vec!["root", "ana", "ben"]),
        ("order_by=creation_ts&dir=b", vec!["ben", "ana", "root"]),
        ("order_by=admin&dir=b", vec!["root", "ana", "ben"]),
        ("order_by=displayname&dir=b", vec!["root", "ben", "ana"]),
        ("order_by=shadow_banned", vec!["ana", "ben", "root"]),
        ("dir=b", vec!["root", "ben", "ana"]),
    ] {
        let page = list(query).await;
        assert_eq!((names(&page), &page["total"]), (expected.clone(), &json!(expected.len())), "{query}");
        assert!(page.get("next_token").is_none(), "{query}");
    }
    assert_eq!(names(&v3("deactivated=true").await), ["dan"]);
    assert_eq!(names(&v3("deactivated=false").await), ["ana", "ben", "root"]);
    assert_eq!(names(&v3("").await), ["ana", "ben", "dan", "root"]);

    let first = list("limit=2").await;
    assert_eq!((names(&first), &first["total"], &first["next_token"]), (vec!["ana", "ben"], &json!(3), &json!("2")));
    let last = list("limit=2&from=2").await;
    assert_eq!((names(&last), last.get("next_token")), (vec!["root"], None));
    root.get("/_synapse/admin/v2/users?order_by=password").await.refused(400, "M_INVALID_PARAM");
    root.get("/_synapse/admin/v2/users?dir=up").await.refused(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn an_account_is_made_and_changed() {
    let server = Setup::default().set("registration.mode", "closed").start().await;
    server.engine().people.accounts.create_user("root", "correct horse", true).await.unwrap();
    let root = server.anonymous().log_in("root", "correct horse").await;
    let path = v2("@ana:localhost", "");
    root.get(&path).await.refused(404, "M_NOT_FOUND");
    let new = json!({
        "password": "first", "displayname": "Ana", "avatar_url": "mxc://localhost/picture", "admin": false,
        "user_type": null, "threepids": [], "external_ids": [], "deactivated": false, "locked": false,
    });
    let made = root.put(&path, new).await.status_is(201);
    for (member, value) in [
        ("name", json!("@ana:localhost")),
        ("displayname", json!("Ana")),
        ("avatar_url", json!("mxc://localhost/picture")),
        ("admin", json!(false)),
        ("deactivated", json!(false)),
        ("erased", json!(false)),
        ("locked", json!(false)),
        ("suspended", json!(false)),
        ("shadow_banned", json!(false)),
        ("is_guest", json!(false)),
        ("user_type", Value::Null),
        ("threepids", json!([])),
        ("external_ids", json!([])),
        ("last_seen_ts", Value::Null),
    ] {
        assert_eq!(made.get(member), Some(&value), "{member}");
    }
    let ana = root.signed_in(&log_in(&root, "ana", "first").await.ok());
    let profile = ana.get("/v3/profile/@ana:localhost").await.ok();
    assert_eq!(profile, json!({ "displayname": "Ana", "avatar_url": "mxc://localhost/picture" }));

    // A password ends the sessions, unless it shall not.
    root.put(&path, json!({ "password": "second", "logout_devices": false })).await.status_is(200);
    ana.get("/v3/account/whoami").await.ok();
    root.put(&path, json!({ "password": "third" })).await.ok();
    ana.get("/v3/account/whoami").await.refused(401, "M_UNKNOWN_TOKEN");
    log_in(&root, "ana", "second").await.refused(403, "M_FORBIDDEN");
    let ana = root.signed_in(&log_in(&root, "ana", "third").await.ok());

    let room = ana.create_room(json!({})).await;
    let changed = json!({ "displayname": "Ana II", "avatar_url": "", "admin": true, "user_type": "support" });
    let answer = root.put(&path, changed).await.ok();
    assert_eq!((&answer["displayname"], &answer["avatar_url"]), (&json!("Ana II"), &Value::Null));
    assert_eq!((&answer["admin"], &answer["user_type"]), (&json!(true), &json!("support")));
    ana.get("/_synapse/admin/v2/users").await.ok();
    let since = ana.sync(None).await;
    let in_room = |sync: &Value| sync["rooms"]["join"][&room].to_string().contains("Ana II");
    if !in_room(&since) {
        let next = ana.sync_wait(since["next_batch"].as_str().unwrap(), 60_000).await;
        assert!(in_room(&next), "{next}");
    }
    assert_eq!(root.put(&path, json!({ "user_type": null, "admin": false })).await.ok()["user_type"], Value::Null);
    ana.get("/_synapse/admin/v2/users").await.refused(403, "M_FORBIDDEN");

    for wrong in [
        json!({ "threepids": [{ "medium": "email", "address": "ana@example.org" }] }),
        json!({ "external_ids": [{ "auth_provider": "x", "external_id": "y" }] }),
        json!({ "user_type": "alien" }),
        json!({ "avatar_url": "https://example.org/picture" }),
        json!({ "deactivated": true, "locked": true }),
        json!({ "password": "x".repeat(513) }),
    ] {
        root.put(&path, wrong).await.refused(400, "M_INVALID_PARAM");
    }
    root.put(&v2("@A!na:localhost", ""), json!({})).await.refused(400, "M_INVALID_USERNAME");
    root.put(&v2("@ana:elsewhere", ""), json!({})).await.refused(400, "M_INVALID_PARAM");
    root.put(&v2("@root:localhost", ""), json!({ "admin": false })).await.refused(400, "M_UNKNOWN");
    root.put(&v2("@root:localhost", ""), json!({ "locked": true })).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn an_account_is_ended_and_brought_to_life_again() {
    let server = Server::start().await;
    let root = server.register_admin("root").await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let path = v2(ana.user_id(), "");
    let end = format!("/_synapse/admin/v1/deactivate/{}", segment(ana.user_id()));
    assert_eq!(root.post(&end, json!({})).await.ok(), json!({ "id_server_unbind_result": "success" }));
    ana.get("/v3/account/whoami").await.refused(401, "M_UNKNOWN_TOKEN");
    log_in(&root, "ana", "password of ana").await.refused(403, "M_USER_DEACTIVATED");
    let shown = root.get(&path).await.ok();
    assert_eq!((&shown["deactivated"], &shown["erased"]), (&json!(true), &json!(false)));
    root.post(&end, json!({ "erase": true })).await.ok();
    assert_eq!(root.get(&path).await.ok()["erased"], true);
    root.post(&v1(ana.user_id(), "/login"), json!({})).await.refused(403, "M_USER_DEACTIVATED");
    // Changing something else does not bring it back.
    assert_eq!(root.put(&path, json!({ "displayname": "Ghost" })).await.ok()["deactivated"], true);

    let alive = root.put(&path, json!({ "deactivated": false })).await.ok();
    assert_eq!((&alive["deactivated"], &alive["erased"]), (&json!(false), &json!(false)));
    log_in(&root, "ana", "password of ana").await.refused(403, "M_FORBIDDEN");
    root.put(&path, json!({ "password": "a new one" })).await.ok();
    let ana = root.signed_in(&log_in(&root, "ana", "a new one").await.ok());
    let found = ben.post("/v3/user_directory/search", json!({ "search_term": ana.user_id() })).await.ok();
    assert_eq!(found["results"][0]["user_id"], ana.user_id());
    assert_eq!(root.put(&path, json!({ "deactivated": true })).await.ok()["deactivated"], true);
    ana.get("/v3/account/whoami").await.refused(401, "M_UNKNOWN_TOKEN");
    root.post("/_synapse/admin/v1/deactivate/@nobody:localhost", json!({})).await.refused(404, "M_NOT_FOUND");
    root.post("/_synapse/admin/v1/deactivate/@ana:elsewhere", json!({})).await.refused(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn passwords_are_reset_and_administrators_made() {
    let server = Server::start().await;
    let (root, ana) = (server.register_admin("root").await, server.register("ana").await);
    let reset = format!("/_synapse/admin/v1/reset_password/{}", segment(ana.user_id()));
    root.post(&reset, json!({ "new_password": "other", "logout_devices": false })).await.ok();
    ana.get("/v3/account/whoami").await.ok();
    root.post(&reset, json!({ "new_password": "another" })).await.ok();
    ana.get("/v3/account/whoami").await.refused(401, "M_UNKNOWN_TOKEN");
    let ana = root.signed_in(&log_in(&root, "ana", "another").await.ok());
    root.post(&reset, json!({})).await.refused(400, "M_BAD_JSON");
    root.post(&reset, json!({ "new_password": "" })).await.refused(400, "M_WEAK_PASSWORD");
    let of_nobody = "/_synapse/admin/v1/reset_password/@nobody:localhost";
    root.post(of_nobody, json!({ "new_password": "x" })).await.refused(404, "M_NOT_FOUND");

    let admin = v1(ana.user_id(), "/admin");
    assert_eq!(root.get(&admin).await.ok(), json!({ "admin": false }));
    assert_eq!(root.put(&admin, json!({ "admin": true })).await.ok(), json!({}));
    assert_eq!(ana.get(&admin).await.ok(), json!({ "admin": true }), "at once, and for the sessions there are");
    ana.put(&admin, json!({ "admin": false })).await.refused(400, "M_UNKNOWN");
    root.put(&admin, json!({ "admin": false })).await.ok();
    ana.get(&admin).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn an_administrator_acts_as_a_user_without_a_device() {
    let server = Setup::default().clock_at(1_700_000_000_000).start().await;
    let (root, ana) = (server.register_admin("root").await, server.register("ana").await);
    let path = v1(ana.user_id(), "/login");
    let borrow = async |body: Value| {
        let token = root.post(&path, body).await.ok()["access_token"].as_str().unwrap().to_owned();
        root.with_token(&token)
    };
    let (first, second) = (borrow(json!({})).await, borrow(json!({ "valid_until_ms": 1_700_000_010_000_u64 })).await);
    let who = first.get("/v3/account/whoami").await.ok();
    assert_eq!(who, json!({ "user_id": ana.user_id(), "is_guest": false }));
    assert_eq!(ana.get("/v3/devices").await.ok()["devices"].as_array().unwrap().len(), 1);
    let room = first.create_room(json!({ "preset": "public_chat" })).await;
    let sent = first.send_text(&room, "as ana").await;
    let event = ana.get(&format!("/v3/rooms/{}/event/{}", segment(&room), segment(&sent))).await.ok();
    assert_eq!(event["sender"], ana.user_id());
    first.sync(None).await;

    server.advance(10_000);
    second.get("/v3/account/whoami").await.refused(401, "M_UNKNOWN_TOKEN");
    ana.post("/v3/logout/all", json!({})).await.ok();
    first.get("/v3/account/whoami").await.ok();
    first.post("/v3/logout", json!({})).await.ok();
    first.get("/v3/account/whoami").await.refused(401, "M_UNKNOWN_TOKEN");

    // It ends with the administrator's sessions, with the user's password, and with the administration.
    let third = borrow(json!({})).await;
    root.post(&format!("/_synapse/admin/v1/reset_password/{}", segment(ana.user_id())), json!({ "new_password": "x" }))
        .await
        .ok();
    third.get("/v3/account/whoami").await.refused(401, "M_UNKNOWN_TOKEN");
    let fourth = borrow(json!({})).await;
    server.engine().people.accounts.set_admin("root", false).await.unwrap();
    fourth.get("/v3/account/whoami").await.refused(401, "M_UNKNOWN_TOKEN");
    server.engine().people.accounts.set_admin("root", true).await.unwrap();
    let fifth = borrow(json!({})).await;
    root.post(&v1(root.user_id(), "/login"), json!({})).await.refused(400, "M_UNKNOWN");
    root.post(&v1("@nobody:localhost", "/login"), json!({})).await.refused(404, "M_NOT_FOUND");
    root.post("/v3/logout/all", json!({})).await.ok();
    fifth.get("/v3/account/whoami").await.refused(401, "M_UNKNOWN_TOKEN");
}

#[tokio::test]
async fn devices_of_users_are_managed() {
    let server = Server::start().await;
    let (root, ana) = (server.register_admin("root").await, server.register("ana").await);
    let other = ana.log_in("ana", "password of ana").await;
    let list = v2(ana.user_id(), "/devices");
    let one = |device: &str| v2(ana.user_id(), &format!("/devices/{}", segment(device)));
    let devices = root.get(&list).await.ok();
    assert_eq!(devices["total"], 2);
    assert!(devices["devices"].as_array().unwrap().iter().all(|device| device["user_id"] == ana.user_id()));
    root.put(&one(ana.device_id()), json!({ "display_name": "Phone" })).await.ok();
    root.put(&one(ana.device_id()), json!({})).await.ok();
    let device = root.get(&one(ana.device_id())).await.ok();
    assert_eq!((&device["display_name"], &device["device_id"]), (&json!("Phone"), &json!(ana.device_id())));
    root.get(&one("GONE")).await.refused(404, "M_NOT_FOUND");
    root.put(&one("GONE"), json!({ "display_name": "x" })).await.refused(404, "M_NOT_FOUND");
    root.put(&one(ana.device_id()), json!({ "display_name": "x".repeat(256) })).await.refused(400, "M_INVALID_PARAM");
    root.delete(&one(other.device_id()), json!({})).await.ok();
    other.get("/v3/account/whoami").await.refused(401, "M_UNKNOWN_TOKEN");
    root.delete(&one(other.device_id()), json!({})).await.ok();

    root.post(&list, json!({ "device_id": "MADE" })).await.status_is(201);
    root.post(&list, json!({ "device_id": "MADE" })).await.status_is(201);
    assert_eq!(ana.get("/v3/devices").await.ok()["devices"].as_array().unwrap().len(), 2);
    let many = json!({ "devices": ["MADE", "GONE", ana.device_id()] });
    root.post(&v2(ana.user_id(), "/delete_devices"), many).await.ok();
    ana.get("/v3/account/whoami").await.refused(401, "M_UNKNOWN_TOKEN");
    assert_eq!(root.get(&list).await.ok(), json!({ "devices": [], "total": 0 }));
}

#[tokio::test]
async fn what_belongs_to_a_user_is_shown() {
    let server = Server::start().await;
    let (root, ana) = (server.register_admin("root").await, server.register("ana").await);
    let (joined, left) = (ana.create_room(json!({})).await, ana.create_room(json!({})).await);
    ana.leave(&left).await;
    let rooms = root.get(&v1(ana.user_id(), "/joined_rooms")).await.ok();
    assert_eq!(rooms, json!({ "joined_rooms": [joined], "total": 1 }));
    let memberships = root.get(&v1(ana.user_id(), "/memberships")).await.ok();
    assert_eq!(memberships, json!({ "memberships": { joined.clone(): "join", left: "leave" } }));

    let user = segment(ana.user_id());
    ana.put(&format!("/v3/user/{user}/account_data/org.example.note"), json!({ "a": 1 })).await.ok();
    let of_room = format!("/v3/user/{user}/rooms/{}/account_data/org.example.note", segment(&joined));
    ana.put(&of_room, json!({ "b": 2 })).await.ok();
    let data = root.get(&v1(ana.user_id(), "/accountdata")).await.ok()["account_data"].clone();
    assert_eq!(data["global"]["org.example.note"], json!({ "a": 1 }));
    assert_eq!(data["rooms"], json!({ joined: { "org.example.note": { "b": 2 } } }));

    for path in ["/_synapse/admin/v1/whois/", "/_matrix/client/v3/admin/whois/"] {
        let who = root.get(&format!("{path}{user}")).await.ok();
        assert_eq!(who["user_id"], ana.user_id());
        let connection = &who["devices"][ana.device_id()]["sessions"][0]["connections"][0];
        assert_eq!(connection["ip"], "127.0.0.1");
        assert!(connection["last_seen"].is_u64(), "{who}");
        assert_eq!(connection.get("user_agent"), None, "the client said none");
        root.get(&format!("{path}@nobody:localhost")).await.refused(404, "M_NOT_FOUND");
    }
    ana.get(&format!("/v3/admin/whois/{user}")).await.ok();
    ana.get(&format!("/v3/admin/whois/{}", segment(root.user_id()))).await.refused(403, "M_FORBIDDEN");

    let suspend = format!("/_synapse/admin/v1/suspend/{user}");
    let answer = root.put(&suspend, json!({ "suspend": true })).await.ok();
    assert_eq!(answer, json!({ "user_@ana:localhost_suspended": true }));
    assert_eq!(root.get(&v2(ana.user_id(), "")).await.ok()["suspended"], true);
    let free = |name: &str| format!("/_synapse/admin/v1/username_available?username={name}");
    assert_eq!(root.get(&free("zoe")).await.ok(), json!({ "available": true }));
    root.get(&free("ana")).await.refused(400, "M_USER_IN_USE");
    let version = root.nobody().get("/_synapse/admin/v1/server_version").await.ok();
    assert!(version["server_version"].as_str().unwrap().starts_with("IM2 "));
}

#[tokio::test]
async fn a_user_may_have_limits_of_their_own() {
    let setup = Setup::default().set("rate_limits.enabled", true).clock_at(1_700_000_000_000);
    let server = setup.start().await;
    let (root, ana) = (server.register_admin("root").await, server.register("ana").await);
    let room = ana.create_room(json!({})).await;
    let limit = v1(ana.user_id(), "/override_ratelimit");
    assert_eq!(root.get(&limit).await.ok(), json!({}));
    let tight = json!({ "messages_per_second": 2, "burst_count": 3 });
    assert_eq!(root.post(&limit, tight.clone()).await.ok(), tight);
    let sent = async |client: &Client, most: usize| {
        for number in 0..most {
            let path = format!("/v3/rooms/{}/send/m.room.message/{}", segment(&room), client.transaction());
            let answer = client.put(&path, json!({ "msgtype": "m.text", "body": "x" })).await;
            if answer.status != 200 {
                answer.refused(429, "M_LIMIT_EXCEEDED");
                return number;
            }
        }
        most
    };
    assert_eq!(sent(&ana, 10).await, 3);
    server.advance(500);
    assert_eq!(sent(&ana, 10).await, 1);

    let folder = server.stop().await;
    let setup = Setup::default().set("rate_limits.enabled", true).clock_at(1_700_000_100_000);
    let server = setup.start_in(folder).await;
    let root = server.anonymous().with_token(root.token());
    let again = server.anonymous().with_token(ana.token());
    assert_eq!(root.get(&limit).await.ok(), tight, "it outlives a restart");
    let none = json!({ "messages_per_second": 0, "burst_count": 0 });
    assert_eq!(root.post(&limit, none.clone()).await.ok(), none);
    assert_eq!(sent(&again, 250).await, 250);
    assert_eq!(root.delete(&limit, json!({})).await.ok(), json!({}));
    assert_eq!(root.get(&limit).await.ok(), json!({}));
    assert_eq!(sent(&again, 250).await, 200);
    root.post(&limit, json!({ "messages_per_second": -1 })).await.refused(400, "M_INVALID_PARAM");
    root.get(&v1("@nobody:localhost", "/override_ratelimit")).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn registration_tokens_are_managed() {
    let setup = Setup::default().set("registration.mode", "token").clock_at(1_700_000_000_000);
    let server = setup.start().await;
    server.engine().people.accounts.create_user("root", "correct horse", true).await.unwrap();
    let root = server.anonymous().log_in("root", "correct horse").await;
    let base = "/_synapse/admin/v1/registration_tokens";
    let list = async |query: &str| root.get(&format!("{base}{query}")).await.ok()["registration_tokens"].clone();
    let new = json!({ "token": "abcd", "uses_allowed": 1, "expiry_time": 1_700_000_010_000_u64 });
    let made = root.post(&format!("{base}/new"), new).await.ok();
    let shown = json!({
        "token": "abcd", "uses_allowed": 1, "pending": 0, "completed": 0, "expiry_time": 1_700_000_010_000_u64,
    });
    assert_eq!((&made, &root.get(&format!("{base}/abcd")).await.ok()), (&shown, &shown));
    let drawn = root.post(&format!("{base}/new"), json!({ "length": 24 })).await.ok();
    assert_eq!((drawn["token"].as_str().unwrap().len(), &drawn["uses_allowed"]), (24, &Value::Null));

    let register = async |name: &str| {
        let auth = json!({ "type": "m.login.registration_token", "token": "abcd" });
        root.nobody().post("/v3/register", json!({ "username": name, "password": "correct horse", "auth": auth })).await
    };
    register("ana").await.ok();
    register("ben").await.status_is(401);
    assert_eq!(list("?valid=false").await[0]["completed"], 1);
    assert_eq!(list("?valid=true").await, json!([drawn]));
    let changed = root.put(&format!("{base}/abcd"), json!({ "uses_allowed": null })).await.ok();
    assert_eq!((&changed["uses_allowed"], &changed["expiry_time"]), (&Value::Null, &shown["expiry_time"]));
    register("ben").await.ok();
    server.advance(10_000);
    register("cleo").await.status_is(401);
    root.put(&format!("{base}/abcd"), json!({ "expiry_time": null, "uses_allowed": 3 })).await.ok();
    register("cleo").await.ok();
    assert_eq!(root.delete(&format!("{base}/abcd"), json!({})).await.ok(), json!({}));
    register("dan").await.status_is(401);
    assert_eq!(list("").await, json!([drawn]));

    root.get(&format!("{base}/abcd")).await.refused(404, "M_NOT_FOUND");
    root.put(&format!("{base}/abcd"), json!({})).await.refused(404, "M_NOT_FOUND");
    root.delete(&format!("{base}/abcd"), json!({})).await.refused(404, "M_NOT_FOUND");
    for wrong in [
        json!({ "token": "not a token" }),
        json!({ "token": "" }),
        json!({ "token": drawn["token"] }),
        json!({ "uses_allowed": -1 }),
        json!({ "expiry_time": 1_600_000_000_000_u64 }),
        json!({ "length": 0 }),
        json!({ "length": 65 }),
    ] {
        root.post(&format!("{base}/new"), wrong).await.refused(400, "M_INVALID_PARAM");
    }
}

#[tokio::test]
async fn guests_are_listed_as_such() {
    let server = Setup::default().set("registration.guests", true).start().await;
    let root = server.register_admin("root").await;
    let guest = root.nobody().post("/v3/register?kind=guest", json!({})).await.ok();
    let of =
        |page: Value| page["users"].as_array().unwrap().iter().map(|user| user["is_guest"].clone()).collect::<Vec<_>>();
    let list = async |query: &str| of(root.get(&format!("/_synapse/admin/v2/users?{query}")).await.ok());
    assert_eq!(list("order_by=is_guest").await, [json!(false), json!(true)]);
    assert_eq!(list("order_by=is_guest&dir=b").await, [json!(true), json!(false)]);
    assert_eq!(list("guests=false").await, [json!(false)]);
    let shown = root.get(&v2(guest["user_id"].as_str().unwrap(), "")).await.ok();
    assert_eq!(shown["is_guest"], true);
}
