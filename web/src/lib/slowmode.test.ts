import { expect, test } from "vitest";
import { pauseLeft, readSlowMode } from "./slowmode.ts";

test.each([
  [{ seconds: 30 }, 30],
  [{ seconds: -1 }, 0],
  [{ seconds: "30" }, 0],
  [{ seconds: 1.5 }, 0],
  [{ seconds: 10_000_000 }, 21_600],
  [{}, 0],
  [undefined, 0],
])("%j is %i seconds", (content, seconds) => {
  expect(readSlowMode(content)).toBe(seconds);
});

test("the pause begins with the last message, and a wrong clock does not make it longer", () => {
  expect(pauseLeft(30, 1_000, 11_000)).toBe(20_000);
  expect(pauseLeft(30, 1_000, 31_000)).toBe(0);
  expect(pauseLeft(30, 900_000, 0)).toBe(30_000);
  expect(pauseLeft(30, undefined, 0)).toBe(0);
  expect(pauseLeft(0, 1_000, 1_000)).toBe(0);
});
