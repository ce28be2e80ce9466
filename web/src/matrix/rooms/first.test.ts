import { expect, test, vi } from "vitest";
import { Observable } from "../../lib/observable.ts";
import type { Conversation } from "../types.ts";
import { firstRows, keepFirstRows } from "./first.ts";
import type { SummaryStore } from "./store.ts";

const row = (id: string, change: Partial<Conversation> = {}): Conversation => ({
  id,
  name: id,
  colourId: id,
  membership: "join",
  direct: false,
  activity: 0,
  unread: 0,
  highlights: 0,
  muted: false,
  pinned: false,
  typing: [],
  preview: {
    sender: { id: "@a:b", name: "A" },
    own: false,
    body: { kind: "text", style: "text", text: "hi" },
    timestamp: 0,
    status: "sent",
  },
  ...change,
});

test("what is on top comes first, what was put away does not come, and there is an end", () => {
  const many = Array.from({ length: 100 }, (_, index) => row(`!${index}`));
  const rows = firstRows([row("!away", { archived: true }), ...many, row("!pin", { pinned: true })]);
  expect(rows.map(({ id }) => id).slice(0, 3)).toEqual(["!pin", "!0", "!1"]);
  expect(rows).toHaveLength(50);
  expect(rows.every(({ partial }) => partial)).toBe(true);
});

test("what was said in encrypted chats is not kept", () => {
  const [open, secret] = firstRows([row("!open", { typing: ["Bo"] }), row("!secret", { encrypted: true })]);
  expect(open?.preview?.body).toMatchObject({ text: "hi" });
  expect(open?.typing).toEqual([]);
  expect(secret?.preview).toBeUndefined();
});

test("remarks are not kept", () => {
  const [chat] = firstRows([row("!chat", { name: "my landlord", ownName: "Bo" })]);
  expect(chat).toMatchObject({ id: "!chat", name: "Bo" });
  expect(JSON.stringify(chat)).not.toContain("landlord");
});

test("many changes are written once", async () => {
  vi.useFakeTimers();
  const saveFirst = vi.fn(async () => undefined);
  const list = new Observable<readonly Conversation[]>([]);
  const stop = keepFirstRows(list, { saveFirst } as unknown as SummaryStore);
  for (let change = 0; change < 10; change++) list.set([row(`!${change}`)]);
  await vi.advanceTimersByTimeAsync(3_000);
  expect(saveFirst).toHaveBeenCalledTimes(1);
  expect(saveFirst).toHaveBeenCalledWith([expect.objectContaining({ id: "!9" })]);
  stop();
  list.set([]);
  await vi.advanceTimersByTimeAsync(3_000);
  expect(saveFirst).toHaveBeenCalledTimes(1);
  vi.useRealTimers();
});
