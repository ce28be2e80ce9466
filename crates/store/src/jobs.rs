//! The outbox: jobs written with the change that causes them.

use im2_model::Millis;

use crate::{Result, Snapshot, Transaction};

/// A side effect that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its number.
    pub id: i64,
    /// Which handler runs it.
    pub kind: String,
    /// The handler's input, JSON.
    pub payload: String,
    /// How often it has failed.
    pub attempts: u32,
}

impl Snapshot<'_> {
    /// Up to `limit` jobs that are due at `now`, the longest waiting first.
    pub fn due_jobs(&self, now: Millis, limit: usize) -> Result<Vec<Job>> {
        let sql = "SELECT id, kind, payload, attempts FROM jobs WHERE run_at <= ?1 ORDER BY run_at, id LIMIT ?2";
        self.rows(sql, (now as i64, limit as i64), |row| {
            Ok(Job { id: row.get(0)?, kind: row.get(1)?, payload: row.get(2)?, attempts: row.get(3)? })
        })
    }

    /// Up to `limit` jobs of a kind that are due at `now`, the longest waiting first.
    pub fn due_jobs_of(&self, kind: &str, now: Millis, limit: usize) -> Result<Vec<Job>> {
        let sql = "SELECT id, kind, payload, attempts FROM jobs WHERE kind = ?1 AND run_at <= ?2
                   ORDER BY run_at, id LIMIT ?3";
        self.rows(sql, (kind, now as i64, limit as i64), |row| {
            Ok(Job { id: row.get(0)?, kind: row.get(1)?, payload: row.get(2)?, attempts: row.get(3)? })
        })
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

    /// Removes a job that is done.
    pub fn finish_job(&self, id: i64) -> Result<()> {
        self.execute("DELETE FROM jobs WHERE id = ?1", [id]).map(drop)
    }

    /// Records that a job failed and when to try again.
    pub fn retry_job(&self, id: i64, failure: &str, run_at: Millis) -> Result<()> {
        let sql = "UPDATE jobs SET attempts = attempts + 1, failure = ?2, run_at = ?3 WHERE id = ?1";
        self.execute(sql, (id, failure, run_at as i64)).map(drop)
    }
}
