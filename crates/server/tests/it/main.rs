//! Behaviour tests: they talk HTTP to a whole server, most in the same process, a few to the real executable.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod account_data;
mod accounts;
mod admin_users;
mod appservices;
mod calls;
mod commands;
mod discovery;
mod edge;
mod erasure;
mod every_route;
mod guests;
mod key_backup;
mod keys;
mod lifecycle;
mod limits;
mod many_rooms;
mod media;
mod media_admin;
mod moderation;
mod old_habits;
mod other_logins;
mod people;
mod push;
mod push_rules;
mod reading;
mod reports;
mod room_admin;
mod rooms;
mod search;
mod server_notices;
mod signals;
mod sliding_sync;
mod sync_sections;
mod to_device;
mod user_content;
