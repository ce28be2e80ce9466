/** Shows items of the outbox as the events that they will become. */
import { MatrixEvent } from "matrix-js-sdk/lib/matrix.js";
import type { SendStatus } from "../types.ts";
import { isUploaded, type OutboxItem, relationOf, withAddresses } from "./item.ts";

const events = new WeakMap<OutboxItem, MatrixEvent>();

/** The event that an item of this account will become. */
export function localEvent(item: OutboxItem, sender: string): MatrixEvent {
  let event = events.get(item);
  if (event === undefined) {
    const { action, roomId, txnId, createdAt, attachments } = item;
    event = new MatrixEvent({
      ...(action.kind === "event"
        ? { type: action.type, content: withAddresses(action.content, attachments) }
        : { type: "m.room.redaction", content: { reason: action.reason }, redacts: action.target }),
      event_id: item.eventId ?? `~${txnId}`,
      room_id: roomId,
      sender,
      origin_server_ts: createdAt,
      unsigned: { transaction_id: txnId },
    });
    events.set(item, event);
  }
  return event;
}

/** Whether an item is a message of its own: not a change of another one, and not a file that is still on its way up. */
export function isMessage(item: OutboxItem): boolean {
  return changeOf(item) === undefined && isUploaded(item);
}

/** What an item does to another event, by its relation. */
export function changeOf(item: OutboxItem): "edit" | "reaction" | "deletion" | "other" | undefined {
  const { action } = item;
  if (action.kind === "redaction") return "deletion";
  const relation = relationOf(action.content);
  switch (relation?.rel_type) {
    case "m.replace":
      return "edit";
    case "m.annotation":
      return "reaction";
    case "m.reference":
      // Votes and ends of polls; a message may refer to another and stand for itself all the same.
      return action.type === "m.room.message" ? undefined : "other";
    default:
      return undefined;
  }
}

export function sendStatusOf({ state }: OutboxItem): SendStatus {
  switch (state) {
    case "sent":
      return "sent";
    case "refused":
      return "failed";
    case "waiting":
      return "waiting";
    default:
      return "sending";
  }
}
