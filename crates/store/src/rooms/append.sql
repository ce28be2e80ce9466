-- Appending an event, as one statement: whoever inserts into `appended_events` adds the event to its room and notes the
-- client's transaction. The room has to be where the event was built on, one before its number; else nothing happens
-- and the statement fails. Made anew for each writing connection, so that it is the program's and never an older one's.
CREATE TEMP VIEW appended_events (
    position, room_nid, seq, event_id, sender_nid, ts, pdu, bumps, kind, user_nid, device_id, txn_id
) AS SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL;

CREATE TEMP TRIGGER append_event INSTEAD OF INSERT ON appended_events BEGIN
    UPDATE rooms SET head_seq = NEW.seq, last_position = NEW.position,
           bump_position = CASE WHEN NEW.bumps THEN NEW.position ELSE bump_position END
    WHERE nid = NEW.room_nid AND head_seq = NEW.seq - 1 AND NOT purging;
    SELECT RAISE(ABORT, 'the room has moved on') WHERE changes() = 0;
    INSERT INTO events (position, room_nid, seq, event_id, sender_nid, ts, pdu)
    VALUES (NEW.position, NEW.room_nid, NEW.seq, NEW.event_id, NEW.sender_nid, NEW.ts, NEW.pdu);
    INSERT INTO transactions (position, user_nid, device_id, room_nid, kind, txn_id)
    SELECT NEW.position, NEW.user_nid, NEW.device_id, NEW.room_nid, NEW.kind, NEW.txn_id WHERE NEW.txn_id IS NOT NULL;
END;
