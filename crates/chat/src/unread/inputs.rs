//! The inputs that unread counts depend on beside a room's events.

use std::{collections::HashSet, sync::Arc};

use im2_core::Result;
use im2_kernel::{
    event::Pdu,
    power::PowerLevels,
    push::{Context, Evaluation, FlatEvent},
};
use im2_model::{UserId, UserNid};
use ring::digest::{Context as Digest, SHA256};
use serde::Deserialize;

use super::Unread;
use crate::{
    push_rules::UserRules,
    receipts::OwnReceipts,
    rooms::{Actor, Room, RoomEvent},
};

/// The inputs that counts depend on beside the events.
#[derive(Debug, Clone)]
pub(crate) struct Inputs {
    pub(super) rules: Arc<UserRules>,
    pub(super) ignored: Arc<HashSet<UserId>>,
    pub(super) receipts: Arc<OwnReceipts>,
    pub(super) power: Arc<PowerLevels>,
    pub(super) display_name: Option<String>,
    pub(super) member_count: u64,
    /// The number of the room from which on the user's current member event is the state.
    pub(super) member: i64,
    /// How often parts of the room's history were deleted.
    pub(super) deletions: u64,
}

impl Inputs {
    /// Evaluates the user's push rules for an event. The result is empty for a redacted event and for one of an ignored
    /// user.
    pub(super) fn evaluate(&self, user: &UserId, pdu: &Pdu, is_redacted: bool) -> Evaluation<'_> {
        if is_redacted || self.ignored.contains(&pdu.sender) {
            return Evaluation::default();
        }
        let display_name = self.display_name.as_deref();
        let context = Context { user, display_name, member_count: self.member_count, power: &self.power };
        self.rules.rules.evaluate(&FlatEvent::new(pdu), &context)
    }

    /// Whether events count alike on both, receipts apart.
    pub(super) fn judges_like(&self, other: &Self) -> bool {
        (Arc::ptr_eq(&self.rules, &other.rules) || self.rules.digest == other.rules.digest)
            && (Arc::ptr_eq(&self.ignored, &other.ignored) || self.ignored == other.ignored)
            && (Arc::ptr_eq(&self.power, &other.power) || self.power == other.power)
            && self.display_name == other.display_name
            && self.member == other.member
            && self.deletions == other.deletions
            && self.rules.member_count_class(self.member_count) == self.rules.member_count_class(other.member_count)
    }

    /// Whether both have the same receipts.
    pub(super) fn reads_like(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.receipts, &other.receipts)
    }

    /// The number of the event up to which everything is read in every thread; 0 if there is none.
    pub(super) fn settled(&self) -> i64 {
        self.receipts.read.everywhere().unwrap_or(0)
    }

    /// Tells apart what [`Self::judges_like`] tells apart, also over a restart. `levels` is the content that the power
    /// levels are made of. Deletions do not go in: they drop what is stored.
    pub(super) fn fingerprint(&self, levels: Option<&str>) -> Vec<u8> {
        let mut ignored: Vec<&str> = self.ignored.iter().map(UserId::as_str).collect();
        ignored.sort_unstable();
        let class = self.rules.member_count_class(self.member_count);
        let release = env!("CARGO_PKG_VERSION"); // another one may judge in another way
        let text = serde_json::json!([release, ignored, self.display_name, self.member, class, levels]).to_string();
        let mut digest = Digest::new(&SHA256);
        digest.update(&self.rules.digest);
        digest.update(text.as_bytes());
        digest.finish().as_ref()[..16].to_vec()
    }
}

impl Unread {
    /// The inputs that counts depend on now, and the number of the room's last event at that moment.
    pub(super) async fn inputs(&self, actor: &Actor, room: &Room) -> Result<(Inputs, i64)> {
        let user: UserNid = actor.user;
        let rules = self.push_rules.compiled(user, &actor.user_id).await?;
        let ignored = self.account_data.ignored_users(user, &actor.user_id).await?;
        let receipts = self.receipts.own(user, room.nid).await?;
        let deletions = self.rooms.history_deletions(room.nid);
        loop {
            let own = room.member(&self.core, actor.user_id.as_str()).await?;
            let view = room.view();
            let current = view.members.get(actor.user_id.as_str());
            if current.map(|member| member.seq) != own.as_ref().map(|own| own.seq) {
                continue; // changed just now
            }
            let member = current.map_or(view.seq, |member| member.since);
            let display_name = own.and_then(|own| display_name(&own));
            let (power, member_count) = (Arc::clone(&view.power), view.joined.len() as u64);
            let inputs = Inputs { rules, ignored, receipts, power, display_name, member_count, member, deletions };
            return Ok((inputs, view.seq));
        }
    }
}

/// The display name in a member event.
fn display_name(member: &RoomEvent) -> Option<String> {
    #[derive(Deserialize)]
    struct Profile {
        displayname: Option<String>,
    }
    let profile = serde_json::from_str::<Profile>(member.pdu.content_json()).ok();
    profile.and_then(|profile| profile.displayname)
}
