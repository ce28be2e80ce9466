// @vitest-environment jsdom
import { EventEmitter } from "node:events";
import type { MatrixClient } from "matrix-js-sdk/lib/matrix.js";
import { expect, test, vi } from "vitest";
import { Latecomers } from "./latecomers.ts";

const [ME, BO, ROOM] = ["@ana:x", "@bo:x", "!room:x"];

/** A client with one room, an engine that knows Bo's sessions, and what this browser keeps. */
function scene() {
  const memberships = new Map<string, string>();
  const room = {
    hasEncryptionStateEvent: () => scenery.encrypted,
    getMember: (userId: string) => ({ membership: memberships.get(userId) }),
  };
  const scenery = {
    encrypted: true,
    /** Bo's sessions by whether Bo has signed them. */
    sessions: new Map<string, boolean>(),
    shared: vi.fn(async () => undefined),
    kept: undefined as unknown,
    client: Object.assign(new EventEmitter(), {
      getUserId: () => ME,
      getRoom: (id: string) => (id === ROOM ? room : null),
    }),
    change(membership: string, sender = ME) {
      memberships.set(BO, membership);
      const member = { userId: BO, roomId: ROOM, membership, events: { member: { getSender: () => sender } } };
      scenery.client.emit("RoomMember.membership", {}, member);
      scenery.client.emit("sync");
    },
    devicesChange: () => scenery.client.emit("crypto.devicesUpdated", [BO], false),
    async start() {
      const copy = { load: async () => structuredClone(scenery.kept), save: (kept: object) => (scenery.kept = kept) };
      const latecomers = new Latecomers(scenery.client as unknown as MatrixClient, { ...copy, stop: vi.fn() } as never);
      await latecomers.start({
        getUserDeviceInfo: async () => new Map([[BO, scenery.sessions]]),
        getDeviceVerificationStatus: async (_: string, id: string) => ({ signedByOwner: scenery.sessions.get(id) }),
        shareRoomHistoryWithUser: scenery.shared,
      } as never);
      return latecomers;
    },
  };
  return scenery;
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

test("whoever had no session when they were invited gets the keys when they have come and signed one", async () => {
  const scenery = scene();
  await scenery.start();
  scenery.change("invite");
  await settled();
  scenery.change("join");
  scenery.sessions.set("PHONE", false);
  scenery.devicesChange();
  await settled();
  expect(scenery.shared).not.toHaveBeenCalled();
  scenery.sessions.set("PHONE", true);
  scenery.devicesChange();
  scenery.devicesChange();
  await settled();
  expect(scenery.shared).toHaveBeenCalledExactlyOnceWith(ROOM, BO);
  scenery.devicesChange();
  await settled();
  expect(scenery.shared).toHaveBeenCalledOnce();
});

test("they are awaited over a restart, and again where sharing failed", async () => {
  const scenery = scene();
  const first = await scenery.start();
  scenery.change("invite");
  await settled();
  first.stop();
  scenery.client.removeAllListeners();
  vi.spyOn(console, "warn").mockReturnValueOnce(undefined);
  scenery.shared.mockRejectedValueOnce(new TypeError("Failed to fetch"));
  await scenery.start();
  scenery.sessions.set("PHONE", true);
  scenery.change("join");
  await settled();
  scenery.devicesChange();
  await settled();
  expect(scenery.shared).toHaveBeenCalledTimes(2);
  expect(scenery.kept).toEqual({ awaited: [] });
});

test("nobody is awaited who has a session, was invited by others, or to a room that is not encrypted", async () => {
  for (const name of ["has a session", "is in a plain room", "was invited by others"]) {
    const scenery = scene();
    if (name === "has a session") scenery.sessions.set("PHONE", true);
    scenery.encrypted = name !== "is in a plain room";
    await scenery.start();
    scenery.change("invite", name === "was invited by others" ? "@eve:x" : ME);
    await settled();
    scenery.sessions.set("PHONE", true);
    scenery.change("join");
    await settled();
    expect(scenery.shared, name).not.toHaveBeenCalled();
  }
});
