//! The place in a list of results, as clients carry it (`next_batch`).

use std::{fmt, str::FromStr};

use im2_model::{Position, RoomId, UserId};

use im2_core::{Code, Error};

/// A result's place in the order: its rank, where that matters, and its position. Greater comes first.
pub(super) type Key = (u32, Position);

/// The part of the results that a list is of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Scope {
    /// All.
    #[default]
    Everything,
    /// A group by room.
    Room(RoomId),
    /// A group by sender.
    Sender(UserId),
}

/// The place where a list of results goes on.
///
/// As text: the position before which to look, the key of the last result that was given of what is found there, and
/// how many results there were before that, with dots between them; then the scope.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cursor {
    pub(super) before: Option<Position>,
    pub(super) after: Option<Key>,
    pub(super) counted: u64,
    pub(super) scope: Scope,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.before.map_or(0, Position::to_i64))?;
        match self.after {
            Some((rank, position)) => write!(f, ".{rank}.{}", position.to_i64())?,
            None => write!(f, "..")?,
        }
        write!(f, ".{}", self.counted)?;
        match &self.scope {
            Scope::Everything => Ok(()),
            Scope::Room(room) => write!(f, "~{room}"),
            Scope::Sender(sender) => write!(f, "~{sender}"),
        }
    }
}

impl FromStr for Cursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        read(text).ok_or_else(|| Error::refused(Code::InvalidParam, "this is not the `next_batch` of a search"))
    }
}

fn read(text: &str) -> Option<Cursor> {
    let (numbers, scope) = text.split_once('~').map_or((text, None), |(numbers, scope)| (numbers, Some(scope)));
    let scope = match scope {
        None => Scope::Everything,
        Some(room) if room.starts_with('!') => Scope::Room(RoomId::parse(room).ok()?),
        Some(sender) => Scope::Sender(UserId::parse(sender).ok()?),
    };
    let mut numbers = numbers.split('.');
    let position = |text: &str| text.parse().ok().filter(|stored: &i64| *stored >= 0).map(Position::from_i64);
    let before = position(numbers.next()?)?;
    let after = match (numbers.next()?, numbers.next()?) {
        ("", "") => None,
        (rank, at) => Some((rank.parse().ok()?, position(at)?)),
    };
    let counted = numbers.next()?.parse().ok()?;
    let before = (before.to_i64() > 0).then_some(before);
    numbers.next().is_none().then_some(Cursor { before, after, counted, scope })
}

#[cfg(test)]
mod tests {
    use super::{Cursor, Scope};
    use im2_model::{Position, RoomId, UserId};

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        let at = |sequence| Position::new(1, sequence);
        for scope in [
            Scope::Everything,
            Scope::Room(RoomId::parse("!a.b~c:example.org").unwrap()),
            Scope::Sender(UserId::parse("@a.b~c:example.org").unwrap()),
        ] {
            let from_start = Cursor { counted: 7, scope: scope.clone(), ..Cursor::default() };
            let within = Cursor { before: Some(at(9)), after: Some((250, at(3))), counted: 0, scope };
            for cursor in [from_start, within] {
                assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
            }
        }
        for wrong in ["", "1", "1.2.3", "1.2.3.4.5", "-1...0", "1.2..0", "1...0~room", "x...0", "1...-1", "1...0~"] {
            assert!(wrong.parse::<Cursor>().is_err(), "{wrong}");
        }
    }
}
