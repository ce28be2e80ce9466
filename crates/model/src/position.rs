//! Positions in the server's one stream of changes, and the tokens clients carry.
//!
//! Every durable change that a client may have to hear of gets a position when it is committed. Positions are
//! numbered per writer (a node that commits), so that writers never wait for each other; a token is the vector of
//! the positions reached, one entry a writer. What is at or before a token's entry for a writer has been seen; a
//! token never skips, because a writer publishes its positions in the order in which it committed them.

use std::{fmt, str::FromStr};

/// A node that commits to the stream. Numbered from 1.
pub type WriterId = u16;

/// A place in one writer's part of the stream: the writer in the upper 16 bits, its sequence in the lower 48.
///
/// Packed, so that one integer column holds it and a range scan within a writer is a range scan of that column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position(i64);

const SEQUENCE_BITS: u32 = 48;
const SEQUENCE_MASK: i64 = (1 << SEQUENCE_BITS) - 1;
/// The beginning of the first writer's part of the stream.
const FIRST: i64 = 1 << SEQUENCE_BITS;

impl Position {
    /// The position `sequence` of `writer`.
    ///
    /// # Panics
    /// If the writer does not fit 15 bits or the sequence 48: no database reaches either.
    pub fn new(writer: WriterId, sequence: u64) -> Self {
        assert!(writer < 1 << 15 && sequence <= SEQUENCE_MASK as u64, "position out of range");
        Self((i64::from(writer) << SEQUENCE_BITS) | sequence as i64)
    }

    /// The position as it is stored: counted from the first writer's beginning, because a small number takes few
    /// bytes, and every event's position is in several indexes.
    pub fn to_i64(self) -> i64 {
        self.0 - FIRST
    }

    /// A stored position.
    pub fn from_i64(stored: i64) -> Self {
        Self(stored.saturating_add(FIRST))
    }

    /// Who committed it.
    pub fn writer(self) -> WriterId {
        (self.0 >> SEQUENCE_BITS) as WriterId
    }

    /// Its number among that writer's positions, from 1.
    pub fn sequence(self) -> u64 {
        (self.0 & SEQUENCE_MASK) as u64
    }

    /// The next position of the same writer.
    #[must_use]
    pub fn next(self) -> Self {
        Self::new(self.writer(), self.sequence() + 1)
    }
}

/// How far a reader has got: the position reached of each writer. As text `<writer>.<sequence>[_<writer>.<sequence>…]`,
/// for example `1.4711`. A writer that is absent stands at 0.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Reached {
    /// Sorted by writer; no entry at sequence 0. Nearly always one entry.
    entries: Vec<Position>,
}

/// More writers than this in a token is no token of ours.
const MAX_WRITERS: usize = 64;

impl Reached {
    /// The position reached of `writer` (sequence 0 if none).
    pub fn of(&self, writer: WriterId) -> Position {
        self.entries
            .iter()
            .copied()
            .find(|position| position.writer() == writer)
            .unwrap_or_else(|| Position::new(writer, 0))
    }

    /// Whether what was committed at `position` lies behind.
    pub fn includes(&self, position: Position) -> bool {
        position <= self.of(position.writer())
    }

    /// Moves forward to include `position`; never moves back.
    pub fn advance(&mut self, position: Position) {
        if position.sequence() == 0 {
            return;
        }
        match self.entries.binary_search_by_key(&position.writer(), |entry| entry.writer()) {
            Ok(index) => self.entries[index] = self.entries[index].max(position),
            Err(index) => self.entries.insert(index, position),
        }
    }

    /// One position for each writer that has got anywhere.
    pub fn positions(&self) -> &[Position] {
        &self.entries
    }
}

impl fmt::Display for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, position) in self.entries.iter().enumerate() {
            let separator = if index == 0 { "" } else { "_" };
            write!(f, "{separator}{}.{}", position.writer(), position.sequence())?;
        }
        Ok(())
    }
}

impl FromStr for Reached {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let mut reached = Self::default();
        for entry in text.split('_').filter(|entry| !entry.is_empty()) {
            let (writer, sequence) = entry.split_once('.').ok_or(TokenError)?;
            let writer: WriterId = writer.parse().map_err(|_| TokenError)?;
            let sequence: u64 = sequence.parse().map_err(|_| TokenError)?;
            if writer >= 1 << 15 || sequence > SEQUENCE_MASK as u64 || reached.entries.len() == MAX_WRITERS {
                return Err(TokenError);
            }
            reached.advance(Position::new(writer, sequence));
        }
        Ok(reached)
    }
}

/// How far a client has followed the stream: what it was told of each writer's part, and of the memory-only signals
/// (typing, presence), which are numbered apart because they are never stored.
///
/// As text: `s<reached>~<ephemeral>`, for example `s1.4711~93`; with `~<inbox>` behind it, `s1.4711~93~1.4000`, while
/// more to-device messages wait than one answer holds: the client has then been told of them only up to there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct StreamToken {
    reached: Reached,
    /// The last memory-only signal seen.
    pub ephemeral: u64,
    /// How far the device has been told of its to-device messages, if not as far as of everything else.
    pub inbox: Option<Reached>,
}

impl StreamToken {
    /// A token that stands at `position` of its writer and at the beginning of every other.
    pub fn at(position: Position, ephemeral: u64) -> Self {
        let mut token = Self { ephemeral, ..Self::default() };
        token.advance(position);
        token
    }

    /// The position reached of `writer` (sequence 0 if none).
    pub fn reached(&self, writer: WriterId) -> Position {
        self.reached.of(writer)
    }

    /// Whether what was committed at `position` has been seen.
    pub fn includes(&self, position: Position) -> bool {
        self.reached.includes(position)
    }

    /// Whether everything that `other` includes has been seen, to-device messages apart.
    pub fn is_at_or_after(&self, other: &Self) -> bool {
        self.ephemeral >= other.ephemeral && other.positions().iter().all(|position| self.includes(*position))
    }

    /// Moves the token forward to include `position`; never moves it back.
    pub fn advance(&mut self, position: Position) {
        self.reached.advance(position);
    }

    /// The writers that this token has an entry for.
    pub fn positions(&self) -> &[Position] {
        self.reached.positions()
    }

    /// What was reached of the stored stream.
    pub fn stream(&self) -> &Reached {
        &self.reached
    }

    /// What was reached of the device's to-device messages.
    pub fn to_device(&self) -> &Reached {
        self.inbox.as_ref().unwrap_or(&self.reached)
    }
}

impl fmt::Display for StreamToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s{}~{}", self.reached, self.ephemeral)?;
        match &self.inbox {
            Some(inbox) => write!(f, "~{inbox}"),
            None => Ok(()),
        }
    }
}

/// The text is no token of this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a sync token of this server")]
pub struct TokenError;

impl FromStr for StreamToken {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let (stream, rest) = text.strip_prefix('s').and_then(|rest| rest.split_once('~')).ok_or(TokenError)?;
        let (ephemeral, inbox) = match rest.split_once('~') {
            Some((ephemeral, inbox)) => (ephemeral, Some(inbox.parse()?)),
            None => (rest, None),
        };
        let ephemeral = ephemeral.parse().map_err(|_| TokenError)?;
        Ok(Self { reached: stream.parse()?, ephemeral, inbox })
    }
}

#[cfg(test)]
mod tests {
    use super::{Position, StreamToken, TokenError};

    #[test]
    fn a_position_keeps_its_parts_and_orders_within_a_writer() {
        let position = Position::new(3, 70_000);
        assert_eq!((position.writer(), position.sequence()), (3, 70_000));
        assert_eq!(Position::from_i64(position.to_i64()), position);
        assert!(position < position.next());
    }

    #[test]
    fn a_token_survives_its_text() {
        let mut token = StreamToken::at(Position::new(2, 9), 5);
        token.advance(Position::new(1, 4711));
        assert_eq!(token.to_string(), "s1.4711_2.9~5");
        assert_eq!("s1.4711_2.9~5".parse(), Ok(token));
        assert_eq!("s~0".parse(), Ok(StreamToken::default()));
    }

    #[test]
    fn a_token_says_how_far_the_inbox_was_told_if_that_is_less() {
        let mut token = StreamToken::at(Position::new(1, 4711), 93);
        assert_eq!(token.to_device(), token.stream());
        token.inbox = Some("1.4000".parse().unwrap());
        assert_eq!(token.to_string(), "s1.4711~93~1.4000");
        assert_eq!("s1.4711~93~1.4000".parse(), Ok(token.clone()));
        assert!(token.includes(Position::new(1, 4500)) && !token.to_device().includes(Position::new(1, 4500)));
        token.inbox = Some("".parse().unwrap());
        assert_eq!(token.to_string().parse(), Ok(token), "nothing told at all");
    }

    #[test]
    fn a_token_includes_what_it_passed_and_never_moves_back() {
        let mut token = StreamToken::at(Position::new(1, 10), 0);
        token.advance(Position::new(1, 7));
        assert!(token.includes(Position::new(1, 10)));
        assert!(!token.includes(Position::new(1, 11)));
        assert!(!token.includes(Position::new(2, 1)));
    }

    #[test]
    fn foreign_text_is_refused() {
        for text in [
            "",
            "s",
            "s1",
            "s1.2",
            "t5",
            "s1.x~0",
            "s99999.1~0",
            "s1.999999999999999999~0",
            "s1.1~-1",
            "s1.1~5~x",
            "s1.1~5~1.1~",
        ] {
            assert_eq!(text.parse::<StreamToken>(), Err(TokenError), "{text}");
        }
    }
}
