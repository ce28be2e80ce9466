//! The Matrix client-server API, a file an area of the specification.

mod account_data;
mod discovery;
mod filters;
mod tags;

use crate::routes::Routes;

pub(crate) fn routes() -> Routes {
    discovery::routes().merge(account_data::routes()).merge(tags::routes()).merge(filters::routes())
}
