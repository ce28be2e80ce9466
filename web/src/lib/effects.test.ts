import { expect, test } from "vitest";
import { effectOf } from "./effects.ts";

test.each([
  ["m.text", "Well done 🎉", "confetti"],
  ["m.text", "❄️", "snowfall"],
  ["nic.custom.fireworks", "Happy new year", "fireworks"],
  ["io.element.effect.hearts", "🎉", "hearts"],
  ["m.text", "nothing", undefined],
  [7, "nothing", undefined],
] as const)("%s with %s", (msgtype, text, effect) => {
  expect(effectOf(msgtype, text)).toBe(effect);
});
