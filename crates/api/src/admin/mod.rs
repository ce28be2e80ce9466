//! Administration of the server over HTTP, under the paths that existing tools know.

mod devices;
mod register;
mod registration_tokens;
mod user_details;
mod users;
mod version;

use crate::routes::Routes;

pub(crate) fn routes() -> Routes {
    register::routes()
        .merge(users::routes())
        .merge(user_details::routes())
        .merge(devices::routes())
        .merge(registration_tokens::routes())
        .merge(version::routes())
}
