/** Who is in a room's call, as far as its state is here. Read for every room of the list: it knows of no media. */
import type { Room } from "matrix-js-sdk/lib/matrix.js";
import { CALL_MEMBER, type CallMember, membersAt } from "../../lib/callmembers.ts";

/** Whoever has left the room is not in its call either, whatever their membership says. */
export function callMembers(room: Room, now = Date.now()): readonly CallMember[] {
  const events = room.currentState.getStateEvents(CALL_MEMBER);
  if (events.length === 0) return [];
  const all = events.map((event) => ({
    sender: event.getSender() ?? "",
    timestamp: event.getTs(),
    content: event.getContent(),
  }));
  return membersAt(all, now).filter(({ userId }) => room.hasMembershipState(userId, "join"));
}

/** How many people are in the call, with however many devices. */
export function peopleIn(members: readonly CallMember[]): number {
  return new Set(members.map(({ userId }) => userId)).size;
}
