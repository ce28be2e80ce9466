-- Which node runs a job, and until when no other may run it.
ALTER TABLE jobs ADD COLUMN claimed_by    INTEGER;                     -- the node, by its number as a writer
ALTER TABLE jobs ADD COLUMN claimed_until INTEGER NOT NULL DEFAULT 0;  -- milliseconds since the epoch
