//! The load of everything that all users share and take turns at, for metrics.

use im2_fair::Load;

use crate::Engine;

impl Engine {
    /// Each pool's name and load.
    pub fn pools(&self) -> impl Iterator<Item = (&'static str, Load)> {
        let media = self.media.loads();
        let own = [
            ("readers", self.core.store.reader_load()),
            ("writer", self.core.store.writer_load()),
            ("passwords", self.accounts.password_load()),
            ("search", self.search.load()),
            ("syncs", self.sync.making.load()),
            ("key_backups", self.key_backups.export_load()),
            ("pages", self.core.limits.page_load()),
            ("push", self.pushers.load()),
        ];
        own.into_iter().chain(media)
    }
}
