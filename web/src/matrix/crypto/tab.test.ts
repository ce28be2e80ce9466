// @vitest-environment jsdom
import { BroadcastChannel } from "node:worker_threads";
import { afterEach, expect, test } from "vitest";
import { CLIENT_LOCK, WORKER_LOCK } from "../../sw/locks.ts";
import { AskingTab, LockedTab } from "./tab.ts";

const channels: BroadcastChannel[] = [];

function tab(patience?: number) {
  const channel = new BroadcastChannel("tabs under test");
  channels.push(channel);
  const heard: string[] = [];
  const hooks = {
    giveWay: async () => void heard.push("gave way"),
    free: () => void heard.push("free"),
  };
  return { heard, tab: new AskingTab(hooks, channel as unknown as globalThis.BroadcastChannel, patience) };
}

afterEach(() => {
  for (const channel of channels.splice(0)) channel.close();
});

test("without locks the first tab runs the client, and the second one when it asks for it", async () => {
  const [first, second] = [tab(), tab()];
  expect(await first.tab.claim()).toBe(true);
  expect(await second.tab.claim()).toBe(false);
  await second.tab.take();
  expect(first.heard).toEqual(["gave way"]);
  expect(await first.tab.claim()).toBe(false);
  second.tab.release();
  await expect.poll(() => first.heard).toEqual(["gave way", "free"]);
  expect(await first.tab.claim()).toBe(true);
});

test("of tabs that start at the same time exactly one runs the client", async () => {
  const tabs = [tab(), tab(), tab()];
  const claims = await Promise.all(tabs.map(({ tab }) => tab.claim()));
  expect(claims.filter((mine) => mine)).toHaveLength(1);
});

test("a tab that does not answer is not waited for", async () => {
  const only = tab(50);
  await only.tab.take();
  expect(await only.tab.claim()).toBe(true);
});

/** The locks of a browser, each held by one at a time. */
class Locks {
  private readonly held = new Map<string, Promise<void>>();

  readonly request = async (name: string, ...rest: unknown[]): Promise<unknown> => {
    const work = rest.at(-1) as (lock: object | null) => unknown;
    const { ifAvailable = false, signal } = (rest.length > 1 ? rest[0] : {}) as LockOptions;
    const aborted = new Promise<never>((_, reject) => {
      signal?.addEventListener("abort", () => reject(signal.reason));
    });
    if (ifAvailable && this.held.has(name)) return work(null);
    while (this.held.has(name)) await Promise.race([this.held.get(name), aborted]);
    aborted.catch(() => undefined);
    let free: () => void = () => undefined;
    this.held.set(name, new Promise((resolve) => (free = resolve)));
    try {
      return await work({ name });
    } finally {
      this.held.delete(name);
      free();
    }
  };
}

test("a tab waits for the worker that reads a message, and not for another tab", async () => {
  const locks = new Locks();
  const locked = () => {
    const channel = new BroadcastChannel("tabs under test");
    channels.push(channel);
    const hooks = { giveWay: async () => undefined, free: () => undefined };
    return new LockedTab(hooks, locks as unknown as LockManager, channel as unknown as globalThis.BroadcastChannel);
  };
  let done: () => void = () => undefined;
  const reading = new Promise<void>((resolve) => (done = resolve));
  const read = () => locks.request(CLIENT_LOCK, { ifAvailable: true }, () => reading);
  const worker = locks.request(WORKER_LOCK, read);
  const [first, second] = [locked(), locked()];
  const claims = Promise.all([first.claim(), second.claim()]);
  done();
  expect(await claims).toEqual([true, false]);
  await worker;
  expect(await second.claim()).toBe(false);
  first.release();
  expect(await second.claim()).toBe(true);
});
