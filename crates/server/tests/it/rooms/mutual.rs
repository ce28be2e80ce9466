//! The rooms that two users share.

use im2_testkit::{Client, Server, segment};
use serde_json::{Value, json};

async fn shared(client: &Client, other: &str, from: &str) -> Value {
    let path = format!("/v1/mutual_rooms?user_id={}{from}", segment(other));
    client.get(&path).await.ok()
}

#[tokio::test]
async fn only_rooms_that_both_are_in_now_are_shared() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let public = json!({ "preset": "public_chat" });
    assert_eq!(shared(&ana, ben.user_id(), "").await, json!({ "joined": [], "count": 0 }));
    let both = ana.create_room(public.clone()).await;
    ben.join(&both).await;
    ana.create_room(public.clone()).await;
    let left = ana.create_room(public.clone()).await;
    ben.join(&left).await;
    ben.leave(&left).await;
    ana.create_room(json!({ "invite": [ben.user_id()] })).await;
    for (one, other) in [(&ana, &ben), (&ben, &ana)] {
        let answer = shared(one, other.user_id(), "").await;
        assert_eq!(answer, json!({ "joined": [both], "count": 1 }));
    }
    assert_eq!(shared(&ana, "@nobody:localhost", "").await["count"], 0);
    assert_eq!(shared(&ana, "@far:example.org", "").await["joined"], json!([]));
}

#[tokio::test]
async fn many_shared_rooms_come_in_pages() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let mut rooms = Vec::new();
    for _ in 0..105 {
        let room = ana.create_room(json!({ "preset": "public_chat" })).await;
        ben.join(&room).await;
        rooms.push(room);
    }
    let first = shared(&ana, ben.user_id(), "").await;
    assert_eq!(first["count"], 105);
    let next = format!("&from={}", first["next_batch"].as_str().unwrap());
    let second = shared(&ana, ben.user_id(), &next).await;
    assert_eq!((&second["count"], second.get("next_batch")), (&json!(105), None));
    let pages = [&first, &second].map(|page| page["joined"].as_array().unwrap().clone());
    let mut found: Vec<_> = pages.concat().iter().map(|room| room.as_str().unwrap().to_owned()).collect();
    found.sort();
    rooms.sort();
    assert_eq!(found, rooms, "each once");

    // As clients ask that know the draft.
    let path =
        format!("/_matrix/client/unstable/uk.half-shot.msc2666/user/mutual_rooms?user_id={}", segment(ben.user_id()));
    let mut drafted = ana.get(&path).await.ok();
    let next = drafted["next_batch_token"].take();
    assert_eq!((&drafted["joined"], drafted.get("next_batch")), (&first["joined"], None));
    let last = ana.get(&format!("{path}&batch_token={}", next.as_str().unwrap())).await.ok();
    assert_eq!((&last["joined"], last.get("next_batch_token")), (&second["joined"], None));
}

#[tokio::test]
async fn questions_that_make_no_sense_are_refused() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    for query in ["", "?user_id=", "?user_id=ben", "?user_id=%40ana%3Alocalhost", "?user_id=%40ben%3Alocalhost&from=x"]
    {
        ana.get(&format!("/v1/mutual_rooms{query}")).await.refused(400, "M_INVALID_PARAM");
    }
}
