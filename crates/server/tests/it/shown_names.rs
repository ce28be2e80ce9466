//! Names come without what turns or hides the text around them, whichever way they are set.

use im2_testkit::{Server, segment};
use serde_json::json;

const TURNED: &str = "Ana\u{202e}\u{7}\nB\u{2067}en\u{200b}";
const SHOWN: &str = "AnaBen";

#[tokio::test]
async fn names_are_stored_as_they_may_be_shown() {
    let server = Server::start().await;
    let (root, ana) = (server.register_admin("root").await, server.register("ana").await);
    let user = segment(ana.user_id());
    let displayname = async || ana.get(&format!("/v3/profile/{user}")).await.ok()["displayname"].clone();
    ana.put(&format!("/v3/profile/{user}/displayname"), json!({ "displayname": TURNED })).await.ok();
    assert_eq!(displayname().await, SHOWN);
    let admin = format!("/_synapse/admin/v2/users/{user}");
    root.put(&admin, json!({ "displayname": format!("{TURNED} 2") })).await.ok();
    assert_eq!(displayname().await, format!("{SHOWN} 2"));
    let made = root.put("/_synapse/admin/v2/users/@ben:localhost", json!({ "displayname": TURNED })).await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(ana.get("/v3/profile/@ben:localhost").await.ok()["displayname"], SHOWN);

    let room = ana.create_room(json!({ "name": TURNED })).await;
    let state = |kind: &str, key: &str| format!("/v3/rooms/{}/state/{kind}/{key}", segment(&room));
    assert_eq!(ana.get(&state("m.room.name", "")).await.ok()["name"], SHOWN);
    ana.put(&state("m.room.name", ""), json!({ "name": format!("{TURNED} 2") })).await.ok();
    assert_eq!(ana.get(&state("m.room.name", "")).await.ok()["name"], format!("{SHOWN} 2"));
    let own = json!({ "membership": "join", "displayname": TURNED });
    ana.put(&state("m.room.member", &user), own).await.ok();
    assert_eq!(ana.get(&state("m.room.member", &user)).await.ok()["displayname"], SHOWN);

    let login = json!({
        "type": "m.login.password", "identifier": { "type": "m.id.user", "user": "ana" },
        "password": "password of ana", "initial_device_display_name": TURNED,
    });
    let phone = ana.signed_in(&ana.nobody().post("/v3/login", login).await.ok());
    let device = format!("/v3/devices/{}", segment(phone.device_id()));
    assert_eq!(phone.get(&device).await.ok()["display_name"], SHOWN);
    phone.put(&device, json!({ "display_name": format!("{TURNED} 2") })).await.ok();
    assert_eq!(phone.get(&device).await.ok()["display_name"], format!("{SHOWN} 2"));
}

#[tokio::test]
async fn names_of_any_script_stay_as_they_are() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let path = format!("/v3/profile/{}/displayname", segment(ana.user_id()));
    for name in ["شذا", "שלום", "می\u{200c}خواهم", "👩\u{200d}👩\u{200d}👧", "王小明", "Ana\u{200f}!"]
    {
        ana.put(&path, json!({ "displayname": name })).await.ok();
        assert_eq!(ana.get(&path).await.ok()["displayname"], name);
    }
}
