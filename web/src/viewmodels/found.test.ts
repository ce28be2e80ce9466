import { expect, test } from "vitest";
import type { FoundPage, MessageSummary } from "../matrix/types.ts";
import { FoundModel } from "./found.ts";

const message = (id: string): MessageSummary => ({
  roomId: "!r",
  id,
  sender: { id: "@ana:x", name: "Ana" },
  own: false,
  timestamp: 0,
  body: { kind: "text", style: "text", text: id },
});

test("pages follow each other until there is none", async () => {
  const model = new FoundModel();
  const pages: Record<string, FoundPage> = {
    first: { messages: [message("a")], next: "second", words: ["x"] },
    second: { messages: [message("b")], words: ["x", "y"] },
  };
  await model.start(async (from = "first") => pages[from] ?? { messages: [] });
  expect(model.snapshot.get()).toMatchObject({ more: true, busy: false });
  model.more();
  await Promise.resolve();
  await Promise.resolve();
  const { messages, words, more } = model.snapshot.get();
  expect([messages.map(({ id }) => id), words, more]).toEqual([["a", "b"], ["x", "y"], false]);
});

test("what was looked for before comes too late", async () => {
  const model = new FoundModel();
  let answer: (page: FoundPage) => void = () => undefined;
  const slow = model.start(() => new Promise((resolve) => (answer = resolve)));
  await model.start(async () => ({ messages: [message("new")] }));
  answer({ messages: [message("old")] });
  await slow;
  expect(model.snapshot.get().messages.map(({ id }) => id)).toEqual(["new"]);
});

test("a failure can be tried again", async () => {
  const model = new FoundModel();
  let fails = true;
  await model.start(async () => {
    if (fails) throw new TypeError("Failed to fetch");
    return { messages: [message("a")] };
  });
  expect(model.snapshot.get()).toMatchObject({ problem: { kind: "offline" }, more: true });
  fails = false;
  model.more();
  await Promise.resolve();
  await Promise.resolve();
  expect(model.snapshot.get().problem).toBeUndefined();
  expect(model.snapshot.get().more).toBe(false);
});
