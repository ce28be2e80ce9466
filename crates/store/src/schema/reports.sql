-- What users have reported to the administrators: events, rooms and other users.
CREATE TABLE reports (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    kind         TEXT NOT NULL,                       -- event, room, user
    reporter_nid INTEGER NOT NULL REFERENCES users (nid),
    room_nid     INTEGER REFERENCES rooms (nid),      -- of an event or a room
    event_id     TEXT,                                -- of an event
    target_nid   INTEGER REFERENCES users (nid),      -- the user, or who sent the event
    reason       TEXT,
    score        INTEGER,                             -- -100 (worst) to 0, from clients of old
    received_ts  INTEGER NOT NULL
) STRICT;
CREATE INDEX reports_by_kind ON reports (kind, id);
CREATE INDEX reports_by_reporter ON reports (reporter_nid);
CREATE INDEX reports_by_room ON reports (room_nid);
