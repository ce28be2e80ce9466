//! Behaviour of the edge that all requests share: CORS, identifiers, unknown routes, health.

use im2_testkit::{Server, Setup};
use reqwest::Method;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

#[tokio::test]
async fn versions_are_answered_to_anybody_from_any_page() {
    let server = Server::start().await;
    let answer = server.anonymous().get("/_matrix/client/versions").await;
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert!(answer.ok()["versions"].as_array().is_some_and(|versions| !versions.is_empty()));
}

#[tokio::test]
async fn a_preflight_needs_no_token_and_runs_no_handler() {
    let server = Server::start().await;
    for path in
        ["/v3/account/whoami", "/v3/rooms/x/send/y/z", "/_matrix/client/no/such/thing", "/_matrix/media/v3/upload"]
    {
        let client = server.anonymous();
        let answer = client.send_request(client.request(Method::OPTIONS, path)).await;
        assert_eq!(answer.status, 204, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("access-control-allow-methods"), "GET, POST, PUT, DELETE, OPTIONS");
        assert!(answer.header("access-control-allow-headers").contains("Authorization"));
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_unrecognized() {
    let server = Server::start().await;
    let client = server.anonymous();
    let answer = client.get("/v3/no/such/thing").await;
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    answer.refused(404, "M_UNRECOGNIZED");
    client.get("/_matrix/federation/v1/version").await.refused(404, "M_UNRECOGNIZED");
    client.get("/.well-known/matrix/nothing").await.refused(404, "M_UNRECOGNIZED");
    client.delete("/_matrix/client/versions", serde_json::json!({})).await.refused(405, "M_UNRECOGNIZED");
}

#[tokio::test]
async fn a_request_has_an_identifier() {
    let server = Server::start().await;
    let client = server.anonymous();
    let (one, two) = (client.get("/_matrix/client/versions").await, client.get("/_matrix/client/versions").await);
    assert!(!one.header("x-request-id").is_empty());
    assert_ne!(one.header("x-request-id"), two.header("x-request-id"));
    let named = client.request(Method::GET, "/_matrix/client/versions").header("x-request-id", "from-a-proxy");
    assert_eq!(client.send_request(named).await.header("x-request-id"), "from-a-proxy");
    let rude = client.request(Method::GET, "/_matrix/client/versions").header("x-request-id", "{\"a\": 1}");
    assert_ne!(client.send_request(rude).await.header("x-request-id"), "{\"a\": 1}");
}

/// Clients that write headers and body apart would otherwise see their next request fail.
#[tokio::test]
async fn a_connection_outlives_a_refusal_that_needed_no_body() {
    let server = Server::start().await;
    let mut stream = TcpStream::connect(server.url().trim_start_matches("http://")).await.unwrap();
    let head = b"POST /_matrix/client/v3/createRoom HTTP/1.1\r\nHost: im\r\nContent-Length: 2\r\n\r\n";
    stream.write_all(head).await.unwrap();
    // Time enough for the server to refuse a request without a token.
    server.anonymous().get("/_matrix/client/versions").await.ok();
    stream.write_all(b"{}").await.unwrap();
    let next = b"GET /_matrix/client/versions HTTP/1.1\r\nHost: im\r\nConnection: close\r\n\r\n";
    stream.write_all(next).await.unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).await.unwrap();
    assert!(answers.starts_with("HTTP/1.1 401") && answers.contains("HTTP/1.1 200"), "{answers}");
}

#[tokio::test]
async fn a_refusal_that_left_a_large_body_unread_ends_the_connection() {
    let server = Server::start().await;
    let client = server.anonymous();
    let large = client.request(Method::POST, "/v3/createRoom").body(vec![b' '; 100_000]);
    let answer = client.send_request(large).await;
    assert_eq!((answer.status, answer.header("connection")), (401, "close"));
}

#[tokio::test]
async fn a_path_that_is_not_text_is_refused() {
    let server = Server::start().await;
    server.anonymous().get("/v3/rooms/%ff%fe/state").await.refused(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn health_is_told() {
    let server = Server::start().await;
    assert_eq!(server.anonymous().get("/health/live").await.ok()["status"], "live");
    assert_eq!(server.anonymous().get("/health/ready").await.ok()["status"], "ready");
    server.engine().core.shutdown.begin();
    let answer = server.anonymous().get("/health/ready").await;
    assert_eq!((answer.status, answer.json()["status"].as_str()), (503, Some("stopping")));
}

#[tokio::test]
async fn metrics_count_requests_by_route() {
    let server = Setup::default().set("metrics.bind", "127.0.0.1:0").start().await;
    server.anonymous().get("/_matrix/client/versions").await.ok();
    server.anonymous().get("/v3/somebody's/secret").await.refused(404, "M_UNRECOGNIZED");
    let metrics = server.metrics().expect("metrics are switched on");
    let page = metrics.get("/metrics").await.text();
    let counted = "im2_http_requests_total{method=\"GET\",route=\"/_matrix/client/versions\",status=\"2xx\"} 1";
    assert!(page.contains(counted), "{page}");
    assert!(page.contains("route=\"none\"") && !page.contains("secret"), "{page}");
    for name in ["im2_store_commits_total", "im2_process_resident_memory_bytes", "im2_http_requests_in_flight"] {
        assert!(page.contains(name), "{name} is missing in {page}");
    }
    metrics.get("/_matrix/client/versions").await;
    assert_eq!(server.anonymous().get("/metrics").await.status, 404, "not for the public");
}

#[tokio::test]
async fn two_users_register_and_are_who_they_are() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    assert_eq!(ana.get("/v3/account/whoami").await.ok()["user_id"], "@ana:localhost");
    assert_eq!(ben.get("/v3/account/whoami").await.ok()["user_id"], "@ben:localhost");
}

#[tokio::test]
async fn a_head_has_a_limit() {
    let server = Server::start().await;
    let client = server.anonymous();
    let large = client.request(Method::GET, "/_matrix/client/versions").header("x-large", "x".repeat(20_000));
    assert_eq!(client.send_request(large).await.status, 200);
    let larger = client.request(Method::GET, "/_matrix/client/versions").header("x-larger", "x".repeat(60_000));
    assert_eq!(client.send_request(larger).await.status, 431);
}

#[tokio::test]
async fn the_root_says_what_is_there() {
    let server = Server::start().await;
    let answer = server.anonymous().get("/").await;
    assert_eq!(answer.status, 200);
    let page = answer.header("content-security-policy").starts_with("default-src 'none'");
    assert!(page || answer.text().contains("npm run build"), "{}", answer.text());
    server.anonymous().get("/no/such/page").await.refused(404, "M_UNRECOGNIZED");
}
