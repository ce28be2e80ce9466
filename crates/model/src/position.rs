//! Positions in the server's one stream of changes, and the tokens clients carry.
//!
//! Every durable change that a client may have to hear of gets a position when it is committed. Those who commit
//! (writers, one a node) number for themselves, so that they never wait for each other, and each goes on from the
//! highest number that it has given *or seen*: what may have been caused by a change has a higher position than it
//! (Lamport's clock). So two positions can be compared as numbers, whoever wrote them: of two that concern the same
//! room, the higher is the later one.
//!
//! Which changes somebody has seen is no number, though: writers commit at the same time, and what one of them commits
//! may be heard of after something higher of another. A token is the vector of the positions reached, one a writer.
//! It never skips, because what each writer commits is published in the order in which it was committed.
//!
//! Databases and tokens from before there were several writers have numbers without a writer in them. They stay as
//! they are: a token says with its first number up to where *everything* has been seen, and a database from then
//! begins with that (`stream_writers` in the store).
//!
//! Events that never were on the stream (the state that comes with a room joined elsewhere, events from before that)
//! have a negative number: the next position of whoever stores them, negated, so that no other event has it and it
//! costs no counter of its own. As numbers these lie before every position, so that every token includes them and no
//! range of the stream reaches them. The lower of two such numbers was stored later; that says nothing of which event
//! happened first. Zero is no place: no event has it, and where a column names an event, it stands for none.

use std::{fmt, str::FromStr};

/// A node that commits to the stream. Numbered from 1 up to [`LAST_WRITER`].
pub type WriterId = u8;

/// The highest number of a writer.
pub const LAST_WRITER: WriterId = (1 << WRITER_BITS) - 1;

/// A place in the stream: a sequence in the upper bits, and in the lowest six who wrote it.
///
/// Packed, so that one integer column holds it, and with the sequence first, so that the column's order is the stream's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position(i64);

const WRITER_BITS: u32 = 6;
const WRITER_MASK: i64 = (1 << WRITER_BITS) - 1;
const LAST_SEQUENCE: u64 = (i64::MAX >> WRITER_BITS) as u64;

impl Position {
    /// No place: nothing has it.
    pub const NONE: Self = Self(0);
    /// Behind every change.
    pub const LAST: Self = Self(i64::MAX);

    /// The position with number `sequence` by `writer`.
    ///
    /// # Panics
    /// If there can be no such writer or the sequence does not fit 57 bits, which no database reaches.
    pub fn new(writer: WriterId, sequence: u64) -> Self {
        assert!(writer <= LAST_WRITER && sequence <= LAST_SEQUENCE, "position out of range");
        Self(((sequence as i64) << WRITER_BITS) | i64::from(writer))
    }

    /// The position as it is stored.
    pub fn to_i64(self) -> i64 {
        self.0
    }

    /// A stored position.
    pub fn from_i64(stored: i64) -> Self {
        Self(stored)
    }

    /// The writer that committed it; 0 if it is off the stream. Meaningless for positions from before there were
    /// several writers.
    pub fn writer(self) -> WriterId {
        if self.0 < 0 { 0 } else { (self.0 & WRITER_MASK) as WriterId }
    }

    /// The place off the stream for what this position was given for and is not shown as news.
    #[must_use]
    pub fn off_stream(self) -> Self {
        Self(-self.0.abs())
    }

    /// Whether it is a place in the stream.
    pub fn is_on_stream(self) -> bool {
        self.0 > 0
    }

    /// Its number among the positions of its writer, which leaves out some.
    pub fn sequence(self) -> u64 {
        (self.0 >> WRITER_BITS).unsigned_abs()
    }

    /// A bound between this position and the one before it: no change has it.
    #[must_use]
    pub fn just_before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// A bound between this position and the one after it: no change has it.
    #[must_use]
    pub fn just_after(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The last position that `writer` may have given that is not after this one; `None` if there is none.
    pub fn last_of(self, writer: WriterId) -> Option<Self> {
        let same = (self.0 & !WRITER_MASK) | i64::from(writer);
        let found = if same <= self.0 { same } else { same - (1 << WRITER_BITS) };
        (found > 0).then_some(Self(found))
    }
}

/// Gives a writer its positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PositionClock {
    writer: WriterId,
    latest: Position,
}

impl PositionClock {
    /// The clock of a writer that has seen everything up to `latest`.
    ///
    /// # Panics
    /// If there can be no such writer.
    pub fn new(writer: WriterId, latest: Position) -> Self {
        assert!((1..=LAST_WRITER).contains(&writer), "writers have numbers from 1 to {LAST_WRITER}");
        Self { writer, latest }
    }

    /// The writer whose clock it is.
    pub fn writer(&self) -> WriterId {
        self.writer
    }

    /// The highest position that was given or seen.
    pub fn latest(&self) -> Position {
        self.latest
    }

    /// The next position: higher than all that were given or seen.
    ///
    /// Named as of an iterator, which it is not: it has no end.
    #[expect(clippy::should_implement_trait, reason = "a clock has no end")]
    pub fn next(&mut self) -> Position {
        self.latest = Position::new(self.writer, self.latest.sequence() + 1);
        self.latest
    }

    /// Notes a position that another writer has given.
    pub fn see(&mut self, position: Position) {
        self.latest = self.latest.max(position);
    }
}

/// How far a reader has got: the position reached of each writer, and up to where everything has been seen, whoever
/// wrote it.
///
/// As text `<everything>[_<position>…]`, for example `4711_301441`. Tokens from before there were several writers are
/// understood: `1.4711` is everything up to 4711.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Reached {
    /// The position up to which everything has been seen: changes from before there were several writers.
    base: Position,
    /// Sorted by writer, all above `base`. Nearly always one entry.
    entries: Vec<Position>,
}

impl Reached {
    /// Everything up to a place, and nothing after it.
    pub fn everything_until(base: Position) -> Self {
        Self { base, entries: Vec::new() }
    }

    /// The position up to which everything has been seen, whoever wrote it.
    pub fn base(&self) -> Position {
        self.base
    }

    /// The base alone, without the entries of writers.
    #[must_use]
    pub fn only_base(&self) -> Self {
        Self::everything_until(self.base)
    }

    /// The position up to which the commits of `writer` have been seen. A bound: maybe no change has this position.
    pub fn of(&self, writer: WriterId) -> Position {
        self.entry(writer).unwrap_or(self.base)
    }

    /// The position reached of `writer`, unless there is none but what everybody wrote before.
    pub fn entry(&self, writer: WriterId) -> Option<Position> {
        self.entries.iter().copied().find(|position| position.writer() == writer)
    }

    /// Whether what was committed at `position` lies behind.
    pub fn includes(&self, position: Position) -> bool {
        position <= self.base || position <= self.of(position.writer())
    }

    /// Whether everything that `other` includes lies behind.
    pub fn includes_all(&self, other: &Self) -> bool {
        other.base <= self.base && other.entries.iter().all(|position| self.includes(*position))
    }

    /// Moves forward to include `position` and what its writer committed before it; never moves back.
    pub fn advance(&mut self, position: Position) {
        if position <= self.base {
            return;
        }
        match self.entries.binary_search_by_key(&position.writer(), |entry| entry.writer()) {
            Ok(index) => self.entries[index] = self.entries[index].max(position),
            Err(index) => self.entries.insert(index, position),
        }
    }

    /// Moves forward to include what lies up to `base`, whoever wrote it; never moves back.
    pub fn pass(&mut self, base: Position) {
        self.base = self.base.max(base);
        self.entries.retain(|position| *position > self.base);
    }

    /// Moves forward to include everything that `other` includes.
    pub fn join(&mut self, other: &Self) {
        self.pass(other.base);
        other.entries.iter().for_each(|position| self.advance(*position));
    }

    /// The place of a reader who set out from here, goes through everything before `end` in the stream's order, and has
    /// got to `last`.
    #[must_use]
    pub fn on_the_way(&self, end: &Self, last: Position) -> Self {
        let mut reached = self.clone();
        reached.join(&end.up_to(last));
        reached
    }

    /// The part of this that lies up to `last`.
    #[must_use]
    pub fn up_to(&self, last: Position) -> Self {
        let mut reached = Self::everything_until(self.base.min(last));
        let entries = self.entries.iter().filter_map(|entry| entry.min(&last).last_of(entry.writer()));
        entries.for_each(|position| reached.advance(position));
        reached
    }

    /// One position for each writer of whom there is more than lies in the base.
    pub fn entries(&self) -> &[Position] {
        &self.entries
    }

    /// The highest position.
    pub fn highest(&self) -> Position {
        self.entries.iter().copied().max().unwrap_or(self.base)
    }
}

impl fmt::Display for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.base.0)?;
        self.entries.iter().try_for_each(|position| write!(f, "_{}", position.0))
    }
}

impl FromStr for Reached {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let number = |text: &str| match text.parse() {
            Ok(number @ 0..) => Ok(Position(number)),
            _ => Err(TokenError),
        };
        if let Some(sequence) = text.strip_prefix("1.") {
            return Ok(Self::everything_until(number(sequence)?));
        }
        let mut numbers = text.split('_').filter(|number| !number.is_empty());
        let mut reached = Self::everything_until(numbers.next().map_or(Ok(Position::default()), number)?);
        for (index, entry) in numbers.enumerate() {
            let position = number(entry)?;
            if index >= usize::from(LAST_WRITER) || position.writer() == 0 {
                return Err(TokenError);
            }
            reached.advance(position);
        }
        Ok(reached)
    }
}

/// How far a client has followed the stream: what it was told of each writer's part, and of the memory-only signals
/// (typing, presence), which are numbered apart because they are never stored.
///
/// As text: `s<reached>~<ephemeral>`, for example `s0_301441~93`; with `~<inbox>` behind it, `s0_301441~93~0_256001`,
/// while more to-device messages wait than one answer holds: the client has then been told of them only up to there.
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

    /// Reads a token. It may name places of which this node has not heard yet: requests have theirs read by the core, which
    /// sees to that.
    pub fn read(text: &str) -> Result<Self, TokenError> {
        let (stream, rest) = text.strip_prefix('s').and_then(|rest| rest.split_once('~')).ok_or(TokenError)?;
        let (ephemeral, inbox) = match rest.split_once('~') {
            Some((ephemeral, inbox)) => (ephemeral, Some(inbox.parse()?)),
            None => (rest, None),
        };
        let ephemeral = ephemeral.parse().map_err(|_| TokenError)?;
        Ok(Self { reached: stream.parse()?, ephemeral, inbox })
    }

    /// The position up to which the commits of `writer` have been seen. A bound: maybe no change has this position.
    pub fn reached(&self, writer: WriterId) -> Position {
        self.reached.of(writer)
    }

    /// Whether what was committed at `position` has been seen.
    pub fn includes(&self, position: Position) -> bool {
        self.reached.includes(position)
    }

    /// Whether everything that `other` includes has been seen, to-device messages apart.
    pub fn is_at_or_after(&self, other: &Self) -> bool {
        self.ephemeral >= other.ephemeral && self.reached.includes_all(&other.reached)
    }

    /// Moves the token forward to include `position`; never moves it back.
    pub fn advance(&mut self, position: Position) {
        self.reached.advance(position);
    }

    /// The same token, standing at another place in the stored stream.
    #[must_use]
    pub fn moved_to(&self, reached: Reached) -> Self {
        Self { reached, ..self.clone() }
    }

    /// The part of the stored stream that has been seen.
    pub fn stream(&self) -> &Reached {
        &self.reached
    }

    /// The part of the stored stream up to which the device has its to-device messages.
    pub fn to_device(&self) -> &Reached {
        self.inbox.as_ref().unwrap_or(&self.reached)
    }
}

impl From<Reached> for StreamToken {
    fn from(reached: Reached) -> Self {
        Self { reached, ..Self::default() }
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

#[cfg(test)]
mod tests {
    use super::{LAST_WRITER, Position, PositionClock, Reached, StreamToken, TokenError};

    #[test]
    fn a_position_keeps_its_parts_and_orders_by_sequence_first() {
        let position = Position::new(3, 70_000);
        assert_eq!((position.writer(), position.sequence()), (3, 70_000));
        assert_eq!(Position::from_i64(position.to_i64()), position);
        assert!(Position::new(LAST_WRITER, 69_999) < position && position < Position::new(1, 70_001));
        assert!(position.just_before() < position && position < position.just_after());
    }

    #[test]
    fn what_is_off_the_stream_lies_before_all_that_is_on_it() {
        let mut clock = PositionClock::new(3, Position::from_i64(4_711));
        let (off, on) = (clock.next().off_stream(), clock.next());
        assert!(off < Position::NONE && Position::NONE < Position::from_i64(1) && !off.is_on_stream());
        assert!(on.is_on_stream() && !Position::NONE.is_on_stream());
        assert_eq!((off.writer(), off.off_stream(), Position::from_i64(off.to_i64())), (0, off, off));
        let mut token = StreamToken::default();
        assert!(token.includes(off) && !token.includes(on), "every token includes it");
        token.advance(off);
        assert_eq!(token, StreamToken::default(), "and no token tells of it");
        assert_eq!(StreamToken::read("s0_-64~0"), Err(TokenError));
    }

    #[test]
    fn a_clock_goes_on_from_all_that_it_has_given_or_seen() {
        let mut clock = PositionClock::new(2, Position::from_i64(4_711));
        let first = clock.next();
        assert!(first > Position::from_i64(4_711), "a number from before there were writers");
        clock.see(Position::new(9, 100_000));
        clock.see(Position::new(1, 5));
        let second = clock.next();
        assert!(second > Position::new(9, 100_000));
        assert_eq!((second.writer(), clock.latest()), (2, second));
    }

    #[test]
    fn a_token_survives_its_text() {
        let mut token = StreamToken::at(Position::new(2, 9), 5);
        token.advance(Position::new(1, 4711));
        assert_eq!(token.to_string(), "s0_301505_578~5");
        assert_eq!(StreamToken::read("s0_301505_578~5"), Ok(token));
        assert_eq!(StreamToken::read("s~0"), Ok(StreamToken::default()));
        assert_eq!(StreamToken::read("s0~0"), Ok(StreamToken::default()));
    }

    #[test]
    fn a_token_from_before_there_were_writers_is_everything_up_to_there() {
        let old = StreamToken::read("s1.4711~93~1.4000").unwrap();
        assert_eq!(old.to_string(), "s4711~93~4000");
        assert!((1..=4_711).all(|number| old.includes(Position::from_i64(number))));
        assert!(!old.includes(Position::from_i64(4_712)) && !old.to_device().includes(Position::from_i64(4_001)));
        let mut new = old.clone();
        new.advance(Position::from_i64(4_000));
        assert_eq!(new, old, "what lies in the base has no entry");
        let mut clock = PositionClock::new(1, Position::from_i64(4_711));
        let next = clock.next();
        assert!(!old.includes(next));
        new.advance(next);
        assert!(new.includes(next) && !new.includes(clock.next()) && new.is_at_or_after(&old));
        assert!(!old.is_at_or_after(&new));
    }

    #[test]
    fn a_token_says_how_far_the_inbox_was_told_if_that_is_less() {
        let mut token = StreamToken::at(Position::new(1, 4711), 93);
        assert_eq!(token.to_device(), token.stream());
        let mut inbox = Reached::default();
        inbox.advance(Position::new(1, 4000));
        token.inbox = Some(inbox);
        assert_eq!(token.to_string(), "s0_301505~93~0_256001");
        assert_eq!(StreamToken::read("s0_301505~93~0_256001"), Ok(token.clone()));
        assert!(token.includes(Position::new(1, 4500)) && !token.to_device().includes(Position::new(1, 4500)));
        token.inbox = Some("".parse().unwrap());
        assert_eq!(StreamToken::read(&token.to_string()), Ok(token), "nothing told at all");
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
    fn half_a_way_is_what_lies_up_to_there_of_every_writer() {
        let mut end = Reached::everything_until(Position::from_i64(100));
        end.advance(Position::new(1, 10));
        end.advance(Position::new(2, 20));
        let within = |last: Position| {
            let reached = end.up_to(last);
            assert!(end.includes_all(&reached));
            for number in 0..2_000 {
                let position = Position::from_i64(number);
                // Positions of writers that have not written are nobody's: they do not matter.
                let is_one = number <= 100 || (1..=2).contains(&position.writer());
                let expected = end.includes(position) && position <= last;
                assert!(!is_one || reached.includes(position) == expected, "{number} up to {last:?}");
            }
            reached
        };
        assert_eq!(within(Position::LAST), end);
        for last in [Position::from_i64(50), Position::new(1, 9), Position::new(2, 9), Position::new(2, 15)] {
            within(last);
            within(last.just_before());
        }
        assert_eq!(end.highest(), Position::new(2, 20));
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
            "s2.1~0",
            "s99999.1~0",
            "s1.999999999999999999999~0",
            "s1.1_2.5~0",
            "s1.-1~0",
            "s-1~0",
            "s0_64~0",
            "s0_x~0",
            "s1.1~-1",
            "s1.1~5~x",
            "s1.1~5~1.1~",
        ] {
            assert_eq!(StreamToken::read(text), Err(TokenError), "{text}");
        }
        let many = "_6401".repeat(64);
        assert_eq!(StreamToken::read(&format!("s0{many}~0")), Err(TokenError), "more than there can be");
    }
}
