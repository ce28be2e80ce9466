// @vitest-environment jsdom
import { beforeEach, expect, test } from "vitest";
import {
  clearSession,
  loadSession,
  otherSessions,
  parkSession,
  removeTraces,
  resumeSession,
  type Session,
  saveSession,
  storedSession,
  updateSession,
} from "./session.ts";

const session = (userId: string, deviceId = "D"): Session => ({
  homeserver: "https://example.org",
  userId,
  deviceId,
  accessToken: `token of ${userId}`,
});
const ana = session("@ana:example.org");
const bo = session("@bo:example.org");

beforeEach(() => localStorage.clear());

const ids = (sessions: readonly Session[]) => sessions.map(({ userId }) => userId);

test("one account is used, the others wait, and none is lost by changing", () => {
  saveSession(ana);
  parkSession();
  expect(loadSession()).toBeUndefined();
  expect(otherSessions()).toEqual([ana]);
  saveSession(bo);
  expect(loadSession()).toEqual(bo);
  expect(resumeSession(ana.userId)).toEqual(ana);
  expect(loadSession()).toEqual(ana);
  expect(otherSessions()).toEqual([bo]);
  // Asked for again, or for nobody, nothing changes.
  expect(resumeSession(ana.userId)).toEqual(ana);
  expect(resumeSession("@eve:example.org")).toBeUndefined();
  expect([loadSession(), otherSessions()]).toEqual([ana, [bo]]);
  clearSession();
  expect([loadSession(), otherSessions()]).toEqual([undefined, [bo]]);
});

test("a session is changed where it is, and not once it has ended", () => {
  saveSession(ana);
  parkSession();
  saveSession(bo);
  updateSession(ana, { accessToken: "new" });
  updateSession(bo, { accessToken: "newer" });
  expect(storedSession(ana.userId)?.accessToken).toBe("new");
  expect(loadSession()?.accessToken).toBe("newer");
  updateSession(session(bo.userId, "another device"), { accessToken: "of another" });
  expect(loadSession()?.accessToken).toBe("newer");
  clearSession();
  updateSession(bo, { accessToken: "too late" });
  expect(storedSession(bo.userId)).toBeUndefined();
  expect(ids(otherSessions())).toEqual([ana.userId]);
});

test("signing in again takes the place of what waited", () => {
  saveSession(ana);
  parkSession();
  saveSession(session(ana.userId, "new device"));
  expect(loadSession()?.deviceId).toBe("new device");
  expect(otherSessions()).toEqual([]);
});

test("what is removed of one account leaves those whose names begin alike", () => {
  const longer = session("@ana:example.org:8448");
  saveSession(longer);
  parkSession();
  for (const { userId } of [ana, longer]) localStorage.setItem(`im2.drafts:${userId}`, "{}");
  localStorage.setItem("FILTER_SYNC_@ana:example.org", "7");
  localStorage.setItem("im2.preferences", "{}");
  removeTraces(ana.userId);
  expect(Object.keys(localStorage).sort()).toEqual([
    "im2.drafts:@ana:example.org:8448",
    "im2.preferences",
    "im2.session:@ana:example.org:8448",
  ]);
});

test("what is stored and makes no sense is nobody", () => {
  localStorage.setItem("im2.session", '{"userId":"@ana:example.org"}');
  localStorage.setItem("im2.session:@bo:example.org", "{");
  expect([loadSession(), otherSessions()]).toEqual([undefined, []]);
});
