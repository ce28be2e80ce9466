//! Room aliases.

use im2_testkit::{Client, Server, segment};
use serde_json::{Value, json};

use super::{of, state};

fn path(alias: &str) -> String {
    format!("/v3/directory/room/{}", segment(alias))
}

async fn set_canonical(client: &Client, room: &str, content: Value) -> im2_testkit::Answer {
    client.put(&of(room, "state/m.room.canonical_alias/"), content).await
}

#[tokio::test]
async fn an_alias_is_made_once_resolved_by_anybody_and_listed_to_members() {
    let server = Server::start().await;
    let (ana, eve) = (server.register("ana").await, server.register("eve").await);
    let room = ana.create_room(json!({})).await;
    let alias = "#群聊:localhost";
    eve.put(&path(alias), json!({ "room_id": room })).await.refused(403, "M_FORBIDDEN");
    ana.put(&path(alias), json!({ "room_id": room })).await.ok();
    ana.put(&path(alias), json!({ "room_id": room })).await.refused(409, "M_UNKNOWN");
    let resolved = server.anonymous().get(&path(alias)).await.ok();
    assert_eq!(resolved, json!({ "room_id": room, "servers": ["localhost"] }));
    server.anonymous().get(&path("#none:localhost")).await.refused(404, "M_NOT_FOUND");
    server.anonymous().get(&path("#none:example.org")).await.refused(404, "M_NOT_FOUND");
    server.anonymous().get(&path("none")).await.refused(400, "M_INVALID_PARAM");
    ana.put(&path("#x:example.org"), json!({ "room_id": room })).await.refused(400, "M_INVALID_PARAM");
    assert_eq!(ana.get(&of(&room, "aliases")).await.ok(), json!({ "aliases": [alias] }));
    eve.get(&of(&room, "aliases")).await.refused(403, "M_FORBIDDEN");
    ana.set_state(&room, "m.room.history_visibility", "", json!({ "history_visibility": "world_readable" })).await;
    assert_eq!(eve.get(&of(&room, "aliases")).await.ok(), json!({ "aliases": [alias] }));
}

#[tokio::test]
async fn an_alias_is_removed_by_its_maker_and_by_who_may_set_the_canonical_one() {
    let server = Server::start().await;
    let (ana, ben, eve) = (server.register("ana").await, server.register("ben").await, server.register("eve").await);
    let room = ana.create_room(json!({ "preset": "public_chat", "room_alias_name": "main" })).await;
    ben.join(&room).await;
    eve.join(&room).await;
    for name in ["#bens:localhost", "#other:localhost"] {
        ben.put(&path(name), json!({ "room_id": room })).await.ok();
    }
    let content = json!({ "alias": "#main:localhost", "alt_aliases": ["#bens:localhost", "#other:localhost"] });
    set_canonical(&ana, &room, content).await.ok();
    eve.delete(&path("#bens:localhost"), json!({})).await.refused(403, "M_FORBIDDEN");
    ben.delete(&path("#main:localhost"), json!({})).await.refused(403, "M_FORBIDDEN");
    // Its maker removes it without the right to change the room's state, which then names it still.
    ben.delete(&path("#bens:localhost"), json!({})).await.ok();
    ben.delete(&path("#bens:localhost"), json!({})).await.refused(404, "M_NOT_FOUND");
    let aliases = json!(["#bens:localhost", "#other:localhost"]);
    assert_eq!(state(&ana, &room, "m.room.canonical_alias").await["alt_aliases"], aliases);
    // Who has that right takes it out of the state too.
    ana.delete(&path("#other:localhost"), json!({})).await.ok();
    ana.delete(&path("#main:localhost"), json!({})).await.ok();
    let left = json!({ "alt_aliases": ["#bens:localhost"] });
    assert_eq!(state(&ana, &room, "m.room.canonical_alias").await, left);
}

#[tokio::test]
async fn a_canonical_alias_must_name_the_room() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({ "room_alias_name": "here" })).await;
    ana.create_room(json!({ "room_alias_name": "there" })).await;
    for (content, errcode) in [
        (json!({ "alias": "#there:localhost" }), "M_BAD_ALIAS"),
        (json!({ "alias": "#nowhere:localhost" }), "M_BAD_ALIAS"),
        (json!({ "alt_aliases": ["#here:localhost", "#there:localhost"] }), "M_BAD_ALIAS"),
        (json!({ "alias": "here" }), "M_INVALID_PARAM"),
        (json!({ "alias": 5 }), "M_INVALID_PARAM"),
        (json!({ "alt_aliases": ["@here:localhost"] }), "M_INVALID_PARAM"),
        (json!({ "alt_aliases": "#here:localhost" }), "M_INVALID_PARAM"),
    ] {
        set_canonical(&ana, &room, content).await.refused(400, errcode);
    }
    set_canonical(&ana, &room, json!({ "alias": "", "alt_aliases": ["#here:localhost"] })).await.ok();
    set_canonical(&ana, &room, json!({ "alias": null })).await.ok();
    set_canonical(&ana, &room, json!({ "alias": "#here:localhost" })).await.ok();
    // What is there already is not looked at again, even when it has gone elsewhere.
    let content = json!({ "alias": "#here:localhost", "alt_aliases": ["#here:localhost"] });
    ana.put(&path("#second:localhost"), json!({ "room_id": room })).await.ok();
    set_canonical(&ana, &room, content).await.ok();
}
