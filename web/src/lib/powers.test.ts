import { expect, test } from "vitest";
import { audienceOf, isMuted, type PowerLevels, powerOf, withPermission, withPower } from "./powers.ts";

test("what is not said has the value of the specification", () => {
  expect(audienceOf({}, "send")).toBe("everybody");
  expect(audienceOf({}, "remove")).toBe("moderators");
  expect(audienceOf({}, "name")).toBe("moderators");
  expect(audienceOf({ state_default: 100 }, "name")).toBe("admins");
  expect(audienceOf({ invite: 25 }, "invite")).toBe("moderators");
});

test("a decision changes nothing else", () => {
  const levels: PowerLevels = { users: { "@ana:x": 100 }, events: { "m.room.name": 50 }, ban: 75 };
  expect(withPermission(levels, "send", "admins")).toEqual({ ...levels, events_default: 100 });
  expect(withPermission(levels, "pin", "everybody").events).toEqual({ "m.room.name": 50, "m.room.pinned_events": 0 });
});

test("a power that everybody has is not written down", () => {
  const levels: PowerLevels = { users: { "@ana:x": 100, "@bo:x": 50 } };
  expect(withPower(levels, "@bo:x", 0).users).toEqual({ "@ana:x": 100 });
  expect(powerOf(withPower(levels, "@cy:x", 50), "@cy:x")).toBe(50);
});

test("who is muted is below what sending takes", () => {
  const levels = withPower({}, "@bo:x", -1);
  expect([isMuted(levels, "@bo:x"), isMuted(levels, "@ana:x")]).toEqual([true, false]);
});
