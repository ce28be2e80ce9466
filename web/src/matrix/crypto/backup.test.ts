import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { BackupKeyReader, canOpenBackup } from "./backup.ts";

const KEY = new Uint8Array(32).fill(7);

/** The SDK's part: what it remembers of the server's backup, and what the server says when it is asked. */
class Engine {
  key: Uint8Array | null = KEY;
  remembered: { version: string } | null = null;
  /** Whether the backup on the server has this key; nothing where there is none. */
  server: boolean | undefined;
  asked = 0;
  fails = false;

  getSessionBackupPrivateKey = async () => this.key;
  getKeyBackupInfo = async () => this.remembered as never;
  isKeyBackupTrusted = async () => ({ trusted: true, matchesDecryptionKey: true });
  getActiveSessionBackupVersion = async () => (this.server === undefined && !this.fails ? null : "1");
  checkKeyBackupAndEnable = async () => {
    this.asked++;
    if (this.fails) throw new TypeError("Failed to fetch");
    const { server } = this;
    return server === undefined ? null : ({ trustInfo: { trusted: true, matchesDecryptionKey: server } } as never);
  };
}

const told: (boolean | undefined)[] = [];
let reader: BackupKeyReader;

beforeEach(() => {
  vi.useFakeTimers();
  told.length = 0;
  reader = new BackupKeyReader(async (_, present) => void told.push(present));
});
afterEach(() => {
  reader.stop();
  vi.useRealTimers();
});

test("an answer from before the backup was made does not stand: the server is asked again within a second", async () => {
  const engine = new Engine();
  await reader.read(engine);
  expect(told).toEqual([undefined]);
  engine.server = true;
  await vi.advanceTimersByTimeAsync(1_000);
  expect(told).toEqual([undefined, true]);
  await vi.advanceTimersByTimeAsync(600_000);
  expect(engine.asked).toBe(1);
});

test("a server without a backup, or without an answer, is asked ever more rarely, however often the state is read", async () => {
  const engine = new Engine();
  await reader.read(engine);
  await vi.advanceTimersByTimeAsync(15_000);
  expect(engine.asked).toBe(4);
  engine.fails = true;
  vi.spyOn(console, "warn").mockReturnValue(undefined);
  for (let second = 0; second < 600; second++) {
    await reader.read(engine);
    await vi.advanceTimersByTimeAsync(1_000);
  }
  expect(engine.asked).toBeGreaterThan(10);
  expect(engine.asked).toBeLessThan(20);
  engine.fails = false;
  engine.server = true;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(told.at(-1)).toBe(true);
});

test("nobody is asked by a session without a key, nor after the end", async () => {
  const engine = new Engine();
  engine.key = null;
  await reader.read(engine);
  expect(told).toEqual([false]);
  engine.key = KEY;
  await reader.read(engine);
  reader.stop();
  await vi.advanceTimersByTimeAsync(600_000);
  expect(engine.asked).toBe(0);
});

test("a backup that is trusted but whose key is not here cannot be opened", async () => {
  const engine = new Engine();
  engine.server = false;
  expect(await canOpenBackup(engine)).toBe(false);
  engine.server = undefined;
  expect(await canOpenBackup(engine)).toBe(false);
  engine.server = true;
  expect(await canOpenBackup(engine)).toBe(true);
});
