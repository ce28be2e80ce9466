//! Media in the hands of administrators, and media that nothing shows any more.

use im2_testkit::{Client, Server, Setup, segment};
use reqwest::Method;
use serde_json::{Value, json};

const NOW: u64 = 1_700_000_000_000;
const DAY: u64 = 24 * 60 * 60 * 1000;

async fn upload(client: &Client, content: &str) -> String {
    let request = client.request(Method::POST, "/_matrix/media/v3/upload?filename=f.txt");
    let request = request.header("content-type", "text/plain").body(content.to_owned());
    let uri = client.send_request(request).await.ok()["content_uri"].as_str().unwrap().to_owned();
    uri.strip_prefix("mxc://localhost/").unwrap().to_owned()
}

async fn status(client: &Client, media_id: &str) -> u16 {
    let download = client.get(&format!("/v1/media/download/localhost/{media_id}")).await;
    let thumbnail = client.get(&format!("/v1/media/thumbnail/localhost/{media_id}?width=32&height=32")).await;
    assert_eq!(download.status == 404, thumbnail.status == 404, "both or neither");
    if download.status == 404 {
        download.refused(404, "M_NOT_FOUND");
        return 404;
    }
    download.status
}

async fn show(client: &Client, room: &str, media_id: &str) -> String {
    let content = json!({ "msgtype": "m.file", "body": "f", "url": format!("mxc://localhost/{media_id}") });
    client.send(room, "m.room.message", content).await
}

fn admin(path: &str) -> String {
    format!("/_synapse/admin/v1/{path}")
}

#[tokio::test]
async fn changes_of_quarantine_are_listed_in_order() {
    let server = Server::start().await;
    let (root, ana) = (server.register_admin("root").await, server.register("ana").await);
    let changes = async |from: i64| root.get(&admin(&format!("media/quarantine_changes?from={from}"))).await.ok();
    assert_eq!(root.get(&admin("media/quarantine_changes")).await.ok(), json!({ "next_batch": 0, "changes": [] }));
    let (one, same) = (upload(&ana, "one").await, upload(&ana, "one").await);
    let quarantine = |verb: &str| admin(&format!("media/{verb}/localhost/{one}"));
    root.post(&quarantine("quarantine"), json!({})).await.ok();
    root.post(&quarantine("quarantine"), json!({})).await.ok();
    let page = changes(0).await;
    let mut both: Vec<_> =
        page["changes"].as_array().unwrap().iter().map(|change| change["media_id"].clone()).collect();
    both.sort_unstable_by_key(Value::to_string);
    let mut expected = vec![json!(one), json!(same)];
    expected.sort_unstable_by_key(Value::to_string);
    assert_eq!((both, &page["next_batch"]), (expected, &json!(2)), "each once, with what has the same content");
    assert_eq!(
        (&page["changes"][0]["origin"], &page["changes"][0]["quarantined"]),
        (&json!("localhost"), &json!(true))
    );
    assert_eq!(changes(1).await["changes"].as_array().unwrap().len(), 1);

    // The same content uploaded anew is withdrawn from the start.
    let again = upload(&ana, "one").await;
    let expected = json!([{ "origin": "localhost", "media_id": again, "quarantined": true }]);
    assert_eq!(changes(2).await, json!({ "next_batch": 3, "changes": expected }));
    root.post(&quarantine("unquarantine"), json!({})).await.ok();
    let page = changes(3).await;
    assert_eq!((&page["next_batch"], &page["changes"][2]["quarantined"]), (&json!(6), &json!(false)));
    assert_eq!(changes(6).await, json!({ "next_batch": 6, "changes": [] }));
    for from in ["7", "-1", "x"] {
        root.get(&admin(&format!("media/quarantine_changes?from={from}"))).await.refused(400, "M_INVALID_PARAM");
    }
}

#[tokio::test]
async fn media_is_withdrawn_given_back_and_protected() {
    let server = Server::start().await;
    let (root, ana) = (server.register_admin("root").await, server.register("ana").await);
    let (one, two, same) = (upload(&ana, "one").await, upload(&ana, "two").await, upload(&ana, "one").await);
    let room = ana.create_room(json!({})).await;
    show(&ana, &room, &one).await;
    show(&ana, &room, &two).await;
    ana.set_state(&room, "m.room.avatar", "", json!({ "url": "mxc://example.org/far" })).await;

    let listed = root.get(&admin(&format!("room/{}/media", segment(&room)))).await.ok();
    let mut local: Vec<_> = listed["local"].as_array().unwrap().iter().map(|uri| uri.as_str().unwrap()).collect();
    local.sort_unstable();
    let mut expected = [format!("mxc://localhost/{one}"), format!("mxc://localhost/{two}")];
    expected.sort_unstable();
    assert_eq!(
        (local, &listed["remote"]),
        (expected.iter().map(String::as_str).collect(), &json!(["mxc://example.org/far"]))
    );

    let info = root.get(&admin(&format!("media/localhost/{one}"))).await.ok()["media_info"].clone();
    assert_eq!((&info["user_id"], &info["media_length"]), (&json!(ana.user_id()), &json!(3)));
    assert_eq!((&info["upload_name"], &info["quarantined_by"]), (&json!("f.txt"), &json!(null)));
    root.get(&admin("media/localhost/unknown")).await.refused(404, "M_NOT_FOUND");
    root.get(&admin(&format!("media/example.org/{one}"))).await.refused(404, "M_NOT_FOUND");

    root.post(&admin(&format!("media/quarantine/localhost/{one}")), json!({})).await.ok();
    assert_eq!((status(&ana, &one).await, status(&ana, &same).await, status(&ana, &two).await), (404, 404, 200));
    let late = upload(&ana, "one").await;
    assert_eq!(status(&root, &late).await, 404, "the same content stays withdrawn under a new name");
    let info = root.get(&admin(&format!("media/localhost/{one}"))).await.ok();
    assert_eq!(info["media_info"]["quarantined_by"], root.user_id());
    root.post(&admin(&format!("media/unquarantine/localhost/{one}")), json!({})).await.ok();
    assert_eq!((status(&ana, &one).await, status(&ana, &late).await), (200, 200));

    root.post(&admin(&format!("media/protect/{two}")), json!({})).await.ok();
    let quarantined = root.post(&admin(&format!("room/{}/media/quarantine", segment(&room))), json!({})).await.ok();
    assert_eq!(quarantined, json!({ "num_quarantined": 3 }), "one, and twice the same content");
    assert_eq!((status(&ana, &one).await, status(&ana, &two).await), (404, 200));
    root.post(&admin(&format!("media/unprotect/{two}")), json!({})).await.ok();
    root.post(&admin("media/protect/unknown"), json!({})).await.refused(404, "M_NOT_FOUND");
    let of_user = admin(&format!("user/{}/media/quarantine", segment(ana.user_id())));
    assert_eq!(root.post(&of_user, json!({})).await.ok(), json!({ "num_quarantined": 1 }));
    assert_eq!(status(&ana, &two).await, 404);
}

#[tokio::test]
async fn media_is_deleted_by_name_by_age_and_by_size() {
    let server = Setup::default().clock_at(NOW).start().await;
    let (root, ana) = (server.register_admin("root").await, server.register("ana").await);
    let (small, large, face) =
        (upload(&ana, "s").await, upload(&ana, &"l".repeat(5_000)).await, upload(&ana, "me").await);
    let avatar = format!("/v3/profile/{}/avatar_url", segment(ana.user_id()));
    ana.put(&avatar, json!({ "avatar_url": format!("mxc://localhost/{face}") })).await.ok();
    server.advance(2 * DAY);
    let recent = upload(&ana, "recent").await;
    let delete = async |query: &str| root.post(&admin(&format!("media/delete?{query}")), json!({})).await.ok();
    let before = NOW + DAY;
    let larger = delete(&format!("before_ts={before}&size_gt=1000")).await;
    assert_eq!(larger, json!({ "deleted_media": [large], "total": 1 }));
    assert_eq!(delete(&format!("before_ts={before}")).await, json!({ "deleted_media": [small], "total": 1 }));
    assert_eq!((status(&ana, &small).await, status(&ana, &recent).await), (404, 200));
    assert_eq!(delete(&format!("before_ts={before}&keep_profiles=false")).await["deleted_media"], json!([face]));
    root.post(&admin("media/delete"), json!({})).await.refused(400, "M_MISSING_PARAM");

    let one = admin(&format!("media/localhost/{recent}"));
    assert_eq!(root.delete(&one, json!({})).await.ok(), json!({ "deleted_media": [recent], "total": 1 }));
    root.delete(&one, json!({})).await.refused(404, "M_NOT_FOUND");
    root.delete(&admin("media/example.org/x"), json!({})).await.refused(400, "M_UNKNOWN");
    assert_eq!(server.engine().media.delete_orphans().await.unwrap(), 0, "the blobs went with their names");
    let cache = root.post(&admin("purge_media_cache?before_ts=1"), json!({})).await.ok();
    assert_eq!(cache, json!({ "deleted": 0 }));
}

#[tokio::test]
async fn what_no_event_shows_any_more_is_collected() {
    let server = Setup::default().clock_at(NOW).start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({})).await;
    let other = ana.create_room(json!({})).await;
    let redact = async |room: &str, event: &str| {
        let path = format!("/v3/rooms/{}/redact/{}/{}", segment(room), segment(event), ana.transaction());
        ana.put(&path, json!({})).await.ok();
    };
    let (gone, twice, face, never) = (
        upload(&ana, "gone").await,
        upload(&ana, "twice").await,
        upload(&ana, "face").await,
        upload(&ana, "never").await,
    );
    let avatar = format!("/v3/profile/{}/avatar_url", segment(ana.user_id()));
    for media in [&gone, &twice, &face] {
        let shown = show(&ana, &room, media).await;
        redact(&room, &shown).await;
    }
    show(&ana, &other, &twice).await;
    ana.put(&avatar, json!({ "avatar_url": format!("mxc://localhost/{face}") })).await.ok();
    // The clock stands still: were it moved on by days, the daily job could collect before this does.
    let collect = async |grace| server.engine().media.collect_unreferenced(grace).await.unwrap();
    assert_eq!(collect(1).await, 0, "the grace has not passed");
    assert_eq!(collect(0).await, 1);
    let found =
        [status(&ana, &gone).await, status(&ana, &twice).await, status(&ana, &face).await, status(&ana, &never).await];
    assert_eq!(found, [404, 200, 200, 200]);
    assert_eq!(server.engine().media.delete_orphans().await.unwrap(), 0);
}

#[tokio::test]
async fn housekeeping_comes_every_day() {
    let server = Setup::default().clock_at(NOW).start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({})).await;
    let media = upload(&ana, "gone").await;
    let shown = show(&ana, &room, &media).await;
    ana.put(&format!("/v3/rooms/{}/redact/{}/1", segment(&room), segment(&shown)), json!({})).await.ok();
    for _ in 0..8 {
        server.advance(DAY);
        server.until_jobs_are_done().await;
    }
    assert_eq!(status(&ana, &media).await, 404);
}

#[tokio::test]
async fn erasure_takes_the_uploads_along() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let (hers, his) = (upload(&ana, "hers").await, upload(&ben, "his").await);
    server.engine().people.accounts.deactivate_user("ana", true).await.unwrap();
    assert_eq!((status(&ben, &hers).await, status(&ben, &his).await), (404, 200));
}

#[tokio::test]
async fn figures_and_background_jobs() {
    let server = Server::start().await;
    let (root, ana) = (server.register_admin("root").await, server.register("ana").await);
    upload(&ana, "12345").await;
    upload(&ana, "123").await;
    upload(&root, "1").await;
    let room = ana.create_room(json!({})).await;
    let get = async |path: &str| root.get(&admin(path)).await.ok();
    let users = get("statistics/users/media?order_by=media_length&dir=b").await;
    assert_eq!(users["total"], 2);
    let expected = json!({ "user_id": ana.user_id(), "displayname": users["users"][0]["displayname"], "media_count": 2, "media_length": 8 });
    assert_eq!(users["users"][0], expected);
    let page = get("statistics/users/media?limit=1").await;
    assert_eq!((&page["users"][0]["user_id"], &page["next_token"]), (&json!(ana.user_id()), &json!(1)));
    assert_eq!(get("statistics/users/media?search_term=ROO").await["total"], 1);
    assert_eq!(get("statistics/users/media?until_ts=1").await["users"], json!([]));
    let rooms = get("statistics/database/rooms").await;
    assert_eq!(rooms["rooms"][0]["room_id"], room);
    assert!(rooms["rooms"][0]["estimated_size"].as_u64() > Some(1_000), "{rooms}");

    assert_eq!(get("background_updates/status").await, json!({ "enabled": true, "current_updates": {} }));
    assert_eq!(get("background_updates/enabled").await, json!({ "enabled": true }));
    let enabled = |enabled: bool| json!({ "enabled": enabled });
    root.post(&admin("background_updates/enabled"), enabled(true)).await.ok();
    root.post(&admin("background_updates/enabled"), enabled(false)).await.refused(400, "M_UNKNOWN");
    root.post(&admin("background_updates/start_job"), json!({ "job_name": "regenerate_directory" })).await.ok();
    let unknown: Value = json!({ "job_name": "x" });
    root.post(&admin("background_updates/start_job"), unknown).await.refused(400, "M_INVALID_PARAM");
    assert_eq!(get("federation/destinations").await["total"], 0);
}
