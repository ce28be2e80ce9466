-- Rooms that local users may not join or use. By identifier: such a room need not be here, or not any more.
CREATE TABLE blocked_rooms (
    room_id    TEXT PRIMARY KEY,
    blocked_by INTEGER NOT NULL REFERENCES users (nid),
    blocked_ts INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What administrators have asked for and takes its time: how far it is, until a while after its end.
CREATE TABLE tasks (
    task_id    TEXT PRIMARY KEY,
    kind       TEXT NOT NULL,     -- delete_room, purge_history
    resource   TEXT NOT NULL,     -- the identifier of what it is about
    status     TEXT NOT NULL,     -- scheduled, active, complete, failed
    request    TEXT NOT NULL,     -- what was asked, JSON
    result     TEXT NOT NULL,     -- what has been done so far, JSON
    error      TEXT,              -- why it failed
    changed_ts INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tasks_by_resource ON tasks (resource);
CREATE INDEX tasks_by_time ON tasks (changed_ts);

-- The room in which each user is sent the server's notices.
CREATE TABLE server_notice_rooms (
    user_nid INTEGER PRIMARY KEY REFERENCES users (nid),
    room_nid INTEGER NOT NULL REFERENCES rooms (nid)
) STRICT;
CREATE INDEX server_notice_rooms_by_room ON server_notice_rooms (room_nid);
