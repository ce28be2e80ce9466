//! Changes of a room's state between two of its events.

use std::{collections::HashMap, sync::Arc};

use im2_core::Result;

use super::{Room, RoomEvent, Rooms};

impl Rooms {
    /// The state entries that changed after number `after` and up to `until`, each with its last value, from memory
    /// where it goes back that far. Those that have no value any more are left out.
    pub async fn state_changed(&self, room: &Arc<Room>, after: i64, until: i64) -> Result<Vec<Arc<RoomEvent>>> {
        if after >= until {
            return Ok(Vec::new());
        }
        if let Some(changed) = in_memory(room, after, until) {
            return Ok(changed);
        }
        let (nid, version) = (room.nid, room.version);
        let loaded = self.core.store.read(move |db| {
            let rows = db.state_changes(nid, after, until)?;
            rows.iter().map(|row| RoomEvent::load_state(version, row).map(Arc::new)).collect::<im2_store::Result<_>>()
        });
        Ok(loaded.await?)
    }

    /// The resolutions of the state after number `after` and up to `until`, oldest first.
    pub async fn resolutions(&self, room: &Arc<Room>, after: i64, until: i64) -> Result<Vec<i64>> {
        {
            let view = room.view();
            if view.resolutions.last <= after {
                return Ok(Vec::new());
            }
            if after + 1 >= view.tail_start() {
                let recent = view.resolutions.recent.iter().map(|(seq, _)| *seq);
                return Ok(recent.filter(|seq| *seq > after && *seq <= until).collect());
            }
        }
        let nid = room.nid;
        let found = self.core.store.read(move |db| db.resolutions(nid, after, until)).await?;
        Ok(found.into_iter().map(|(seq, _)| seq).collect())
    }

    /// Whether an entry of the state has lost its value after number `after` and up to `until`.
    pub async fn has_vanished(&self, room: &Arc<Room>, after: i64, until: i64) -> Result<bool> {
        if room.view().resolutions.last <= after {
            return Ok(false);
        }
        let nid = room.nid;
        Ok(self.core.store.read(move |db| db.has_vanished(nid, after, until)).await?)
    }
}

fn in_memory(room: &Room, after: i64, until: i64) -> Option<Vec<Arc<RoomEvent>>> {
    let view = room.view();
    if after + 1 < view.tail_start() || view.is_resolved_between(after, until) {
        return None;
    }
    let first = view.tail.partition_point(|event| event.seq <= after);
    let mut changed: HashMap<(&str, &str), &Arc<RoomEvent>> = HashMap::new();
    for event in view.tail.range(first..).take_while(|event| event.seq <= until) {
        if let Some(key) = event.state_key() {
            changed.insert((event.kind(), key), event);
        }
    }
    let mut changed: Vec<_> = changed.into_values().cloned().collect();
    changed.sort_unstable_by_key(|event| event.seq);
    Some(changed)
}
