/**
 * Every view has stories and a component test. That every component of a view is seen in a story is found out by
 * `e2e/gallery.spec.ts`, which shows them all.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";

const VIEWS = join(import.meta.dirname, "../views");
const files = readdirSync(VIEWS, { recursive: true, encoding: "utf8" });
const stories = files.filter((file) => file.endsWith(".stories.tsx"));

test("every folder of views has stories", () => {
  const folders = files.filter((file) => file.endsWith(".tsx")).map((file) => dirname(file));
  const without = [...new Set(folders)].filter((folder) => !stories.some((file) => dirname(file) === folder));
  expect(without).toEqual([]);
});

test("all stories of a file are played by the component test beside it", () => {
  const without = stories.filter((file) => {
    const beside = file.replace(".stories.tsx", ".test.tsx");
    if (!files.includes(beside)) return true;
    const source = readFileSync(join(VIEWS, beside), "utf8");
    return !source.includes("testStories(stories)") || !/^test\(/m.test(source);
  });
  expect(without).toEqual([]);
});

test("no two files of stories have the same title", () => {
  const titles = stories.map((file) => /title: "([^"]+)"/.exec(readFileSync(join(VIEWS, file), "utf8"))?.[1]);
  expect(new Set(titles).size).toBe(titles.length);
});
