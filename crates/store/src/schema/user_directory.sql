-- The user directory: per local user the overlapping pairs of characters of their localpart and display name, as the
-- engine makes them. The row number is the user's. Pairs find parts of words, in scripts without spaces too.
CREATE VIRTUAL TABLE user_directory USING fts5(grams, content = '', contentless_delete = 1, tokenize = 'ascii');

-- The rooms that anybody may join or read: their members are visible to all. Derived from the current state.
CREATE TABLE open_rooms (
    room_nid INTEGER PRIMARY KEY REFERENCES rooms (nid)
) STRICT;
