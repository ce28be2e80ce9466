//! Rooms in the order of their activity, found by their key and by their place: what lists and their ranges are made
//! of. Everything here takes time that grows with the logarithm of a list and with what is asked for, except for the
//! shift of a vector's end when a room moves: 16 bytes a room.

use std::{cmp::Reverse, ops::Range};

use im2_model::{Position, RoomNid};

/// A room's sort key among others: those with the latest activity come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    at: Reverse<Position>,
    pub(super) room: RoomNid,
}

impl Key {
    /// The key of a room whose last event that concerns the user is at `at`.
    pub(super) fn new(at: Position, room: RoomNid) -> Self {
        Self { at: Reverse(at), room }
    }
}

/// Rooms in order.
#[derive(Debug, Default)]
pub(super) struct Ranked(Vec<Key>);

impl FromIterator<Key> for Ranked {
    fn from_iter<I: IntoIterator<Item = Key>>(keys: I) -> Self {
        let mut keys: Vec<Key> = keys.into_iter().collect();
        keys.sort_unstable();
        Self(keys)
    }
}

impl Ranked {
    pub(super) fn insert(&mut self, key: Key) {
        if let Err(place) = self.0.binary_search(&key) {
            self.0.insert(place, key);
        }
    }

    pub(super) fn remove(&mut self, key: Key) {
        if let Ok(place) = self.0.binary_search(&key) {
            self.0.remove(place);
        }
    }

    pub(super) fn keys(&self) -> &[Key] {
        &self.0
    }
}

/// A list as one connection has it: rooms that every connection of the user has there, and few that only this one has.
#[derive(Debug)]
pub(super) struct Places<'a> {
    shared: &'a [Key],
    /// Each with its place among all.
    own: Vec<(usize, Key)>,
}

impl<'a> Places<'a> {
    /// `own` are keys that are not in `shared`.
    pub(super) fn new(shared: &'a Ranked, own: impl IntoIterator<Item = Key>) -> Self {
        let shared = shared.keys();
        let own = own.into_iter().collect::<Ranked>().0.into_iter().enumerate();
        let own = own.map(|(before, key)| (before + shared.partition_point(|other| *other < key), key));
        Self { shared, own: own.collect() }
    }

    pub(super) fn len(&self) -> usize {
        self.shared.len() + self.own.len()
    }

    pub(super) fn contains(&self, key: Key) -> bool {
        self.shared.binary_search(&key).is_ok() || self.own.iter().any(|(_, own)| *own == key)
    }

    /// The rooms at these places, as far as there are any.
    pub(super) fn at(&self, places: Range<usize>) -> impl Iterator<Item = Key> {
        (places.start..places.end.min(self.len())).filter_map(|place| self.get(place))
    }

    fn get(&self, place: usize) -> Option<Key> {
        let before = self.own.partition_point(|(own, _)| *own < place);
        match self.own.get(before) {
            Some((own, key)) if *own == place => Some(*key),
            _ => self.shared.get(place - before).copied(),
        }
    }

    /// How many rooms stand before `key`, and with `key` itself how many.
    fn around(&self, key: Key) -> (usize, usize) {
        let before = self.shared.partition_point(|other| *other < key);
        let before = before + self.own.partition_point(|(_, own)| *own < key);
        (before, before + usize::from(self.contains(key)))
    }

    /// The rooms at these places, which are in order and do not overlap, as a window.
    pub(super) fn window(&self, places: &[Range<usize>]) -> Window {
        let stretch = |places: &Range<usize>| {
            let last = places.end.min(self.len()).checked_sub(1).filter(|last| *last >= places.start)?;
            Some((self.get(places.start)?, self.get(last)?))
        };
        Window(places.iter().filter_map(stretch).collect())
    }

    /// The rooms that are in one of two windows and not in the other.
    pub(super) fn between(&self, one: &Window, other: &Window) -> impl Iterator<Item = Key> {
        let stretches = one.0.iter().chain(&other.0);
        let mut borders: Vec<usize> =
            stretches.flat_map(|(first, last)| [self.around(*first).0, self.around(*last).1]).collect();
        // Every border is that of one window, so from each odd one to the next exactly one of them goes on.
        borders.sort_unstable();
        let differing: Vec<Range<usize>> = borders.chunks_exact(2).map(|pair| pair[0]..pair[1]).collect();
        differing.into_iter().flat_map(|places| self.at(places))
    }
}

/// The part of a list that is in sight: ranges of keys, the first and the last key of each included. It stays as it is
/// when rooms move: a room whose key is in it stood there when it was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Window(Vec<(Key, Key)>);

impl Window {
    pub(super) fn contains(&self, key: Key) -> bool {
        self.0.iter().any(|(first, last)| (*first..=*last).contains(&key))
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, ops::Range};

    use im2_model::{Position, Random, RoomNid, SeededRandom};

    use super::{Key, Places, Ranked};

    fn key(at: u64) -> Key {
        Key::new(Position::new(1, at), RoomNid(i64::try_from(at).unwrap()))
    }

    #[test]
    fn the_latest_stands_first() {
        let mut ranked: Ranked = [key(1), key(3)].into_iter().collect();
        ranked.insert(key(2));
        ranked.insert(key(2));
        assert_eq!(ranked.keys(), [key(3), key(2), key(1)]);
        ranked.remove(key(3));
        ranked.remove(key(3));
        assert_eq!(ranked.keys(), [key(2), key(1)]);
    }

    /// Ranges in order that do not overlap, within some twenty places.
    fn ranges(random: &SeededRandom) -> Vec<Range<usize>> {
        let mut borders: Vec<usize> = (0..2 * below(random, 3)).map(|_| below(random, 24)).collect();
        borders.sort_unstable();
        borders.chunks_exact(2).map(|pair| pair[0]..pair[1]).collect()
    }

    fn below(random: &SeededRandom, end: usize) -> usize {
        let mut bytes = [0; 8];
        random.fill(&mut bytes);
        usize::try_from(u64::from_le_bytes(bytes) % end as u64).unwrap()
    }

    #[test]
    fn places_windows_and_differences_are_what_a_sorted_list_of_all_would_have() {
        let random = SeededRandom::new(7);
        for _ in 0..2_000 {
            let all: BTreeSet<Key> = (0..below(&random, 20)).map(|_| key(below(&random, 40) as u64)).collect();
            let (own, shared): (Vec<Key>, Vec<Key>) = all.iter().partition(|_| below(&random, 4) == 0);
            let shared: Ranked = shared.into_iter().collect();
            let places = Places::new(&shared, own);
            let all: Vec<Key> = all.into_iter().collect();
            assert_eq!(places.at(0..usize::MAX).collect::<Vec<_>>(), all);
            assert_eq!(places.len(), all.len());
            let windows = [ranges(&random), ranges(&random)].map(|ranges| {
                let window = places.window(&ranges);
                for (place, key) in all.iter().enumerate() {
                    assert_eq!(window.contains(*key), ranges.iter().any(|range| range.contains(&place)));
                }
                window
            });
            // Meanwhile rooms have moved, come and gone.
            let gone: Vec<Key> = all.iter().copied().filter(|_| below(&random, 5) == 0).collect();
            let mut now: BTreeSet<Key> = all.into_iter().filter(|key| !gone.contains(key)).collect();
            now.extend((0..below(&random, 4)).map(|_| key(below(&random, 60) as u64)));
            let ranked: Ranked = now.iter().copied().collect();
            let places = Places::new(&ranked, []);
            let [one, other] = &windows;
            let differing: Vec<Key> =
                now.into_iter().filter(|key| one.contains(*key) != other.contains(*key)).collect();
            assert_eq!(places.between(one, other).collect::<Vec<_>>(), differing);
        }
    }
}
