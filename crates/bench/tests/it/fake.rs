//! A homeserver of a few hundred lines that keeps everything in memory and misbehaves on request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// The way in which the server misbehaves, on every n-th message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// Acknowledges and forgets.
    Lose(usize),
    /// Stores twice, under two ids.
    Duplicate(usize),
    /// Answers with an error.
    Refuse(usize),
    /// Closes the connection after the answer, which is no fault of the server.
    Close(usize),
    /// Answers polls only when this many messages have come or [`LIMIT_WAIT`] is over, and then gives the last one
    /// only; no fault either.
    Limit(usize),
}

/// However few messages are left at the end, a poll of [`Fault::Limit`] gives them after this.
const LIMIT_WAIT: Duration = Duration::from_millis(300);

#[derive(Debug)]
struct Event {
    room: String,
    json: Value,
}

#[derive(Debug, Default)]
struct World {
    users: usize,
    rooms: Vec<String>,
    sends: usize,
    /// Event ids by user and transaction id.
    transactions: HashMap<(String, String), String>,
    events: Vec<Event>,
}

#[derive(Debug)]
struct Server {
    fault: Fault,
    world: Mutex<World>,
    length: watch::Sender<usize>,
}

type Shared = State<Arc<Server>>;

impl Server {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("no handler panics with the lock")
    }
}

/// Starts the server on a free port and gives its base URL.
pub(crate) async fn start(fault: Fault) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(serve(listener, fault));
    format!("http://{address}")
}

/// Serves for ever.
pub(crate) async fn serve(listener: TcpListener, fault: Fault) {
    let server = Arc::new(Server { fault, world: Mutex::default(), length: watch::Sender::new(0) });
    let rooms = "/_matrix/client/v3/rooms/{room}";
    let router = Router::new()
        .route("/_matrix/client/versions", get(async || json!({"versions": ["v1.15"]}).to_string()))
        .route("/_matrix/client/v3/register", post(register))
        .route("/_matrix/client/v3/createRoom", post(create_room))
        .route("/_matrix/client/v3/user/{user}/filter", post(async || json!({"filter_id": "1"}).to_string()))
        .route(&format!("{rooms}/join"), post(async || "{}"))
        .route(&format!("{rooms}/send/m.room.message/{{transaction}}"), put(send))
        .route(&format!("{rooms}/messages"), get(messages))
        .route(&format!("{rooms}/read_markers"), post(async || "{}"))
        .route("/_matrix/client/unstable/org.matrix.simplified_msc3575/sync", post(sliding_sync))
        .route("/_matrix/client/v3/sync", get(sync))
        .with_state(server);
    axum::serve(listener, router).await.expect("it serves for ever");
}

fn answer(status: u16, body: &Value) -> Response {
    (StatusCode::from_u16(status).expect("a status"), body.to_string()).into_response()
}

/// Gives a session first, as servers do that hold a client to the stages of registration.
async fn register(State(server): Shared, body: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    if body["auth"]["session"] != "s" {
        return answer(401, &json!({"session": "s", "flows": [{"stages": ["m.login.dummy"]}]}));
    }
    let mut world = server.world();
    world.users += 1;
    let user = format!("@{}:fake", body["username"].as_str().expect("a name"));
    answer(200, &json!({"user_id": user, "access_token": format!("token{}", world.users)}))
}

async fn create_room(State(server): Shared) -> Response {
    let mut world = server.world();
    let room = format!("!{}:fake", world.rooms.len());
    world.rooms.push(room.clone());
    answer(200, &json!({"room_id": room}))
}

async fn send(
    State(server): Shared,
    Path((room, transaction)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(token) = headers.get(header::AUTHORIZATION) else {
        return answer(401, &json!({"errcode": "M_MISSING_TOKEN", "error": "No token"}));
    };
    let key = (token.to_str().expect("a token").to_owned(), transaction);
    let mut world = server.world();
    if let Some(event_id) = world.transactions.get(&key) {
        return answer(200, &json!({"event_id": event_id}));
    }
    world.sends += 1;
    let hits = |every: usize| world.sends.is_multiple_of(every);
    let copies = match server.fault {
        Fault::Refuse(every) if hits(every) => {
            return answer(500, &json!({"errcode": "M_UNKNOWN", "error": "Out of order"}));
        }
        Fault::Lose(every) if hits(every) => 0,
        Fault::Duplicate(every) if hits(every) => 2,
        _ => 1,
    };
    let close = matches!(server.fault, Fault::Close(every) if hits(every));
    let mut event_id = format!("$lost{}", world.sends);
    let content: Value = serde_json::from_slice(&body).expect("JSON");
    for _ in 0..copies {
        event_id = format!("$event{}-{}", world.events.len(), std::process::id());
        let json = json!({"event_id": event_id, "type": "m.room.message", "content": content});
        world.events.push(Event { room: room.clone(), json });
    }
    world.transactions.insert(key, event_id.clone());
    server.length.send_replace(world.events.len());
    let mut response = answer(200, &json!({"event_id": event_id}));
    if close {
        response.headers_mut().insert(header::CONNECTION, header::HeaderValue::from_static("close"));
    }
    response
}

/// Backwards only, in pages of seven whatever is asked for.
async fn messages(
    State(server): Shared,
    Path(room): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let world = server.world();
    let from = query.get("from").map_or(world.events.len(), |from| from.parse().expect("a token"));
    let page: Vec<(usize, &Event)> =
        world.events[..from].iter().enumerate().rev().filter(|(_, event)| event.room == room).take(7).collect();
    let chunk: Vec<&Value> = page.iter().map(|(_, event)| &event.json).collect();
    match page.last() {
        Some((last, _)) => answer(200, &json!({"chunk": chunk, "end": last.to_string()})),
        None => answer(200, &json!({"chunk": chunk})),
    }
}

async fn sync(State(server): Shared, Query(query): Query<HashMap<String, String>>) -> Response {
    let since: Option<usize> = query.get("since").map(|since| since.parse().expect("a token"));
    let timeout = Duration::from_millis(query.get("timeout").map_or(0, |it| it.parse().expect("milliseconds")));
    let (enough, limit, timeout) = match server.fault {
        Fault::Limit(count) => (count, 1, timeout.min(LIMIT_WAIT)),
        _ => (1, 20, timeout),
    };
    if let Some(since) = since {
        let mut length = server.length.subscribe();
        let news = length.wait_for(|length| *length >= since + enough);
        // Whether there is news or the time is up, what there is is the answer.
        let _ = tokio::time::timeout(timeout, news).await.map(drop);
    }
    let world = server.world();
    let mut join = serde_json::Map::new();
    for room in &world.rooms {
        let events: Vec<(usize, &Event)> =
            world.events[since.unwrap_or(0)..].iter().enumerate().filter(|(_, event)| event.room == *room).collect();
        if events.is_empty() && since.is_some() {
            continue;
        }
        let shown = &events[events.len().saturating_sub(limit)..];
        let start = shown.first().map_or(0, |(index, _)| index + since.unwrap_or(0));
        let timeline = json!({
            "events": shown.iter().map(|(_, event)| &event.json).collect::<Vec<_>>(),
            "limited": shown.len() < events.len(),
            "prev_batch": start.to_string(),
        });
        join.insert(room.clone(), json!({"timeline": timeline}));
    }
    answer(200, &json!({"next_batch": world.events.len().to_string(), "rooms": {"join": join}}))
}

/// All rooms at first, and then those with news.
async fn sliding_sync(State(server): Shared, Query(query): Query<HashMap<String, String>>) -> Response {
    let pos: usize = query.get("pos").map_or(0, |pos| pos.parse().expect("a token"));
    let world = server.world();
    let mut rooms = serde_json::Map::new();
    for room in &world.rooms {
        let events = world.events[pos..].iter().filter(|event| event.room == *room);
        let events: Vec<&Value> = events.map(|event| &event.json).collect();
        if !events.is_empty() {
            rooms.insert(room.clone(), json!({"timeline": events}));
        }
    }
    let lists = json!({"all": {"count": world.rooms.len()}});
    answer(200, &json!({"pos": world.events.len().to_string(), "lists": lists, "rooms": rooms}))
}
