//! `memory`: what a server keeps in memory with very many rooms, with readers that do not read, and with a room that
//! has very much state.

use std::time::Duration;

use anyhow::{Context, Result};
use http::Method;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::first_sync::setup::{Account, World};
use super::progress;
use crate::args::{FirstSyncOptions, MemoryOptions};
use crate::matrix::{call, create_room, encode, expect_ok, get, prepare};
use crate::report::Report;
use crate::target::Target;

/// How long the server has to settle before its memory is read: caches are looked at every second.
const SETTLE: Duration = Duration::from_secs(5);

/// Measures.
pub async fn run(target: &Target, options: &MemoryOptions) -> Result<Report> {
    let settings = format!(
        "{} rooms of {} messages, {} readers, {} state events of {} bytes",
        options.rooms, options.messages, options.readers, options.state_events, options.state_bytes
    );
    let mut report = Report::new(&target.name, "memory", settings);
    let first_sync =
        FirstSyncOptions { rooms: vec![options.rooms], messages: options.messages, ..crate::args::defaults() };
    add(&mut report, target, "at the start")?;
    let world = World::build(target, &first_sync).await?;
    let account = world.accounts.first().context("one account was made")?;
    tokio::time::sleep(SETTLE).await;
    add(&mut report, target, "with all rooms")?;
    let sync = get("/_matrix/client/v3/sync?timeout=0".to_owned(), &account.session);
    let whole = expect_ok(&mut target.connect(), &sync).await?.len();
    report.add("answer of a first /sync", "MiB", crate::report::Better::Neither, mebibytes(whole as u64));
    add(&mut report, target, "after a first /sync")?;
    progress(format_args!("memory on {}: {} readers", target.name, options.readers));
    let mut readers = Vec::new();
    for number in 0..options.readers {
        readers.push(stuck_reader(target, account, number).await?);
    }
    tokio::time::sleep(SETTLE).await;
    add(&mut report, target, "while the readers wait")?;
    drop(readers);
    tokio::time::sleep(SETTLE).await;
    add(&mut report, target, "once they have gone")?;
    fill_with_state(target, account, options).await?;
    tokio::time::sleep(SETTLE).await;
    add(&mut report, target, "with a room of much state")?;
    Ok(report)
}

/// A connection that has asked for a first `/sync` and reads no more than its beginning.
async fn stuck_reader(target: &Target, account: &Account, number: u32) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(target.endpoint.address).await.context("cannot connect")?;
    let host = target.endpoint.host.to_str().context("the host is no text")?;
    let token = account.session.authorization.to_str().context("the token is no text")?;
    let path =
        format!("/_matrix/client/v3/sync?timeout=0&set_presence=offline&full_state={}", number.is_multiple_of(2));
    let head = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {token}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.context("the server does not take the request")?;
    stream.read_exact(&mut [0; 64]).await.context("the server does not answer")?;
    Ok(stream)
}

/// Sets state until there is as much as was asked for, or until the server takes no more.
async fn fill_with_state(target: &Target, account: &Account, options: &MemoryOptions) -> Result<()> {
    progress(format_args!("memory on {}: {} state events", target.name, options.state_events));
    let connection = &mut target.connect();
    let room = create_room(connection, target, &account.session).await?;
    let content = json!({"text": "x".repeat(options.state_bytes as usize)}).to_string();
    for number in 0..options.state_events {
        let path = format!("/_matrix/client/v3/rooms/{}/state/im2.bench/{number}", encode(&room));
        let set = call(Method::PUT, path, Some(&account.session), content.clone());
        if let Err(error) = prepare(connection, &set).await {
            progress(format_args!("memory on {}: no more than {number} state events: {error:#}", target.name));
            break;
        }
    }
    Ok(())
}

fn add(report: &mut Report, target: &Target, when: &str) -> Result<()> {
    let meter = target.meter();
    if let (Some(resident), Some(anonymous)) = (meter.resident()?, meter.anonymous()?) {
        report.lower(&format!("resident memory {when}"), "MiB", mebibytes(resident));
        report.lower(&format!("anonymous memory {when}"), "MiB", mebibytes(anonymous));
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "sizes stay far below 2^52")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
