//! Every route with what no client should send: it is refused with a 4xx of the specification, never with a 5xx.

use im2_edge::routes::{Access, Route};
use im2_testkit::{Answer, Client, Server};
use reqwest::Method;
use serde_json::{Value, json};

use super::{fill, name, parameters, table, world::World};

/// The error codes that the specification has for requests that are wrong in themselves, or about things that are not
/// there or not allowed.
const ERRCODES: &[&str] = &[
    "M_BAD_ALIAS",
    "M_BAD_JSON",
    "M_BAD_STATE",
    "M_CANNOT_OVERWRITE_MEDIA",
    "M_FORBIDDEN",
    "M_GUEST_ACCESS_FORBIDDEN",
    "M_INVALID_PARAM",
    "M_INVALID_ROOM_STATE",
    "M_INVALID_SIGNATURE",
    "M_INVALID_USERNAME",
    "M_KEY_TOO_LARGE",
    "M_LIMIT_EXCEEDED",
    "M_MISSING_PARAM",
    "M_NOT_FOUND",
    "M_NOT_JSON",
    "M_NOT_YET_UPLOADED",
    "M_PROFILE_TOO_LARGE",
    "M_SERVER_NOT_TRUSTED",
    "M_THREEPID_AUTH_FAILED",
    "M_THREEPID_DENIED",
    "M_THREEPID_MEDIUM_NOT_SUPPORTED",
    "M_THREEPID_NOT_FOUND",
    "M_TOO_LARGE",
    "M_UNKNOWN",
    "M_UNKNOWN_TOKEN",
    "M_UNRECOGNIZED",
    "M_UNSUPPORTED_ROOM_VERSION",
    "M_URL_NOT_SET",
    "M_USER_IN_USE",
    "M_WEAK_PASSWORD",
    "M_WRONG_ROOM_KEYS_VERSION",
];

/// Routes whose body is a file, so that nothing is malformed about it.
const FILES: &[&str] = &["POST /_matrix/media/v3/upload", "PUT /_matrix/media/v3/upload/{serverName}/{mediaId}"];

/// Routes that take no body, or whose body has no member that is looked at: whatever stands there does no harm.
const IGNORE_BODIES: &[&str] = &[
    "POST /_matrix/client/v3/rooms/{roomId}/forget",
    "POST /_matrix/client/v3/logout",
    "POST /_matrix/client/v3/logout/all",
    "POST /_matrix/media/v1/create",
];

/// Routes for application services, which refuse everybody else before they look at a body.
const FOR_SERVICES: &[&str] = &[
    "POST /_matrix/client/v1/appservice/{appserviceId}/ping",
    "PUT /_matrix/client/v3/directory/list/appservice/{networkId}/{roomId}",
];

/// Whether a body that is no JSON object has to be refused.
fn reads_json(route: &Route) -> bool {
    let name = name(route);
    matches!(route.method, Method::PUT | Method::POST)
        && !FILES.contains(&name.as_str())
        && !IGNORE_BODIES.contains(&name.as_str())
        && !FOR_SERVICES.contains(&name.as_str())
}

/// An answer that a malformed request may get: a refusal of the specification, or, where what is wrong does not
/// matter to the route, a success.
#[track_caller]
fn check(answer: &Answer, sent: &str) {
    let shown = || format!("{} with {sent}: {} {}", answer.request, answer.status, answer.text());
    assert!((200..500).contains(&answer.status), "{}", shown());
    if answer.status >= 400 && answer.status != 401 {
        let body = answer.json();
        assert!(body["errcode"].as_str().is_some_and(|errcode| ERRCODES.contains(&errcode)), "{}", shown());
        assert!(body["error"].as_str().is_some_and(|message| !message.is_empty()), "{}", shown());
    }
}

/// A user of their own for each route: some routes end sessions and accounts.
struct Trial {
    route: Route,
    client: Client,
    path: String,
    world: World,
}

impl Trial {
    async fn all(server: &Server) -> Vec<Self> {
        let mut trials = Vec::new();
        // Not the owner: some routes end the account that they are about.
        let root = server.register_admin("root").await;
        for (number, route) in table().into_iter().enumerate() {
            let world = World::of(server, &format!("user{number}")).await;
            let path = world.path(&route);
            let client = match route.access {
                Access::User => world.owner.clone(),
                Access::Admin => root.clone(),
                Access::Public | Access::Proof => world.owner.nobody(),
            };
            trials.push(Self { route, client, path, world });
        }
        trials
    }

    async fn send(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        let request = self.client.request(self.route.method.clone(), path);
        self.client.send_request(request.header("content-type", "application/json").body(body)).await
    }
}

#[tokio::test]
async fn bodies_that_are_no_json() {
    let server = Server::start().await;
    for trial in Trial::all(&server).await {
        let nested = "[".repeat(1_000_000);
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        let bodies: [(&str, &[u8]); 6] = [
            ("an open object", b"{"),
            ("a word", b"nonsense"),
            ("invalid UTF-8", b"{\"a\": \"\xff\xfe\"}"),
            ("half a surrogate pair", b"{\"user_id\": \"\\ud800\", \"reason\": \"\\ud800\"}"),
            ("a million brackets", nested.as_bytes()),
            ("a deep object", deep.as_bytes()),
        ];
        for (what, body) in bodies {
            let answer = trial.send(&trial.path, body.to_vec()).await;
            check(&answer, what);
            let refused = matches!(answer.json()["errcode"].as_str(), Some("M_NOT_JSON" | "M_BAD_JSON"));
            let must = reads_json(&trial.route) && !matches!(what, "half a surrogate pair" | "a deep object");
            assert!(refused || !must, "{} took {what}: {}", name(&trial.route), answer.text());
        }
    }
}

#[tokio::test]
async fn bodies_of_another_shape() {
    let server = Server::start().await;
    for trial in Trial::all(&server).await {
        for body in ["[]", "null", "5", "\"text\"", "true"] {
            let answer = trial.send(&trial.path, body).await;
            check(&answer, body);
            if reads_json(&trial.route) {
                assert!((400..500).contains(&answer.status), "{} took {body}: {}", name(&trial.route), answer.text());
            }
        }
        for body in wrong_members() {
            check(&trial.send(&trial.path, body.to_string()).await, &body.to_string());
        }
    }
}

/// Every member that some route reads, in one text.
const MEMBERS: &str = "\
    actions address admin after_ts algorithm app_display_name app_id append auth auth_data avatar_url burst_count \
    client_secret conditions content country creation_content data deactivated device_display_name device_id \
    device_keys devices display_name displayname email enabled erase event_fields event_format expiry_time \
    external_ids fallback_keys filter first_message_index forwarded_count id_access_token id_server identifier \
    initial_state invite is_direct is_verified kind lang length limit locked logout_devices m.fully_read m.read \
    master_key medium membership messages messages_per_second msgtype name new_password new_version nonce \
    one_time_keys order password pattern phone_number power_level_content_override presence preset profile_tag \
    pushkey reason refresh_token room room_alias_name room_id room_version rooms search_term self_signing_key \
    send_attempt servers session_data sessions sid since status_msg suspend suspended thread_id three_pid_creds \
    threepids timeout token topic type typing user user_id user_signing_key user_type username users uses_allowed \
    valid_until_ms version via visibility";

/// Objects in which every member that some route reads holds the same wrong thing.
fn wrong_members() -> Vec<Value> {
    let huge = serde_json::from_str("1e300").expect("a number");
    let values = [
        Value::Null,
        Value::Bool(true),
        Value::from(-1),
        Value::from(u64::MAX),
        huge,
        Value::from(""),
        Value::from("\0 @: \u{202e}"),
        Value::from("x".repeat(2_000)),
        json!([[], {}, "a", 1]),
        json!({ "a": { "b": [null] }, "type": 7, "session": {} }),
    ];
    let object = |value: &Value| MEMBERS.split(' ').map(|member| (member.to_owned(), value.clone())).collect();
    values.iter().map(|value| Value::Object(object(value))).collect()
}

#[tokio::test]
async fn an_array_is_no_object() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    // What a parser could read member by member, if every member may be left out.
    for array in [json!([]), json!(["x"]), json!([null])] {
        ana.post("/v3/publicRooms", json!({ "filter": array })).await.refused(400, "M_BAD_JSON");
        ana.post("/v3/search", json!({ "search_categories": array })).await.refused(400, "M_BAD_JSON");
    }
}

#[tokio::test]
async fn bodies_that_are_too_large() {
    let server = Server::start().await;
    for trial in Trial::all(&server).await {
        if trial.route.method == Method::GET || !reads_json(&trial.route) {
            continue;
        }
        let body = format!("{{\"body\": \"{}\"}}", "x".repeat(im2_edge::JSON_BODY_LIMIT));
        trial.send(&trial.path, body).await.refused(413, "M_TOO_LARGE");
    }
}

#[tokio::test]
async fn paths_with_wrong_parameters() {
    let server = Server::start().await;
    for trial in Trial::all(&server).await {
        for wrong in ["!", "@", "$", "#:", "%", "a/b", "..", "\0", "\u{feff}", "-1", "99999999999999999999", "💥"] {
            for parameter in parameters(trial.route.path) {
                let value = |name: &str| if name == parameter { wrong.to_owned() } else { trial.world.value(name) };
                check(&trial.send(&fill(trial.route.path, value), "{}").await, wrong);
            }
        }
        for parameter in parameters(trial.route.path) {
            let long = |name: &str| if name == parameter { "!".repeat(5_000) } else { trial.world.value(name) };
            check(&trial.send(&fill(trial.route.path, long), "{}").await, "a parameter of 5,000 characters");
            let marked = |name: &str| if name == parameter { "MARK".to_owned() } else { trial.world.value(name) };
            let path = fill(trial.route.path, marked).replacen("MARK", "%ff%fe", 1);
            trial.send(&path, "{}").await.refused(400, "M_INVALID_PARAM");
        }
    }
}

#[tokio::test]
async fn queries_that_lack_what_they_need() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    for path in [
        "/v1/register/m.login.registration_token/validity",
        "/v1/rooms/!room:localhost/timestamp_to_event?dir=f",
        "/v1/media/thumbnail/localhost/media?width=32",
        "/v3/register/available",
        "/v3/keys/changes",
        "/v3/room_keys/keys",
        "/v3/thirdparty/location",
        "/v3/thirdparty/user",
    ] {
        ana.get(path).await.refused(400, "M_MISSING_PARAM");
    }
}

#[tokio::test]
async fn queries_that_are_wrong() {
    const NAMES: &str = "\
        access_token access_tokens admins allow_redirect allow_remote animated at batch_token deactivated dir \
        event_id filename filter from full_state guests height include_all_networks kind limit locked max_depth membership \
        method name not_membership not_user_type only order_by recurse server server_name set_presence since \
        suggested_only timeout timeout_ms to token ts url use_state_after user_id username valid version via \
        width";
    let server = Server::start().await;
    for trial in Trial::all(&server).await {
        // Without a time it waits for long.
        let begin = if trial.route.path.ends_with("/v3/events") { "?timeout=0&" } else { "?" };
        let path = fill(trial.route.path, |parameter| trial.world.value(parameter)) + begin;
        for value in
            ["", "-1", "99999999999999999999999", "1.5", "nonsense", "%ff%fe", "%00", "{", "[]", "%F0%9F%92%A5"]
        {
            let query = NAMES.split(' ').map(|name| format!("{name}={value}")).collect::<Vec<_>>().join("&");
            check(&trial.send(&format!("{path}{query}"), "{}").await, value);
        }
        // One by one as well, for the first that is refused hides the others.
        for name in NAMES.split(' ').filter(|_| trial.route.method == Method::GET) {
            for value in ["-1", "nonsense", "%ff"] {
                check(&trial.send(&format!("{path}{name}={value}"), "{}").await, value);
            }
        }
    }
}
