//! What changed of a room's state between two of its events.

use std::{collections::HashMap, sync::Arc};

use super::{Room, RoomEvent, Rooms};
use crate::Result;

impl Rooms {
    /// The state entries that changed after event number `after` and up to `until`, each with its last value, from
    /// memory where it goes back that far.
    pub(crate) async fn state_changed(&self, room: &Arc<Room>, after: i64, until: i64) -> Result<Vec<Arc<RoomEvent>>> {
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
}

fn in_memory(room: &Room, after: i64, until: i64) -> Option<Vec<Arc<RoomEvent>>> {
    let view = room.view();
    if after + 1 < view.tail_start() {
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
