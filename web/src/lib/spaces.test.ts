import { expect, test } from "vitest";
import { byOrder, readSpaceChild, roomsWithin, type SpaceChild, topSpaces } from "./spaces.ts";

const child = (id: string, extra: Partial<SpaceChild> = {}): SpaceChild => ({
  id,
  suggested: false,
  added: 0,
  via: ["localhost"],
  ...extra,
});
const tree = (relations: Record<string, string[]>) =>
  new Map(Object.entries(relations).map(([id, children]) => [id, children.map((each) => child(each))]));

test("a child without servers was taken out", () => {
  expect(readSpaceChild("!a", {}, 1)).toBeUndefined();
  expect(readSpaceChild("!a", { via: [] }, 1)).toBeUndefined();
  expect(readSpaceChild("#a", { via: ["localhost"] }, 1)).toBeUndefined();
  expect(readSpaceChild("!a", { via: ["localhost", 7], suggested: true }, 1)).toEqual(
    child("!a", { suggested: true, added: 1 }),
  );
});

test.each([["x".repeat(51)], ["ü"], [""], [7]])("%s is no order", (order) => {
  expect(readSpaceChild("!a", { via: ["localhost"], order }, 1)).not.toHaveProperty("order");
});

test("those with an order come first, the others by when they were added", () => {
  const all = [child("!late", { added: 9 }), child("!b", { order: "b" }), child("!early", { added: 1 })];
  all.push(child("!a", { order: "a", added: 99 }));
  expect(all.sort(byOrder).map(({ id }) => id)).toEqual(["!a", "!b", "!early", "!late"]);
});

test("the rooms of a space are those of the spaces in it, too, each once", () => {
  const relations = tree({ "!s": ["!1", "!t"], "!t": ["!2", "!1"], "!other": ["!3"] });
  expect(roomsWithin("!s", relations)).toEqual(["!1", "!2"]);
  expect(topSpaces(relations)).toEqual(["!s", "!other"]);
});

test("circles end, and stay reachable", () => {
  const relations = tree({
    "!s": ["!t"],
    "!t": ["!s", "!1"],
    "!self": ["!self", "!2"],
    "!under": [],
    "!o": ["!under"],
  });
  expect(roomsWithin("!s", relations)).toEqual(["!1"]);
  expect(topSpaces(relations)).toEqual(["!o", "!s", "!self"]);
});
