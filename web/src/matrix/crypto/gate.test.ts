import { EventEmitter } from "node:events";
import type { CryptoBackend, SyncCryptoChanges } from "matrix-js-sdk/lib/common-crypto/CryptoBackend.js";
import type { MatrixClient, MatrixEvent, Room } from "matrix-js-sdk/lib/matrix.js";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Gate } from "./gate.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function scene() {
  const client = Object.assign(new EventEmitter(), {
    buildSyncApiOptions: () => ({}),
    encryptEventIfNeeded: async () => undefined,
    getRooms: () => [],
    getRoom: () => null,
  });
  const engine = {
    processSyncChanges: vi.fn(async () => []),
    onCryptoEvent: vi.fn(async () => undefined),
    onSyncCompleted: vi.fn(),
    isEncryptionEnabledInRoom: vi.fn(async (_roomId: string) => false),
  };
  const gate = new Gate(client as unknown as MatrixClient, async () => undefined, Promise.resolve());
  const start = () => gate.start(engine as unknown as CryptoBackend);
  const sync = (changes: Partial<SyncCryptoChanges> = {}) =>
    gate.processSyncChanges({ toDeviceEvents: [], oneTimeKeysCounts: { signed_curve25519: 50 }, ...changes });
  const encrypted = () => gate.onCryptoEvent({} as Room, {} as MatrixEvent);
  const completed = () => gate.onSyncCompleted({} as Parameters<Gate["onSyncCompleted"]>[0]);
  return { engine, gate, start, sync, encrypted, completed };
}

test("the engine hears the same numbers of keys once a minute, others at once", async () => {
  const { engine, start, sync } = scene();
  await start();
  const heard = () => engine.processSyncChanges.mock.calls.length;
  await sync();
  await sync();
  expect(heard()).toBe(1);
  await sync({ oneTimeKeysCounts: { signed_curve25519: 49 } });
  expect(heard()).toBe(2);
  await sync({ oneTimeKeysCounts: { signed_curve25519: 49 }, unusedFallbackKeys: [] });
  expect(heard()).toBe(3);
  vi.advanceTimersByTime(59_000);
  await sync({ oneTimeKeysCounts: { signed_curve25519: 49 }, unusedFallbackKeys: [] });
  expect(heard()).toBe(3);
  vi.advanceTimersByTime(1_000);
  await sync({ oneTimeKeysCounts: { signed_curve25519: 49 }, unusedFallbackKeys: [] });
  expect(heard()).toBe(4);
});

test("what other devices have sent, and new devices, the engine hears whatever the numbers", async () => {
  const { engine, start, sync } = scene();
  await start();
  await sync();
  const message = { type: "m.room_key", sender: "@ana:example.org", content: {} };
  await sync({ toDeviceEvents: [message] });
  await sync({ deviceLists: { changed: ["@ana:example.org"] } });
  await sync({ deviceLists: { left: ["@ana:example.org"] } });
  await sync({ deviceLists: { changed: [], left: [] } });
  expect(engine.processSyncChanges).toHaveBeenCalledTimes(4);
});

test("the engine looks for requests at once after it has heard something, else once in a while", async () => {
  const { engine, start, sync, encrypted, completed } = scene();
  await start();
  const looks = () => engine.onSyncCompleted.mock.calls.length;
  await sync();
  completed();
  expect(looks()).toBe(1);
  for (let answer = 0; answer < 10; answer++) {
    await sync();
    completed();
  }
  expect(looks()).toBe(1);
  vi.advanceTimersByTime(1_500);
  expect(looks()).toBe(2);
  await sync({ toDeviceEvents: [{ type: "m.room_key", sender: "@ana:example.org", content: {} }] });
  completed();
  expect(looks()).toBe(3);
  await encrypted();
  completed();
  expect(looks()).toBe(4);
  vi.advanceTimersByTime(10_000);
  expect(looks()).toBe(4);
});

test("numbers from before the engine was there are told when it is", async () => {
  const { engine, start, sync } = scene();
  await sync();
  await start();
  await sync({ oneTimeKeysCounts: { signed_curve25519: 3 } });
  expect(engine.processSyncChanges.mock.calls.map(([changes]: unknown[]) => changes)).toMatchObject([
    { oneTimeKeysCounts: { signed_curve25519: 50 } },
    { oneTimeKeysCounts: { signed_curve25519: 3 } },
  ]);
});

test("that a room is not encrypted is asked once, until the engine hears of one that is", async () => {
  const { engine, gate, start, encrypted } = scene();
  await start();
  expect(await gate.remembers("!a")).toBe(false);
  expect(await gate.remembers("!a")).toBe(false);
  expect(engine.isEncryptionEnabledInRoom).toHaveBeenCalledTimes(1);
  engine.isEncryptionEnabledInRoom.mockResolvedValue(true);
  await encrypted();
  expect(await gate.remembers("!a")).toBe(true);
  expect(await gate.remembers("!a")).toBe(true);
});

test("an answer that is older than what the engine has heard is not kept", async () => {
  const { engine, gate, start, encrypted } = scene();
  await start();
  let answer = (_encrypted: boolean) => {};
  engine.isEncryptionEnabledInRoom.mockImplementationOnce(() => new Promise<boolean>((resolve) => (answer = resolve)));
  const first = gate.remembers("!a");
  await vi.advanceTimersByTimeAsync(0);
  await encrypted();
  answer(false);
  expect(await first).toBe(false);
  engine.isEncryptionEnabledInRoom.mockResolvedValue(true);
  expect(await gate.remembers("!a")).toBe(true);
});
