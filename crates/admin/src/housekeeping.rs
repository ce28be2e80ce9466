//! Daily clearing: media that nothing shows any more, blobs that nothing needs, tasks and delayed events that ended long
//! ago, and purges that everybody has heard of.
//!
//! The job writes the next one before it ends. There is never more than one waiting, so that one that is tried again
//! does not multiply.

use im2_model::Millis;

use im2_chat::delayed_events;
use im2_core::{Core, Result};
use im2_media::Media;

/// The outbox job. It has no payload.
pub(super) const DAILY: &str = "admin.daily";

const DAY: Millis = 24 * 60 * 60 * 1000;
/// How long the outcome of a task can be asked for.
const TASKS_KEPT: Millis = 7 * DAY;
/// How long clients that come back are told of a purge.
const PURGES_TOLD: Millis = 90 * DAY;

#[derive(Debug, Clone)]
pub(super) struct Housekeeping {
    media: Media,
}

impl Housekeeping {
    pub(super) fn new(media: Media) -> Self {
        Self { media }
    }

    pub(super) async fn run(&self) -> Result<()> {
        let core = self.media.core();
        if let Some(grace) = self.media.options().collect_after {
            let collected = self.media.collect_unreferenced(grace).await?;
            let orphans = self.media.delete_orphans().await?;
            tracing::info!(collected, orphans, "media that nothing needs was deleted");
        }
        let now = core.now();
        let clear = move |tx: &mut im2_core::Transaction<'_>| {
            tx.forget_tasks_before(now.saturating_sub(TASKS_KEPT))?;
            delayed_events::forget_finalised(tx, now)?;
            tx.forget_purged_rooms_before(now.saturating_sub(PURGES_TOLD))
        };
        core.store.write(clear).await?;
        schedule(core, DAY).await
    }
}

/// Makes sure that there is a next time, `delay` from now if none is waiting.
pub(crate) async fn schedule(core: &Core, delay: Millis) -> Result<()> {
    let now = core.now();
    let add = move |tx: &mut im2_core::Transaction<'_>| {
        if tx.is_job_waiting(DAILY, now)? { Ok(()) } else { tx.add_job(DAILY, "{}", now + delay) }
    };
    Ok(core.store.write(add).await?)
}
