import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { InSight } from "./insight.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("what is scrolled past is not loaded", () => {
  const load = vi.fn(async () => undefined);
  const sight = new InSight(load);
  const gone = sight.add("!a");
  vi.advanceTimersByTime(300);
  gone();
  sight.add("!b");
  sight.add("!c");
  vi.advanceTimersByTime(1000);
  expect(load.mock.calls).toEqual([[["!b", "!c"]]]);
});

test("no more than two hundred are loaded in a session", () => {
  const load = vi.fn(async (_ids: readonly string[]) => undefined);
  const sight = new InSight(load);
  for (let screen = 0; screen < 10; screen++) {
    const gone = Array.from({ length: 30 }, (_, row) => sight.add(`!${screen}-${row}`));
    vi.advanceTimersByTime(1000);
    for (const leave of gone) leave();
  }
  expect(load.mock.calls.flatMap(([ids]) => ids)).toHaveLength(200);
});
