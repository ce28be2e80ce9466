//! matrix-rust-sdk against the real server: what Element X is made of, over sliding sync.

mod person;
mod server;

use anyhow::Result;
use person::{Person, reads, say};
use server::Server;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rooms_are_listed_and_messages_followed_through_a_crash() -> Result<()> {
    let mut server = Server::start()?;
    let (ana, ben) = (Person::register(&server.url, "ana").await?, Person::register(&server.url, "ben").await?);
    let room_id = ana.create_room("Garden", &ben, false).await?;
    ben.accepts_invite_to("Garden").await?;
    let (anas, bens) = (ana.timeline(&room_id).await?, ben.timeline(&room_id).await?);
    say(&anas, "one").await?;
    reads(&bens, &["one"]).await?;
    say(&bens, "two").await?;
    reads(&anas, &["one", "two"]).await?;

    server.crash_and_restart()?;
    ana.is_back().await?;
    ben.is_back().await?;
    say(&anas, "three").await?;
    reads(&bens, &["one", "two", "three"]).await?;
    reads(&anas, &["one", "two", "three"]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn encrypted_messages_are_read_before_and_after_a_crash() -> Result<()> {
    let mut server = Server::start()?;
    let (ana, ben) = (Person::register(&server.url, "ana").await?, Person::register(&server.url, "ben").await?);
    let room_id = ana.create_room("Secrets", &ben, true).await?;
    ben.accepts_invite_to("Secrets").await?;
    let (anas, bens) = (ana.timeline(&room_id).await?, ben.timeline(&room_id).await?);
    say(&anas, "one").await?;
    reads(&bens, &["one"]).await?;

    server.crash_and_restart()?;
    ana.is_back().await?;
    ben.is_back().await?;
    say(&bens, "two").await?;
    reads(&anas, &["one", "two"]).await?;
    reads(&bens, &["one", "two"]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_rooms_are_all_listed() -> Result<()> {
    let server = Server::start()?;
    let (ana, ben) = (Person::register(&server.url, "ana").await?, Person::register(&server.url, "ben").await?);
    // More than the client asks for at first.
    for number in 0..30 {
        ana.create_room(&format!("Room {number}"), &ben, false).await?;
    }
    for number in [0, 15, 29] {
        ben.sees_in_room_list(&format!("Room {number}")).await?;
    }
    Ok(())
}
