import { expect, test } from "vitest";
import { readRing } from "./callnotice.ts";

const SENT = 1_000_000;
const content = {
  "m.mentions": { user_ids: [], room: true },
  notification_type: "ring",
  sender_ts: SENT - 500,
  lifetime: 30_000,
  "m.call.intent": "audio",
};
const here = { me: "@ben:x", now: SENT + 1000, mayCallAll: true };

test("a call rings as long as it says, from when its sender says", () => {
  expect(readRing(content, SENT, here)).toEqual({ video: false, until: SENT - 500 + 30_000 });
  expect(readRing({ ...content, "m.call.intent": "video" }, SENT, here)?.video).toBe(true);
  expect(readRing(content, SENT, { ...here, now: SENT + 30_000 })).toBeUndefined();
});

test("nobody rings for hours, or from a time that was made up", () => {
  expect(readRing({ ...content, lifetime: 1e12 }, SENT, here)?.until).toBe(SENT - 500 + 120_000);
  expect(readRing({ ...content, sender_ts: SENT + 1e9 }, SENT, here)?.until).toBe(SENT + 30_000);
});

test("it rings for those who are meant", () => {
  const named = { ...content, "m.mentions": { user_ids: ["@ben:x"] } };
  expect(readRing(named, SENT, { ...here, mayCallAll: false })).toBeDefined();
  expect(readRing(named, SENT, { ...here, me: "@cy:x" })).toBeUndefined();
  // Everybody, where the sender may call everybody.
  expect(readRing(content, SENT, { ...here, mayCallAll: false })).toBeUndefined();
});

test("what does not ring, or says nothing that can be read, does not ring", () => {
  for (const part of [
    { notification_type: "notification" },
    { lifetime: "long" },
    { lifetime: -1 },
    { "m.mentions": 7 },
  ])
    expect(readRing({ ...content, ...part }, SENT, here)).toBeUndefined();
});
