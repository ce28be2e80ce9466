import { expect, test } from "vitest";
import { nameScore, triggerAt } from "./completion.ts";

test.each([
  ["hi @an", { kind: "person", start: 3, query: "an" }],
  ["@", { kind: "person", start: 0, query: "" }],
  ["你好@安", { kind: "person", start: 2, query: "安" }],
  ["(@an", { kind: "person", start: 1, query: "an" }],
  ["see #te", { kind: "room", start: 4, query: "te" }],
  ["nice :smi", { kind: "emoji", start: 5, query: "smi" }],
  ["好:笑脸", { kind: "emoji", start: 1, query: "笑脸" }],
  ["/inv", { kind: "command", start: 0, query: "inv" }],
  ["/", { kind: "command", start: 0, query: "" }],
])("%s", (text, expected) => {
  expect(triggerAt(text, text.length)).toEqual(expected);
});

test.each(["ana@example", "it is 12:30", "https://x", "a :", "@ana ", "a /inv", "/me waves", "::smile", "a/#b"])(
  "%s completes nothing",
  (text) => {
    expect(triggerAt(text, text.length)).toBeUndefined();
  },
);

test("only what is before the caret counts", () => {
  expect(triggerAt("@an and more", 3)).toEqual({ kind: "person", start: 0, query: "an" });
});

test("names are found by their beginning, their words, their pinyin and their identifier", () => {
  expect(nameScore("Ana Lima", "@x:y", "an")).toBeGreaterThan(nameScore("Johana", "@x:y", "an"));
  expect(nameScore("Ana Lima", "@x:y", "lim")).toBeGreaterThan(0);
  expect(nameScore("张伟", "@x:y", "zw")).toBeGreaterThan(0);
  expect(nameScore("张伟", "@x:y", "zhangw")).toBeGreaterThan(0);
  expect(nameScore("Émile", "@x:y", "emi")).toBeGreaterThan(0);
  expect(nameScore("Ana", "@ana77:y", "ana7")).toBeGreaterThan(0);
  expect(nameScore("Ana", "@ana:y", "bo")).toBe(0);
});
