//! Every route that needs a user, tried by one who has no right to what they ask for.
//!
//! The table below has a line for each of those routes. Whoever adds a route adds its line, which says either how the
//! wrong user is refused ([`Refused`]) or why there can be no wrong user ([`Anybody`]). A route without a line, and a
//! line without a route, fail the test.

use im2_testkit::Server;

use super::{name, table, world::World};
use Trial::{Anybody, Refused};
use im2_edge::routes::Access;

enum Trial {
    /// The owner's thing, asked for with this body, is refused to others with this status and error code.
    Refused(&'static str, u16, &'static str),
    /// There is nobody without the right, for this reason.
    Anybody(&'static str),
}

const ONLY_OWN: &str = "it shows and changes only what is the caller's own";
const NO_THREEPIDS: &str = "nobody's account has third-party identifiers";
const PUBLIC: &str = "what it shows is for everybody who is signed in";

const TRIALS: &[(&str, Trial)] = &[
    ("POST /_matrix/client/v3/logout", Anybody(ONLY_OWN)),
    ("POST /_matrix/client/v3/logout/all", Anybody(ONLY_OWN)),
    ("GET /_matrix/client/v3/account/whoami", Anybody(ONLY_OWN)),
    ("GET /_matrix/client/v3/account/3pid", Anybody(ONLY_OWN)),
    ("POST /_matrix/client/v3/account/3pid", Anybody(NO_THREEPIDS)),
    ("POST /_matrix/client/v3/account/3pid/add", Anybody(NO_THREEPIDS)),
    ("POST /_matrix/client/v3/account/3pid/bind", Anybody(NO_THREEPIDS)),
    ("POST /_matrix/client/v3/account/3pid/delete", Anybody(NO_THREEPIDS)),
    ("POST /_matrix/client/v3/account/3pid/unbind", Anybody(NO_THREEPIDS)),
    ("POST /_matrix/client/v3/user/{userId}/openid/request_token", Refused("{}", 403, "M_FORBIDDEN")),
    ("POST /_matrix/client/v1/login/get_token", Anybody(ONLY_OWN)),
    ("GET /_matrix/client/v3/admin/whois/{userId}", Refused("{}", 403, "M_FORBIDDEN")),
    ("POST /_matrix/client/v3/account/password", Anybody(ONLY_OWN)),
    ("POST /_matrix/client/v3/account/deactivate", Anybody(ONLY_OWN)),
    ("GET /_matrix/client/v3/devices", Anybody(ONLY_OWN)),
    ("GET /_matrix/client/v3/devices/{deviceId}", Refused("{}", 404, "M_NOT_FOUND")),
    ("PUT /_matrix/client/v3/devices/{deviceId}", Refused("{}", 404, "M_NOT_FOUND")),
    (
        "DELETE /_matrix/client/v3/devices/{deviceId}",
        Anybody("it asks for the caller's password first, and knows only the caller's devices"),
    ),
    (
        "POST /_matrix/client/v3/delete_devices",
        Anybody("it asks for the caller's password first, and knows only the caller's devices"),
    ),
    ("POST /_matrix/client/v3/keys/upload", Anybody(ONLY_OWN)),
    ("PUT /_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device", Anybody(ONLY_OWN)),
    ("GET /_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device", Anybody(ONLY_OWN)),
    ("DELETE /_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device", Anybody(ONLY_OWN)),
    (
        "GET /_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device/{deviceId}/events",
        Refused("{}", 403, "M_FORBIDDEN"),
    ),
    (
        "POST /_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device/{deviceId}/events",
        Refused("{}", 403, "M_FORBIDDEN"),
    ),
    ("POST /_matrix/client/v3/keys/query", Anybody("whoever is to be written to can be looked up")),
    ("POST /_matrix/client/v3/keys/claim", Anybody("whoever is to be written to has keys for it")),
    ("GET /_matrix/client/v3/keys/changes", Anybody("it tells only of those whom the caller shares rooms with")),
    ("POST /_matrix/client/v3/keys/device_signing/upload", Anybody(ONLY_OWN)),
    ("POST /_matrix/client/unstable/keys/device_signing/upload", Anybody(ONLY_OWN)),
    ("POST /_matrix/client/v3/keys/signatures/upload", Anybody("it takes only signatures by the caller's own keys")),
    ("GET /_matrix/client/v3/capabilities", Anybody(PUBLIC)),
    ("POST /_matrix/client/v3/createRoom", Anybody("everybody may create rooms")),
    ("GET /_matrix/client/v3/rooms/{roomId}/event/{eventId}", Refused("{}", 404, "M_NOT_FOUND")),
    ("GET /_matrix/client/v3/rooms/{roomId}/messages", Refused("{}", 403, "M_FORBIDDEN")),
    ("GET /_matrix/client/v3/rooms/{roomId}/members", Refused("{}", 403, "M_FORBIDDEN")),
    ("GET /_matrix/client/v3/rooms/{roomId}/joined_members", Refused("{}", 403, "M_FORBIDDEN")),
    ("GET /_matrix/client/v3/joined_rooms", Anybody(ONLY_OWN)),
    ("POST /_matrix/client/v3/rooms/{roomId}/join", Refused("{}", 403, "M_FORBIDDEN")),
    ("POST /_matrix/client/v3/rooms/{roomId}/leave", Refused("{}", 403, "M_FORBIDDEN")),
    ("POST /_matrix/client/v3/rooms/{roomId}/forget", Anybody("there is nothing to forget of a room one never was in")),
    ("POST /_matrix/client/v3/rooms/{roomId}/invite", Refused(r#"{ "user_id": "$EVE" }"#, 403, "M_FORBIDDEN")),
    ("POST /_matrix/client/v3/rooms/{roomId}/kick", Refused(r#"{ "user_id": "$EVE" }"#, 403, "M_FORBIDDEN")),
    ("POST /_matrix/client/v3/rooms/{roomId}/ban", Refused(r#"{ "user_id": "$EVE" }"#, 403, "M_FORBIDDEN")),
    ("POST /_matrix/client/v3/rooms/{roomId}/unban", Refused(r#"{ "user_id": "$EVE" }"#, 403, "M_FORBIDDEN")),
    (
        "PUT /_matrix/client/v3/rooms/{roomId}/send/{eventType}/{txnId}",
        Refused(r#"{ "msgtype": "m.text", "body": "hello" }"#, 403, "M_FORBIDDEN"),
    ),
    ("PUT /_matrix/client/v3/rooms/{roomId}/redact/{eventId}/{txnId}", Refused("{}", 403, "M_FORBIDDEN")),
    (
        "PUT /_matrix/client/unstable/org.matrix.msc4140/rooms/{roomId}/delayed_event/{eventType}/{txnId}",
        Refused(r#"{ "delay_ms": 1000, "content": {} }"#, 403, "M_FORBIDDEN"),
    ),
    ("GET /_matrix/client/unstable/org.matrix.msc4140/delayed_events", Anybody(ONLY_OWN)),
    ("GET /_matrix/client/unstable/org.matrix.msc4140/delayed_events/{delayId}", Refused("{}", 404, "M_NOT_FOUND")),
    (
        "POST /_matrix/client/unstable/org.matrix.msc4140/delayed_events/{delayId}",
        Refused(r#"{ "action": "send" }"#, 404, "M_NOT_FOUND"),
    ),
    (
        "POST /_matrix/client/unstable/org.matrix.msc4140/delayed_events/{delayId}/{action}",
        Refused("{}", 404, "M_NOT_FOUND"),
    ),
    ("GET /_matrix/client/v3/rooms/{roomId}/state", Refused("{}", 403, "M_FORBIDDEN")),
    ("GET /_matrix/client/v3/rooms/{roomId}/state/{eventType}", Refused("{}", 403, "M_FORBIDDEN")),
    ("GET /_matrix/client/v3/rooms/{roomId}/state/{eventType}/", Refused("{}", 403, "M_FORBIDDEN")),
    ("GET /_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}", Refused("{}", 403, "M_FORBIDDEN")),
    ("PUT /_matrix/client/v3/rooms/{roomId}/state/{eventType}", Refused("{}", 403, "M_FORBIDDEN")),
    ("PUT /_matrix/client/v3/rooms/{roomId}/state/{eventType}/", Refused("{}", 403, "M_FORBIDDEN")),
    ("PUT /_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}", Refused("{}", 403, "M_FORBIDDEN")),
    ("GET /_matrix/client/v3/sync", Anybody(ONLY_OWN)),
    ("POST /_matrix/client/v4/sync", Anybody(ONLY_OWN)),
    ("POST /_matrix/client/unstable/org.matrix.simplified_msc3575/sync", Anybody(ONLY_OWN)),
    ("GET /_matrix/client/v3/user/{userId}/account_data/{type}", Refused("{}", 403, "M_FORBIDDEN")),
    ("GET /_matrix/client/v3/user/{userId}/rooms/{roomId}/account_data/{type}", Refused("{}", 403, "M_FORBIDDEN")),
    ("PUT /_matrix/client/v3/user/{userId}/account_data/{type}", Refused("{}", 403, "M_FORBIDDEN")),
    ("PUT /_matrix/client/v3/user/{userId}/rooms/{roomId}/account_data/{type}", Refused("{}", 403, "M_FORBIDDEN")),
    ("GET /_matrix/client/v3/user/{userId}/rooms/{roomId}/tags", Refused("{}", 403, "M_FORBIDDEN")),
    ("PUT /_matrix/client/v3/user/{userId}/rooms/{roomId}/tags/{tag}", Refused("{}", 403, "M_FORBIDDEN")),
    ("DELETE /_matrix/client/v3/user/{userId}/rooms/{roomId}/tags/{tag}", Refused("{}", 403, "M_FORBIDDEN")),
    ("POST /_matrix/client/v3/user/{userId}/filter", Refused("{}", 403, "M_FORBIDDEN")),
    ("GET /_matrix/client/v3/user/{userId}/filter/{filterId}", Refused("{}", 403, "M_FORBIDDEN")),
    ("GET /_matrix/client/v1/media/config", Anybody(PUBLIC)),
    ("GET /_matrix/media/v3/config", Anybody(PUBLIC)),
    ("POST /_matrix/media/v3/upload", Anybody("everybody may upload")),
    ("POST /_matrix/media/v1/create", Anybody("everybody may upload")),
    ("GET /_matrix/client/v3/pushrules/", Anybody(ONLY_OWN)),
    ("GET /_matrix/client/v3/pushrules/global/", Anybody(ONLY_OWN)),
    ("GET /_matrix/client/v3/pushrules/global/{kind}/", Anybody(ONLY_OWN)),
    ("GET /_matrix/client/v3/pushrules/global/{kind}/{ruleId}", Anybody(ONLY_OWN)),
    ("GET /_matrix/client/v3/pushrules/global/{kind}/{ruleId}/enabled", Anybody(ONLY_OWN)),
    ("GET /_matrix/client/v3/pushrules/global/{kind}/{ruleId}/actions", Anybody(ONLY_OWN)),
    ("PUT /_matrix/client/v3/pushrules/global/{kind}/{ruleId}", Anybody(ONLY_OWN)),
    ("PUT /_matrix/client/v3/pushrules/global/{kind}/{ruleId}/enabled", Anybody(ONLY_OWN)),
    ("PUT /_matrix/client/v3/pushrules/global/{kind}/{ruleId}/actions", Anybody(ONLY_OWN)),
    ("DELETE /_matrix/client/v3/pushrules/global/{kind}/{ruleId}", Anybody(ONLY_OWN)),
    ("POST /_matrix/client/v3/rooms/{roomId}/receipt/{receiptType}/{eventId}", Refused("{}", 403, "M_FORBIDDEN")),
    (
        "POST /_matrix/client/v3/rooms/{roomId}/read_markers",
        Refused(r#"{ "m.read": "$ITS_EVENT" }"#, 403, "M_FORBIDDEN"),
    ),
    (
        "PUT /_matrix/client/v3/rooms/{roomId}/typing/{userId}",
        Refused(r#"{ "typing": true, "timeout": 1000 }"#, 403, "M_FORBIDDEN"),
    ),
    ("PUT /_matrix/client/v3/profile/{userId}/{keyName}", Refused(r#"{ "displayname": "Eve" }"#, 403, "M_FORBIDDEN")),
    ("DELETE /_matrix/client/v3/profile/{userId}/{keyName}", Refused("{}", 403, "M_FORBIDDEN")),
    ("GET /_matrix/client/v3/presence/{userId}/status", Refused("{}", 403, "M_FORBIDDEN")),
    ("PUT /_matrix/client/v3/presence/{userId}/status", Refused(r#"{ "presence": "online" }"#, 403, "M_FORBIDDEN")),
    ("POST /_matrix/client/v3/search", Anybody("it finds only what the caller may see")),
    ("POST /_matrix/client/v3/user_directory/search", Anybody("it finds only whom the caller may see")),
    ("POST /_matrix/client/v3/join/{roomIdOrAlias}", Refused("{}", 403, "M_FORBIDDEN")),
    ("POST /_matrix/client/v3/knock/{roomIdOrAlias}", Refused("{}", 403, "M_FORBIDDEN")),
    ("PUT /_matrix/client/v3/directory/room/{roomAlias}", Refused(r#"{ "room_id": "$ITS_ROOM" }"#, 403, "M_FORBIDDEN")),
    ("DELETE /_matrix/client/v3/directory/room/{roomAlias}", Refused("{}", 403, "M_FORBIDDEN")),
    ("GET /_matrix/client/v3/rooms/{roomId}/aliases", Refused("{}", 403, "M_FORBIDDEN")),
    ("POST /_matrix/client/v3/publicRooms", Anybody(PUBLIC)),
    ("PUT /_matrix/client/v3/directory/list/room/{roomId}", Refused("{}", 403, "M_FORBIDDEN")),
    ("GET /_matrix/client/v3/rooms/{roomId}/context/{eventId}", Refused("{}", 404, "M_NOT_FOUND")),
    ("GET /_matrix/client/v1/rooms/{roomId}/timestamp_to_event", Refused("{}", 403, "M_FORBIDDEN")),
    ("GET /_matrix/client/v1/rooms/{roomId}/relations/{eventId}", Refused("{}", 404, "M_NOT_FOUND")),
    ("GET /_matrix/client/v1/rooms/{roomId}/relations/{eventId}/{relType}", Refused("{}", 404, "M_NOT_FOUND")),
    (
        "GET /_matrix/client/v1/rooms/{roomId}/relations/{eventId}/{relType}/{eventType}",
        Refused("{}", 404, "M_NOT_FOUND"),
    ),
    ("GET /_matrix/client/v1/rooms/{roomId}/threads", Refused("{}", 403, "M_FORBIDDEN")),
    ("GET /_matrix/client/unstable/org.matrix.msc4143/rtc/transports", Anybody(PUBLIC)),
    (
        "GET /_matrix/client/unstable/io.element.msc4306/rooms/{roomId}/thread/{eventId}/subscription",
        Refused("{}", 404, "M_NOT_FOUND"),
    ),
    (
        "PUT /_matrix/client/unstable/io.element.msc4306/rooms/{roomId}/thread/{eventId}/subscription",
        Refused("{}", 404, "M_NOT_FOUND"),
    ),
    (
        "DELETE /_matrix/client/unstable/io.element.msc4306/rooms/{roomId}/thread/{eventId}/subscription",
        Refused("{}", 404, "M_NOT_FOUND"),
    ),
    ("GET /_matrix/client/unstable/io.element.msc4308/thread_subscriptions", Anybody(ONLY_OWN)),
    (
        "GET /_matrix/client/unstable/io.element.msc4360/thread_updates",
        Anybody("it tells only of rooms that the caller is in"),
    ),
    ("GET /_matrix/client/v1/room_summary/{roomIdOrAlias}", Refused("{}", 404, "M_NOT_FOUND")),
    ("GET /_matrix/client/unstable/im.nheko.summary/summary/{roomIdOrAlias}", Refused("{}", 404, "M_NOT_FOUND")),
    ("GET /_matrix/client/unstable/im.nheko.summary/rooms/{roomIdOrAlias}/summary", Refused("{}", 404, "M_NOT_FOUND")),
    ("GET /_matrix/client/v1/rooms/{roomId}/hierarchy", Refused("{}", 403, "M_FORBIDDEN")),
    ("POST /_matrix/client/v3/rooms/{roomId}/upgrade", Refused(r#"{ "new_version": "12" }"#, 403, "M_FORBIDDEN")),
    ("PUT /_matrix/media/v3/upload/{serverName}/{mediaId}", Refused("content", 403, "M_FORBIDDEN")),
    ("GET /_matrix/client/v1/media/download/{serverName}/{mediaId}", Anybody(PUBLIC)),
    ("GET /_matrix/client/v1/media/download/{serverName}/{mediaId}/{fileName}", Anybody(PUBLIC)),
    ("GET /_matrix/client/v1/media/thumbnail/{serverName}/{mediaId}", Anybody(PUBLIC)),
    ("GET /_matrix/client/v1/media/preview_url", Anybody(PUBLIC)),
    ("GET /_matrix/media/v3/preview_url", Anybody(PUBLIC)),
    ("GET /_matrix/client/v3/notifications", Anybody(ONLY_OWN)),
    ("POST /_matrix/client/v3/room_keys/version", Anybody(ONLY_OWN)),
    ("GET /_matrix/client/v3/room_keys/version", Anybody(ONLY_OWN)),
    ("GET /_matrix/client/v3/room_keys/version/{version}", Anybody(ONLY_OWN)),
    ("PUT /_matrix/client/v3/room_keys/version/{version}", Anybody(ONLY_OWN)),
    ("DELETE /_matrix/client/v3/room_keys/version/{version}", Anybody(ONLY_OWN)),
    ("GET /_matrix/client/v3/room_keys/keys", Anybody(ONLY_OWN)),
    ("PUT /_matrix/client/v3/room_keys/keys", Anybody(ONLY_OWN)),
    ("DELETE /_matrix/client/v3/room_keys/keys", Anybody(ONLY_OWN)),
    ("GET /_matrix/client/v3/room_keys/keys/{roomId}", Anybody(ONLY_OWN)),
    ("PUT /_matrix/client/v3/room_keys/keys/{roomId}", Anybody(ONLY_OWN)),
    ("DELETE /_matrix/client/v3/room_keys/keys/{roomId}", Anybody(ONLY_OWN)),
    ("GET /_matrix/client/v3/room_keys/keys/{roomId}/{sessionId}", Anybody(ONLY_OWN)),
    ("PUT /_matrix/client/v3/room_keys/keys/{roomId}/{sessionId}", Anybody(ONLY_OWN)),
    ("DELETE /_matrix/client/v3/room_keys/keys/{roomId}/{sessionId}", Anybody(ONLY_OWN)),
    ("POST /_matrix/client/v3/rooms/{roomId}/report", Anybody("everybody may report a room they know of")),
    ("POST /_matrix/client/v3/rooms/{roomId}/report/{eventId}", Refused("{}", 404, "M_NOT_FOUND")),
    ("POST /_matrix/client/v3/users/{userId}/report", Anybody("everybody may report everybody")),
    (
        "PUT /_matrix/client/v3/directory/list/appservice/{networkId}/{roomId}",
        Refused(r#"{ "visibility": "public" }"#, 403, "M_FORBIDDEN"),
    ),
    ("GET /_matrix/client/v3/thirdparty/protocols", Anybody(PUBLIC)),
    ("GET /_matrix/client/v3/thirdparty/protocol/{protocol}", Anybody(PUBLIC)),
    ("GET /_matrix/client/v3/thirdparty/location/{protocol}", Anybody(PUBLIC)),
    ("GET /_matrix/client/v3/thirdparty/user/{protocol}", Anybody(PUBLIC)),
    ("GET /_matrix/client/v3/thirdparty/location", Anybody(PUBLIC)),
    ("GET /_matrix/client/v3/thirdparty/user", Anybody(PUBLIC)),
    ("POST /_matrix/client/v1/appservice/{appserviceId}/ping", Refused("{}", 403, "M_FORBIDDEN")),
    (
        "PUT /_matrix/client/v3/sendToDevice/{eventType}/{txnId}",
        Anybody("everybody may write to any device, as to a letter box"),
    ),
    ("GET /_matrix/client/v3/pushers", Anybody(ONLY_OWN)),
    ("GET /_matrix/client/v3/events", Anybody("it tells only of rooms that the caller may read")),
    ("GET /_matrix/client/v3/events/{eventId}", Refused("{}", 404, "M_NOT_FOUND")),
    ("GET /_matrix/client/v3/initialSync", Anybody(ONLY_OWN)),
    ("GET /_matrix/client/v3/rooms/{roomId}/initialSync", Refused("{}", 403, "M_FORBIDDEN")),
    ("POST /_matrix/client/v3/pushers/set", Anybody(ONLY_OWN)),
    ("POST /_matrix/client/v3/pushers/ack", Refused(r#"{"app_id":"a","ack_token":"t"}"#, 404, "M_NOT_FOUND")),
    ("GET /_matrix/client/v1/mutual_rooms", Anybody("it shows only rooms that the caller is in")),
    (
        "GET /_matrix/client/unstable/uk.half-shot.msc2666/user/mutual_rooms",
        Anybody("it shows only rooms that the caller is in"),
    ),
    ("GET /_matrix/client/v3/voip/turnServer", Anybody("credentials are for everybody who is signed in")),
];

/// Somebody who is signed in and nothing else tries all of it.
#[tokio::test]
async fn others_are_kept_out() {
    let server = Server::start().await;
    let world = World::of(&server, "ana").await;
    let eve = server.register("eve").await;
    let mut wrong = Vec::new();
    for route in table().iter().filter(|route| route.access == Access::User) {
        let Some((_, Refused(body, status, errcode))) = TRIALS.iter().find(|(line, _)| *line == name(route)) else {
            continue;
        };
        let body = body
            .replace("$ITS_EVENT", &world.value("eventId"))
            .replace("$ITS_ROOM", &world.value("roomId"))
            .replace("$EVE", eve.user_id());
        let request = eve.request(route.method.clone(), &world.path(route)).body(body);
        let answer = eve.send_request(request).await;
        if (answer.status, answer.json()["errcode"].as_str()) != (*status, Some(errcode)) {
            wrong.push(format!(
                "{}: expected {status} {errcode}, got {} {}",
                name(route),
                answer.status,
                answer.text()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The table is complete and has no line too many.
#[test]
fn the_table_has_every_route() {
    let routes: Vec<_> = table().iter().filter(|route| route.access == Access::User).map(name).collect();
    let missing: Vec<_> = routes.iter().filter(|route| !TRIALS.iter().any(|(line, _)| line == route)).collect();
    assert!(missing.is_empty(), "routes without a line in {}: {missing:#?}", file!());
    let stale: Vec<_> =
        TRIALS.iter().map(|(line, _)| line).filter(|line| !routes.iter().any(|route| route == *line)).collect();
    assert!(stale.is_empty(), "lines without a route in {}: {stale:#?}", file!());
    for (line, trial) in TRIALS {
        let lines = TRIALS.iter().filter(|(other, _)| other == line).count();
        assert_eq!(lines, 1, "{line} has several lines");
        assert!(!matches!(trial, Anybody("")), "{line} gives no reason");
    }
}
