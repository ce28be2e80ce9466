/** How often one may write in a room, and when one has written last. */
import type { MatrixEvent, Room } from "matrix-js-sdk/lib/matrix.js";
import { POWER } from "../lib/powers.ts";
import { isPost, readSlowMode, SLOW_MODE } from "../lib/slowmode.ts";

/** Seconds between two messages. Slow mode is for members: those who may remove them are not held up. */
export function paceOf(room: Room): number {
  const seconds = readSlowMode(room.currentState.getStateEvents(SLOW_MODE, "")?.getContent());
  const power = room.getMember(room.myUserId)?.powerLevel ?? 0;
  return room.getMyMembership() === "join" && power < POWER.moderator ? seconds : 0;
}

/** The last message of one's own that the server has taken, of what is loaded. */
export function lastPost(room: Room): MatrixEvent | undefined {
  const events = room.getLiveTimeline().getEvents();
  return events.findLast(
    (event) =>
      event.getSender() === room.myUserId &&
      isPost(event.getType(), event.getRelation()?.rel_type) &&
      event.getId()?.startsWith("$"),
  );
}
