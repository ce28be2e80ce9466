/** Turns the events of a timeline into the rows that are shown: separators, groups by sender, the "new messages" line. */
import type { TimelineEvent } from "../matrix/types.ts";
import { moves } from "./gifs.ts";
import { startOfDay } from "./time.ts";

export type Row =
  | { type: "day"; key: string; timestamp: number }
  | { type: "unread"; key: string }
  | { type: "change"; key: string; event: TimelineEvent }
  | MessageRow;

export interface MessageRow {
  type: "message";
  key: string;
  event: TimelineEvent;
  first: boolean;
  last: boolean;
  read: boolean;
  /** Pictures that are shown as one, `event` being the first of them. */
  album?: readonly TimelineEvent[];
}

/** Pictures without a mark belong together when they follow each other as quickly as this. */
const ALBUM_GAP = 20_000;
const ALBUM_MOST = 10;

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
      const above = rows.at(-1);
      if (above?.type === "change" && saysTheSame(above.event, event)) rows.pop();
      rows.push({ type: "change", key: event.key, event });
      return;
    }
    const next = events[index + 1];
    const last = index + 1 === unreadIndex || !together(event, next);
    const read = index < readBefore;
    const above = rows.at(-1);
    const album = above?.type === "message" ? (above.album ?? [above.event]) : [];
    // The separators are rows of their own: what follows one follows no message.
    if (above?.type === "message" && !above.last && joinsAlbum(album, event)) {
      rows[rows.length - 1] = { ...above, last, read, album: [...album, event] };
      return;
    }
    rows.push({
      type: "message",
      key: event.key,
      event,
      first: newDay || index === unreadIndex || !together(previous, event),
      last,
      read,
    });
  });
  return rows;
}

/** Lists of servers are changed in steps, of which the sentence is the same: the last one stands for all. */
function saysTheSame(before: TimelineEvent, event: TimelineEvent): boolean {
  const isList = ({ body }: TimelineEvent) => body.kind === "change" && body.change.what === "servers";
  return isList(before) && isList(event) && before.sender.id === event.sender.id;
}

/** Whether a picture is shown with those above it. With words of its own, or an answer, it stands by itself. */
function joinsAlbum(album: readonly TimelineEvent[], event: TimelineEvent): boolean {
  const before = album.at(-1);
  if (before === undefined || album.length >= ALBUM_MOST) return false;
  if (!isSeen(before) || !isSeen(event)) return false;
  if (before.sender.id !== event.sender.id || event.body.caption !== undefined) return false;
  if (event.quote !== undefined || event.thread !== undefined || before.thread !== undefined) return false;
  if (before.status === "failed" || event.status === "failed") return false;
  if (before.body.album !== event.body.album) return false;
  if (event.body.album !== undefined) return true;
  // Pictures that move say something each, one after the other; in an album they would stand still.
  return event.timestamp - before.timestamp < ALBUM_GAP && !moves(before.body.media) && !moves(event.body.media);
}

type MediaKind = "image" | "video" | "audio" | "file";
type Seen = TimelineEvent & { body: Extract<TimelineEvent["body"], { kind: MediaKind }> };

function isSeen(event: TimelineEvent): event is Seen {
  return event.body.kind === "image" || event.body.kind === "video";
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
