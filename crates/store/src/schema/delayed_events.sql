-- Events that clients want sent later (MSC4140), and for a while the outcome of those that were.
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
CREATE INDEX delayed_events_scheduled ON delayed_events (user_nid, scheduled_at + delay) WHERE finalised_at IS NULL;
CREATE INDEX delayed_events_due ON delayed_events (scheduled_at + delay) WHERE finalised_at IS NULL;
CREATE INDEX delayed_events_begun ON delayed_events (scheduled_at) WHERE finalised_at IS NULL;
CREATE INDEX delayed_events_finalised ON delayed_events (user_nid, finalised_at) WHERE finalised_at IS NOT NULL;
CREATE INDEX delayed_events_by_room ON delayed_events (room_nid);
