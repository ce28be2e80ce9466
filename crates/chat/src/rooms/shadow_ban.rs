//! Shadow-banned users: what they send is checked as everybody's is, and answered, and then goes nowhere.
//!
//! They may join and leave rooms, because their clients would not work otherwise, with nothing of their choosing in the
//! member event but the name and picture of their profile. Everything else that they do to a room, to its members and
//! to those whom they invite is dropped, also in rooms of their own. The first events of a room that they make are
//! stored, without invites.

use im2_core::{Error, Result};
use im2_kernel::{content::Membership, sign::to_base64, state::StateView as _, version::RoomVersion};
use im2_model::{EventId, RoomId};
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value};

use super::{Actor, Draft, Room, Rooms, draft::Transaction, head_state::HeadState};

impl Rooms {
    /// Whether `actor` is shadow-banned: what they send as a client reaches nobody.
    pub(super) fn is_shadow_banned(&self, actor: &Actor) -> bool {
        self.core.shadow_banned.contains(actor.user)
    }

    /// Whether the shadow ban of `actor`, if there is one, is about this event.
    pub(super) fn is_silenced(&self, actor: &Actor, draft: &Draft) -> bool {
        self.is_shadow_banned(actor) && !draft.despite_shadow_ban
    }

    /// Removes free text and custom fields from a shadow-banned user's own member event.
    pub(super) async fn silence(&self, actor: &Actor, draft: &mut Draft) -> Result<()> {
        if !is_own_coming_or_going(actor, draft) {
            return Ok(());
        }
        let mut content = Map::new();
        for key in ["membership", "join_authorised_via_users_server"] {
            content.extend(draft.content.remove(key).map(|value| (key.to_owned(), value)));
        }
        if membership(&content) == Some(Membership::Join.as_str()) {
            content.extend(self.profile_content(&actor.user_id).await?);
        }
        draft.content = content;
        Ok(())
    }

    /// The identifier to answer with if the event is to reach nobody: all events of a shadow-banned user but joining
    /// and leaving.
    pub(super) fn withheld(
        &self,
        room: &Room,
        state: &HeadState<'_>,
        actor: &Actor,
        draft: &Draft,
        transaction: Option<&Transaction>,
    ) -> Result<Option<EventId>> {
        if !self.is_silenced(actor, draft) {
            return Ok(None);
        }
        let now = state.get("m.room.member", actor.user_id.as_str()).and_then(|event| event.membership);
        // A join of a member only changes what the room shows of them.
        let comes_or_goes =
            is_own_coming_or_going(actor, draft) && now.map(Membership::as_str) != membership(&draft.content);
        if comes_or_goes { Ok(None) } else { self.withheld_id(&room.id, actor, draft, transaction).map(Some) }
    }

    /// An event ID that is the same when the request is tried again, and that nobody but this server can work out: it
    /// does not give the ban away.
    fn withheld_id(
        &self,
        room_id: &RoomId,
        actor: &Actor,
        draft: &Draft,
        transaction: Option<&Transaction>,
    ) -> Result<EventId> {
        let content = transaction.is_none().then_some(&draft.content);
        let request = transaction.map(|key| (key.device_id.as_str(), &*key.txn_id));
        let about = (&draft.kind, &draft.state_key, &draft.redacts, content);
        let name = self.unguessable(&("event", room_id, &actor.user_id, request, about))?;
        EventId::parse(&format!("${name}")).map_err(|error| Error::Internal(error.to_string()))
    }

    /// The identifier with which a shadow-banned user's upgrade of a room is answered, which makes no room.
    pub(super) fn withheld_room_id(&self, old: &RoomId, version: RoomVersion) -> Result<RoomId> {
        if !version.rules().room_id_is_create_hash {
            return self.new_room_id();
        }
        let name = self.unguessable(&("room", old, version.as_str()))?;
        RoomId::parse(&format!("!{name}")).map_err(|error| Error::Internal(error.to_string()))
    }

    /// A hash of `about` as identifiers have it. The signature keeps others from making the same.
    fn unguessable(&self, about: &impl serde::Serialize) -> Result<String> {
        let text = serde_json::to_string(about).map_err(|error| Error::Internal(error.to_string()))?;
        let hash = digest(&SHA256, self.key.sign(format!("withheld {text}").as_bytes()).as_bytes());
        Ok(to_base64(hash.as_ref()).replace('+', "-").replace('/', "_"))
    }
}

fn membership(content: &Map<String, Value>) -> Option<&str> {
    content.get("membership").and_then(Value::as_str)
}

fn is_own_coming_or_going(actor: &Actor, draft: &Draft) -> bool {
    let is_own = &*draft.kind == "m.room.member" && draft.state_key.as_deref() == Some(actor.user_id.as_str());
    let membership = membership(&draft.content);
    is_own && [Membership::Join, Membership::Leave].iter().any(|allowed| membership == Some(allowed.as_str()))
}
