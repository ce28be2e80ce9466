-- The outbox: side effects written in the transaction that causes them, delivered at least once afterwards.
CREATE TABLE jobs (
    id       INTEGER PRIMARY KEY,
    kind     TEXT NOT NULL,
    payload  TEXT NOT NULL,
    run_at   INTEGER NOT NULL,  -- milliseconds since the epoch
    attempts INTEGER NOT NULL DEFAULT 0,
    failure  TEXT               -- why the last attempt failed
) STRICT;
CREATE INDEX jobs_by_time ON jobs (run_at);
CREATE INDEX jobs_by_kind ON jobs (kind, run_at);

-- How far each writer's part of the stream has got.
CREATE TABLE stream_writers (
    writer   INTEGER PRIMARY KEY,
    sequence INTEGER NOT NULL
) STRICT;
