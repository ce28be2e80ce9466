import { expect, test } from "vitest";
import {
  directionOf,
  isLong,
  markWords,
  cleanName,
  colourOf,
  initials,
  isJumboEmoji,
  isolated,
  isUserId,
  localpart,
} from "./text.ts";

test.each([
  ["Ana\u202egnp.exe", "Anagnp.exe"],
  ["Ana\u2067Ben\u2069", "AnaBen"],
  ["two\nlines\u0007", "two lines"],
  ["one \u200b space", "one space"],
  ["  شذا  ", "شذا"],
  ["می‌خواهم", "می‌خواهم"],
  ["👩‍👩‍👧", "👩‍👩‍👧"],
  ["\u202e\u200b", ""],
  ["\u3164", ""],
  ["\u2800 \u2800", ""],
  ["\u115f\u1160\uffa0", ""],
  ["\u00ad\u034f\u180b\ufe0f\u{e0041}", ""],
  ["\u3164Ana", "\u3164Ana"],
  ["co\u00adop", "co\u00adop"],
  ["\u2764\ufe0f", "\u2764\ufe0f"],
  ["\u0641\u200c\u0627", "\u0641\u200c\u0627"],
])("a name without control characters: %j", (name, expected) => {
  expect(cleanName(name)).toBe(expected);
});

test("only what is written from right to left is set off in a sentence", () => {
  expect(isolated("Ana")).toBe("Ana");
  expect(isolated("שלום")).toBe("\u2068שלום\u2069");
});

test.each([
  ["Ana", "A"],
  ["Ana Lima", "AL"],
  ["王小明", "王"],
  ["@bob:example.org", "B"],
  ["  ", "?"],
  ["🦊 fox", "🦊F"],
  ["élodie", "É"],
])("initials of %s", (name, expected) => {
  expect(initials(name)).toBe(expected);
});

test("a colour is stable and in range", () => {
  for (const id of ["@a:b", "@ana:example.org", "!room:example.org", ""]) {
    expect(colourOf(id)).toBe(colourOf(id));
    expect(colourOf(id)).toBeGreaterThanOrEqual(0);
    expect(colourOf(id)).toBeLessThan(8);
  }
});

test("people of one server do not share a colour", () => {
  const names = ["ana", "bo", "cyrus", "dora", "emil", "fatima", "george", "hana", "ivan", "jun", "kim", "lea"];
  expect(new Set(names.map((name) => colourOf(`@${name}:example.org`))).size).toBeGreaterThanOrEqual(5);
});

test("user ids", () => {
  expect(localpart("@ana:example.org")).toBe("ana");
  expect(isUserId("@ana:example.org")).toBe(true);
  expect(isUserId("@ana:example.org:8448")).toBe(true);
  expect(isUserId("ana")).toBe(false);
});

test.each([
  ["👍", true],
  ["❤️ 🎉", true],
  ["👨‍👩‍👧", true],
  ["👍👍👍👍", false],
  ["ok 👍", false],
  ["12", false],
  ["", false],
])("jumbo emoji: %s", (text, expected) => {
  expect(isJumboEmoji(text)).toBe(expected);
});

test("a message is long by its lines or its characters", () => {
  expect(isLong("short\n".repeat(10))).toBe(false);
  expect(isLong("line\n".repeat(40))).toBe(true);
  expect(isLong("x".repeat(2000))).toBe(true);
});

test("languages have a direction", () => {
  expect([directionOf("ar-EG"), directionOf("en"), directionOf("zh-CN"), directionOf("fa")]).toEqual([
    "rtl",
    "ltr",
    "ltr",
    "rtl",
  ]);
});

test("words that were found are marked, also far down and with signs", () => {
  expect(markWords("Tea (green) tea", ["tea"])).toEqual([
    { part: "Tea", marked: true },
    { part: " (green) ", marked: false },
    { part: "tea", marked: true },
  ]);
  expect(markWords("a+b", ["+"]).map(({ marked }) => marked)).toEqual([false, true, false]);
  expect(markWords(`${"x ".repeat(900)}needle`, ["needle"]).at(-1)).toEqual({ part: "needle", marked: true });
  expect(markWords("nothing", [])).toEqual([{ part: "nothing", marked: false }]);
});
