-- What a user had not read of a room when that was last counted, where it took long: so that a restart does not make
-- it go through all of the room again. Never needed to be right about anything; without its row it is counted anew.
CREATE TABLE unread_counts (
    user_nid  INTEGER NOT NULL REFERENCES users (nid),
    room_nid  INTEGER NOT NULL REFERENCES rooms (nid),
    basis     BLOB NOT NULL,          -- a digest of what else it depends on: push rules, display name, …
    until_seq INTEGER NOT NULL,       -- the last event that was counted
    ledger    TEXT NOT NULL,          -- JSON, as the engine wrote it
    PRIMARY KEY (user_nid, room_nid)
) STRICT, WITHOUT ROWID;
CREATE INDEX unread_counts_by_room ON unread_counts (room_nid);
