// @vitest-environment jsdom
import { expect, test } from "vitest";
import { decide } from "./notifications.ts";

const quiet = { on: false, from: "22:00", to: "07:00", zone: "UTC" };
const prefs = { notify: "on", sound: "chime", quiet } as const;
const night = Date.parse("2026-07-10T23:00:00Z");
const situation = { viewed: undefined, permission: "granted", now: night } as const;
const notice = { roomId: "!a:x", highlight: false, sound: true };

test("a message is shown and rings", () => {
  expect(decide(notice, prefs, situation)).toEqual({ show: true, ring: true });
});

test("not for the conversation in view, but for others", () => {
  expect(decide(notice, prefs, { ...situation, viewed: "!a:x" })).toEqual({ show: false, ring: false });
  expect(decide(notice, prefs, { ...situation, viewed: "!b:x" })).toEqual({ show: true, ring: true });
});

test("not in quiet hours", () => {
  expect(decide(notice, { ...prefs, quiet: { ...quiet, on: true } }, situation)).toEqual({ show: false, ring: false });
});

test("without permission or with notifications off it only rings", () => {
  expect(decide(notice, prefs, { ...situation, permission: "denied" })).toEqual({ show: false, ring: true });
  expect(decide(notice, { ...prefs, notify: "off" }, situation)).toEqual({ show: false, ring: true });
});

test("rings where the push rules ask for it, or for a mention", () => {
  expect(decide({ ...notice, sound: false }, prefs, situation)).toEqual({ show: true, ring: false });
  expect(decide({ ...notice, sound: false, highlight: true }, prefs, situation)).toEqual({ show: true, ring: true });
  expect(decide(notice, { ...prefs, sound: "none" }, situation)).toEqual({ show: true, ring: false });
});
