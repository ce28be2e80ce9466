//! Several nodes over one database: what each commits, the others apply, in the order of the commits.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use im2_model::{Position, Reached, WriterId};
use im2_store::{ChangeLog, Error, LogEntry, LoggedCommit, Options, ProcessLog, Result, Seat, Store};
use tempfile::TempDir;

use crate::user_id;

/// A call that was applied at a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Applied {
    Value(u32),
    Reached(Position),
}

struct Node {
    store: Store<u32>,
    applied: Arc<Mutex<Vec<Applied>>>,
}

impl Node {
    fn of(store: Store<u32>) -> Self {
        let applied: Arc<Mutex<Vec<Applied>>> = Arc::default();
        let (values, places) = (Arc::clone(&applied), Arc::clone(&applied));
        store.advance_with(move |reached| places.lock().unwrap().push(Applied::Reached(reached)));
        store.apply_with(move |value| values.lock().unwrap().push(Applied::Value(value)));
        Self { store, applied }
    }

    /// A change that publishes a value; gives its position and which values had been applied when it was made.
    async fn publish(&self, value: u32) -> Result<(Position, Vec<u32>)> {
        let applied = Arc::clone(&self.applied);
        let change = move |tx: &mut im2_store::Change<'_, u32>| {
            tx.publish(value);
            Ok((tx.next_position(), values(&applied.lock().unwrap())))
        };
        self.store.write(change).await
    }

    fn values(&self) -> Vec<u32> {
        values(&self.applied.lock().unwrap())
    }
}

fn values(applied: &[Applied]) -> Vec<u32> {
    let value = |one: &Applied| if let Applied::Value(value) = one { Some(*value) } else { None };
    applied.iter().filter_map(value).collect()
}

fn options(directory: &std::path::Path, writer: WriterId) -> Options {
    Options { writer, ..Options::new(directory) }
}

/// The node with the first writer, which opens the database with a log.
fn first(folder: &TempDir, log: &Arc<impl ChangeLog<u32> + 'static>) -> Node {
    let log: Arc<dyn ChangeLog<u32>> = Arc::clone(log) as _;
    Node::of(Store::open_with(&options(folder.path(), 1), &log).unwrap())
}

/// Tells others of all values but tens.
const COPY: fn(&u32) -> Option<u32> = |value| (!value.is_multiple_of(10)).then_some(*value);

fn log() -> ProcessLog<u32> {
    ProcessLog::new(COPY)
}

#[tokio::test]
async fn what_others_have_committed_is_applied_before_a_node_changes_anything() {
    let folder = tempfile::tempdir().unwrap();
    let one = first(&folder, &Arc::new(log()));
    let two = Node::of(one.store.open_beside(&options(folder.path(), 2)).unwrap());
    let three = Node::of(one.store.open_beside(&options(folder.path(), 3)).unwrap());
    assert!(one.store.is_shared());
    let mut last = Position::NONE;
    for (node, value, known) in [
        (&one, 1, vec![]),
        (&one, 10, vec![1]),
        (&two, 2, vec![1]),
        (&one, 3, vec![1, 10, 2]),
        (&three, 4, vec![1, 2, 3]),
    ] {
        let (position, applied) = node.publish(value).await.unwrap();
        assert_eq!(applied, known, "when {value} was published");
        assert!(position > last, "of two changes the later has the higher position, whoever made them");
        last = position;
    }
    assert_eq!(two.values(), [1, 2], "what nobody asks for comes with the next commit");
    for node in [&one, &two, &three] {
        node.store.catch_up().await.unwrap();
    }
    assert_eq!(
        (one.values(), two.values(), three.values()),
        (vec![1, 10, 2, 3, 4], vec![1, 2, 3, 4], vec![1, 2, 3, 4])
    );
    let before = two.applied.lock().unwrap().clone();
    two.store.catch_up().await.unwrap();
    assert_eq!(*two.applied.lock().unwrap(), before, "nothing twice");
    // Each node knows how far each writer has got, also by what it published nothing of.
    for node in [&one, &two, &three] {
        let applied = node.applied.lock().unwrap().clone();
        let reached = |writer| {
            let of_writer = applied.iter().filter_map(|one| match one {
                Applied::Reached(at) if at.writer() == writer => Some(*at),
                _ => None,
            });
            of_writer.max()
        };
        assert!(reached(3) == Some(last) && reached(1) < Some(last) && reached(2).is_some(), "{applied:?}");
    }
}

#[tokio::test]
async fn a_node_that_is_opened_later_hears_of_what_comes_then() {
    let folder = tempfile::tempdir().unwrap();
    let one = first(&folder, &Arc::new(log()));
    let (before, _) = one.publish(1).await.unwrap();
    let store = one.store.open_beside(&options(folder.path(), 2)).unwrap();
    assert!(store.opened_at().includes(before));
    let (after, _) = one.publish(2).await.unwrap();
    assert!(!store.opened_at().includes(after));
    store.catch_up().await.unwrap();
    let two = Node::of(store);
    two.store.catch_up().await.unwrap();
    assert_eq!(two.values(), [2], "it is kept until somebody can take it");
    drop(one);
    let one = Node::of(two.store.open_beside(&options(folder.path(), 1)).unwrap());
    assert!(one.store.opened_at().includes(after));
    one.publish(3).await.unwrap();
    two.store.catch_up().await.unwrap();
    assert_eq!(two.values(), [2, 3]);
}

#[tokio::test]
async fn a_store_without_a_log_is_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::<u32>::open(&options(folder.path(), 1)).unwrap();
    assert!(!store.is_shared());
    store.catch_up().await.unwrap();
    assert!(matches!(store.open_beside(&options(folder.path(), 2)), Err(Error::Locked(_))));
}

/// Fails when a commit is entered, while it is told to.
#[derive(Debug)]
struct Failing(ProcessLog<u32>, AtomicBool);

struct FailingCommit<'a>(Box<dyn LoggedCommit<u32> + 'a>, &'a AtomicBool);

impl ChangeLog<u32> for Failing {
    fn join(&self, writer: WriterId) -> Seat {
        self.0.join(writer)
    }

    fn leave(&self, seat: Seat) {
        self.0.leave(seat);
    }

    fn begin(&self, writer: WriterId) -> Result<Box<dyn LoggedCommit<u32> + '_>> {
        Ok(Box::new(FailingCommit(self.0.begin(writer)?, &self.1)))
    }

    fn since(&self, seat: Seat, applied: &Reached) -> Result<Vec<LogEntry<u32>>> {
        self.0.since(seat, applied)
    }
}

impl LoggedCommit<u32> for FailingCommit<'_> {
    fn enter(&mut self, published: &[u32], after: &Reached, reached: Position) -> Result<()> {
        self.0.enter(published, after, reached)?;
        if self.1.load(Ordering::SeqCst) { Err(Error::Commit("on purpose".into())) } else { Ok(()) }
    }

    fn committed(self: Box<Self>) {
        self.0.committed();
    }
}

#[tokio::test]
async fn a_commit_that_cannot_be_logged_has_not_happened() {
    let folder = tempfile::tempdir().unwrap();
    let log = Arc::new(Failing(log(), AtomicBool::new(false)));
    let one = first(&folder, &log);
    let two = Node::of(one.store.open_beside(&options(folder.path(), 2)).unwrap());
    one.publish(1).await.unwrap();
    log.1.store(true, Ordering::SeqCst);
    assert!(matches!(one.publish(2).await, Err(Error::Commit(_))));
    let failed = one.store.write(|tx| tx.ensure_user(&user_id("ana"))).await;
    assert!(matches!(failed, Err(Error::Commit(_))));
    log.1.store(false, Ordering::SeqCst);
    let (_, applied) = two.publish(3).await.unwrap();
    assert_eq!(applied, [1]);
    one.publish(4).await.unwrap();
    two.store.catch_up().await.unwrap();
    assert_eq!((one.values(), two.values()), (vec![1, 3, 4], vec![1, 3, 4]));
    assert_eq!(two.store.read(|db| db.user_nid(&user_id("ana"))).await.unwrap(), None);
}

/// Tells everything that it has ever told once more, the latest first, and withholds the next commit while it is told to.
#[derive(Debug)]
struct Careless {
    log: ProcessLog<u32>,
    withholds: AtomicBool,
    told: Mutex<HashMap<Seat, Vec<LogEntry<u32>>>>,
}

impl ChangeLog<u32> for Careless {
    fn join(&self, writer: WriterId) -> Seat {
        self.log.join(writer)
    }

    fn leave(&self, seat: Seat) {
        self.log.leave(seat);
    }

    fn begin(&self, writer: WriterId) -> Result<Box<dyn LoggedCommit<u32> + '_>> {
        self.log.begin(writer)
    }

    fn since(&self, seat: Seat, applied: &Reached) -> Result<Vec<LogEntry<u32>>> {
        let mut new = self.log.since(seat, applied)?;
        if self.withholds.load(Ordering::SeqCst) && !new.is_empty() {
            new.remove(0);
        }
        let mut told = self.told.lock().unwrap();
        let told = told.entry(seat).or_default();
        told.extend(new);
        Ok(told.iter().rev().map(|entry| entry.copied(COPY)).collect())
    }
}

fn careless() -> Arc<Careless> {
    Arc::new(Careless { log: log(), withholds: AtomicBool::new(false), told: Mutex::default() })
}

#[tokio::test]
async fn what_is_told_again_and_in_any_order_is_applied_once_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let one = first(&folder, &careless());
    let two = Node::of(one.store.open_beside(&options(folder.path(), 2)).unwrap());
    for value in 1..10 {
        let node = if value % 3 == 0 { &two } else { &one };
        if value % 2 == 0 {
            node.publish(value).await.unwrap();
        } else {
            // Others hear of it although it takes no place in the stream by itself.
            let change = move |tx: &mut im2_store::Change<'_, u32>| {
                tx.publish(value);
                Ok(())
            };
            node.store.write(change).await.unwrap();
        }
        if value % 4 == 0 {
            two.store.catch_up().await.unwrap();
        }
    }
    for node in [&one, &two] {
        for _ in 0..2 {
            node.store.catch_up().await.unwrap();
            assert_eq!(node.values(), (1..10).collect::<Vec<_>>());
        }
    }
}

#[tokio::test]
async fn nothing_is_applied_and_nothing_changed_before_what_it_builds_on_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let log = careless();
    let one = first(&folder, &log);
    let two = Node::of(one.store.open_beside(&options(folder.path(), 2)).unwrap());
    one.publish(1).await.unwrap();
    two.store.catch_up().await.unwrap();
    one.publish(2).await.unwrap();
    one.publish(3).await.unwrap();
    log.withholds.store(true, Ordering::SeqCst);
    two.store.catch_up().await.unwrap();
    assert_eq!(two.values(), [1], "the third would be without the second");
    assert!(matches!(two.publish(4).await, Err(Error::Commit(_))), "memory is behind the database");
    log.withholds.store(false, Ordering::SeqCst);
    let (_, known) = two.publish(5).await.unwrap();
    assert_eq!((known, two.values()), (vec![1, 2, 3], vec![1, 2, 3, 5]));
    one.store.catch_up().await.unwrap();
    assert_eq!(one.values(), [1, 2, 3, 5]);
}

#[tokio::test]
async fn what_every_open_node_has_applied_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let log = Arc::new(log());
    let one = first(&folder, &log);
    for value in 0..5 {
        one.publish(value).await.unwrap();
        assert!(log.kept() <= 1, "nobody else is there");
    }
    let two = Node::of(one.store.open_beside(&options(folder.path(), 2)).unwrap());
    let three = Node::of(one.store.open_beside(&options(folder.path(), 3)).unwrap());
    for value in 5..9 {
        one.publish(value).await.unwrap();
    }
    two.store.catch_up().await.unwrap();
    assert!(log.kept() >= 4, "the third node has yet to hear of them");
    drop(three);
    // A store's thread ends a moment after the store.
    while log.kept() > 0 {
        tokio::task::yield_now().await;
        two.store.catch_up().await.unwrap();
        one.store.catch_up().await.unwrap();
    }
    assert_eq!(two.values(), (5..9).collect::<Vec<_>>());
    two.publish(9).await.unwrap();
    one.store.catch_up().await.unwrap();
    assert_eq!(one.values().last(), Some(&9));
}
