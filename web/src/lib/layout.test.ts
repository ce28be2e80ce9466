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
      return `${row.first ? "<" : ""}${row.event.id}${row.last ? ">" : ""}`;
    })
    .join(" ");
}

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
