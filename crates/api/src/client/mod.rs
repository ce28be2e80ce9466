//! The Matrix client-server API, a file an area of the specification.

mod discovery;

use crate::routes::Routes;

pub(crate) fn routes() -> Routes {
    discovery::routes()
}
