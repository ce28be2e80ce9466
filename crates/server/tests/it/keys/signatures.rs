//! Adding signatures to keys, and who sees them.

use im2_testkit::Server;
use serde_json::{Value, json};

use super::{Identity, Key, device_keys, encrypted_room, listed, publish, query, token};

const UPLOAD: &str = "/v3/keys/signatures/upload";

#[tokio::test]
async fn a_device_signed_by_its_user_is_so_for_everybody() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let (device, identity) = (Key::new(1), Identity::new(10));
    publish(&ana, &device).await;
    identity.publish(&ana).await;
    let mut signed = device_keys(&ana, &device);
    signed["signatures"] = json!({});
    let name = identity.self_signing.public();
    identity.self_signing.sign(ana.user_id(), &name, &mut signed);
    let answer = ana.post(UPLOAD, json!({ ana.user_id(): { ana.device_id(): signed } })).await.ok();
    assert_eq!(answer, json!({ "failures": {} }));
    let found = query(&ben, ana.user_id()).await;
    let signatures = &found["device_keys"][ana.user_id()][ana.device_id()]["signatures"][ana.user_id()];
    let key_id = format!("ed25519:{name}");
    assert_eq!(signatures[&key_id], signed["signatures"][ana.user_id()][&key_id]);
    assert!(signatures[format!("ed25519:{}", ana.device_id())].is_string(), "the device's own is still there");
}

#[tokio::test]
async fn a_master_key_signed_by_a_device_is_so_for_everybody() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let (device, identity) = (Key::new(1), Identity::new(10));
    publish(&ana, &device).await;
    identity.publish(&ana).await;
    let mut master = identity.master.cross_signing(ana.user_id(), "master");
    device.sign(ana.user_id(), ana.device_id(), &mut master);
    let answer = ana.post(UPLOAD, json!({ ana.user_id(): { identity.master.public(): master } })).await.ok();
    assert_eq!(answer, json!({ "failures": {} }));
    assert_eq!(query(&ben, ana.user_id()).await["master_keys"][ana.user_id()], master);
}

#[tokio::test]
async fn whom_somebody_has_verified_is_for_them_alone() {
    let server = Server::start().await;
    let (ana, ben, eve) = (server.register("ana").await, server.register("ben").await, server.register("eve").await);
    let (anas, bens) = (Identity::new(10), Identity::new(20));
    anas.publish(&ana).await;
    bens.publish(&ben).await;
    let room = encrypted_room(&ana).await;
    ben.join(&room).await;
    eve.join(&room).await;
    let (since_ana, since_ben, since_eve) = (token(&ana).await, token(&ben).await, token(&eve).await);
    let mut master = bens.master.cross_signing(ben.user_id(), "master");
    let name = anas.user_signing.public();
    anas.user_signing.sign(ana.user_id(), &name, &mut master);
    let answer = ana.post(UPLOAD, json!({ ben.user_id(): { bens.master.public(): master } })).await.ok();
    assert_eq!(answer, json!({ "failures": {} }));
    assert_eq!(query(&ana, ben.user_id()).await["master_keys"][ben.user_id()], master);
    for other in [&ben, &eve] {
        let seen = query(other, ben.user_id()).await;
        assert_eq!(seen["master_keys"][ben.user_id()]["signatures"], Value::Null);
    }
    assert_eq!(listed(&ana.sync(Some(&since_ana)).await, "changed"), [ben.user_id()]);
    assert_eq!(ben.sync(Some(&since_ben)).await["device_lists"], Value::Null);
    assert_eq!(eve.sync(Some(&since_eve)).await["device_lists"], Value::Null);
}

#[tokio::test]
async fn what_is_wrong_is_told_for_each_key() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let (device, anas, bens) = (Key::new(1), Identity::new(10), Identity::new(20));
    publish(&ana, &device).await;
    anas.publish(&ana).await;
    bens.publish(&ben).await;
    let mut by_nobody = device_keys(&ana, &device);
    by_nobody["signatures"] = json!({});
    let name = anas.self_signing.public();
    let mut forged = by_nobody.clone();
    Key::new(99).sign(ana.user_id(), &name, &mut forged);
    let mut changed = by_nobody.clone();
    changed["algorithms"] = json!([]);
    anas.self_signing.sign(ana.user_id(), &name, &mut changed);
    let mut bens_master = bens.master.cross_signing(ben.user_id(), "master");
    anas.self_signing.sign(ana.user_id(), &name, &mut bens_master);
    let tried = [
        (ana.user_id(), ana.device_id().to_owned(), by_nobody.clone(), "M_INVALID_SIGNATURE"),
        (ana.user_id(), ana.device_id().to_owned(), forged, "M_INVALID_SIGNATURE"),
        (ana.user_id(), ana.device_id().to_owned(), changed, "M_INVALID_PARAM"),
        (ana.user_id(), "NODEVICE".to_owned(), by_nobody.clone(), "M_NOT_FOUND"),
        (
            ana.user_id(),
            anas.master.public(),
            anas.master.cross_signing(ana.user_id(), "master"),
            "M_INVALID_SIGNATURE",
        ),
        (ben.user_id(), bens.master.public(), bens_master, "M_INVALID_SIGNATURE"),
        (ben.user_id(), bens.self_signing.public(), json!({}), "M_NOT_FOUND"),
        ("@eve:localhost", "X".to_owned(), json!({}), "M_NOT_FOUND"),
    ];
    let before = query(&ana, ana.user_id()).await;
    for (user, key, signed, errcode) in tried {
        let answer = ana.post(UPLOAD, json!({ user: { &key: signed } })).await.ok();
        assert_eq!(answer["failures"][user][&key]["errcode"], errcode, "{user} {key}: {answer}");
    }
    assert_eq!(query(&ana, ana.user_id()).await, before);
    ana.post(UPLOAD, json!({ ana.user_id(): { "KEY": 5 } })).await.refused(400, "M_BAD_JSON");
}
