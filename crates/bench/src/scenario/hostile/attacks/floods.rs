//! Attacks by sending: as much as the limits allow, to the others' rooms and devices.

use anyhow::Result;
use http::Method;
use serde_json::{Value, json};

use super::super::attack::{Attack, Shot};
use super::super::ground::Ground;
use crate::matrix::{Session, encode, send_path};

/// Messages that are sent again: more than servers remember of a room.
const REPEATED: usize = 300;

/// A send with a transaction id of its own.
pub(super) fn send(session: &Session, room: &str, content: String) -> Shot {
    Shot::new("PUT", &format!("{}flood-{{number}}", send_path(room)), session, content)
}

/// Small messages to the rooms of the others.
pub(super) async fn messages(name: &'static str, ground: &Ground<'_>) -> Result<Attack> {
    let sender = ground.account_among_others("messages").await?;
    let content = json!({"msgtype": "m.text", "body": "hello {number}"}).to_string();
    let shots = ground.rooms.iter().map(|room| send(&sender, &room.id, content.clone())).collect();
    Ok(Attack::volley(name, ground.lanes, shots))
}

/// Messages and reactions that were sent long ago, again and again, to the rooms of the others.
pub(super) async fn repeats(name: &'static str, ground: &Ground<'_>) -> Result<Attack> {
    let sender = ground.account_among_others("repeats").await?;
    let mut shots = Vec::new();
    let hello = json!({"msgtype": "m.text", "body": "hello"});
    for room in &ground.rooms {
        let path = format!("{}repeat-", send_path(&room.id));
        ground
            .ask_many(Method::PUT, &sender, REPEATED, |index| {
                let path = path.strip_prefix("/_matrix/client/v3").unwrap_or(&path);
                (format!("{path}{index}"), hello.clone())
            })
            .await?;
        let on = ground.send_many(&sender, &room.id, "m.room.message", 1, |_| hello.clone()).await?.remove(0);
        let reaction = json!({"m.relates_to": {"rel_type": "m.annotation", "event_id": on, "key": "x"}});
        ground.send_many(&sender, &room.id, "m.reaction", 1, |_| reaction.clone()).await?;
        for index in 0..REPEATED / 10 {
            shots.push(Shot::new("PUT", &format!("{path}{index}"), &sender, hello.to_string()));
            let again = send_path(&room.id).replace("m.room.message", "m.reaction");
            shots.push(Shot::new("PUT", &format!("{again}again-{{number}}"), &sender, reaction.to_string()));
        }
    }
    // In the order of the series, so that several of one room are under way at once.
    Ok(Attack::volley(name, ground.lanes, shots))
}

/// The largest messages, with much to index and many mentions, to the rooms of the others.
pub(super) async fn large_messages(name: &'static str, ground: &Ground<'_>) -> Result<Attack> {
    let sender = ground.account_among_others("large-messages").await?;
    let words = (0..5_000).map(|number| format!("w{number:05} ")).collect::<Vec<_>>().concat();
    let text = json!({"msgtype": "m.text", "body": format!("{{number}} {words}")}).to_string();
    let html = format!("{}x", "<b>".repeat(10_000));
    let nested = json!({
        "msgtype": "m.text", "body": "{number}", "format": "org.matrix.custom.html", "formatted_body": html,
        "m.mentions": {"user_ids": vec!["@nobody:example.org"; 500]},
    });
    let deep = (0..60).fold(json!({}), |inner: Value, _| json!({"a": inner, "b": "x".repeat(400)}));
    let deep = json!({"msgtype": "m.text", "body": "{number}", "deep": deep}).to_string();
    let contents = [text, nested.to_string(), deep];
    let shots = ground.rooms.iter().zip(contents.iter().cycle());
    let shots = shots.map(|(room, content)| send(&sender, &room.id, content.clone())).collect();
    Ok(Attack::volley(name, ground.lanes, shots))
}

/// State of rooms of one's own, as large as it may be.
pub(super) async fn own_state(name: &'static str, ground: &Ground<'_>) -> Result<Attack> {
    let owner = ground.account("own-state").await?;
    let room = ground.room(&owner).await?;
    let path = format!("/_matrix/client/v3/rooms/{}/state/im2.bench/{{number}}", encode(&room));
    let content = json!({"text": "x".repeat(55_000)}).to_string();
    let levels = format!("/_matrix/client/v3/rooms/{}/state/m.room.power_levels/", encode(&room));
    let users: serde_json::Map<String, Value> =
        (0..1_500).map(|user| (format!("@user-{user}:example.org"), 1.into())).collect();
    let mut users = users;
    users.insert(owner.user_id.clone(), 100.into());
    let shots = vec![
        Shot::new("PUT", &path, &owner, content),
        Shot::new("PUT", &path, &owner, json!({"text": "small"}).to_string()),
        Shot::new("PUT", &levels, &owner, json!({"users": users, "events": {"x{number}": 1}}).to_string()),
    ];
    Ok(Attack::volley(name, ground.lanes, shots))
}

/// Events to be sent soon and late, and timers that are started anew.
pub(super) async fn delayed_events(name: &'static str, ground: &Ground<'_>) -> Result<Attack> {
    let sender = ground.account_among_others("delayed").await?;
    let content = json!({"msgtype": "m.text", "body": "x".repeat(10_000)}).to_string();
    let mut shots = Vec::new();
    for (room, delay) in ground.rooms.iter().zip([1, 10, 100, 1_000, 86_400_000].iter().cycle()) {
        let path = format!("{}delayed-{{number}}?org.matrix.msc4140.delay={delay}", send_path(&room.id));
        shots.push(Shot::new("PUT", &path, &sender, content.clone()));
    }
    shots.push(Shot::get("/_matrix/client/unstable/org.matrix.msc4140/delayed_events", &sender));
    Ok(Attack::volley(name, ground.lanes, shots))
}

/// Messages to all devices of all others.
pub(super) async fn to_device(name: &'static str, ground: &Ground<'_>) -> Result<Attack> {
    let sender = ground.account_among_others("to-device").await?;
    let messages = |text: String| {
        let to = ground.talkers.iter().map(|talker| (talker.user_id.clone(), json!({"*": {"text": text}})));
        json!({"messages": to.collect::<serde_json::Map<_, _>>()}).to_string()
    };
    let path = "/_matrix/client/v3/sendToDevice/im2.bench/{number}";
    let shots = [10, 1_000, 15_000].map(|bytes| Shot::new("PUT", path, &sender, messages("x".repeat(bytes))));
    Ok(Attack::volley(name, ground.lanes, shots.into()))
}

/// Typing, receipts and presence, in all rooms of the others.
pub(super) async fn signals(name: &'static str, ground: &Ground<'_>) -> Result<Attack> {
    let account = ground.account_among_others("signals").await?;
    let user = encode(&account.user_id);
    let mut shots = Vec::new();
    for room in &ground.rooms {
        let text = json!({"msgtype": "m.text", "body": "read me"});
        let event = ground.send_many(&account, &room.id, "m.room.message", 1, |_| text.clone()).await?.remove(0);
        let room = encode(&room.id);
        let typing = format!("/_matrix/client/v3/rooms/{room}/typing/{user}");
        shots.push(Shot::new("PUT", &typing, &account, json!({"typing": true, "timeout": 100}).to_string()));
        shots.push(Shot::new("PUT", &typing, &account, json!({"typing": false}).to_string()));
        let receipt = format!("/_matrix/client/v3/rooms/{room}/receipt/m.read/{}", encode(&event));
        shots.push(Shot::new("POST", &receipt, &account, json!({"thread_id": "main"}).to_string()));
    }
    let status = format!("/_matrix/client/v3/presence/{user}/status");
    for presence in ["online", "unavailable"] {
        let body = json!({"presence": presence, "status_msg": "{number}".repeat(100)}).to_string();
        shots.push(Shot::new("PUT", &status, &account, body));
    }
    Ok(Attack::volley(name, ground.lanes, shots))
}
