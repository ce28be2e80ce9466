//! The limit on invites to users who share no room with the inviter.
//!
//! All ways to invite pass here: [`Rooms::append`](super::Rooms) for a single one, by whatever endpoint, and the making
//! of rooms for many. What has been spent is kept, so that a restart gives nobody another day's worth. It grows with the
//! age of the account and with invites that are accepted, and shrinks with those that are declined. Inviting somebody
//! with whom one shares a room, who asked to be let in or who is invited already costs nothing; administrators and the
//! users of application services are not counted.

use im2_core::{
    Result, Transaction,
    rate_limits::{Quota, too_many},
};
use im2_kernel::content::Membership;
use im2_model::{Millis, UserId, UserNid};
use im2_store::{Snapshot, invites::InviteBudget};
use serde::Deserialize;
use serde_json::Value;

use super::{Actor, Draft, Room, Rooms, event::Replaced};

const DAY: Millis = 24 * 60 * 60 * 1000;
/// Each week adds a fifth of what a new account may: after a year that is ten times as much.
const WEEKS_THAT_DOUBLE: u64 = 5;
/// How many times what a new account may is the most, and what part of it is the least.
const MOST: u64 = 20;
const LEAST: u64 = 5;
/// A declined invite weighs as much as this many that were accepted: whom strangers often turn away is unwelcome.
const DECLINED: u64 = 2;
/// The unit in which the store counts invites, a thousandth, because parts of one are forgotten as time goes by.
const UNIT: u64 = 1_000;

/// Invites that have been counted, to be given back if they are not sent.
#[derive(Debug)]
pub(super) struct Counted {
    inviter: UserNid,
    spent: u64,
}

impl Rooms {
    /// Counts the change of membership that `draft` is, if it is one that is limited.
    pub(super) async fn count_membership(&self, room: &Room, actor: &Actor, draft: &Draft) -> Result<Option<Counted>> {
        let (true, Some(target)) = (&*draft.kind == "m.room.member", draft.state_key.as_deref()) else {
            return Ok(None);
        };
        let Ok(target) = target.parse::<UserId>() else { return Ok(None) };
        let now = room.view().membership(&target);
        match draft.content.get("membership").and_then(Value::as_str) {
            // With a third party's signature it was claimed by whom it is for.
            Some("invite") if !draft.content.contains_key("third_party_invite") => match now {
                Some(Membership::Join | Membership::Invite | Membership::Knock) => Ok(None),
                _ => self.count_invites(actor, &[target]).await,
            },
            Some("join") if now != Some(Membership::Join) && target == actor.user_id => {
                self.check_room_quota(actor).await.map(|()| None)
            }
            _ => Ok(None),
        }
    }

    /// Refuses somebody another room who is in as many as an account may be.
    pub(super) async fn check_room_quota(&self, actor: &Actor) -> Result<()> {
        if self.core.is_of_service(&actor.user_id) {
            return Ok(());
        }
        let joined = self.of_user(actor.user).await?.with(Membership::Join).len();
        self.core.limits.check_quota(Quota::Rooms, joined as u64 + 1)
    }

    /// Counts invites to `targets`, or refuses all of them.
    pub(super) async fn count_invites(&self, actor: &Actor, targets: &[UserId]) -> Result<Option<Counted>> {
        let options = self.core.limits.options();
        let spared = !options.enabled
            || options.strangers_per_day == 0
            || self.core.limits.is_unlimited(actor.user)
            || self.core.is_of_service(&actor.user_id);
        if spared || targets.is_empty() {
            return Ok(None);
        }
        let strangers = self.strangers(actor, targets).await?;
        if strangers == 0 {
            return Ok(None);
        }
        let (inviter, spent, now) = (actor.user, strangers * UNIT, self.core.now());
        let (core, new) = (self.core.clone(), u64::from(options.strangers_per_day));
        let count = move |tx: &mut Transaction<'_>| {
            let Some(allowed) = allowed(tx, inviter, new, now)? else { return Ok(Ok(None)) };
            let before = left_of(tx.invite_budget(inviter)?.unwrap_or_default(), allowed, now);
            if spent > allowed * UNIT {
                let message = format!(
                    "you may invite {allowed} people a day with whom you share no room; this would be {strangers}"
                );
                return Ok(Err(core.limits.user_limit(message)));
            }
            let excess = (before + spent).saturating_sub(allowed * UNIT);
            if excess > 0 {
                let wait = (excess * DAY).div_ceil(allowed * UNIT);
                return Ok(Err(too_many(wait, "invites to people with whom you share no room")));
            }
            tx.set_invites_spent(inviter, before + spent, now)?;
            Ok(Ok(Some(Counted { inviter, spent })))
        };
        self.core.store.write(count).await?
    }

    /// Gives back what was counted for invites that were not sent.
    pub(super) async fn give_back_invites(&self, counted: Counted) {
        let Counted { inviter, spent } = counted;
        if let Err(error) = self.core.store.write(move |tx| tx.give_back_invites(inviter, spent)).await {
            tracing::warn!(%error, "invites that were not sent stay counted");
        }
    }

    /// How many of `targets` share no room with `actor`.
    async fn strangers(&self, actor: &Actor, targets: &[UserId]) -> Result<u64> {
        let wanted: Vec<UserId> = targets.iter().filter(|target| **target != actor.user_id).cloned().collect();
        let find = move |db: &Snapshot<'_>| wanted.iter().map(|user_id| db.user_nid(user_id)).collect();
        let numbers: Vec<Option<UserNid>> = self.core.store.read(find).await?;
        let mine = self.of_user(actor.user).await?;
        let mut strangers = 0;
        for number in numbers {
            let shares = match number {
                Some(user) => mine.shares_room_with(&*self.of_user(user).await?),
                None => false,
            };
            strangers += u64::from(!shares);
        }
        Ok(strangers)
    }
}

/// How many strangers a user may invite in a day, of whom a new account may invite `new`; `None` for any number.
fn allowed(tx: &Transaction<'_>, user: UserNid, new: u64, now: Millis) -> im2_store::Result<Option<u64>> {
    let Some(account) = tx.account_of(user)?.filter(|account| !account.is_admin) else { return Ok(None) };
    let budget = tx.invite_budget(user)?.unwrap_or_default();
    Ok(Some(per_day(new, now.saturating_sub(account.created_ts), &budget)))
}

fn per_day(new: u64, age: Millis, budget: &InviteBudget) -> u64 {
    let weeks = age / (7 * DAY);
    let grown = new + new * weeks / WEEKS_THAT_DOUBLE + budget.accepted;
    grown.saturating_sub(budget.declined * DECLINED).clamp((new / LEAST).max(1), new * MOST)
}

/// The part of the spent budget that still counts at `now`: it is forgotten evenly, the budget of a day in a day.
fn left_of(budget: InviteBudget, allowed: u64, now: Millis) -> u64 {
    let forgotten = now.saturating_sub(budget.spent_ts).min(DAY) * allowed * UNIT / DAY;
    budget.spent.saturating_sub(forgotten)
}

/// Notes what became of an invite, when an event that answers it is stored.
pub(super) fn note_answer(
    tx: &Transaction<'_>,
    event: &im2_kernel::event::Pdu,
    replaced: Option<&Replaced>,
) -> im2_store::Result<()> {
    #[derive(Deserialize)]
    struct Content<'a> {
        membership: Option<&'a str>,
    }
    let (Some(replaced), Some(membership)) = (replaced, event.membership) else { return Ok(()) };
    let before = serde_json::from_str::<Content<'_>>(&replaced.content).ok().and_then(|content| content.membership);
    let by_themselves = event.state_key.as_deref() == Some(event.sender.as_str());
    if before != Some("invite") || !by_themselves || replaced.sender == event.sender {
        return Ok(());
    }
    let accepted = match membership {
        Membership::Join => true,
        Membership::Leave => false,
        _ => return Ok(()),
    };
    match tx.user_nid(&replaced.sender)? {
        Some(inviter) => tx.note_invite_answered(inviter, accepted),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{DAY, InviteBudget, left_of, per_day};

    #[test]
    fn what_one_may_invite_grows_with_age_and_with_what_others_accept() {
        let none = InviteBudget::default();
        let rows = [
            (0, none, 50),
            (7 * DAY, none, 60),
            (35 * DAY, none, 100),
            (365 * DAY, none, 570),
            (20_000 * DAY, none, 1_000),
            (0, InviteBudget { accepted: 30, ..none }, 80),
            (0, InviteBudget { declined: 15, ..none }, 20),
            (0, InviteBudget { declined: 5_000, ..none }, 10),
            (0, InviteBudget { accepted: 9_999, ..none }, 1_000),
        ];
        for (age, budget, expected) in rows {
            assert_eq!(per_day(50, age, &budget), expected, "{age} {budget:?}");
        }
    }

    #[test]
    fn what_was_spent_is_forgotten_within_a_day() {
        let budget = InviteBudget { spent: 50_000, spent_ts: DAY, ..InviteBudget::default() };
        let left = [DAY, DAY + DAY / 2, 2 * DAY, 9 * DAY].map(|now| left_of(budget, 50, now));
        assert_eq!(left, [50_000, 25_000, 0, 0]);
    }
}
