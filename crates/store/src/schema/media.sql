-- Content by its name here (mxc://<this server>/<media_id>). A row without `sha256` is a promise made by
-- POST /create: its content may arrive until `expires_ts`.
CREATE TABLE media (
    media_id     TEXT PRIMARY KEY,
    owner_nid    INTEGER REFERENCES users (nid),  -- NULL: fetched by the server itself, for a URL preview
    sha256       BLOB,                            -- of the content, which names the blob
    size         INTEGER NOT NULL DEFAULT 0,      -- bytes
    content_type TEXT,                            -- as the uploader said
    filename     TEXT,                            -- as the uploader said
    created_ts   INTEGER NOT NULL,
    accessed_ts  INTEGER NOT NULL,                -- last download, exact to a day
    expires_ts   INTEGER,
    quarantined_by INTEGER REFERENCES users (nid), -- the administrator who has withdrawn it
    protected    INTEGER NOT NULL DEFAULT 0,      -- is not quarantined with a room, a user or equal content
    unreferenced_ts INTEGER,                      -- when the last event that referred to it lost its content
    CHECK ((sha256 IS NULL) = (expires_ts IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX media_by_owner ON media (owner_nid, size);
CREATE INDEX media_by_content ON media (sha256) WHERE sha256 IS NOT NULL;
CREATE INDEX media_promised ON media (owner_nid, expires_ts) WHERE expires_ts IS NOT NULL;
CREATE INDEX media_unreferenced ON media (unreferenced_ts) WHERE unreferenced_ts IS NOT NULL;

-- Changes of quarantine in order, for tools that follow them. Rows come from administrators and from uploads of content
-- that is quarantined.
CREATE TABLE quarantine_changes (
    id          INTEGER PRIMARY KEY,
    media_id    TEXT NOT NULL,                    -- which may be gone since
    quarantined INTEGER NOT NULL
) STRICT;

-- Which readable events refer to which media. `media` is the media ID of our own, `server/media_id` of another's.
CREATE TABLE media_references (
    room_nid INTEGER NOT NULL REFERENCES rooms (nid),
    position INTEGER NOT NULL,                    -- of the event
    media    TEXT NOT NULL,
    PRIMARY KEY (room_nid, position, media)
) STRICT, WITHOUT ROWID;
CREATE INDEX media_references_by_media ON media_references (media);

-- Smaller versions of pictures, by the content they were made from: the same picture uploaded twice has one set.
-- Where nothing smaller is of use, `sha256` is `source` itself.
CREATE TABLE thumbnails (
    source       BLOB NOT NULL,
    width        INTEGER NOT NULL,  -- of the box asked for
    height       INTEGER NOT NULL,
    method       TEXT NOT NULL,     -- crop, scale
    animated     INTEGER NOT NULL,
    sha256       BLOB NOT NULL,
    size         INTEGER NOT NULL,
    content_type TEXT NOT NULL,
    PRIMARY KEY (source, width, height, method, animated)
) STRICT, WITHOUT ROWID;
CREATE INDEX thumbnails_by_content ON thumbnails (sha256);

-- What was found at a URL, so that a link that many people see is fetched once.
CREATE TABLE url_previews (
    url        TEXT PRIMARY KEY,
    preview    TEXT NOT NULL,       -- the answer to the client, JSON
    fetched_ts INTEGER NOT NULL,
    expires_ts INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX url_previews_by_expiry ON url_previews (expires_ts);
