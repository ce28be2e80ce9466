//! Answers that are compressed for those who ask for it, and those that never are.

use std::io::Read as _;

use im2_testkit::{Client, Server, segment};
use reqwest::{Method, Response};
use serde_json::{Value, json};

/// Asks with or without a body, and accepts `encoding`.
async fn ask(server: &Server, client: &Client, path: &str, encoding: &str) -> Response {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}{path}", server.url());
    let request = http.request(Method::GET, url).bearer_auth(client.token()).header("Accept-Encoding", encoding);
    request.send().await.unwrap()
}

fn encoding(response: &Response) -> Option<String> {
    response.headers().get("content-encoding").map(|value| value.to_str().unwrap().to_owned())
}

fn decoded(encoding: &str, bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    match encoding {
        "gzip" => flate2::read::GzDecoder::new(bytes).read_to_end(&mut text),
        "br" => brotli::Decompressor::new(bytes, 4_096).read_to_end(&mut text),
        "zstd" => zstd::Decoder::new(bytes).unwrap().read_to_end(&mut text),
        other => panic!("{other}"),
    }
    .unwrap();
    text
}

#[tokio::test]
async fn large_answers_are_compressed_as_the_client_accepts() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({ "name": "Kitchen" })).await;
    for number in 0..100 {
        ana.send_text(&room, &format!("message number {number} of very many that are much alike")).await;
    }
    for path in [
        "/_matrix/client/v3/sync?full_state=true".to_owned(),
        "/_matrix/client/r0/sync".to_owned(),
        format!("/_matrix/client/v3/rooms/{}/messages?dir=b&limit=100", segment(&room)),
        format!("/_matrix/client/v3/rooms/{}/state", segment(&room)),
    ] {
        let plain = ask(&server, &ana, &path, "identity").await;
        assert_eq!(encoding(&plain), None);
        assert_eq!(plain.headers()["vary"], "accept-encoding");
        let plain = plain.bytes().await.unwrap();
        for (accepted, used) in [
            ("gzip", "gzip"),
            ("br", "br"),
            ("zstd", "zstd"),
            ("gzip, deflate, br, zstd", "zstd"),
            ("gzip, deflate, br", "br"),
            ("br;q=0.1, gzip", "gzip"),
        ] {
            let response = ask(&server, &ana, &path, accepted).await;
            assert_eq!(encoding(&response).as_deref(), Some(used), "{path} {accepted}");
            let bytes = response.bytes().await.unwrap();
            assert!(bytes.len() * 2 < plain.len(), "{} of {} bytes by {used}", bytes.len(), plain.len());
            let [mut text, mut expected]: [Value; 2] =
                [&decoded(used, &bytes), &plain.to_vec()].map(|text| serde_json::from_slice(text).unwrap());
            // Time goes on between two answers.
            for answer in [&mut text, &mut expected] {
                answer.as_object_mut().map(|answer| answer.remove("next_batch"));
            }
            assert_eq!(strip_ages(text), strip_ages(expected));
        }
    }
}

#[tokio::test]
async fn what_is_sent_as_it_is_made_ends_compressed_too() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    for number in 0..40 {
        ana.create_room(json!({ "name": format!("Room {number}") })).await;
    }
    for used in ["gzip", "br", "zstd"] {
        let response = ask(&server, &ana, "/_matrix/client/v3/sync", used).await;
        assert_eq!(encoding(&response).as_deref(), Some(used));
        let answer: Value = serde_json::from_slice(&decoded(used, &response.bytes().await.unwrap())).unwrap();
        assert_eq!(answer["rooms"]["join"].as_object().map(serde_json::Map::len), Some(40), "{used}");
    }
}

/// Removes ages, which grow.
fn strip_ages(mut value: Value) -> Value {
    match &mut value {
        Value::Object(object) => {
            object.remove("age");
            object.remove("last_active_ago");
            object.values_mut().for_each(|value| *value = strip_ages(value.take()));
        }
        Value::Array(array) => array.iter_mut().for_each(|value| *value = strip_ages(value.take())),
        _ => {}
    }
    value
}

#[tokio::test]
async fn small_answers_secrets_and_files_are_not_compressed() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let path = "/_matrix/media/v3/upload";
    let sent = reqwest::Client::builder().no_proxy().build().unwrap().post(format!("{}{path}", server.url()));
    let sent = sent.bearer_auth(ana.token()).header("Content-Type", "text/plain").body("x".repeat(10_000));
    let uploaded: Value = sent.send().await.unwrap().json().await.unwrap();
    let media = uploaded["content_uri"].as_str().unwrap().strip_prefix("mxc://").unwrap();
    let version = ana
        .post("/v3/room_keys/version", json!({ "algorithm": "m.x", "auth_data": { "text": "x".repeat(10_000) } }))
        .await
        .ok()["version"]
        .as_str()
        .unwrap()
        .to_owned();
    for path in [
        "/_matrix/client/v3/joined_rooms".to_owned(),
        format!("/_matrix/client/v1/media/download/{media}"),
        format!("/_matrix/client/v3/room_keys/version/{version}"),
    ] {
        let response = ask(&server, &ana, &path, "gzip, deflate, br, zstd").await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(encoding(&response), None, "{path}");
    }
}
