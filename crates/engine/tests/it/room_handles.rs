//! A room has one handle, whenever somebody else looks for it.

use std::sync::{Arc, Mutex, mpsc};

use im2_chat::rooms::{CreateRoom, RoomVersion};
use im2_core::committed::{Apply, Committed};
use im2_model::RoomAliasId;
use tokio::sync::oneshot;

use crate::{Fixture, builders::text};

/// Stops the writer's thread between a commit and the application of the changes that are queued meanwhile.
struct BetweenCommitAndApplication {
    batch: Option<mpsc::Sender<()>>,
    committed: oneshot::Receiver<()>,
    apply: mpsc::Sender<()>,
    _stop: Arc<dyn Apply>,
}

/// Stops at a value that nobody else has to hear of.
#[derive(Debug)]
struct Stop(Mutex<Option<(oneshot::Sender<()>, mpsc::Receiver<()>)>>);

impl Apply for Stop {
    fn apply(&self, committed: &Committed) {
        if matches!(committed, Committed::SessionsEnded(None))
            && let Some((tell, go_on)) = self.0.lock().unwrap().take()
        {
            tell.send(()).unwrap();
            go_on.recv().unwrap();
        }
    }
}

impl BetweenCommitAndApplication {
    async fn in_store_of(fixture: &Fixture) -> Self {
        let (batch, batch_is_full) = mpsc::channel();
        let (tell, committed) = oneshot::channel();
        let (apply, go_on) = mpsc::channel();
        let stop: Arc<dyn Apply> = Arc::new(Stop(Mutex::new(Some((tell, go_on)))));
        fixture.engine.core.layers.add(&stop);
        let change = move |tx: &mut im2_core::Transaction<'_>| {
            let _ = batch_is_full.recv(); // fails once the other end is gone, also if the change is made again
            tx.publish(Committed::SessionsEnded(None));
            Ok(())
        };
        let turn = fixture.engine.core.store.write_turn().await.unwrap();
        drop(fixture.engine.core.store.enqueue(turn, change).await.unwrap());
        until(|| fixture.engine.core.store.load().waiting == 0).await;
        Self { batch: Some(batch), committed, apply, _stop: stop }
    }

    /// Lets everything be committed that is queued.
    async fn commit(&mut self) {
        self.batch = None;
        (&mut self.committed).await.unwrap();
    }

    fn apply(self) {
        self.apply.send(()).unwrap();
    }
}

/// Waits for what the writer's thread or another task is about to do.
async fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_new_room_that_is_found_before_its_events_are_published_has_one_handle() {
    let fixture = Fixture::new().await;
    let (ana, rooms) = (fixture.user("ana").await, fixture.engine.chat.rooms.clone());
    let alias = RoomAliasId::parse("#new:im.test").unwrap();
    let mut window = BetweenCommitAndApplication::in_store_of(&fixture).await;
    let request = CreateRoom { alias: Some(alias.clone()), ..CreateRoom::default() };
    let making = tokio::spawn({
        let (rooms, ana) = (rooms.clone(), ana.clone());
        async move { rooms.create(&ana, request).await.unwrap() }
    });
    until(|| fixture.engine.core.store.load().waiting > 0).await;
    assert!(rooms.by_alias(&alias).await.is_err(), "it is not committed yet");
    window.commit().await;
    let found = rooms.by_alias(&alias).await.unwrap();
    let seen = (found.view().seq, found.view().tail.len(), found.view().joined.len());
    window.apply();
    let made = making.await.unwrap();
    assert!(Arc::ptr_eq(&found, &made), "two handles");
    assert_eq!(seen, (made.view().seq, made.view().tail.len(), 1), "whoever finds the room finds all of it");
    for room in [&made, &found, &rooms.by_nid(made.nid).await.unwrap()] {
        rooms.append(room, &ana, text("hello"), None).await.unwrap();
    }
}

#[tokio::test]
async fn the_replacement_of_a_room_has_one_handle() {
    let fixture = Fixture::new().await;
    let (ana, rooms) = (fixture.user("ana").await, fixture.engine.chat.rooms.clone());
    let alias = RoomAliasId::parse("#moving:im.test").unwrap();
    let request = CreateRoom { version: RoomVersion::V11, alias: Some(alias.clone()), ..CreateRoom::default() };
    let old = rooms.create(&ana, request).await.unwrap();
    let mut window = BetweenCommitAndApplication::in_store_of(&fixture).await;
    let upgrading = tokio::spawn({
        let (rooms, ana, old) = (rooms.clone(), ana.clone(), old.id.clone());
        async move { rooms.upgrade(&ana, &old, RoomVersion::V12, &[]).await.unwrap() }
    });
    until(|| fixture.engine.core.store.load().waiting > 0).await;
    window.commit().await;
    let found = rooms.by_alias(&alias).await.unwrap();
    window.apply();
    let replacement = upgrading.await.unwrap();
    assert_eq!(found.id, replacement);
    assert!(Arc::ptr_eq(&found, &rooms.find(&replacement).await.unwrap().unwrap()));
    rooms.append(&found, &ana, text("hello"), None).await.unwrap();
    rooms.join(&ana, &replacement, None).await.unwrap();
}

#[tokio::test]
async fn a_room_that_is_not_made_in_the_end_leaves_no_handle() {
    let fixture = Fixture::new().await;
    let (ana, rooms) = (fixture.user("ana").await, fixture.engine.chat.rooms.clone());
    let alias = Some(RoomAliasId::parse("#taken:im.test").unwrap());
    rooms.create(&ana, CreateRoom { alias: alias.clone(), ..CreateRoom::default() }).await.unwrap();
    let in_memory = rooms.in_memory();
    rooms.create(&ana, CreateRoom { alias, ..CreateRoom::default() }).await.unwrap_err();
    assert_eq!(rooms.in_memory(), in_memory);
    // The number that it would have had is given to the next one.
    let next = rooms.create(&ana, CreateRoom::default()).await.unwrap();
    rooms.append(&next, &ana, text("hello"), None).await.unwrap();
}
