//! Three nodes and up to four writers over one database: what a token says is seen and what is not, in every table.

use std::collections::HashMap;

use im2_model::{
    DeviceId, EventId, Position, PositionClock, Random as _, Reached, RoomId, RoomNid, SeededRandom, StreamToken,
    UserId, UserNid,
};

use super::{open_clock, save};
use crate::{
    Options, Result, Snapshot, Store, Transaction,
    accounts::NewAccount,
    migrations,
    receipts::Receipt,
    rooms::NewEvent,
    sqlite::Connection,
    thread_subscriptions::ThreadSubscription,
    to_device::{InboxLimits, NewToDeviceMessage},
};

const ROOMS: usize = 2;
const USERS: usize = 2;
const THREADS: usize = 3;

fn below(random: &SeededRandom, end: usize) -> usize {
    let mut bytes = [0; 8];
    random.fill(&mut bytes);
    usize::try_from(u64::from_le_bytes(bytes) % end as u64).unwrap()
}

/// One thing that has a position, and only its last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Thing {
    Thread(usize, usize),
    Receipt(usize, usize),
    Devices(usize),
    Keys(usize),
}

/// The database, who writes into it, and what is in it.
struct World {
    connection: Connection,
    clocks: Vec<PositionClock>,
    /// The commits that each of three nodes has heard of.
    heard: Vec<Reached>,
    /// The positions that each writer has written, in order.
    written: Vec<Vec<Position>>,
    rooms: Vec<RoomNid>,
    users: Vec<UserNid>,
    things: HashMap<Thing, Position>,
    messages: Vec<(usize, Position)>,
    /// By room.
    events: Vec<Vec<Position>>,
}

fn device() -> DeviceId {
    DeviceId::parse("D").unwrap()
}

fn user_id(number: usize) -> UserId {
    UserId::parse(&format!("@user{number}:example.org")).unwrap()
}

fn root(number: usize) -> EventId {
    EventId::parse(&format!("$root{number}")).unwrap()
}

impl World {
    fn new(writers: usize) -> Self {
        let connection = Connection::in_memory();
        migrations::migrate(&connection).unwrap();
        let clocks: Vec<_> = (1..=writers).map(|writer| open_clock(&connection, writer as u8).unwrap()).collect();
        let mut world = Self {
            connection,
            written: vec![Vec::new(); clocks.len()],
            clocks,
            heard: vec![Reached::default(); 3],
            rooms: Vec::new(),
            users: Vec::new(),
            things: HashMap::new(),
            messages: Vec::new(),
            events: vec![Vec::new(); ROOMS],
        };
        (world.rooms, world.users) = world.write(0, |tx| {
            let rooms = (0..ROOMS).map(|number| {
                let room_id = RoomId::parse(&format!("!room{number}:example.org")).unwrap();
                tx.create_room(&room_id, "12", 0)
            });
            let rooms = rooms.collect::<Result<_>>()?;
            let users = (0..USERS).map(|number| {
                let user_id = user_id(number);
                let account = NewAccount { user_id, password_hash: None, is_admin: false, created_ts: 0 };
                let user = tx.create_account(&account)?.unwrap();
                tx.ensure_device(user, &device(), None, 0)?;
                Ok(user)
            });
            Ok((rooms, users.collect::<Result<_>>()?))
        });
        world
    }

    fn read(&self) -> Snapshot<'_> {
        Snapshot { connection: &self.connection }
    }

    fn write<T>(&mut self, writer: usize, work: impl FnOnce(&mut Transaction<'_>) -> Result<T>) -> T {
        self.connection.run("BEGIN IMMEDIATE").unwrap();
        let clock = &mut self.clocks[writer];
        let done = work(&mut Transaction::new(&self.connection, clock)).unwrap();
        save(&self.connection, clock).unwrap();
        self.connection.run("COMMIT").unwrap();
        done
    }

    /// One of the writers appends an event to a room, of whose last event it has heard.
    fn append(&mut self, random: &SeededRandom) {
        let (writer, room) = (below(random, self.clocks.len()), below(random, ROOMS));
        let (nid, sender, number) = (self.rooms[room], self.users[0], self.events[room].len());
        if let Some(last) = self.events[room].last() {
            self.clocks[writer].see(*last);
        }
        let event = NewEvent {
            event_id: EventId::parse(&format!("$event{room}-{number}")).unwrap(),
            sender,
            kind: "m.x".into(),
            state_key: None,
            ts: 0,
            pdu: "{}".into(),
            membership: None,
            relation: None,
            redaction: None,
            terms: None,
            media: Vec::new(),
            transaction: None,
            bumps: false,
            summary: None,
        };
        let position = self.write(writer, |tx| Ok(tx.append_event(nid, number as i64, &event)?.position));
        assert!(self.events[room].last().is_none_or(|last| *last < position));
        self.events[room].push(position);
        self.written[writer].push(position);
    }

    /// A change by one of the writers.
    fn change(&mut self, random: &SeededRandom) {
        let writer = below(random, self.clocks.len());
        let (user, room, thread) = (below(random, USERS), below(random, ROOMS), below(random, THREADS));
        let (owner, room_nid) = (self.users[user], self.rooms[room]);
        let thing = [
            Some(Thing::Thread(user, thread)),
            Some(Thing::Receipt(user, room)),
            Some(Thing::Devices(user)),
            Some(Thing::Keys(user)),
            None,
        ][below(random, 5)];
        let position = self.write(writer, |tx| {
            let position = tx.next_position();
            match thing {
                Some(Thing::Thread(..)) => {
                    let followed = ThreadSubscription { subscribed: true, automatic: false, until_seq: 0 };
                    tx.set_thread_subscription(owner, room_nid, &root(thread), followed, position)?;
                }
                Some(Thing::Receipt(..)) => tx.set_receipt(&Receipt {
                    room: room_nid,
                    user: owner,
                    user_id: user_id(user),
                    kind: "m.read".into(),
                    thread_id: None,
                    event_id: root(0),
                    event_seq: 1,
                    ts: 0,
                    position,
                })?,
                Some(Thing::Devices(_)) => tx.note_device_list_change(owner, position)?,
                Some(Thing::Keys(_)) => tx.note_key_counts(owner, &device(), position)?,
                None => {
                    let message = NewToDeviceMessage { position, sender: owner, kind: "m.x", content: "{}" };
                    tx.add_to_device(owner, &device(), message, InboxLimits { messages: 1_000, bytes: 1 << 20 })?;
                }
            }
            Ok(position)
        });
        match thing {
            // The subscription is of a thread in a room: it is one row a room.
            Some(Thing::Thread(user, thread)) => {
                self.things.insert(Thing::Thread(user, thread * ROOMS + room), position);
            }
            Some(thing) => {
                self.things.insert(thing, position);
            }
            None => self.messages.push((user, position)),
        }
        self.written[writer].push(position);
    }

    /// One of the nodes hears of some of what a writer has written, and so does the writer that it is.
    fn hear(&mut self, random: &SeededRandom) {
        let (node, writer) = (below(random, 3), below(random, self.clocks.len()));
        if let Some(position) = self.written[writer].get(below(random, self.written[writer].len() + 1)) {
            self.heard[node].advance(*position);
            if let Some(clock) = self.clocks.get_mut(node) {
                clock.see(*position);
            }
        }
    }

    /// The positions of some things between two places.
    fn expected(&self, is_one: impl Fn(Thing) -> bool, after: &Reached, until: &Reached) -> Vec<Position> {
        let things = self.things.iter().filter(|(thing, _)| is_one(**thing)).map(|(_, position)| *position);
        let mut found: Vec<_> =
            things.filter(|position| until.includes(*position) && !after.includes(*position)).collect();
        found.sort_unstable();
        found
    }

    fn all(&self) -> Reached {
        let mut all = Reached::default();
        self.written.iter().filter_map(|written| written.last()).for_each(|position| all.advance(*position));
        all
    }

    /// Compares what every query finds after one place, and up to another, with what there is.
    fn check(&self, after: &Reached, until: &Reached) -> Result<()> {
        let (db, all, since) = (self.read(), self.all(), StreamToken::from(after.clone()));
        assert!(db.reached()?.includes_all(&all));
        let sorted = |positions: Vec<Position>| {
            let mut positions = positions;
            positions.sort_unstable();
            positions
        };
        for (number, user) in self.users.iter().enumerate() {
            let is_one = |thing| matches!(thing, Thing::Thread(whose, _) if whose == number);
            let mut expected = self.expected(is_one, after, &all);
            expected.reverse();
            for limit in [1, 2, 100] {
                let found = db.thread_subscriptions(*user, Some(&since), None, limit)?;
                let found: Vec<_> = found.into_iter().map(|change| change.position).collect();
                assert_eq!(found, expected[..limit.min(expected.len())], "the {limit} latest after {after}");
            }
            if let [newest, older @ ..] = expected.as_slice() {
                let found = db.thread_subscriptions(*user, Some(&since), Some(*newest), 1)?;
                assert_eq!(found.first().map(|change| change.position), older.first().copied());
            }
        }
        for (number, room) in self.rooms.iter().enumerate() {
            let is_one = |thing| matches!(thing, Thing::Receipt(_, place) if place == number);
            let positions = |receipts: Vec<Receipt>| sorted(receipts.iter().map(|receipt| receipt.position).collect());
            let found = positions(db.receipts_since(*room, self.users[0], &since)?);
            assert_eq!(found, self.expected(is_one, after, &all));
            let found = positions(db.receipts_between(*room, after, until)?);
            assert_eq!(found, self.expected(is_one, after, until));
        }
        let is_one = |thing| matches!(thing, Thing::Devices(_));
        assert_eq!(db.device_lists_changed(&since)?.len(), self.expected(is_one, after, &all).len());
        let found = db.device_lists_changed_between(after, until)?.into_iter().map(|(_, position)| position).collect();
        assert_eq!(sorted(found), self.expected(is_one, after, until));
        let is_one = |thing| matches!(thing, Thing::Keys(_));
        let found = db.key_counts_changed_between(after, until)?.into_iter().map(|(.., position)| position).collect();
        assert_eq!(sorted(found), self.expected(is_one, after, until));
        self.check_inboxes(after, until)?;
        self.check_events(after, until)
    }

    /// Goes through the events of all rooms from one place to another, and looks for places in rooms.
    fn check_events(&self, after: &Reached, until: &Reached) -> Result<()> {
        let all = self.events.iter().flatten().copied();
        let mut expected: Vec<_> =
            all.filter(|position| until.includes(*position) && !after.includes(*position)).collect();
        expected.sort_unstable();
        let (mut at, mut found) = (after.clone(), Vec::new());
        loop {
            let page = self.read().events_between(&at, until, 3)?;
            found.extend(page.rows.iter().map(|row| row.position));
            at = page.reached;
            if page.is_complete {
                break;
            }
        }
        assert_eq!(found, expected, "from {after} to {until}");
        assert!(at.includes_all(until) && at.includes_all(after));
        let place = self.all().up_to(until.highest());
        for (number, room) in self.rooms.iter().enumerate() {
            let expected = self.events[number].iter().filter(|position| place.includes(**position)).count();
            assert_eq!(self.read().seq_behind(*room, |at| place.includes(at))?, expected as i64);
        }
        Ok(())
    }

    /// Goes through the inboxes from one place to another, a few messages at a time: each is found once, in order.
    fn check_inboxes(&self, after: &Reached, until: &Reached) -> Result<()> {
        for (number, user) in self.users.iter().enumerate() {
            let between = |position: &Position| until.includes(*position) && !after.includes(*position);
            let own = self.messages.iter().filter(|(whose, _)| *whose == number).map(|(_, position)| *position);
            let mut expected: Vec<_> = own.filter(between).collect();
            expected.sort_unstable();
            let (mut at, mut found) = (after.clone(), Vec::new());
            loop {
                let page = self.read().to_device(*user, &device(), &at, until, 2)?;
                found.extend(page.iter().map(|message| message.position));
                let Some(last) = page.last() else { break };
                at = at.on_the_way(until, last.position);
            }
            assert_eq!(found, expected, "from {after} to {until}");
        }
        Ok(())
    }

    /// A device confirms what a node has told it.
    fn acknowledge(&mut self, random: &SeededRandom) {
        let (user, until) = (below(random, USERS), self.heard[below(random, 3)].clone());
        let nid = self.users[user];
        let removed = self.write(0, |tx| tx.remove_to_device(nid, &device(), &until));
        let before = self.messages.len();
        self.messages.retain(|(whose, position)| *whose != user || !until.includes(*position));
        assert_eq!(removed, before - self.messages.len(), "up to {until}");
    }
}

#[test]
fn every_query_finds_what_a_token_does_not_include_whoever_wrote_it() {
    for seed in 0..60 {
        let random = SeededRandom::new(seed);
        let mut world = World::new(2 + below(&random, 3));
        let mut tokens = vec![Reached::default(); 4];
        for step in 0..150 {
            match below(&random, 8) {
                0..3 => world.change(&random),
                3 => world.append(&random),
                4..7 => world.hear(&random),
                _ if step % 5 == 0 => world.acknowledge(&random),
                _ => {
                    let token = below(&random, tokens.len());
                    tokens[token] = world.heard[below(&random, 3)].clone();
                }
            }
            let after = &tokens[below(&random, tokens.len())];
            let until = world.heard[below(&random, 3)].clone();
            world.check(after, &until).unwrap();
        }
    }
}

#[test]
fn a_writer_goes_on_above_all_others_and_none_of_it_is_looked_for_before_it_began() {
    let connection = Connection::in_memory();
    migrations::migrate(&connection).unwrap();
    let mut first = open_clock(&connection, 1).unwrap();
    let early = first.next();
    let late = (0..1_000).map(|_| first.next()).last().unwrap();
    save(&connection, &first).unwrap();
    let mut second = open_clock(&connection, 2).unwrap();
    let own = second.next();
    assert!(own > late);
    let db = Snapshot { connection: &connection };
    let mut reached = Reached::default();
    reached.advance(late);
    assert_eq!(db.reached().unwrap(), reached, "the second has only begun");
    save(&connection, &second).unwrap();
    reached.advance(own);
    assert_eq!(db.reached().unwrap(), reached);
    let mut since = Reached::default();
    since.advance(early);
    let range = db.range_after(&since).unwrap();
    assert_eq!((range.low, range.high), (early.to_i64(), own.to_i64()));
    let mut since = Reached::default();
    since.advance(late);
    let range = db.range_after(&since).unwrap();
    assert_eq!((range.low, range.high), (late.to_i64(), own.to_i64()), "a token from before the second");
    assert_eq!(db.whole_until(&since).unwrap(), late);
    assert_eq!(open_clock(&connection, 1).unwrap().latest(), own, "the first has seen it when it is opened again");
}

#[tokio::test]
async fn a_store_opens_where_all_writers_have_got_to() {
    let directory = tempfile::tempdir().unwrap();
    let mut reached = Reached::default();
    for writer in [1, 2, 1, 3] {
        let store = Store::<()>::open(&Options { writer, ..Options::new(directory.path()) }).unwrap();
        assert!(store.opened_at().includes_all(&reached), "{} has not got to {reached}", store.opened_at());
        let written = store.write(|tx| Ok([tx.next_position(), tx.next_position()])).await.unwrap();
        for position in written {
            assert!(position.writer() == writer && position > reached.highest());
            assert!(!store.opened_at().includes(position));
            reached.advance(position);
        }
    }
}
