-- What the release with schema version 3 has written: rooms, messages, a thread, a redaction, an invite.
PRAGMA foreign_keys = OFF;
BEGIN TRANSACTION;
CREATE TABLE users (
    nid     INTEGER PRIMARY KEY,
    user_id TEXT NOT NULL UNIQUE
) STRICT;
INSERT INTO "users" VALUES (1, '@ana:im.test');
INSERT INTO "users" VALUES (2, '@ben:im.test');
INSERT INTO "users" VALUES (3, '@eve:im.test');
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
INSERT INTO "accounts" VALUES (1, '$argon2id$v=19$m=19456,t=2,p=1$CPwSlokZ/HUsSgQgBxV1YQ$SIiqM6pPP5dzUCootoRa/12SllNpS2QLZwdsglasc50', 0, 1796023236868, NULL, 0, 0, 0, 0, 0, NULL, NULL);
INSERT INTO "accounts" VALUES (2, '$argon2id$v=19$m=19456,t=2,p=1$RU7zN0ulpw7avHAIWFjjQg$xZMDNESPqTDixUFjNeb2ubOiBSHkmtBj0SUr0cjBDSM', 0, 1796023237194, NULL, 0, 0, 0, 0, 0, NULL, NULL);
INSERT INTO "accounts" VALUES (3, '$argon2id$v=19$m=19456,t=2,p=1$Jw2mr1nVfN7hDBxReVfUWw$SGPwuKY9iFbwckhfD0cova+LQVbTGn6wtZlvwXIwflA', 0, 1796023237286, NULL, 0, 0, 0, 0, 0, NULL, NULL);
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
INSERT INTO "devices" VALUES (1, 'ANA', NULL, 1796023236868, 1796023237815, '127.0.0.1', 'Python-urllib/3.11');
INSERT INTO "devices" VALUES (2, 'BEN', NULL, 1796023237194, 1796023237731, '127.0.0.1', 'Python-urllib/3.11');
INSERT INTO "devices" VALUES (3, 'EVE', NULL, 1796023237286, 1796023237562, '127.0.0.1', 'Python-urllib/3.11');
CREATE TABLE withheld_features (
    user_nid INTEGER NOT NULL REFERENCES accounts (user_nid),
    feature  TEXT NOT NULL,               -- the proposal's name: msc3575
    PRIMARY KEY (user_nid, feature)
) STRICT, WITHOUT ROWID;
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
INSERT INTO "tokens" VALUES (1, 1, 'ANA', X'1105e1885a2f88ece4ef4fbcd23cf1dc86f2c88883781cb9298c5c47b465c025', NULL, NULL, NULL, NULL);
INSERT INTO "tokens" VALUES (2, 2, 'BEN', X'fda1810d51ee5a838c2cf42e1bbce45ed572af2b931545303204aa51ba850fa3', NULL, NULL, NULL, NULL);
INSERT INTO "tokens" VALUES (3, 3, 'EVE', X'c376a7a6bcab908e96ad5374c5bc8cc8447e175dc3a3242c2a84d310b0885a32', NULL, NULL, NULL, NULL);
CREATE TABLE passes (
    purpose    TEXT NOT NULL,
    hash       BLOB NOT NULL,             -- SHA-256
    user_nid   INTEGER NOT NULL REFERENCES accounts (user_nid),
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (purpose, hash)
) STRICT, WITHOUT ROWID;
CREATE TABLE rate_limits (
    user_nid   INTEGER PRIMARY KEY REFERENCES accounts (user_nid),
    per_second INTEGER NOT NULL,          -- 0: as many as they like
    burst      INTEGER NOT NULL           -- at once
) STRICT;
CREATE TABLE invite_budgets (
    user_nid INTEGER PRIMARY KEY REFERENCES users (nid),
    spent    INTEGER NOT NULL,            -- thousandths of invites that counted at spent_ts
    spent_ts INTEGER NOT NULL,
    accepted INTEGER NOT NULL DEFAULT 0,
    declined INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE registration_tokens (
    token        TEXT PRIMARY KEY,
    uses_allowed INTEGER,                 -- NULL: any number
    uses         INTEGER NOT NULL DEFAULT 0,
    expires_at   INTEGER,                 -- NULL: never
    grants_admin INTEGER NOT NULL DEFAULT 0,
    created_ts   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "registration_tokens" VALUES ('Y04cEuYjGv0tm1afEx1RICVp4DrAWLqg', 1, 0, 1796109636720, 1, 1796023236721);
CREATE TABLE profile_fields (
    user_nid INTEGER NOT NULL REFERENCES users (nid),
    field    TEXT NOT NULL,
    value    TEXT NOT NULL,  -- JSON
    PRIMARY KEY (user_nid, field)
) STRICT, WITHOUT ROWID;
INSERT INTO "profile_fields" VALUES (1, 'displayname', '"ana"');
INSERT INTO "profile_fields" VALUES (2, 'displayname', '"ben"');
INSERT INTO "profile_fields" VALUES (3, 'displayname', '"eve"');
CREATE TABLE rooms (
    nid           INTEGER PRIMARY KEY AUTOINCREMENT,
    room_id       TEXT NOT NULL UNIQUE,
    version       TEXT NOT NULL,
    head_seq      INTEGER NOT NULL,            -- the room's sequence: its last event has this number
    last_position INTEGER NOT NULL DEFAULT 0,  -- of that event in the stream
    bump_position INTEGER NOT NULL DEFAULT 0,  -- of the last event that counts as activity
    created_ts    INTEGER NOT NULL,
    purging       INTEGER NOT NULL DEFAULT 0   -- it is gone for everybody; its rows are being deleted
) STRICT;
INSERT INTO "rooms" VALUES (1, '!h21v9E-I1CxhxNxSh0KJ_dj0xyu0hvDK5meBgt4L75I', '12', 20, 1857, 1793, 1796023237322, 0);
INSERT INTO "rooms" VALUES (2, '!MG3pUe2xfQoiEYA0EJm_WTG0cD-YjNpPq8kTrQlgbuQ', '12', 9, 1729, 1729, 1796023237688, 0);
CREATE TABLE room_summaries (
    room_nid  INTEGER PRIMARY KEY REFERENCES rooms (nid),
    name      TEXT,
    room_type TEXT,
    encrypted INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO "room_summaries" VALUES (1, 'Great plaza', NULL, 0);
INSERT INTO "room_summaries" VALUES (2, 'Den', NULL, 0);
CREATE TABLE events (
    position   INTEGER PRIMARY KEY,
    room_nid   INTEGER NOT NULL REFERENCES rooms (nid),
    seq        INTEGER NOT NULL,
    event_id   TEXT NOT NULL UNIQUE,
    sender_nid INTEGER NOT NULL REFERENCES users (nid),
    ts         INTEGER NOT NULL,      -- origin_server_ts
    pdu        TEXT NOT NULL,         -- the event in the room version's federation format
    redacted_by TEXT,                 -- the event that redacted it; its content is then gone from `pdu`
    UNIQUE (room_nid, seq)
) STRICT;
INSERT INTO "events" VALUES (65, 1, 1, '$h21v9E-I1CxhxNxSh0KJ_dj0xyu0hvDK5meBgt4L75I', 1, 1796023237310, '{"auth_events":[],"content":{"room_version":"12"},"depth":1,"hashes":{"sha256":"Ehkx27QxMlDk1fo2c9aCe8xrgdyaw1+drP9U6+66Nzg"},"origin_server_ts":1796023237310,"prev_events":[],"sender":"@ana:im.test","signatures":{"im.test":{"ed25519:sCqbxJ":"s4Rx2/vF0bhPVYOxR4SIDEngPPFSCx8sAYA1CTaWQI7xq+rh+qo0KrSe935MAnOl8MRUnZILTQzvmU3/D9QdAQ"}},"state_key":"","type":"m.room.create"}', NULL);
INSERT INTO "events" VALUES (129, 1, 2, '$0cBKN9cx995JpvYMXh1kLqhEG_2NGmNqPyijRe4ksbg', 1, 1796023237310, '{"auth_events":[],"content":{"displayname":"ana","membership":"join"},"depth":2,"hashes":{"sha256":"cfRS108cDwBcRemCvsuAOywm+wroZDKaHnrAUurGUs0"},"origin_server_ts":1796023237310,"prev_events":["$h21v9E-I1CxhxNxSh0KJ_dj0xyu0hvDK5meBgt4L75I"],"room_id":"!h21v9E-I1CxhxNxSh0KJ_dj0xyu0hvDK5meBgt4L75I","sender":"@ana:im.test","signatures":{"im.test":{"ed25519:sCqbxJ":"ErkN2RXH+BaUC09oKkBk/dQxzWDNqtLv7v0pZcgKQEfT95fALIa7GxlmsIXPGfsCc3JrHbJoEVpfTwbrVz2yBQ"}},"state_key":"@ana:im.test","type":"m.room.member"}', NULL);
INSERT INTO "events" VALUES (193, 1, 3, '$0WAxxTw6tXTxjoAKbZUDWmv6agIDy3p35recFHPJDOo', 1, 1796023237310, '{"auth_events":["$0cBKN9cx995JpvYMXh1kLqhEG_2NGmNqPyijRe4ksbg"],"content":{"ban":50,"events":{"m.room.avatar":50,"m.room.canonical_alias":50,"m.room.encryption":100,"m.room.history_visibility":100,"m.room.name":50,"m.room.power_levels":100,"m.room.server_acl":100,"m.room.tombstone":150,"m.room.topic":50},"events_default":0,"invite":0,"kick":50,"notifications":{"room":50},"redact":50,"state_default":50,"users":{},"users_default":0},"depth":3,"hashes":{"sha256":"OHllQ6VczQ7vtf1B9re6NqMr7kyyoG1OWScyx4QAoMA"},"origin_server_ts":1796023237310,"prev_events":["$0cBKN9cx995JpvYMXh1kLqhEG_2NGmNqPyijRe4ksbg"],"room_id":"!h21v9E-I1CxhxNxSh0KJ_dj0xyu0hvDK5meBgt4L75I","sender":"@ana:im.test","signatures":{"im.test":{"ed25519:sCqbxJ":"qvS9uLDFexmO/8anhZmP/sIhTDCKWljYrMLEMtIUGgS2gd8/Nd+n7sQJBlBGm2KUD137GgKNyAn7xtDDThIFAg"}},"state_key":"","type":"m.room.power_levels"}', NULL);
INSERT INTO "events" VALUES (257, 1, 4, '$dtFl7-AeiBzZ_FGA0lqg9C106e0-NJarqSyVmRzERH8', 1, 1796023237310, '{"auth_events":["$0WAxxTw6tXTxjoAKbZUDWmv6agIDy3p35recFHPJDOo","$0cBKN9cx995JpvYMXh1kLqhEG_2NGmNqPyijRe4ksbg"],"content":{"join_rule":"public"},"depth":4,"hashes":{"sha256":"sIp5qvupo0pmvVwDXButSINX0W1Fdp46jdhFK2tKWXY"},"origin_server_ts":1796023237310,"prev_events":["$0WAxxTw6tXTxjoAKbZUDWmv6agIDy3p35recFHPJDOo"],"room_id":"!h21v9E-I1CxhxNxSh0KJ_dj0xyu0hvDK5meBgt4L75I","sender":"@ana:im.test","signatures":{"im.test":{"ed25519:sCqbxJ":"+jAyyVJFAtpF0vpGdYyYyllP8c+aat+VwTBKjpI8yEhbUax3TM3Su5fYDjJIAsk5Ll7DsuzKDINJcmYK0qOtDA"}},"state_key":"","type":"m.room.join_rules"}', NULL);
INSERT INTO "events" VALUES (321, 1, 5, '$5HtRTd8kjtcgTPDK7Yz5qPyRAnsCmyudwO1nE6s4x_o', 1, 1796023237310, '{"auth_events":["$0WAxxTw6tXTxjoAKbZUDWmv6agIDy3p35recFHPJDOo","$0cBKN9cx995JpvYMXh1kLqhEG_2NGmNqPyijRe4ksbg"],"content":{"history_visibility":"shared"},"depth":5,"hashes":{"sha256":"a4aEvcC8SiQM9nEz5Vzmf1qXHHPNZRH4HHUqWto9lXE"},"origin_server_ts":1796023237310,"prev_events":["$dtFl7-AeiBzZ_FGA0lqg9C106e0-NJarqSyVmRzERH8"],"room_id":"!h21v9E-I1CxhxNxSh0KJ_dj0xyu0hvDK5meBgt4L75I","sender":"@ana:im.test","signatures":{"im.test":{"ed25519:sCqbxJ":"aRcljHXoQB13koxAiqKOwZYy02xDJUMIth/L6S/Fy+4xgSNh1bfpjNJAL4glR2iuxmtF4hfqeJTejhncNWCzDg"}},"state_key":"","type":"m.room.history_visibility"}', NULL);
INSERT INTO "events" VALUES (385, 1, 6, '$Pru8qoWQnvI9w7_EMFNuiy9ofaFVus0kvclil9j2mG4', 1, 1796023237310, '{"auth_events":["$0WAxxTw6tXTxjoAKbZUDWmv6agIDy3p35recFHPJDOo","$0cBKN9cx995JpvYMXh1kLqhEG_2NGmNqPyijRe4ksbg"],"content":{"guest_access":"forbidden"},"depth":6,"hashes":{"sha256":"G/xr5CH91eHNfJpQjTY92tgnkwbC79IkdWDHeGoUsq4"},"origin_server_ts":1796023237310,"prev_events":["$5HtRTd8kjtcgTPDK7Yz5qPyRAnsCmyudwO1nE6s4x_o"],"room_id":"!h21v9E-I1CxhxNxSh0KJ_dj0xyu0hvDK5meBgt4L75I","sender":"@ana:im.test","signatures":{"im.test":{"ed25519:sCqbxJ":"U6jJWDP6KEJUHcVXmjxUMZDpIyTK+hMZEUsFOoFUP3wWMSVpvDcW0+2jm9C5A1RzFOucGIK/+p6Iv9UCchtGBA"}},"state_key":"","type":"m.room.guest_access"}', NULL);
INSERT INTO "events" VALUES (449, 1, 7, '$3PUnxm-dXvCJXhjeC6S3eP7PLFqRiXLy_QfFLqBTgBM', 1, 1796023237310, '{"auth_events":["$0WAxxTw6tXTxjoAKbZUDWmv6agIDy3p35recFHPJDOo","$0cBKN9cx995JpvYMXh1kLqhEG_2NGmNqPyijRe4ksbg"],"content":{"name":"Plaza"},"depth":7,"hashes":{"sha256":"89gRJFw54q+TUdCmSDlGWtx9ldjY0wDuWXjOcfbVfxI"},"origin_server_ts":1796023237310,"prev_events":["$Pru8qoWQnvI9w7_EMFNuiy9ofaFVus0kvclil9j2mG4"],"room_id":"!h21v9E-I1CxhxNxSh0KJ_dj0xyu0hvDK5meBgt4L75I","sender":"@ana:im.test","signatures":{"im.test":{"ed25519:sCqbxJ":"DLi/rHngfTQyeOHQIjRtaVM4bbxqHpC8j1vc0ZSxyZQK/JFWdl4uVp0sbcYh0kIrfAed1xP7VDh0kPByUaFdDw"}},"state_key":"","type":"m.room.name"}', NULL);
INSERT INTO "events" VALUES (513, 1, 8, '$6AU_Lhs6xiKVfiQxG_2oSGAlOXusDtNRXUQi0Ig-BH4', 1, 1796023237310, '{"auth_events":["$0WAxxTw6tXTxjoAKbZUDWmv6agIDy3p35recFHPJDOo","$0cBKN9cx995JpvYMXh1kLqhEG_2NGmNqPyijRe4ksbg"],"content":{"m.topic":{"m.text":[{"body":"First topic","mimetype":"text/plain"}]},"topic":"First topic"},"depth":8,"hashes":{"sha256":"Y6TKSru7vqXq6vLgFP43X2hSGp72qmGLlljWm42G9As"},"origin_server_ts":1796023237310,"prev_events":["$3PUnxm-dXvCJXhjeC6S3eP7PLFqRiXLy_QfFLqBTgBM"],"room_id":"!h21v9E-I1CxhxNxSh0KJ_dj0xyu0hvDK5meBgt4L75I","sender":"@ana:im.test","signatures":{"im.test":{"ed25519:sCqbxJ":"FmsncbpmIRgcMFKVSu2AeTx5AowVRzABXGONCVhrn9shNLkGKE6CAlLau0/Ls3e1AKIGGuICqYU87DGKl3k7DQ"}},"state_key":"","type":"m.room.topic"}', NULL);
INSERT INTO "events" VALUES (577, 1, 9, '$dTevtewSyzcNcbLZ1hXvYgJZoYDLxVlGM8I5WTTLJjs', 2, 1796023237346, '{"auth_events":["$0WAxxTw6tXTxjoAKbZUDWmv6agIDy3p35recFHPJDOo","$dtFl7-AeiBzZ_FGA0lqg9C106e0-NJarqSyVmRzERH8"],"content":{"displayname":"ben","membership":"join"},"depth":9,"hashes":{"sha256":"Qu7Gh6xP2eebFjdcIsqwpTxYQkitKl2lZ8H2huR5Ls0"},"origin_server_ts":1796023237346,"prev_events":["$6AU_Lhs6xiKVfiQxG_2oSGAlOXusDtNRXUQi0Ig-BH4"],"room_id":"!h21v9E-I1CxhxNxSh0KJ_dj0xyu0hvDK5meBgt4L75I","sender":"@ben:im.test","signatures":{"im.test":{"ed25519:sCqbxJ":"bBo6MPw+9hI/j7h0CkDlbfPkK0qmY3dsfbL1DBalBpzyk9e1j8eITJrYxdy4ouQXvEpVZRLInArwzGWfbLfyDA"}},"state_key":"@ben:im.test","type":"m.room.member"}', NULL);
INSERT INTO "events" VALUES (641, 1, 10, '$27VmrWopHikFepCixvIFjFlkynjr3umm_GbKr1zBt-E', 3, 1796023237375, '{"auth_events":["$0WAxxTw6tXTxjoAKbZUDWmv6agIDy3p35recFHPJDOo","$dtFl7-AeiBzZ_FGA0lqg9C106e0-NJarqSyVmRzERH8"],"content":{"displayname":"eve","membership":"join"},"depth":10,"hashes":{"sha256":"uD6Jz9YH4uG4IvETYhU5m8+YB/+nlSa+hMGcg1gRMIE"},"origin_server_ts":1796023237375,"prev_events":["$dTevtewSyzcNcbLZ1hXvYgJZoYDLxVlGM8I5WTTLJjs"],"room_id":"!h21v9E-I1CxhxNxSh0KJ_dj0xyu0hvDK5meBgt4L75I","sender":"@eve:im.test","signatures":{"im.test":{"ed25519:sCqbxJ":"gcXaTkKuw2VEQhRIwyhNhEbhvSzUoUq2Mw2YUXCexELtRTeCbpwEaluff8/sJdMUzbSDMQoeddCu/FV8ET1bDQ"}},"state_key":"@eve:im.test","type":"m.room.member"}', NULL);
INSERT INTO "events" VALUES (705, 1, 11, '$dnwQ9xiT9_jFHqYVLF-F17TJS9SlCvOwv7TrFQLhvsQ', 1, 1796023237402, '{"auth_events":["$0WAxxTw6tXTxjoAKbZUDWmv6agIDy3p35recFHPJDOo","$0cBKN9cx995JpvYMXh1kLqhEG_2NGmNqPyijRe4ksbg"],"content":{"body":"a hedgehog crosses the plaza","msgtype":"m.text"},"depth":11,"hashes":{"sha256":"3SRYN1k+b8NNOIEwjoRivXnd9ut/DDC9NHgUU48xLMo"},"origin_server_ts":1796023237402,"prev_events":["$27VmrWopHikFepCixvIFjFlkynjr3umm_GbKr1zBt-E"],"room_id":"!h21v9E-I1CxhxNxSh0KJ_dj0xyu0hvDK5meBgt4L75I","sender":"@ana:im.test","signatures":{"im.test":{"ed25519:sCqbxJ":"A2MT7QRbWckyKiJSREGG9l5h2Kz17jaANBeQgVmOrFoa9NPOAcGrXBXjoXy2bvQuY0QSIJpD/49FSEEdwvvACg"}},"type":"m.room.message"}', NULL);
INSERT INTO "events" VALUES (769, 1, 12, '$TpymdA1cvtD4fBrOW4qNBamKfuAlImDvBwmtapMBOG4', 2, 1796023237419, '{"auth_events":["$0WAxxTw6tXTxjoAKbZUDWmv6agIDy3p35recFHPJDOo","$dTevtewSyzcNcbLZ1hXvYgJZoYDLxVlGM8I5WTTLJjs"],"content":{"body":"the hedgehog is quick","m.relates_to":{"event_id":"$dnwQ9xiT9_jFHqYVLF-F17TJS9SlCvOwv7TrFQLhvsQ","rel_type":"m.thread"},"msgtype":"m.text"},"depth":12,"hashes":{"sha256":"w1OoZ4ar6uHSEIz2M+vPjTCHVDhq5ZCeUARXFRIMln0"},"origin_server_ts":1796023237419,"prev_events":["$dnwQ9xiT9_jFHqYVLF-F17TJS9SlCvOwv7TrFQLhvsQ"],"room_id":"!h21v9E-I1CxhxNxSh0KJ_dj0xyu0hvDK5meBgt4L75I","sender":"@ben:im.test","signatures":{"im.test":{"ed25519:sCqbxJ":"94DaLjax35+mt6Z3umNDI8GECvvZjPCoFfEWmEHqT9hYO7IlUTJrv7a7Vc6mrU6Sda6f2m4r5NpkNnxai7ouAw"}},"type":"m.room.message"}', NULL);
INSERT INTO "events" VALUES (833, 1, 13, '$BHm4_W9dUUw3su51WiNHZHvIIDzhJPuV1swksrE-hyk', 3, 1796023237457, '{"auth_events":["$0WAxxTw6tXTxjoAKbZUDWmv6agIDy3p35recFHPJDOo","$27VmrWopHikFepCixvIFjFlkynjr3umm_GbKr1zBt-E"],"content":{},"depth":13,"hashes":{"sha256":"DEBTfPP4lpiOUPlL4E5VU/ZTOf55gLMlxxjUM+fpTt4"},"origin_server_ts":1796023237457,"prev_events":["$TpymdA1cvtD4fBrOW4qNBamKfuAlImDvBwmtapMBOG4"],"room_id":"!h21v9E-I1CxhxNxSh0KJ_dj0xyu0hvDK5meBgt4L75I","sender":"@eve:im.test","signatures":{"im.test":{"ed25519:sCqbxJ":"lzQ5YhLUl83ZOXRL9tcu66iaxekAp1Zfb+JFsbG4M6LZN2SjQ4ORXd/A5x5hfSX6Q4Pbm6CW43+loy+XhQFjBA"}},"type":"m.room.message"}', '$FYwd_KV7ZmL2APF1tAK0bqFbK3cIkzoduD1QQa1GSZ8');
INSERT INTO "events" VALUES (897, 1, 14, '$FYwd_KV7ZmL2APF1tAK0bqFbK3cIkzoduD1QQa1GSZ8', 3, 1796023237471, '{"auth_events":["$0WAxxTw6tXTxjoAKbZUDWmv6agIDy3p35recFHPJDOo","$27VmrWopHikFepCixvIFjFlkynjr3umm_GbKr1zBt-E"],"content":{"redacts":"$BHm4_W9dUUw3su51WiNHZHvIIDzhJPuV1swksrE-hyk"},"depth":14,"hashes":{"sha256":"oZ5yAf/F8ZlEsAZp/8NKbG/eOuMSfIOdWTMNfZSN0fM"},"origin_server_ts":1796023237471,"prev_events":["$BHm4_W9dUUw3su51WiNHZHvIIDzhJPuV1swksrE-hyk"],"room_id":"!h21v9E-I1CxhxNxSh0KJ_dj0xyu0hvDK5meBgt4L75I","sender":"@eve:im.test","signatures":{"im.test":{"ed25519:sCqbxJ":"D7t1SRJ3CjePuoWbwpTIRMYqfN8hcfh3L++3AtXafKpDyCtRiKSXACXzaXBXn7ENjDVfjubORVMFZGLexmueBg"}},"type":"m.room.redaction"}', NULL);
INSERT INTO "events" VALUES (961, 1, 15, '$rI0-2jYbDWF5IWzwCbBmtXkSjNzV-Pffi7pfq_mfL9U', 1, 1796023237517, '{"auth_events":["$0WAxxTw6tXTxjoAKbZUDWmv6agIDy3p35recFHPJDOo","$0cBKN9cx995JpvYMXh1kLqhEG_2NGmNqPyijRe4ksbg"],"content":{"topic":"Second topic"},"depth":15,"hashes":{"sha256":"zuqNL/9rxrK3ivGTqDlPT7Q3v/Y62hBlUVJSciuXWlc"},"origin_server_ts":1796023237517,"prev_events":["$FYwd_KV7ZmL2APF1tAK0bqFbK3cIkzoduD1QQa1GSZ8"],"room_id":"!h21v9E-I1CxhxNxSh0KJ_dj0xyu0hvDK5meBgt4L75I","sender":"@ana:im.test","signatures":{"im.test":{"ed25519:sCqbxJ":"KZLyE6OdWIJamUk7rkaMxBnS8z9POyY7fgU4kUuB1EPRIuNWQw9gtfh9Hm/NJoSH0cD+56jtaQyAXVdClaNlCQ"}},"state_key":"","type":"m.room.topic"}', NULL);
INSERT INTO "events" VALUES (1025, 1, 16, '$XnoH_ZeRCa7pzzYcSFwoJ4adiC1H3jPsnzWPfDWizWM', 3, 1796023237568, '{"auth_events":["$0WAxxTw6tXTxjoAKbZUDWmv6agIDy3p35recFHPJDOo","$27VmrWopHikFepCixvIFjFlkynjr3umm_GbKr1zBt-E"],"content":{"membership":"leave"},"depth":16,"hashes":{"sha256":"CSEgjF+St6DrtigS0WO1of/ocMHvuCizazaFMpbOJxk"},"origin_server_ts":1796023237568,"prev_events":["$rI0-2jYbDWF5IWzwCbBmtXkSjNzV-Pffi7pfq_mfL9U"],"room_id":"!h21v9E-I1CxhxNxSh0KJ_dj0xyu0hvDK5meBgt4L75I","sender":"@eve:im.test","signatures":{"im.test":{"ed25519:sCqbxJ":"R1+k1NGCRJOxmVMzMOluwjeLNI+Sl9i5dbExOpWnCk3EQxZ7A779H1Fm7SQ7UpKi+qLgRkP7+tvlC76c6YjpCw"}},"state_key":"@eve:im.test","type":"m.room.member"}', NULL);
INSERT INTO "events" VALUES (1089, 1, 17, '$JCl0p3zw_bRM7u0SI59HiTJpwnbx_0jKdUorCvCxNYw', 1, 1796023237583, '{"auth_events":["$0WAxxTw6tXTxjoAKbZUDWmv6agIDy3p35recFHPJDOo","$0cBKN9cx995JpvYMXh1kLqhEG_2NGmNqPyijRe4ksbg"],"content":{"name":"Great plaza"},"depth":17,"hashes":{"sha256":"dwneAiFdqFPPFcHVbWsnVTaeHJ+77yh7QpRmYditJ7I"},"origin_server_ts":1796023237583,"prev_events":["$XnoH_ZeRCa7pzzYcSFwoJ4adiC1H3jPsnzWPfDWizWM"],"room_id":"!h21v9E-I1CxhxNxSh0KJ_dj0xyu0hvDK5meBgt4L75I","sender":"@ana:im.test","signatures":{"im.test":{"ed25519:sCqbxJ":"vs/TkZ80LegiW05z310Bxe9QGnLMM4CF9RtIgl1IdaYvbnoX4b+4YA5GtrZXGb61Ad/oJt80RMbySDtxvRIBBg"}},"state_key":"","type":"m.room.name"}', NULL);
INSERT INTO "events" VALUES (1153, 1, 18, '$rTQCDpNpVwPV_u6YJxC9r5tTxEJCUK_rfVwJ-f8RgPY', 1, 1796023237612, '{"auth_events":["$0WAxxTw6tXTxjoAKbZUDWmv6agIDy3p35recFHPJDOo","$0cBKN9cx995JpvYMXh1kLqhEG_2NGmNqPyijRe4ksbg"],"content":{"body":"after eve has left","msgtype":"m.text"},"depth":18,"hashes":{"sha256":"dxrHTKb75EL1GFbgsQuc2OE7EWzalTj9S0fks83OeJA"},"origin_server_ts":1796023237612,"prev_events":["$JCl0p3zw_bRM7u0SI59HiTJpwnbx_0jKdUorCvCxNYw"],"room_id":"!h21v9E-I1CxhxNxSh0KJ_dj0xyu0hvDK5meBgt4L75I","sender":"@ana:im.test","signatures":{"im.test":{"ed25519:sCqbxJ":"Hh58ezQH/3hIQcMOMwWNDVuIkZUGlbJvyt+L4kFMb3VXDoUxY9v7jP2GA9sODE3g04WNz2frumA12yDRkjScCg"}},"type":"m.room.message"}', NULL);
INSERT INTO "events" VALUES (1217, 2, 1, '$MG3pUe2xfQoiEYA0EJm_WTG0cD-YjNpPq8kTrQlgbuQ', 1, 1796023237668, '{"auth_events":[],"content":{"room_version":"12"},"depth":1,"hashes":{"sha256":"8YnKmmsZ2p7aVdIN1NUrWEW2OxTfiQn74dt7IDNvk3U"},"origin_server_ts":1796023237668,"prev_events":[],"sender":"@ana:im.test","signatures":{"im.test":{"ed25519:sCqbxJ":"gMJ3JCGEIarB+NFhC3V0XeOBvBF6ZbsqG+hJt8VWJPmvFevpHcDTSD0cQHCdL65pvAJ6U0DxQjkikE2cPiyJAQ"}},"state_key":"","type":"m.room.create"}', NULL);
INSERT INTO "events" VALUES (1281, 2, 2, '$FjSlYbLq18tIAr9kSqtqbl83B9lMiIt326JzGkvg0Z8', 1, 1796023237668, '{"auth_events":[],"content":{"displayname":"ana","membership":"join"},"depth":2,"hashes":{"sha256":"Hg45Gl5XUyeJk+qsBSYWKJ2flLF4lZofEmL4gUBZQAY"},"origin_server_ts":1796023237668,"prev_events":["$MG3pUe2xfQoiEYA0EJm_WTG0cD-YjNpPq8kTrQlgbuQ"],"room_id":"!MG3pUe2xfQoiEYA0EJm_WTG0cD-YjNpPq8kTrQlgbuQ","sender":"@ana:im.test","signatures":{"im.test":{"ed25519:sCqbxJ":"MKj5c8pk7rJnttNBKD7Vg9d6/+vwvczIxIdoU/f1mDm7tz6q9d5XMqe5kHHX/VMQehA3JW2izjUwleYjWQE5BQ"}},"state_key":"@ana:im.test","type":"m.room.member"}', NULL);
INSERT INTO "events" VALUES (1345, 2, 3, '$sQgnnm-1Ts9UabfI4-trzBqRva_upY9xDoiGDDl6EPw', 1, 1796023237668, '{"auth_events":["$FjSlYbLq18tIAr9kSqtqbl83B9lMiIt326JzGkvg0Z8"],"content":{"ban":50,"events":{"m.room.avatar":50,"m.room.canonical_alias":50,"m.room.encryption":100,"m.room.history_visibility":100,"m.room.name":50,"m.room.power_levels":100,"m.room.server_acl":100,"m.room.tombstone":150,"m.room.topic":50},"events_default":0,"invite":0,"kick":50,"notifications":{"room":50},"redact":50,"state_default":50,"users":{},"users_default":0},"depth":3,"hashes":{"sha256":"Y0RWjR3gox5DjRCrRBTVqwwYogL/i1TJz1sAS4iMs5Y"},"origin_server_ts":1796023237668,"prev_events":["$FjSlYbLq18tIAr9kSqtqbl83B9lMiIt326JzGkvg0Z8"],"room_id":"!MG3pUe2xfQoiEYA0EJm_WTG0cD-YjNpPq8kTrQlgbuQ","sender":"@ana:im.test","signatures":{"im.test":{"ed25519:sCqbxJ":"gfLOwM+wcjK5A482DuBVbBsRDjY4dfSB+FCDUZlPgcV0pZyArCdvQsRZhnoNTlIeyb8muHV2avpKY4XmqYLbCg"}},"state_key":"","type":"m.room.power_levels"}', NULL);
INSERT INTO "events" VALUES (1409, 2, 4, '$zRNdG6XYZWjC1c6Jix_ySnOYvbO4HcwLgPOHaWY-Yrw', 1, 1796023237668, '{"auth_events":["$sQgnnm-1Ts9UabfI4-trzBqRva_upY9xDoiGDDl6EPw","$FjSlYbLq18tIAr9kSqtqbl83B9lMiIt326JzGkvg0Z8"],"content":{"join_rule":"invite"},"depth":4,"hashes":{"sha256":"Ej7lgv8LDpl3Xfx/dNKS5hna6wd5+7aI4vyTibI7zz4"},"origin_server_ts":1796023237668,"prev_events":["$sQgnnm-1Ts9UabfI4-trzBqRva_upY9xDoiGDDl6EPw"],"room_id":"!MG3pUe2xfQoiEYA0EJm_WTG0cD-YjNpPq8kTrQlgbuQ","sender":"@ana:im.test","signatures":{"im.test":{"ed25519:sCqbxJ":"akEvhE0ZPfNCw+r1zHEvSgxrIem0m3qdRZDaMbeKVhxMejxvCbb8wmpkA+VGScBnMHmx68fQBTu5mQaUNgTPBw"}},"state_key":"","type":"m.room.join_rules"}', NULL);
INSERT INTO "events" VALUES (1473, 2, 5, '$j1n0nrbgjxhc1VtuJBVE6XSBMJ5TvoAlsTOZ0fRVmtg', 1, 1796023237668, '{"auth_events":["$sQgnnm-1Ts9UabfI4-trzBqRva_upY9xDoiGDDl6EPw","$FjSlYbLq18tIAr9kSqtqbl83B9lMiIt326JzGkvg0Z8"],"content":{"history_visibility":"shared"},"depth":5,"hashes":{"sha256":"o4DYY1mIM2wDgnxAgJToYtlTK8LSmw7037HoaGcYes0"},"origin_server_ts":1796023237668,"prev_events":["$zRNdG6XYZWjC1c6Jix_ySnOYvbO4HcwLgPOHaWY-Yrw"],"room_id":"!MG3pUe2xfQoiEYA0EJm_WTG0cD-YjNpPq8kTrQlgbuQ","sender":"@ana:im.test","signatures":{"im.test":{"ed25519:sCqbxJ":"korZuGJweeFrswcmgDGxBS1J6verdvEsEwF4fXHNH7qFo28fkMhmxZNOC/jjLH4N+MwwepG1SFIpjdkexC4PDQ"}},"state_key":"","type":"m.room.history_visibility"}', NULL);
INSERT INTO "events" VALUES (1537, 2, 6, '$KEdX3sWEw54VWS6sis-bAkmlK2eYPvFH4S-5ix_dA14', 1, 1796023237668, '{"auth_events":["$sQgnnm-1Ts9UabfI4-trzBqRva_upY9xDoiGDDl6EPw","$FjSlYbLq18tIAr9kSqtqbl83B9lMiIt326JzGkvg0Z8"],"content":{"guest_access":"can_join"},"depth":6,"hashes":{"sha256":"jDOt02Fl+tULkxSMhBj1GM77u2pDISfqPQktiTrB/Ok"},"origin_server_ts":1796023237668,"prev_events":["$j1n0nrbgjxhc1VtuJBVE6XSBMJ5TvoAlsTOZ0fRVmtg"],"room_id":"!MG3pUe2xfQoiEYA0EJm_WTG0cD-YjNpPq8kTrQlgbuQ","sender":"@ana:im.test","signatures":{"im.test":{"ed25519:sCqbxJ":"o6+bmKEJ5mrcnS31jHwe/hb12loUpkAGPH2p+xt1JFmnVPTR1ziOEXX6GScpFQxC2a2aS3+YdS4uLmObNgmUAw"}},"state_key":"","type":"m.room.guest_access"}', NULL);
INSERT INTO "events" VALUES (1601, 2, 7, '$C7l1i-n8ZvA7zk8DtYkGnC57jrpqiW9NA-P5R6R4me4', 1, 1796023237668, '{"auth_events":["$sQgnnm-1Ts9UabfI4-trzBqRva_upY9xDoiGDDl6EPw","$FjSlYbLq18tIAr9kSqtqbl83B9lMiIt326JzGkvg0Z8"],"content":{"name":"Den"},"depth":7,"hashes":{"sha256":"jIjolfkSuLOfGFJ94sY1cnpDd9NaSNxucPGLGNdsqAg"},"origin_server_ts":1796023237668,"prev_events":["$KEdX3sWEw54VWS6sis-bAkmlK2eYPvFH4S-5ix_dA14"],"room_id":"!MG3pUe2xfQoiEYA0EJm_WTG0cD-YjNpPq8kTrQlgbuQ","sender":"@ana:im.test","signatures":{"im.test":{"ed25519:sCqbxJ":"rWhOSGIz9Eh+vCVH7nrDBoZbkRrvwrvWg0ujhHpoknceDwYZkiDcJUadR1/WjdnK95JqAvF5xsnuMTSce7/IDA"}},"state_key":"","type":"m.room.name"}', NULL);
INSERT INTO "events" VALUES (1665, 2, 8, '$D_33-KPWI4mPdiL1Fud9uSmTGTfvq3m8MfJ9ma9GBys', 1, 1796023237668, '{"auth_events":["$sQgnnm-1Ts9UabfI4-trzBqRva_upY9xDoiGDDl6EPw","$FjSlYbLq18tIAr9kSqtqbl83B9lMiIt326JzGkvg0Z8","$zRNdG6XYZWjC1c6Jix_ySnOYvbO4HcwLgPOHaWY-Yrw"],"content":{"displayname":"ben","membership":"invite"},"depth":8,"hashes":{"sha256":"YTvqWq25XFvl5UGbNE39Biosh5EPa/0TnXqV9kubCp4"},"origin_server_ts":1796023237668,"prev_events":["$C7l1i-n8ZvA7zk8DtYkGnC57jrpqiW9NA-P5R6R4me4"],"room_id":"!MG3pUe2xfQoiEYA0EJm_WTG0cD-YjNpPq8kTrQlgbuQ","sender":"@ana:im.test","signatures":{"im.test":{"ed25519:sCqbxJ":"oNCPZJa3dkQ8Ha7W4G4zikrhXZDP/Wy28CxRugtyaCyl9elnZBc3mfcsjdnxsHq3BN8SEx5DNfTGwzENWRKZDw"}},"state_key":"@ben:im.test","type":"m.room.member"}', NULL);
INSERT INTO "events" VALUES (1729, 2, 9, '$mXja5HigyILEcR4dw61IG8CK9boI7pWz6xMbrHLgq9M', 1, 1796023237708, '{"auth_events":["$sQgnnm-1Ts9UabfI4-trzBqRva_upY9xDoiGDDl6EPw","$FjSlYbLq18tIAr9kSqtqbl83B9lMiIt326JzGkvg0Z8"],"content":{"body":"a fox in the den","msgtype":"m.text"},"depth":9,"hashes":{"sha256":"PqwwNVUXpivD5jYCA3FdOSHSAPrc7Vo2GA6OPJCOFfU"},"origin_server_ts":1796023237708,"prev_events":["$D_33-KPWI4mPdiL1Fud9uSmTGTfvq3m8MfJ9ma9GBys"],"room_id":"!MG3pUe2xfQoiEYA0EJm_WTG0cD-YjNpPq8kTrQlgbuQ","sender":"@ana:im.test","signatures":{"im.test":{"ed25519:sCqbxJ":"0PC81x/EHi56lu82pEAkXLeNG+z7zY3WjP/s9HaQFSbQxstbQM3jVy2Yxy+S2j//6cRNPMBl/yo0X1jq9oalAA"}},"type":"m.room.message"}', NULL);
INSERT INTO "events" VALUES (1793, 1, 19, '$yJzQQfsXefzaA9MKskF1jSjZ-M-xRqwZIfoKSw3Z1z0', 1, 1796023237794, '{"auth_events":["$0WAxxTw6tXTxjoAKbZUDWmv6agIDy3p35recFHPJDOo","$0cBKN9cx995JpvYMXh1kLqhEG_2NGmNqPyijRe4ksbg"],"content":{"body":"after the token","msgtype":"m.text"},"depth":19,"hashes":{"sha256":"6pBUCPX0yNPS/SkOeJslfKqly9hAZv0vHIpI8T5S+VE"},"origin_server_ts":1796023237794,"prev_events":["$rTQCDpNpVwPV_u6YJxC9r5tTxEJCUK_rfVwJ-f8RgPY"],"room_id":"!h21v9E-I1CxhxNxSh0KJ_dj0xyu0hvDK5meBgt4L75I","sender":"@ana:im.test","signatures":{"im.test":{"ed25519:sCqbxJ":"63mI3B8J7tgdTyyuMFzMrxD9ib8T4NH5J9z9qZ/9E/O9TxptQlyuj2iz7ikcS5cgIroZK+OnG1ciTNUUPbfeCQ"}},"type":"m.room.message"}', NULL);
INSERT INTO "events" VALUES (1857, 1, 20, '$q_A9RTFZt0fgbj0Kk1i9HYsTXe5xk6TXRr0TERh9W7c', 1, 1796023237815, '{"auth_events":["$0WAxxTw6tXTxjoAKbZUDWmv6agIDy3p35recFHPJDOo","$0cBKN9cx995JpvYMXh1kLqhEG_2NGmNqPyijRe4ksbg"],"content":{"topic":"Third topic"},"depth":20,"hashes":{"sha256":"DcuqVIuoWlfLRer8usuuU1zrMZtDSwsIm1sIJoxFwuI"},"origin_server_ts":1796023237815,"prev_events":["$yJzQQfsXefzaA9MKskF1jSjZ-M-xRqwZIfoKSw3Z1z0"],"room_id":"!h21v9E-I1CxhxNxSh0KJ_dj0xyu0hvDK5meBgt4L75I","sender":"@ana:im.test","signatures":{"im.test":{"ed25519:sCqbxJ":"Qdp4F0Mq6m8j/2QIziwdOkg8UtNc+r7Dvv8qVi8QU6D0v0OY66TpXQ+q1qJIaXV3cFfUek8G9U/GPdwywx0/Aw"}},"state_key":"","type":"m.room.topic"}', NULL);
CREATE TABLE kept_events (
    room_nid INTEGER NOT NULL REFERENCES rooms (nid),
    seq      INTEGER NOT NULL,         -- the place that it had in the room
    event_id TEXT NOT NULL,
    pdu      TEXT NOT NULL,            -- as it was in `events`
    PRIMARY KEY (room_nid, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE state_history (
    room_nid  INTEGER NOT NULL REFERENCES rooms (nid),
    kind      TEXT NOT NULL,
    state_key TEXT NOT NULL,
    seq       INTEGER NOT NULL,
    position  INTEGER NOT NULL,
    PRIMARY KEY (room_nid, kind, state_key, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO "state_history" VALUES (1, 'm.room.create', '', 1, 65);
INSERT INTO "state_history" VALUES (1, 'm.room.guest_access', '', 6, 385);
INSERT INTO "state_history" VALUES (1, 'm.room.history_visibility', '', 5, 321);
INSERT INTO "state_history" VALUES (1, 'm.room.join_rules', '', 4, 257);
INSERT INTO "state_history" VALUES (1, 'm.room.member', '@ana:im.test', 2, 129);
INSERT INTO "state_history" VALUES (1, 'm.room.member', '@ben:im.test', 9, 577);
INSERT INTO "state_history" VALUES (1, 'm.room.member', '@eve:im.test', 10, 641);
INSERT INTO "state_history" VALUES (1, 'm.room.member', '@eve:im.test', 16, 1025);
INSERT INTO "state_history" VALUES (1, 'm.room.name', '', 7, 449);
INSERT INTO "state_history" VALUES (1, 'm.room.name', '', 17, 1089);
INSERT INTO "state_history" VALUES (1, 'm.room.power_levels', '', 3, 193);
INSERT INTO "state_history" VALUES (1, 'm.room.topic', '', 8, 513);
INSERT INTO "state_history" VALUES (1, 'm.room.topic', '', 15, 961);
INSERT INTO "state_history" VALUES (1, 'm.room.topic', '', 20, 1857);
INSERT INTO "state_history" VALUES (2, 'm.room.create', '', 1, 1217);
INSERT INTO "state_history" VALUES (2, 'm.room.guest_access', '', 6, 1537);
INSERT INTO "state_history" VALUES (2, 'm.room.history_visibility', '', 5, 1473);
INSERT INTO "state_history" VALUES (2, 'm.room.join_rules', '', 4, 1409);
INSERT INTO "state_history" VALUES (2, 'm.room.member', '@ana:im.test', 2, 1281);
INSERT INTO "state_history" VALUES (2, 'm.room.member', '@ben:im.test', 8, 1665);
INSERT INTO "state_history" VALUES (2, 'm.room.name', '', 7, 1601);
INSERT INTO "state_history" VALUES (2, 'm.room.power_levels', '', 3, 1345);
CREATE TABLE current_state (
    room_nid  INTEGER NOT NULL REFERENCES rooms (nid),
    kind      TEXT NOT NULL,
    state_key TEXT NOT NULL,
    position  INTEGER NOT NULL,
    PRIMARY KEY (room_nid, kind, state_key)
) STRICT, WITHOUT ROWID;
INSERT INTO "current_state" VALUES (1, 'm.room.create', '', 65);
INSERT INTO "current_state" VALUES (1, 'm.room.guest_access', '', 385);
INSERT INTO "current_state" VALUES (1, 'm.room.history_visibility', '', 321);
INSERT INTO "current_state" VALUES (1, 'm.room.join_rules', '', 257);
INSERT INTO "current_state" VALUES (1, 'm.room.member', '@ana:im.test', 129);
INSERT INTO "current_state" VALUES (1, 'm.room.member', '@ben:im.test', 577);
INSERT INTO "current_state" VALUES (1, 'm.room.member', '@eve:im.test', 1025);
INSERT INTO "current_state" VALUES (1, 'm.room.name', '', 1089);
INSERT INTO "current_state" VALUES (1, 'm.room.power_levels', '', 193);
INSERT INTO "current_state" VALUES (1, 'm.room.topic', '', 1857);
INSERT INTO "current_state" VALUES (2, 'm.room.create', '', 1217);
INSERT INTO "current_state" VALUES (2, 'm.room.guest_access', '', 1537);
INSERT INTO "current_state" VALUES (2, 'm.room.history_visibility', '', 1473);
INSERT INTO "current_state" VALUES (2, 'm.room.join_rules', '', 1409);
INSERT INTO "current_state" VALUES (2, 'm.room.member', '@ana:im.test', 1281);
INSERT INTO "current_state" VALUES (2, 'm.room.member', '@ben:im.test', 1665);
INSERT INTO "current_state" VALUES (2, 'm.room.name', '', 1601);
INSERT INTO "current_state" VALUES (2, 'm.room.power_levels', '', 1345);
CREATE TABLE memberships (
    user_nid   INTEGER NOT NULL REFERENCES users (nid),
    room_nid   INTEGER NOT NULL REFERENCES rooms (nid),
    membership TEXT NOT NULL,          -- join, invite, knock, leave, ban
    position   INTEGER NOT NULL,       -- of the member event
    seq        INTEGER NOT NULL,
    forgotten  INTEGER NOT NULL DEFAULT 0,
    by_self    INTEGER NOT NULL,       -- whether the user sent the member event
    was_joined INTEGER NOT NULL,       -- whether the user is or ever was joined
    PRIMARY KEY (user_nid, room_nid)
) STRICT, WITHOUT ROWID;
INSERT INTO "memberships" VALUES (1, 1, 'join', 129, 2, 0, 1, 1);
INSERT INTO "memberships" VALUES (1, 2, 'join', 1281, 2, 0, 1, 1);
INSERT INTO "memberships" VALUES (2, 1, 'join', 577, 9, 0, 1, 1);
INSERT INTO "memberships" VALUES (2, 2, 'invite', 1665, 8, 0, 0, 0);
INSERT INTO "memberships" VALUES (3, 1, 'leave', 1025, 16, 0, 1, 1);
CREATE TABLE relations (
    room_nid   INTEGER NOT NULL REFERENCES rooms (nid),
    target_id  TEXT NOT NULL,
    rel_type   TEXT NOT NULL,
    seq        INTEGER NOT NULL,       -- of the referring event
    position   INTEGER NOT NULL,
    kind       TEXT NOT NULL,          -- its event type
    sender_nid INTEGER NOT NULL,
    key        TEXT,                   -- m.annotation: the reaction
    PRIMARY KEY (room_nid, target_id, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO "relations" VALUES (1, '$dnwQ9xiT9_jFHqYVLF-F17TJS9SlCvOwv7TrFQLhvsQ', 'm.thread', 12, 769, 'm.room.message', 2, NULL);
CREATE TABLE distant_relations (
    room_nid    INTEGER NOT NULL REFERENCES rooms (nid),
    ancestor_id TEXT NOT NULL,
    seq         INTEGER NOT NULL,      -- of the referring event
    PRIMARY KEY (room_nid, ancestor_id, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE transactions (
    position  INTEGER PRIMARY KEY,     -- of the event that was sent
    user_nid  INTEGER NOT NULL,
    device_id TEXT NOT NULL,
    room_nid  INTEGER NOT NULL,
    kind      TEXT NOT NULL,
    txn_id    TEXT NOT NULL,
    UNIQUE (user_nid, device_id, room_nid, kind, txn_id)
) STRICT;
INSERT INTO "transactions" VALUES (705, 1, 'ANA', 1, 'm.room.message', '1');
INSERT INTO "transactions" VALUES (769, 2, 'BEN', 1, 'm.room.message', '2');
INSERT INTO "transactions" VALUES (833, 3, 'EVE', 1, 'm.room.message', '3');
INSERT INTO "transactions" VALUES (897, 3, 'EVE', 1, 'm.room.redaction', 'r1');
INSERT INTO "transactions" VALUES (1153, 1, 'ANA', 1, 'm.room.message', '4');
INSERT INTO "transactions" VALUES (1729, 1, 'ANA', 2, 'm.room.message', '5');
INSERT INTO "transactions" VALUES (1793, 1, 'ANA', 1, 'm.room.message', '6');
CREATE TABLE gone_rooms (
    user_nid INTEGER NOT NULL REFERENCES users (nid),
    position INTEGER NOT NULL,         -- of the purge in the stream
    gone_nid INTEGER NOT NULL,         -- the number it had; not called `room_nid`, for it outlives the room
    room_id  TEXT NOT NULL,
    event    TEXT,
    gone_ts  INTEGER NOT NULL,
    PRIMARY KEY (user_nid, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE server (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "server" VALUES ('server_name', X'696d2e74657374');
INSERT INTO "server" VALUES ('signing_key', X'656432353531393a73437162784a20d3ea661e7aae9acc6da960ec06b923c89a5f3c987c961490ed4e45f33a6a663c');
INSERT INTO "server" VALUES ('web_push_key', X'308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b020101042054f53163304632460a07e917079cad0713af63ae252bf7a1b7a5eceed6ad4af9a144034200040fecabea437a1c4ac472a966176d32b2d45c2f98f2bb8efa4f609a1c0d778be67d6635829baa41b7a869cd2e58f014321ca0001943c771d00ff2e8f8a715ea7e');
CREATE TABLE aliases (
    alias       TEXT PRIMARY KEY,
    room_nid    INTEGER NOT NULL REFERENCES rooms (nid),
    creator_nid INTEGER NOT NULL REFERENCES users (nid),
    created_ts  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE published_rooms (
    room_nid INTEGER PRIMARY KEY REFERENCES rooms (nid)
) STRICT;
CREATE TABLE jobs (
    id       INTEGER PRIMARY KEY,
    kind     TEXT NOT NULL,
    payload  TEXT NOT NULL,
    run_at   INTEGER NOT NULL,  -- milliseconds since the epoch
    attempts INTEGER NOT NULL DEFAULT 0,
    failure  TEXT               -- why the last attempt failed
) STRICT;
INSERT INTO "jobs" VALUES (1, 'admin.daily', '{}', 1796026836054, 0, NULL);
CREATE TABLE delayed_events (
    delay_id     TEXT PRIMARY KEY,
    user_nid     INTEGER NOT NULL REFERENCES users (nid),
    device_id    TEXT NOT NULL,
    room_nid     INTEGER NOT NULL,
    kind         TEXT NOT NULL,
    state_key    TEXT,              -- of state
    txn_id       TEXT,              -- of the request that scheduled it, if it had one
    content      TEXT NOT NULL,     -- JSON; '{}' once it is sent, when the event has it
    ts           INTEGER,           -- the event's time, where an application service chose it
    delay        INTEGER NOT NULL,  -- milliseconds
    scheduled_at INTEGER NOT NULL,  -- when the delay began
    job          INTEGER NOT NULL,  -- the job that sends it
    finalised_at INTEGER,           -- when it was sent, cancelled or found impossible; NULL while it is scheduled
    event_id     TEXT,              -- of the event that was sent
    error        TEXT,              -- JSON; why it could not be sent
    UNIQUE (user_nid, device_id, room_nid, kind, txn_id)
) STRICT;
CREATE TABLE account_data (
    user_nid INTEGER NOT NULL REFERENCES users (nid),
    room_nid INTEGER NOT NULL,
    kind     TEXT NOT NULL,
    content  TEXT NOT NULL,
    position INTEGER NOT NULL,
    UNIQUE (user_nid, room_nid, kind)
) STRICT;
CREATE TABLE filters (
    user_nid   INTEGER NOT NULL REFERENCES users (nid),
    number     INTEGER NOT NULL,
    definition TEXT NOT NULL,
    PRIMARY KEY (user_nid, number)
) STRICT;
CREATE TABLE receipts (
    room_nid  INTEGER NOT NULL REFERENCES rooms (nid),
    user_nid  INTEGER NOT NULL REFERENCES users (nid),
    kind      TEXT NOT NULL,          -- m.read, m.read.private
    thread_id TEXT NOT NULL,
    event_id  TEXT NOT NULL,
    event_seq INTEGER NOT NULL,
    ts        INTEGER NOT NULL,
    position  INTEGER NOT NULL,       -- of the change in the stream
    PRIMARY KEY (room_nid, user_nid, kind, thread_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE unread_counts (
    user_nid  INTEGER NOT NULL REFERENCES users (nid),
    room_nid  INTEGER NOT NULL REFERENCES rooms (nid),
    basis     BLOB NOT NULL,          -- a digest of what else it depends on: push rules, display name, …
    until_seq INTEGER NOT NULL,       -- the last event that was counted
    ledger    TEXT NOT NULL,          -- JSON, as the engine wrote it
    PRIMARY KEY (user_nid, room_nid)
) STRICT, WITHOUT ROWID;
CREATE TABLE thread_subscriptions (
    user_nid   INTEGER NOT NULL REFERENCES users (nid),
    room_nid   INTEGER NOT NULL REFERENCES rooms (nid),
    root_id    TEXT NOT NULL,
    subscribed INTEGER NOT NULL,
    automatic  INTEGER NOT NULL,       -- whether a client made it by itself
    until_seq  INTEGER NOT NULL,       -- 0 while it holds
    position   INTEGER NOT NULL,       -- of the change in the stream
    PRIMARY KEY (user_nid, room_nid, root_id)
) STRICT, WITHOUT ROWID;
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
CREATE TABLE quarantine_changes (
    id          INTEGER PRIMARY KEY,
    media_id    TEXT NOT NULL,                    -- which may be gone since
    quarantined INTEGER NOT NULL
) STRICT;
CREATE TABLE media_references (
    room_nid INTEGER NOT NULL REFERENCES rooms (nid),
    position INTEGER NOT NULL,                    -- of the event
    media    TEXT NOT NULL,
    PRIMARY KEY (room_nid, position, media)
) STRICT, WITHOUT ROWID;
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
CREATE TABLE url_previews (
    url        TEXT PRIMARY KEY,
    preview    TEXT NOT NULL,       -- the answer to the client, JSON
    fetched_ts INTEGER NOT NULL,
    expires_ts INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE presence (
    user_nid       INTEGER PRIMARY KEY REFERENCES users (nid),
    status_msg     TEXT,
    last_active_ts INTEGER NOT NULL,
    live           INTEGER NOT NULL    -- whether others had last been told something else than "offline"
) STRICT;
INSERT INTO "presence" VALUES (2, NULL, 1796023237732, 1);
CREATE TABLE open_rooms (
    room_nid INTEGER PRIMARY KEY REFERENCES rooms (nid)
) STRICT;
INSERT INTO "open_rooms" VALUES (1);
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
CREATE TABLE to_device_transactions (
    nid       INTEGER PRIMARY KEY,
    user_nid  INTEGER NOT NULL,
    device_id TEXT NOT NULL,
    kind      TEXT NOT NULL,
    txn_id    TEXT NOT NULL,
    ts        INTEGER NOT NULL,
    UNIQUE (user_nid, device_id, kind, txn_id)
) STRICT;
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
    behind              INTEGER, kind TEXT NOT NULL DEFAULT 'http', ack_token TEXT, ack_until INTEGER,
    UNIQUE (user_nid, app_id, pushkey),
    FOREIGN KEY (user_nid, device_id) REFERENCES devices (user_nid, device_id) ON DELETE CASCADE
) STRICT;
CREATE TABLE search_pending (
    nid      INTEGER PRIMARY KEY,      -- from 1 since entries were last moved
    position INTEGER NOT NULL,
    room_nid INTEGER NOT NULL,
    terms    TEXT NOT NULL             -- separated by spaces
) STRICT;
INSERT INTO "search_pending" VALUES (1, 449, 1, 'n plaza');
INSERT INTO "search_pending" VALUES (2, 513, 1, 't first topic');
INSERT INTO "search_pending" VALUES (3, 705, 1, 'a crosses hedgehog plaza the');
INSERT INTO "search_pending" VALUES (4, 769, 1, 'hedgehog is quick the');
INSERT INTO "search_pending" VALUES (5, 961, 1, 't second topic');
INSERT INTO "search_pending" VALUES (6, 1089, 1, 'n great plaza');
INSERT INTO "search_pending" VALUES (7, 1153, 1, 'after eve has left');
INSERT INTO "search_pending" VALUES (8, 1601, 2, 'n den');
INSERT INTO "search_pending" VALUES (9, 1729, 2, 'a den fox in the');
INSERT INTO "search_pending" VALUES (10, 1793, 1, 'after the token');
INSERT INTO "search_pending" VALUES (11, 1857, 1, 't third topic');
CREATE TABLE device_keys (
    user_nid  INTEGER NOT NULL,
    device_id TEXT NOT NULL,
    keys      TEXT NOT NULL,              -- JSON, canonical
    PRIMARY KEY (user_nid, device_id),
    FOREIGN KEY (user_nid, device_id) REFERENCES devices (user_nid, device_id) ON DELETE CASCADE
) STRICT;
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
CREATE TABLE spent_keys (
    user_nid INTEGER NOT NULL REFERENCES users (nid),
    digest   BLOB NOT NULL,               -- SHA-256, its first 16 bytes
    PRIMARY KEY (user_nid, digest)
) STRICT, WITHOUT ROWID;
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
CREATE TABLE key_counts (
    user_nid  INTEGER NOT NULL,
    device_id TEXT NOT NULL,
    position  INTEGER NOT NULL,
    PRIMARY KEY (user_nid, device_id),
    FOREIGN KEY (user_nid, device_id) REFERENCES devices (user_nid, device_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE TABLE cross_signing_keys (
    user_nid   INTEGER NOT NULL REFERENCES users (nid),
    usage      TEXT NOT NULL,             -- master, self_signing, user_signing
    public_key TEXT NOT NULL,             -- unpadded base64
    key        TEXT NOT NULL,             -- JSON, canonical
    PRIMARY KEY (user_nid, usage)
) STRICT;
CREATE TABLE key_signatures (
    target_nid INTEGER NOT NULL REFERENCES users (nid),
    target_key TEXT NOT NULL,             -- a device ID, or the public key of a master key
    user_nid   INTEGER NOT NULL REFERENCES users (nid),
    key_id     TEXT NOT NULL,             -- of the signing key: ed25519:…
    signature  TEXT NOT NULL,
    position   INTEGER NOT NULL,          -- in the stream
    PRIMARY KEY (target_nid, target_key, user_nid, key_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE device_list_changes (
    user_nid INTEGER PRIMARY KEY REFERENCES users (nid),
    position INTEGER NOT NULL
) STRICT;
CREATE TABLE dehydrated_devices (
    user_nid  INTEGER PRIMARY KEY REFERENCES users (nid),
    device_id TEXT NOT NULL,
    data      TEXT NOT NULL,              -- JSON, encrypted by the client
    FOREIGN KEY (user_nid, device_id) REFERENCES devices (user_nid, device_id) ON DELETE CASCADE
) STRICT;
CREATE TABLE blocked_rooms (
    room_id    TEXT PRIMARY KEY,
    blocked_by INTEGER NOT NULL REFERENCES users (nid),
    blocked_ts INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE tasks (
    task_id    TEXT PRIMARY KEY,
    kind       TEXT NOT NULL,     -- delete_room, purge_history
    resource   TEXT NOT NULL,     -- the identifier of what it is about
    status     TEXT NOT NULL,     -- scheduled, active, complete, failed
    request    TEXT NOT NULL,     -- what was asked, JSON
    result     TEXT NOT NULL,     -- what has been done so far, JSON
    error      TEXT,              -- why it failed
    changed_ts INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE server_notice_rooms (
    user_nid INTEGER PRIMARY KEY REFERENCES users (nid),
    room_nid INTEGER NOT NULL REFERENCES rooms (nid)
) STRICT;
CREATE TABLE reports (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    kind         TEXT NOT NULL,                       -- event, room, user
    reporter_nid INTEGER NOT NULL REFERENCES users (nid),
    room_nid     INTEGER REFERENCES rooms (nid),      -- of an event or a room
    event_id     TEXT,                                -- of an event
    target_nid   INTEGER REFERENCES users (nid),      -- the user, or who sent the event
    reason       TEXT,
    score        INTEGER,                             -- -100 (worst) to 0, from clients of old
    received_ts  INTEGER NOT NULL
) STRICT;
CREATE TABLE service_deliveries (
    service_id TEXT PRIMARY KEY,
    began_ts   INTEGER NOT NULL,  -- when the row was made; with `number` it names the transactions
    number     INTEGER NOT NULL,  -- of the last transaction, from 1
    body       TEXT,              -- of the last transaction, JSON
    reached    TEXT NOT NULL      -- how far in the stream the transactions have got, this one included
) STRICT, WITHOUT ROWID;
CREATE TABLE network_rooms (
    network  TEXT NOT NULL,       -- the service's id, a bar, and the network's
    room_nid INTEGER NOT NULL REFERENCES rooms (nid),
    PRIMARY KEY (network, room_nid)
) STRICT, WITHOUT ROWID;
CREATE TABLE stream_writers (
    writer   INTEGER PRIMARY KEY,   -- 0 for everybody: what lies before there were several
    began    INTEGER NOT NULL,      -- nothing of the writer is at or before this position
    position INTEGER NOT NULL       -- nothing that the writer will commit is at or before this one
) STRICT;
INSERT INTO "stream_writers" VALUES (1, 0, 1857);
DELETE FROM sqlite_sequence;
INSERT INTO "sqlite_sequence" VALUES ('rooms', 2);
CREATE VIRTUAL TABLE user_directory USING fts5(grams, content = '', contentless_delete = 1, tokenize = 'ascii');
DELETE FROM "user_directory_data";
INSERT INTO "user_directory_data" VALUES (1, X'0318');
INSERT INTO "user_directory_data" VALUES (10, X'00000000ff0000010103030003010101010100000102010102020000010301010303000001');
INSERT INTO "user_directory_data" VALUES (137438953473, X'000000270330616e010403060203ee80800104050601026e61010404060104ee8080610104020604080908');
INSERT INTO "user_directory_data" VALUES (274877906945, X'0000002803306265020403060102656e0204040601046eee8080020405060104ee808062020402060408080a');
INSERT INTO "user_directory_data" VALUES (412316860417, X'0000002703306576030403060203ee80800304050601027665030404060104ee8080650304020604080908');
DELETE FROM "user_directory_idx";
INSERT INTO "user_directory_idx" VALUES (1, X'', 2);
INSERT INTO "user_directory_idx" VALUES (2, X'', 2);
INSERT INTO "user_directory_idx" VALUES (3, X'', 2);
DELETE FROM "user_directory_docsize";
INSERT INTO "user_directory_docsize" VALUES (1, X'08', 1);
INSERT INTO "user_directory_docsize" VALUES (2, X'08', 2);
INSERT INTO "user_directory_docsize" VALUES (3, X'08', 3);
DELETE FROM "user_directory_config";
INSERT INTO "user_directory_config" VALUES ('version', 4);
CREATE VIRTUAL TABLE search USING fts5(
    terms, content = '', columnsize = 0, detail = 'none', tokenize = 'ascii'
);
DELETE FROM "search_data";
INSERT INTO "search_data" VALUES (1, X'');
INSERT INTO "search_data" VALUES (10, X'00000001000000');
DELETE FROM "search_idx";
DELETE FROM "search_config";
INSERT INTO "search_config" VALUES ('secure-delete', 1);
INSERT INTO "search_config" VALUES ('version', 4);
CREATE INDEX tokens_by_device ON tokens (user_nid, device_id);
CREATE INDEX tokens_by_issuer ON tokens (issuer_nid) WHERE issuer_nid IS NOT NULL;
CREATE INDEX passes_by_user ON passes (user_nid, purpose, expires_at);
CREATE INDEX passes_by_expiry ON passes (expires_at);
CREATE INDEX events_by_time ON events (room_nid, ts);
CREATE INDEX memberships_by_room ON memberships (room_nid, membership, seq);
CREATE INDEX relations_by_event ON relations (room_nid, seq);
CREATE INDEX conversation_relations ON relations (room_nid, seq) WHERE rel_type NOT IN ('m.annotation', 'm.replace');
CREATE INDEX relations_threads ON relations (room_nid, target_id, seq, sender_nid) WHERE rel_type = 'm.thread';
CREATE INDEX relations_edits ON relations (room_nid, target_id, seq) WHERE rel_type = 'm.replace';
CREATE INDEX relations_references ON relations (room_nid, target_id, seq) WHERE rel_type = 'm.reference';
CREATE INDEX annotations ON relations (room_nid, target_id, sender_nid, key) WHERE rel_type = 'm.annotation';
CREATE INDEX distant_relations_by_event ON distant_relations (room_nid, seq);
CREATE INDEX aliases_by_room ON aliases (room_nid);
CREATE INDEX aliases_by_creator ON aliases (creator_nid);
CREATE INDEX jobs_by_time ON jobs (run_at);
CREATE INDEX jobs_by_kind ON jobs (kind, run_at);
CREATE INDEX delayed_events_scheduled ON delayed_events (user_nid, scheduled_at + delay) WHERE finalised_at IS NULL;
CREATE INDEX delayed_events_due ON delayed_events (scheduled_at + delay) WHERE finalised_at IS NULL;
CREATE INDEX delayed_events_begun ON delayed_events (scheduled_at) WHERE finalised_at IS NULL;
CREATE INDEX delayed_events_finalised ON delayed_events (user_nid, finalised_at) WHERE finalised_at IS NOT NULL;
CREATE INDEX delayed_events_by_room ON delayed_events (room_nid);
CREATE INDEX receipts_by_position ON receipts (room_nid, position);
CREATE INDEX unread_counts_by_room ON unread_counts (room_nid);
CREATE INDEX thread_subscriptions_by_position ON thread_subscriptions (user_nid, position);
CREATE INDEX media_by_owner ON media (owner_nid, size);
CREATE INDEX media_by_content ON media (sha256) WHERE sha256 IS NOT NULL;
CREATE INDEX media_promised ON media (owner_nid, expires_ts) WHERE expires_ts IS NOT NULL;
CREATE INDEX media_unreferenced ON media (unreferenced_ts) WHERE unreferenced_ts IS NOT NULL;
CREATE INDEX media_references_by_media ON media_references (media);
CREATE INDEX thumbnails_by_content ON thumbnails (sha256);
CREATE INDEX url_previews_by_expiry ON url_previews (expires_ts);
CREATE INDEX presence_live ON presence (user_nid) WHERE live;
CREATE INDEX to_device_transactions_by_time ON to_device_transactions (ts);
CREATE INDEX pushers_by_key ON pushers (app_id, pushkey);
CREATE INDEX key_signatures_by_signer ON key_signatures (user_nid, position);
CREATE INDEX device_list_changes_by_position ON device_list_changes (position);
CREATE INDEX tasks_by_resource ON tasks (resource);
CREATE INDEX tasks_by_time ON tasks (changed_ts);
CREATE INDEX server_notice_rooms_by_room ON server_notice_rooms (room_nid);
CREATE INDEX reports_by_kind ON reports (kind, id);
CREATE INDEX reports_by_reporter ON reports (reporter_nid);
CREATE INDEX reports_by_room ON reports (room_nid);
CREATE INDEX network_rooms_by_room ON network_rooms (room_nid);
COMMIT;
PRAGMA user_version = 3;
