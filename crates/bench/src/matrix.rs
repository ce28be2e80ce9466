//! The calls of the client-server API that scenarios are made of: accounts, rooms, messages.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::{HeaderValue, Method};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ring::hmac;
use serde::Deserialize;
use serde_json::json;

use crate::client::{Answer, Call, Connection};
use crate::target::Target;
use crate::wire::ErrorAnswer;

/// How long any call that is not a long poll may take.
pub const CALL_LIMIT: Duration = Duration::from_secs(60);
const PASSWORD: &str = "correct horse battery staple";
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// An account with one device.
#[derive(Debug, Clone)]
pub struct Session {
    /// The user id.
    pub user_id: String,
    /// The value of the `Authorization` header.
    pub authorization: HeaderValue,
}

#[derive(Deserialize)]
struct Registered {
    user_id: String,
    access_token: String,
}

/// Percent-encodes one segment of a path or one value of a query.
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

/// A name for this run: no two runs share users, transaction ids or message texts.
pub fn new_run() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    format!("{:x}{:x}", now.as_micros(), std::process::id())
}

/// A GET request.
pub fn get(path: impl Into<Bytes>, session: &Session) -> Call<'_> {
    call(Method::GET, path, Some(session), Bytes::new())
}

/// Any request of one session, or of nobody.
pub fn call(method: Method, path: impl Into<Bytes>, session: Option<&Session>, body: impl Into<Bytes>) -> Call<'_> {
    Call {
        method,
        path: path.into(),
        authorization: session.map(|session| &session.authorization),
        body: body.into(),
        limit: CALL_LIMIT,
    }
}

/// Sends a request and insists on success.
pub async fn expect_ok(connection: &mut Connection, call: &Call<'_>) -> Result<Bytes> {
    let answer = connection.call(call).await.with_context(|| describe(call))?;
    succeeded(call, answer)
}

fn succeeded(call: &Call<'_>, answer: Answer) -> Result<Bytes> {
    if answer.status == 200 {
        return Ok(answer.body);
    }
    let hint = if answer.status == 429 { " (turn off the rate limits of the server under test)" } else { "" };
    bail!("{} was answered with {}{hint}", describe(call), failure(&answer));
}

/// Does as [`expect_ok`], for requests that prepare a measurement: waits where the server asks for it, within reason.
pub async fn prepare(connection: &mut Connection, call: &Call<'_>) -> Result<Bytes> {
    const MOST_WAITS: usize = 120;
    const LONGEST_WAIT: Duration = Duration::from_secs(10);
    for _ in 0..MOST_WAITS {
        let answer = connection.call(call).await.with_context(|| describe(call))?;
        match retry_after(&answer) {
            Some(wait) if wait <= LONGEST_WAIT => tokio::time::sleep(wait).await,
            _ => return succeeded(call, answer),
        }
    }
    expect_ok(connection, call).await
}

/// How long the server asks to wait, when it refuses because of its rate limits.
fn retry_after(answer: &Answer) -> Option<Duration> {
    #[derive(Deserialize)]
    struct Limited {
        retry_after_ms: u64,
    }
    if answer.status != 429 {
        return None;
    }
    let limited: Limited = serde_json::from_slice(&answer.body).ok()?;
    Some(Duration::from_millis(limited.retry_after_ms + 1))
}

fn describe(call: &Call<'_>) -> String {
    let path = String::from_utf8_lossy(&call.path);
    format!("{} {}", call.method, path.split('?').next().unwrap_or_default())
}

/// A short name for an answer that is no success: its status and error code.
pub fn failure(answer: &Answer) -> String {
    match serde_json::from_slice::<ErrorAnswer<'_>>(&answer.body) {
        Ok(error) if answer.status != 200 => format!("{} {} {}", answer.status, error.errcode.0, error.error.0),
        _ => answer.status.to_string(),
    }
}

/// Registers a user, in the way the target says.
pub async fn register(connection: &mut Connection, target: &Target, localpart: &str) -> Result<Session> {
    let body = match &target.shared_secret {
        Some(secret) => register_by_secret(connection, secret, localpart).await,
        None => register_by_dummy(connection, localpart).await,
    };
    let body = body.with_context(|| format!("cannot register `{localpart}` on {}", target.name))?;
    let registered: Registered = serde_json::from_slice(&body).context("registration gave no access token")?;
    let mut authorization = HeaderValue::from_str(&format!("Bearer {}", registered.access_token))?;
    authorization.set_sensitive(true);
    Ok(Session { user_id: registered.user_id, authorization })
}

async fn register_by_dummy(connection: &mut Connection, localpart: &str) -> Result<Bytes> {
    let mut body = json!({"username": localpart, "password": PASSWORD, "auth": {"type": "m.login.dummy"}});
    let path = "/_matrix/client/v3/register";
    let first = call(Method::POST, path, None, body.to_string());
    let answer = connection.call(&first).await?;
    if answer.status != 401 {
        return succeeded(&first, answer);
    }
    let challenge: serde_json::Value = serde_json::from_slice(&answer.body)?;
    let session = challenge.get("session").with_context(|| failure(&answer))?;
    body["auth"]["session"] = session.clone();
    prepare(connection, &call(Method::POST, path, None, body.to_string())).await
}

async fn register_by_secret(connection: &mut Connection, secret: &str, localpart: &str) -> Result<Bytes> {
    #[derive(Deserialize)]
    struct Nonce {
        nonce: String,
    }
    let path = "/_synapse/admin/v1/register";
    let nonce = expect_ok(connection, &call(Method::GET, path, None, "")).await?;
    let Nonce { nonce } = serde_json::from_slice(&nonce)?;
    let body = json!({
        "nonce": nonce,
        "username": localpart,
        "password": PASSWORD,
        "admin": false,
        "mac": registration_mac(secret, &nonce, localpart),
    });
    prepare(connection, &call(Method::POST, path, None, body.to_string())).await
}

fn registration_mac(secret: &str, nonce: &str, localpart: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    let tag = hmac::sign(&key, [nonce, localpart, PASSWORD, "notadmin"].join("\0").as_bytes());
    tag.as_ref().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

/// Creates a room that anybody may join, and gives its id.
pub async fn create_room(connection: &mut Connection, target: &Target, session: &Session) -> Result<String> {
    create_room_with(connection, target, session, json!({"name": "A room of im2-bench"})).await
}

/// The same with `body`, which says more of the room.
pub async fn create_room_with(
    connection: &mut Connection,
    target: &Target,
    session: &Session,
    mut body: serde_json::Value,
) -> Result<String> {
    #[derive(Deserialize)]
    struct Created {
        room_id: String,
    }
    body["preset"] = "public_chat".into();
    if let Some(version) = &target.room_version {
        body["room_version"] = version.as_str().into();
    }
    let call = call(Method::POST, "/_matrix/client/v3/createRoom", Some(session), body.to_string());
    let Created { room_id } = serde_json::from_slice(&prepare(connection, &call).await?)?;
    Ok(room_id)
}

/// Joins a room.
pub async fn join(connection: &mut Connection, session: &Session, room_id: &str) -> Result<()> {
    let path = format!("/_matrix/client/v3/rooms/{}/join", encode(room_id));
    prepare(connection, &call(Method::POST, path, Some(session), "{}")).await?;
    Ok(())
}

/// Stores a filter such as ordinary clients use, and gives its id.
pub async fn create_filter(connection: &mut Connection, session: &Session) -> Result<String> {
    #[derive(Deserialize)]
    struct Created {
        filter_id: String,
    }
    let filter = json!({"room": {
        "timeline": {"limit": 20, "unread_thread_notifications": true},
        "state": {"lazy_load_members": true},
    }});
    let path = format!("/_matrix/client/v3/user/{}/filter", encode(&session.user_id));
    let call = call(Method::POST, path, Some(session), filter.to_string());
    let Created { filter_id } = serde_json::from_slice(&prepare(connection, &call).await?)?;
    Ok(filter_id)
}

/// The beginning of the paths that send messages to a room; a transaction id completes it.
pub fn send_path(room_id: &str) -> String {
    format!("/_matrix/client/v3/rooms/{}/send/m.room.message/", encode(room_id))
}

/// Runs a job `count` times over `width` connections and gives the results in order. Stops at the first failure.
pub async fn spread<T>(
    target: &Target,
    width: usize,
    count: usize,
    job: impl AsyncFn(&mut Connection, usize) -> Result<T>,
) -> Result<Vec<T>> {
    let next = Cell::new(0);
    let results = RefCell::new(Vec::new());
    let lane = async || {
        let mut connection = target.connect();
        loop {
            let index = next.get();
            if index >= count {
                return Ok(());
            }
            next.set(index + 1);
            let result = job(&mut connection, index).await?;
            results.borrow_mut().push((index, result));
        }
    };
    let mut lanes: Vec<_> = (0..width.min(count)).map(|_| Some(Box::pin(lane()))).collect();
    poll_fn(|context| {
        for slot in &mut lanes {
            let Some(lane) = slot else { continue };
            match lane.as_mut().poll(context) {
                Poll::Ready(Ok(())) => *slot = None,
                Poll::Ready(Err(error)) => return Poll::Ready(Err::<(), anyhow::Error>(error)),
                Poll::Pending => {}
            }
        }
        if lanes.iter().all(Option::is_none) { Poll::Ready(Ok(())) } else { Poll::Pending }
    })
    .await?;
    drop(lanes);
    let mut results = results.into_inner();
    results.sort_unstable_by_key(|(index, _)| *index);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

/// Registers `count` users named after the run and the scenario.
pub async fn register_all(target: &Target, run: &str, scenario: &str, count: usize) -> Result<Vec<Session>> {
    spread(target, 4, count, async |connection, index| {
        register(connection, target, &format!("bench-{run}-{scenario}-{index}")).await
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_encoded_as_one_segment() {
        assert_eq!(encode("!a/b:h.org"), "%21a%2Fb%3Ah.org");
        assert_eq!(encode("s12_3~4-5"), "s12_3~4-5");
    }

    #[test]
    fn the_registration_mac_is_hmac_sha1() {
        // printf 'abcd\0pepper\0correct horse battery staple\0notadmin' | openssl sha1 -hmac shared
        assert_eq!(registration_mac("shared", "abcd", "pepper"), "42c69c439b797e022258daf969643921dafb0f85");
    }

    #[test]
    fn only_rate_limits_ask_to_wait() {
        let answer = |status, body: &'static str| Answer { status, body: Bytes::from_static(body.as_bytes()) };
        let limited = r#"{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":700}"#;
        assert_eq!(retry_after(&answer(429, limited)), Some(Duration::from_millis(701)));
        assert_eq!(retry_after(&answer(403, limited)), None);
        assert_eq!(retry_after(&answer(429, "{}")), None);
    }

    #[test]
    fn failures_are_named_by_status_and_code() {
        let answer = |status, body: &'static str| Answer { status, body: Bytes::from_static(body.as_bytes()) };
        let limited = answer(429, r#"{"errcode":"M_LIMIT_EXCEEDED","error":"Slow down"}"#);
        assert_eq!(failure(&limited), "429 M_LIMIT_EXCEEDED Slow down");
        assert_eq!(failure(&answer(502, "<html>")), "502");
    }
}
