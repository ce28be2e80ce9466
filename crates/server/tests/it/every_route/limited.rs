//! Every route is limited in rate.

use im2_core::rate_limits::{By, Class, Who};
use im2_edge::routes::Access;
use im2_testkit::{Server, Setup};
use serde_json::json;

use super::{name, table, world::World};

/// Empties all buckets of a user, or of the address that the tests come from.
async fn exhaust(server: &Server, token: Option<&str>) {
    let engine = server.engine();
    let limits = &engine.core.limits;
    for class in Class::ALL {
        // No bucket of requests holds as many.
        let burst = limits.options().rates.of(class).burst.min(10_000);
        match (class.description().by, token) {
            (By::User, Some(token)) => {
                let user = engine.people.accounts.authenticate(token).await.unwrap().user;
                (0..burst).for_each(|_| drop(limits.spend_of(class, user, 1)));
            }
            (By::Address, None) => {
                let who = Who::address("127.0.0.1".parse().unwrap());
                (0..burst).for_each(|_| drop(limits.spend(class, who)));
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn every_route_refuses_who_asks_too_often_and_nobody_else() {
    let setup = Setup::default().set("rate_limits.enabled", true).clock_at(1_700_000_000_000);
    let server = setup.start().await;
    let world = World::of(&server, "ana").await;
    let (root, ben) = (server.register_admin("root").await, server.register("ben").await);
    ben.get("/v3/account/whoami").await.ok(); // whose token is in use is known before strangers ask too often
    for token in [Some(world.owner.token()), Some(root.token()), None] {
        exhaust(&server, token).await;
    }
    for route in table() {
        let client = match route.access {
            Access::Public | Access::Proof => world.owner.nobody(),
            Access::User => world.owner.with_token(world.owner.token()),
            Access::Admin => root.with_token(root.token()),
        };
        let request = client.request(route.method.clone(), &world.path(&route)).json(&json!({}));
        let answer = client.send_request(request).await;
        assert_eq!(answer.status, 429, "{} is not limited: {}", name(&route), answer.text());
    }
    ben.get("/v3/account/whoami").await.ok();
}
