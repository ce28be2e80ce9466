//! Attacks by reading what takes long to find.

use anyhow::Result;
use serde_json::{Value, json};

use super::super::attack::{Attack, Shot};
use super::super::ground::Ground;
use crate::matrix::encode;

const REACTIONS: usize = 3_000;
const REPLIES: usize = 300;
const EDITS: usize = 1_000;
const MESSAGES: usize = 2_000;
const CHILDREN: usize = 3_000;
/// Rooms of a space that exist, each a space with all others as its children.
const SPACES: usize = 60;

fn text(body: impl Into<Value>) -> Value {
    json!({"msgtype": "m.text", "body": body.into()})
}

/// Pages of relations over more levels than one, of a message that has very many.
pub(super) async fn relations(name: &'static str, ground: &Ground<'_>) -> Result<Attack> {
    let account = ground.account("relations").await?;
    let room = ground.room(&account).await?;
    let root = ground.send_many(&account, &room, "m.room.message", 1, |_| text("root")).await?.remove(0);
    let replies = ground
        .send_many(&account, &room, "m.room.message", REPLIES, |number| {
            let mut content = text(format!("reply {number}"));
            content["m.relates_to"] = json!({"rel_type": "m.thread", "event_id": root});
            content
        })
        .await?;
    ground
        .send_many(&account, &room, "m.reaction", REACTIONS, |number| {
            let on = &replies[number % REPLIES];
            json!({"m.relates_to": {"rel_type": "m.annotation", "event_id": on, "key": format!("{number}")}})
        })
        .await?;
    let base = format!("/_matrix/client/v1/rooms/{}/relations/{}", encode(&room), encode(&root));
    let get = |query: &str| Shot::get(&format!("{base}{query}"), &account);
    let shots = vec![
        get("?recurse=true&limit=100"),
        get("?recurse=true&limit=1000&dir=f"),
        get("/m.annotation/m.reaction?recurse=true&limit=100"),
        get("/m.replace?recurse=true&limit=100"),
    ];
    Ok(Attack::volley(name, ground.lanes, shots))
}

/// Threads and messages that were edited again and again, with all that is bundled with them.
pub(super) async fn threads(name: &'static str, ground: &Ground<'_>) -> Result<Attack> {
    let account = ground.account("threads").await?;
    let room = ground.room(&account).await?;
    let roots = ground.send_many(&account, &room, "m.room.message", 100, |number| text(format!("{number}"))).await?;
    ground
        .send_many(&account, &room, "m.room.message", REPLIES, |number| {
            let mut content = text("reply");
            content["m.relates_to"] = json!({"rel_type": "m.thread", "event_id": roots[number % roots.len()]});
            content
        })
        .await?;
    ground
        .send_many(&account, &room, "m.room.message", EDITS, |number| {
            let mut content = text("* edit");
            content["m.new_content"] = text("x".repeat(1_000));
            content["m.relates_to"] = json!({"rel_type": "m.replace", "event_id": roots[number % roots.len()]});
            content
        })
        .await?;
    let room = encode(&room);
    let paths = [
        format!("/_matrix/client/v1/rooms/{room}/threads?limit=100&include=all"),
        format!("/_matrix/client/v1/rooms/{room}/threads?limit=100&include=participated"),
        format!("/_matrix/client/v3/rooms/{room}/messages?dir=f&limit=1000"),
        format!("/_matrix/client/v3/rooms/{room}/event/{}", encode(&roots[0])),
    ];
    let shots = paths.iter().map(|path| Shot::get(path, &account)).collect();
    Ok(Attack::volley(name, ground.lanes, shots))
}

/// The longest pages of history, with filters that let nothing through, and all members and state.
pub(super) async fn history(name: &'static str, ground: &Ground<'_>) -> Result<Attack> {
    let account = ground.account_among_others("history").await?;
    let room = ground.room(&account).await?;
    let sent = ground
        .send_many(&account, &room, "m.room.message", MESSAGES, |number| {
            text(format!("{number} {}", "x".repeat(5_000)))
        })
        .await?;
    ground
        .fill_state(&account, &room, "im2.bench", 2_000, |key| (key.to_string(), json!({"text": "x".repeat(1_000)})))
        .await?;
    let base = format!("/_matrix/client/v3/rooms/{}", encode(&room));
    let nothing = encode(&json!({"types": ["*a*b*c*d*e*f*"], "limit": 1_000}).to_string());
    let urls = encode(&json!({"contains_url": true, "lazy_load_members": true}).to_string());
    let middle = encode(&sent[MESSAGES / 2]);
    let paths = [
        format!("{base}/messages?dir=b&limit=1000"),
        format!("{base}/messages?dir=f&limit=1000&filter={nothing}"),
        format!("{base}/messages?dir=b&limit=1000&filter={urls}"),
        format!("{base}/context/{middle}?limit=1000"),
        format!("{base}/state"),
        format!("{base}/members?not_membership=leave"),
        format!("{base}/initialSync?limit=1000"),
    ];
    let shots = paths.iter().map(|path| Shot::get(path, &account)).collect();
    Ok(Attack::volley(name, ground.lanes, shots))
}

/// Searches for many words, beginnings of words and single signs, in long messages.
pub(super) async fn search(name: &'static str, ground: &Ground<'_>) -> Result<Attack> {
    let account = ground.account_among_others("search").await?;
    let room = ground.room(&account).await?;
    let words = (0..200).map(|number| format!("word{number} 中文字{number} ")).collect::<Vec<_>>().concat();
    ground
        .send_many(&account, &room, "m.room.message", MESSAGES, |number| text(format!("{number} {words} the quick")))
        .await?;
    let many = (0..100).map(|number| format!("word{number} ")).collect::<Vec<_>>().concat();
    let terms =
        ["the", "w", "中", "中 文 字", "the* q* b* f* j* l* d*", &many, "\"the quick brown fox\" -dog", "a OR b"];
    let search = |term: &str, order: &str| {
        let events = json!({
            "search_term": term, "order_by": order, "include_state": true,
            "filter": {"limit": 100}, "event_context": {"before_limit": 100, "after_limit": 100, "include_profile": true},
            "groupings": {"group_by": [{"key": "room_id"}, {"key": "sender"}]},
        });
        let body = json!({"search_categories": {"room_events": events}}).to_string();
        Shot::new("POST", "/_matrix/client/v3/search", &account, body)
    };
    let shots = terms.iter().flat_map(|term| [search(term, "rank"), search(term, "recent")]).collect();
    Ok(Attack::volley(name, ground.lanes, shots))
}

/// Searches for people and public rooms by what many have in common.
pub(super) async fn directory(name: &'static str, ground: &Ground<'_>) -> Result<Attack> {
    let account = ground.account_among_others("directory").await?;
    let long = "bench ".repeat(5_000);
    let mut shots = Vec::new();
    for term in ["b", "bench", "e n c h", "中", "ä", "%_*", "-", &long] {
        let people = json!({"search_term": term, "limit": 1_000}).to_string();
        shots.push(Shot::new("POST", "/_matrix/client/v3/user_directory/search", &account, people));
        let rooms = json!({"filter": {"generic_search_term": term}, "limit": 1_000}).to_string();
        shots.push(Shot::new("POST", "/_matrix/client/v3/publicRooms", &account, rooms));
    }
    Ok(Attack::volley(name, ground.lanes, shots))
}

/// A space of very many rooms, most of which do not exist, and spaces in circles.
pub(super) async fn spaces(name: &'static str, ground: &Ground<'_>) -> Result<Attack> {
    let account = ground.account("spaces").await?;
    let spaces = ground.many_rooms(&account, SPACES, json!({"creation_content": {"type": "m.space"}})).await?;
    let server = ground.server_name();
    let via = json!({"via": [server], "order": "aaaa"});
    let unknown = (0..).map(|number| format!("!room-{number}:{server}"));
    let children: Vec<String> = spaces.iter().cloned().chain(unknown).take(CHILDREN).collect();
    for (number, space) in spaces.iter().enumerate() {
        let count = if number == 0 { CHILDREN } else { spaces.len() };
        ground.fill_state(&account, space, "m.space.child", count, |key| (children[key].clone(), via.clone())).await?;
    }
    let paths = ["?limit=1000", "?limit=50&max_depth=100", "?suggested_only=true"]
        .map(|query| format!("/_matrix/client/v1/rooms/{}/hierarchy{query}", encode(&spaces[0])));
    let shots = paths.iter().map(|path| Shot::get(path, &account)).collect();
    Ok(Attack::volley(name, ground.lanes, shots))
}
