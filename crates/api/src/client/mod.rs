//! The Matrix client-server API, a file an area of the specification.

mod account_data;
mod discovery;
mod filters;
mod tags;
mod account;
mod capabilities;
mod discovery;
mod login;
mod register;

pub(crate) use login::SessionAnswer;
mod rooms;

use crate::routes::Routes;

pub(crate) fn routes() -> Routes {
    discovery::routes().merge(account_data::routes()).merge(tags::routes()).merge(filters::routes())
    discovery::routes()
        .merge(login::routes())
        .merge(register::routes())
        .merge(account::routes())
        .merge(capabilities::routes())
    discovery::routes().merge(rooms::routes())
}
