//! The Matrix client-server API, a file an area of the specification.

mod account;
mod account_data;
mod appservice;
mod calls;
mod capabilities;
mod dehydrated;
mod delayed_events;
mod devices;
mod discovery;
mod events;
mod filters;
mod key_backup;
mod keys;
mod login;
mod media;
mod moderation;
mod mutual_rooms;
mod notifications;
mod openid;
mod other_logins;
mod presence;
mod profile;
mod push_rules;
mod pushers;
mod receipts;
mod register;
mod reports;
pub(crate) mod rooms;
mod search;
mod sliding_sync;
mod sync;
mod tags;
mod third_party_ids;
mod thirdparty;
mod threads;
mod to_device;
mod turn;
mod typing;
mod user_directory;

use im2_edge::routes::Routes;

pub(crate) use login::SessionAnswer;
pub(crate) use pushers::shown as shown_pusher;

pub(crate) fn routes() -> Routes {
    Routes::default()
        .merge(discovery::routes())
        .merge(login::routes())
        .merge(other_logins::routes())
        .merge(register::routes())
        .merge(account::routes())
        .merge(third_party_ids::routes())
        .merge(openid::routes())
        .merge(devices::routes())
        .merge(moderation::routes())
        .merge(keys::routes())
        .merge(dehydrated::routes())
        .merge(profile::routes())
        .merge(presence::routes())
        .merge(user_directory::routes())
        .merge(capabilities::routes())
        .merge(rooms::routes())
        .merge(delayed_events::routes())
        .merge(search::routes())
        .merge(reports::routes())
        .merge(sync::routes())
        .merge(sliding_sync::routes())
        .merge(account_data::routes())
        .merge(tags::routes())
        .merge(filters::routes())
        .merge(media::routes())
        .merge(push_rules::routes())
        .merge(receipts::routes())
        .merge(threads::routes())
        .merge(typing::routes())
        .merge(to_device::routes())
        .merge(key_backup::routes())
        .merge(notifications::routes())
        .merge(events::routes())
        .merge(pushers::routes())
        .merge(mutual_rooms::routes())
        .merge(turn::routes())
        .merge(calls::routes())
        .merge(appservice::routes())
        .merge(thirdparty::routes())
}
