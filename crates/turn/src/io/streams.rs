//! Clients over TCP and TLS: a task for each, which reads messages and writes what waits in its outbox.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{Instant, Sleep, sleep, timeout},
};

use super::{
    Client, Shared,
    certificate::{self, Certificates},
    connections::{Connections, Place},
    outbox::Outbox,
    scratch,
};
use crate::{
    counters::Counter,
    frame::Frame,
    server::{FiveTuple, Transport},
};

/// The time for TLS's handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a client without an allocation may send nothing.
const IDLE: Duration = Duration::from_secs(60);
/// How often that is looked at. A client that has read nothing of what waited for it from one look to the next is given
/// up.
const LOOK: Duration = Duration::from_secs(20);
/// The longest message of a client without an allocation: user name, realm and nonce at their longest fit.
const LONGEST_OF_STRANGERS: usize = 4_096;
/// Reads of one connection before others have their turn.
const READS: usize = 8;
/// The pause after a failed accept (no file descriptor left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves the clients that connect to a socket.
pub(super) async fn serve(
    shared: Arc<Shared>,
    listener: TcpListener,
    number: u16,
    tls: Option<Arc<Certificates>>,
    connections: Connections,
) {
    let mut tasks = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = tasks.join_next() => continue,
        };
        let (stream, client) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "accepting a TURN client");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Some(place) = connections.enter(client.ip()) else { continue };
        let (shared, tls) = (Arc::clone(&shared), tls.clone());
        let from = FiveTuple { transport: Transport::Stream, listener: number, client };
        tasks.spawn(connection(shared, stream, from, tls, place));
    }
}

async fn connection(
    shared: Arc<Shared>,
    stream: TcpStream,
    from: FiveTuple,
    tls: Option<Arc<Certificates>>,
    _place: Place,
) {
    // Without delay: a call has no use for packets that wait for company.
    let _ = stream.set_nodelay(true);
    let ended = match tls {
        None => converse(&shared, stream, from).await,
        Some(certificates) => match timeout(HANDSHAKE, certificates.acceptor().accept(stream)).await {
            Ok(Ok(stream)) => converse(&shared, stream, from).await,
            Ok(Err(error)) => Err(error),
            Err(_) => Ok(()),
        },
    };
    if let Err(error) = ended
        && certificate::is_ours(&error)
    {
        tracing::debug!(%error, client = %from.client, "a TURN client's connection");
    }
}

/// Reads and writes until one side has had enough. Then the client's allocation ends (RFC 8656, section 5).
async fn converse(
    shared: &Arc<Shared>,
    stream: impl AsyncRead + AsyncWrite + Unpin,
    from: FiveTuple,
) -> io::Result<()> {
    let outbox = Arc::<Outbox>::default();
    let mut connection = Connection {
        shared,
        stream,
        client: Client::Stream(Arc::clone(&outbox)),
        outbox,
        from,
        partial: Vec::new(),
        has_to_flush: false,
        heard: Instant::now(),
        waited: false,
        moved: false,
        look: Box::pin(sleep(LOOK)),
    };
    poll_fn(|context| connection.poll(context)).await
}

struct Connection<'a, S> {
    shared: &'a Arc<Shared>,
    stream: S,
    from: FiveTuple,
    client: Client,
    outbox: Arc<Outbox>,
    /// The beginning of a message whose end has not come yet.
    partial: Vec<u8>,
    has_to_flush: bool,
    /// When the client last sent a message.
    heard: Instant,
    /// Whether something waited for it at the last look, and whether it has read any of that since.
    waited: bool,
    moved: bool,
    look: Pin<Box<Sleep>>,
}

impl<S> Drop for Connection<'_, S> {
    fn drop(&mut self) {
        self.shared.server.lock().closed(&self.from);
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<'_, S> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        for _ in 0..READS {
            self.poll_write(context)?;
            // Who asks without reading the answers is not asked on.
            if self.outbox.is_crowded() {
                return self.poll_look(context);
            }
            match self.poll_read(context)? {
                Poll::Ready(true) => {}
                Poll::Ready(false) => return Poll::Ready(Ok(())),
                Poll::Pending => return self.poll_look(context),
            }
        }
        context.waker().wake_by_ref();
        self.poll_look(context)
    }

    /// Writes what waits, as far as the connection takes it. The task is woken when it takes more or there is more.
    fn poll_write(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let Self { stream, outbox, .. } = self;
        loop {
            let mut is_full = false;
            let written =
                outbox.write(context.waker(), |bytes| match Pin::new(&mut *stream).poll_write(context, bytes) {
                    Poll::Ready(Ok(0)) => Err(io::ErrorKind::WriteZero.into()),
                    Poll::Ready(outcome) => outcome,
                    Poll::Pending => {
                        is_full = true;
                        Ok(0)
                    }
                })?;
            match written {
                None => break,
                Some(_) if is_full => return Ok(()),
                Some(_) => {
                    self.has_to_flush = true;
                    self.moved = true;
                }
            }
        }
        if self.has_to_flush && Pin::new(&mut *stream).poll_flush(context)?.is_ready() {
            self.has_to_flush = false;
        }
        Ok(())
    }

    /// Reads once and works on the messages that are whole; `false` at the end.
    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        scratch::with_reading(|reading| {
            let mut buffer = ReadBuf::new(reading);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
            let bytes = buffer.filled();
            Poll::Ready(Ok(!bytes.is_empty() && self.take(bytes)))
        })
    }

    /// Works on the messages that are whole and keeps the rest; `false` if it is no message.
    fn take(&mut self, bytes: &[u8]) -> bool {
        if self.partial.is_empty() {
            return self.take_messages(bytes).is_some_and(|taken| {
                self.partial.extend_from_slice(&bytes[taken..]);
                true
            });
        }
        let mut partial = std::mem::take(&mut self.partial);
        partial.extend_from_slice(bytes);
        self.take_messages(&partial).is_some_and(|taken| {
            partial.drain(..taken);
            if !partial.is_empty() {
                self.partial = partial;
            }
            true
        })
    }

    /// Works on the messages that are whole, and says how many bytes they are.
    fn take_messages(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut taken = 0;
        loop {
            let rest = &bytes[taken..];
            let frame = match Frame::first(rest) {
                Ok(Some(frame)) => frame,
                Ok(None) => return Some(taken),
                Err(_) => return self.refuse(),
            };
            if frame.whole > LONGEST_OF_STRANGERS && !self.shared.server.lock().knows(&self.from) {
                return self.refuse();
            }
            if frame.whole > rest.len() {
                return Some(taken);
            }
            self.heard = Instant::now();
            let answer = scratch::with_packet(|packet| {
                packet.fill(&rest[..frame.message]);
                self.shared.received(&self.from, &self.client, packet)
            });
            if let Some(answer) = answer
                && !self.outbox.push(&answer)
            {
                self.shared.counters.count(Counter::Congested);
            }
            taken += frame.whole;
        }
    }

    /// What was sent is no message: on a stream, nobody knows where the next one begins.
    fn refuse(&self) -> Option<usize> {
        self.shared.counters.count(Counter::Malformed);
        None
    }

    /// Ends a connection that is of no use any more.
    fn poll_look(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.look.as_mut().poll(context).is_ready() {
            let now = Instant::now();
            let waits = !self.outbox.is_empty();
            let is_stalled = waits && self.waited && !self.moved;
            (self.waited, self.moved) = (waits, false);
            let is_idle = now.duration_since(self.heard) >= IDLE && !self.shared.server.lock().knows(&self.from);
            if is_stalled || is_idle {
                return Poll::Ready(Ok(()));
            }
            self.look.as_mut().reset(now + LOOK);
        }
        Poll::Pending
    }
}
