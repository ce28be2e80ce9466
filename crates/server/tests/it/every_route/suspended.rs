//! Every route that changes something, called by the owner of a suspended account: refused, unless it is on this list.

use im2_edge::routes::Access;
use im2_testkit::{Server, segment};
use reqwest::Method;
use serde_json::{Value, json};

use super::{name, table, world::World};

/// Routes other than `GET` that a suspended user may call. For a route that decides by the request's content, the
/// request sent below is one that is allowed.
const MAY: &[&str] = &[
    "POST /_matrix/client/v4/sync",
    "POST /_matrix/client/unstable/org.matrix.simplified_msc3575/sync",
    "POST /_matrix/client/v3/user/{userId}/filter",
    "POST /_matrix/client/v3/search",
    "POST /_matrix/client/v3/user_directory/search",
    "POST /_matrix/client/v3/publicRooms",
    "POST /_matrix/client/v3/rooms/{roomId}/receipt/{receiptType}/{eventId}",
    "POST /_matrix/client/v3/rooms/{roomId}/read_markers",
    "PUT /_matrix/client/v3/user/{userId}/account_data/{type}",
    "PUT /_matrix/client/v3/user/{userId}/rooms/{roomId}/account_data/{type}",
    "PUT /_matrix/client/v3/user/{userId}/rooms/{roomId}/tags/{tag}",
    "DELETE /_matrix/client/v3/user/{userId}/rooms/{roomId}/tags/{tag}",
    "PUT /_matrix/client/v3/pushrules/global/{kind}/{ruleId}",
    "DELETE /_matrix/client/v3/pushrules/global/{kind}/{ruleId}",
    "PUT /_matrix/client/v3/pushrules/global/{kind}/{ruleId}/enabled",
    "PUT /_matrix/client/v3/pushrules/global/{kind}/{ruleId}/actions",
    "POST /_matrix/client/v3/pushers/set",
    "POST /_matrix/client/v3/pushers/ack",
    "PUT /_matrix/client/unstable/io.element.msc4306/rooms/{roomId}/thread/{eventId}/subscription",
    "DELETE /_matrix/client/unstable/io.element.msc4306/rooms/{roomId}/thread/{eventId}/subscription",
    "POST /_matrix/client/v3/rooms/{roomId}/leave",
    "POST /_matrix/client/v3/rooms/{roomId}/forget",
    "POST /_matrix/client/v3/rooms/{roomId}/kick",
    "POST /_matrix/client/v3/rooms/{roomId}/ban",
    "PUT /_matrix/client/v3/rooms/{roomId}/redact/{eventId}/{txnId}",
    "POST /_matrix/client/v3/rooms/{roomId}/report",
    "POST /_matrix/client/v3/rooms/{roomId}/report/{eventId}",
    "POST /_matrix/client/v3/users/{userId}/report",
    "PUT /_matrix/client/v3/sendToDevice/{eventType}/{txnId}",
    "POST /_matrix/client/v3/keys/upload",
    "POST /_matrix/client/v3/keys/query",
    "POST /_matrix/client/v3/keys/claim",
    "POST /_matrix/client/v3/keys/device_signing/upload",
    "POST /_matrix/client/unstable/keys/device_signing/upload",
    "POST /_matrix/client/v3/keys/signatures/upload",
    "PUT /_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device",
    "DELETE /_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device",
    "POST /_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device/{deviceId}/events",
    "POST /_matrix/client/v3/room_keys/version",
    "PUT /_matrix/client/v3/room_keys/version/{version}",
    "DELETE /_matrix/client/v3/room_keys/version/{version}",
    "PUT /_matrix/client/v3/room_keys/keys",
    "DELETE /_matrix/client/v3/room_keys/keys",
    "PUT /_matrix/client/v3/room_keys/keys/{roomId}",
    "DELETE /_matrix/client/v3/room_keys/keys/{roomId}",
    "PUT /_matrix/client/v3/room_keys/keys/{roomId}/{sessionId}",
    "DELETE /_matrix/client/v3/room_keys/keys/{roomId}/{sessionId}",
    "POST /_matrix/client/v1/login/get_token",
    "POST /_matrix/client/v3/logout",
    "POST /_matrix/client/v3/logout/all",
    "DELETE /_matrix/client/v3/devices/{deviceId}",
    "POST /_matrix/client/v3/delete_devices",
    "POST /_matrix/client/v3/account/password",
    "POST /_matrix/client/v3/account/deactivate",
    "POST /_matrix/client/v3/account/3pid",
    "POST /_matrix/client/v3/account/3pid/add",
    "POST /_matrix/client/v1/appservice/{appserviceId}/ping",
];

/// Whether the answer to a request is that the account is suspended.
async fn is_refused(client: &im2_testkit::Client, method: &Method, path: &str, body: &Value) -> bool {
    let answer = client.send_request(client.request(method.clone(), path).json(body)).await;
    answer.text().contains("M_USER_SUSPENDED")
}

#[tokio::test]
async fn a_suspended_account_changes_nothing_that_others_see() {
    let server = Server::start().await;
    let root = server.register_admin("root").await;
    let world = World::of(&server, "ana").await;
    let suspend = format!("/v1/admin/suspend/{}", segment(world.owner.user_id()));
    root.put(&suspend, json!({ "suspended": true })).await.ok();
    let mut routes: Vec<_> = table().into_iter().filter(|route| route.access == Access::User).collect();
    // Who has left the room is refused for that.
    routes.sort_by_key(|route| route.path.ends_with("/leave") || route.path.ends_with("/forget"));
    for route in &routes {
        // Some of them sign out.
        let ana = server.anonymous().log_in("ana", "password of ana").await;
        let may = route.method == Method::GET || MAY.contains(&name(route).as_str());
        let refused =
            is_refused(&ana, &route.method, &world.path(route), &json!({ "msgtype": "m.text", "body": "hello" })).await;
        assert_eq!(refused, !may, "{}", name(route));
    }
    for line in MAY {
        assert!(table().iter().any(|route| name(route) == *line), "there is no route {line}");
    }
}

#[tokio::test]
async fn a_suspended_account_sends_to_its_own_devices_only() {
    let server = Server::start().await;
    let root = server.register_admin("root").await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let suspend = format!("/v1/admin/suspend/{}", segment(ana.user_id()));
    root.put(&suspend, json!({ "suspended": true })).await.ok();
    let to = |user: &str| json!({ "messages": { user: { "*": { "hello": true } } } });
    let path = "/v3/sendToDevice/m.key.verification.request";
    ana.put(&format!("{path}/1"), to(ana.user_id())).await.ok();
    ana.put(&format!("{path}/2"), to(ben.user_id())).await.refused(403, "M_USER_SUSPENDED");
    assert!(!ben.sync(None).await.to_string().contains("hello"));
    assert!(ana.sync(None).await.to_string().contains("hello"));
}
