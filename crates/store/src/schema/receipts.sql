-- The newest receipt of each user, kind and thread in a room. `thread_id` is '' for unthreaded receipts, else `main`
-- or the thread root; `event_seq` is the event's place in the room, which a later receipt may only move forward.
CREATE TABLE receipts (
    room_nid  INTEGER NOT NULL REFERENCES rooms (nid),
    user_nid  INTEGER NOT NULL REFERENCES users (nid),
    kind      TEXT NOT NULL,          -- m.read, m.read.private
    thread_id TEXT NOT NULL,
    event_id  TEXT NOT NULL,
    event_seq INTEGER NOT NULL,
    ts        INTEGER NOT NULL,
    position  INTEGER NOT NULL,       -- of the change in the stream
    PRIMARY KEY (room_nid, user_nid, kind, thread_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX receipts_by_position ON receipts (room_nid, position);
