//! The store as a whole: opening it, reading, writing, and what is told of both.

use std::sync::{Arc, Mutex};

use im2_model::RoomNid;
use im2_store::{Error, Options, Store};

use crate::{account, case, open, user_id};

#[tokio::test]
async fn what_is_committed_is_there_after_a_restart() {
    let opened = open();
    let directory = opened.store.directory().to_owned();
    assert!(directory.starts_with(opened.folder.path()));
    assert_eq!(opened.store.opened_at().highest(), im2_model::Position::default());
    let (ana, at) = opened.store.write(|tx| Ok((account(tx, "ana")?, tx.next_position()))).await.unwrap();
    let options = Options::new(&directory);
    assert!(matches!(Store::<()>::open(&options), Err(Error::Locked(_))), "one process a folder");
    assert!(matches!(Store::check(&options), Err(Error::Locked(_))));
    drop(opened.store);
    Store::check(&options).unwrap();
    let store = Store::<()>::open(&options).unwrap();
    assert!(store.opened_at().includes(at));
    assert_eq!(store.read(|db| db.user_nid(&user_id("ana"))).await.unwrap(), Some(ana));
    let next = store.write(|tx| Ok(tx.next_position())).await.unwrap();
    assert!(next > at, "no position is given out twice");
}

#[tokio::test]
async fn a_folder_without_a_database_is_as_good_as_an_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    Store::check(&Options::new(folder.path().join("none"))).unwrap();
    assert!(!folder.path().join("none").exists());
    assert_eq!(Store::exposed(&folder.path().join("none")).unwrap().len(), 0);
}

#[tokio::test]
async fn a_database_of_another_release_is_opened_if_it_is_no_later_one() {
    let opened = |dump: &str| {
        let folder = tempfile::tempdir().unwrap();
        Store::restore(folder.path(), dump).unwrap();
        let options = Options::new(folder.path());
        (Store::check(&options), Store::<()>::open(&options).map(drop))
    };
    assert!(matches!(opened("PRAGMA user_version = 0;"), (Ok(()), Ok(()))));
    let later = opened("CREATE TABLE later (a); PRAGMA user_version = 999;");
    let is_refused = |result| matches!(result, Err(Error::NewerDatabase { found: 999, .. }));
    assert!(is_refused(later.0) && is_refused(later.1));
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(Store::restore(folder.path(), "no SQL"), Err(Error::Database(_))));
}

#[tokio::test]
async fn a_change_that_fails_or_panics_leaves_nothing_and_others_go_on() {
    let opened = open();
    let store = &opened.store;
    let failed = store.write(|tx| account(tx, "ana").and(Err::<(), _>(Error::Conflict))).await;
    assert!(matches!(failed, Err(Error::Conflict)));
    let panicked = store.write(|tx| -> im2_store::Result<()> { panic!("{:?}", account(tx, "ben")) }).await;
    assert!(matches!(panicked, Err(Error::Corrupt(_))));
    let read = store.read(|_| -> im2_store::Result<()> { panic!("on purpose") }).await;
    assert!(matches!(read, Err(Error::Corrupt(_))));
    store.write(|tx| account(tx, "cleo")).await.unwrap();
    let found = store.read(|db| Ok(["ana", "ben", "cleo"].map(|name| db.user_nid(&user_id(name)).unwrap().is_some())));
    assert_eq!(found.await.unwrap(), [false, false, true]);
    store.answers().await.unwrap();
    assert_eq!(store.unwritable(), None);
}

#[tokio::test]
async fn a_reader_sees_one_moment() {
    let opened = open();
    let store = Arc::new(opened.store);
    let (reached, started) = std::sync::mpsc::channel();
    let (go_on, may_go_on) = std::sync::mpsc::channel::<()>();
    let read = store.read(move |db| {
        let before = db.user_nid(&user_id("ana"))?;
        reached.send(()).unwrap();
        may_go_on.recv().unwrap();
        Ok((before, db.user_nid(&user_id("ana"))?))
    });
    tokio::task::spawn_blocking(move || started.recv().unwrap()).await.unwrap();
    store.write(|tx| account(tx, "ana")).await.unwrap();
    go_on.send(()).unwrap();
    assert_eq!(read.await.unwrap(), (None, None));
    assert!(store.read(|db| db.user_nid(&user_id("ana"))).await.unwrap().is_some());
}

#[tokio::test]
async fn what_changes_publish_is_applied_in_the_order_of_commits() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::<u32>::open(&Options::new(folder.path())).unwrap();
    let applied = Arc::new(Mutex::new(Vec::new()));
    let of_store = Arc::clone(&applied);
    store.apply_with(move |outcome| of_store.lock().unwrap().push(outcome));
    let mut queued = Vec::new();
    for number in 0..20 {
        let turn = store.write_turn().await.unwrap();
        let change = store.enqueue(turn, move |tx| {
            tx.publish(number);
            if number % 5 == 4 { Err(Error::Conflict) } else { Ok(number) }
        });
        queued.push(change.await.unwrap());
    }
    for (number, queued) in (0..).zip(queued) {
        assert_eq!(queued.durable().await.ok(), (number % 5 != 4).then_some(number));
    }
    let expected: Vec<u32> = (0..20).filter(|number| number % 5 != 4).collect();
    assert_eq!(*applied.lock().unwrap(), expected);
    // The writer counts a commit after its callers are answered, and before it looks at its queue again.
    store.answers().await.unwrap();
    let load = store.load();
    assert!(load.changes == 20 && load.commits <= 20 && load.waiting == 0, "{load:?}");
}

#[tokio::test]
async fn turns_and_loads_are_counted() {
    let opened = open();
    let store = &opened.store;
    let turn = store.write_turn().await.unwrap();
    assert_eq!((store.writer_load().running, store.long_writer_load().running), (1, 0));
    drop(turn);
    let long = store.long_write_turn().await.unwrap();
    assert_eq!((store.writer_load().running, store.long_writer_load().running), (0, 1));
    drop(long);
    assert_eq!((store.writer_load().running, store.long_writer_load().running), (0, 0));
    assert_eq!(store.reader_load().waiting, 0);
    assert!(store.flush().await.unwrap(), "nobody reads an older state");
}

#[tokio::test]
async fn a_committed_job_wakes_whoever_runs_jobs() {
    let opened = open();
    let store = &opened.store;
    store.write(|tx| account(tx, "ana")).await.unwrap();
    let failed = store.write(|tx| tx.add_job("x", "{}", 0).and(Err::<(), _>(Error::Conflict))).await;
    assert!(failed.is_err());
    let is_woken = async || tokio::time::timeout(std::time::Duration::ZERO, store.job_added()).await.is_ok();
    assert!(!is_woken().await);
    store.write(|tx| tx.add_job("x", "{}", 0)).await.unwrap();
    assert!(is_woken().await);
    assert!(!is_woken().await);
    store.wake_jobs();
    assert!(is_woken().await);
    let has_failed = tokio::time::timeout(std::time::Duration::ZERO, store.failed()).await;
    assert!(has_failed.is_err(), "no thread has panicked");
}

#[tokio::test]
async fn statements_are_counted() {
    case(|tx| {
        let before = tx.statements();
        tx.room_ids(&[])?;
        assert_eq!(tx.statements(), before);
        tx.room_ids(&[RoomNid(1), RoomNid(2)])?;
        assert_eq!(tx.statements(), before + 1);
        tx.add_job("work", "{}", 1)?;
        assert_eq!(tx.statements(), before + 2);
        Ok(())
    })
    .await;
}
