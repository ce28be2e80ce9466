-- Numbers are never given out twice, so that what is remembered of a purged room can be of no other.
CREATE TABLE rooms (
    nid           INTEGER PRIMARY KEY AUTOINCREMENT,
    room_id       TEXT NOT NULL UNIQUE,
    version       TEXT NOT NULL,
    head_seq      INTEGER NOT NULL,            -- the room's sequence: its last event has this number
    last_position INTEGER NOT NULL DEFAULT 0,  -- of that event in the stream
    bump_position INTEGER NOT NULL DEFAULT 0,  -- of the last event that counts as activity
    created_ts    INTEGER NOT NULL,
    purging       INTEGER NOT NULL DEFAULT 0   -- it is gone for everybody; its rows are being deleted
) STRICT;

-- What lists of rooms are filtered by, from the current state: so that nobody has to read a room to list it. A room
-- without a row has none of it.
CREATE TABLE room_summaries (
    room_nid  INTEGER PRIMARY KEY REFERENCES rooms (nid),
    name      TEXT,
    room_type TEXT,
    encrypted INTEGER NOT NULL DEFAULT 0
) STRICT;

-- One row an event. `position` is its place in the stream, `seq` its place in the room, from 1.
CREATE TABLE events (
    position   INTEGER PRIMARY KEY,
    room_nid   INTEGER NOT NULL REFERENCES rooms (nid),
    seq        INTEGER NOT NULL,
    event_id   TEXT NOT NULL UNIQUE,
    sender_nid INTEGER NOT NULL REFERENCES users (nid),
    ts         INTEGER NOT NULL,      -- origin_server_ts
    pdu        TEXT NOT NULL,         -- the event in the room version's federation format
    redacted_by TEXT,                 -- the event that redacted it; its content is then gone from `pdu`
    UNIQUE (room_nid, seq)
) STRICT;
CREATE INDEX events_by_time ON events (room_nid, ts);

-- Messages that a purge of history took out of a room without deleting them, because local users sent them: nothing
-- shows them, and there may be no other copy.
CREATE TABLE kept_events (
    room_nid INTEGER NOT NULL REFERENCES rooms (nid),
    seq      INTEGER NOT NULL,         -- the place that it had in the room
    event_id TEXT NOT NULL,
    pdu      TEXT NOT NULL,            -- as it was in `events`
    PRIMARY KEY (room_nid, seq)
) STRICT, WITHOUT ROWID;

-- The history of each state entry of a room: from `seq` on it is the event at `position`.
CREATE TABLE state_history (
    room_nid  INTEGER NOT NULL REFERENCES rooms (nid),
    kind      TEXT NOT NULL,
    state_key TEXT NOT NULL,
    seq       INTEGER NOT NULL,
    position  INTEGER NOT NULL,
    PRIMARY KEY (room_nid, kind, state_key, seq)
) STRICT, WITHOUT ROWID;

-- The newest entry of each history.
CREATE TABLE current_state (
    room_nid  INTEGER NOT NULL REFERENCES rooms (nid),
    kind      TEXT NOT NULL,
    state_key TEXT NOT NULL,
    position  INTEGER NOT NULL,
    PRIMARY KEY (room_nid, kind, state_key)
) STRICT, WITHOUT ROWID;

-- What each user is to each room, from the current member event.
CREATE TABLE memberships (
    user_nid   INTEGER NOT NULL REFERENCES users (nid),
    room_nid   INTEGER NOT NULL REFERENCES rooms (nid),
    membership TEXT NOT NULL,          -- join, invite, knock, leave, ban
    position   INTEGER NOT NULL,       -- of the member event
    seq        INTEGER NOT NULL,
    forgotten  INTEGER NOT NULL DEFAULT 0,
    by_self    INTEGER NOT NULL,       -- whether the user sent the member event
    was_joined INTEGER NOT NULL,       -- whether the user is or ever was joined
    PRIMARY KEY (user_nid, room_nid)
) STRICT, WITHOUT ROWID;
-- With the number of the member event, so that a large room comes into memory from the index alone.
CREATE INDEX memberships_by_room ON memberships (room_nid, membership, seq);

-- Which events refer to which (m.relates_to), for aggregations, threads and /relations.
CREATE TABLE relations (
    room_nid   INTEGER NOT NULL REFERENCES rooms (nid),
    target_id  TEXT NOT NULL,
    rel_type   TEXT NOT NULL,
    seq        INTEGER NOT NULL,       -- of the referring event
    position   INTEGER NOT NULL,
    kind       TEXT NOT NULL,          -- its event type
    sender_nid INTEGER NOT NULL,
    key        TEXT,                   -- m.annotation: the reaction
    PRIMARY KEY (room_nid, target_id, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX relations_by_event ON relations (room_nid, seq);
CREATE INDEX conversation_relations ON relations (room_nid, seq) WHERE rel_type NOT IN ('m.annotation', 'm.replace');
CREATE INDEX relations_threads ON relations (room_nid, target_id, seq, sender_nid) WHERE rel_type = 'm.thread';
CREATE INDEX relations_edits ON relations (room_nid, target_id, seq) WHERE rel_type = 'm.replace';
CREATE INDEX relations_references ON relations (room_nid, target_id, seq) WHERE rel_type = 'm.reference';
CREATE INDEX annotations ON relations (room_nid, target_id, sender_nid, key) WHERE rel_type = 'm.annotation';

-- Which events refer to which by way of one or two others, for /relations with `recurse`. A row stays when an event in
-- between is redacted, and then says nothing.
CREATE TABLE distant_relations (
    room_nid    INTEGER NOT NULL REFERENCES rooms (nid),
    ancestor_id TEXT NOT NULL,
    seq         INTEGER NOT NULL,      -- of the referring event
    PRIMARY KEY (room_nid, ancestor_id, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX distant_relations_by_event ON distant_relations (room_nid, seq);

-- What clients sent with a transaction ID, so that a retry is answered and not repeated. Forgotten after some days.
CREATE TABLE transactions (
    position  INTEGER PRIMARY KEY,     -- of the event that was sent
    user_nid  INTEGER NOT NULL,
    device_id TEXT NOT NULL,
    room_nid  INTEGER NOT NULL,
    kind      TEXT NOT NULL,
    txn_id    TEXT NOT NULL,
    UNIQUE (user_nid, device_id, room_nid, kind, txn_id)
) STRICT;

-- Purged rooms that clients may still show, for those who had to do with them: nothing of the room but its name and
-- the event by which the user left it. Forgotten after a while.
CREATE TABLE gone_rooms (
    user_nid INTEGER NOT NULL REFERENCES users (nid),
    position INTEGER NOT NULL,         -- of the purge in the stream
    gone_nid INTEGER NOT NULL,         -- the number it had; not called `room_nid`, for it outlives the room
    room_id  TEXT NOT NULL,
    event    TEXT,
    gone_ts  INTEGER NOT NULL,
    PRIMARY KEY (user_nid, position)
) STRICT, WITHOUT ROWID;

-- Secrets and settings of the server itself: its signing key, its name.
CREATE TABLE server (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE aliases (
    alias       TEXT PRIMARY KEY,
    room_nid    INTEGER NOT NULL REFERENCES rooms (nid),
    creator_nid INTEGER NOT NULL REFERENCES users (nid),
    created_ts  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX aliases_by_room ON aliases (room_nid);
CREATE INDEX aliases_by_creator ON aliases (creator_nid);

-- The rooms in the published directory.
CREATE TABLE published_rooms (
    room_nid INTEGER PRIMARY KEY REFERENCES rooms (nid)
) STRICT;
