-- Positions compare as numbers, whoever wrote them. Those from before are numbers already, of the one writer that there
-- was: they stay, and row 0 says up to where they go. Whoever writes next goes on above it.
ALTER TABLE stream_writers RENAME TO old_writers;
CREATE TABLE stream_writers (
    writer   INTEGER PRIMARY KEY,   -- 0 for everybody: what lies before there were several
    began    INTEGER NOT NULL,      -- nothing of the writer is at or before this position
    position INTEGER NOT NULL       -- nothing that the writer will commit is at or before this one
) STRICT;
INSERT INTO stream_writers (writer, began, position) SELECT 0, 0, sequence FROM old_writers WHERE writer = 1;
DROP TABLE old_writers;
