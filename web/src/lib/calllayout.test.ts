import { expect, test } from "vitest";
import type { CallParticipant } from "../matrix/calls/types.ts";
import { columnsFor, layoutCall, PER_PAGE, tilesOf } from "./calllayout.ts";

function one(key: string, part: Partial<CallParticipant> = {}): CallParticipant {
  return {
    key,
    person: { id: `@${key}:x`, name: key },
    connecting: false,
    microphone: true,
    camera: true,
    screen: false,
    speaking: false,
    quality: "good",
    ...part,
  };
}

const me = one("me", { me: true });
const many = Array.from({ length: 11 }, (_, index) => one(`p${index}`));
const plain = { speakerView: false, page: 0 };
const keys = (tiles: readonly { key: string }[]) => tiles.map(({ key }) => key);

test("of two, the other one is large and one's own picture small", () => {
  const layout = layoutCall(me, [one("ana")], plain);
  expect([layout.kind, keys(layout.tiles), layout.own?.key]).toEqual(["pair", ["ana"], "me"]);
});

test("more people than fit come on other pages, and a page that is gone is the last one", () => {
  const first = layoutCall(me, many, plain);
  expect([first.kind, first.tiles.length, first.pages]).toEqual(["grid", PER_PAGE, 2]);
  const second = layoutCall(me, many, { ...plain, page: 7 });
  expect([second.page, keys(second.tiles)]).toEqual([1, ["p9", "p10", "me"]]);
});

test("a screen is shown large, with everybody beside it", () => {
  const layout = layoutCall(me, [one("ana", { screen: true }), one("ben")], plain);
  expect([layout.kind, layout.stage?.key, keys(layout.tiles)]).toEqual(["stage", "ana/screen", ["ana", "ben", "me"]]);
});

test("who is pinned is large as long as they are there", () => {
  const choice = { ...plain, pinned: "ben" };
  expect(layoutCall(me, [one("ana", { screen: true }), one("ben")], choice).stage?.key).toBe("ben");
  expect(layoutCall(me, [one("ana"), one("cy")], choice).kind).toBe("grid");
});

test("the speaker view shows who spoke last, never oneself while others are there", () => {
  const choice = { ...plain, speakerView: true };
  expect(layoutCall(me, many, { ...choice, speaker: "p3" }).stage?.key).toBe("p3");
  expect(layoutCall(me, many, { ...choice, speaker: "me" }).stage?.key).toBe("p0");
  expect(layoutCall(me, [], choice).stage?.key).toBe("me");
});

test("raised hands come first, in the order in which they were raised", () => {
  const others = [one("ana"), one("ben", { hand: 20 }), one("cy", { hand: 10 })];
  expect(keys(tilesOf(me, others))).toEqual(["cy", "ben", "ana", "me"]);
});

test("pictures are as large as they can be", () => {
  expect(columnsFor(4, 1600, 900, 0)).toEqual({ columns: 2, width: 800 });
  expect(columnsFor(2, 390, 700, 0).columns).toBe(1);
  expect(columnsFor(9, 1200, 700, 8).columns).toBe(3);
  expect(columnsFor(0, 100, 100, 0).columns).toBe(1);
});
