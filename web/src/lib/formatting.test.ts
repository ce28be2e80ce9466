import { expect, test } from "vitest";
import { applyFormat, type Format } from "./formatting.ts";

/** The selection stands between brackets of the kind ⟦…⟧. */
function apply(source: string, format: Format): string {
  const start = source.indexOf("⟦");
  const end = source.indexOf("⟧") - 1;
  const { text, start: from, end: to } = applyFormat({ text: source.replace(/[⟦⟧]/g, ""), start, end }, format);
  return `${text.slice(0, from)}⟦${text.slice(from, to)}⟧${text.slice(to)}`;
}

test.each<[Format, string, string]>([
  ["bold", "a ⟦b⟧ c", "a **⟦b⟧** c"],
  ["bold", "a **⟦b⟧** c", "a ⟦b⟧ c"],
  ["bold", "a ⟦**b**⟧ c", "a ⟦b⟧ c"],
  ["bold", "a⟦ b ⟧c", "a **⟦b⟧** c"],
  ["bold", "⟦⟧", "**⟦⟧**"],
  ["italic", "**⟦b⟧**", "***⟦b⟧***"],
  ["italic", "***⟦b⟧***", "**⟦b⟧**"],
  ["code", "⟦x⟧", "`⟦x⟧`"],
  ["code", "a ⟦x\ny⟧ b", "a \n```\n⟦x\ny⟧\n``` b"],
  ["spoiler", "⟦x⟧", "||⟦x⟧||"],
  ["link", "see ⟦this⟧", "see [this](https://⟦⟧)"],
  ["link", "see ⟦https://x.org⟧", "see [⟦⟧](https://x.org)"],
  ["quote", "one\nt⟦w⟧o\nthree", "one\n⟦> two⟧\nthree"],
  ["quote", "⟦> a\n> b⟧", "⟦a\nb⟧"],
  ["list", "⟦a\nb⟧", "⟦- a\n- b⟧"],
])("%s: %s", (format, source, expected) => {
  expect(apply(source, format)).toBe(expected);
});
