-- Users known to this server, local and remote. Other tables refer to them by number.
CREATE TABLE users (
    nid     INTEGER PRIMARY KEY,
    user_id TEXT NOT NULL UNIQUE
) STRICT;

-- The users whose home this server is. A row outlives the account: names are never given out twice.
CREATE TABLE accounts (
    user_nid       INTEGER PRIMARY KEY REFERENCES users (nid),
    password_hash  TEXT,                         -- PHC string; NULL: no sign-in by password
    is_admin       INTEGER NOT NULL DEFAULT 0,
    created_ts     INTEGER NOT NULL,
    deactivated_ts INTEGER,
    erased         INTEGER NOT NULL DEFAULT 0,   -- the owner asked for erasure when deactivating
    locked         INTEGER NOT NULL DEFAULT 0,   -- nothing works but signing out
    suspended      INTEGER NOT NULL DEFAULT 0,   -- reading and leaving work
    shadow_banned  INTEGER NOT NULL DEFAULT 0,   -- everything seems to work and reaches nobody
    is_guest       INTEGER NOT NULL DEFAULT 0,   -- may do little, until its owner registers it
    cross_signing_until INTEGER,                 -- until then the cross-signing keys can be replaced without a password
    user_type      TEXT                          -- what administrators' tools call the kind of user: bot, support
) STRICT;

CREATE TABLE devices (
    user_nid     INTEGER NOT NULL REFERENCES accounts (user_nid),
    device_id    TEXT NOT NULL,
    display_name TEXT,
    created_ts   INTEGER NOT NULL,
    last_seen_ts INTEGER,
    last_seen_ip TEXT,
    last_seen_user_agent TEXT,            -- cut to a bounded length
    PRIMARY KEY (user_nid, device_id)
) STRICT, WITHOUT ROWID;

-- Features that everybody has and administrators have switched off for a user.
CREATE TABLE withheld_features (
    user_nid INTEGER NOT NULL REFERENCES accounts (user_nid),
    feature  TEXT NOT NULL,               -- the proposal's name: msc3575
    PRIMARY KEY (user_nid, feature)
) STRICT, WITHOUT ROWID;

-- A pair of an access token and, for clients that asked for it, a refresh token. Only digests are stored.
CREATE TABLE tokens (
    nid          INTEGER PRIMARY KEY,
    user_nid     INTEGER NOT NULL,
    device_id    TEXT,                    -- NULL: of an administrator who acts as the user, without a device
    access_hash  BLOB NOT NULL UNIQUE,    -- SHA-256
    refresh_hash BLOB UNIQUE,             -- SHA-256
    expires_at   INTEGER,                 -- of the access token; NULL: never
    replaces     INTEGER UNIQUE,          -- the pair it was refreshed from, until one of this pair is used
    issuer_nid   INTEGER REFERENCES accounts (user_nid),  -- the administrator for whom it was made, if for one
    CHECK ((device_id IS NULL) = (issuer_nid IS NOT NULL)),
    FOREIGN KEY (user_nid, device_id) REFERENCES devices (user_nid, device_id) ON DELETE CASCADE
) STRICT;
CREATE INDEX tokens_by_device ON tokens (user_nid, device_id);
CREATE INDEX tokens_by_issuer ON tokens (issuer_nid) WHERE issuer_nid IS NOT NULL;

-- Tokens that are good for one thing and for a short time: `login`, to sign in once on another device; `openid`, to
-- show others who the user is. Only digests are stored.
CREATE TABLE passes (
    purpose    TEXT NOT NULL,
    hash       BLOB NOT NULL,             -- SHA-256
    user_nid   INTEGER NOT NULL REFERENCES accounts (user_nid),
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (purpose, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX passes_by_user ON passes (user_nid, purpose, expires_at);
CREATE INDEX passes_by_expiry ON passes (expires_at);

-- How many requests administrators let a user make, in place of what everybody may.
CREATE TABLE rate_limits (
    user_nid   INTEGER PRIMARY KEY REFERENCES accounts (user_nid),
    per_second INTEGER NOT NULL,          -- 0: as many as they like
    burst      INTEGER NOT NULL           -- at once
) STRICT;

-- Of users who have invited people whom they share no room with: how many lately, and what became of their invites.
CREATE TABLE invite_budgets (
    user_nid INTEGER PRIMARY KEY REFERENCES users (nid),
    spent    INTEGER NOT NULL,            -- thousandths of invites that counted at spent_ts
    spent_ts INTEGER NOT NULL,
    accepted INTEGER NOT NULL DEFAULT 0,
    declined INTEGER NOT NULL DEFAULT 0
) STRICT;

-- What lets somebody register where registration is not open.
CREATE TABLE registration_tokens (
    token        TEXT PRIMARY KEY,
    uses_allowed INTEGER,                 -- NULL: any number
    uses         INTEGER NOT NULL DEFAULT 0,
    expires_at   INTEGER,                 -- NULL: never
    grants_admin INTEGER NOT NULL DEFAULT 0,
    created_ts   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
