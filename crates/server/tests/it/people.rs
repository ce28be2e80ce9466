//! Profiles, presence and finding people.

use im2_testkit::{Client, Server, Setup, segment, until};
use serde_json::{Value, json};

/// The users that a search finds, in order.
async fn search(client: &Client, term: &str) -> Vec<String> {
    let body = json!({ "search_term": term });
    let answer = client.post("/v3/user_directory/search", body).await.ok();
    let user = |found: &Value| {
        found["user_id"].as_str().expect("a result names a user").trim_end_matches(":localhost").to_owned()
    };
    answer["results"].as_array().expect("results").iter().map(user).collect()
}

async fn set_profile(client: &Client, field: &str, value: Value) -> im2_testkit::Answer {
    let path = format!("/v3/profile/{}/{field}", segment(client.user_id()));
    client.put(&path, json!({ field: value })).await
}

async fn member_event(reader: &Client, room: &str, of: &Client) -> Value {
    let path = format!("/v3/rooms/{}/state/m.room.member/{}", segment(room), segment(of.user_id()));
    reader.get(&path).await.ok()
}

#[tokio::test]
async fn a_profile_has_the_fields_that_its_owner_gives_it() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let nobody = server.anonymous();
    assert_eq!(nobody.get("/v3/profile/@ana:localhost").await.ok(), json!({ "displayname": "ana" }));
    nobody.get("/v3/profile/@ana:localhost/avatar_url").await.refused(404, "M_NOT_FOUND");
    nobody.get("/v3/profile/@eve:localhost").await.refused(404, "M_NOT_FOUND");
    nobody.get("/v3/profile/ana").await.refused(400, "M_INVALID_PARAM");
    set_profile(&ana, "displayname", json!("Ana 安娜")).await.ok();
    set_profile(&ana, "avatar_url", json!("https://example.org/whatever.png")).await.ok();
    set_profile(&ana, "avatar_url", json!("mxc://localhost/ana")).await.ok();
    set_profile(&ana, "m.tz", json!("Asia/Shanghai")).await.ok();
    set_profile(&ana, "org.example.pets", json!({ "cat": ["Mimi", null] })).await.ok();
    set_profile(&ana, "org.example.nothing", Value::Null).await.ok();
    let profile = json!({
        "displayname": "Ana 安娜", "avatar_url": "mxc://localhost/ana", "m.tz": "Asia/Shanghai",
        "org.example.pets": { "cat": ["Mimi", null] }, "org.example.nothing": null,
    });
    assert_eq!(nobody.get("/v3/profile/@ana:localhost").await.ok(), profile);
    let pets = nobody.get("/v3/profile/@ana:localhost/org.example.pets").await.ok();
    assert_eq!(pets, json!({ "org.example.pets": { "cat": ["Mimi", null] } }));
    ana.delete("/v3/profile/@ana:localhost/org.example.pets", json!({})).await.ok();
    ana.delete("/v3/profile/@ana:localhost/org.example.pets", json!({})).await.ok();
    nobody.get("/v3/profile/@ana:localhost/org.example.pets").await.refused(404, "M_NOT_FOUND");
    set_profile(&ana, "avatar_url", json!("")).await.ok();
    nobody.get("/v3/profile/@ana:localhost/avatar_url").await.refused(404, "M_NOT_FOUND");
    let path = "/v3/profile/@ana:localhost/displayname";
    ben.put(path, json!({ "displayname": "Eve" })).await.refused(403, "M_FORBIDDEN");
    ben.delete(path, json!({})).await.refused(403, "M_FORBIDDEN");
    nobody.put(path, json!({ "displayname": "Eve" })).await.refused(401, "M_MISSING_TOKEN");
}

#[tokio::test]
async fn a_profile_keeps_to_its_limits() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let path = "/v3/profile/@ana:localhost/displayname";
    ana.put(path, json!({ "name": "Ana" })).await.refused(400, "M_MISSING_PARAM");
    ana.put(path, json!(["displayname"])).await.refused(400, "M_BAD_JSON");
    set_profile(&ana, "displayname", json!(7)).await.refused(400, "M_INVALID_PARAM");
    set_profile(&ana, "displayname", json!("x".repeat(257))).await.refused(400, "M_INVALID_PARAM");
    set_profile(&ana, "avatar_url", json!("x".repeat(1_001))).await.refused(400, "M_INVALID_PARAM");
    set_profile(&ana, "m.tz", json!({})).await.refused(400, "M_INVALID_PARAM");
    set_profile(&ana, &"a".repeat(256), json!(1)).await.refused(400, "M_KEY_TOO_LARGE");
    set_profile(&ana, &"a".repeat(255), json!(1)).await.ok();
    for name in ["Upper", "1st", "with space", "名"] {
        let path = format!("/v3/profile/@ana:localhost/{}", segment(name));
        ana.put(&path, json!({ name: 1 })).await.refused(400, "M_INVALID_PARAM");
    }
    set_profile(&ana, "org.example.big", json!("x".repeat(40_000))).await.ok();
    set_profile(&ana, "org.example.more", json!("x".repeat(30_000))).await.refused(400, "M_PROFILE_TOO_LARGE");
    set_profile(&ana, "org.example.big", json!("x".repeat(66_000))).await.refused(400, "M_PROFILE_TOO_LARGE");
    let kept = ana.get("/v3/profile/@ana:localhost/org.example.big").await.ok();
    assert_eq!(kept["org.example.big"].as_str().unwrap().len(), 40_000);
    ana.get("/v3/profile/@ana:localhost/org.example.more").await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn a_new_name_reaches_the_rooms() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    let left = ben.create_room(json!({})).await;
    ben.leave(&left).await;
    set_profile(&ben, "displayname", json!("Benjamin")).await.ok();
    set_profile(&ben, "avatar_url", json!("mxc://localhost/ben")).await.ok();
    let expected = json!({ "membership": "join", "displayname": "Benjamin", "avatar_url": "mxc://localhost/ben" });
    until("the new profile is in the room", async || member_event(&ana, &room, &ben).await == expected).await;
    set_profile(&ben, "displayname", json!("")).await.ok();
    let expected = json!({ "membership": "join", "avatar_url": "mxc://localhost/ben" });
    until("the new profile is in the room", async || member_event(&ana, &room, &ben).await == expected).await;
    assert_eq!(member_event(&ben, &left, &ben).await["membership"], "leave");
}

#[tokio::test]
async fn who_deactivates_leaves_all_rooms() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let joined = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&joined).await;
    let invited = ana.create_room(json!({ "invite": [ben.user_id()] })).await;
    set_profile(&ben, "displayname", json!("Benjamin")).await.ok();
    assert_eq!(search(&ana, "benj").await, ["@ben"]);
    let auth = json!({ "type": "m.login.password", "user": "ben", "password": "password of ben" });
    ben.post("/v3/account/deactivate", json!({ "auth": auth, "erase": true })).await.ok();
    for room in [&joined, &invited] {
        until("Ben has left", async || member_event(&ana, room, &ben).await["membership"] == "leave").await;
    }
    assert_eq!(search(&ana, "ben").await, [""; 0]);
    assert_eq!(ana.get("/v3/profile/@ben:localhost").await.ok(), json!({}));
}

#[tokio::test]
async fn people_who_share_a_room_find_each_other_by_any_part_of_their_names() {
    let server = Server::start().await;
    let names = [
        ("wang", "王小明"),
        ("xiaoming2", "小明"),
        ("maria", "María José Łukasz"),
        ("kim", "김철수"),
        ("obrien", "Conan O'Brien"),
    ];
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({ "preset": "private_chat" })).await;
    for (user, name) in names {
        let client = server.register(user).await;
        set_profile(&client, "displayname", json!(name)).await.ok();
        ana.invite(&room, client.user_id()).await;
        client.join(&room).await;
    }
    for (term, expected) in [
        ("明", vec!["@xiaoming2", "@wang"]),
        ("小明", vec!["@xiaoming2", "@wang"]),
        ("王小", vec!["@wang"]),
        ("철수", vec!["@kim"]),
        ("jose", vec!["@maria"]),
        ("JOSÉ MAR", vec!["@maria"]),
        ("lukasz", vec!["@maria"]),
        ("ari", vec!["@maria"]),
        ("brien", vec!["@obrien"]),
        ("o'brien", vec!["@obrien"]),
        ("@xiao", vec!["@xiaoming2", "@wang"]),
        ("@kim:localhost", vec!["@kim"]),
        ("王明", vec![]),
        ("\" OR x*", vec![]),
        ("", vec![]),
        ("  ", vec![]),
    ] {
        assert_eq!(search(&ana, term).await, expected, "{term}");
    }
    let found = ana.post("/v3/user_directory/search", json!({ "search_term": "王小明" })).await.ok();
    let expected = json!([{ "user_id": "@wang:localhost", "display_name": "王小明" }]);
    assert_eq!((&found["results"], &found["limited"]), (&expected, &json!(false)));
    let one = ana.post("/v3/user_directory/search", json!({ "search_term": "明", "limit": 1 })).await.ok();
    assert_eq!((one["results"].as_array().unwrap().len(), &one["limited"]), (1, &json!(true)));
    ana.post("/v3/user_directory/search", json!({})).await.refused(400, "M_BAD_JSON");
}

#[tokio::test]
async fn strangers_are_found_by_their_whole_user_name_only() {
    let server = Server::start().await;
    let (ana, ben, eve) = (server.register("ana").await, server.register("ben").await, server.register("eve").await);
    set_profile(&ben, "displayname", json!("Benjamin")).await.ok();
    for (term, expected) in [
        ("benj", vec![]),
        ("Benjamin", vec![]),
        ("be", vec![]),
        ("Ben", vec!["@ben"]),
        ("@ben:localhost", vec!["@ben"]),
    ] {
        assert_eq!(search(&eve, term).await, expected, "{term}");
    }
    // What is public makes its members visible to all, and only them.
    let room = ben.create_room(json!({ "preset": "private_chat" })).await;
    assert_eq!(search(&eve, "benj").await, [""; 0]);
    ana.create_room(json!({ "preset": "public_chat" })).await;
    assert_eq!(search(&eve, "an").await, ["@ana"]);
    ben.set_state(&room, "m.room.history_visibility", "", json!({ "history_visibility": "world_readable" })).await;
    assert_eq!(search(&eve, "benj").await, ["@ben"]);
    ben.set_state(&room, "m.room.history_visibility", "", json!({ "history_visibility": "shared" })).await;
    assert_eq!(search(&eve, "benj").await, [""; 0]);
}

#[tokio::test]
async fn people_are_found_by_pinyin_and_in_either_kana() {
    let server = Setup::default().set("user_directory.everyone", true).start().await;
    let ana = server.register("ana").await;
    let names: &[(&str, &[&str])] = &[
        ("张伟", &["zhangwei", "zhang wei", "zw", "zhangw", "zwei", "zhw", "Zhang W", "伟", "wei"]),
        ("曾国藩", &["zengguofan", "cengguofan", "zgf", "cgf", "guofan", "曾"]),
        ("王 小明", &["wangxiaoming", "wxm", "wang xiao ming", "xiaoming", "wangxm"]),
        ("吕布", &["lvbu", "lubu", "lb"]),
        ("タナカさくら", &["たなか", "ﾀﾅｶ", "タナカ", "サクラ", "たなかさくら"]),
        ("ＦＵＬＬ幅", &["full"]),
    ];
    for (number, (name, _)) in names.iter().enumerate() {
        let user = server.register(&format!("u{number}")).await;
        set_profile(&user, "displayname", json!(name)).await.ok();
    }
    for (number, (name, terms)) in names.iter().enumerate() {
        for term in *terms {
            assert_eq!(search(&ana, term).await, [format!("@u{number}")], "{term} for {name}");
        }
    }
    for term in ["weizhang", "wz", "zhangwu", "mxw"] {
        assert!(search(&ana, term).await.is_empty(), "{term}");
    }
}

#[tokio::test]
async fn a_directory_of_everyone_has_everyone() {
    let server = Setup::default().set("user_directory.everyone", true).start().await;
    let (ben, eve) = (server.register("ben").await, server.register("eve").await);
    set_profile(&ben, "displayname", json!("Benjamin 本")).await.ok();
    for term in ["benj", "jam", "本", "be"] {
        assert_eq!(search(&eve, term).await, ["@ben"], "{term}");
    }
}

#[tokio::test]
async fn presence_is_for_those_who_share_a_room() {
    let server = Setup::default().clock_at(1_700_000_000_000).start().await;
    let (ana, ben, eve) = (server.register("ana").await, server.register("ben").await, server.register("eve").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    let path = "/v3/presence/@ana:localhost/status";
    assert_eq!(ana.get(path).await.ok()["presence"], "offline");
    ana.put(path, json!({ "presence": "online", "status_msg": "开会" })).await.ok();
    let expected = json!({ "presence": "online", "status_msg": "开会", "currently_active": true, "last_active_ago": 0,
        "displayname": "ana" });
    assert_eq!(ben.get(path).await.ok(), expected);
    server.advance(20_000);
    assert_eq!(ben.get(path).await.ok()["last_active_ago"], 20_000);
    server.advance(10_000);
    server.engine().chat.presence.tick();
    let expected =
        json!({ "presence": "offline", "status_msg": "开会", "last_active_ago": 30_000, "displayname": "ana" });
    assert_eq!(ben.get(path).await.ok(), expected);
    eve.get(path).await.refused(403, "M_FORBIDDEN");
    eve.get("/v3/presence/@nobody:localhost/status").await.refused(403, "M_FORBIDDEN");
    ben.put(path, json!({ "presence": "online" })).await.refused(403, "M_FORBIDDEN");
    ana.put(path, json!({ "presence": "asleep" })).await.refused(400, "M_BAD_JSON");
    ana.put(path, json!({})).await.refused(400, "M_BAD_JSON");
    ana.put(path, json!({ "presence": "online", "status_msg": "x".repeat(1_001) }))
        .await
        .refused(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn after_a_restart_who_was_online_is_told_offline_and_the_status_message_stays() {
    let now = 1_700_000_000_000;
    let server = Setup::default().clock_at(now).start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    ana.put("/v3/presence/@ana:localhost/status", json!({ "presence": "online", "status_msg": "here" })).await.ok();
    let session = server.engine().people.accounts.authenticate(ben.token()).await.unwrap();
    let reached = server.engine().core.ephemeral.reached();
    let folder = server.stop().await;
    let server = Setup::default().clock_at(now + 60_000).start_in(folder).await;
    let engine = server.engine();
    let news = engine.chat.presence.news(session.user, Some(reached), engine.core.ephemeral.reached()).await.unwrap();
    let told: Vec<_> = news.iter().map(|event| (event.sender.localpart(), json!(event.content))).collect();
    let expected = json!({ "presence": "offline", "status_msg": "here", "last_active_ago": 60_000 });
    assert_eq!(told, [("ana", expected)]);
}

/// Follows `client`'s syncs until one tells the presence of `of`, as wanted.
async fn until_presence(client: &Client, since: &mut String, of: &str, wanted: &Value) {
    let is_wanted = |event: &Value| {
        let content = event["content"].as_object().expect("content");
        let wanted = wanted.as_object().expect("an object");
        event["sender"] == *of && wanted.iter().all(|(key, value)| content.get(key) == Some(value))
    };
    let is_told = async || {
        let news = client.sync_wait(since, 10_000).await;
        news["next_batch"].as_str().expect("a token").clone_into(since);
        news["presence"]["events"].as_array().is_some_and(|events| events.iter().any(is_wanted))
    };
    until("the presence is told", is_told).await;
}

#[tokio::test]
async fn those_who_wait_hear_of_presence() {
    let server = Setup::default().clock_at(1_700_000_000_000).start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    let mut since = ben.sync(None).await["next_batch"].as_str().unwrap().to_owned();
    let status = json!({ "presence": "online", "status_msg": "back soon" });
    let set = ana.put("/v3/presence/@ana:localhost/status", status.clone());
    let (answer, ()) = tokio::join!(set, until_presence(&ben, &mut since, "@ana:localhost", &status));
    answer.ok();
    let idle = ana.get("/v3/sync?timeout=0&set_presence=unavailable");
    let wanted = json!({ "presence": "unavailable" });
    let (answer, ()) = tokio::join!(idle, until_presence(&ben, &mut since, "@ana:localhost", &wanted));
    answer.ok();
    // Whoever does something is not idle.
    let wanted = json!({ "presence": "online", "currently_active": true });
    tokio::join!(ana.send_text(&room, "hello"), until_presence(&ben, &mut since, "@ana:localhost", &wanted));
    server.advance(60_000);
    until_presence(&ben, &mut since, "@ana:localhost", &json!({ "presence": "offline" })).await;
}
