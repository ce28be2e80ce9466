//! A client's WebSocket: messages in, messages out, each at its pace.

use std::time::{Duration, Instant};

use axum::extract::ws::{Message, WebSocket};
use futures_util::{SinkExt as _, StreamExt as _};
use prost::Message as _;

use crate::proto::models::DisconnectReason;
use crate::proto::signal::{LeaveAction, LeaveRequest, Response, SignalRequest, SignalResponse};
use crate::room::{Command, Outgoing};
use crate::sfu::{Seat, Sfu};

/// Clients ping every few seconds; one that is silent for this long is gone.
const SILENT: Duration = Duration::from_secs(30);
/// How long a client may take to read a message.
const WRITE: Duration = Duration::from_secs(10);
/// Messages at once, as seconds of the average.
const BURST: u32 = 3;

/// How fast a client may ask: tokens that come back with time.
#[derive(Debug)]
struct Pace {
    rate: f64,
    most: f64,
    left: f64,
    at: Instant,
}

impl Pace {
    fn new(rate: u32, now: Instant) -> Self {
        let most = f64::from(rate * BURST);
        Self { rate: f64::from(rate), most, left: most, at: now }
    }

    /// Takes a token, and tells how long to wait before the next message is read.
    fn take(&mut self, now: Instant) -> Duration {
        let gained = now.duration_since(self.at).as_secs_f64() * self.rate;
        (self.left, self.at) = ((self.left + gained).min(self.most) - 1.0, now);
        if self.left >= 0.0 { Duration::ZERO } else { Duration::from_secs_f64(-self.left / self.rate) }
    }
}

/// Serves a participant until it, or the room, ends the connection.
pub(super) async fn serve(socket: WebSocket, seat: Seat, link: u64, mut outgoing: Outgoing, sfu: &Sfu) {
    let (mut writer, mut reader) = socket.split();
    let participant = seat.participant;
    let commands = seat.commands.clone();
    let read = async {
        let mut pace = Pace::new(sfu.options().limits.signal_rate, Instant::now());
        loop {
            let Ok(Some(Ok(message))) = tokio::time::timeout(SILENT, reader.next()).await else { return };
            let wait = pace.take(Instant::now());
            if !wait.is_zero() {
                // Nothing more is read for now, which the client's network tells it.
                tokio::time::sleep(wait).await;
            }
            let request = match message {
                Message::Binary(bytes) => SignalRequest::decode(bytes),
                Message::Close(_) => return,
                Message::Ping(_) | Message::Pong(_) => continue,
                Message::Text(_) => {
                    sfu.metrics().bad_signals.up();
                    continue;
                }
            };
            match request.map(|request| request.message) {
                Ok(Some(request)) => {
                    if commands.send(Command::Request(participant, link, Box::new(request))).await.is_err() {
                        return;
                    }
                }
                // Of a newer protocol: clients live without an answer.
                Ok(None) => {}
                Err(_) => sfu.metrics().bad_signals.up(),
            }
        }
    };
    let write = async {
        while let Some(bytes) = outgoing.next().await {
            let sent = tokio::time::timeout(WRITE, writer.send(Message::Binary(bytes.into()))).await;
            if !matches!(sent, Ok(Ok(()))) {
                sfu.metrics().cut_off.up();
                return;
            }
        }
        let _ = tokio::time::timeout(WRITE, writer.close()).await;
    };
    tokio::select! {
        () = read => {}
        () = write => {}
    }
    let _ = seat.commands.send(Command::LinkEnded(participant, link)).await;
}

/// Tells a client that its session is not known here, so that it joins anew.
pub(super) async fn no_session(mut socket: WebSocket) {
    let leave = LeaveRequest {
        can_reconnect: true,
        reason: DisconnectReason::StateMismatch as i32,
        action: LeaveAction::Reconnect as i32,
    };
    let bytes = SignalResponse { message: Some(Response::Leave(leave)) }.encode_to_vec();
    let _ = tokio::time::timeout(WRITE, socket.send(Message::Binary(bytes.into()))).await;
    let _ = tokio::time::timeout(WRITE, socket.close()).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hasty_client_waits() {
        let now = Instant::now();
        let mut pace = Pace::new(10, now);
        assert!((0..30).all(|_| pace.take(now).is_zero()));
        assert_eq!(pace.take(now), Duration::from_millis(100));
        assert_eq!(pace.take(now), Duration::from_millis(200));
        assert!(pace.take(now + Duration::from_secs(1)).is_zero());
    }
}
