-- Work that only one node may do at a time: one row for each piece of work that some node does.
CREATE TABLE leases (
    name   TEXT PRIMARY KEY,
    holder INTEGER NOT NULL,  -- the node, by its number as a writer
    until  INTEGER NOT NULL   -- milliseconds since the epoch: then another node may take it
) STRICT, WITHOUT ROWID;

-- How far each follower has got in the stream. Before, the cursor of push was a value of the server, and that of an
-- application service stood beside its transaction.
CREATE TABLE followers (
    name    TEXT PRIMARY KEY,
    reached TEXT NOT NULL
) STRICT, WITHOUT ROWID;
-- A sync token without its letter and without its number of the memory-only signals is a place in the stream.
INSERT INTO followers (name, reached)
    SELECT 'push', substr(token, 2, instr(token, '~') - 2)
    FROM (SELECT CAST(value AS TEXT) AS token FROM server WHERE name = 'push_cursor');
DELETE FROM server WHERE name = 'push_cursor';
INSERT INTO followers (name, reached) SELECT 'appservice/' || service_id, reached FROM service_deliveries;
ALTER TABLE service_deliveries DROP COLUMN reached;
