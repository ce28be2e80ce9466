//! A small world to try routes in: an owner with a device, a private room and things in it.

use im2_edge::routes::Route;
use im2_testkit::{Client, Server};
use reqwest::Method;
use serde_json::{Value, json};

/// The owner and what is theirs.
pub(super) struct World {
    pub(super) owner: Client,
    room_id: String,
    alias: String,
    event_id: String,
    delay_id: String,
    filter_id: String,
    uploaded: String,
    awaited: String,
}

impl World {
    /// An owner of this name, and their things.
    pub(super) async fn of(server: &Server, name: &str) -> Self {
        let owner = server.register(name).await;
        let room_id =
            owner.create_room(json!({ "preset": "private_chat", "name": "Private", "room_alias_name": name })).await;
        let event_id = owner.send_text(&room_id, "nobody else's business").await;
        let delayed = format!("/v3/rooms/{}/send/m.room.message/d", im2_testkit::segment(&room_id));
        let delayed = format!("{delayed}?org.matrix.msc4140.delay=86400000");
        let delayed = owner.put(&delayed, json!({ "msgtype": "m.text", "body": "tomorrow" })).await.ok();
        let delay_id = delayed["delay_id"].as_str().expect("a delayed event has an identifier").to_owned();
        let path = format!("/v3/user/{}/filter", im2_testkit::segment(owner.user_id()));
        let filter = owner.post(&path, json!({ "room": { "timeline": { "limit": 5 } } })).await.ok();
        let filter_id = filter["filter_id"].as_str().expect("a filter has an identifier").to_owned();
        let upload = owner.request(Method::POST, "/_matrix/media/v3/upload").header("content-type", "text/plain");
        let uploaded = media_id(&owner.send_request(upload.body("private")).await.ok());
        let awaited = media_id(&owner.post("/_matrix/media/v1/create", json!({})).await.ok());
        Self { owner, room_id, alias: format!("#{name}:localhost"), event_id, delay_id, filter_id, uploaded, awaited }
    }

    /// A value for a parameter of a path: one that exists and belongs to the owner, as far as such things do.
    pub(super) fn value(&self, parameter: &str) -> String {
        let text = match parameter {
            "roomId" | "roomIdOrAlias" => &self.room_id,
            "eventId" => &self.event_id,
            "userId" => self.owner.user_id(),
            "deviceId" => self.owner.device_id(),
            "filterId" => &self.filter_id,
            "eventType" => "m.room.message",
            "type" => "org.example.note",
            "stateKey" => "key",
            "txnId" => "transaction",
            "delayId" => &self.delay_id,
            "action" => "restart",
            "tag" => "m.favourite",
            "kind" => "override",
            "ruleId" => ".m.rule.master",
            "receiptType" => "m.read",
            "keyName" => "displayname",
            "deleteId" | "purgeId" => "no_such_task",
            "reportId" | "version" => "1",
            "relType" => "m.thread",
            "roomAlias" => &self.alias,
            "networkId" | "protocol" | "appserviceId" => "irc",
            "serverName" => "localhost",
            "mediaId" => &self.uploaded,
            "fileName" => "file.txt",
            "sessionId" => "session",
            "idpId" => "oidc",
            "redactId" => "redaction",
            "token" => "registration_token",
            "provider" => "oidc-provider",
            "externalId" => "account-elsewhere",
            "medium" => "email",
            "address" => "somebody@example.org",
            other => panic!("add a value for the parameter {other} to {}", file!()),
        };
        text.to_owned()
    }

    /// A path of the table with such values, and with the query that it cannot do without.
    pub(super) fn path(&self, route: &Route) -> String {
        let uploads = route.method == Method::PUT && route.path.starts_with("/_matrix/media/");
        let value = |parameter: &str| match parameter {
            "mediaId" if uploads => self.awaited.clone(),
            _ => self.value(parameter),
        };
        let query = match route.path.rsplit('/').next() {
            Some("messages" | "thread_subscriptions" | "thread_updates") => "?dir=b",
            Some("events") => "?timeout=0",
            Some("userinfo") => "?access_token=unknown",
            Some("timestamp_to_event") => "?ts=0&dir=f",
            Some("sent_invite_count" | "cumulative_joined_room_count") => "?from_ts=0",
            _ if route.path.contains("/room_keys/keys") => "?version=1",
            _ if route.path.contains("/thumbnail/") => "?width=32&height=32",
            _ => "",
        };
        format!("{}{query}", super::fill(route.path, value))
    }
}

fn media_id(answer: &Value) -> String {
    let uri = answer["content_uri"].as_str().expect("media has a URI");
    uri.rsplit('/').next().unwrap_or_default().to_owned()
}
