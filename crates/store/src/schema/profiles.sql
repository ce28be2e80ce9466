-- What users say about themselves: `displayname`, `avatar_url` and fields of their own choosing.
CREATE TABLE profile_fields (
    user_nid INTEGER NOT NULL REFERENCES users (nid),
    field    TEXT NOT NULL,
    value    TEXT NOT NULL,  -- JSON
    PRIMARY KEY (user_nid, field)
) STRICT, WITHOUT ROWID;
