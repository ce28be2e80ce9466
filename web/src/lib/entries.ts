/**
 * What several devices of an account change at the same time: a map of entries, each with the moment of its last change.
 * The newer entry wins, so the order in which devices hear of changes does not matter, and hearing twice does no harm.
 */
import { deepEqual } from "./equal.ts";

export interface Entry<T> {
  /** When it was last changed, in milliseconds since the epoch. */
  at: number;
  /** Absent where the entry was removed. */
  value?: T;
  /** Set by a device that could not see what there was before: what the value does not say is not meant to go. */
  part?: true;
}

export type Entries<T> = Readonly<Record<string, Entry<T>>>;

/** A clock may be ahead by this much, in milliseconds. */
const AHEAD = 5 * 60_000;

/** A removed entry is remembered this long, so that a device that was away does not bring it back. */
const REMEMBERED = 180 * 86_400_000;

/** How the values of two entries become one, the second of which is the newer. */
export type Join<T> = (older: T, newer: T) => T;

export function mergeEntries<T>(a: Entries<T>, b: Entries<T>, join?: Join<T>): Entries<T> {
  const merged: Record<string, Entry<T>> = { ...a };
  for (const [key, entry] of Object.entries(b)) {
    const other = Object.hasOwn(merged, key) ? merged[key] : undefined;
    if (other === undefined) merged[key] = entry;
    else merged[key] = wins(entry, other) ? joined(other, entry, join) : joined(entry, other, join);
  }
  return merged;
}

/** The newer of two entries, with what the older one says besides where just one of them is a part. */
function joined<T>(older: Entry<T>, newer: Entry<T>, join: Join<T> | undefined): Entry<T> {
  if (join === undefined || older.value === undefined || newer.value === undefined) return newer;
  // What one part has and the other has not may have been taken out of it.
  if ((older.part === true) === (newer.part === true)) return newer;
  const value = join(older.value, newer.value);
  return deepEqual(value, newer.value) ? newer : { at: newer.at + 1, value };
}

/** The entries as those of a device that has seen everything. */
export function withoutParts<T>(entries: Entries<T>): Entries<T> {
  return Object.fromEntries(Object.entries(entries).map(([key, { part: _, ...entry }]) => [key, entry]));
}

/** Of two changes in the same millisecond, every device has to choose the same. */
function wins<T>(entry: Entry<T>, other: Entry<T>): boolean {
  if (entry.at !== other.at) return entry.at > other.at;
  return JSON.stringify(entry.value ?? null) > JSON.stringify(other.value ?? null);
}

/** The entries with one changed. A clock that runs slow does not lose against the entry that it replaces. */
export function withEntry<T>(
  entries: Entries<T>,
  key: string,
  value: T | undefined,
  now: number,
  /** Whether other devices may know an entry that this one has not seen. */
  unseen = false,
): Entries<T> {
  const before = Object.hasOwn(entries, key) ? entries[key] : undefined;
  const at = Math.max(now, (before?.at ?? 0) + 1);
  if (value === undefined) return { ...entries, [key]: { at } };
  const part = before === undefined ? unseen : before.part === true;
  return { ...entries, [key]: { at, value, ...(part ? { part } : {}) } };
}

/**
 * A time that was read. One that no clock can have shown yet becomes `bound`, so that the next change is newer; what is no
 * time is nothing.
 */
export function readTime(at: unknown, now: number, bound = now): number | undefined {
  if (typeof at !== "number") return undefined;
  if (at > now + AHEAD) return bound;
  return Number.isSafeInteger(at) ? at : undefined;
}

/** Without removed entries that are old enough to be forgotten. */
export function withoutOld<T>(entries: Entries<T>, now: number): Entries<T> {
  return Object.fromEntries(
    Object.entries(entries).filter(([, { at, value }]) => value !== undefined || now - at < REMEMBERED),
  );
}

/** Reads stored entries; what makes no sense is left out. */
export function readEntries<T>(
  stored: unknown,
  read: (key: string, value: unknown) => T | undefined,
  now = Date.now(),
  /** What stands for times that have not come yet. */
  bound = now,
): Entries<T> {
  if (typeof stored !== "object" || stored === null || Array.isArray(stored)) return {};
  const entries: [string, Entry<T>][] = [];
  for (const [key, entry] of Object.entries(stored)) {
    if (typeof entry !== "object" || entry === null || key === "__proto__") continue;
    const { value, part, ...rest } = entry as Record<string, unknown>;
    const at = readTime(rest.at, now, bound);
    if (at === undefined) continue;
    const readable = value === undefined ? undefined : read(key, value);
    if (value !== undefined && readable === undefined) continue;
    entries.push([key, readable === undefined ? { at } : { at, value: readable, ...(part === true ? { part } : {}) }]);
  }
  return Object.fromEntries(entries);
}
