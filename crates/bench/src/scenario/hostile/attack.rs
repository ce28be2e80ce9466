//! An attack: requests of one account, written beforehand, on several connections at once; and the thread it runs on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use super::raw::Raw;
use crate::client::Endpoint;
use crate::matrix::Session;

/// How long a connection rests after its request was refused because of a limit or its connection broke: the attacks
/// are of requests that cost much, not of as many refusals as the machine can make.
const REST: Duration = Duration::from_millis(20);
/// How long a slow client waits between two bytes.
const BETWEEN_BYTES: Duration = Duration::from_secs(1);
/// The placeholder for a number that differs in each request. The number has as many digits as the placeholder.
const MARK: &str = "{number}";
/// One past the largest status that is counted; the first is for connections that broke.
const STATUSES: usize = 600;
/// How far an attacker's thread stands behind server and measurement where all want the processor: attackers have
/// machines of their own.
const NICENESS: i32 = 5;

/// A request with all its bytes, except for the numbers that make each one differ.
#[derive(Debug, Clone)]
pub(super) struct Shot(Vec<Piece>);

#[derive(Debug, Clone)]
enum Piece {
    Bytes(Bytes),
    Number,
}

impl Shot {
    /// A request with a JSON body. Where path and body have `{number}`, a new number stands in each request.
    pub(super) fn new(method: &str, path: &str, session: &Session, body: impl Into<Bytes>) -> Self {
        Self::of_type("application/json", method, path, session, body)
    }

    /// A request without a body.
    pub(super) fn get(path: &str, session: &Session) -> Self {
        Self::new("GET", path, session, Bytes::new())
    }

    /// A request with a body of any type.
    pub(super) fn of_type(
        content_type: &str,
        method: &str,
        path: &str,
        session: &Session,
        body: impl Into<Bytes>,
    ) -> Self {
        Self::by(session.authorization.to_str().unwrap_or_default(), content_type, method, path, body)
    }

    /// A request of somebody without an account.
    pub(super) fn anonymous(method: &str, path: &str, body: impl Into<Bytes>) -> Self {
        Self::by("", "application/json", method, path, body)
    }

    fn by(authorization: &str, content_type: &str, method: &str, path: &str, body: impl Into<Bytes>) -> Self {
        let body: Bytes = body.into();
        let authorization = Some(authorization).filter(|value| !value.is_empty());
        let authorization = authorization.map(|value| format!("Authorization: {value}\r\n")).unwrap_or_default();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: im2-bench\r\n{authorization}Content-Type: {content_type}\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        Self::written([head.into(), body])
    }

    /// Any bytes.
    pub(super) fn written(parts: impl IntoIterator<Item = Bytes>) -> Self {
        let mut pieces = Vec::new();
        for mut rest in parts {
            while let Some(at) = rest.windows(MARK.len()).position(|part| part == MARK.as_bytes()) {
                pieces.push(Piece::Bytes(rest.split_to(at)));
                pieces.push(Piece::Number);
                rest = rest.slice(MARK.len()..);
            }
            pieces.push(Piece::Bytes(rest));
        }
        Self(pieces)
    }

    /// Writes the request with its number.
    pub(super) fn render(&self, number: u64, into: &mut Vec<u8>) {
        into.clear();
        for piece in &self.0 {
            match piece {
                Piece::Bytes(bytes) => into.extend_from_slice(bytes),
                // As long as the mark, so that the length of the body is known.
                Piece::Number => into.extend_from_slice(format!("{:08}", number % 100_000_000).as_bytes()),
            }
        }
    }
}

/// One connection of an attack.
#[derive(Debug, Clone)]
pub(super) enum Lane {
    /// Makes requests, one after the other, beginning with a place in the list.
    Fire(Arc<[Shot]>, usize),
    /// Asks for something and reads no more than the beginning of the answer.
    Stall(Shot),
    /// Connects and writes a byte a second, none of which ends a request.
    Drip,
}

/// The attack of one account.
#[derive(Debug)]
pub(super) struct Attack {
    /// Its name in the report.
    pub(super) name: &'static str,
    /// Its connections.
    pub(super) lanes: Vec<Lane>,
}

impl Attack {
    /// Several connections that make the same requests.
    pub(super) fn volley(name: &'static str, width: usize, shots: Vec<Shot>) -> Self {
        let shots: Arc<[Shot]> = shots.into();
        let lanes = (0..width).map(|index| Lane::Fire(Arc::clone(&shots), index)).collect();
        Self { name, lanes }
    }
}

/// Counts the answers to the requests of an attack, by status.
#[derive(Debug)]
pub(super) struct Tally([AtomicU64; STATUSES]);

impl Tally {
    fn count(&self, status: u16) {
        self.0[usize::from(status).min(STATUSES - 1)].fetch_add(1, Ordering::Relaxed);
    }

    /// Answers with a status in `range`; 0 stands for connections that broke.
    pub(super) fn among(&self, range: std::ops::Range<usize>) -> u64 {
        self.0[range].iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// Everything but successes and refusals because of a limit.
    pub(super) fn other(&self) -> u64 {
        self.among(0..STATUSES) - self.among(200..300) - self.among(429..430)
    }

    /// All statuses that there were, for people.
    pub(super) fn describe(&self) -> String {
        let counts = self.0.iter().enumerate().map(|(status, count)| (status, count.load(Ordering::Relaxed)));
        let words = counts.filter(|(_, count)| *count > 0).map(|(status, count)| match status {
            0 => format!("{count} broken"),
            status => format!("{count} × {status}"),
        });
        words.collect::<Vec<_>>().join(", ")
    }
}

/// An attack that is going on.
#[derive(Debug)]
pub(super) struct Running {
    stop: watch::Sender<bool>,
    over: oneshot::Receiver<()>,
    tally: Arc<Tally>,
}

impl Running {
    /// Begins an attack on a thread of its own, so that it does not hold up what is measured.
    pub(super) fn begin(attack: Attack, endpoint: Endpoint) -> Result<Self> {
        let (stop, stopped) = watch::channel(false);
        let (ended, over) = oneshot::channel();
        let tally = Arc::new(Tally(std::array::from_fn(|_| AtomicU64::new(0))));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let counted = Arc::clone(&tally);
        let thread = std::thread::Builder::new().name(format!("attack {}", attack.name));
        thread.spawn(move || {
            // Of no consequence where it is not allowed.
            let _ = rustix::process::nice(NICENESS);
            runtime.block_on(fight(attack, endpoint, &counted, stopped));
            let _ = ended.send(());
        })?;
        Ok(Self { stop, over, tally })
    }

    /// Ends it.
    pub(super) async fn end(self) -> Result<Arc<Tally>> {
        self.stop.send_replace(true);
        self.over.await.context("an attack failed")?;
        Ok(self.tally)
    }
}

async fn fight(attack: Attack, endpoint: Endpoint, tally: &Arc<Tally>, mut stopped: watch::Receiver<bool>) {
    let numbers = Arc::new(AtomicU64::new(0));
    let mut lanes = JoinSet::new();
    for lane in attack.lanes {
        let (endpoint, tally, numbers) = (endpoint.clone(), Arc::clone(tally), Arc::clone(&numbers));
        match lane {
            Lane::Fire(shots, first) => lanes.spawn(fire(shots, first, endpoint, tally, numbers)),
            Lane::Stall(shot) => lanes.spawn(stall(shot, endpoint, tally)),
            Lane::Drip => lanes.spawn(drip(endpoint, tally)),
        };
    }
    // Lanes have no end of their own.
    let _ = stopped.wait_for(|stopped| *stopped).await;
    lanes.shutdown().await;
}

async fn fire(shots: Arc<[Shot]>, first: usize, endpoint: Endpoint, tally: Arc<Tally>, numbers: Arc<AtomicU64>) {
    let mut connection = Raw::new(endpoint);
    let mut request = Vec::new();
    for shot in shots.iter().cycle().skip(first) {
        shot.render(numbers.fetch_add(1, Ordering::Relaxed), &mut request);
        let status = connection.exchange(&request, None).await.unwrap_or(0);
        tally.count(status);
        if matches!(status, 0 | 429) {
            tokio::time::sleep(REST).await;
        }
    }
}

async fn stall(shot: Shot, endpoint: Endpoint, tally: Arc<Tally>) {
    let mut request = Vec::new();
    loop {
        shot.render(0, &mut request);
        let status = async {
            let mut stream = endpoint.open().await?;
            stream.write_all(&request).await?;
            let mut beginning = [0; 64];
            stream.read_exact(&mut beginning).await?;
            let status = std::str::from_utf8(&beginning[9..12]).ok().and_then(|status| status.parse().ok());
            tally.count(status.unwrap_or(0));
            // Held until the attack is over.
            std::future::pending::<()>().await;
            std::io::Result::Ok(())
        };
        if status.await.is_err() {
            tally.count(0);
            tokio::time::sleep(REST).await;
        }
    }
}

async fn drip(endpoint: Endpoint, tally: Arc<Tally>) {
    loop {
        let dripping = async {
            let mut stream = endpoint.open().await?;
            stream.write_all(b"GET /_matrix/client/v3/sync HTTP/1.1\r\nHost: im2-bench\r\nX: ").await?;
            tally.count(200);
            loop {
                stream.write_all(b"x").await?;
                tokio::time::sleep(BETWEEN_BYTES).await;
            }
        };
        let dripped: std::io::Result<()> = dripping.await;
        if dripped.is_err() {
            tally.count(0);
            tokio::time::sleep(REST).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_where_they_are_marked_and_leave_the_length() {
        let shot = Shot::anonymous("PUT", "/a/{number}", r#"{"x":"{number}"}"#);
        let mut request = Vec::new();
        shot.render(7, &mut request);
        let text = String::from_utf8(request).expect("text");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        assert_eq!(body, r#"{"x":"00000007"}"#);
        assert!(head.starts_with("PUT /a/00000007 HTTP/1.1\r\n"), "{head}");
        assert!(head.ends_with(&format!("Content-Length: {}", body.len())), "{head}");
    }
}
