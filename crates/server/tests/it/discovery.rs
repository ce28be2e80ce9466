//! Discovery: the server's address and its support contacts, as users without an account find them.

use im2_server::config::Value;
use im2_testkit::{Server, Setup};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn clients_find_the_server() {
    let server = Setup::default().set("public_url", "https://im.example.org").start().await;
    let found = server.anonymous().get("/.well-known/matrix/client").await;
    assert_eq!(found.header("access-control-allow-origin"), "*");
    assert_eq!(found.ok()["m.homeserver"]["base_url"], "https://im.example.org");
}

#[tokio::test]
async fn clients_are_told_the_address_that_they_came_to() {
    let server = Server::start().await;
    let client = server.anonymous();
    let path = "/.well-known/matrix/client";
    assert_eq!(client.get(path).await.ok()["m.homeserver"]["base_url"], server.url());
    let request = || client.request(Method::GET, path).header("host", "im.example.org");
    let found = client.send_request(request().header("x-forwarded-proto", "https")).await.ok();
    assert_eq!(found["m.homeserver"]["base_url"], "https://im.example.org");
    let silent = request().header("x-forwarded-for", "203.0.113.9");
    client.send_request(silent).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn the_operator_says_whom_to_turn_to() {
    let contacts = ["m.role.admin @ana:example.org ana@example.org", "m.role.security security@example.org"];
    let contacts = Value::List(contacts.map(str::to_owned).to_vec());
    let setup = Setup::default().set("support.contacts", contacts);
    let server = setup.set("support.page", "https://example.org/help").start().await;
    let expected = json!({
        "contacts": [
            { "role": "m.role.admin", "matrix_id": "@ana:example.org", "email_address": "ana@example.org" },
            { "role": "m.role.security", "email_address": "security@example.org" },
        ],
        "support_page": "https://example.org/help",
    });
    assert_eq!(server.anonymous().get("/.well-known/matrix/support").await.ok(), expected);
}

#[tokio::test]
async fn what_the_operator_does_not_say_is_not_found() {
    let server = Server::start().await;
    for path in ["/.well-known/matrix/support", "/.well-known/matrix/policy_server"] {
        server.anonymous().get(path).await.refused(404, "M_NOT_FOUND");
    }
}

#[test]
fn contacts_that_cannot_be_reached_are_no_configuration() {
    let mut config = im2_server::config::Config::default();
    for wrong in ["", "m.role.admin", "admin @ana:example.org", "m.role.admin ana", "m.role.admin a@b.c d@e.f"] {
        let problem = config.set("support.contacts", Value::List(vec![wrong.to_owned()])).unwrap_err();
        assert!(problem.to_string().contains("support.contacts"), "{wrong}: {problem}");
    }
    assert!(config.set("support.page", "example.org").is_err());
}
