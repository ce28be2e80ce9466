-- Where users want to be notified of events while no client of theirs is open: a row a push gateway's key. `behind` is
-- the place in the stream after which something is still to be delivered; NULL: everything has been, as far as the
-- server's own `push_cursor` (table `server`), so that following the stream writes one row for all pushers together.
CREATE TABLE pushers (
    nid                 INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given out twice: deliveries refer to it
    user_nid            INTEGER NOT NULL REFERENCES accounts (user_nid),
    device_id           TEXT,                               -- of the session that set it, with which it ends
    app_id              TEXT NOT NULL,
    pushkey             TEXT NOT NULL,
    app_display_name    TEXT NOT NULL,
    device_display_name TEXT NOT NULL,
    lang                TEXT NOT NULL,
    profile_tag         TEXT,
    url                 TEXT NOT NULL,                      -- of the gateway
    data                TEXT NOT NULL,                      -- what the gateway is given as it is: JSON, without the URL
    set_ts              INTEGER NOT NULL,                   -- when the key was last set
    behind              INTEGER,
    UNIQUE (user_nid, app_id, pushkey),
    FOREIGN KEY (user_nid, device_id) REFERENCES devices (user_nid, device_id) ON DELETE CASCADE
) STRICT;
CREATE INDEX pushers_by_key ON pushers (app_id, pushkey);
