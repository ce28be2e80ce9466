import { expect, test } from "vitest";
import { Wanted } from "../../lib/words.ts";
import { ProblemError } from "../errors.ts";
import type { MessageSummary } from "../types.ts";
import { finder, type Source } from "./merge.ts";

function message(at: number): MessageSummary {
  const sender = { id: "@ana:x", name: "ana" };
  const body = { kind: "text", style: "text", text: `Café at ${at}` } as const;
  return { roomId: "!a", id: `$${at}`, sender, own: false, timestamp: at, body };
}

class Place implements Source {
  failing = false;
  constructor(private readonly times: number[]) {}

  async peek() {
    if (this.failing) throw new ProblemError({ kind: "offline" });
    return this.times[0] === undefined ? undefined : message(this.times[0]);
  }

  take() {
    this.times.shift();
  }
}

const range = (from: number, to: number, step: number) =>
  Array.from({ length: Math.ceil((from - to) / step) }, (_, index) => from - index * step);

test("the results of all places come newest first, page by page, each once", async () => {
  const next = finder(new Wanted("cafe"), [new Place(range(100, 0, 3)), new Place(range(99, 0, 4)), new Place([])]);
  const times: number[] = [];
  for (;;) {
    const page = await next();
    times.push(...page.messages.map(({ timestamp }) => timestamp));
    expect(page.messages.length).toBeLessThanOrEqual(24);
    if (page.next === undefined) break;
  }
  expect(times).toEqual([...range(100, 0, 3), ...range(99, 0, 4)].sort((a, b) => b - a));
});

test("what was looked for is marked as it is written", async () => {
  const { words } = await finder(new Wanted("cafe"), [new Place([1])])();
  expect(words).toEqual(["cafe", "café"]);
});

test("a place that fails is told of, and asked again", async () => {
  const [here, there] = [new Place([5, 3]), new Place([4])];
  there.failing = true;
  const next = finder(new Wanted("cafe"), [here, there]);
  const first = await next();
  expect(first.messages.map(({ timestamp }) => timestamp)).toEqual([5, 3]);
  expect(first).toMatchObject({ problem: { kind: "offline" }, next: "more" });
  there.failing = false;
  const second = await next();
  expect(second.messages.map(({ timestamp }) => timestamp)).toEqual([4]);
  expect(second.next).toBeUndefined();
});

test("nothing is looked for without words", async () => {
  expect(await finder(new Wanted(" … "), [new Place([1])])()).toMatchObject({ messages: [], next: undefined });
});
