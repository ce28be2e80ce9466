//! Accounts in very many rooms, and the people who talk there.

use std::cell::Cell;

use anyhow::{Context, Result};
use http::Method;
use serde_json::json;

use super::super::progress;
use crate::args::FirstSyncOptions;
use crate::client::Connection;
use crate::matrix::{Session, call, create_room_with, encode, join, new_run, prepare, register_all, send_path, spread};
use crate::target::Target;
use crate::wire::{Marker, SendAnswer};

/// Those who make the rooms and talk there.
const PEOPLE: usize = 20;
/// One room in this many has not been read to its end.
const UNREAD_EVERY: usize = 10;

/// An account that is measured.
#[derive(Debug)]
pub(in super::super) struct Account {
    pub(in super::super) session: Session,
    /// How many rooms it is in: the first ones.
    pub(super) rooms: usize,
}

/// Everything that was set up.
#[derive(Debug)]
pub(in super::super) struct World {
    pub(in super::super) accounts: Vec<Account>,
    run: String,
    people: Vec<Session>,
    rooms: Vec<String>,
    /// Messages sent since.
    said: Cell<u64>,
}

impl World {
    /// Makes accounts and rooms: half of the rooms have a name and the others have only members, a third are
    /// encrypted, most have been read.
    pub(in super::super) async fn build(target: &Target, options: &FirstSyncOptions) -> Result<Self> {
        let run = new_run();
        progress(format_args!("first-sync on {}: registering {} users", target.name, PEOPLE + options.rooms.len()));
        let mut people = register_all(target, &run, "first", PEOPLE + options.rooms.len()).await?;
        let sessions = people.split_off(PEOPLE);
        let accounts = sessions.into_iter().zip(&options.rooms);
        let accounts = accounts.map(|(session, rooms)| Account { session, rooms: *rooms as usize }).collect();
        let mut world = Self { accounts, run, people, rooms: Vec::new(), said: Cell::new(0) };
        let rooms = world.accounts.iter().map(|account| account.rooms).max().unwrap_or(0);
        progress(format_args!("first-sync on {}: filling {rooms} rooms", target.name));
        world.rooms =
            spread(target, 8, rooms, async |connection, index| world.fill(connection, target, index, options).await)
                .await?;
        Ok(world)
    }

    async fn fill(
        &self,
        connection: &mut Connection,
        target: &Target,
        index: usize,
        options: &FirstSyncOptions,
    ) -> Result<String> {
        let members: Vec<&Session> = self.people.iter().cycle().skip(index).take(options.members as usize).collect();
        let mut body = json!({});
        if index.is_multiple_of(2) {
            body["name"] = format!("Room {index} of im2-bench").into();
        }
        if index.is_multiple_of(3) {
            let content = json!({"algorithm": "m.megolm.v1.aes-sha2"});
            body["initial_state"] = json!([{"type": "m.room.encryption", "state_key": "", "content": content}]);
        }
        let room = create_room_with(connection, target, members[0], body).await?;
        let accounts = || self.accounts.iter().filter(|account| account.rooms > index).map(|account| &account.session);
        for session in members[1..].iter().copied().chain(accounts()) {
            join(connection, session, &room).await?;
        }
        let mut last = String::new();
        for (message, sender) in (0..options.messages).zip(members.iter().cycle()) {
            last = self.send(connection, sender, &room, &format!("{index}-{message}")).await?;
        }
        if !index.is_multiple_of(UNREAD_EVERY) {
            let path = format!("/_matrix/client/v3/rooms/{}/read_markers", encode(&room));
            let markers = json!({"m.fully_read": last, "m.read": last}).to_string();
            for session in accounts() {
                prepare(connection, &call(Method::POST, path.clone(), Some(session), markers.clone())).await?;
            }
        }
        Ok(room)
    }

    /// Sends one message more to one of the account's rooms, each time another; gives the event's id.
    pub(super) async fn say(&self, connection: &mut Connection, account: &Account) -> Result<String> {
        let said = self.said.replace(self.said.get() + 1);
        // Rooms far from each other, most of them out of the sight of a short list.
        let index = said as usize * 37 % account.rooms;
        let sender = &self.people[index % PEOPLE];
        self.send(connection, sender, &self.rooms[index], &format!("said-{said}")).await
    }

    async fn send(&self, connection: &mut Connection, sender: &Session, room: &str, txn_id: &str) -> Result<String> {
        let content = Marker { run: &self.run, sequence: 0 }.content(80);
        let path = format!("{}{}-{txn_id}", send_path(room), self.run);
        let body = prepare(connection, &call(Method::PUT, path, Some(sender), content)).await?;
        let answer: SendAnswer<'_> = serde_json::from_slice(&body).context("/send has an unexpected form")?;
        Ok(answer.event_id.0.into_owned())
    }
}
