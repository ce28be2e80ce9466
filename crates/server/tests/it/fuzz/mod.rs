//! Properties that hold for anything that strangers and users send, tried on a whole server: no 5xx, errors of the
//! specification, and no data of other users.

mod bodies;
mod headers;
mod tokens;

use im2_testkit::{Answer, Client, Server, Setup};
use proptest::prelude::TestCaseError;
use serde_json::json;
use tokio::runtime::Runtime;

/// A server with two users, one of whom has what the other may not see.
struct World {
    runtime: Runtime,
    ana: Client,
    ben: Client,
    /// Ana's private room, in which she has said [`SECRET`].
    room: String,
    _server: Server,
}

/// A word that only Ana may read.
const SECRET: &str = "xylophone";

impl World {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let (server, ana, ben, room) = runtime.block_on(async {
            let server =
                Setup::default().set("metrics.bind", im2_server::config::Value::List(Vec::new())).start().await;
            let (ana, ben) = (server.register("ana").await, server.register("ben").await);
            let room = ana.create_room(json!({ "preset": "private_chat", "name": SECRET })).await;
            for number in 0..12 {
                ana.send_text(&room, &format!("{SECRET} {number}")).await;
            }
            ben.create_room(json!({ "preset": "public_chat", "name": "tea", "visibility": "public" })).await;
            (server, ana, ben, room)
        });
        Self { runtime, ana, ben, room, _server: server }
    }
}

/// A success, or a refusal in the specification's form.
fn is_an_answer(answer: &Answer) -> Result<(), TestCaseError> {
    let shown = || format!("{}: {} {}", answer.request, answer.status, answer.text());
    proptest::prop_assert!((200..500).contains(&answer.status), "{}", shown());
    if answer.status >= 400 {
        let body = answer.json();
        proptest::prop_assert!(body["errcode"].as_str().is_some_and(|code| code.starts_with("M_")), "{}", shown());
        proptest::prop_assert!(body["error"].as_str().is_some_and(|text| !text.is_empty()), "{}", shown());
    }
    Ok(())
}
