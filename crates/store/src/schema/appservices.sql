-- What each application service is being told: one row a service. While `body` is there, it is the last transaction,
-- which the service has not acknowledged and which is sent again as it is, byte by byte, until it does.
CREATE TABLE service_deliveries (
    service_id TEXT PRIMARY KEY,
    began_ts   INTEGER NOT NULL,  -- when the row was made; with `number` it names the transactions
    number     INTEGER NOT NULL,  -- of the last transaction, from 1
    body       TEXT,              -- of the last transaction, JSON
    reached    TEXT NOT NULL      -- how far in the stream the transactions have got, this one included
) STRICT, WITHOUT ROWID;

-- The rooms that application services publish for the networks they bridge, apart from the server's own directory.
CREATE TABLE network_rooms (
    network  TEXT NOT NULL,       -- the service's id, a bar, and the network's
    room_nid INTEGER NOT NULL REFERENCES rooms (nid),
    PRIMARY KEY (network, room_nid)
) STRICT, WITHOUT ROWID;
CREATE INDEX network_rooms_by_room ON network_rooms (room_nid);
