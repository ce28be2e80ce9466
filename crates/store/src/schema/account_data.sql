-- What clients keep with an account, for the account (`room_nid` 0) or for a room: settings, tags (`m.tag`), the
-- fully-read marker (`m.fully_read`), push rules (`m.push_rules`). `position` is the stream position of the change.
CREATE TABLE account_data (
    user_nid INTEGER NOT NULL REFERENCES users (nid),
    room_nid INTEGER NOT NULL,
    kind     TEXT NOT NULL,
    content  TEXT NOT NULL,
    position INTEGER NOT NULL,
    UNIQUE (user_nid, room_nid, kind)
) STRICT;

-- Filters a user uploaded, numbered per user from 1. A user has each definition once.
CREATE TABLE filters (
    user_nid   INTEGER NOT NULL REFERENCES users (nid),
    number     INTEGER NOT NULL,
    definition TEXT NOT NULL,
    PRIMARY KEY (user_nid, number)
) STRICT;
