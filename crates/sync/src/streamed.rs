//! Answers that are made as they are read.
//!
//! An answer is written into memory. Once there is much of it, what is ready goes to the reader piece by piece, and
//! nothing more is made until the reader has taken it: an answer of fifty megabytes is never whole in memory, however
//! slowly it is read, and when the reader goes its making ends.
//!
//! A user has one answer made at a time, whole or in pieces: making one takes the threads that everybody's requests
//! run on, up to some hundred milliseconds of them.

use std::sync::Arc;

use im2_core::{Error, Result};
use im2_fair::{Bounds, Load, Turn as Slot, Turns, caller::inherit};
use tokio::{sync::mpsc, task::AbortHandle};

use super::concurrency::Turn;

/// Bytes that are collected before they go to the reader.
const PIECE: usize = 64 << 10;
/// Pieces that wait for the reader, beside the one in the making.
const WAITING: usize = 1;

/// Answers that are being made.
const MAKING: Bounds = Bounds {
    // As many as there are users who ask: one a user is what bounds them.
    running: 4_096,
    running_per_key: 1,
    running_per_target: usize::MAX,
    waiting: 65_536,
    // All devices of a user, woken by the same message.
    waiting_per_key: 512,
};

/// The users' turns at having an answer made.
#[derive(Debug, Clone)]
pub struct Making(Arc<Turns>);

impl Default for Making {
    fn default() -> Self {
        Self(Arc::new(Turns::new(MAKING)))
    }
}

impl Making {
    /// Waits for the current caller's turn.
    pub(crate) async fn turn(&self) -> Result<Slot> {
        Ok(self.0.take().await?)
    }

    /// How many answers are being made, and how many wait for it.
    pub fn load(&self) -> Load {
        self.0.load()
    }
}

/// An answer: JSON in one piece, or in many.
#[derive(Debug)]
pub enum Answer {
    /// A small one.
    Whole(Vec<u8>),
    /// A large one.
    Pieces(Pieces),
}

impl Answer {
    /// The same as the answer of a request: it breaks off when a later one needs the request's place.
    pub(super) fn within(mut self, turn: Turn) -> Self {
        if let Self::Pieces(pieces) = &mut self {
            pieces.turn = Some(turn);
        }
        self
    }

    /// The whole of it, read as fast as it is made.
    pub async fn whole(self) -> Result<Vec<u8>> {
        let mut pieces = match self {
            Self::Whole(whole) => return Ok(whole),
            Self::Pieces(pieces) => pieces,
        };
        let mut whole = Vec::new();
        while let Some(piece) = pieces.next().await {
            whole.extend_from_slice(&piece?);
        }
        Ok(whole)
    }
}

/// The pieces of a large answer.
#[derive(Debug)]
pub struct Pieces {
    first: Option<Vec<u8>>,
    made: mpsc::Receiver<Message>,
    has_ended: bool,
    turn: Option<Turn>,
    _maker: Maker,
}

impl Pieces {
    /// The next piece; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Vec<u8>>> {
        if let Some(first) = self.first.take() {
            return Some(Ok(first));
        }
        if self.has_ended {
            return None;
        }
        let message = match &self.turn {
            None => self.made.recv().await,
            Some(turn) => tokio::select! {
                message = self.made.recv() => message,
                () = turn.superseded() => None,
            },
        };
        self.has_ended = !matches!(message, Some(Message::Piece(_)));
        Some(match message {
            Some(Message::Piece(piece)) => Ok(piece),
            Some(Message::End(end)) => end.map(|(rest, _)| rest),
            None => Err(broke_off()),
        })
    }
}

/// The task that makes an answer. Aborted when it is dropped with the answer's reader.
#[derive(Debug)]
struct Maker(AbortHandle);

impl Drop for Maker {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn broke_off() -> Error {
    Error::Internal("the making of an answer broke off".into())
}

/// The output that an answer is written to.
pub(super) struct Out {
    /// The bytes that are written and have not gone to the reader yet.
    pub(super) bytes: Vec<u8>,
    pieces: Option<mpsc::Sender<Message>>,
    making: Making,
    /// The turn in which it is made.
    slot: Option<Slot>,
}

/// A message from the task that makes an answer to its reader.
#[derive(Debug)]
enum Message {
    /// There is more to come.
    Piece(Vec<u8>),
    /// The rest, and whether the answer says nothing.
    End(Result<(Vec<u8>, bool)>),
}

impl Out {
    /// An answer that is made in one piece, in this turn.
    pub(super) fn whole(making: &Making, slot: Slot) -> Self {
        Self { bytes: Vec::new(), pieces: None, making: making.clone(), slot: Some(slot) }
    }

    /// Sends what is ready to the reader if there is much of it. Only where what is written stays as it is. Fails if
    /// nobody reads any more.
    pub(super) async fn pass_on(&mut self) -> Result<()> {
        if self.bytes.len() < PIECE {
            return Ok(());
        }
        let Some(pieces) = &self.pieces else { return Ok(()) };
        let piece = std::mem::replace(&mut self.bytes, Vec::with_capacity(PIECE + PIECE / 4));
        // Who reads slowly keeps nothing from the user's other devices.
        self.slot = None;
        let sent = pieces.send(Message::Piece(piece)).await;
        sent.map_err(|_| Error::Internal("nobody reads the answer".into()))?;
        // Even where the reader and the turn are there at once, others come first.
        tokio::task::yield_now().await;
        self.slot = Some(self.making.turn().await?);
        Ok(())
    }
}

/// Has an answer made beside the request, in pieces if it becomes large, the first of them in this turn. Gives it once
/// its first piece is ready, and whether it says nothing.
pub(super) async fn in_pieces<F>(making: &Making, slot: Slot, make: impl FnOnce(Out) -> F) -> Result<(Answer, bool)>
where
    F: Future<Output = Result<(Vec<u8>, bool)>> + Send + 'static,
{
    let (sender, mut made) = mpsc::channel(WAITING);
    let out = Out { bytes: Vec::new(), pieces: Some(sender.clone()), making: making.clone(), slot: Some(slot) };
    let work = make(out);
    let task = tokio::spawn(inherit(async move {
        let end = work.await;
        drop(sender.send(Message::End(end)).await); // who does not read any more does not miss it
    }));
    let maker = Maker(task.abort_handle());
    match made.recv().await {
        None => Err(broke_off()),
        Some(Message::End(end)) => end.map(|(whole, is_empty)| (Answer::Whole(whole), is_empty)),
        Some(Message::Piece(first)) => {
            let pieces = Pieces { first: Some(first), made, has_ended: false, turn: None, _maker: maker };
            Ok((Answer::Pieces(pieces), false))
        }
    }
}
