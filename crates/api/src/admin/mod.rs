//! Administration of the server over HTTP, under the paths that existing tools know.

mod register;

use crate::routes::Routes;

pub(crate) fn routes() -> Routes {
    register::routes()
}
