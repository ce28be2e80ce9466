//! Rooms that an administrator has purged.

use im2_testkit::{Client, Server, segment};
use serde_json::{Value, json};

use super::{Connection, STABLE, rooms, sorted};

async fn delete(root: &Client, room: &str) {
    root.delete(&format!("/_synapse/admin/v1/rooms/{}", segment(room)), json!({})).await.ok();
}

/// The user's own membership in the required state of a room.
fn own_membership<'a>(answer: &'a Value, room: &str, client: &Client) -> &'a Value {
    let events = answer["rooms"][room]["required_state"].as_array().unwrap_or_else(|| panic!("no state in {answer}"));
    let own = |event: &&Value| event["type"] == "m.room.member" && event["state_key"] == client.user_id();
    &events.iter().find(own).unwrap_or_else(|| panic!("no own member event in {answer}"))["content"]["membership"]
}

#[tokio::test]
async fn a_connection_that_knew_a_purged_room_hears_once_that_it_was_left() {
    let server = Server::start().await;
    let (root, ana, ben) =
        (server.register_admin("root").await, server.register("ana").await, server.register("ben").await);
    let doomed = ana.create_room(json!({ "invite": [ben.user_id()] })).await;
    let kept = ana.create_room(json!({})).await;
    let mut of_ana = Connection::of_all(&ana, [0, 9], 1);
    let mut of_ben = Connection::of_all(&ben, [0, 9], 1);
    assert_eq!(of_ana.next().await["lists"]["all"]["count"], 2);
    assert_eq!(rooms(&of_ben.next().await), sorted([&doomed]));
    delete(&root, &doomed).await;

    for repeat in [true, false] {
        let before = of_ana.pos.clone();
        let answer = of_ana.next().await;
        assert_eq!(rooms(&answer), sorted([&doomed]));
        assert_eq!(own_membership(&answer, &doomed, &ana), "leave");
        assert_eq!(answer["lists"]["all"]["count"], 1);
        if repeat {
            of_ana.pos = before; // the answer was lost
        }
    }
    assert!(rooms(&of_ana.next().await).is_empty());
    let answer = of_ben.next().await;
    assert_eq!(own_membership(&answer, &doomed, &ben), "leave");
    assert!(answer["rooms"][&doomed].get("invite_state").is_none(), "{answer}");
    assert!(rooms(&of_ben.next().await).is_empty());
    assert_eq!(rooms(&Connection::of_all(&ana, [0, 9], 1).next().await), [kept], "a new connection knew nothing of it");
}

#[tokio::test]
async fn a_waiting_connection_hears_that_its_room_was_purged() {
    let server = Server::start().await;
    let (root, ana) = (server.register_admin("root").await, server.register("ana").await);
    let room = ana.create_room(json!({})).await;
    let wanted = json!({ "timeline_limit": 0, "required_state": [["m.room.member", "$ME"]] });
    let mut connection = Connection::new(&ana, json!({ "room_subscriptions": { &room: wanted } }));
    connection.next().await;
    let waiting = async {
        let answer = connection.wait(60_000).await;
        own_membership(&answer, &room, &ana).clone()
    };
    let (membership, ()) = tokio::join!(waiting, delete(&root, &room));
    assert_eq!(membership, "leave");
    assert!(rooms(&connection.next().await).is_empty(), "its leaving and its end are told as one");
    assert!(rooms(&connection.next().await).is_empty());
}

#[tokio::test]
async fn the_stable_route_says_what_became_of_the_membership_and_the_lists() {
    let server = Server::start().await;
    let (root, ana) = (server.register_admin("root").await, server.register("ana").await);
    let room = ana.create_room(json!({})).await;
    let list = json!({ "range": [0, 9], "timeline_limit": 1 });
    let mut body = json!({ "lists": { "all": list } });
    body["pos"] = ana.post(STABLE, body.clone()).await.ok()["pos"].clone();
    delete(&root, &room).await;
    let answer = ana.post(STABLE, body.clone()).await.ok();
    let gone = &answer["rooms"][&room];
    assert_eq!((&gone["membership"], &gone["lists"]), (&json!("leave"), &json!([])));
    assert_eq!(answer["lists"]["all"]["count"], 0);
    body["pos"] = answer["pos"].clone();
    assert!(rooms(&ana.post(STABLE, body).await.ok()).is_empty());
}
