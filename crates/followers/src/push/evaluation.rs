//! Judging by a user's push rules what their pushers have to be told.

use std::{sync::Arc, time::Duration};

use im2_chat::rooms::{Actor, Room, RoomEvent};
use im2_core::{Result, panics::catch_panic};
use im2_kernel::content::Membership;
use im2_model::{EventId, RoomNid, UserNid};

use super::{
    notifier::Notifier,
    registry::{Item, News, Ready},
};

/// News of one user that are judged before it is another's turn.
const IN_A_ROW: usize = 16;
/// The time before what could not be judged is tried again.
const RETRY: Duration = Duration::from_secs(1);

impl Notifier {
    /// Judges some of a user's news, in order. Returns the pushers that have to be queued.
    pub(super) async fn evaluate_some(&self, user: UserNid) -> Vec<Ready> {
        let mut ready = Vec::new();
        for _ in 0..IN_A_ROW {
            let Some(news) = self.registry.unjudged(user) else { break };
            match catch_panic(self.judge(user, &news)).await {
                Ok(Ok(more)) => ready.extend(more),
                Ok(Err(error)) => {
                    tracing::error!(%error, "news could not be judged for notifications; it will be tried again");
                    tokio::select! {
                        () = tokio::time::sleep(RETRY) => {}
                        () = self.core.shutdown.begun() => {}
                    }
                    break;
                }
                // It would panic again. The panic hook has logged where.
                Err(_) => tracing::error!("news could not be judged for notifications; nobody is notified of it"),
            }
            self.registry.judged(user);
        }
        ready
    }

    async fn judge(&self, user: UserNid, news: &News) -> Result<Vec<Ready>> {
        match news {
            News::Event(_, room, event_id) => self.judge_event(user, *room, event_id).await,
            News::Read(room) => self.read(user, *room).await,
            News::Rules => {
                if let Some((_, badge)) = self.registry.owner(user) {
                    badge.reset();
                }
                Ok(self.registry.refresh(user))
            }
        }
    }

    /// Has an event wait for the user's pushers, if it notifies.
    async fn judge_event(&self, user: UserNid, room: RoomNid, event_id: &EventId) -> Result<Vec<Ready>> {
        let Some((user_id, badge)) = self.registry.owner(user) else { return Ok(Vec::new()) };
        let room = match self.rooms.by_nid(room).await {
            Err(error) if error.code().is_some() => return Ok(Vec::new()), // purged meanwhile
            room => room?,
        };
        let Some(event) = self.rooms.event(&room, event_id).await? else { return Ok(Vec::new()) };
        let event = &*event;
        let actor = Actor { user, user_id };
        let unread = self.unread.in_room(&actor, &room).await?;
        let is_member = room.view().joined.contains_key(&user);
        let count = if is_member { unread.counts.total().notification_count } else { 0 };
        badge.set(room.nid, count);
        if event.pdu.sender != actor.user_id
            && may_notify(&room, event, &actor)
            && unread.evaluate(&actor.user_id, &event.pdu, event.is_redacted()).notify
        {
            let since = self.core.now();
            let item = Item { position: event.position, room: room.nid, event_id: event.id().clone(), since };
            return Ok(self.registry.notify(user, &Arc::new(item)));
        }
        let is_own = event.pdu.sender == actor.user_id && !is_alone_or_new(&room, event, &actor);
        let may_change = is_own || event.kind() == "m.room.redaction" || !is_member;
        Ok(if may_change { self.registry.refresh(user) } else { Vec::new() })
    }

    /// Brings a user's numbers up to date after they have read something.
    async fn read(&self, user: UserNid, room: RoomNid) -> Result<Vec<Ready>> {
        let Some((user_id, badge)) = self.registry.owner(user) else { return Ok(Vec::new()) };
        let room = match self.rooms.by_nid(room).await {
            Err(error) if error.code().is_some() => return Ok(Vec::new()),
            room => room?,
        };
        if room.view().joined.contains_key(&user) {
            let unread = self.unread.in_room(&Actor { user, user_id }, &room).await?;
            badge.set(room.nid, unread.counts.total().notification_count);
        }
        Ok(self.registry.refresh(user))
    }
}

/// Whether somebody has sent an event to a room in which nothing can have been unread for them: by joining it, or where
/// nobody else has said anything. The number on their devices is as before.
fn is_alone_or_new(room: &Room, event: &RoomEvent, actor: &Actor) -> bool {
    let view = room.view();
    let joins = event.state_key() == Some(actor.user_id.as_str()) && event.lets_in();
    joins || (view.tail_start() <= view.first && view.tail.iter().all(|event| event.pdu.sender == actor.user_id))
}

/// Whether an event may notify a user at all: as a member of the room, or by inviting them.
fn may_notify(room: &Room, event: &RoomEvent, actor: &Actor) -> bool {
    let invites = event.state_key() == Some(actor.user_id.as_str()) && event.pdu.membership == Some(Membership::Invite);
    invites || room.view().joined.contains_key(&actor.user)
}
