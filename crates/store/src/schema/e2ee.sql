-- The identity keys of devices, as they were uploaded but without signatures of other users.
CREATE TABLE device_keys (
    user_nid  INTEGER NOT NULL,
    device_id TEXT NOT NULL,
    keys      TEXT NOT NULL,              -- JSON, canonical
    PRIMARY KEY (user_nid, device_id),
    FOREIGN KEY (user_nid, device_id) REFERENCES devices (user_nid, device_id) ON DELETE CASCADE
) STRICT;

-- One-time keys that have not been handed out. Handing one out removes it and leaves its digest in `spent_keys`.
CREATE TABLE one_time_keys (
    user_nid  INTEGER NOT NULL,
    device_id TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    position  INTEGER NOT NULL,           -- of the upload in the stream: they are handed out in this order
    key_id    TEXT NOT NULL,              -- without the algorithm; a device has each once
    key       TEXT NOT NULL,              -- JSON
    PRIMARY KEY (user_nid, device_id, algorithm, position, key_id),
    FOREIGN KEY (user_nid, device_id) REFERENCES devices (user_nid, device_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Digests of the public keys that have been handed out, so that an upload that is repeated, or made again after the
-- device was removed and came back, cannot have one handed out twice.
CREATE TABLE spent_keys (
    user_nid INTEGER NOT NULL REFERENCES users (nid),
    digest   BLOB NOT NULL,               -- SHA-256, its first 16 bytes
    PRIMARY KEY (user_nid, digest)
) STRICT, WITHOUT ROWID;

-- What is handed out when a device has no one-time key left: one key an algorithm, until it is replaced.
CREATE TABLE fallback_keys (
    user_nid  INTEGER NOT NULL,
    device_id TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    key_id    TEXT NOT NULL,
    key       TEXT NOT NULL,              -- JSON
    used      INTEGER NOT NULL DEFAULT 0, -- whether it has been handed out
    PRIMARY KEY (user_nid, device_id, algorithm),
    FOREIGN KEY (user_nid, device_id) REFERENCES devices (user_nid, device_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Where in the stream the one-time and fallback keys of a device last changed in a way that it has to hear of.
CREATE TABLE key_counts (
    user_nid  INTEGER NOT NULL,
    device_id TEXT NOT NULL,
    position  INTEGER NOT NULL,
    PRIMARY KEY (user_nid, device_id),
    FOREIGN KEY (user_nid, device_id) REFERENCES devices (user_nid, device_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- The cross-signing keys of users, as they were uploaded but without signatures of other users.
CREATE TABLE cross_signing_keys (
    user_nid   INTEGER NOT NULL REFERENCES users (nid),
    usage      TEXT NOT NULL,             -- master, self_signing, user_signing
    public_key TEXT NOT NULL,             -- unpadded base64
    key        TEXT NOT NULL,             -- JSON, canonical
    PRIMARY KEY (user_nid, usage)
) STRICT;

-- Signatures that were added to keys after these had been uploaded. `user_nid` is who signed.
CREATE TABLE key_signatures (
    target_nid INTEGER NOT NULL REFERENCES users (nid),
    target_key TEXT NOT NULL,             -- a device ID, or the public key of a master key
    user_nid   INTEGER NOT NULL REFERENCES users (nid),
    key_id     TEXT NOT NULL,             -- of the signing key: ed25519:…
    signature  TEXT NOT NULL,
    position   INTEGER NOT NULL,          -- in the stream
    PRIMARY KEY (target_nid, target_key, user_nid, key_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX key_signatures_by_signer ON key_signatures (user_nid, position);

-- Where in the stream a user's devices or cross-signing keys last changed, as others see them.
CREATE TABLE device_list_changes (
    user_nid INTEGER PRIMARY KEY REFERENCES users (nid),
    position INTEGER NOT NULL
) STRICT;
CREATE INDEX device_list_changes_by_position ON device_list_changes (position);

-- The devices that are nobody's at the moment: they take messages until somebody's next sign-in brings one to life
-- (MSC3814). A user has one at most; it is a device like others, without tokens.
CREATE TABLE dehydrated_devices (
    user_nid  INTEGER PRIMARY KEY REFERENCES users (nid),
    device_id TEXT NOT NULL,
    data      TEXT NOT NULL,              -- JSON, encrypted by the client
    FOREIGN KEY (user_nid, device_id) REFERENCES devices (user_nid, device_id) ON DELETE CASCADE
) STRICT;
