//! `im2 routes`: what is served, for the coverage document and for the curious.

use anyhow::Result;

use super::say;

pub(super) fn run(json: bool) -> Result<()> {
    let routes = im2_api::routes();
    if json {
        return say(serde_json::to_string_pretty(routes.table())?);
    }
    routes
        .table()
        .iter()
        .try_for_each(|route| say(format_args!("{:6} {} ({:?})", route.method, route.path, route.access)))
}
