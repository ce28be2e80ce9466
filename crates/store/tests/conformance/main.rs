//! The store's promises, whichever engine keeps them: a case for each public method of `Store`, `Snapshot` and
//! `Transaction`. `open` is the one place that knows the engine, and `coverage` sees to it that no method is left out.

#![expect(clippy::unwrap_used, reason = "tests panic when an assumption does not hold")]
#![expect(clippy::cloned_ref_to_slice_refs, reason = "a list that is expected is written as a list")]

mod accounts;
mod commands;
mod coverage;
mod credentials;
mod devices;
mod events;
mod followers;
mod graph;
mod jobs;
mod keys;
mod media;
mod membership;
mod moderation;
mod nodes;
mod people;
mod personal;
mod relations;
mod resolutions;
mod rooms;
mod store;

use std::sync::atomic::{AtomicU64, Ordering};

use im2_model::{DeviceId, EventId, Position, Reached, RoomId, RoomNid, StreamToken, UserId, UserNid};
use im2_store::{
    Change, Options, Result, Snapshot, Store,
    accounts::NewAccount,
    rooms::{Appended, NewEvent},
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A change of the store under test.
type Tx<'a> = Change<'a, ()>;

/// A store under test, which nobody else has.
struct Opened {
    store: Store<()>,
    folder: TempDir,
}

/// Opens an empty store. An engine that is to keep the same promises is opened here.
fn open() -> Opened {
    let folder = tempfile::tempdir().unwrap();
    Opened { store: Store::open(&Options::new(folder.path().join("data"))).unwrap(), folder }
}

/// Runs a case in one change of an empty store, which is then committed.
async fn case(case: impl Fn(&mut Tx<'_>) -> Result<()> + Send + 'static) {
    open().store.write(case).await.expect("the case holds");
}

/// Runs a case that reads with a snapshot what a change of an empty store has committed.
async fn committed<T: Send + 'static>(
    write: impl Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    read: impl FnOnce(&Snapshot<'_>, T) -> Result<()> + Send + 'static,
) {
    let opened = open();
    let written = opened.store.write(write).await.expect("the change is made");
    opened.store.read(move |db| read(db, written)).await.expect("the case holds");
}

fn user_id(name: &str) -> UserId {
    UserId::parse(&format!("@{name}:example.org")).unwrap()
}

fn room_id(name: &str) -> RoomId {
    RoomId::parse(&format!("!{name}:example.org")).unwrap()
}

fn event_id(name: &str) -> EventId {
    EventId::parse(&format!("${name}")).unwrap()
}

fn device_id(name: &str) -> DeviceId {
    DeviceId::parse(name).unwrap()
}

/// A new account.
fn account(tx: &Tx<'_>, name: &str) -> Result<UserNid> {
    let new = NewAccount { user_id: user_id(name), password_hash: None, is_admin: false, created_ts: 1 };
    Ok(tx.create_account(&new)?.expect("the name is free"))
}

/// A new account with a device.
fn account_with_device(tx: &Tx<'_>, name: &str, device: &str) -> Result<(UserNid, DeviceId)> {
    let (user, device) = (account(tx, name)?, device_id(device));
    assert!(tx.ensure_device(user, &device, None, 1)?);
    Ok((user, device))
}

/// A new room without events.
fn room(tx: &Tx<'_>, name: &str) -> Result<RoomNid> {
    tx.create_room(&room_id(name), "12", 1)
}

/// An event with an identifier of its own.
fn event(sender: UserNid, kind: &str, content: &Value) -> NewEvent {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let event_id = event_id(&format!("event{}", NEXT.fetch_add(1, Ordering::Relaxed)));
    NewEvent {
        event_id,
        sender,
        kind: kind.into(),
        state_key: None,
        ts: 0,
        pdu: json!({ "type": kind, "content": content }).to_string().into(),
        membership: None,
        relation: None,
        redaction: None,
        terms: None,
        media: Vec::new(),
        transaction: None,
        bumps: true,
        summary: None,
    }
}

/// A message.
fn message(sender: UserNid) -> NewEvent {
    event(sender, "m.room.message", &json!({ "body": "hello" }))
}

/// A state event with an empty state key.
fn state(sender: UserNid, kind: &str, content: &Value) -> NewEvent {
    let pdu = json!({ "type": kind, "state_key": "", "content": content }).to_string().into();
    NewEvent { state_key: Some("".into()), pdu, ..event(sender, kind, content) }
}

/// A member event.
fn member(sender: UserNid, target: &str, membership: &'static str) -> NewEvent {
    let target = user_id(target);
    let content = json!({ "membership": membership });
    let pdu = json!({ "type": "m.room.member", "state_key": target.as_str(), "content": content }).to_string().into();
    let state_key = Some(target.as_str().into());
    NewEvent { state_key, pdu, membership: Some((target, membership)), ..event(sender, "m.room.member", &content) }
}

/// Appends to a room after its last event.
fn append(tx: &mut Tx<'_>, room: RoomNid, event: &NewEvent) -> Result<Appended> {
    let head = tx.room_by_nid(room)?.expect("the room is there").head_seq;
    tx.append_event(room, head, event)
}

/// Everything up to a position.
fn until(position: Position) -> Reached {
    let mut reached = Reached::default();
    reached.advance(position);
    reached
}

/// A token that has seen everything up to a position.
fn token(position: Position) -> StreamToken {
    StreamToken::at(position, 0)
}
