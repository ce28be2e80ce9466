//! The Matrix client-server API, a file an area of the specification.

mod account;
mod account_data;
mod capabilities;
mod discovery;
mod filters;
mod login;
mod register;

pub(crate) use login::SessionAnswer;
mod rooms;
mod tags;

use crate::routes::Routes;

pub(crate) use login::SessionAnswer;

pub(crate) fn routes() -> Routes {
    Routes::default()
        .merge(discovery::routes())
        .merge(login::routes())
        .merge(register::routes())
        .merge(account::routes())
        .merge(capabilities::routes())
    discovery::routes().merge(rooms::routes())
        .merge(account_data::routes())
        .merge(tags::routes())
        .merge(filters::routes())
}
