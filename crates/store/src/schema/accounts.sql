-- Users known to this server, local and remote. Other tables refer to them by number.
CREATE TABLE users (
    nid     INTEGER PRIMARY KEY,
    user_id TEXT NOT NULL UNIQUE
) STRICT;
