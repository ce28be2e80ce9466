/** Turns the events of a timeline into the rows that are shown: separators, groups by sender, the "new messages" line. */
import type { TimelineEvent } from "../matrix/types.ts";
import { startOfDay } from "./time.ts";

export type Row =
  | { type: "day"; key: string; timestamp: number }
  | { type: "unread"; key: string }
  | { type: "change"; key: string; event: TimelineEvent }
  | { type: "message"; key: string; event: TimelineEvent; first: boolean; last: boolean; read: boolean };

/** Messages of one person that are further apart than this start a new group. */
export const GROUP_GAP = 5 * 60_000;

export function layoutTimeline(events: readonly TimelineEvent[], readUpTo: string | undefined): Row[] {
  const rows: Row[] = [];
  const unreadIndex = firstUnread(events, readUpTo);
  // Whoever has read, or written, a message has seen those above it.
  const readBefore = events.findLastIndex(({ own, readBy }) => !own || readBy.length > 0) + 1;
  events.forEach((event, index) => {
    const previous = events[index - 1];
    const newDay = previous === undefined || startOfDay(previous.timestamp) !== startOfDay(event.timestamp);
    if (newDay)
      rows.push({
        type: "day",
        key: `day-${startOfDay(event.timestamp)}-${index === 0 ? "" : event.key}`,
        timestamp: event.timestamp,
      });
    if (index === unreadIndex) rows.push({ type: "unread", key: "unread" });
    if (event.body.kind === "change") {
      rows.push({ type: "change", key: event.key, event });
      return;
    }
    const next = events[index + 1];
    rows.push({
      type: "message",
      key: event.key,
      event,
      first: newDay || index === unreadIndex || !together(previous, event),
      last: index + 1 === unreadIndex || !together(event, next),
      read: index < readBefore,
    });
  });
  return rows;
}

/** The first event of somebody else after the one that was read last. */
function firstUnread(events: readonly TimelineEvent[], readUpTo: string | undefined): number {
  if (readUpTo === undefined) return -1;
  const read = events.findIndex((event) => event.id === readUpTo);
  if (read < 0) return -1;
  const next = events.findIndex((event, index) => index > read && !event.own && event.body.kind !== "change");
  return next;
}

function together(a: TimelineEvent | undefined, b: TimelineEvent | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  if (a.body.kind === "change" || b.body.kind === "change") return false;
  return (
    a.sender.id === b.sender.id &&
    b.timestamp - a.timestamp < GROUP_GAP &&
    startOfDay(a.timestamp) === startOfDay(b.timestamp)
  );
}
