-- Server-side backups of room keys (spec: "Server-side key backups"), numbered per user from 1 and never again.
CREATE TABLE key_backups (
    nid       INTEGER PRIMARY KEY,
    user_nid  INTEGER NOT NULL REFERENCES accounts (user_nid),
    version   INTEGER,                      -- NULL: only keys that have been deleted and are still to be removed
    algorithm TEXT NOT NULL,
    auth_data TEXT NOT NULL,                -- a JSON object
    etag      INTEGER NOT NULL DEFAULT 0,   -- changes of its keys so far
    sessions  INTEGER NOT NULL DEFAULT 0,   -- keys in it
    bytes     INTEGER NOT NULL DEFAULT 0,   -- of their session data
    deleted   INTEGER NOT NULL DEFAULT 0,   -- it is gone for its user; its keys are being removed
    UNIQUE (user_nid, version)
) STRICT;

-- The key of a session in a backup, encrypted by the client. The room need not be known here.
CREATE TABLE key_backup_sessions (
    nid                 INTEGER PRIMARY KEY,
    backup_nid          INTEGER NOT NULL REFERENCES key_backups (nid),
    room_id             TEXT NOT NULL,
    session_id          TEXT NOT NULL,
    first_message_index INTEGER NOT NULL,
    forwarded_count     INTEGER NOT NULL,
    is_verified         INTEGER NOT NULL,
    session_data        TEXT NOT NULL,      -- a JSON object
    UNIQUE (backup_nid, room_id, session_id)
) STRICT;
