//! Calls in rooms (MatrixRTC: MSC4143, MSC4195): who may take part in the call of a room, and under which name.
//!
//! The media go through a unit that knows of no rooms. It lets in whoever brings a token that is signed for a call and a
//! participant; what is to be in that token is decided here.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use im2_core::{Core, Result};
use im2_model::{DeviceId, RoomId, UserId, UserNid};
use ring::digest;
use serde::Serialize;

use crate::rooms::{Actor, Room, Rooms};

/// The slot of a room's usual call, which clients from before MSC4143 had slots mean.
pub const ROOM_CALL: &str = "m.call#ROOM";

/// Longest identifiers of a device, a member and a slot, in bytes.
const LONGEST: usize = 255;

/// Events by which clients say that they are in a call: whoever may send one of them may be heard.
const MEMBERSHIPS: [(&str, bool); 4] = [
    ("m.call.member", true),
    ("org.matrix.msc3401.call.member", true),
    ("m.rtc.member", false),
    ("org.matrix.msc4143.rtc.member", false),
];

/// The use case.
#[derive(Debug, Clone)]
pub struct Calls {
    core: Core,
    rooms: Rooms,
}

/// A client that wants to take part, as it names itself to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Participant<'a> {
    /// By its device, as memberships in the room's state have it.
    Device(&'a str),
    /// By its device and the membership's identifier (MSC4143).
    Member(&'a str, &'a str),
}

/// The right to take part in a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// The call's name for the unit: nobody learns the room from it.
    pub call: String,
    /// The participant's name for the unit, by which other clients know whose media they are.
    pub participant: String,
    /// Whose admission it is, for [`Calls::standing`].
    pub holder: Vec<String>,
    /// Whether the participant may be heard and seen; else they only listen and watch.
    pub may_publish: bool,
}

/// What somebody who was let in may do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Be heard and seen.
    Speaks,
    /// Only listen and watch.
    Listens,
    /// Nothing: they are no longer in the room.
    Out,
}

/// Whose an admission is, in the names that the participant's token keeps.
#[derive(Debug, PartialEq, Eq)]
struct Holder {
    actor: Actor,
    /// The device, if it was one of the user's when it was let in: clients may name others.
    device: Option<DeviceId>,
    room: RoomId,
}

impl Holder {
    fn names(&self) -> Vec<String> {
        let device = self.device.as_ref().map_or_else(String::new, ToString::to_string);
        vec![self.actor.user_id.to_string(), device, self.room.to_string(), self.actor.user.0.to_string()]
    }

    fn read(names: &[String]) -> Option<Self> {
        let [user_id, device, room, user] = names else { return None };
        let actor = Actor { user: UserNid(user.parse().ok()?), user_id: UserId::parse(user_id).ok()? };
        let device = if device.is_empty() { None } else { Some(DeviceId::parse(device).ok()?) };
        Some(Self { actor, device, room: RoomId::parse(room).ok()? })
    }
}

impl Calls {
    /// Builds it on the core and the rooms.
    pub fn new(core: Core, rooms: Rooms) -> Self {
        Self { core, rooms }
    }

    /// The right of a member of a room to take part in the call of one of its slots. Others are refused with
    /// `M_FORBIDDEN`, identifiers that are empty or longer than 255 bytes with `M_INVALID_PARAM`.
    pub async fn admit(
        &self,
        actor: &Actor,
        room_id: &RoomId,
        slot: &str,
        participant: Participant<'_>,
    ) -> Result<Admission> {
        check("slot_id", slot)?;
        let user_id = actor.user_id.as_str();
        let (device, participant) = match participant {
            Participant::Device(device) => {
                check("device_id", device)?;
                (device, format!("{user_id}:{device}"))
            }
            Participant::Member(device, member) => {
                check("claimed_device_id", device)?;
                check("id", member)?;
                (device, name_of(&[user_id, device, member]))
            }
        };
        let room = self.rooms.joined(actor, room_id).await?;
        let may_publish = self.may_publish(actor, &room);
        let device = match DeviceId::parse(device) {
            Ok(device) if self.is_there(actor, &device).await? => Some(device),
            _ => None,
        };
        let holder = Holder { actor: actor.clone(), device, room: room_id.clone() }.names();
        Ok(Admission { call: name_of(&[room_id.as_str(), slot]), participant, holder, may_publish })
    }

    /// What the holder of an admission may do now. Names that are none are of nobody in the room.
    pub async fn standing(&self, holder: &[String]) -> Result<Standing> {
        let Some(Holder { actor, device, room }) = Holder::read(holder) else { return Ok(Standing::Out) };
        if self.core.locked.contains(actor.user) {
            return Ok(Standing::Out);
        }
        if let Some(device) = device
            && !self.is_there(&actor, &device).await?
        {
            return Ok(Standing::Out);
        }
        match self.rooms.joined(&actor, &room).await {
            Ok(room) if self.may_publish(&actor, &room) => Ok(Standing::Speaks),
            Ok(_) => Ok(Standing::Listens),
            Err(error) if error.code().is_some() => Ok(Standing::Out),
            Err(error) => Err(error),
        }
    }

    /// Whether the device is one of the user's sessions.
    async fn is_there(&self, actor: &Actor, device: &DeviceId) -> Result<bool> {
        let (user, device) = (actor.user, device.clone());
        Ok(self.core.store.read(move |db| db.device(user, &device)).await?.is_some())
    }

    fn may_publish(&self, actor: &Actor, room: &Room) -> bool {
        let power = Arc::clone(&room.view().power);
        let may_say_so = MEMBERSHIPS.iter().any(|(kind, is_state)| power.may_send(&actor.user_id, kind, *is_state));
        let is_silenced =
            self.core.refuse_suspended(actor.user).is_err() || self.core.shadow_banned.contains(actor.user);
        may_say_so && !is_silenced
    }
}

fn check(name: &str, value: &str) -> Result<()> {
    if value.is_empty() || value.len() > LONGEST {
        let message = format!("`{name}` has to have 1 to {LONGEST} bytes");
        return Err(im2_core::Error::refused(im2_core::Code::InvalidParam, message));
    }
    Ok(())
}

/// A name made of several: SHA-256 of them as canonical JSON, in unpadded base64 (MSC4195).
fn name_of<T: Serialize + ?Sized>(parts: &T) -> String {
    let json = serde_json::to_vec(parts).unwrap_or_default();
    STANDARD_NO_PAD.encode(digest::digest(&digest::SHA256, &json))
}

#[cfg(test)]
mod tests {
    use im2_model::{DeviceId, RoomId, UserId, UserNid};

    use super::{Holder, name_of};
    use crate::rooms::Actor;

    #[test]
    fn the_names_of_a_holder_say_who_it_is() {
        let actor = Actor { user: UserNid(7), user_id: UserId::parse("@ana:example.org").unwrap() };
        let device = Some(DeviceId::parse("A DEVICE").unwrap());
        let holder = Holder { actor, device, room: RoomId::parse("!room:example.org").unwrap() };
        assert_eq!(Holder::read(&holder.names()), Some(holder));
        assert_eq!(Holder::read(&[]), None);
        assert_eq!(Holder::read(&["@ana:example.org", "", "!room:example.org", "seven"].map(str::to_owned)), None);
    }

    #[test]
    fn names_are_those_that_other_clients_compute() {
        // printf '%s' '["@ana:example.org","DEVICE","member"]' | openssl dgst -sha256 -binary | base64
        let name = name_of(&["@ana:example.org", "DEVICE", "member"]);
        assert_eq!(name, "zz/hqSf+EBHlFO8VVJ7PLzirSpRrda8Sgceus7ltJZk");
    }
}
