-- Full-text search: which events have which terms, as the engine makes them. Contentless and without places within
-- the text: a posting is a byte or two, and what is found is compared with the event's own text. The row number is the
-- event's position. One term of each row names the room.
CREATE VIRTUAL TABLE search USING fts5(
    terms, content = '', columnsize = 0, detail = 'none', tokenize = 'ascii'
);
-- Terms that are taken out are gone from the index at once, and not only when it is merged.
INSERT INTO search (search, rank) VALUES ('secure-delete', 1);

-- The newest entries of the index, written with their events. They enter `search` many at a time: adding them one by
-- one would cost several times as much.
CREATE TABLE search_pending (
    nid      INTEGER PRIMARY KEY,      -- from 1 since entries were last moved
    position INTEGER NOT NULL,
    room_nid INTEGER NOT NULL,
    terms    TEXT NOT NULL             -- separated by spaces
) STRICT;
