//! Jobs that every node adds and that every node claims: each is claimed by one at a time, and carried out.

use std::collections::{BTreeMap, BTreeSet};

use im2_model::{Clock as _, Millis};

use super::{
    NODES, World,
    checks::{Checked, same},
    refused_at_most, writer,
};

const KIND: &str = "org.test.job";
/// How long a claim holds: some steps.
const TERM: Millis = 20;

/// What has become of jobs, as the nodes were told.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    count: usize,
    /// The payloads of those that are not done.
    waiting: BTreeSet<String>,
    /// By number, who claimed it last, and until when.
    claims: BTreeMap<i64, (usize, Millis)>,
}

impl World {
    pub(super) async fn work_on_jobs(&mut self) -> Checked {
        match self.pick(3) {
            0 => self.add_job().await,
            1 => self.claim_jobs().await,
            _ => self.finish_job().await,
        }
    }

    async fn add_job(&mut self) -> Checked {
        self.jobs.count += 1;
        let (payload, now) = (self.jobs.count.to_string(), self.clock.now());
        let fails = self.fail_perhaps();
        let store = &self.nodes[self.pick(NODES)].engine.core.store;
        let new = payload.clone();
        let added = store.write(move |tx| tx.add_job(KIND, &new, now)).await;
        self.log.fail(None);
        if added.is_ok() {
            self.jobs.waiting.insert(payload);
        }
        refused_at_most(added.map_err(Into::into), fails)
    }

    /// Several nodes claim what is due at the same time: what each of them has seen as unclaimed.
    async fn claim_jobs(&mut self) -> Checked {
        let now = self.clock.now();
        let claim = |_| {
            let node = self.pick(NODES);
            let store = std::sync::Arc::clone(&self.nodes[node].engine.core.store);
            let claimed = async move {
                let due = store.read(move |db| db.unclaimed_jobs_of(KIND, now, 3)).await.unwrap();
                let claim = store.write(move |tx| tx.claim_jobs(&due, writer(node), now, now + TERM));
                (node, claim.await.unwrap())
            };
            (node, claimed)
        };
        let claims: Vec<_> = (0..=self.pick(4)).map(claim).collect();
        for (node, jobs) in self.at_once(claims).await {
            for job in jobs {
                let before = self.jobs.claims.insert(job.id, (node, now + TERM));
                let is_free = before.is_none_or(|(_, until)| until <= now);
                same(&format!("whether job {} may be claimed", job.payload), &is_free, &true)?;
                same("whether a claimed job is still to be done", &self.jobs.waiting.contains(&job.payload), &true)?;
            }
        }
        Ok(())
    }

    /// A node says that a job is done: the one that claimed it last, or one that has lost its claim.
    async fn finish_job(&mut self) -> Checked {
        let claimed: Vec<_> = self.jobs.claims.iter().map(|(id, (node, _))| (*id, *node)).collect();
        if claimed.is_empty() {
            return Ok(());
        }
        let (id, claimant) = claimed[self.pick(claimed.len())];
        let node = if self.pick(3) == 0 { self.pick(NODES) } else { claimant };
        let store = &self.nodes[node].engine.core.store;
        let jobs = store.read(move |db| db.due_jobs(Millis::MAX / 4, 1_000)).await.unwrap();
        let payload = jobs.into_iter().find(|job| job.id == id).map(|job| job.payload).unwrap();
        let fails = self.fail_perhaps();
        let finished = store.write(move |tx| tx.finish_job(id, writer(node))).await;
        self.log.fail(None);
        if let Ok(is_finished) = finished {
            same("whether the claimant's word is taken and no other", &is_finished, &(node == claimant))?;
            if is_finished {
                self.jobs.claims.remove(&id);
                self.jobs.waiting.remove(&payload);
            }
        }
        refused_at_most(finished.map_err(Into::into), fails)
    }

    /// Whatever was claimed and left is claimed again, until all is done.
    pub(super) async fn jobs_are_done(&mut self) -> Checked {
        for _ in 0..=self.jobs.count {
            self.clock.advance(TERM);
            self.claim_jobs().await?;
            while !self.jobs.claims.is_empty() {
                self.finish_job().await?;
            }
        }
        same("the jobs that were not done", &self.jobs.waiting, &BTreeSet::new())?;
        let jobs = self.nodes[0].engine.core.store.read(|db| db.unclaimed_jobs_of(KIND, Millis::MAX / 4, 1)).await;
        same("the jobs that are there", &jobs.unwrap(), &Vec::new())
    }
}
