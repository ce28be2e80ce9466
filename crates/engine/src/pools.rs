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
            ("long_writes", self.core.store.long_writer_load()),
            ("passwords", self.people.accounts.password_load()),
            ("search", self.chat.search.load()),
            ("syncs", self.sync.load()),
            ("key_backups", self.people.key_backups.export_load()),
            ("pages", self.core.limits.page_load()),
            ("push", self.followers.pushers.load()),
        ];
        own.into_iter().chain(media)
    }
}
