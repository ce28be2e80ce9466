//! Behaviour that clients and test suites expect of a homeserver beyond the specification.

use im2_testkit::{Client, Server, Setup, segment};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn endpoints_answer_under_the_names_they_had_before_releases() {
    let server = Setup::default().set("registration.guests", true).start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({})).await;
    ana.send_text(&room, "hello").await;
    let members = format!("rooms/{}/joined_members", segment(&room));
    for path in ["sync?timeout=0", "account/whoami", &members] {
        ana.get(&format!("/_matrix/client/r0/{path}")).await.ok();
        server.anonymous().get(&format!("/_matrix/client/r0/{path}")).await.refused(401, "M_MISSING_TOKEN");
    }
    for version in ["r0", "v1", "v3"] {
        ana.get(&format!("/_matrix/media/{version}/config")).await.ok();
    }
    let answer = server.anonymous().post("/_matrix/client/r0/register?kind=guest", json!({})).await.ok();
    let guest = server.anonymous().signed_in(&answer);
    guest.get("/_matrix/client/r0/account/whoami").await.ok();
    guest.post("/_matrix/client/r0/createRoom", json!({})).await.refused(403, "M_GUEST_ACCESS_FORBIDDEN");
    ana.get("/_matrix/client/r1/sync").await.refused(404, "M_UNRECOGNIZED");
}

#[tokio::test]
async fn the_frozen_downloads_serve_whoever_shows_a_token() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let upload = ana.request(Method::POST, "/_matrix/media/v3/upload").body("content");
    let uri = ana.send_request(upload.header("content-type", "text/plain")).await.ok();
    let path = uri["content_uri"].as_str().unwrap().strip_prefix("mxc://").unwrap().to_owned();
    for version in ["v3", "r0", "v1"] {
        for path in [
            format!("/_matrix/media/{version}/download/{path}"),
            format!("/_matrix/media/{version}/download/{path}/name"),
        ] {
            assert_eq!(ana.get(&path).await.bytes, b"content");
            server.anonymous().get(&path).await.refused(404, "M_NOT_FOUND");
            ana.with_token("wrong").get(&path).await.refused(401, "M_UNKNOWN_TOKEN");
        }
    }
    let thumbnail = format!("/_matrix/media/v3/thumbnail/{path}?width=32&height=32");
    server.anonymous().get(&thumbnail).await.refused(404, "M_NOT_FOUND");
    assert_ne!(ana.get(&thumbnail).await.status, 404);
    let promised = ana.post("/_matrix/media/v1/create", json!({})).await.ok();
    let path = promised["content_uri"].as_str().unwrap().strip_prefix("mxc://").unwrap().to_owned();
    let early = ana.get(&format!("/_matrix/media/v3/download/{path}?timeout_ms=0")).await;
    early.refused(504, "M_NOT_YET_UPLOADED");
}

async fn own_member_event(client: &Client, room: &str) -> Value {
    let path = format!("/v3/rooms/{}/state/m.room.member/{}", segment(room), segment(client.user_id()));
    client.get(&path).await.ok()
}

#[tokio::test]
async fn who_joins_may_say_more_in_the_member_event() {
    let server = Server::start().await;
    let (ana, ben, eve) = (server.register("ana").await, server.register("ben").await, server.register("eve").await);
    let room = ana.create_room(json!({ "preset": "public_chat", "room_alias_name": "here" })).await;
    let body = json!({
        "reason": "why not", "foo": "bar", "membership": "ban", "join_authorised_via_users_server": "@ana:localhost",
    });
    ben.post(&format!("/v3/rooms/{}/join", segment(&room)), body.clone()).await.ok();
    let expected = |name: &str| json!({ "membership": "join", "displayname": name, "reason": "why not", "foo": "bar" });
    assert_eq!(own_member_event(&ben, &room).await, expected("ben"));
    eve.post("/v3/join/%23here:localhost", body).await.ok();
    assert_eq!(own_member_event(&eve, &room).await, expected("eve"));
}

#[tokio::test]
async fn joined_members_have_a_name_and_a_picture_or_null() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    ana.delete("/v3/profile/@ana:localhost/displayname", json!({})).await.ok();
    let room = ana.create_room(json!({})).await;
    let path = format!("/v3/rooms/{}/joined_members", segment(&room));
    let nameless = json!({ "joined": { "@ana:localhost": { "display_name": null, "avatar_url": null } } });
    assert_eq!(ana.get(&path).await.ok(), nameless);
}

#[tokio::test]
async fn at_its_beginning_a_room_has_its_creator() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    let beginning = ana.sync(None).await["rooms"]["join"][&room]["timeline"]["prev_batch"].clone();
    ben.join(&room).await;
    let at = segment(beginning.as_str().unwrap());
    let members = ana.get(&format!("/v3/rooms/{}/members?at={at}", segment(&room))).await.ok();
    let members = members["chunk"].as_array().unwrap();
    assert_eq!(members.iter().map(|event| &event["state_key"]).collect::<Vec<_>>(), ["@ana:localhost"]);
}

#[tokio::test]
async fn a_page_that_a_filter_made_short_may_be_followed_by_an_empty_one() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({})).await;
    ana.send_text(&room, "hello").await;
    let path = format!("/v3/rooms/{}/messages?dir=b&limit=50", segment(&room));
    assert_eq!(ana.get(&path).await.ok().get("end"), None);
    let filtered = format!("{path}&filter={}", segment(r#"{"types":["m.room.message"]}"#));
    let page = ana.get(&filtered).await.ok();
    assert_eq!(page["chunk"].as_array().unwrap().len(), 1);
    let next = ana.get(&format!("{filtered}&from={}", page["end"].as_str().unwrap())).await.ok();
    assert_eq!((&next["chunk"], next.get("end")), (&json!([]), None));

    // Forward there may always be more.
    let path = format!("/v3/rooms/{}/messages?dir=f&limit=50", segment(&room));
    let end = ana.get(&path).await.ok()["end"].as_str().unwrap().to_owned();
    let next = ana.get(&format!("{path}&from={end}")).await.ok();
    assert_eq!((&next["chunk"], next.get("end")), (&json!([]), None));
    ana.send_text(&room, "and goodbye").await;
    let next = ana.get(&format!("{path}&from={end}")).await.ok();
    assert_eq!(next["chunk"][0]["content"]["body"], "and goodbye");
}

#[tokio::test]
async fn push_rules_keep_actions_that_are_no_longer_heeded() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let path = "/v3/pushrules/global/sender/@ben:localhost";
    ana.put(path, json!({ "actions": ["dont_notify"] })).await.ok();
    assert_eq!(ana.get(path).await.ok()["actions"], json!(["dont_notify"]));
    ana.put(&format!("{path}/actions"), json!({ "actions": ["coalesce", "notify"] })).await.ok();
    assert_eq!(ana.get(&format!("{path}/actions")).await.ok()["actions"], json!(["coalesce", "notify"]));
    assert_eq!(ana.get("/v3/pushrules/global/sender/").await.ok()[0]["rule_id"], "@ben:localhost");
    ana.get("/v3/pushrules/global/nothing/").await.refused(400, "M_INVALID_PARAM");
    ana.put(path, json!({ "actions": ["shout"] })).await.refused(400, "M_INVALID_PARAM");
    // A kind of a proposal: clients ask whether the server has it.
    ana.get("/v3/pushrules/global/postcontent/.some.rule").await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn the_operator_decides_on_room_versions_and_passwords() {
    let setup = Setup::default().set("rooms.default_version", "11").set("registration.min_password_length", 4);
    let server = setup.start().await;
    let body = |password| json!({ "username": "ana", "password": password, "auth": { "type": "m.login.dummy" } });
    server.anonymous().post("/v3/register", body("123")).await.refused(400, "M_WEAK_PASSWORD");
    let ana = server.anonymous().signed_in(&server.anonymous().post("/v3/register", body("tea!")).await.ok());
    let capabilities = ana.get("/v3/capabilities").await.ok();
    assert_eq!(capabilities["capabilities"]["m.room_versions"]["default"], "11");
    let room = ana.create_room(json!({})).await;
    let create = ana.get(&format!("/v3/rooms/{}/state/m.room.create/", segment(&room))).await.ok();
    assert_eq!(create["room_version"], "11");
    let levels = ana.get(&format!("/v3/rooms/{}/state/m.room.power_levels/", segment(&room))).await.ok();
    assert_eq!(levels["users"], json!({ "@ana:localhost": 100 }));
}

#[tokio::test]
async fn drafts_that_clients_still_use_are_announced_and_there() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let versions = server.anonymous().get("/_matrix/client/versions").await.ok();
    let features = versions["unstable_features"].as_object().unwrap();
    for feature in ["org.matrix.e2e_cross_signing", "org.matrix.msc3266", "org.matrix.msc3827.stable"] {
        assert_eq!(features[feature], true, "{feature}");
    }

    // Room summaries, by both names that they had.
    let room = ana.create_room(json!({ "name": "Garden", "room_alias_name": "garden" })).await;
    ana.set_state(&room, "m.room.encryption", "", json!({ "algorithm": "m.megolm.v1.aes-sha2" })).await;
    for path in ["summary/%23garden:localhost".to_owned(), format!("rooms/{}/summary", segment(&room))] {
        let summary = ana.get(&format!("/_matrix/client/unstable/im.nheko.summary/{path}")).await.ok();
        assert_eq!((&summary["room_id"], &summary["name"]), (&json!(room), &json!("Garden")), "{summary}");
        assert_eq!(summary["im.nheko.summary.room_version"], summary["room_version"]);
        assert_eq!(summary["im.nheko.summary.encryption"], "m.megolm.v1.aes-sha2");
    }

    // Profile fields.
    assert_eq!(features["uk.tcpip.msc4133"], true);
    let profile = format!("/_matrix/client/unstable/uk.tcpip.msc4133/profile/{}", segment(ana.user_id()));
    ana.put(&format!("{profile}/org.example.colour"), json!({ "org.example.colour": "green" })).await.ok();
    assert_eq!(ana.get(&profile).await.ok()["org.example.colour"], "green");
    ana.delete(&format!("{profile}/org.example.colour"), json!({})).await.ok();
    ana.get(&format!("{profile}/org.example.colour")).await.refused(404, "M_NOT_FOUND");

    // What is not there is not recognized, which is how clients find that out.
    for path in ["org.matrix.msc2965/auth_metadata", "org.matrix.msc4143/rtc/transports"] {
        ana.get(&format!("/_matrix/client/unstable/{path}")).await.refused(404, "M_UNRECOGNIZED");
    }
    server.anonymous().get("/v1/auth_metadata").await.refused(404, "M_UNRECOGNIZED");
}

#[tokio::test]
async fn state_after_the_timeline_has_the_name_that_was_asked_for() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({ "name": "Garden" })).await;
    let since = ana.sync(None).await["next_batch"].as_str().unwrap().to_owned();
    ana.set_state(&room, "m.room.name", "", json!({ "name": "Park" })).await;
    let names = ["state", "state_after", "org.matrix.msc4222.state_after"];
    for path in ["/v3/sync?timeout=0".to_owned(), format!("/v3/sync?timeout=0&since={since}")] {
        let joined = ana.get(&path).await.ok()["rooms"]["join"][&room].clone();
        assert!(names.iter().all(|name| joined.get(name).is_none()), "the timeline says it all: {joined}");
        for (name, ask) in [(names[1], "use_state_after"), (names[2], "org.matrix.msc4222.use_state_after")] {
            let joined = ana.get(&format!("{path}&{ask}=true")).await.ok()["rooms"]["join"][&room].clone();
            let given: Vec<_> = names.into_iter().filter(|name| joined.get(name).is_some()).collect();
            assert_eq!(given, [name], "{joined}");
            let state = joined[name]["events"].as_array().unwrap();
            let told: Vec<_> = state.iter().filter(|event| event["type"] == "m.room.name").collect();
            assert_eq!((told.len(), &told[0]["content"]["name"]), (1, &json!("Park")), "{joined}");
        }
    }
}

#[tokio::test]
async fn state_after_the_timeline_has_the_own_leaving() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    let mut since = ben.sync(None).await["next_batch"].as_str().unwrap().to_owned();
    for (act, expected) in [("ban", "ban"), ("unban", "leave"), ("invite", "invite"), ("kick", "leave")] {
        ana.post(&format!("/v3/rooms/{}/{act}", segment(&room)), json!({ "user_id": ben.user_id() })).await.ok();
        let answer = ben.get(&format!("/v3/sync?timeout=0&use_state_after=true&since={since}")).await.ok();
        since = answer["next_batch"].as_str().unwrap().to_owned();
        if act == "invite" {
            assert!(answer["rooms"]["invite"][&room].is_object(), "{answer}");
            continue;
        }
        let left = &answer["rooms"]["leave"][&room];
        let told = left["state_after"]["events"].as_array().unwrap();
        let memberships: Vec<_> =
            told.iter().map(|event| (&event["state_key"], &event["content"]["membership"])).collect();
        assert_eq!(memberships, [(&json!(ben.user_id()), &json!(expected))], "{act}: {left}");
    }
}
