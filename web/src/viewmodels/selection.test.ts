import { expect, test } from "vitest";
import type { TimelineEvent } from "../matrix/types.ts";
import { copiedText, Selection } from "./selection.ts";

function event(id: string, sender: string, timestamp: number): TimelineEvent {
  return {
    key: id,
    id,
    sender: { id: sender, name: sender },
    own: false,
    timestamp,
    body: { kind: "text", style: "text", text: id },
    status: "sent",
    edited: false,
    reactions: [],
    readBy: [],
    can: { edit: false, delete: false, react: true },
  };
}

test("choosing ends when nothing is chosen any more", () => {
  const selection = new Selection();
  const one = event("$1", "Ana", 1);
  selection.toggle(one);
  expect([...(selection.chosen.get()?.keys() ?? [])]).toEqual(["$1"]);
  selection.toggle(one);
  expect(selection.chosen.get()).toBeUndefined();
});

test("what is not on the server cannot be chosen", () => {
  const selection = new Selection();
  selection.toggle({ ...event("$1", "Ana", 1), id: undefined });
  expect(selection.chosen.get()).toBeUndefined();
});

test("copied messages stand in their order, with names where there are several", () => {
  const text = ({ key }: TimelineEvent) => key;
  expect(copiedText([event("b", "Ana", 2), event("a", "Ana", 1)], text)).toBe("a\nb");
  expect(copiedText([event("b", "Bo", 2), event("a", "Ana", 1)], text)).toBe("Ana: a\nBo: b");
});
