//! A person with a client like Element X: a room list and timelines that follow sliding sync.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail};
use futures_util::{StreamExt as _, pin_mut};
use matrix_sdk::{
    Client, Room,
    ruma::{
        OwnedRoomId, RoomId, UserId,
        api::client::{
            account::register::v3::Request as Registration,
            room::create_room::v3::Request as RoomCreation,
            uiaa::{AuthData, Dummy},
        },
        events::{
            AnyMessageLikeEventContent, InitialStateEvent, room::encryption::RoomEncryptionEventContent,
            room::message::RoomMessageEventContent,
        },
    },
};
use matrix_sdk_ui::{
    room_list_service::filters::new_filter_non_left,
    sync_service::{State, SyncService},
    timeline::{RoomExt as _, Timeline, TimelineItem},
};

/// How long anything may take, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

pub struct Person {
    pub client: Client,
    sync: Arc<SyncService>,
}

impl Person {
    /// Registers, and begins to sync.
    pub async fn register(server: &str, name: &str) -> Result<Self> {
        let client = Client::builder().homeserver_url(server).build().await?;
        let mut registration = Registration::new();
        registration.username = Some(name.to_owned());
        registration.password = Some("correct horse battery staple".to_owned());
        registration.auth = Some(AuthData::Dummy(Dummy::new()));
        client.matrix_auth().register(registration).await?;
        let sync = Arc::new(SyncService::builder(client.clone()).with_offline_mode().build().await?);
        sync.start().await;
        Ok(Self { client, sync })
    }

    pub fn id(&self) -> &UserId {
        self.client.user_id().expect("who has registered is signed in")
    }

    /// Makes a room with another person in it, whom it invites.
    pub async fn create_room(&self, name: &str, other: &Self, encrypted: bool) -> Result<OwnedRoomId> {
        let mut creation = RoomCreation::new();
        creation.name = Some(name.to_owned());
        creation.invite = vec![other.id().to_owned()];
        if encrypted {
            let content = RoomEncryptionEventContent::with_recommended_defaults();
            creation.initial_state = vec![InitialStateEvent::with_empty_state_key(content).to_raw_any()];
        }
        Ok(self.client.create_room(creation).await?.room_id().to_owned())
    }

    /// Waits until the room list shows a room under this name.
    pub async fn sees_in_room_list(&self, name: &str) -> Result<Room> {
        let list = self.sync.room_list_service().all_rooms().await?;
        let (entries, controller) = list.entries_with_dynamic_adapters(100);
        controller.set_filter(Box::new(new_filter_non_left()));
        pin_mut!(entries);
        let mut shown = matrix_sdk_ui::eyeball_im::Vector::new();
        let look = async {
            while let Some(changes) = entries.next().await {
                for change in changes {
                    change.apply(&mut shown);
                }
                for entry in &shown {
                    if entry.cached_display_name().is_some_and(|shown| shown.to_string() == name) {
                        return Ok(Room::clone(entry));
                    }
                }
            }
            bail!("the room list has ended")
        };
        tokio::time::timeout(PATIENCE, look).await.with_context(|| format!("{name:?} is not in the room list"))?
    }

    /// Accepts an invite to the room of this name.
    pub async fn accepts_invite_to(&self, name: &str) -> Result<()> {
        self.sees_in_room_list(name).await?.join().await?;
        Ok(())
    }

    /// What is said in a new room, live, once it is there from the beginning: a message that the SDK sends before the
    /// answer to its subscription has come stays in its timeline twice.
    pub async fn timeline(&self, room_id: &RoomId) -> Result<Timeline> {
        let room = until("the room", || async { Ok(self.client.get_room(room_id)) }).await?;
        self.sync.room_list_service().subscribe_to_rooms(&[room_id]).await;
        let timeline = room.timeline().await?;
        until("the room's first event", || async { Ok(has_beginning(&timeline).await.then_some(())) }).await?;
        Ok(timeline)
    }

    /// Waits until syncing works again after the server was away.
    pub async fn is_back(&self) -> Result<()> {
        until("syncing", || async {
            let running = matches!(self.sync.state().get(), State::Running);
            if !running {
                self.sync.start().await;
            }
            Ok(running.then_some(()))
        })
        .await
    }
}

/// Says something.
pub async fn say(timeline: &Timeline, text: &str) -> Result<()> {
    timeline.send(AnyMessageLikeEventContent::RoomMessage(RoomMessageEventContent::text_plain(text))).await?;
    Ok(())
}

/// Whether a timeline shows the event with which the room began.
async fn has_beginning(timeline: &Timeline) -> bool {
    let items = timeline.items().await;
    let kind = |item: &TimelineItem| item.as_event()?.original_json()?.get_field::<String>("type").ok()?;
    items.iter().any(|item| kind(item).as_deref() == Some("m.room.create"))
}

/// What a timeline shows, oldest first. What could not be decrypted is shown as that.
pub async fn texts(timeline: &Timeline) -> Vec<String> {
    let items = timeline.items().await;
    let text = |content: &matrix_sdk_ui::timeline::TimelineItemContent| {
        if content.as_unable_to_decrypt().is_some() {
            return Some("(undecryptable)".to_owned());
        }
        content.as_message().map(|message| message.body().to_owned())
    };
    items.iter().filter_map(|item| text(item.as_event()?.content())).collect()
}

/// Waits until a timeline shows exactly these texts. Where it has begun anew after a gap, it is scrolled up, as a person
/// would who looks for what was there before.
pub async fn reads(timeline: &Timeline, expected: &[&str]) -> Result<()> {
    let mut shown = Vec::new();
    let look = async {
        loop {
            shown = texts(timeline).await;
            if shown == expected {
                return Ok(());
            }
            let begins_anew = shown.first().is_some_and(|first| expected[1..].contains(&first.as_str()));
            if begins_anew {
                timeline.paginate_backwards(20).await?;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    let outcome: Result<Result<()>, _> = tokio::time::timeout(PATIENCE, look).await;
    outcome.with_context(|| format!("the timeline shows {shown:?} instead of {expected:?}"))?
}

async fn until<T, F>(what: &str, mut look: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<Option<T>>>,
{
    let look = async {
        loop {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    tokio::time::timeout(PATIENCE, look).await.with_context(|| format!("waited in vain for {what}"))?
}
