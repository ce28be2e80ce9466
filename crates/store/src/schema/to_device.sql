-- To-device messages that wait for a device (spec: "Send-to-Device messaging"), until the device says that it has them.
-- Messages only leave an inbox at its old end, so that `number` has no gaps and first and last row tell its size.
CREATE TABLE to_device (
    nid         INTEGER PRIMARY KEY,
    user_nid    INTEGER NOT NULL,
    device_id   TEXT NOT NULL,
    position    INTEGER NOT NULL,      -- in the stream
    number      INTEGER NOT NULL,      -- one more than that of the message before it in this inbox
    total_bytes INTEGER NOT NULL,      -- of the contents of this message and all numbered before it
    sender_nid  INTEGER NOT NULL REFERENCES users (nid),
    kind        TEXT NOT NULL,         -- the event type
    content     TEXT NOT NULL,         -- a JSON object
    UNIQUE (user_nid, device_id, position),
    FOREIGN KEY (user_nid, device_id) REFERENCES devices (user_nid, device_id) ON DELETE CASCADE
) STRICT;

-- Requests to send to devices that were carried out, so that a retry does not deliver twice. They go with the sending
-- device, or when no client tries again any more.
CREATE TABLE to_device_transactions (
    nid       INTEGER PRIMARY KEY,
    user_nid  INTEGER NOT NULL,
    device_id TEXT NOT NULL,
    kind      TEXT NOT NULL,
    txn_id    TEXT NOT NULL,
    ts        INTEGER NOT NULL,
    UNIQUE (user_nid, device_id, kind, txn_id)
) STRICT;
CREATE INDEX to_device_transactions_by_time ON to_device_transactions (ts);
