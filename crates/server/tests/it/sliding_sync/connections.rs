//! Connections of sliding sync: `pos`, waiting, several connections.

use im2_testkit::{Server, Setup, until};
use serde_json::json;

use super::{Connection, OLDER, rooms, timeline};

#[tokio::test]
async fn a_repeated_request_is_answered_again() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({})).await;
    let mut connection = Connection::of_all(&ana, [0, 9], 1);
    connection.next().await;
    ana.send_text(&room, "hello").await;
    let lost = connection.try_next(0).await.ok();
    let again = connection.next().await;
    assert_eq!((timeline(&lost, &room), timeline(&again, &room)), (vec!["hello".to_owned()], vec!["hello".to_owned()]));
    assert!(rooms(&connection.next().await).is_empty());
}

#[tokio::test]
async fn a_pos_that_is_not_of_this_connection_is_unknown() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let phone = ana.log_in("ana", "password of ana").await;
    let mut connection = Connection::of_all(&ana, [0, 9], 1);
    connection.next().await;
    let old = connection.pos.clone();
    connection.next().await;
    connection.next().await;
    for other in [&phone, &ben] {
        let stolen = Connection { client: other.clone(), body: json!({}), pos: connection.pos.clone() };
        stolen.try_next(0).await.refused(400, "M_UNKNOWN_POS");
    }
    let named = Connection { client: ana.clone(), body: json!({ "conn_id": "other" }), pos: connection.pos.clone() };
    named.try_next(0).await.refused(400, "M_UNKNOWN_POS");
    let stale = Connection { client: ana.clone(), body: connection.body.clone(), pos: old };
    stale.try_next(0).await.refused(400, "M_UNKNOWN_POS");
    connection.try_next(0).await.ok();
    connection.pos = Some("5".to_owned());
    connection.try_next(0).await.refused(400, "M_UNKNOWN_POS");
}

#[tokio::test]
async fn connections_of_a_device_do_not_know_of_each_other() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({})).await;
    let (mut one, mut other) = (Connection::of_all(&ana, [0, 9], 1), Connection::of_all(&ana, [0, 9], 1));
    other.body["conn_id"] = json!("other");
    assert_eq!(rooms(&one.next().await), rooms(&other.next().await));
    ana.send_text(&room, "hello").await;
    assert_eq!(timeline(&one.next().await, &room), ["hello"]);
    assert_eq!(timeline(&other.next().await, &room), ["hello"]);
}

#[tokio::test]
async fn after_a_restart_a_connection_begins_anew() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({})).await;
    let mut connection = Connection::of_all(&ana, [0, 9], 1);
    connection.next().await;
    let folder = server.stop().await;
    let server = Setup::default().start_in(folder).await;
    connection.client = server.anonymous().with_token(ana.token());
    connection.try_next(0).await.refused(400, "M_UNKNOWN_POS");
    connection.pos = None;
    assert_eq!(rooms(&connection.next().await), [room]);
}

#[tokio::test]
async fn a_request_waits_for_what_it_is_about() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let (room, quiet) = (ana.create_room(json!({ "preset": "public_chat" })).await, ana.create_room(json!({})).await);
    ben.join(&room).await;
    let mut connection = Connection::new(
        &ana,
        json!({ "room_subscriptions": { &room: { "timeline_limit": 1, "required_state": [] } } }),
    );
    connection.next().await;
    ana.send_text(&quiet, "not asked for").await;
    let waiting = async {
        let answer = connection.wait(60_000).await;
        (timeline(&answer, &room), rooms(&answer).len())
    };
    let sending = async { ben.send_text(&room, "hello").await };
    let (answer, _) = tokio::join!(waiting, sending);
    assert_eq!(answer, (vec!["hello".to_owned()], 1));
    assert!(rooms(&connection.wait(1).await).is_empty(), "when the time is over the answer is empty");
}

#[tokio::test]
async fn a_new_request_ends_the_wait_of_the_one_before() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({})).await;
    let mut connection = Connection::of_all(&ana, [0, 9], 1);
    connection.next().await;
    let earlier = Connection { client: ana.clone(), body: connection.body.clone(), pos: connection.pos.clone() };
    let waiting = tokio::spawn(async move { earlier.try_next(60_000).await.ok() });
    // The earlier request may come before or after these: whichever is later ends the other's wait.
    let has_ended = async || {
        connection.try_next(0).await.ok();
        waiting.is_finished()
    };
    until("the earlier request is answered", has_ended).await;
    assert_eq!(waiting.await.unwrap()["pos"].as_str(), connection.pos.as_deref());
    ana.send_text(&room, "hello").await;
    assert_eq!(timeline(&connection.next().await, &room), ["hello"]);
}

#[tokio::test]
async fn nonsense_is_refused() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let lists: serde_json::Map<_, _> = (0..101).map(|number| (number.to_string(), json!({}))).collect();
    ana.post(OLDER, json!({ "lists": lists })).await.refused(400, "M_INVALID_PARAM");
    ana.post(OLDER, json!({ "lists": { "a": { "required_state": [["only one"]] } } })).await.refused(400, "M_BAD_JSON");
    ana.post(OLDER, json!({ "lists": { "a": { "ranges": [[-1, 5]] } } })).await.refused(400, "M_BAD_JSON");
    ana.post(&format!("{OLDER}?set_presence=here"), json!({})).await.refused(400, "M_INVALID_PARAM");
    let answer = ana.post(OLDER, json!({})).await.ok();
    assert_eq!((&answer["rooms"], &answer["extensions"]), (&json!({}), &json!({})));
    let versions = server.anonymous().get("/_matrix/client/versions").await.ok();
    assert_eq!(versions["unstable_features"]["org.matrix.simplified_msc3575"], true);
}
