/**
 * Reads an encrypted message while no tab runs the client. The engine is loaded before the stores are taken, so that a tab
 * that opens meanwhile waits for the reading alone.
 */
/// <reference lib="webworker" />
import type { Engine } from "./engine.ts";
import { CLIENT_LOCK, WORKER_LOCK } from "./locks.ts";
import type { PushedEvent } from "./notice.ts";
import type { PushAccount } from "./store.ts";

declare const self: ServiceWorkerGlobalScope & { im2Engine?: Engine };
/** The files of the engine in the build, put in by `vite.config.ts`. */
declare const ENGINE: { script: string; wasm: string };

const { script: SCRIPT, wasm: WASM } = ENGINE;
/** What has not begun by then is given up, in milliseconds. */
const PATIENCE = 15_000;
/** Where `worker.ts` keeps large files. */
const CACHE = "im2-assets";

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): string };
}

const policy = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes?.createPolicy("im2-worker", {
  createScriptURL: () => SCRIPT,
});

/** Runs the engine's script. Browsers allow this later only if it was done while the worker was installed. */
export function importEngine(): Engine | undefined {
  if (self.im2Engine === undefined) self.importScripts(policy?.createScriptURL("") ?? SCRIPT);
  return self.im2Engine;
}

/** Keeps the engine here, so that it is at hand when a message comes. */
export async function keepEngine(): Promise<void> {
  await engineFile();
}

async function engineFile(): Promise<Response> {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(WASM);
  if (kept !== undefined) return kept;
  const response = await fetch(WASM);
  if (!response.ok) throw new Error(`the engine cannot be fetched: ${response.status}`);
  await cache.put(WASM, response.clone());
  return response;
}

/** What an encrypted event says; nothing where its key is not here, or where a tab has the keys in use. */
export async function decrypt(
  account: PushAccount,
  roomId: string,
  event: PushedEvent & { event_id: string },
): Promise<Pick<PushedEvent, "type" | "content"> | undefined> {
  const { keys } = account;
  if (keys === undefined || !account.options.preview || !("locks" in self.navigator)) return undefined;
  const patience = AbortSignal.timeout(PATIENCE);
  const engine = importEngine();
  await engine?.start(await engineFile());
  const clear = await alone(patience, async () => {
    if (engine === undefined || !(await isThere(keys.store))) return undefined;
    return engine.decrypt({
      userId: account.userId,
      deviceId: account.deviceId,
      store: keys.store,
      storeKey: Uint8Array.from(atob(keys.key), (char) => char.charCodeAt(0)),
      roomId,
      // When it was sent is none of the encryption's business, but belongs to the form of an event.
      event: JSON.stringify({ ...event, room_id: roomId, origin_server_ts: 0 }),
    });
  });
  return clear === undefined ? undefined : (JSON.parse(clear) as PushedEvent);
}

/** Opening a store makes it: one that was removed is to stay so. */
async function isThere(store: string): Promise<boolean> {
  return (await indexedDB.databases()).some(({ name }) => name?.startsWith(`${store}::`) === true);
}

/** Does something while nobody else has the stores in use; nothing where a tab has them. */
function alone<T>(patience: AbortSignal, work: () => Promise<T>): Promise<T | undefined> {
  const { locks } = self.navigator;
  return locks.request(WORKER_LOCK, { signal: patience }, () =>
    locks.request(CLIENT_LOCK, { ifAvailable: true }, (lock) => (lock === null ? undefined : work())),
  );
}
