//! The budgets of users for invites to strangers, and the outcomes of those invites.

use im2_model::{Millis, UserNid};

use crate::{Result, Snapshot, Transaction};

/// A user's budget for inviting strangers, as far as it is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InviteBudget {
    /// Thousandths of invites that counted at `spent_ts`; with time they count less.
    pub spent: u64,
    /// When that was.
    pub spent_ts: Millis,
    /// Invites that were accepted since the user first invited a stranger.
    pub accepted: u64,
    /// Invites that were declined.
    pub declined: u64,
}

impl Snapshot<'_> {
    /// The spent budget of a user; `None` before their first invite to a stranger.
    pub fn invite_budget(&self, user: UserNid) -> Result<Option<InviteBudget>> {
        let sql = "SELECT spent, spent_ts, accepted, declined FROM invite_budgets WHERE user_nid = ?1";
        self.row(sql, [user.0], |row| {
            let number = |column| row.get::<i64>(column).map(|number| number.max(0) as u64);
            Ok(InviteBudget { spent: number(0)?, spent_ts: number(1)?, accepted: number(2)?, declined: number(3)? })
        })
    }
}

impl Transaction<'_> {
    /// Notes what a user has spent.
    pub fn set_invites_spent(&self, user: UserNid, spent: u64, now: Millis) -> Result<()> {
        let sql = "INSERT INTO invite_budgets (user_nid, spent, spent_ts) VALUES (?1, ?2, ?3)
                   ON CONFLICT (user_nid) DO UPDATE SET spent = excluded.spent, spent_ts = excluded.spent_ts";
        self.execute(sql, (user.0, spent as i64, now as i64)).map(drop)
    }

    /// Gives back what was spent on invites that were not sent.
    pub fn give_back_invites(&self, user: UserNid, spent: u64) -> Result<()> {
        let sql =
            "UPDATE invite_budgets SET spent = CASE WHEN spent > ?2 THEN spent - ?2 ELSE 0 END WHERE user_nid = ?1";
        self.execute(sql, (user.0, spent as i64)).map(drop)
    }

    /// Notes what became of an invite, for those who have invited strangers.
    pub fn note_invite_answered(&self, inviter: UserNid, accepted: bool) -> Result<()> {
        let sql = "UPDATE invite_budgets SET accepted = accepted + ?2, declined = declined + ?3 WHERE user_nid = ?1";
        self.execute(sql, (inviter.0, i64::from(accepted), i64::from(!accepted))).map(drop)
    }
}
