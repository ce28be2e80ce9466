import { expect, test } from "vitest";
import { audienceOf, eventLevels, isMuted, type PowerLevels, powerOf, withPermission, withPower } from "./powers.ts";

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

test("calls are decided about in all their names at once", () => {
  expect(audienceOf({}, "call")).toBe("moderators");
  const levels = withPermission({ events: { "m.room.name": 50 } }, "call", "everybody");
  expect(audienceOf(levels, "call")).toBe("everybody");
  expect(levels.events).toEqual({
    "m.room.name": 50,
    "org.matrix.msc3401.call.member": 0,
    "m.call.member": 0,
    "org.matrix.msc4143.rtc.member": 0,
    "m.rtc.member": 0,
  });
});

test("in a new room everybody may take part in calls, and else nothing is different", () => {
  const { "m.room.tombstone": tombstone, ...levels } = eventLevels("12");
  expect(tombstone).toBe(150);
  expect(eventLevels("11")["m.room.tombstone"]).toBe(100);
  expect(audienceOf({ events: levels }, "call")).toBe("everybody");
  for (const permission of ["name", "topic", "picture"] as const)
    expect(audienceOf({ events: levels }, permission)).toBe("moderators");
  for (const permission of ["powers", "pin", "access"] as const)
    expect([permission, audienceOf({ events: levels }, permission)]).toEqual([
      permission,
      audienceOf({ events: { "m.room.power_levels": 100 } }, permission),
    ]);
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
