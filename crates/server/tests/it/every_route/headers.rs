//! Headers that every answer carries, tried on every route: with a session, without one, and where there is no route.

use im2_testkit::{Answer, Setup};
use reqwest::Method;
use serde_json::json;

use super::{table, world::World};

fn check(answer: &Answer, what: &str) {
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{what}");
    assert_eq!(answer.header("strict-transport-security"), "max-age=31536000", "{what}");
    let is_media = answer.status == 200 && (what.contains("/download/") || what.contains("/thumbnail/"));
    let (caching, well_known) = (answer.header("cache-control"), what.contains("/.well-known/"));
    assert!(caching == "no-store" || is_media || well_known, "{what}: {caching:?}");
}

#[tokio::test]
async fn no_answer_is_guessed_at_or_kept() {
    let server = Setup::default().set("public_url", "https://im.example.org").start().await;
    let world = World::of(&server, "ana").await;
    for route in table() {
        let path = world.path(&route);
        let what = format!("{} {path}", route.method);
        let request = |client: &im2_testkit::Client| client.request(route.method.clone(), &path).json(&json!({}));
        let nobody = world.owner.nobody();
        check(&nobody.send_request(request(&nobody)).await, &what);
        let ana = server.anonymous().log_in("ana", "password of ana").await;
        check(&ana.send_request(request(&ana)).await, &what);
    }
    let nobody = world.owner.nobody();
    for (method, path) in
        [(Method::GET, "/v3/no/such/route"), (Method::PATCH, "/v3/login"), (Method::OPTIONS, "/v3/sync")]
    {
        check(&nobody.send_request(nobody.request(method, path)).await, path);
    }
}
