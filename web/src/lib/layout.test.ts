import { expect, test } from "vitest";
import type { TimelineEvent } from "../matrix/types.ts";
import { GROUP_GAP, layoutTimeline } from "./layout.ts";

const noon = new Date(2026, 10, 22, 12, 0).getTime();

function event(id: string, sender: string, timestamp: number, extra: Partial<TimelineEvent> = {}): TimelineEvent {
  return {
    key: id,
    id,
    sender: { id: sender, name: sender },
    own: sender === "me",
    timestamp,
    body: { kind: "text", style: "text", text: id },
    status: "sent",
    edited: false,
    reactions: [],
    readBy: [],
    can: { edit: false, delete: false, react: true },
    ...extra,
  };
}

/** One word per row: `[day]`, `[new]`, `(change)`, and messages with `<` and `>` where a group starts and ends. */
function sketch(events: TimelineEvent[], readUpTo?: string): string {
  return layoutTimeline(events, readUpTo)
    .map((row) => {
      if (row.type === "day") return "[day]";
      if (row.type === "unread") return "[new]";
      if (row.type === "change") return `(${row.event.id})`;
      const shown = row.album?.map(({ id }) => id).join("+") ?? row.event.id;
      return `${row.first ? "<" : ""}${shown}${row.last ? ">" : ""}`;
    })
    .join(" ");
}

test("one line stands for all that one person changed about servers, one after the other", () => {
  const change = (id: string, sender: string, what: "servers" | "slowed", later = 0) =>
    event(id, sender, noon + later, { body: { kind: "change", change: { what } } });
  const three = [change("x", "ana", "servers"), change("y", "ana", "servers"), change("z", "ana", "servers")];
  expect(sketch(three)).toBe("[day] (z)");
  expect(sketch([...three, change("b", "bo", "servers"), change("c", "bo", "slowed")])).toBe("[day] (z) (b) (c)");
  expect(sketch([change("x", "ana", "servers"), event("a", "ana", noon), change("y", "ana", "servers")])).toBe(
    "[day] (x) <a> (y)",
  );
  const day = 24 * 3_600_000;
  expect(sketch([change("x", "ana", "servers"), change("y", "ana", "servers", day)])).toBe("[day] (x) [day] (y)");
});

test("messages of one sender form a group", () => {
  const events = [event("a", "ana", noon), event("b", "ana", noon + 1000), event("c", "me", noon + 2000)];
  expect(sketch(events)).toBe("[day] <a b> <c>");
});

test("a pause ends a group", () => {
  expect(sketch([event("a", "ana", noon), event("b", "ana", noon + GROUP_GAP)])).toBe("[day] <a> <b>");
});

test("midnight ends a group and adds a separator", () => {
  const midnight = new Date(2026, 10, 23).getTime();
  expect(sketch([event("a", "ana", midnight - 1000), event("b", "ana", midnight + 1000)])).toBe("[day] <a> [day] <b>");
});

test("a change of the room stands between groups", () => {
  const change = event("x", "ana", noon + 1, { body: { kind: "change", change: { what: "joined" } } });
  expect(sketch([event("a", "ana", noon), change, event("b", "ana", noon + 2)])).toBe("[day] <a> (x) <b>");
});

test("the line stands before the first unread message of somebody else", () => {
  const events = [
    event("a", "ana", noon),
    event("b", "me", noon + 1),
    event("c", "ana", noon + 2),
    event("d", "ana", noon + 3),
  ];
  expect(sketch(events, "a")).toBe("[day] <a> <b> [new] <c d>");
  expect(sketch(events, "d")).toBe("[day] <a> <b> <c d>");
  expect(sketch(events, "unknown")).toBe("[day] <a> <b> <c d>");
});

test("row keys are unique", () => {
  const events = [event("a", "ana", noon), event("b", "ana", noon - 86_400_000), event("c", "ana", noon)];
  const keys = layoutTimeline(events, "a").map((row) => row.key);
  expect(new Set(keys).size).toBe(keys.length);
});

function picture(id: string, timestamp: number, body: { album?: string; caption?: string } = {}, extra = {}) {
  const media = { mxc: "mxc://localhost/a", name: id };
  return event(id, "ana", timestamp, { body: { kind: "image", media, ...body }, ...extra });
}

test("pictures that follow each other at once are one album", () => {
  expect(sketch([picture("a", noon), picture("b", noon + 1000), event("c", "ana", noon + 2000)])).toBe("[day] <a+b c>");
  expect(sketch([picture("a", noon), picture("b", noon + 60_000)])).toBe("[day] <a b>");
});

test("pictures that were sent together are one album, and no other picture joins it", () => {
  const first = { album: "1" };
  const events = [picture("a", noon, first), picture("b", noon + 60_000, first), picture("c", noon + 61_000)];
  expect(sketch([...events, picture("d", noon + 62_000, { album: "2" })])).toBe("[day] <a+b c d>");
});

test("a picture that moves stands by itself, unless it was sent together with others", () => {
  const moving = (id: string, timestamp: number, album?: string) => {
    const media = { mxc: "mxc://localhost/a", name: id, mimetype: "image/gif" };
    return event(id, "ana", timestamp, { body: { kind: "image", media, album } });
  };
  expect(sketch([moving("a", noon), moving("b", noon + 1)])).toBe("[day] <a b>");
  expect(sketch([picture("a", noon), moving("b", noon + 1), picture("c", noon + 2)])).toBe("[day] <a b c>");
  expect(sketch([moving("a", noon, "1"), moving("b", noon + 1, "1")])).toBe("[day] <a+b>");
});

test("a picture with words, an answer, or one that was refused stands by itself", () => {
  const words = [
    picture("a", noon, { caption: "Look" }),
    picture("b", noon + 1),
    picture("c", noon + 2, { caption: "!" }),
  ];
  expect(sketch(words)).toBe("[day] <a+b c>");
  const answer = { quote: { eventId: "x", own: false } };
  expect(sketch([picture("a", noon), picture("b", noon + 1, {}, answer)])).toBe("[day] <a b>");
  expect(sketch([picture("a", noon), picture("b", noon + 1, {}, { status: "failed" })])).toBe("[day] <a b>");
});

test("an album ends at the unread line, and has at most ten pictures", () => {
  expect(sketch([picture("a", noon), picture("b", noon + 1)], "a")).toBe("[day] <a> [new] <b>");
  const many = Array.from({ length: 12 }, (_, index) => picture(String(index), noon + index));
  expect(sketch(many)).toBe("[day] <0+1+2+3+4+5+6+7+8+9 10+11>");
});
