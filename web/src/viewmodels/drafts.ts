/**
 * What was typed and not sent, for each conversation. It survives a reload, and follows the account: what is typed here is
 * kept here first, and what another device has left replaces only what is empty or was known to it.
 *
 * A draft becomes a message, and what is written in encrypted chats is not to lie on the disk in the clear: once somebody is
 * signed in, drafts are sealed with a key of the session.
 */
import { Observable } from "../lib/observable.ts";
import { Vault } from "../matrix/crypto/vault.ts";
import type { RemoteDraft } from "../matrix/roomdraft.ts";

/** By user id. */
const KEY = "im2.drafts:";
const NOTES = "im2.drafts.notes:";
const SEALED = "im2.drafts.sealed:";
/** The oldest drafts make room beyond this. */
const LIMIT = 200;

export type Drafts = Readonly<Record<string, string>>;

/** What is known of a draft besides its text. */
interface Note {
  /** When it was last changed, in milliseconds since the epoch. */
  time: number;
  /** The text that the account was known to have. */
  base: string;
}

export const drafts = new Observable<Drafts>({});
let notes: Readonly<Record<string, Note>> = {};
/** Whose they are. */
let owner = "";

/** Takes up what somebody has typed here before. */
export function openDrafts(userId: string): void {
  owner = userId;
  drafts.set(read());
  notes = readNotes();
}

/** Takes them out of sight: another account is used. */
export function closeDrafts(): void {
  // What was typed last is still to be sealed, with what is there now.
  void seal().catch(() => undefined);
  vault = undefined;
  owner = "";
  drafts.set({});
  notes = {};
}

let vault: Vault | undefined;
let unsaved = false;
/** How often everything was thrown away. */
let cleared = 0;
let saving = Promise.resolve();

/** Opens what an earlier start has sealed with this key, and seals everything from now on, where the browser can. */
export async function sealDrafts(key: BufferSource | undefined): Promise<void> {
  if (key === undefined || !Vault.available) return;
  const whose = owner;
  vault = new Vault(key, "im2 drafts");
  const stored = localStorage.getItem(SEALED + owner);
  if (stored !== null) {
    try {
      const opened = await vault.openText<{ drafts: Drafts; notes: typeof notes }>(stored, SEALED);
      // Meanwhile another account may be in use.
      if (whose !== owner) return;
      drafts.set({ ...opened.drafts, ...drafts.get() });
      notes = { ...opened.notes, ...notes };
    } catch {
      // Of another session: nobody can read it any more.
    }
  }
  save();
  await saving;
  if (whose !== owner) return;
  localStorage.removeItem(KEY + owner);
  localStorage.removeItem(NOTES + owner);
}

export function setDraft(roomId: string, text: string): void {
  if (text.trim() === (drafts.get()[roomId] ?? "").trim() && text.trim() === "") return;
  store(roomId, text, { time: Date.now(), base: notes[roomId]?.base ?? "" });
}

/** Takes what another device has left, unless something else was typed here. True when the draft has changed. */
export function adoptDraft(roomId: string, remote: RemoteDraft): boolean {
  const local = drafts.get()[roomId] ?? "";
  const { time = 0, base = "" } = notes[roomId] ?? {};
  if (remote.text === local) {
    store(roomId, local, { time: Math.max(time, remote.time), base: remote.text });
    return false;
  }
  const untouched = local === "" || local === base;
  if (!untouched || remote.time <= time) return false;
  store(roomId, remote.text, { time: remote.time, base: remote.text });
  return true;
}

/** What the account does not know yet. */
export function unsharedDraft(roomId: string): RemoteDraft | undefined {
  const text = drafts.get()[roomId] ?? "";
  const note = notes[roomId];
  return note === undefined || note.base === text ? undefined : { text, time: note.time };
}

/** The account now has this. */
export function sharedDraft(roomId: string, draft: RemoteDraft): void {
  store(roomId, drafts.get()[roomId] ?? "", { time: notes[roomId]?.time ?? draft.time, base: draft.text });
}

export function clearDrafts(): void {
  drafts.set({});
  notes = {};
  // What is being sealed just now does not come back.
  cleared++;
  for (const key of [KEY, NOTES, SEALED]) localStorage.removeItem(key + owner);
}

/** Signed out: nothing is kept, and nobody is there whose key could seal. */
export function forgetDrafts(): void {
  clearDrafts();
  vault = undefined;
}

function save(): void {
  if (vault === undefined) {
    localStorage.setItem(KEY + owner, JSON.stringify(drafts.get()));
    localStorage.setItem(NOTES + owner, JSON.stringify(notes));
    return;
  }
  unsaved = true;
  saving = saving.then(seal, () => undefined);
}

async function seal(): Promise<void> {
  const [by, before, whose] = [vault, cleared, owner];
  if (!unsaved || by === undefined) return;
  unsaved = false;
  const sealed = await by.sealText({ drafts: drafts.get(), notes }, SEALED);
  if (before === cleared) localStorage.setItem(SEALED + whose, sealed);
}

function store(roomId: string, text: string, note: Note): void {
  const { [roomId]: before = "", ...others } = drafts.get();
  if (before !== text) {
    const entries = Object.entries(text.trim() === "" ? others : { ...others, [roomId]: text });
    drafts.set(Object.fromEntries(entries.slice(-LIMIT)));
  }
  const { [roomId]: _, ...otherNotes } = notes;
  notes = Object.fromEntries(Object.entries({ ...otherNotes, [roomId]: note }).slice(-LIMIT));
  save();
}

function parsed(key: string): [string, unknown][] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(key) ?? "{}");
    return typeof stored === "object" && stored !== null ? Object.entries(stored) : [];
  } catch {
    return [];
  }
}

function read(): Drafts {
  return Object.fromEntries(
    parsed(KEY + owner).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}

function readNotes(): Record<string, Note> {
  return Object.fromEntries(
    parsed(NOTES + owner).flatMap(([roomId, value]): [string, Note][] => {
      const { time, base } = (value ?? {}) as Record<string, unknown>;
      return typeof time === "number" && typeof base === "string" ? [[roomId, { time, base }]] : [];
    }),
  );
}
