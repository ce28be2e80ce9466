//! The client-server API and the administration API: turns requests into calls of the use cases and results into the
//! specification's JSON.

mod admin;
mod client;

use std::sync::Arc;

use axum::Router;
use im2_edge::{Api, routes::Routes};

/// Every route of the server.
pub fn routes() -> Routes {
    client::routes().merge(admin::routes()).merge(im2_edge::health::routes())
}

/// The router that serves them, with the edge around it.
pub fn router(api: Arc<Api>) -> Router {
    im2_edge::router(routes(), api)
}

#[cfg(test)]
mod tests {
    use im2_core::rate_limits::By;
    use im2_edge::{compression, guests, routes::Access, suspended};

    #[test]
    fn every_line_of_the_tables_of_the_edge_is_a_route() {
        let routes = super::routes();
        let lines = guests::ALLOWED.iter().chain(suspended::ALLOWED);
        for (method, path) in lines {
            let found = routes.table().iter().any(|route| route.method == method && route.path == *path);
            assert!(found, "{method} {path}");
        }
        for path in compression::ROUTES {
            assert!(routes.table().iter().any(|route| route.path == *path), "{path}");
        }
    }

    #[test]
    fn a_class_counts_whom_its_routes_know() {
        for route in super::routes().table() {
            let expected = match route.access {
                Access::Public | Access::Proof => By::Address,
                Access::User | Access::Admin => By::User,
            };
            assert_eq!(route.limit.description().by, expected, "{} {}", route.method, route.path);
        }
    }
}
