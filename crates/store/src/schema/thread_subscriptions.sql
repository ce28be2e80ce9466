-- What a user has said of following a thread: one row a thread of which anything was ever said. A subscription that
-- was taken back stays as a row with `subscribed` 0, so that clients hear of it, and so that a client that has been
-- asleep does not make an automatic one again for an event up to `until_seq`, the room's last when it was taken back.
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
CREATE INDEX thread_subscriptions_by_position ON thread_subscriptions (user_nid, position);
