/**
 * Account data that several devices change at the same time: entries that are merged, newest first, with what the server
 * has. A device that hears of content without its own newer change writes the merged entries again.
 *
 * Content that only the account's own sessions are to read is sealed (`crypto/sealing.ts`). Where that cannot be opened or
 * written yet, the server's content is left alone: changes stay here, marked as made without sight of what there was, and
 * are merged when the key comes.
 */
import { ClientEvent, type MatrixClient, type MatrixEvent, Method } from "matrix-js-sdk/lib/matrix.js";
import { deepEqual } from "../lib/equal.ts";
import {
  type Entries,
  type Join,
  mergeEntries,
  readEntries,
  withEntry,
  withoutOld,
  withoutParts,
} from "../lib/entries.ts";
import { Observable } from "../lib/observable.ts";
import type { LocalCopy } from "./crypto/localcopy.ts";
import { ProblemError } from "./errors.ts";

/** A value that was sealed with one key. */
export interface Slot {
  data: string;
  /** When it was sealed, in milliseconds since the epoch. */
  at: number;
}

export type Slots = Readonly<Record<string, Slot>>;

/** What could be read of what the server has. */
export interface Opened {
  /** Several where several keys have sealed something; none where nothing can be opened. */
  contents: readonly object[];
  /** It has to be written again, in another form. */
  outdated: boolean;
  /** None of the account's sessions has written it like this. */
  forged: boolean;
  /** What cannot be opened here and stays there, by the keys. Absent where the content is not to be replaced at all. */
  others?: Slots;
  /** It is in the clear and may be the account's own, from before anything was set up, or the server's. */
  doubtful?: true;
}

/** How content is kept on the server. */
export interface Envelope {
  open(content: object): Promise<Opened>;
  /** What is to be written; nothing as long as nothing must be. */
  seal(content: object, opened: Opened): Promise<object | undefined>;
  /** Tells when something can be opened or written that could not be before, or has to be written otherwise. */
  onChange(listener: () => void): () => void;
  /** Believes nothing any more that is in the clear. */
  refuse?(): void;
}

/**
 * Why what the server has is neither taken up nor replaced: a newer version has written it, in its own way; or it is in the
 * clear, and somebody has to say whether it is to be believed.
 */
export type Obstacle = "newer" | "doubtful";

/** For what has to be read before there is a key, and tells the server nothing that it should not know. */
export const PLAIN: Envelope = {
  open: async (content) => ({ contents: [content], outdated: false, forged: false, others: {} }),
  seal: async (content) => content,
  onChange: () => () => undefined,
};

/** What takes the place of the account's own content is replaced at most this often, in milliseconds. */
const MENDING_MS = 60_000;

export interface SyncedOptions<T> {
  /** The type of the account data, `im2.contacts`. */
  type: string;
  read: (key: string, value: unknown) => T | undefined;
  /** What this device knew last time, before the server has answered. */
  initial?: Entries<T>;
  envelope?: Envelope;
  /** Makes one value of two, where the newer one was made without sight of the older. */
  join?: Join<T>;
  /** Where this device keeps what the server keeps sealed. */
  copy?: LocalCopy;
}

export class Synced<T> {
  readonly entries: Observable<Entries<T>>;
  /** Content is on the server that cannot be opened here, or changes are here that cannot be written there. */
  readonly held = new Observable(false);
  readonly obstacle = new Observable<Obstacle | undefined>(undefined);
  private readonly envelope: Envelope;
  /** What is in the clear and was believed last, and what is not. */
  private believed: object | undefined;
  private doubted: object | undefined;
  private saving: Promise<void> = Promise.resolve();
  private started = false;
  /** What the server had when that was read last is among the entries. */
  private seen = false;
  private mended = -MENDING_MS;
  /** When the first of the changes was made that have not been written yet. */
  private changed = Number.POSITIVE_INFINITY;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly stopListening: () => void;

  constructor(
    private readonly client: MatrixClient,
    private readonly options: SyncedOptions<T>,
  ) {
    this.entries = new Observable<Entries<T>>(options.initial ?? {});
    this.envelope = options.envelope ?? PLAIN;
    client.on(ClientEvent.AccountData, (event: MatrixEvent) => {
      if (event.getType() === options.type) void this.receive(event.getContent());
    });
    this.stopListening = this.envelope.onChange(() => this.started && this.start());
    this.entries.subscribe(() => options.copy?.save({ entries: this.entries.get() }));
  }

  get(key: string): T | undefined {
    const entries = this.entries.get();
    return Object.hasOwn(entries, key) ? entries[key]?.value : undefined;
  }

  /** Takes up what this device has kept, before the store has been read. */
  async load(): Promise<void> {
    const kept = await this.options.copy?.load();
    const entries = readEntries((kept as { entries?: unknown } | undefined)?.entries, this.options.read);
    this.entries.set(this.merge(this.entries.get(), entries));
  }

  /** Reads what the last sync has left in the store, and writes what this device knows better. */
  start(): void {
    this.started = true;
    const stored = this.client.getAccountData(this.options.type as never)?.getContent();
    if (stored !== undefined) void this.receive(stored);
    else {
      this.seen = true;
      if (Object.keys(this.entries.get()).length > 0) void this.save().catch(() => undefined);
    }
  }

  /** Nothing is written any more; resolves when this device has kept what it knows. */
  async stop(): Promise<void> {
    this.stopListening();
    clearTimeout(this.timer);
    await this.options.copy?.stop();
  }

  /**
   * Changes entries; nothing removes one. Rejects when the server refuses or cannot be reached: they then are as before.
   * What must not be written yet stays here.
   */
  async set(changes: Readonly<Record<string, T | undefined>>): Promise<void> {
    const before = this.entries.get();
    let after = before;
    for (const [key, value] of Object.entries(changes)) after = this.with(after, key, value);
    this.entries.set(after);
    try {
      await this.save();
    } catch (error) {
      // Only what this call has changed, and nobody since.
      const now = { ...this.entries.get() };
      for (const key of Object.keys(changes)) {
        if (now[key] !== after[key]) continue;
        const old = before[key];
        if (old === undefined) delete now[key];
        else now[key] = old;
      }
      this.entries.set(now);
      throw error;
    }
  }

  /** Changes an entry here at once; where the server cannot be reached it hears of it at the next start or change. */
  keep(key: string, value: T | undefined): void {
    this.entries.set(this.with(this.entries.get(), key, value));
    void this.save().catch(() => undefined);
  }

  private with(entries: Entries<T>, key: string, value: T | undefined): Entries<T> {
    const now = Date.now();
    this.changed = Math.min(this.changed, now);
    return withEntry(entries, key, value, now, !this.seen);
  }

  /** Takes up what is in the clear and was not believed, or never believes such things again. */
  decide(believe: boolean): void {
    if (believe) this.believed = this.doubted;
    else this.envelope.refuse?.();
    this.start();
  }

  private async receive(content: object): Promise<void> {
    const opened = this.judge(content, await this.envelope.open(content));
    const { theirs, merged } = this.take(opened);
    const differs = !deepEqual(withoutOld(merged, Date.now()), withoutOld(theirs, Date.now()));
    if (!differs && !opened.outdated) return this.rest();
    const wait = opened.forged ? this.mended + MENDING_MS - performance.now() : 0;
    if (wait <= 0) return this.save().catch(() => undefined);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.start(), wait);
  }

  /** Takes away what is not to be believed. */
  private judge(content: object, opened: Opened): Opened {
    const newer = opened.others === undefined;
    const doubted = opened.doubtful === true && !deepEqual(content, this.believed) && !this.knows(content);
    if (!doubted && opened.contents.includes(content)) this.believed = content;
    this.doubted = doubted ? content : undefined;
    // Without the key there is nothing to be decided yet.
    this.obstacle.set(newer ? "newer" : doubted && opened.outdated ? "doubtful" : undefined);
    return doubted ? { contents: [], outdated: false, forged: false } : opened;
  }

  /** Whether all that it says has been known here. */
  private knows(content: object): boolean {
    const theirs = this.read(content);
    const known = this.entries.get();
    return (
      Object.keys(unread([content], theirs)).length === 0 &&
      deepEqual(this.merge(known, withoutOld(theirs, Date.now())), known)
    );
  }

  /** The server has what is known here. */
  private rest(): void {
    this.changed = Number.POSITIVE_INFINITY;
    this.held.set(!this.seen);
  }

  /** Merges what could be read into the entries. */
  private take({ contents, others }: Opened): { theirs: Entries<T>; merged: Entries<T> } {
    const theirs = contents.map((content) => this.read(content)).reduce((all, entries) => this.merge(all, entries), {});
    this.seen = others !== undefined && Object.keys(others).length === 0;
    const both = this.merge(this.entries.get(), theirs);
    const merged = this.seen ? withoutParts(both) : both;
    if (!deepEqual(merged, this.entries.get())) this.entries.set(merged);
    return { theirs, merged };
  }

  /** What stands there with a time to come is older than changes that have been made here since. */
  private read(content: object): Entries<T> {
    const now = Date.now();
    const { entries } = content as { entries?: unknown };
    return readEntries(entries, this.options.read, now, Math.min(now, this.changed - 1));
  }

  private merge(a: Entries<T>, b: Entries<T>): Entries<T> {
    return mergeEntries(a, b, this.options.join);
  }

  /** One save after the other: each begins with what the server has. */
  private save(): Promise<void> {
    const saved = this.saving.then(() => this.write());
    this.saving = saved.catch(() => undefined);
    return saved;
  }

  private async write(): Promise<void> {
    const path = `/user/${encodeURIComponent(this.client.getSafeUserId())}/account_data/${this.options.type}`;
    const stored = await this.client.http.authedRequest<object>(Method.Get, path).catch((error: unknown) => {
      if ((error as { errcode?: string }).errcode === "M_NOT_FOUND") return {};
      throw error;
    });
    const opened = this.judge(stored, await this.envelope.open(stored));
    const { theirs, merged } = this.take(opened);
    const entries = { ...unread(opened.contents, theirs), ...withoutOld(merged, Date.now()) };
    const same = deepEqual(withoutOld(merged, Date.now()), theirs);
    if (same && !(opened.outdated && Object.keys(entries).length > 0)) return this.rest();
    const content = await this.envelope.seal({ entries }, opened);
    this.held.set(content === undefined);
    if (content !== undefined) await this.put(path, content, opened.forged);
    else if (this.options.copy === undefined) throw new ProblemError({ kind: "no-encryption" });
  }

  private async put(path: string, content: object, mends: boolean): Promise<void> {
    const before = this.mended;
    if (mends) this.mended = performance.now();
    try {
      await this.client.http.authedRequest(Method.Put, path, undefined, content);
    } catch (error) {
      // Only what was written counts.
      this.mended = before;
      throw error;
    }
  }
}

/** Entries that this version does not understand: a newer one has written them, and they stay. */
function unread(contents: readonly object[], understood: Entries<unknown>): object {
  const all = contents.flatMap((content) => {
    const { entries } = content as { entries?: unknown };
    return typeof entries === "object" && entries !== null ? Object.entries(entries) : [];
  });
  return Object.fromEntries(all.filter(([key]) => !Object.hasOwn(understood, key)));
}
