/** Messages by their id, wherever they are: in what is loaded, or on the server. */
import type { MatrixClient, MatrixEvent, Room } from "matrix-js-sdk/lib/matrix.js";
import { bodyOf, personOf } from "./events.ts";
import type { MessageSummary } from "./types.ts";

/** A message without what belongs to its place in a timeline; nothing for what shows nothing. */
export function summaryOf(event: MatrixEvent, room: Room): MessageSummary | undefined {
  const id = event.getId();
  const body = bodyOf(event, room);
  if (id === undefined || body === undefined) return undefined;
  const sender = personOf(room, event.getSender() ?? "");
  return { roomId: room.roomId, id, sender, own: sender.id === room.myUserId, timestamp: event.getTs(), body };
}

export async function findEvent(client: MatrixClient, room: Room, eventId: string): Promise<MatrixEvent> {
  const known = room.findEventById(eventId);
  if (known !== undefined) return known;
  const event = client.getEventMapper({ preventReEmit: true })(await client.fetchRoomEvent(room.roomId, eventId));
  await client.decryptEventIfNeeded(event).catch(() => undefined);
  return event;
}
