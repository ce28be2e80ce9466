//! Attacks by connections and by the form of requests.

use anyhow::Result;

use super::super::attack::{Attack, Lane, Shot};
use super::super::ground::Ground;
use crate::matrix::{encode, send_path};

const CONNECTIONS: usize = 2_000;

/// Connections on which a byte comes each second.
pub(super) fn slow(name: &'static str) -> Attack {
    Attack { name, lanes: vec![Lane::Drip; CONNECTIONS] }
}

/// Heads and bodies of many megabytes, paths of many parts, JSON that is deep, and chunks without an end.
pub(super) async fn huge(name: &'static str, ground: &Ground<'_>) -> Result<Attack> {
    let account = ground.account("huge").await?;
    let room = ground.room(&account).await?;
    let path = format!("{}huge-{{number}}", send_path(&room));
    let token = account.authorization.to_str().unwrap_or_default();
    let head = |rest: String| {
        let start = format!("GET /_matrix/client/v3/sync HTTP/1.1\r\nHost: im2-bench\r\nAuthorization: {token}\r\n");
        Shot::written([format!("{start}{rest}\r\n").into()])
    };
    let many = (0..5_000).map(|number| format!("X-{number}: y\r\n")).collect::<Vec<_>>().concat();
    let chunked = format!(
        "PUT {path} HTTP/1.1\r\nHost: im2-bench\r\nAuthorization: {token}\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        format!("400\r\n{}\r\n", "x".repeat(0x400)).repeat(2_000)
    );
    let nested = format!("{}{}", "[".repeat(500_000), "]".repeat(500_000));
    let keys = (0..100_000).map(|number| format!(r#""k{number}":1,"#)).collect::<Vec<_>>().concat();
    let numbers = format!(r#"{{"n":[{}1]}}"#, "1,".repeat(400_000));
    let long = format!("/_matrix/client/v3/rooms/{}/state", encode(&"!".repeat(8_000)));
    let shots = vec![
        head(format!("X: {}\r\n", "x".repeat(1 << 20))),
        head(many),
        Shot::written([chunked.into()]),
        Shot::new("PUT", &path, &account, nested),
        Shot::new("PUT", &path, &account, format!("{{{keys}\"k\":1}}")),
        Shot::new("PUT", &path, &account, numbers),
        Shot::new("PUT", &path, &account, vec![b'x'; 8 << 20]),
        Shot::get(&long, &account),
    ];
    Ok(Attack::volley(name, ground.lanes, shots))
}
