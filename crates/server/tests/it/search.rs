//! Searching messages.

use im2_testkit::{Client, Server, Setup, segment};
use serde_json::{Value, json};

/// The answer of a search for events in rooms.
async fn search(client: &Client, criteria: Value) -> Value {
    client.post("/v3/search", json!({ "search_categories": { "room_events": criteria } })).await.ok()
        ["search_categories"]["room_events"]
        .clone()
}

/// The next page of the same search.
async fn search_on(client: &Client, criteria: &Value, next_batch: &Value) -> Value {
    let path = format!("/v3/search?next_batch={}", segment(next_batch.as_str().unwrap()));
    client.post(&path, json!({ "search_categories": { "room_events": criteria } })).await.ok()["search_categories"]
        ["room_events"]
        .clone()
}

/// The events that a search for a term finds, newest first.
async fn find(client: &Client, term: &str) -> Vec<String> {
    events(&search(client, json!({ "search_term": term, "order_by": "recent" })).await)
}

fn events(answer: &Value) -> Vec<String> {
    let results = answer["results"].as_array().unwrap().iter();
    results.map(|result| result["result"]["event_id"].as_str().unwrap().to_owned()).collect()
}

async fn edit(client: &Client, room: &str, event: &str, text: &str) -> String {
    let content = json!({ "msgtype": "m.text", "body": format!("* {text}"),
        "m.new_content": { "msgtype": "m.text", "body": text },
        "m.relates_to": { "rel_type": "m.replace", "event_id": event } });
    client.send(room, "m.room.message", content).await
}

async fn redact(client: &Client, room: &str, event: &str) {
    let path = format!("/v3/rooms/{}/redact/{}/{}", segment(room), segment(event), client.transaction());
    client.put(&path, json!({})).await.ok();
}

#[tokio::test]
async fn a_message_is_found_by_its_words() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({ "preset": "private_chat" })).await;
    let hello = ana.send_text(&room, "Hello, world").await;
    ana.send_text(&room, "Good morning").await;
    let criteria = json!({ "keys": ["content.body"], "search_term": "hello", "order_by": "recent",
        "filter": { "limit": 10 } });
    let found = search(&ana, criteria).await;
    assert_eq!(found["count"], 1);
    let result = &found["results"][0]["result"];
    assert_eq!((&result["event_id"], &result["room_id"]), (&json!(hello), &json!(room)));
    assert_eq!((&result["content"]["body"], &result["type"]), (&json!("Hello, world"), &json!("m.room.message")));
    assert!(found["results"][0]["rank"].as_f64().unwrap() > 0.0);
    assert_eq!(found["highlights"], json!(["hello"]));
    assert!(found.get("next_batch").is_none() && found.get("groups").is_none() && found.get("state").is_none());
    for (term, count) in
        [("WORLD hello", 1), ("wor", 1), ("hello moon", 0), ("ello", 0), ("\"world hello\"", 0), ("…", 0)]
    {
        assert_eq!(find(&ana, term).await.len(), count, "{term}");
    }
}

#[tokio::test]
async fn scripts_without_spaces_and_letters_with_accents_are_found() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({})).await;
    let chinese = ana.send_text(&room, "我们明天下午三点开会").await;
    let japanese = ana.send_text(&room, "東京タワーに行きました").await;
    let korean = ana.send_text(&room, "오늘 날씨가 좋네요").await;
    let french = ana.send_text(&room, "Rendez-vous au CAFÉ de l'Étoile").await;
    let mixed = ana.send_text(&room, "新的iPhone手机壳到了").await;
    for (term, event) in [
        ("明天", &chinese),
        ("天下", &chinese),
        ("三点开会", &chinese),
        ("会", &chinese),
        ("タワ", &japanese),
        ("ﾀﾜｰ", &japanese),
        ("날씨", &korean),
        ("씨가", &korean),
        ("cafe etoile", &french),
        ("Café", &french),
        ("iphone手机", &mixed),
        ("手机 IPHONE", &mixed),
    ] {
        assert_eq!(find(&ana, term).await, [event.as_str()], "{term}");
    }
    assert!(find(&ana, "天三").await.is_empty());
    let found = search(&ana, json!({ "search_term": "cafe" })).await;
    assert_eq!(found["highlights"], json!(["cafe", "café"]));
}

#[tokio::test]
async fn results_come_with_what_is_around_them() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let name = format!("/v3/profile/{}/displayname", segment(ana.user_id()));
    ana.put(&name, json!({ "displayname": "Ana" })).await.ok();
    let room = ana.create_room(json!({ "preset": "private_chat", "name": "The room" })).await;
    let mut sent = Vec::new();
    for number in 1..=7 {
        sent.push(ana.send_text(&room, &format!("Message number {number}")).await);
    }
    let criteria = json!({ "keys": ["content.body"], "search_term": "Message 4", "order_by": "recent",
        "filter": { "limit": 1, "rooms": [room] }, "include_state": true,
        "event_context": { "before_limit": 2, "after_limit": 2, "include_profile": true } });
    let found = search(&ana, criteria.clone()).await;
    assert_eq!(found["count"], 1);
    let context = &found["results"][0]["context"];
    let ids = |list: &Value| list.as_array().unwrap().iter().map(|event| event["event_id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&context["events_before"]), [json!(sent[2]), json!(sent[1])]);
    assert_eq!(ids(&context["events_after"]), [json!(sent[4]), json!(sent[5])]);
    assert_eq!(context["profile_info"][ana.user_id()], json!({ "displayname": "Ana" }));
    let state = found["state"][&room].as_array().unwrap();
    assert!(state.iter().any(|event| event["type"] == "m.room.name" && event["content"]["name"] == "The room"));
    // The tokens lead on in both directions.
    let page = |token: &Value, dir: &str| {
        format!("/v3/rooms/{room}/messages?dir={dir}&limit=1&from={}", token.as_str().unwrap())
    };
    let before = ana.get(&page(&context["start"], "b")).await.ok();
    assert_eq!(before["chunk"][0]["event_id"], json!(sent[0]));
    let after = ana.get(&page(&context["end"], "f")).await.ok();
    assert_eq!(after["chunk"][0]["event_id"], json!(sent[6]));
    // A page that is full may have another one after it, which is empty here.
    let rest = search_on(&ana, &criteria, &found["next_batch"]).await;
    assert_eq!((&rest["count"], &rest["results"]), (&json!(1), &json!([])));
    assert!(rest.get("next_batch").is_none());
}

#[tokio::test]
async fn following_next_batch_gives_every_result_once_in_either_order() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let rooms = [ana.create_room(json!({})).await, ana.create_room(json!({})).await];
    let mut sent = Vec::new();
    // More than enter the index at once, so that some are in each of its parts.
    for number in 0..270 {
        let text = if number % 3 == 0 { "tea for two" } else { "tea" };
        sent.push(ana.send_text(&rooms[number % 2], text).await);
    }
    sent.reverse();
    for order in ["recent", "rank"] {
        let criteria = json!({ "search_term": "tea", "order_by": order, "filter": { "limit": 70 },
            "groupings": { "group_by": [{ "key": "room_id" }] } });
        let mut page = search(&ana, criteria.clone()).await;
        let mut found = events(&page);
        let mut grouped = events(&page).len();
        while let Some(next) = page.get("next_batch") {
            page = search_on(&ana, &criteria, next).await;
            assert_eq!(page["count"], 270);
            found.extend(events(&page));
            let groups = page["groups"]["room_id"].as_object().unwrap().values();
            grouped += groups.map(|group| group["results"].as_array().unwrap().len()).sum::<usize>();
        }
        assert_eq!(grouped, 270);
        if order == "rank" {
            let (short, long) = found.split_at(180);
            let place = |event: &String| sent.iter().position(|sent| sent == event).unwrap();
            assert!(short.is_sorted_by_key(place) && long.is_sorted_by_key(place), "equals are given newest first");
            found.sort_by_key(place);
        }
        assert_eq!(found, sent, "{order}");
    }
    let path = "/v3/search?next_batch=nonsense";
    let body = json!({ "search_categories": { "room_events": { "search_term": "tea" } } });
    ana.post(path, body).await.refused(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn groups_name_their_results_and_go_on_by_themselves() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    let other = ana.create_room(json!({})).await;
    ben.join(&room).await;
    let mut expected = Vec::new();
    for number in 0..4 {
        expected.push(ben.send_text(&room, &format!("tea {number}")).await);
        ana.send_text(&room, "tea too").await;
        ana.send_text(&other, "tea alone").await;
    }
    expected.reverse();
    let criteria = json!({ "search_term": "tea", "order_by": "recent", "filter": { "limit": 3 },
        "groupings": { "group_by": [{ "key": "room_id" }, { "key": "sender" }] } });
    let page = search(&ana, criteria.clone()).await;
    let all = events(&page);
    let groups = &page["groups"];
    assert_eq!(
        groups["room_id"][&other],
        json!({ "order": 1, "results": [all[0]], "next_batch": groups["room_id"][&other]["next_batch"] })
    );
    assert_eq!(groups["room_id"][&room]["results"], json!([all[1], all[2]]));
    assert_eq!(groups["sender"][ana.user_id()]["results"], json!([all[0], all[1]]));
    let group = &groups["sender"][ben.user_id()];
    assert_eq!((&group["order"], &group["results"]), (&json!(2), &json!([expected[0]])));
    // More of Ben's, and nothing else.
    let more = search_on(&ana, &criteria, &group["next_batch"]).await;
    assert_eq!(events(&more), expected[1..]);
    let rest = search_on(&ana, &criteria, &more["next_batch"]).await;
    assert!(events(&rest).is_empty() && rest.get("next_batch").is_none());
    let in_other = search_on(&ana, &criteria, &groups["room_id"][&other]["next_batch"]).await;
    assert_eq!(events(&in_other).len(), 3);
    assert!(in_other["results"].as_array().unwrap().iter().all(|result| result["result"]["room_id"] == json!(other)));
}

#[tokio::test]
async fn names_and_topics_are_found_and_keys_and_filters_choose() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat", "name": "Tea room", "topic": "All about tea" })).await;
    ben.join(&room).await;
    let body = ben.send_text(&room, "tea?").await;
    let picture = json!({ "msgtype": "m.image", "body": "tea.png", "url": "mxc://localhost/picture" });
    let picture = ana.send(&room, "m.room.message", picture).await;
    let types = |answer: Value| {
        let results = answer["results"].as_array().unwrap().iter();
        let mut types: Vec<_> = results.map(|result| result["result"]["type"].as_str().unwrap().to_owned()).collect();
        types.sort();
        types.dedup();
        types.join(" ")
    };
    for (keys, expected) in [
        (json!(["content.name"]), "m.room.name"),
        (json!(["content.topic", "content.name"]), "m.room.name m.room.topic"),
        (json!(["content.body"]), "m.room.message"),
        (json!([]), ""),
    ] {
        assert_eq!(types(search(&ana, json!({ "search_term": "tea", "keys": keys })).await), expected, "{keys}");
    }
    assert_eq!(search(&ana, json!({ "search_term": "tea" })).await["count"], 4);
    for (filter, expected) in [
        (json!({ "senders": [ben.user_id()] }), vec![&body]),
        (json!({ "contains_url": true }), vec![&picture]),
        (json!({ "types": ["m.room.message"], "not_senders": [ana.user_id()] }), vec![&body]),
        (json!({ "not_rooms": [room] }), vec![]),
        (json!({ "rooms": ["!elsewhere:localhost"] }), vec![]),
        (json!({ "rooms": [] }), vec![]),
    ] {
        let found = search(&ana, json!({ "search_term": "tea", "filter": filter })).await;
        assert_eq!(events(&found).iter().collect::<Vec<_>>(), expected, "{filter}");
    }
}

#[tokio::test]
async fn a_message_is_found_by_its_newest_text() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    let message = ana.send_text(&room, "the old words").await;
    assert_eq!(find(&ben, "old").await, [message.as_str()]);
    let first = edit(&ana, &room, &message, "the middle words").await;
    let second = edit(&ana, &room, &message, "the new words").await;
    edit(&ben, &room, &message, "forged words").await;
    for (term, found) in [("old", 0), ("middle", 0), ("forged", 0), ("new", 1), ("words", 1)] {
        assert_eq!(find(&ben, term).await, vec![message.clone(); found], "{term}");
    }
    let result = &search(&ben, json!({ "search_term": "new" })).await["results"][0]["result"];
    assert_eq!(result["content"]["body"], "the old words");
    assert_eq!(result["unsigned"]["m.relations"]["m.replace"]["event_id"], json!(second));
    redact(&ana, &room, &second).await;
    assert!(find(&ben, "new").await.is_empty());
    assert_eq!(find(&ben, "middle").await, [message.as_str()]);
    redact(&ana, &room, &first).await;
    assert_eq!(find(&ben, "old").await, [message.as_str()]);
    redact(&ana, &room, &message).await;
    assert!(find(&ben, "words").await.is_empty());
}

#[tokio::test]
async fn redacted_messages_are_not_found_in_either_order() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({})).await;
    let gone = ana.send_text(&room, "This message is going to be redacted").await;
    let kept = ana.send_text(&room, "This message is not going to be redacted").await;
    redact(&ana, &room, &gone).await;
    for order in ["rank", "recent"] {
        let found = search(&ana, json!({ "search_term": "redacted", "order_by": order })).await;
        assert_eq!((events(&found), &found["count"]), (vec![kept.clone()], &json!(1)));
    }
}

#[tokio::test]
async fn only_what_the_searcher_may_see_is_found() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana
        .create_room(json!({ "preset": "public_chat", "initial_state": [
            { "type": "m.room.history_visibility", "content": { "history_visibility": "joined" } }] }))
        .await;
    ana.send_text(&room, "tea before").await;
    ben.join(&room).await;
    let during = ana.send_text(&room, "tea during").await;
    ben.leave(&room).await;
    ana.send_text(&room, "tea after").await;
    let found = search(&ben, json!({ "search_term": "tea" })).await;
    assert_eq!((events(&found), &found["count"]), (vec![during.clone()], &json!(1)));
    assert_eq!(find(&ana, "tea").await.len(), 3);
    let context = json!({ "search_term": "tea", "event_context": {}, "include_state": true });
    let context = search(&ben, context).await.to_string();
    assert!(!context.contains("tea after") && !context.contains("tea before"), "{context}");
    ben.post(&format!("/v3/rooms/{}/forget", segment(&room)), json!({})).await.ok();
    assert!(find(&ben, "tea").await.is_empty());

    // A room that everybody may read is searched by its members; what came after leaving it is not.
    let open = ana
        .create_room(json!({ "preset": "public_chat", "initial_state": [
            { "type": "m.room.history_visibility", "content": { "history_visibility": "world_readable" } }] }))
        .await;
    let first = ana.send_text(&open, "coffee").await;
    assert!(find(&ben, "coffee").await.is_empty());
    ben.join(&open).await;
    ben.leave(&open).await;
    ana.send_text(&open, "more coffee").await;
    assert_eq!(find(&ben, "coffee").await, [first.as_str()]);
}

#[tokio::test]
async fn the_ignored_and_the_erased_are_not_found() {
    let server = Server::start().await;
    let (ana, ben, eve) = (server.register("ana").await, server.register("ben").await, server.register("eve").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    let said = ben.send_text(&room, "tea").await;
    eve.join(&room).await;
    assert_eq!(find(&eve, "tea").await, [said.as_str()]);
    let list = format!("/v3/user/{}/account_data/m.ignored_user_list", segment(ana.user_id()));
    ana.put(&list, json!({ "ignored_users": { ben.user_id(): {} } })).await.ok();
    assert!(find(&ana, "tea").await.is_empty());
    ana.put(&list, json!({ "ignored_users": {} })).await.ok();
    server.engine().people.accounts.deactivate_user("ben", true).await.unwrap();
    assert_eq!(find(&ana, "tea").await, [said.as_str()], "who was there sees the messages of the erased");
    assert!(find(&eve, "tea").await.is_empty(), "who came later does not");
}

#[tokio::test]
async fn encrypted_rooms_are_not_searched() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({ "name": "tea" })).await;
    ana.send_text(&room, "tea").await;
    assert_eq!(find(&ana, "tea").await.len(), 2);
    ana.set_state(&room, "m.room.encryption", "", json!({ "algorithm": "m.megolm.v1.aes-sha2" })).await;
    assert!(find(&ana, "tea").await.is_empty());
}

#[tokio::test]
async fn what_was_said_is_found_after_a_restart_and_in_the_room_that_was_replaced() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({})).await;
    let before = ana.send_text(&room, "Message before upgrade").await;
    let path = format!("/v3/rooms/{}/upgrade", segment(&room));
    let answer = ana.post(&path, json!({ "new_version": "12" })).await.ok();
    let new = answer["replacement_room"].as_str().unwrap();
    let after = ana.send_text(new, "Message after upgrade").await;
    let folder = server.stop().await;
    let server = Setup::default().start_in(folder).await;
    let ana = server.anonymous().with_token(ana.token());
    for rooms in [json!([room, new]), json!([new])] {
        let criteria = json!({ "search_term": "upgrade", "order_by": "recent", "filter": { "rooms": rooms } });
        assert_eq!(events(&search(&ana, criteria).await), [after.as_str(), before.as_str()]);
    }
    let old = json!({ "search_term": "upgrade", "filter": { "rooms": [room] } });
    assert_eq!(events(&search(&ana, old).await), [before.as_str()]);
}

#[tokio::test]
async fn what_is_no_search_is_refused() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    for criteria in [
        json!({}),
        json!({ "search_term": 5 }),
        json!({ "search_term": "tea", "keys": ["content.url"] }),
        json!({ "search_term": "tea", "order_by": "age" }),
        json!({ "search_term": "tea", "groupings": { "group_by": [{ "key": "type" }] } }),
        json!({ "search_term": "tea", "filter": { "limit": "many" } }),
        json!({ "search_term": "tea", "event_context": { "before_limit": -1 } }),
    ] {
        let body = json!({ "search_categories": { "room_events": criteria } });
        ana.post("/v3/search", body).await.refused(400, "M_BAD_JSON");
    }
    ana.post("/v3/search", json!({})).await.refused(400, "M_BAD_JSON");
    let nothing = ana.post("/v3/search", json!({ "search_categories": {} })).await.ok();
    assert_eq!(nothing, json!({ "search_categories": {} }));
}

#[tokio::test]
async fn either_kana_and_any_width_find_a_message() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({})).await;
    let (katakana, hiragana, wide) = (
        ana.send_text(&room, "ラーメンを食べたい").await,
        ana.send_text(&room, "らーめんはおいしい").await,
        ana.send_text(&room, "ＭＥＥＴＩＮＧ　at ５").await,
    );
    for term in ["らーめん", "ラーメン", "ﾗｰﾒﾝ"] {
        assert_eq!(find(&ana, term).await, [hiragana.clone(), katakana.clone()], "{term}");
    }
    assert_eq!(find(&ana, "meeting 5").await, [wide]);
    let found = search(&ana, json!({ "search_term": "らーめん" })).await;
    assert_eq!(found["highlights"], json!(["らーめん", "ラーメン"]));
}
