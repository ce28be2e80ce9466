-- What has changed of a room's state since a number is found without going through all its members.
CREATE INDEX state_history_by_seq ON state_history (room_nid, seq);
