//! Publishing cross-signing keys.

use im2_testkit::Server;
use serde_json::{Value, json};

use super::{Identity, Key, query};

const UPLOAD: &str = "/v3/keys/device_signing/upload";

#[tokio::test]
async fn the_first_keys_need_no_password_and_neither_does_a_repetition() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let body = Identity::new(10).upload(ana.user_id());
    ana.post(UPLOAD, body.clone()).await.ok();
    ana.post("/_matrix/client/unstable/keys/device_signing/upload", body.clone()).await.ok();
    ana.post(UPLOAD, json!({ "master_key": body["master_key"] })).await.ok();
    let own = query(&ana, ana.user_id()).await;
    for (section, member) in [
        ("master_keys", "master_key"),
        ("self_signing_keys", "self_signing_key"),
        ("user_signing_keys", "user_signing_key"),
    ] {
        assert_eq!(own[section], json!({ ana.user_id(): body[member] }));
    }
    let seen = query(&ben, ana.user_id()).await;
    assert_eq!(seen["master_keys"], own["master_keys"]);
    assert_eq!(seen["self_signing_keys"], own["self_signing_keys"]);
    assert_eq!(seen["user_signing_keys"], json!({}), "only for their owner");
}

#[tokio::test]
async fn other_keys_in_their_place_need_the_password() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    Identity::new(10).publish(&ana).await;
    let mut other = Identity::new(20).upload(ana.user_id());
    let challenge = ana.post(UPLOAD, other.clone()).await.status_is(401);
    assert_eq!(challenge["flows"], json!([{ "stages": ["m.login.password"] }]));
    let auth = |password: &str| {
        json!({
            "type": "m.login.password", "session": challenge["session"], "password": password,
            "identifier": { "type": "m.id.user", "user": "ana" },
        })
    };
    other["auth"] = auth("wrong");
    assert_eq!(ana.post(UPLOAD, other.clone()).await.status_is(401)["errcode"], "M_FORBIDDEN");
    other["auth"] = auth("password of ana");
    ana.post(UPLOAD, other.clone()).await.ok();
    let own = query(&ana, ana.user_id()).await;
    assert_eq!(own["master_keys"][ana.user_id()], other["master_key"]);
    assert_eq!(own["user_signing_keys"][ana.user_id()], other["user_signing_key"]);
}

#[tokio::test]
async fn other_keys_are_sent_once_and_confirmed_afterwards() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    Identity::new(10).publish(&ana).await;
    let master = Key::new(20).cross_signing(ana.user_id(), "master");
    let challenge = ana.post(UPLOAD, json!({ "master_key": master })).await.status_is(401);
    let auth = json!({ "type": "m.login.password", "password": "password of ana", "session": challenge["session"] });
    ana.post(UPLOAD, json!({ "auth": auth })).await.ok();
    ana.post(UPLOAD, json!({ "auth": auth })).await.refused(400, "M_MISSING_PARAM");
    assert_eq!(query(&ben, ana.user_id()).await["master_keys"][ana.user_id()]["keys"], master["keys"]);
}

#[tokio::test]
async fn consent_to_some_keys_is_none_to_others() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    Identity::new(10).publish(&ana).await;
    let challenge = ana.post(UPLOAD, Identity::new(20).upload(ana.user_id())).await.status_is(401);
    let mut another = Identity::new(30).upload(ana.user_id());
    another["auth"] =
        json!({ "type": "m.login.password", "session": challenge["session"], "password": "password of ana" });
    ana.post(UPLOAD, another).await.status_is(401);
}

#[tokio::test]
async fn a_new_master_key_leaves_nothing_of_the_old_identity() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    Identity::new(10).publish(&ana).await;
    let master = Key::new(20).cross_signing(ana.user_id(), "master");
    let auth = json!({ "type": "m.login.password", "password": "password of ana" });
    ana.post(UPLOAD, json!({ "master_key": master, "auth": auth })).await.ok();
    let own = query(&ana, ana.user_id()).await;
    assert_eq!(own["master_keys"][ana.user_id()], master);
    assert_eq!((&own["self_signing_keys"], &own["user_signing_keys"]), (&json!({}), &json!({})));
}

#[tokio::test]
async fn keys_that_are_not_right_are_refused() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let good = Identity::new(10).upload(ana.user_id());
    let with = |key: &str, member: &str, value: Value| {
        let mut body = good.clone();
        body[key][member] = value;
        body
    };
    ana.post(UPLOAD, json!({})).await.refused(400, "M_MISSING_PARAM");
    let alone = json!({ "self_signing_key": good["self_signing_key"] });
    ana.post(UPLOAD, alone).await.refused(400, "M_MISSING_PARAM");
    ben.post(UPLOAD, good.clone()).await.refused(400, "M_INVALID_PARAM");
    for wrong in [json!(["self_signing"]), json!([]), json!("master"), Value::Null] {
        ana.post(UPLOAD, with("master_key", "usage", wrong)).await.refused(400, "M_INVALID_PARAM");
    }
    let public = Key::new(10).public();
    for wrong in [
        json!({}),
        json!({ "ed25519:X": public }),
        json!({ format!("ed25519:{public}"): "X" }),
        json!({ "ed25519:short": "short" }),
        json!({ format!("ed25519:{public}"): public, "ed25519:X": "X" }),
    ] {
        ana.post(UPLOAD, with("master_key", "keys", wrong)).await.refused(400, "M_INVALID_PARAM");
    }
    for key in ["self_signing_key", "user_signing_key"] {
        ana.post(UPLOAD, with(key, "signatures", json!({}))).await.refused(400, "M_INVALID_SIGNATURE");
        ana.post(UPLOAD, with(key, "more", json!(1))).await.refused(400, "M_INVALID_SIGNATURE");
    }
    assert_eq!(query(&ana, ana.user_id()).await["master_keys"], json!({}), "nothing was kept");
}

#[tokio::test]
async fn no_device_is_called_like_a_key() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let identity = Identity::new(10);
    let sign_in = |device: String| {
        let body = json!({
            "type": "m.login.password", "identifier": { "type": "m.id.user", "user": "ana" },
            "password": "password of ana", "device_id": device,
        });
        let nobody = ana.nobody();
        async move { nobody.post("/v3/login", body).await }
    };
    sign_in(identity.self_signing.public()).await.ok();
    ana.post(UPLOAD, identity.upload(ana.user_id())).await.refused(403, "M_FORBIDDEN");
    let other = Identity::new(20);
    other.publish(&ana).await;
    sign_in(other.master.public()).await.refused(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn an_administrator_may_spare_a_user_the_password_for_ten_minutes() {
    let server = im2_testkit::Setup::default().clock_at(1_700_000_000_000).start().await;
    let (root, ana) = (server.register_admin("root").await, server.register("ana").await);
    let user = im2_testkit::segment(ana.user_id());
    let path = format!("/_synapse/admin/v1/users/{user}/_allow_cross_signing_replacement_without_uia");
    root.post(&path, json!({})).await.refused(404, "M_NOT_FOUND");
    Identity::new(10).publish(&ana).await;
    ana.post(UPLOAD, Identity::new(20).upload(ana.user_id())).await.status_is(401);
    let allowed = root.post(&path, json!({})).await.ok();
    assert_eq!(allowed, json!({ "updatable_without_uia_before_ms": 1_700_000_600_000_u64 }));
    ana.post(UPLOAD, Identity::new(20).upload(ana.user_id())).await.ok();
    server.advance(600_000);
    ana.post(UPLOAD, Identity::new(30).upload(ana.user_id())).await.status_is(401);
}
