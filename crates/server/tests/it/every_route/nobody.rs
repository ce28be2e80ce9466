//! Every route as nobody, with a token that nobody has, and the administrators' as an ordinary user.

use im2_edge::routes::Access;
use im2_testkit::{Answer, Client, Server};
use serde_json::json;

use super::{needs_user, table, world::World};

async fn try_route(client: &Client, route: &im2_edge::routes::Route, path: &str) -> Answer {
    client.send_request(client.request(route.method.clone(), path).json(&json!({}))).await
}

#[tokio::test]
async fn who_is_nobody_is_told_to_sign_in() {
    let server = Server::start().await;
    let world = World::of(&server, "ana").await;
    let (nobody, stranger) = (world.owner.nobody(), world.owner.with_token("no_such_token"));
    for route in table() {
        let path = world.path(&route);
        let (without, with) = (try_route(&nobody, &route, &path).await, try_route(&stranger, &route, &path).await);
        assert_eq!(without.header("access-control-allow-origin").is_empty(), path.starts_with("/health"), "{path}");
        if needs_user(&route) {
            without.refused(401, "M_MISSING_TOKEN");
            with.refused(401, "M_UNKNOWN_TOKEN");
        } else {
            assert!(without.status < 500 && with.status < 500, "{} {path}: {}", route.method, without.text());
            let errcode = without.json()["errcode"].clone();
            assert_ne!(errcode, "M_MISSING_TOKEN", "{path} is said to be for everybody");
        }
    }
}

#[tokio::test]
async fn an_ordinary_user_does_not_administer() {
    let server = Server::start().await;
    let world = World::of(&server, "ana").await;
    for route in table().into_iter().filter(|route| route.access == Access::Admin) {
        try_route(&world.owner, &route, &world.path(&route)).await.refused(403, "M_FORBIDDEN");
    }
}

#[tokio::test]
async fn a_token_in_another_scheme_is_none() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let nobody = ana.nobody();
    let whoami = "/v3/account/whoami";
    for header in [format!("Basic {}", ana.token()), ana.token().to_owned(), "Bearer ".to_owned(), String::new()] {
        let request = nobody.request(reqwest::Method::GET, whoami).header("authorization", &header);
        let answer = nobody.send_request(request).await;
        assert_eq!(answer.status, 401, "{header:?}: {}", answer.text());
    }
    let request =
        nobody.request(reqwest::Method::GET, whoami).header("authorization", format!("bearer {}", ana.token()));
    assert_eq!(nobody.send_request(request).await.ok()["user_id"], ana.user_id(), "schemes know no case");
}
