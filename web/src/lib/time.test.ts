import { expect, test } from "vitest";
import { clockTime, dayName, daysBetween, fileSize, listTime, playTime } from "./time.ts";

const now = new Date(2026, 10, 22, 15, 30).getTime();
const at = (...args: [number, number, number, number, number]) => new Date(...args).getTime();

test.each([
  [at(2026, 10, 22, 9, 5), "9:05 AM", "09:05"],
  [at(2026, 10, 21, 23, 59), "Yesterday", "昨天"],
  [at(2026, 10, 18, 12, 0), "Wed", "周三"],
  [at(2026, 2, 3, 12, 0), "Mar 3", "3月3日"],
  [at(2024, 2, 3, 12, 0), "3/3/2024", "2024/3/3"],
])("list time %#", (timestamp, english, chinese) => {
  expect(listTime(timestamp, now, "en-US").replace(/\s/g, " ")).toBe(english);
  expect(listTime(timestamp, now, "zh-CN")).toBe(chinese);
});

test("day names", () => {
  expect(dayName(now, now, "en-US")).toBe("Today");
  expect(dayName(at(2026, 10, 21, 1, 0), now, "zh-CN")).toBe("昨天");
  expect(dayName(at(2026, 10, 16, 1, 0), now, "en-US")).toBe("Monday, November 16");
  expect(dayName(at(2025, 10, 16, 1, 0), now, "en-US")).toBe("Sunday, November 16, 2025");
});

test("days are calendar days", () => {
  expect(daysBetween(at(2026, 10, 21, 23, 59), at(2026, 10, 22, 0, 1))).toBe(1);
  expect(daysBetween(at(2026, 10, 22, 0, 1), at(2026, 10, 22, 23, 59))).toBe(0);
});

test("clock time follows the locale", () => {
  expect(clockTime(at(2026, 10, 22, 14, 5), "en-US").replace(/\s/g, " ")).toBe("2:05 PM");
  expect(clockTime(at(2026, 10, 22, 14, 5), "zh-CN")).toBe("14:05");
});

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1400, "1.4 kB"],
  [25_000_000, "25 MB"],
])("%d bytes", (bytes, expected) => {
  expect(fileSize(bytes, "en-US")).toBe(expected);
});

test.each([
  [0, "0:00"],
  [65.4, "1:05"],
  [3725, "1:02:05"],
])("%d seconds play for %s", (seconds, text) => {
  expect(playTime(seconds)).toBe(text);
});
