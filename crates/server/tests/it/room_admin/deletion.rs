//! Deleting rooms and history: nothing is left, everybody is told, and a crash does not stop it.

use im2_testkit::{Binary, Client, Server, segment, until};
use serde_json::{Value, json};

use super::{admin, furnish, number, of, uploaded};

fn delete_v2(room: &str) -> String {
    admin(&format!("v2/rooms/{}", segment(room)))
}

/// The status of a deletion once it has ended.
async fn ended(root: &Client, id: &Value) -> Value {
    let path = admin(&format!("v2/rooms/delete_status/{}", id.as_str().unwrap()));
    ended_at(root, &path).await
}

async fn ended_at(root: &Client, path: &str) -> Value {
    let mut status = Value::Null;
    let has_ended = async || {
        status = root.get(path).await.ok();
        matches!(status["status"].as_str(), Some("complete" | "failed"))
    };
    until("the deletion ends", has_ended).await;
    status
}

#[tokio::test]
async fn a_purge_leaves_nothing_behind() {
    let server = Server::start().await;
    let (root, ana, ben) =
        (server.register_admin("root").await, server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat", "room_alias_name": "doomed", "name": "Doomed" })).await;
    ben.join(&room).await;
    furnish(&ana, &ben, &room).await;
    let nid = number(&server, &room).await;
    let store = &server.engine().core.store;
    let before = store.read(move |db| db.rows_of_room(nid)).await.unwrap();
    let tables: Vec<&str> = before.iter().map(|(table, _)| table.as_str()).collect();
    for expected in [
        "account_data",
        "aliases",
        "current_state",
        "events",
        "media_references",
        "memberships",
        "open_rooms",
        "published_rooms",
        "receipts",
        "relations",
        "reports",
        "rooms",
        "state_history",
        "transactions",
    ] {
        assert!(tables.contains(&expected), "the room has nothing in {expected}: {tables:?}");
    }

    let deleted = root.delete(&of(&room, ""), json!({})).await.ok();
    let mut kicked: Vec<&str> =
        deleted["kicked_users"].as_array().unwrap().iter().map(|user| user.as_str().unwrap()).collect();
    kicked.sort_unstable();
    assert_eq!(kicked, [ana.user_id(), ben.user_id()]);
    assert_eq!((&deleted["failed_to_kick_users"], &deleted["new_room_id"]), (&json!([]), &json!(null)));
    assert_eq!(store.read(move |db| db.rows_of_room(nid)).await.unwrap(), []);

    for client in [&root, &ana] {
        client.get(&of(&room, "")).await;
        let path = format!("/v3/rooms/{}/messages?dir=b", segment(&room));
        client.get(&path).await.refused(403, "M_FORBIDDEN");
    }
    root.get(&of(&room, "")).await.refused(404, "M_NOT_FOUND");
    ben.get("/v3/directory/room/%23doomed%3Alocalhost").await.refused(404, "M_NOT_FOUND");
    assert_eq!(ben.get("/v3/publicRooms").await.ok()["chunk"], json!([]));
    let fresh = ben.sync(None).await;
    assert!(!fresh.to_string().contains(&room), "{fresh}");
    let again = ana.create_room(json!({ "room_alias_name": "doomed" })).await;
    assert!(number(&server, &again).await > nid, "numbers are not used again");
    root.delete(&of(&room, ""), json!({})).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn clients_learn_of_a_purge_also_after_it() {
    let server = Server::start().await;
    let (root, ana, ben) =
        (server.register_admin("root").await, server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "invite": [ben.user_id()] })).await;
    let kept = ana.create_room(json!({})).await;
    let since = ana.sync(None).await["next_batch"].as_str().unwrap().to_owned();
    let invited = ben.sync(None).await;
    assert!(invited["rooms"]["invite"][&room].is_object());
    let waiting = tokio::spawn({
        let (ana, since) = (ana.clone(), since.clone());
        async move { ana.sync_wait(&since, 30_000).await }
    });
    root.delete(&of(&room, ""), json!({})).await.ok();
    let mut news = waiting.await.unwrap();
    for _ in 0..100 {
        if news["rooms"]["leave"][&room].is_object() {
            break;
        }
        news = ana.sync_wait(news["next_batch"].as_str().unwrap(), 1_000).await;
    }
    let check = |news: &Value, who: &str| {
        let events = news["rooms"]["leave"][&room]["timeline"]["events"].as_array();
        let left = events.is_some_and(|events| {
            let own = |event: &&Value| event["state_key"] == who && event["type"] == "m.room.member";
            events.iter().rfind(own).is_some_and(|event| event["content"]["membership"] == "leave")
        });
        assert!(left, "{who}: {news}");
        assert!(news["rooms"]["join"][&room].is_null() && news["rooms"]["invite"][&room].is_null(), "{news}");
    };
    check(&news, ana.user_id());
    check(&ana.sync(Some(&since)).await, ana.user_id());
    check(&ben.sync(invited["next_batch"].as_str()).await, ben.user_id());

    // Whoever was away while the server was started again is told from the database.
    let folder = server.stop().await;
    let server = im2_testkit::Setup::default().start_in(folder).await;
    let ana = server.anonymous().with_token(ana.token());
    let news = ana.sync(Some(&since)).await;
    check(&news, "@ana:localhost");
    let later = ana.sync(news["next_batch"].as_str()).await;
    assert!(later["rooms"]["leave"].is_null(), "once: {later}");
    assert!(ana.sync(None).await["rooms"]["join"][&kept].is_object());
}

#[tokio::test]
async fn users_and_aliases_move_to_the_new_room() {
    let server = Server::start().await;
    let (root, ana, ben) =
        (server.register_admin("root").await, server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "room_alias_name": "bad", "invite": [ben.user_id()] })).await;
    ben.join(&room).await;
    let nid = number(&server, &room).await;
    let request = json!({
        "new_room_user_id": root.user_id(), "room_name": "Closed", "message": "Read the rules.", "block": true,
    });
    let begun = root.delete(&delete_v2(&room), request).await.ok();
    let status = ended(&root, &begun["delete_id"]).await;
    assert_eq!((&status["status"], &status["room_id"]), (&json!("complete"), &json!(room)), "{status}");
    let shutdown = &status["shutdown_room"];
    assert_eq!(shutdown["local_aliases"], json!(["#bad:localhost"]));
    assert_eq!(shutdown["kicked_users"].as_array().unwrap().len(), 2, "{status}");
    let new = shutdown["new_room_id"].as_str().unwrap();
    let alias = ana.get("/v3/directory/room/%23bad%3Alocalhost").await.ok();
    assert_eq!(alias["room_id"], new);
    let synced = ben.sync(None).await;
    let timeline = synced["rooms"]["join"][new]["timeline"].to_string();
    assert!(timeline.contains("Read the rules."), "{synced}");
    let send = format!("/v3/rooms/{}/send/m.room.message/1", segment(new));
    ben.put(&send, json!({ "msgtype": "m.text", "body": "why?" })).await.refused(403, "M_FORBIDDEN");

    let list = root.get(&format!("{}/delete_status", delete_v2(&room))).await.ok();
    assert_eq!(list["results"][0]["delete_id"], begun["delete_id"]);
    assert_eq!(root.get(&of(&room, "/block")).await.ok()["block"], true);
    assert_eq!(server.engine().core.store.read(move |db| db.rows_of_room(nid)).await.unwrap(), []);
    let tasks = root.get(&admin("v1/scheduled_tasks?action_name=delete_room")).await.ok();
    assert_eq!(tasks["scheduled_tasks"][0]["status"], "complete");
    root.get(&admin("v2/rooms/delete_status/unknown")).await.refused(404, "M_NOT_FOUND");
    root.get(&format!("{}/delete_status", delete_v2("!x:localhost"))).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn without_purge_the_history_stays() {
    let server = Server::start().await;
    let (root, ana) = (server.register_admin("root").await, server.register("ana").await);
    let room = ana.create_room(json!({})).await;
    let said = ana.send_text(&room, "evidence").await;
    root.delete(&of(&room, ""), json!({ "purge": false })).await.ok();
    assert_eq!(root.get(&of(&room, "")).await.ok()["joined_members"], 0);
    root.get(&of(&room, &format!("/context/{said}"))).await.ok();
    let foreign = json!({ "new_room_user_id": "@eve:elsewhere.org" });
    root.delete(&of(&room, ""), foreign).await.refused(400, "M_INVALID_PARAM");
    let elsewhere = root.delete(&of("!unknown:example.org", ""), json!({ "block": true })).await.ok();
    assert_eq!(elsewhere["kicked_users"], json!([]));
    assert_eq!(root.get(&of("!unknown:example.org", "/block")).await.ok()["block"], true);
}

#[tokio::test]
async fn older_messages_are_purged_and_state_stays() {
    let server = Server::start().await;
    let (root, ana) = (server.register_admin("root").await, server.register("ana").await);
    let room = ana.create_room(json!({ "name": "Long" })).await;
    let uri = uploaded(&ana, "old file").await;
    let old = ana.send(&room, "m.room.message", json!({ "msgtype": "m.file", "body": "old", "url": uri })).await;
    ana.set_state(&room, "m.room.topic", "", json!({ "topic": "kept" })).await;
    ana.send_text(&room, "older").await;
    let first_kept = ana.send_text(&room, "kept").await;
    ana.send_text(&room, "newest").await;
    let purge = async |body: Value| {
        let path = admin(&format!("v1/purge_history/{}", segment(&room)));
        let begun = root.post(&path, body).await.ok();
        let id = begun["purge_id"].as_str().unwrap();
        ended_at(&root, &admin(&format!("v1/purge_history_status/{id}"))).await
    };
    let all = async || {
        let path = format!("/v3/rooms/{}/messages?dir=b&limit=100", segment(&room));
        let page = ana.get(&path).await.ok();
        page["chunk"].as_array().unwrap().iter().map(|event| event["event_id"].clone()).collect::<Vec<_>>()
    };
    let before = all().await;
    let nid = number(&server, &room).await;
    let kept = async || {
        let rows = server.engine().core.store.read(move |db| db.rows_of_room(nid)).await.unwrap();
        rows.iter().find(|(table, _)| table == "kept_events").map_or(0, |(_, count)| *count)
    };
    assert_eq!(purge(json!({ "purge_up_to_event_id": first_kept })).await, json!({ "status": "complete" }));
    assert_eq!(all().await.len(), before.len() - 2, "the messages are gone from view");
    assert_eq!(kept().await, 2, "what local users sent stays on disk");
    let found = ana.post("/v3/search", json!({ "search_categories": { "room_events": { "search_term": "older" } } }));
    assert_eq!(found.await.ok()["search_categories"]["room_events"]["count"], 0);
    let request = json!({ "purge_up_to_event_id": first_kept, "delete_local_events": true });
    assert_eq!(purge(request).await, json!({ "status": "complete" }));
    assert_eq!(kept().await, 0, "unless it is asked for");
    assert_eq!(all().await.len(), before.len() - 2);
    let event = format!("/v3/rooms/{}/event/{old}", segment(&room));
    ana.get(&event).await.refused(404, "M_NOT_FOUND");
    let media = server.engine().core.store.read(move |db| db.media_in_room(nid, 10)).await.unwrap();
    assert!(media.is_empty(), "{media:?}");
    let topic = ana.get(&format!("/v3/rooms/{}/state/m.room.topic", segment(&room))).await.ok();
    assert_eq!(topic["topic"], "kept");
    ana.send_text(&room, "and on").await;
    let bodies = ana.sync(None).await["rooms"]["join"][&room]["timeline"].to_string();
    assert!(bodies.contains("kept") && bodies.contains("and on") && !bodies.contains("older"), "{bodies}");

    let path = admin(&format!("v1/purge_history/{}", segment(&room)));
    root.post(&path, json!({ "purge_up_to_ts": 9_999_999_999_999_u64, "delete_local_events": true })).await.ok();
    root.post(&path, json!({})).await.refused(400, "M_BAD_JSON");
    root.post(&format!("{path}/$unknown"), json!({})).await.refused(404, "M_NOT_FOUND");
    root.get(&admin("v1/purge_history_status/unknown")).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn a_deletion_goes_on_after_a_crash() {
    let binary = Binary::new(env!("CARGO_BIN_EXE_im2"));
    let made = binary.run(&["user", "create", "root", "--admin"], &[]);
    let password = made.stdout.lines().find_map(|line| line.strip_prefix("Password: ")).unwrap().to_owned();
    let server = binary.serve(&[]);
    let root = server.anonymous().log_in("root", &password).await;
    let ana = server.anonymous().register("ana").await;
    let room = ana.create_room(json!({ "room_alias_name": "doomed" })).await;
    let mut sent = Vec::new();
    for batch in 0..30 {
        let texts: Vec<String> = (0..20).map(|number| format!("{batch}.{number}")).collect();
        sent.extend(futures_of(&ana, &room, &texts).await);
    }
    let begun = root.delete(&delete_v2(&room), json!({})).await.ok();
    server.kill();
    let server = binary.serve(&[]);
    let root = server.anonymous().with_token(root.token());
    let status = ended(&root, &begun["delete_id"]).await;
    assert_eq!(status["status"], "complete", "{status}");
    assert_eq!(root.get(&admin("v1/rooms")).await.ok()["total_rooms"], 0);
    root.get(&admin(&format!("v1/fetch_event/{}", sent[0]))).await.refused(404, "M_NOT_FOUND");
    root.get(&admin(&format!("v1/fetch_event/{}", sent[sent.len() - 1]))).await.refused(404, "M_NOT_FOUND");
}

/// Sends texts at the same time and returns the events' identifiers.
async fn futures_of(client: &Client, room: &str, texts: &[String]) -> Vec<String> {
    let sending = texts.iter().map(|text| {
        let (client, room, text) = (client.clone(), room.to_owned(), text.clone());
        tokio::spawn(async move { client.send_text(&room, &text).await })
    });
    let sending: Vec<_> = sending.collect();
    let mut sent = Vec::new();
    for handle in sending {
        sent.push(handle.await.unwrap());
    }
    sent
}

#[tokio::test]
async fn what_is_purged_is_not_unread_any_more() {
    let server = Server::start().await;
    let (root, ana, ben) =
        (server.register_admin("root").await, server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    let mut said = Vec::new();
    for text in ["one", "two", "three"] {
        said.push(ana.send_text(&room, text).await);
    }
    let unread = async || {
        let answer = ben.sync(None).await;
        answer["rooms"]["join"][&room]["unread_notifications"]["notification_count"].as_u64().unwrap()
    };
    assert_eq!(unread().await, 3);
    let path = admin(&format!("v1/purge_history/{}", segment(&room)));
    let body = json!({ "purge_up_to_event_id": said[2], "delete_local_events": true });
    let begun = root.post(&path, body).await.ok();
    let id = begun["purge_id"].as_str().unwrap();
    ended_at(&root, &admin(&format!("v1/purge_history_status/{id}"))).await;
    assert_eq!(unread().await, 1);
}
