//! Searches of administrators find a name however it is written: whatever its case, accents, width and kana, and Chinese
//! names by their pinyin.

use std::collections::BTreeSet;

use im2_testkit::{Client, Server, segment};
use reqwest::Method;
use serde_json::{Value, json};

/// The answer of a list for a term in one of its filters.
async fn list(root: &Client, path: &str, filter: &str, term: &str) -> Value {
    root.get(&format!("/_synapse/admin/{path}?{filter}={}", segment(term))).await.ok()
}

/// The members of a list under `list` by their `name`.
fn each<'a>(answer: &'a Value, list: &str, name: &str) -> Vec<&'a str> {
    answer[list].as_array().unwrap().iter().map(|one| one[name].as_str().unwrap()).collect()
}

/// Names, and what people type to find them.
const NAMES: &[(&str, &[&str])] = &[
    ("Старый Кот", &["кот", "КОТ", "старый кот"]),
    ("École Normale", &["ecole", "ÉCOLE", "école n"]),
    ("Straße", &["strasse", "STRASSE", "straße"]),
    ("ΟΔΥΣΣΕΥΣ", &["οδυσσευς", "Οδυσσεύς"]),
    ("Irmak Işık", &["ırmak", "isik", "IŞIK"]),
    ("ヤマダ花", &["やまだ", "ﾔﾏﾀﾞ", "ヤマダ"]),
    ("ＦＵＬＬ", &["full"]),
    ("张伟", &["zhangwei", "zhang wei", "zw", "zhangw", "张", "Wei"]),
    ("曾国藩", &["zengguofan", "cengguofan", "zgf"]),
];

#[tokio::test]
async fn users_rooms_and_media_are_found_however_they_are_written() {
    let server = Server::start().await;
    let root = server.register_admin("root").await;
    let mut rooms = Vec::new();
    for (number, (name, _)) in NAMES.iter().enumerate() {
        let user = server.register(&format!("u{number}")).await;
        let path = format!("/v3/profile/{}/displayname", segment(user.user_id()));
        user.put(&path, json!({ "displayname": name })).await.ok();
        rooms.push(user.create_room(json!({ "name": name })).await);
        let upload = user.request(Method::POST, "/_matrix/media/v3/upload").header("content-type", "text/plain");
        user.send_request(upload.body(format!("of {number}"))).await.ok();
    }
    for (number, (name, terms)) in NAMES.iter().enumerate() {
        let user_id = format!("@u{number}:localhost");
        for term in *terms {
            let users = list(&root, "v2/users", "name", term).await;
            assert_eq!((each(&users, "users", "name"), &users["total"]), (vec![&*user_id], &json!(1)), "{term} {name}");
            let media = list(&root, "v1/statistics/users/media", "search_term", term).await;
            assert_eq!(each(&media, "users", "user_id"), [&*user_id], "{term} {name}");
            // Rooms are also found by their IDs, which are random.
            let found = list(&root, "v1/rooms", "search_term", term).await;
            let found: BTreeSet<_> = each(&found, "rooms", "room_id").into_iter().collect();
            let by_id = rooms.iter().filter(|room| room.contains(term));
            assert_eq!(found, by_id.chain([&rooms[number]]).map(|room| &**room).collect(), "{term} {name}");
        }
    }
    for term in ["кит", "wz", "u%", "zhangweib"] {
        assert_eq!(list(&root, "v2/users", "name", term).await["total"], 0, "{term}");
        let by_id = rooms.iter().filter(|room| room.contains(term)).count();
        assert_eq!(list(&root, "v1/rooms", "search_term", term).await["total_rooms"], by_id, "{term}");
    }
    assert_eq!(list(&root, "v2/users", "user_id", "@U3:LOCAL").await["total"], 1);
    assert_eq!(list(&root, "v1/rooms", "search_term", &rooms[0][..8]).await["total_rooms"], 1, "a part of its ID");
}

#[tokio::test]
async fn reports_are_filtered_by_parts_of_names() {
    let server = Server::start().await;
    let (root, ana) = (server.register_admin("root").await, server.register("ana").await);
    let room = ana.create_room(json!({})).await;
    ana.post(&format!("/v3/rooms/{}/report", segment(&room)), json!({ "reason": "all of it" })).await.ok();
    ana.post("/v3/users/@root:localhost/report", json!({ "reason": "them" })).await.ok();
    for (path, filter, term, total) in [
        ("v1/room_reports", "user_id", "@AN", 1),
        ("v1/room_reports", "user_id", "ben", 0),
        ("v1/room_reports", "user_id", "", 1),
        ("v1/room_reports", "room_id", &room[1..6], 1),
        ("v1/user_reports", "target_user_id", "Root", 1),
        ("v1/user_reports", "target_user_id", "ana", 0),
    ] {
        assert_eq!(list(&root, path, filter, term).await["total"], total, "{path} {filter} {term}");
    }
}
