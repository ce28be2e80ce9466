//! Quotas: how much one account may keep.

/// A thing of which an account may keep so much and no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "`Quota::description` says what each counts")]
pub enum Quota {
    MediaBytes,
    AccountDataBytes,
    KeyBackupBytes,
    Filters,
    Pushers,
    Devices,
    Rooms,
    Aliases,
    Reports,
    ThreadReceipts,
}

/// The properties of a quota.
#[derive(Debug, Clone, Copy)]
pub struct Description {
    /// Its name in the configuration.
    pub name: &'static str,
    /// How much, unless the configuration sets another.
    pub most: u64,
    /// The thing that it counts.
    pub about: &'static str,
    /// The reason for its size.
    pub reason: &'static str,
}

impl Quota {
    /// All quotas.
    pub const ALL: [Self; 10] = [
        Self::MediaBytes,
        Self::AccountDataBytes,
        Self::KeyBackupBytes,
        Self::Filters,
        Self::Pushers,
        Self::Devices,
        Self::Rooms,
        Self::Aliases,
        Self::Reports,
        Self::ThreadReceipts,
    ];

    /// The quota of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|quota| quota.description().name == name)
    }

    /// Its properties.
    pub const fn description(self) -> Description {
        let (name, most, about, reason) = match self {
            Self::MediaBytes => {
                ("media_bytes", 10 << 30, "bytes of uploads", "some thousand photos and a few hundred short videos")
            }
            Self::AccountDataBytes => (
                "account_data_bytes",
                16 << 20,
                "bytes of account data, global and per room",
                "an initial sync sends all of it; clients store some hundred kilobytes",
            ),
            Self::KeyBackupBytes => (
                "key_backup_bytes",
                256 << 20,
                "bytes of session data in all key backups of the account",
                "a quarter of a million sessions of a kilobyte",
            ),
            Self::Filters => ("filters", 1_000, "filters", "clients upload a handful; equal ones are stored once"),
            Self::Pushers => ("pushers", 200, "pushers", "a device has one or two; each receives every notification"),
            Self::Devices => ("devices", 1_000, "devices", "scripts that sign in daily for years without signing out"),
            Self::Rooms => ("rooms", 20_000, "rooms joined", "four times the largest account in our tests"),
            Self::Aliases => {
                ("aliases", 1_000, "room aliases created", "a community with an alias for each of its rooms")
            }
            Self::Reports => ("reports", 1_000, "reports not yet deleted by administrators", "a moderator's year"),
            Self::ThreadReceipts => (
                "thread_receipts",
                10_000,
                "receipts for threads in one room",
                "every thread of a busy room in some years",
            ),
        };
        Description { name, most, about, reason }
    }
}

/// The quotas in effect. 0 means that there is no bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas([u64; Quota::ALL.len()]);

impl Default for Quotas {
    fn default() -> Self {
        Self(Quota::ALL.map(|quota| quota.description().most))
    }
}

impl Quotas {
    /// How much an account may keep.
    pub fn of(&self, quota: Quota) -> u64 {
        match self.0[quota as usize] {
            0 => u64::MAX,
            most => most,
        }
    }

    /// Sets a quota from its text, `NAME NUMBER`; `None` if it does not read so.
    pub fn set(&mut self, text: &str) -> Option<()> {
        let mut words = text.split_whitespace();
        let quota = Quota::named(words.next()?)?;
        // What SQLite and JSON count exactly.
        let most = words.next()?.parse().ok().filter(|most| *most <= 1_u64 << 53)?;
        self.0[quota as usize] = most;
        words.next().is_none().then_some(())
    }

    /// The quotas that are not the default, as [`Quotas::set`] reads them.
    pub fn changed(&self) -> Vec<String> {
        let changed = Quota::ALL.into_iter().filter(|quota| self.0[*quota as usize] != quota.description().most);
        changed.map(|quota| format!("{} {}", quota.description().name, self.0[quota as usize])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Quota, Quotas};

    #[test]
    fn quotas_are_listed_in_their_order_and_read_and_shown_alike() {
        for (place, quota) in Quota::ALL.into_iter().enumerate() {
            assert_eq!(quota as usize, place);
        }
        let mut quotas = Quotas::default();
        quotas.set("filters 5").unwrap();
        quotas.set("media_bytes 0").unwrap();
        assert_eq!(quotas.changed(), ["media_bytes 0", "filters 5"]);
        assert_eq!((quotas.of(Quota::Filters), quotas.of(Quota::MediaBytes)), (5, u64::MAX));
        for wrong in ["", "filters", "filters -1", "nothing 1", "filters 1 1"] {
            assert_eq!(quotas.set(wrong), None, "{wrong}");
        }
    }
}
