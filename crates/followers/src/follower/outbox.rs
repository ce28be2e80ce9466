//! The outbox of one destination: everything that it has yet to be told.

use std::{collections::VecDeque, sync::Arc};

use im2_model::{Position, Reached, StreamToken};

/// Something with a place in the stream.
pub(crate) trait Placed {
    /// The place.
    fn position(&self) -> Position;
}

impl<T: Placed> Placed for Arc<T> {
    fn position(&self) -> Position {
        (**self).position()
    }
}

/// The next thing that a destination is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Due<T> {
    /// Something that happened.
    Item(T),
    /// The current state, because it may have changed: that which has no place in the stream of its own.
    State,
}

/// The place up to which nothing is any business of a destination.
#[derive(Debug, Clone)]
pub(crate) enum Start {
    /// It was added here. What is higher came after it, whoever wrote that.
    Added(Position),
    /// It was told of this before.
    Told(Arc<Reached>),
}

impl Default for Start {
    fn default() -> Self {
        Self::Told(Arc::default())
    }
}

impl Start {
    /// Whether something at this place is no business of the destination.
    pub(crate) fn includes(&self, position: Position) -> bool {
        match self {
            Self::Added(at) => position <= *at,
            Self::Told(told) => told.includes(position),
        }
    }

    /// The position at which it starts, unless whoever has got to `reached` has passed it.
    pub(crate) fn ahead_of(&self, reached: &StreamToken) -> Option<Position> {
        match self {
            Self::Added(at) => Some(*at).filter(|at| !reached.includes(*at)),
            Self::Told(told) => Some(told.highest()).filter(|_| !reached.stream().includes_all(told)),
        }
    }
}

/// The queue of one destination, in order: one thing at a time is given out ([`Self::take`]), and the next only when it
/// is known what became of that ([`Self::confirmed`]).
#[derive(Debug)]
pub(crate) struct Outbox<T> {
    start: Start,
    waiting: VecDeque<T>,
    /// Whether how things stand is to be told although nothing has happened.
    state: bool,
    /// The thing that has been given out and not been confirmed.
    under_way: Option<Due<T>>,
    /// Attempts that have failed since the last that did not.
    failures: u32,
    /// Whether the destination is known to have something to be told: it waits for its turn, is being told, or is left
    /// alone for a while.
    queued: bool,
    /// The position that is stored for the destination while it is behind the follower; `None` if it is not.
    stored: Option<Position>,
    /// Whether the database may say something else.
    unsure: bool,
}

impl<T> Default for Outbox<T> {
    fn default() -> Self {
        Self {
            start: Start::default(),
            waiting: VecDeque::new(),
            state: false,
            under_way: None,
            failures: 0,
            queued: false,
            stored: None,
            unsure: false,
        }
    }
}

impl<T: Clone> Outbox<T> {
    /// An outbox of which the database says `stored`.
    pub(crate) fn new(start: Start, stored: Option<Position>) -> Self {
        Self { start, stored, ..Self::default() }
    }

    /// Takes `start` and `stored` from the database, for a follower that takes up its work.
    pub(crate) fn begin_at(&mut self, start: Start, stored: Option<Position>) {
        (self.start, self.stored, self.unsure) = (start, stored, false);
    }

    /// Whether something at this place is the destination's business.
    pub(crate) fn wants(&self, position: Position) -> bool {
        !self.start.includes(position)
    }

    /// How much waits.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Has something told. If there are `limit` things already, the oldest give way.
    pub(crate) fn push(&mut self, item: T, limit: usize) {
        while self.waiting.len() >= limit {
            self.waiting.pop_front();
        }
        self.waiting.push_back(item);
    }

    /// Has it told how things stand.
    pub(crate) fn push_state(&mut self) {
        self.state = true;
    }

    /// Whether nothing waits and nothing is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.under_way.is_none() && !self.state && self.waiting.is_empty()
    }

    /// Whether the destination has to be given a turn, which it does not wait for yet. It does from now on.
    pub(crate) fn queue(&mut self) -> bool {
        !std::mem::replace(&mut self.queued, true)
    }

    /// Notes that the destination has had its turn. Returns whether it has to be given another, as [`Self::queue`].
    pub(crate) fn unqueue(&mut self) -> bool {
        self.queued = false;
        self.under_way.is_none() && !self.is_idle() && self.queue()
    }

    /// Takes the next thing to tell, unless one is under way. The current state goes with the last of the things that
    /// happened.
    pub(crate) fn take(&mut self) -> Option<Due<T>> {
        if self.under_way.is_some() {
            return None;
        }
        let due = match self.waiting.pop_front() {
            Some(item) => Due::Item(item),
            None if self.state => Due::State,
            None => return None,
        };
        if self.waiting.is_empty() {
            self.state = false;
        }
        self.under_way = Some(due.clone());
        Some(due)
    }

    /// Notes that what was given out has been confirmed, or never will be.
    pub(crate) fn confirmed(&mut self) {
        self.under_way = None;
        self.failures = 0;
    }

    /// Notes that an attempt failed. Returns how many have in a row. Nothing is given out before [`Self::try_again`].
    pub(crate) fn failed(&mut self) -> u32 {
        self.failures = self.failures.saturating_add(1);
        self.failures
    }

    /// Puts back what was given out, before what came later. If there are `limit` newer things, how things stand is told
    /// instead.
    pub(crate) fn try_again(&mut self, limit: usize) {
        match self.under_way.take() {
            Some(Due::Item(item)) if self.waiting.len() < limit => self.waiting.push_front(item),
            Some(_) => self.state = true,
            None => {}
        }
    }

    /// Takes back that the place was stored.
    pub(crate) fn not_stored(&mut self) {
        self.unsure = true;
    }
}

impl<T: Placed + Clone> Outbox<T> {
    /// The place after which something is still to be told, if it is not where the follower stands, which is at
    /// `reached`. Something at `unread` was read and has yet to be looked at.
    pub(crate) fn behind(&self, reached: &StreamToken, unread: Option<Position>) -> Option<Position> {
        let unread = unread.filter(|position| self.wants(*position));
        let under_way = match &self.under_way {
            Some(Due::Item(item)) => Some(item.position()),
            _ => None,
        };
        let waiting = self.waiting.iter().map(Placed::position);
        let first = waiting.chain(under_way).chain(unread).min();
        first.map(Position::just_before).or_else(|| self.start.ahead_of(reached))
    }

    /// The same, if the database does not know it yet. It is taken as stored from now on.
    #[expect(clippy::option_option, reason = "there may be nothing to store, or that it is not behind")]
    pub(crate) fn take_behind(&mut self, reached: &StreamToken, unread: Option<Position>) -> Option<Option<Position>> {
        let behind = self.behind(reached, unread);
        let is_new = self.unsure || self.stored != behind;
        self.unsure = false;
        self.stored = behind;
        is_new.then_some(behind)
    }
}

#[cfg(test)]
mod tests {
    use im2_model::{Position, StreamToken};

    use super::{Due, Outbox, Placed, Start};

    impl Placed for u64 {
        fn position(&self) -> Position {
            Position::new(1, *self)
        }
    }

    fn at(sequence: u64) -> StreamToken {
        StreamToken::at(Position::new(1, sequence), 0)
    }

    fn before(sequence: u64) -> Position {
        Position::new(1, sequence).just_before()
    }

    #[test]
    fn one_thing_is_under_way_and_the_next_comes_after_it_is_confirmed() {
        let mut outbox = Outbox::default();
        (5..8).for_each(|item| outbox.push(item, 10));
        assert_eq!((outbox.take(), outbox.take()), (Some(Due::Item(5)), None));
        outbox.confirmed();
        assert_eq!(outbox.take(), Some(Due::Item(6)));
        assert_eq!((outbox.failed(), outbox.failed(), outbox.take()), (1, 2, None), "until its pause is over");
        outbox.try_again(10);
        assert_eq!(outbox.take(), Some(Due::Item(6)), "before what came later");
        outbox.confirmed();
        assert_eq!(outbox.failed(), 1, "failures are counted in a row");
        outbox.confirmed();
        assert_eq!(outbox.take(), Some(Due::Item(7)));
        outbox.confirmed();
        assert!(outbox.is_idle() && outbox.take().is_none());
    }

    #[test]
    fn beyond_the_limit_the_oldest_give_way_also_to_what_is_tried_again() {
        let mut outbox = Outbox::default();
        outbox.push(1, 3);
        outbox.take();
        (2..9).for_each(|item| outbox.push(item, 3));
        assert_eq!(outbox.len(), 3);
        outbox.try_again(3);
        assert_eq!((outbox.len(), outbox.take()), (3, Some(Due::Item(6))));
        outbox.confirmed();
        assert_eq!(outbox.take(), Some(Due::Item(7)));
        outbox.confirmed();
        assert_eq!(outbox.take(), Some(Due::Item(8)), "with the last goes how things stand");
        outbox.confirmed();
        assert_eq!(outbox.take(), None);
    }

    #[test]
    fn how_things_stand_is_told_when_nothing_else_is() {
        let mut outbox: Outbox<u64> = Outbox::default();
        outbox.push_state();
        outbox.push_state();
        assert_eq!(outbox.take(), Some(Due::State));
        outbox.try_again(1);
        assert_eq!(outbox.take(), Some(Due::State));
        outbox.confirmed();
        assert_eq!(outbox.take(), None);
    }

    #[test]
    fn it_is_behind_while_anything_is_not_confirmed() {
        let mut outbox = Outbox::new(Start::Added(Position::new(1, 4)), Some(Position::new(1, 4)));
        assert!(!outbox.wants(Position::new(1, 4)) && outbox.wants(Position::new(1, 5)));
        assert_eq!(outbox.take_behind(&at(3), None), None, "which is stored");
        assert_eq!(outbox.take_behind(&at(4), None), Some(None), "the follower has got there");
        (5..8).for_each(|item| outbox.push(item, 10));
        outbox.take();
        assert_eq!(outbox.take_behind(&at(9), None), Some(Some(before(5))), "what is under way counts");
        assert_eq!(outbox.take_behind(&at(9), None), None);
        outbox.not_stored();
        assert_eq!(outbox.take_behind(&at(9), None), Some(Some(before(5))));
        outbox.confirmed();
        assert_eq!(outbox.take_behind(&at(9), Some(Position::new(1, 6))), Some(Some(before(6))));
        outbox.take();
        outbox.confirmed();
        outbox.take();
        outbox.confirmed();
        assert_eq!(
            outbox.take_behind(&at(9), Some(Position::new(1, 8))),
            Some(Some(before(8))),
            "read and not looked at"
        );
        assert_eq!(outbox.take_behind(&at(9), Some(Position::new(1, 4))), Some(None), "no business of it");
    }

    #[test]
    fn it_is_given_a_turn_once() {
        let mut outbox = Outbox::default();
        outbox.push(1, 3);
        assert_eq!((outbox.queue(), outbox.queue()), (true, false));
        outbox.push(2, 3);
        outbox.take();
        assert!(!outbox.unqueue(), "something is under way");
        outbox.confirmed();
        assert_eq!((outbox.unqueue(), outbox.queue()), (true, false), "there is one more");
        outbox.take();
        outbox.confirmed();
        assert_eq!((outbox.unqueue(), outbox.queue()), (false, true));
    }
}
