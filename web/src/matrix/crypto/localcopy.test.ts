// @vitest-environment jsdom
import { beforeEach, expect, test, vi } from "vitest";
import { clearSession, removeTraces, saveSession, type Session } from "../session.ts";
import { LocalCopy } from "./localcopy.ts";
import { newStorageKey } from "./storage.ts";

const session = (part: Partial<Session> = {}): Session => ({
  homeserver: "https://x",
  userId: "@ana:x",
  deviceId: "PHONE",
  accessToken: "t",
  storageKey: newStorageKey(),
  ...part,
});
const raw = () => JSON.stringify({ ...localStorage });
const open = (of: Session, type = "im2.contacts") => LocalCopy.of(of, type) as LocalCopy;

beforeEach(() => localStorage.clear());

test("what is kept comes back with the session's key, and says nothing without it", async () => {
  const ana = session();
  saveSession(ana);
  const copy = open(ana);
  copy.save({ remark: "Zitronenfalter" });
  copy.save({ remark: "Distelfink" });
  await copy.stop();
  expect(raw()).toContain("im2.kept:im2.contacts:@ana:x");
  expect(raw()).not.toMatch(/Zitronenfalter|Distelfink/);
  expect(await open(ana).load()).toEqual({ remark: "Distelfink" });
  expect(await open(ana, "im2.other").load()).toBeUndefined();
  expect(await open(session()).load()).toBeUndefined();
});

test("nothing comes back once the session has ended, in whatever tab", async () => {
  const ana = session();
  saveSession(ana);
  const copy = open(ana);
  copy.save({ remark: "Zitronenfalter" });
  clearSession();
  removeTraces(ana.userId);
  await copy.stop();
  copy.save({ remark: "Distelfink" });
  await copy.stop();
  expect(raw()).not.toContain("im2.kept");
});

test("garbage is as good as nothing, and a full disk does no harm", async () => {
  const ana = session();
  saveSession(ana);
  localStorage.setItem("im2.kept:im2.contacts:@ana:x", "!!!");
  expect(await open(ana).load()).toBeUndefined();
  localStorage.setItem("im2.kept:im2.contacts:@ana:x", "AAAA");
  expect(await open(ana).load()).toBeUndefined();
  const full = vi.spyOn(Storage.prototype, "setItem").mockImplementation(() => {
    throw new DOMException("full", "QuotaExceededError");
  });
  const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
  const copy = open(ana);
  copy.save({ remark: "Zitronenfalter" });
  await copy.stop();
  expect(warn).toHaveBeenCalledOnce();
  full.mockRestore();
  warn.mockRestore();
});

test("a browser that cannot encrypt keeps nothing", () => {
  expect(LocalCopy.of(session({ storageKey: undefined }), "im2.contacts")).toBeUndefined();
});
