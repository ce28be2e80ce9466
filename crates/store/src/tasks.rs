//! Tasks of administrators that take their time.

use im2_model::Millis;

use crate::{Result, Row, Snapshot, Transaction};

/// A task and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Its name.
    pub id: String,
    /// The kind of task: `delete_room`, `purge_history`.
    pub kind: String,
    /// The identifier of what it is about.
    pub resource: String,
    /// `scheduled`, `active`, `complete` or `failed`.
    pub status: String,
    /// The request, JSON.
    pub request: String,
    /// The result so far, JSON.
    pub result: String,
    /// The error, if it failed.
    pub error: Option<String>,
    /// When its status last changed.
    pub changed_ts: Millis,
}

const COLUMNS: &str = "task_id, kind, resource, status, request, result, error, changed_ts";

fn read_task(row: &Row<'_>) -> Result<Task> {
    Ok(Task {
        id: row.get(0)?,
        kind: row.get(1)?,
        resource: row.get(2)?,
        status: row.get(3)?,
        request: row.get(4)?,
        result: row.get(5)?,
        error: row.get(6)?,
        changed_ts: row.get::<i64>(7)? as Millis,
    })
}

impl Snapshot<'_> {
    /// The task of this name.
    pub fn task(&self, id: &str) -> Result<Option<Task>> {
        self.row(&format!("SELECT {COLUMNS} FROM tasks WHERE task_id = ?1"), [id], read_task)
    }

    /// Up to `limit` tasks, newest first: of all kinds and about everything where nothing is said.
    pub fn tasks(&self, kind: Option<&str>, resource: Option<&str>, limit: usize) -> Result<Vec<Task>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM tasks WHERE (?1 IS NULL OR kind = ?1) AND (?2 IS NULL OR resource = ?2)
             ORDER BY changed_ts DESC, task_id LIMIT ?3"
        );
        self.rows(&sql, (kind, resource, limit as i64), read_task)
    }
}

impl Transaction<'_> {
    /// Adds a task.
    pub fn add_task(&self, task: &Task) -> Result<()> {
        let sql = "INSERT INTO tasks (task_id, kind, resource, status, request, result, error, changed_ts)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let Task { id, kind, resource, status, request, result, error, changed_ts } = task;
        self.execute(sql, (id, kind, resource, status, request, result, error, *changed_ts as i64)).map(drop)
    }

    /// Records how far a task is.
    pub fn set_task(&self, id: &str, status: &str, result: &str, error: Option<&str>, now: Millis) -> Result<()> {
        let sql = "UPDATE tasks SET status = ?2, result = ?3, error = ?4, changed_ts = ?5 WHERE task_id = ?1";
        self.execute(sql, (id, status, result, error, now as i64)).map(drop)
    }

    /// Forgets tasks that ended before `ts`.
    pub fn forget_tasks_before(&self, ts: Millis) -> Result<usize> {
        self.execute("DELETE FROM tasks WHERE status IN ('complete', 'failed') AND changed_ts < ?1", [ts as i64])
    }
}
