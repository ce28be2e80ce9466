import { beforeAll, expect, test } from "vitest";
import { type Emoji, inTone, loadEmoji, searchEmoji } from "./emoji.ts";

let english: readonly Emoji[];
let chinese: readonly Emoji[];
beforeAll(async () => {
  english = await loadEmoji("en");
  chinese = await loadEmoji("zh");
});

const first = (all: readonly Emoji[], term: string) => searchEmoji(all, term, 5).map(({ emoji }) => emoji);

test("all emoji are there, with names in the language", () => {
  expect(english.length).toBeGreaterThan(1_800);
  expect(english.find(({ emoji }) => emoji === "😀")?.name).toBe("grinning face");
  expect(chinese.find(({ emoji }) => emoji === "😀")?.name).toMatch(/\p{Script=Han}/u);
});

test("an emoji is found by its short code, its words, and in Chinese", () => {
  expect(first(english, "thumbsup")[0]).toBe("👍");
  expect(first(english, ":tada:")[0]).toBe("🎉");
  expect(first(english, "pizza")[0]).toBe("🍕");
  expect(first(chinese, "爱心").length).toBeGreaterThan(0);
  expect(first(chinese, "heart").length).toBeGreaterThan(0);
  expect(first(english, "zzzznothing")).toEqual([]);
});

test("hands have skin tones, hearts do not", () => {
  const find = (wanted: string) => english.find(({ emoji }) => emoji === wanted) as Emoji;
  expect(inTone(find("👍"), 0)).toBe("👍");
  expect(inTone(find("👍"), 5)).toBe("👍🏿");
  expect(inTone(find("🎉"), 5)).toBe("🎉");
});
