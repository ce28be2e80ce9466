/**
 * Where the keys of a session are stored, and what they are encrypted with. This module comes before the SDK.
 */
import { loadSession, otherSessions, type Session } from "../session.ts";

const PREFIX = "im2-keys:";
/** How the databases that belong to a user, or to a session of theirs, begin; the name of either follows. */
const OWNED = [PREFIX, "im2.outbox:", "im2.search:", "im2.rooms:", "matrix-js-sdk:im2:"];

/** A random key for the store of the encryption keys, kept with the session. */
export function newStorageKey(): string {
  return btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32))));
}

export function storageKeyBytes(session: Session): Uint8Array<ArrayBuffer> | undefined {
  if (session.storageKey === undefined) return undefined;
  return Uint8Array.from(atob(session.storageKey), (char) => char.charCodeAt(0));
}

/** Every session has a store of its own: a device cannot go on with the keys of another one. */
export function cryptoStorePrefix({ userId, deviceId }: Session): string {
  return `${PREFIX}${userId}:${deviceId}`;
}

function databases({ userId, deviceId }: Session): string[] {
  const prefix = cryptoStorePrefix({ userId, deviceId } as Session);
  return [`${prefix}::matrix-sdk-crypto`, `${prefix}::matrix-sdk-crypto-meta`];
}

/**
 * Whether this session had keys here that are gone: somebody cleared the browser's storage by halves. Such a session can
 * read nothing and nobody can write to it; it has to be signed in again.
 */
export async function keysAreLost(session: Session): Promise<boolean> {
  if (session.keysMade !== true || !("databases" in indexedDB)) return false;
  const present = new Set((await indexedDB.databases()).map(({ name }) => name));
  return !present.has(databases(session)[0]);
}

/** Removes what sessions that are signed in here no more have left in the browser's databases. */
export async function removeOldStores(): Promise<void> {
  if (!("databases" in indexedDB)) return;
  const found = (await indexedDB.databases()).map(({ name }) => name ?? "");
  // Read after the databases: a session is written down before it stores anything.
  const known = [loadSession(), ...otherSessions()].flatMap((session) => session ?? []);
  for (const name of found) {
    const owner = OWNED.find((prefix) => name.startsWith(prefix));
    if (owner === undefined) continue;
    const rest = name.slice(owner.length);
    const isOf = ({ userId, deviceId }: Session) => rest === userId || rest.startsWith(`${userId}:${deviceId}`);
    if (!known.some(isOf)) indexedDB.deleteDatabase(name);
  }
}
