//! The accounts and rooms that attacks are prepared on: the others, their rooms, and helpers to make accounts and fill
//! rooms.

use std::cell::Cell;

use anyhow::{Context, Result, bail};
use http::Method;
use serde_json::{Value, json};

use super::attack::Shot;
use super::hosts::Hosts;
use super::raw::Raw;
use super::talk::Room;
use crate::args::HostileOptions;
use crate::matrix::{
    Session, call, create_room, create_room_with, encode, join, prepare, register, register_all, send_path, spread,
};
use crate::target::Target;
use crate::wire::SendAnswer;

/// Connections that prepare.
const WIDTH: usize = 8;
const PATH: &str = "/_matrix/client/v3";

/// The server as it is being prepared.
#[derive(Debug)]
pub(super) struct Ground<'a> {
    pub(super) target: &'a Target,
    pub(super) run: String,
    /// The others.
    pub(super) talkers: Vec<Session>,
    /// The rooms they talk in.
    pub(super) rooms: Vec<Room>,
    pub(super) hosts: Hosts,
    /// Connections of an attacker.
    pub(super) lanes: usize,
    /// Series of events sent so far: no two share transaction ids.
    series: Cell<u64>,
}

impl<'a> Ground<'a> {
    /// Registers the others and makes their rooms.
    pub(super) async fn build(target: &'a Target, run: &str, options: &HostileOptions, hosts: Hosts) -> Result<Self> {
        let talkers = register_all(target, run, "talker", options.talkers as usize).await?;
        let count = options.rooms.min(options.talkers) as usize;
        let rooms = spread(target, WIDTH, count, async |connection, room| {
            let members: Vec<usize> = (room..talkers.len()).step_by(count).collect();
            let id = create_room(connection, target, &talkers[members[0]]).await?;
            for member in &members[1..] {
                join(connection, &talkers[*member], &id).await?;
            }
            Ok(Room { id, members })
        })
        .await?;
        let lanes = options.lanes as usize;
        Ok(Self { target, run: run.to_owned(), talkers, rooms, hosts, lanes, series: Cell::new(0) })
    }

    /// A new account.
    pub(super) async fn account(&self, name: &str) -> Result<Session> {
        register(&mut self.target.connect(), self.target, &format!("bench-{}-{name}", self.run)).await
    }

    /// A new account that has joined all rooms of the others.
    pub(super) async fn account_among_others(&self, name: &str) -> Result<Session> {
        let session = self.account(name).await?;
        for room in &self.rooms {
            join(&mut self.target.connect(), &session, &room.id).await?;
        }
        Ok(session)
    }

    /// The server's name, from a user id.
    pub(super) fn server_name(&self) -> &str {
        self.talkers.first().and_then(|talker| talker.user_id.split_once(':')).map_or("localhost", |(_, name)| name)
    }

    /// A new room of this account.
    pub(super) async fn room(&self, session: &Session) -> Result<String> {
        create_room(&mut self.target.connect(), self.target, session).await
    }

    /// Makes a request that has to succeed.
    pub(super) async fn ask(&self, method: Method, path: &str, session: &Session, body: Value) -> Result<Value> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let path = format!("{PATH}{path}");
        let answer = prepare(&mut self.target.connect(), &call(method, path, Some(session), body)).await?;
        serde_json::from_slice(&answer).context("the answer is no JSON")
    }

    /// Makes many requests, some of which the server may refuse because there is enough; gives how many it took.
    pub(super) async fn ask_many(
        &self,
        method: Method,
        session: &Session,
        count: usize,
        request: impl Fn(usize) -> (String, Value),
    ) -> Result<usize> {
        let taken = spread(self.target, WIDTH, count, async |connection, index| {
            let (path, body) = request(index);
            let path = format!("{PATH}{path}");
            let answer = connection.call(&call(method.clone(), path, Some(session), body.to_string())).await?;
            Ok(usize::from(answer.status == 200))
        })
        .await?;
        Ok(taken.into_iter().sum())
    }

    /// Sends many events; gives their ids. Their transaction ids are `series-S-N`, where S counts the calls and N the
    /// events of one.
    pub(super) async fn send_many(
        &self,
        session: &Session,
        room: &str,
        kind: &str,
        count: usize,
        content: impl Fn(usize) -> Value,
    ) -> Result<Vec<String>> {
        let series = self.series.replace(self.series.get() + 1);
        let base = format!("{}series-{series}-", send_path(room).replace("m.room.message", kind));
        spread(self.target, WIDTH, count, async |connection, index| {
            let path = format!("{base}{index}");
            let answer =
                prepare(connection, &call(Method::PUT, path, Some(session), content(index).to_string())).await?;
            let answer: SendAnswer<'_> = serde_json::from_slice(&answer).context("/send has an unexpected form")?;
            Ok(answer.event_id.0.into_owned())
        })
        .await
    }

    /// Fills a room with state, as much as the server takes; gives how many events that is.
    pub(super) async fn fill_state(
        &self,
        session: &Session,
        room: &str,
        kind: &str,
        count: usize,
        content: impl Fn(usize) -> (String, Value),
    ) -> Result<usize> {
        let room = encode(room);
        self.ask_many(Method::PUT, session, count, |index| {
            let (key, content) = content(index);
            (format!("/rooms/{room}/state/{kind}/{}", encode(&key)), content)
        })
        .await
    }

    /// Makes small rooms of this account with a message each; gives their ids.
    pub(super) async fn many_rooms(&self, session: &Session, count: usize, body: Value) -> Result<Vec<String>> {
        spread(self.target, WIDTH, count, async |connection, _| {
            let room = create_room_with(connection, self.target, session, body.clone()).await?;
            let path = format!("{}first", send_path(&room));
            let content = json!({"msgtype": "m.text", "body": "hello"}).to_string();
            prepare(connection, &call(Method::PUT, path, Some(session), content)).await?;
            Ok(room)
        })
        .await
    }

    /// Uploads a file; gives server and media id as they stand in paths.
    pub(super) async fn upload(&self, session: &Session, content_type: &str, bytes: &[u8]) -> Result<String> {
        let shot = Shot::of_type(content_type, "POST", "/_matrix/media/v3/upload", session, bytes.to_vec());
        let (mut request, mut body) = (Vec::new(), Vec::new());
        shot.render(0, &mut request);
        let status = Raw::new(self.target.endpoint.clone()).exchange(&request, Some(&mut body)).await?;
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        match answer["content_uri"].as_str().and_then(|uri| uri.strip_prefix("mxc://")) {
            Some(place) => Ok(place.to_owned()),
            None => bail!("an upload was answered with {status}: {answer}"),
        }
    }
}
