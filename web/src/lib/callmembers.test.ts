import { expect, test } from "vitest";
import { membersAt, readCallMember } from "./callmembers.ts";

const HOUR = 3_600_000;
const content = { application: "m.call", call_id: "", device_id: "PHONE", "m.call.intent": "video" };

test("a membership holds from when its sender came, as long as it says", () => {
  const joined = { sender: "@ana:x", timestamp: 1000, content: { ...content, expires: HOUR } };
  const member = { userId: "@ana:x", deviceId: "PHONE", since: 1000, until: 1000 + HOUR, video: true };
  expect(readCallMember(joined)).toEqual(member);
  // One that is renewed says when it began.
  const renewed = {
    ...joined,
    timestamp: 5 * HOUR,
    content: { ...joined.content, created_ts: 1000, expires: 6 * HOUR },
  };
  expect(readCallMember(renewed)).toEqual({ ...member, until: 1000 + 6 * HOUR });
});

test("without a word about it, a membership holds for four hours", () => {
  expect(readCallMember({ sender: "@ana:x", timestamp: 0, content })?.until).toBe(4 * HOUR);
});

test("a time that has not come yet is not believed", () => {
  const later = { sender: "@ana:x", timestamp: 1000, content: { ...content, created_ts: 9_999_999_999_999 } };
  expect(readCallMember(later)?.since).toBe(1000);
});

test("who has left, and what belongs to something else, is in no call", () => {
  for (const other of [
    {},
    { memberships: [] },
    { ...content, application: "m.board" },
    { ...content, call_id: "breakout" },
    { ...content, device_id: 7 },
  ])
    expect(readCallMember({ sender: "@ana:x", timestamp: 0, content: other })).toBeUndefined();
});

test("whose membership has expired is gone, and each device counts once", () => {
  const events = [
    { sender: "@ben:x", timestamp: 3000, content },
    { sender: "@ana:x", timestamp: 1000, content },
    { sender: "@ana:x", timestamp: 2000, content: { ...content, call_id: "ROOM" } },
    { sender: "@ana:x", timestamp: 4000, content: { ...content, device_id: "LAPTOP" } },
    { sender: "@cy:x", timestamp: 0, content: { ...content, expires: 500 } },
  ];
  const names = membersAt(events, 5000).map(({ userId, deviceId }) => `${userId} ${deviceId}`);
  expect(names).toEqual(["@ana:x PHONE", "@ben:x PHONE", "@ana:x LAPTOP"]);
  expect(membersAt(events, 5 * HOUR)).toEqual([]);
});
