import { expect, test } from "vitest";
import { filtersFor, roomsShown, type SpaceRow } from "./space.ts";

const row = (name: string, change: Partial<SpaceRow> = {}): SpaceRow =>
  ({ id: name, name, memberCount: 1, suggested: false, space: false, via: [], ...change }) as SpaceRow;

const ROWS = [
  row("Green tea", { membership: "join", topic: "Leaves" }),
  row("Black tea", { suggested: true }),
  row("Kitchens", { space: true }),
];

test("the filters offered are those that change something", () => {
  expect(filtersFor(ROWS)).toEqual(["all", "joined", "open", "suggested", "spaces"]);
  expect(filtersFor([row("a"), row("b")])).toEqual(["all"]);
  expect(filtersFor([])).toEqual(["all"]);
});

test("a filter and words are looked for together", () => {
  const names = (...given: Parameters<typeof roomsShown>) => roomsShown(...given).map(({ name }) => name);
  expect(names(ROWS, "joined", "")).toEqual(["Green tea"]);
  expect(names(ROWS, "open", "TEA")).toEqual(["Black tea"]);
  expect(names(ROWS, "spaces", "")).toEqual(["Kitchens"]);
  expect(names(ROWS, "all", "leaves")).toEqual(["Green tea"]);
});
