//! The newest stretch of a room's timeline that a reader may see.

use std::sync::Arc;

use im2_chat::rooms::{Actor, Direction, Room, RoomEvent, Rooms, VisibleHistory};
use im2_core::Result;

/// Events looked at for a timeline, when few of them are shown.
const LOOKED_AT: usize = 2_000;

/// Events taken at a time.
const CHUNK: usize = 64;
/// The most that the events of a timeline may take together, in bytes: ten of the largest and some. A client reads on
/// from `/messages`.
const BYTES: usize = 1 << 20;

/// A stretch of the timeline for one answer.
pub(crate) struct Timeline {
    /// The events, oldest first.
    pub(crate) events: Vec<Arc<RoomEvent>>,
    /// State events of this stretch that are not shown, newest first.
    pub(crate) hidden: Vec<Arc<RoomEvent>>,
    /// State that became so within this stretch without an event of its own, each with the number from which on.
    pub(crate) resolved: Vec<(i64, Arc<RoomEvent>)>,
    /// Whether events after the floor and before the first of these were left out.
    pub(crate) limited: bool,
    /// The number of the first event, or of the first that could come next.
    pub(crate) start: i64,
    /// The room's last number as of this answer.
    pub(crate) end: i64,
}

/// The range of events that a timeline is made from: at most `limit` of those after number `floor` and up to number
/// `until`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stretch {
    pub(crate) floor: i64,
    pub(crate) until: i64,
    pub(crate) limit: usize,
}

/// The newest events of a stretch that `shows` passes, given what `actor` may see. `visible` is completed if it does not
/// tell of all events that are looked at.
pub(crate) async fn newest(
    rooms: &Rooms,
    room: &Arc<Room>,
    actor: &Actor,
    visible: &mut Arc<VisibleHistory>,
    stretch: Stretch,
    shows: impl Fn(&VisibleHistory, &RoomEvent) -> bool,
) -> Result<Timeline> {
    let (timeline, looked_from) = walk(rooms, room, stretch, |event| shows(visible, event)).await?;
    if visible.reaches(looked_from) {
        return Ok(timeline);
    }
    *visible = Arc::new(rooms.visible_history(room, actor).await?);
    Ok(walk(rooms, room, stretch, |event| shows(visible, event)).await?.0)
}

/// The newest events of a stretch that `shows` passes, and the number of the first event that was looked at.
async fn walk(
    rooms: &Rooms,
    room: &Arc<Room>,
    Stretch { floor, until, limit }: Stretch,
    shows: impl Fn(&RoomEvent) -> bool,
) -> Result<(Timeline, i64)> {
    let (events, hidden, resolved) = Default::default();
    let mut timeline = Timeline { events, hidden, resolved, limited: false, start: floor + 1, end: until };
    let mut next = until + 1;
    let (mut looked_at, mut bytes) = (0, 0);
    'walk: while next > floor + 1 && looked_at < LOOKED_AT {
        let chunk = rooms.events_from(room, next, Direction::Backward, CHUNK.min(limit + 1)).await?;
        if chunk.is_empty() {
            break;
        }
        looked_at += chunk.len();
        for event in chunk {
            if event.seq <= floor {
                break 'walk;
            }
            next = event.seq;
            if !shows(&event) {
                if event.is_state() {
                    timeline.hidden.push(event);
                }
                continue;
            }
            bytes += event.pdu.json().len();
            if timeline.events.len() == limit || (bytes > BYTES && !timeline.events.is_empty()) {
                timeline.limited = true;
                break 'walk;
            }
            timeline.start = event.seq;
            timeline.events.push(event);
        }
    }
    timeline.limited |= looked_at >= LOOKED_AT;
    if !timeline.limited {
        // Of a room that began elsewhere there is state before its first event here.
        timeline.start = next;
    } else if timeline.events.is_empty() {
        timeline.start = until + 1;
    }
    let start = timeline.start;
    timeline.hidden.retain(|event| event.seq >= start);
    timeline.events.reverse();
    Ok((timeline, next))
}
