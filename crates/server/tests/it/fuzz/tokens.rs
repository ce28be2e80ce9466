//! Tokens that are nearly right, and right ones in the hands of somebody else: refused, or answered with what the asker
//! may see.

use im2_fuzz::{cases, text};
use im2_testkit::segment;
use proptest::{prelude::*, sample::select, test_runner::TestRunner};
use serde_json::{Value, json};

use super::{SECRET, World, is_an_answer};

/// Requests with a token: `{token}` stands for it, `{room}` for Ana's room.
const PATHS: &[&str] = &[
    "/v3/sync?timeout=0&since={token}",
    "/v3/sync?timeout=0&filter={token}",
    "/v3/rooms/{room}/messages?dir=b&from={token}",
    "/v3/rooms/{room}/messages?dir=f&from={token}&to={token}",
    "/v3/rooms/{room}/members?at={token}",
    "/v3/events?timeout=0&from={token}",
    "/v3/notifications?from={token}",
    "/v3/publicRooms?since={token}",
    "/v3/keys/changes?from={token}&to={token}",
    "/v1/rooms/{room}/hierarchy?from={token}",
    "/v1/rooms/{room}/threads?from={token}",
    "/v1/rooms/{room}/relations/%24e?from={token}&to={token}",
    "/v3/rooms/{room}/context/{token}",
    "/v3/rooms/{room}/event/{token}",
    "/v1/media/download/localhost/{token}",
    "/v3/user/%40ben%3Alocalhost/filter/{token}",
    "/v3/room_keys/keys?version={token}",
    "/v3/devices/{token}",
];

/// Everything that Ana was given to go on with.
async fn tokens_of(world: &World) -> Vec<String> {
    let (ana, room) = (&world.ana, segment(&world.room));
    let sync = ana.sync(None).await;
    let messages = ana.get(&format!("/v3/rooms/{room}/messages?dir=b&limit=3")).await.ok();
    let search = json!({ "search_categories": { "room_events": { "search_term": SECRET, "filter": { "limit": 2 } } } });
    let found = ana.post("/v3/search", search).await.ok();
    let event = ana.send_text(&world.room, SECRET).await;
    let filter = json!({ "room": { "timeline": { "limit": 5 } } });
    let filter = ana.post(&format!("/v3/user/{}/filter", segment(ana.user_id())), filter).await.ok();
    let upload = ana.request(reqwest::Method::POST, "/_matrix/media/v3/upload").body(SECRET);
    let upload = ana.send_request(upload).await.ok();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut tokens = vec![
        text(&sync["next_batch"]),
        text(&sync["rooms"]["join"][&world.room]["timeline"]["prev_batch"]),
        text(&messages["end"]),
        text(&found["search_categories"]["room_events"]["next_batch"]),
        event,
        text(&filter["filter_id"]),
        text(&upload["content_uri"]).rsplit('/').next().unwrap().to_owned(),
    ];
    tokens.extend(
        ["n1,!a:localhost", "h2.3.0", "s1.5~0~1.3", "s3_65_70~0~1", "n5_7", "p0-s1.5~0", "m3", "u3", "f3", "1"]
            .map(str::to_owned),
    );
    tokens.extend(
        [
            "s1.9223372036854775807~18446744073709551615",
            "s0_9223372036854775745~0",
            "n9_9223372036854775807",
            "t9007199254740992",
        ]
        .map(str::to_owned),
    );
    tokens
}

#[test]
fn no_token_leads_to_what_is_somebody_elses() {
    let world = World::new();
    let tokens = world.runtime.block_on(tokens_of(&world));
    let token = prop_oneof![
        select(tokens.clone()),
        text::mutated(tokens),
        text::with_words(&["s", "t", "n", "p", "1", "_", ".", "~", "-", "9223372036854775807", "-9223372036854775808"]),
    ];
    let outcome = TestRunner::new(cases(1)).run(&(select(PATHS), token), |(path, token)| {
        let path = path.replace("{room}", &segment(&world.room)).replace("{token}", &segment(&token));
        let (hers, his) = world.runtime.block_on(async { (world.ana.get(&path).await, world.ben.get(&path).await) });
        is_an_answer(&hers)?;
        is_an_answer(&his)?;
        // Media is for everybody who knows its name; all else of hers is not for him.
        let is_media = path.contains("/media/");
        prop_assert!(is_media || !his.text().contains(SECRET), "{}: {}", path, his.text());
        prop_assert!(is_media || !path.contains("/rooms/") || his.status >= 400, "{}: {}", path, his.text());
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    let search = (
        text::mutated(vec!["17.250.9.0~!room:x".into(), "0....7".into(), "9223372036854775806.0.1.0".into()]),
        any::<bool>(),
    );
    let outcome = TestRunner::new(cases(2)).run(&search, |(token, grouped)| {
        let groupings = if grouped { json!({ "group_by": [{ "key": "room_id" }] }) } else { json!({}) };
        let body = json!({ "search_categories": { "room_events": { "search_term": SECRET, "groupings": groupings } } });
        let path = format!("/v3/search?next_batch={}", segment(&token));
        let answer = world.runtime.block_on(world.ben.post(&path, body));
        is_an_answer(&answer)?;
        // How many there are on the pages before is what the token says.
        let results = &answer.json()["search_categories"]["room_events"]["results"];
        prop_assert!(results.as_array().is_none_or(Vec::is_empty), "{}: {}", token, results);
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}
