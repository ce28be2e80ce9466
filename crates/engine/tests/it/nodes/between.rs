//! What happens at a node just when another commits.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use im2_chat::rooms::{CreateRoom, Preset};
use serde_json::json;

use super::World;
use crate::{Fixture, builders::text, sync::Follower};

/// Lets somebody go on who may have to wait for something; says whether they do.
async fn waits<T>(mut waiting: Pin<&mut impl Future<Output = T>>) -> bool {
    poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context).is_pending())).await
}

async fn catch_up(node: &Fixture) {
    node.engine.core.store.catch_up().await.unwrap();
}

fn public() -> CreateRoom {
    CreateRoom { preset: Some(Preset::PublicChat), ..CreateRoom::default() }
}

#[tokio::test]
async fn a_room_that_is_changed_elsewhere_while_it_is_read_is_read_again() {
    let world = World::new(1, None).await;
    let [one, two, _] = &world.nodes[..] else { panic!("three nodes") };
    let ana = &world.people[0].actor;
    let mut left = vec![true, false];
    while let Some(together) = left.pop() {
        let original = one.engine.chat.rooms.create(ana, public()).await.unwrap();
        let (nid, before, rooms) = (original.nid, original.view().seq, &two.engine.chat.rooms);
        let mut reading = pin!(async {
            if together {
                rooms.preload(&[nid], 10).await.unwrap();
            }
            rooms.by_nid(nid).await.unwrap()
        });
        if !waits(reading.as_mut()).await {
            // It was there at once: once more, with another.
            left.push(together);
            continue;
        }
        let is_reading = || {
            let load = two.engine.core.store.reader_load();
            load.running + load.waiting > 0
        };
        while is_reading() {
            tokio::task::yield_now().await;
        }
        // It has been read, and nobody has taken what was read.
        one.engine.chat.rooms.append(&original, ana, text("between"), None).await.unwrap();
        catch_up(two).await;
        let room = reading.await;
        assert_eq!((room.view().seq, room.view().tail.back().unwrap().seq), (before + 1, before + 1));
        one.engine.chat.rooms.append(&original, ana, text("after"), None).await.unwrap();
        catch_up(two).await;
        assert_eq!(room.view().seq, before + 2);
        two.engine.chat.rooms.append(&room, ana, text("there"), None).await.unwrap();
        catch_up(one).await;
        assert_eq!(original.view().seq, before + 3);
    }
}

#[tokio::test]
async fn who_waits_at_a_node_is_woken_by_what_another_commits() {
    let world = World::new(1, None).await;
    let [one, two, _] = &world.nodes[..] else { panic!("three nodes") };
    let (ana, ben) = (&world.people[0].actor, &world.people[1].actor);
    let room = one.engine.chat.rooms.create(ana, public()).await.unwrap();
    one.engine.chat.rooms.join(ben, &room.id, None).await.unwrap();
    let mut client = Follower::new(ben, 100, false);
    client.follow(one, Duration::ZERO).await;
    for is_in_memory in [false, true] {
        client.ask(two, Duration::ZERO).await;
        let mut waiting = Box::pin(client.ask(two, Duration::from_secs(25)));
        assert!(waits(waiting.as_mut()).await);
        while two.engine.sync.load().running > 0 {
            tokio::task::yield_now().await;
            assert!(waits(waiting.as_mut()).await);
        }
        assert_eq!(two.engine.chat.rooms.room_in_memory(room.nid).is_some(), is_in_memory);
        let sent = one.engine.chat.rooms.append(&room, ana, text("hello"), None).await.unwrap();
        let (answer, ()) = tokio::join!(waiting.as_mut(), catch_up(two));
        let events = answer["rooms"]["join"][room.id.as_str()]["timeline"]["events"].as_array().unwrap();
        assert_eq!(events.last().unwrap()["event_id"], json!(sent));
        drop(waiting);
        client.follow(two, Duration::ZERO).await;
    }
}
