-- What is kept of users' presence over a restart. Whether somebody is online is only in memory.
CREATE TABLE presence (
    user_nid       INTEGER PRIMARY KEY REFERENCES users (nid),
    status_msg     TEXT,
    last_active_ts INTEGER NOT NULL,
    live           INTEGER NOT NULL    -- whether others had last been told something else than "offline"
) STRICT;
CREATE INDEX presence_live ON presence (user_nid) WHERE live;
