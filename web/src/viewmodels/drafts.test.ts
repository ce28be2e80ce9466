// @vitest-environment jsdom
import { beforeEach, expect, test, vi } from "vitest";
import { adoptDraft, drafts, forgetDrafts, sealDrafts, setDraft, sharedDraft, unsharedDraft } from "./drafts.ts";

const ROOM = "!r:example.org";
const text = () => drafts.get()[ROOM] ?? "";

beforeEach(() => {
  forgetDrafts();
  vi.useFakeTimers({ now: 1_000 });
  return () => vi.useRealTimers();
});

test("what another device has left appears where nothing was typed", () => {
  expect(adoptDraft(ROOM, { text: "from the phone", time: 500 })).toBe(true);
  expect(text()).toBe("from the phone");
  expect(unsharedDraft(ROOM)).toBeUndefined();
});

test("what was typed here is not lost to another device", () => {
  setDraft(ROOM, "typed here");
  expect(adoptDraft(ROOM, { text: "from the phone", time: 2_000 })).toBe(false);
  expect(text()).toBe("typed here");
  expect(unsharedDraft(ROOM)).toEqual({ text: "typed here", time: 1_000 });
});

test("a draft that both know is continued by either", () => {
  setDraft(ROOM, "one");
  sharedDraft(ROOM, { text: "one", time: 1_000 });
  expect(unsharedDraft(ROOM)).toBeUndefined();
  expect(adoptDraft(ROOM, { text: "one two", time: 2_000 })).toBe(true);
  expect(text()).toBe("one two");
  vi.setSystemTime(3_000);
  setDraft(ROOM, "one two three");
  expect(adoptDraft(ROOM, { text: "one two", time: 2_000 })).toBe(false);
  expect(unsharedDraft(ROOM)).toEqual({ text: "one two three", time: 3_000 });
});

test("what was sent here does not come back", () => {
  setDraft(ROOM, "sent");
  sharedDraft(ROOM, { text: "sent", time: 1_000 });
  vi.setSystemTime(2_000);
  setDraft(ROOM, "");
  expect(adoptDraft(ROOM, { text: "sent", time: 1_000 })).toBe(false);
  expect(unsharedDraft(ROOM)).toEqual({ text: "", time: 2_000 });
});

test("what was sent there goes here, too", () => {
  setDraft(ROOM, "soon");
  sharedDraft(ROOM, { text: "soon", time: 1_000 });
  expect(adoptDraft(ROOM, { text: "", time: 2_000 })).toBe(true);
  expect(text()).toBe("");
});

test("with a key of the session drafts are sealed, come back with it, and go with it", async () => {
  vi.useRealTimers();
  const key = new Uint8Array(32).fill(1);
  const raw = () => JSON.stringify({ ...localStorage });
  setDraft(ROOM, "written before");
  expect(raw()).toContain("written before");
  await sealDrafts(key);
  expect(raw()).not.toContain("written before");
  const before = raw();
  setDraft(ROOM, "Zitronenfalter");
  setDraft("!other:example.org", "Distelfink");
  await vi.waitFor(() => expect(raw()).not.toBe(before));
  expect(raw()).not.toMatch(/Zitronenfalter|Distelfink/);

  // As after a reload.
  vi.resetModules();
  const again = await import("./drafts.ts");
  expect(again.drafts.get()).toEqual({});
  await again.sealDrafts(key);
  expect(again.drafts.get()).toMatchObject({ [ROOM]: "Zitronenfalter", "!other:example.org": "Distelfink" });
  expect(again.unsharedDraft(ROOM)?.text).toBe("Zitronenfalter");

  vi.resetModules();
  const other = await import("./drafts.ts");
  await other.sealDrafts(new Uint8Array(32).fill(2));
  expect(other.drafts.get()).toEqual({});
  other.setDraft(ROOM, "thrown away");
  other.forgetDrafts();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(raw()).not.toContain("im2.drafts");
});
