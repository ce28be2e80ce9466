//! The stable route, where it differs.

use im2_testkit::Server;
use serde_json::{Value, json};

use super::{STABLE, pair, rooms, state, timeline};

#[tokio::test]
async fn the_stable_route_has_its_names_in_the_body() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "name": "Meadow" })).await;
    let invited = ben.create_room(json!({ "invite": [ana.user_id()] })).await;
    let config = json!({
        "range": [0, 9],
        "timeline_limit": 1,
        "required_state": { "include": [{ "type": "m.room.create", "state_key": "" }], "lazy_members": true },
    });
    let mut body =
        json!({ "conn_id": "main", "lists": { "all": config, "invites": config }, "set_presence": "offline" });
    body["lists"]["invites"]["filters"] = json!({ "is_invited": true });
    let first = ana.post(STABLE, body.clone()).await.ok();
    assert_eq!(rooms(&first), super::sorted([&room, &invited]));
    let joined = &first["rooms"][&room];
    assert_eq!((&joined["membership"], &joined["lists"]), (&json!("join"), &json!(["all"])));
    assert_eq!(state(&first, &room), [pair("m.room.create", ""), pair("m.room.member", ana.user_id())]);
    assert!(joined.get("notification_count").is_none());
    let stranger = &first["rooms"][&invited];
    assert_eq!((&stranger["membership"], &stranger["lists"]), (&json!("invite"), &json!(["all", "invites"])));
    assert!(stranger["stripped_state"].is_array() && stranger.get("invite_state").is_none());

    ana.leave(&invited).await;
    ana.send_text(&room, "hello").await;
    body["pos"] = first["pos"].clone();
    body["timeout"] = json!(0);
    let second = ana.post(STABLE, body.clone()).await.ok();
    assert_eq!(timeline(&second, &room), ["hello"]);
    assert_eq!((second["rooms"][&room].get("membership"), second["rooms"][&room].get("name")), (None, None));
    assert_eq!(second["rooms"][&invited]["membership"], "leave");
    assert_eq!(second["lists"]["invites"]["count"], 0);

    body["pos"] = second["pos"].clone();
    body["lists"]["all"]["timeline_limit"] = json!(3);
    let third = ana.post(STABLE, body.clone()).await.ok();
    assert_eq!(
        (&third["rooms"][&room]["expanded_timeline"], &third["rooms"][&room]["initial"]),
        (&json!(true), &Value::Null)
    );
}

#[tokio::test]
async fn the_stable_route_has_its_limits() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let many: serde_json::Map<_, _> =
        (0..101).map(|number| (format!("!{number}:localhost"), json!({ "timeline_limit": 1 }))).collect();
    ana.post(STABLE, json!({ "room_subscriptions": many })).await.refused(400, "M_INVALID_PARAM");
    ana.post(STABLE, json!({ "lists": { "a b": { "timeline_limit": 1 } } })).await.refused(400, "M_INVALID_PARAM");
    ana.post(STABLE, json!({ "pos": "nonsense" })).await.refused(400, "M_UNKNOWN_POS");
}
