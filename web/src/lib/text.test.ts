import { expect, test } from "vitest";
import { colourOf, initials, isJumboEmoji, isUserId, localpart } from "./text.ts";

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
