/**
 * Takes up the keys to what was said before somebody was invited (MSC4268). The SDK does so while it joins a room and while
 * it starts the engine, once, and what fails there fails with it: a start without a connection would go without encryption,
 * and a room that was joined would count as not joined. Here it happens in the background, and again where it failed.
 */
import type { CryptoBackend } from "matrix-js-sdk/lib/common-crypto/CryptoBackend.js";

/** How long before the next attempt, longer from one to the next, and how many there are until the next start. */
const RETRY_MS = 5_000;
const ATTEMPTS = 8;

type Accept = CryptoBackend["maybeAcceptKeyBundle"];

/** The SDK's class of engines, as far as it is changed here. */
export interface EngineClass {
  prototype: { maybeAcceptKeyBundle: Accept };
}

interface Engine {
  /** The SDK keeps it to itself. */
  readonly stopped?: boolean;
}

/** Changes the engines that are made from now on. */
export function acceptInBackground({ prototype }: EngineClass, retryMs = RETRY_MS): void {
  const { maybeAcceptKeyBundle: accept } = prototype;
  if (changed.has(accept)) return;
  const rooms = new WeakMap<object, Map<string, Promise<void>>>();
  prototype.maybeAcceptKeyBundle = async function (this: Engine, roomId, inviter) {
    const running = rooms.get(this) ?? new Map<string, Promise<void>>();
    rooms.set(this, running);
    const attempt = () => accept.call(this, roomId, inviter);
    // Of two reasons the second may know of more: the bundle comes while it is being looked for.
    const last = (running.get(roomId) ?? Promise.resolve()).then(() => persist(this, attempt, retryMs));
    running.set(roomId, last);
    return false;
  };
  changed.add(prototype.maybeAcceptKeyBundle);
}

const changed = new WeakSet<Accept>();

async function persist(engine: Engine, attempt: () => Promise<boolean>, retryMs: number): Promise<void> {
  for (let count = 1; engine.stopped !== true; count++) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (count === ATTEMPTS) return console.warn("the keys to what was said before cannot be had", error);
    }
    await new Promise((resolve) => setTimeout(resolve, retryMs * count));
  }
}
