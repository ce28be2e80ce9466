//! The outbox: jobs written with the change that causes them.
//!
//! A node claims a job before it runs it, for a time, by one statement that looks at the claim and sets it: of several
//! nodes that try, one gets it. What became of a job is recorded only by the node that has claimed it.

use im2_model::{Millis, WriterId};

use crate::{Result, Row, Snapshot, Transaction, values::Value};

/// A side effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its number.
    pub id: i64,
    /// The kind, which says which handler runs it.
    pub kind: String,
    /// The handler's input, JSON.
    pub payload: String,
    /// How often it has failed.
    pub attempts: u32,
}

impl Snapshot<'_> {
    /// Up to `limit` jobs that are due at `now`, whether or not a node runs them, the longest waiting first.
    pub fn due_jobs(&self, now: Millis, limit: usize) -> Result<Vec<Job>> {
        let sql = "SELECT id, kind, payload, attempts FROM jobs WHERE run_at <= ?1 ORDER BY run_at, id LIMIT ?2";
        self.rows(sql, (now as i64, limit as i64), read_job)
    }

    /// Numbers and kinds of up to `limit` jobs that are due at `now` and that no node has claimed, the longest waiting
    /// first.
    pub fn unclaimed_jobs(&self, now: Millis, limit: usize) -> Result<Vec<(i64, String)>> {
        let sql = "SELECT id, kind FROM jobs WHERE run_at <= ?1 AND claimed_until <= ?1 ORDER BY run_at, id LIMIT ?2";
        self.rows(sql, (now as i64, limit as i64), |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// The same of one kind: the numbers.
    pub fn unclaimed_jobs_of(&self, kind: &str, now: Millis, limit: usize) -> Result<Vec<i64>> {
        let sql = "SELECT id FROM jobs WHERE kind = ?1 AND run_at <= ?2 AND claimed_until <= ?2
                   ORDER BY run_at, id LIMIT ?3";
        self.rows(sql, (kind, now as i64, limit as i64), |row| row.get(0))
    }

    /// Whether a job of a kind waits for a time after `now`.
    pub fn is_job_waiting(&self, kind: &str, now: Millis) -> Result<bool> {
        let sql = "SELECT 1 FROM jobs WHERE kind = ?1 AND run_at > ?2 LIMIT 1";
        Ok(self.row(sql, (kind, now as i64), |_| Ok(()))?.is_some())
    }

    /// When the next job that is not due at `now` will be.
    pub fn next_job_after(&self, now: Millis) -> Result<Option<Millis>> {
        let sql = "SELECT min(run_at) FROM jobs WHERE run_at > ?1";
        let found = self.row(sql, [now as i64], |row| row.get::<Option<i64>>(0))?;
        Ok(found.flatten().map(|at| at as Millis))
    }
}

impl Transaction<'_> {
    /// Adds a job to the outbox, to run at `run_at` or as soon as possible after it.
    pub fn add_job(&mut self, kind: &str, payload: &str, run_at: Millis) -> Result<()> {
        self.add_numbered_job(kind, payload, run_at).map(drop)
    }

    /// The same for a job that may be moved or removed later; returns its number.
    pub fn add_numbered_job(&mut self, kind: &str, payload: &str, run_at: Millis) -> Result<i64> {
        let sql = "INSERT INTO jobs (kind, payload, run_at) VALUES (?1, ?2, ?3) RETURNING id";
        let id = self.insert(sql, (kind, payload, run_at as i64))?;
        self.note_added_job();
        Ok(id)
    }

    /// Claims those of `jobs` for `node` that are due at `now` and that no node has claimed then. They are the node's
    /// until `until`. Returns them in the order of `jobs`.
    pub fn claim_jobs(&self, jobs: &[i64], node: WriterId, now: Millis, until: Millis) -> Result<Vec<Job>> {
        let before = [Value::Integer(node.into()), Value::Integer(until as i64), Value::Integer(now as i64)];
        let sql = |slots: &str| {
            format!(
                "UPDATE jobs SET claimed_by = ?1, claimed_until = ?2
                 WHERE id IN ({slots}) AND run_at <= ?3 AND claimed_until <= ?3 RETURNING id, kind, payload, attempts"
            )
        };
        let mut claimed = self.rows_of_set(&before, jobs.iter().copied().map(Value::Integer), sql, read_job)?;
        claimed.sort_by_key(|job| jobs.iter().position(|id| *id == job.id));
        Ok(claimed)
    }

    /// Extends the claims of `node` on `jobs`. Returns those that are still its own, in no order: no other node may have
    /// claimed them, even if the claim has run out.
    pub fn renew_claims(&self, jobs: &[i64], node: WriterId, until: Millis) -> Result<Vec<i64>> {
        let before = [Value::Integer(node.into()), Value::Integer(until as i64)];
        let sql = |slots: &str| {
            format!("UPDATE jobs SET claimed_until = ?2 WHERE id IN ({slots}) AND claimed_by = ?1 RETURNING id")
        };
        self.rows_of_set(&before, jobs.iter().copied().map(Value::Integer), sql, |row| row.get(0))
    }

    /// Gives up all claims of `node`, so that the jobs may be claimed at once. Says how many there were.
    pub fn give_up_claims(&self, node: WriterId) -> Result<usize> {
        self.execute("UPDATE jobs SET claimed_by = NULL, claimed_until = 0 WHERE claimed_by = ?1", [i64::from(node)])
    }

    /// Removes a job that `node` has done. Says whether the job was there and claimed by it; else nothing changes.
    pub fn finish_job(&self, id: i64, node: WriterId) -> Result<bool> {
        Ok(self.execute("DELETE FROM jobs WHERE id = ?1 AND claimed_by = ?2", (id, node))? == 1)
    }

    /// Records that `node` has failed to do a job and when to try again, and gives up its claim. Says whether the job
    /// was there and claimed by it; else nothing changes.
    pub fn retry_job(&self, id: i64, node: WriterId, failure: &str, run_at: Millis) -> Result<bool> {
        let sql = "UPDATE jobs SET attempts = attempts + 1, failure = ?3, run_at = ?4, claimed_by = NULL,
                                   claimed_until = 0
                   WHERE id = ?1 AND claimed_by = ?2";
        Ok(self.execute(sql, (id, node, failure, run_at as i64))? == 1)
    }

    /// Removes a job that has nothing to do any more, whoever may have claimed it.
    pub fn remove_job(&self, id: i64) -> Result<()> {
        self.execute("DELETE FROM jobs WHERE id = ?1", [id]).map(drop)
    }
}

fn read_job(row: &Row<'_>) -> Result<Job> {
    Ok(Job { id: row.get(0)?, kind: row.get(1)?, payload: row.get(2)?, attempts: row.get(3)? })
}
