//! Keys of end-to-end encryption, as a client that makes and signs them sees it.

mod claims;
mod crash;
mod cross_signing;
mod dehydrated;
mod device_lists;
mod signatures;
mod uploads;

use im2_kernel::{canonical::object_to_canonical, sign::SigningKey};
use im2_testkit::{Answer, Client};
use serde_json::{Map, Value, json};

/// A signing key of a client.
pub(crate) struct Key(SigningKey);

impl Key {
    /// The key that a number decides.
    pub(crate) fn new(seed: u8) -> Self {
        Self(SigningKey::from_seed("ed25519:1", &[seed; 32]).unwrap())
    }

    /// The public half, unpadded base64.
    fn public(&self) -> String {
        im2_kernel::sign::to_base64(self.0.public_key())
    }

    /// Adds this key's signature, under the name `ed25519:NAME`, to what `user_id` has signed of an object.
    fn sign(&self, user_id: &str, name: &str, object: &mut Value) {
        let members = object.as_object_mut().unwrap();
        let mut signatures = members.remove("signatures").unwrap_or_else(|| json!({}));
        let signature = self.0.sign(&object_to_canonical(members).unwrap());
        signatures[user_id][format!("ed25519:{name}")] = Value::from(signature);
        members.insert("signatures".to_owned(), signatures);
    }

    /// A cross-signing key of `user_id` with this public half, not signed.
    fn cross_signing(&self, user_id: &str, usage: &str) -> Value {
        let public = self.public();
        json!({ "user_id": user_id, "usage": [usage], "keys": { format!("ed25519:{public}"): public } })
    }
}

/// The identity keys of a client's device.
fn device_keys(client: &Client, key: &Key) -> Value {
    let device = client.device_id();
    let mut keys = json!({
        "user_id": client.user_id(),
        "device_id": device,
        "algorithms": ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"],
        "keys": {
            format!("ed25519:{device}"): key.public(),
            format!("curve25519:{device}"): format!("curve of {device}"),
        },
    });
    key.sign(client.user_id(), device, &mut keys);
    keys
}

/// One-time keys of these names.
pub(crate) fn one_time_keys<'a>(names: impl IntoIterator<Item = &'a str>) -> Value {
    let key = |name: &str| json!({ "key": format!("public part of {name}"), "signatures": {} });
    let keys = names.into_iter().map(|name| (format!("signed_curve25519:{name}"), key(name)));
    Value::Object(keys.collect::<Map<_, _>>())
}

pub(crate) async fn upload(client: &Client, body: Value) -> Answer {
    client.post("/v3/keys/upload", body).await
}

/// Publishes a device's identity keys.
pub(crate) async fn publish(client: &Client, key: &Key) {
    upload(client, json!({ "device_keys": device_keys(client, key) })).await.ok();
}

async fn query(client: &Client, user_id: &str) -> Value {
    client.post("/v3/keys/query", json!({ "device_keys": { user_id: [] } })).await.ok()
}

/// Claims a key of a device; what is answered for it.
pub(crate) async fn claim(client: &Client, of: &Client) -> Value {
    let wanted = json!({ "one_time_keys": { of.user_id(): { of.device_id(): "signed_curve25519" } } });
    let answer = client.post("/v3/keys/claim", wanted).await.ok();
    answer["one_time_keys"][of.user_id()][of.device_id()].clone()
}

/// The names of the keys in an answer of [`claim`].
fn names(claimed: &Value) -> Vec<&str> {
    claimed.as_object().into_iter().flat_map(Map::keys).map(String::as_str).collect()
}

/// A signed-in user's master, self-signing and user-signing keys, the latter two signed by the first.
struct Identity {
    master: Key,
    self_signing: Key,
    user_signing: Key,
}

impl Identity {
    fn new(seed: u8) -> Self {
        Self { master: Key::new(seed), self_signing: Key::new(seed + 1), user_signing: Key::new(seed + 2) }
    }

    /// The body that publishes it.
    fn upload(&self, user_id: &str) -> Value {
        let master = self.master.public();
        let mut self_signing = self.self_signing.cross_signing(user_id, "self_signing");
        self.master.sign(user_id, &master, &mut self_signing);
        let mut user_signing = self.user_signing.cross_signing(user_id, "user_signing");
        self.master.sign(user_id, &master, &mut user_signing);
        json!({
            "master_key": self.master.cross_signing(user_id, "master"),
            "self_signing_key": self_signing,
            "user_signing_key": user_signing,
        })
    }

    async fn publish(&self, client: &Client) {
        client.post("/v3/keys/device_signing/upload", self.upload(client.user_id())).await.ok();
    }
}

/// A room in which encryption is on.
pub(crate) async fn encrypted_room(client: &Client) -> String {
    let encryption = json!({
        "type": "m.room.encryption", "state_key": "", "content": { "algorithm": "m.megolm.v1.aes-sha2" },
    });
    client.create_room(json!({ "preset": "public_chat", "initial_state": [encryption] })).await
}

/// The users in one section of an answer's `device_lists`.
fn listed(answer: &Value, section: &str) -> Vec<String> {
    let users = answer["device_lists"][section].as_array().cloned().unwrap_or_default();
    users.iter().map(|user| user.as_str().unwrap().to_owned()).collect()
}

/// The token of a client that has got everything.
async fn token(client: &Client) -> String {
    client.sync(None).await["next_batch"].as_str().unwrap().to_owned()
}
