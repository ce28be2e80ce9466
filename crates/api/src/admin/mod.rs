//! Administration of the server over HTTP, under the paths that existing tools know.

mod activity;
mod deletion;
mod devices;
mod identities;
mod media;
mod notices;
mod paging;
mod register;
mod registration_tokens;
mod reports;
mod rooms;
mod statistics;
mod user_content;
mod user_details;
mod users;
mod version;

use im2_edge::routes::Routes;

pub(crate) fn routes() -> Routes {
    Routes::default()
        .merge(register::routes())
        .merge(rooms::routes())
        .merge(deletion::routes())
        .merge(media::routes())
        .merge(reports::routes())
        .merge(notices::routes())
        .merge(statistics::routes())
        .merge(users::routes())
        .merge(user_details::routes())
        .merge(user_content::routes())
        .merge(activity::routes())
        .merge(identities::routes())
        .merge(devices::routes())
        .merge(registration_tokens::routes())
        .merge(version::routes())
}
