//! Sets of commands, and changes that are made twice.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use im2_fair::{Bounds, Turns};
use im2_model::{DeviceId, EventId, Position, PositionClock, RoomId, RoomNid, UserId, UserNid};

use super::{Batch, SET};
use crate::{
    Change, Error, Result, Transaction,
    commands::{AnyCommand, Request},
    migrations,
    rooms::{Append, NewEvent, TransactionKey},
    sqlite::{Connection, work::statements},
    writer::{BOUNDS, WriteTurn, Writer},
};

/// A database with a room and somebody who writes to it.
struct World {
    connection: Connection,
    clock: PositionClock,
    turns: Turns,
    room: RoomNid,
    sender: UserNid,
}

impl World {
    fn new() -> Self {
        let connection = Connection::in_memory();
        migrations::migrate(&connection).unwrap();
        let mut clock = PositionClock::new(1, Position::default());
        let tx = Transaction::new(&connection, &mut clock);
        let room = tx.create_room(&RoomId::parse("!room:example.org").unwrap(), "12", 0).unwrap();
        let sender = tx.ensure_user(&UserId::parse("@ana:example.org").unwrap()).unwrap();
        connection.run("BEGIN").unwrap();
        let bounds = Bounds { running: 1_024, running_per_key: 1_024, ..BOUNDS };
        Self { connection, clock, turns: Turns::new(bounds), room, sender }
    }

    async fn turn(&self) -> WriteTurn {
        WriteTurn(self.turns.take().await.unwrap())
    }

    /// A plain message at the end of a room of which the last event has this number.
    fn message(&self, head_seq: i64) -> AnyCommand<()> {
        let event = NewEvent {
            event_id: EventId::parse(&format!("$event{head_seq}")).unwrap(),
            sender: self.sender,
            kind: "m.room.message".into(),
            state_key: None,
            ts: 0,
            pdu: "{}".into(),
            membership: None,
            relation: None,
            redaction: None,
            terms: None,
            media: Vec::new(),
            transaction: Some(TransactionKey {
                user: self.sender,
                device_id: DeviceId::parse("D").unwrap(),
                txn_id: head_seq.to_string().into(),
            }),
            bumps: true,
            summary: None,
        };
        let command = Append { room: self.room, head_seq, event: Arc::new(event), once: false };
        Request::prepare(command, |_, _| Ok(vec![()])).0
    }
}

/// Carries out appends and returns how many have failed, how much was published and how many statements that took.
async fn append_all(world: &mut World, heads: impl Iterator<Item = i64>) -> (usize, usize, usize) {
    let mut asked = Vec::new();
    for head in heads {
        asked.push((world.turn().await, world.message(head)));
    }
    let mut batch = Batch::new(&world.connection, &mut world.clock, false);
    let ((), count) = statements(|| {
        for (turn, command) in asked {
            batch.carry_out(turn, command);
        }
        batch.finish();
    });
    (batch.made.iter().filter(|made| made.outcome.is_err()).count(), batch.published.len(), count)
}

#[tokio::test]
async fn commands_of_a_set_share_a_savepoint() {
    let mut world = World::new();
    let all = SET as i64;
    let (failed, published, count) = append_all(&mut world, 0..all).await;
    assert_eq!((failed, published), (0, SET));
    // Two of the appends look whether there are old transactions to forget.
    assert_eq!(count, 2 + SET + 2);
}

#[tokio::test]
async fn whoever_makes_sets_fail_makes_the_writer_do_one_for_nothing() {
    let mut world = World::new();
    // The last of each set is built on what is not there.
    let heads = |set: i64| (set * (SET as i64 - 1)..(set + 1) * (SET as i64 - 1)).chain([-7]);
    let (failed, published, count) = append_all(&mut world, (0..4).flat_map(heads)).await;
    assert_eq!((failed, published), (4, 4 * (SET - 1)));
    // Three statements each, one more for each that fails, and now and then one that looks for old transactions.
    let alone = 4 * (3 * SET + 1) + 8;
    assert!(count < alone + 2 * SET, "{count} statements");
}

fn function<T: Send + 'static>(
    operation: impl Fn(&mut Change<'_, u32>) -> Result<T> + Send + 'static,
) -> Box<dyn super::Requested<u32>> {
    Writer::<u32>::function(operation).0
}

#[tokio::test]
async fn a_change_is_made_again_and_is_there_once() {
    let mut world = World::new();
    let (room, tries) = (world.room, Arc::new(AtomicI64::new(0)));
    let counted = Arc::clone(&tries);
    let add = move |tx: &mut Change<'_, u32>| {
        counted.fetch_add(1, Ordering::Relaxed);
        tx.publish(5);
        tx.add_job("work", "{}", 0)?;
        Ok(tx.next_position())
    };
    let fail = |tx: &mut Change<'_, u32>| {
        tx.publish(6);
        tx.ensure_user(&UserId::parse("@ben:example.org").unwrap())?;
        tx.next_position();
        Err::<(), _>(Error::Conflict)
    };
    let before = world.clock.latest();
    let turns = [world.turn().await, world.turn().await];
    let mut batch = Batch::new(&world.connection, &mut world.clock, true);
    for (turn, one) in turns.into_iter().zip([function(add), function(fail)]) {
        batch.make(turn, one);
    }
    assert_eq!(tries.load(Ordering::Relaxed), 2);
    assert_eq!((batch.published.as_slice(), batch.has_added_job), (&[5][..], true));
    assert!(batch.made[0].outcome.is_ok() && matches!(batch.made[1].outcome, Err(Error::Conflict)));
    let tx = Transaction::new(&world.connection, &mut world.clock);
    assert_eq!(tx.unclaimed_jobs_of("work", 9, 9).unwrap().len(), 1);
    assert_eq!(tx.user_nid(&UserId::parse("@ben:example.org").unwrap()).unwrap(), None);
    assert!(tx.room_by_nid(room).unwrap().is_some());
    let mut expected = PositionClock::new(1, before);
    assert_eq!(expected.next(), world.clock.latest(), "one position, and none for what has failed");
}

#[tokio::test]
async fn a_change_that_does_something_else_the_second_time_is_found() {
    let is_let_through = async |change: fn(&mut Change<'_, u32>, i64) -> Result<()>| {
        let mut world = World::new();
        let (turn, tries) = (world.turn().await, AtomicI64::new(0));
        let one = function(move |tx| change(tx, tries.fetch_add(1, Ordering::Relaxed)));
        let mut batch = Batch::new(&world.connection, &mut world.clock, true);
        catch_unwind(AssertUnwindSafe(|| batch.make(turn, one))).is_ok()
    };
    let add_user = |tx: &mut Change<'_, u32>, number: i64| {
        tx.ensure_user(&UserId::parse(&format!("@user{number}:example.org")).unwrap()).map(drop)
    };
    assert!(is_let_through(add_user).await, "another name is the same work");
    assert!(is_let_through(|_, _| Err(Error::Conflict)).await);
    assert!(is_let_through(|_, _| panic!("on purpose")).await);
    assert!(!is_let_through(|_, tries| if tries == 0 { Ok(()) } else { Err(Error::Conflict) }).await);
    assert!(!is_let_through(|_, tries| if tries == 0 { Err(Error::Conflict) } else { Ok(()) }).await);
    assert!(!is_let_through(|_, tries| if tries == 0 { Err(Error::Conflict) } else { Err(Error::AlreadyThere) }).await);
    let publishes_more = |tx: &mut Change<'_, u32>, tries: i64| {
        for _ in 0..tries {
            tx.publish(1);
        }
        Ok(())
    };
    let takes_more_positions = |tx: &mut Change<'_, u32>, tries: i64| {
        for _ in 0..tries {
            tx.next_position();
        }
        Ok(())
    };
    assert!(!is_let_through(publishes_more).await);
    assert!(!is_let_through(takes_more_positions).await);
    assert!(!is_let_through(|tx, tries| (0..tries).try_for_each(|_| tx.add_job("work", "{}", 0))).await, "writes more");
    let reads_more =
        |tx: &mut Change<'_, u32>, tries: i64| (0..tries).try_for_each(|_| tx.room_ids(&[RoomNid(1)]).map(drop));
    assert!(!is_let_through(reads_more).await);
}
