// @vitest-environment jsdom
import { expect, test } from "vitest";
import type { EncryptionStatus } from "../matrix/crypto/encryption.ts";
import { reminderFor } from "./encryption.ts";

const READY: EncryptionStatus = {
  engine: "ready",
  session: "verified",
  recovery: "ready",
  backup: { on: true, waiting: 0 },
  dehydrated: false,
};
const DAY = 24 * 60 * 60 * 1000;

test("people are reminded of what is missing, and of nothing while it is not known", () => {
  const now = 100 * DAY;
  expect(reminderFor(READY, 0, now)).toBeUndefined();
  expect(reminderFor({ ...READY, recovery: "missing" }, 0, now)).toBe("recovery");
  expect(reminderFor({ ...READY, session: "unverified", recovery: "ready" }, 0, now)).toBe("verify");
  expect(reminderFor({ ...READY, engine: "loading", session: "unverified" }, 0, now)).toBeUndefined();
  expect(reminderFor({ ...READY, session: "unknown", recovery: "missing" }, 0, now)).toBeUndefined();
});

test("later means in a week", () => {
  const missing: EncryptionStatus = { ...READY, recovery: "missing" };
  expect(reminderFor(missing, 100 * DAY, 106 * DAY)).toBeUndefined();
  expect(reminderFor(missing, 100 * DAY, 108 * DAY)).toBe("recovery");
});
