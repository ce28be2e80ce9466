-- What rooms need whose events come from several servers. Our order of a room's events stays, as what our clients were
-- told; the graph that they are is stored only where it differs from that line. A room that is written to by nobody else
-- has no row in any of these tables.

-- `first_seq` is the number of the first event of a room that is here. Rooms that begin here begin with 1; those that
-- begin elsewhere in the middle of the numbers, so that there is place for what is read later of what was before.
ALTER TABLE rooms ADD COLUMN first_seq INTEGER NOT NULL DEFAULT 1;
-- `here`: its state is known. `partial`: not that of all members. `elsewhere`: an invite is all that is known.
ALTER TABLE rooms ADD COLUMN kind TEXT NOT NULL DEFAULT 'here';

-- Which event an entry is, and since when. Since when is `seq` in `state_history` and in `memberships`. In
-- `state_history` and `current_state` a `position` of 0 says that the entry has no value (any more).
ALTER TABLE current_state ADD COLUMN since INTEGER;      -- the entry's `seq` in the history; NULL: its event's
-- `position` and `seq` are since when it is so. An entry without an event counts as `leave`.
ALTER TABLE memberships ADD COLUMN member_seq INTEGER;    -- the number of the member event; NULL: `seq`, 0: none
DROP INDEX memberships_by_room;
-- With the number of the member event, so that a large room comes into memory from the index alone.
CREATE INDEX memberships_by_room ON memberships (room_nid, membership, seq, member_seq);

-- The numbers of a room that are no event: from there on the state is another, because branches of the room were put
-- together. The entries that are others are those of the same number in `state_history`.
CREATE TABLE resolutions (
    room_nid INTEGER NOT NULL REFERENCES rooms (nid),
    seq      INTEGER NOT NULL,
    position INTEGER NOT NULL,          -- in the stream
    vanishes INTEGER NOT NULL,          -- whether an entry has no value from there on that had one
    PRIMARY KEY (room_nid, seq)
) STRICT, WITHOUT ROWID;

-- Which events go on from which, where that is not the one from the one before it in the room.
CREATE TABLE edges (
    room_nid INTEGER NOT NULL REFERENCES rooms (nid),
    prev_id  TEXT NOT NULL,             -- known here or not
    event_id TEXT NOT NULL,
    PRIMARY KEY (room_nid, prev_id, event_id)
) STRICT, WITHOUT ROWID;

-- The events that none goes on from, while a room has others than its last one.
CREATE TABLE extremities (
    room_nid INTEGER NOT NULL REFERENCES rooms (nid),
    event_id TEXT NOT NULL,
    PRIMARY KEY (room_nid, event_id)
) STRICT, WITHOUT ROWID;

-- Where events are missing, and which one to ask for.
CREATE TABLE gaps (
    room_nid   INTEGER NOT NULL REFERENCES rooms (nid),
    before_seq INTEGER NOT NULL,        -- the number of the event that goes on from it
    missing_id TEXT NOT NULL,
    PRIMARY KEY (room_nid, before_seq, missing_id)
) STRICT, WITHOUT ROWID;

-- Events that are known and shown to nobody.
CREATE TABLE set_aside (
    room_nid INTEGER NOT NULL REFERENCES rooms (nid),
    event_id TEXT NOT NULL,
    status   TEXT NOT NULL,             -- outlier, rejected, soft_failed
    reason   TEXT,
    pdu      TEXT NOT NULL,
    PRIMARY KEY (room_nid, event_id)
) STRICT, WITHOUT ROWID;

-- States off the line: what is different from the room's state at a number, or from another such state.
CREATE TABLE states (
    room_nid   INTEGER NOT NULL REFERENCES rooms (nid),
    state_id   INTEGER NOT NULL,        -- from 1 in each room
    base_seq   INTEGER,                 -- exactly one of these two
    base_state INTEGER,
    depth      INTEGER NOT NULL,        -- how many states lie between this one and the line
    PRIMARY KEY (room_nid, state_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE state_deltas (
    room_nid  INTEGER NOT NULL REFERENCES rooms (nid),
    state_id  INTEGER NOT NULL,
    kind      TEXT NOT NULL,
    state_key TEXT NOT NULL,
    position  INTEGER NOT NULL,         -- of the event; 0: no value
    PRIMARY KEY (room_nid, state_id, kind, state_key)
) STRICT, WITHOUT ROWID;
-- The states before those events where it is not the room's at the number before theirs.
CREATE TABLE states_before (
    room_nid INTEGER NOT NULL REFERENCES rooms (nid),
    event_id TEXT NOT NULL,
    state_id INTEGER NOT NULL,
    PRIMARY KEY (room_nid, event_id)
) STRICT, WITHOUT ROWID;

-- Redactions that came before what they redact, or that could not be judged yet.
CREATE TABLE redactions_ahead (
    room_nid  INTEGER NOT NULL REFERENCES rooms (nid),
    target_id TEXT NOT NULL,
    by_id     TEXT NOT NULL,
    PRIMARY KEY (room_nid, target_id, by_id)
) STRICT, WITHOUT ROWID;
