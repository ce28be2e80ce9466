/**
 * Searches in messages: by the server where it can read them, in this browser's own index where it cannot, as one list of
 * results. The index is a choice of this browser; without it, or where the browser cannot encrypt, only what is loaded of
 * encrypted chats is searched.
 */
import { type MatrixClient, type Room, SearchOrderBy } from "matrix-js-sdk/lib/matrix.js";
import { deepEqual } from "../../lib/equal.ts";
import { Observable } from "../../lib/observable.ts";
import { Wanted } from "../../lib/words.ts";
import { storageKeyBytes } from "../crypto/storage.ts";
import { Vault } from "../crypto/vault.ts";
import { summaryOf } from "../lookup.ts";
import type { Rooms } from "../rooms/rooms.ts";
import type { Session } from "../session.ts";
import type { MessageSummary } from "../types.ts";
import { entryOf, summaryOfFound } from "./entries.ts";
import { Filler } from "./filler.ts";
import { type Finder, finder, type Source } from "./merge.ts";
import { type IndexSize, LIMITS, MessageIndex } from "./index.ts";
import { IndexedDbIndex } from "./store.ts";

export interface SearchStatus extends IndexSize {
  /** "unavailable" where this browser cannot encrypt what it stores. */
  state: "starting" | "ready" | "off" | "unavailable";
  /** Older messages are still being read. */
  reading: boolean;
}

const NAME = "im2.search:";
/** Where this browser keeps that there is to be no index. */
const OFF = "im2.search-off";
/** Results that the server is asked for at once. */
const PAGE = 24;
/** How long a search waits for the index while the account is still being opened. */
const START_MS = 10_000;
const NOTHING: SearchStatus = { state: "starting", reading: false, messages: 0, bytes: 0 };

export class Search {
  readonly status = new Observable<SearchStatus>(NOTHING);
  /** How much the index holds. */
  readonly limits = LIMITS;
  private index: MessageIndex | undefined;
  private filler: Filler | undefined;
  private started = false;
  private stopped = false;
  private changing = Promise.resolve();

  constructor(
    private readonly client: MatrixClient,
    private readonly session: Session,
    private readonly rooms: Rooms,
    private readonly hasKeys: () => boolean,
  ) {
    rooms.onChange(() => this.goOn());
  }

  private get name(): string {
    return `${NAME}${this.session.userId}:${this.session.deviceId}`;
  }

  /** Opens the index and fills it, once encrypted messages can be read. */
  start(): Promise<void> {
    return this.inOrder(async () => {
      // The engine was ready only after the account had ended.
      if (this.stopped) return;
      this.started = true;
      await this.removeOthers().catch(() => undefined);
      if (localStorage.getItem(OFF) !== null) return this.patch({ ...NOTHING, state: "off" });
      await this.open();
    });
  }

  /** Without the encryption engine there is nothing to enter. */
  unavailable(): void {
    this.patch({ ...NOTHING, state: "unavailable" });
  }

  /** What decides whether history is read has changed. */
  goOn(): void {
    this.filler?.goOn();
  }

  /** Keys have come, such as from a backup. */
  keysCame(): void {
    void this.filler?.retryWaiting().catch(() => undefined);
  }

  /** Begins an index of encrypted chats, or gives it up with everything in it. The start heeds what was chosen before it. */
  setOn(on: boolean): Promise<void> {
    return this.inOrder(async () => {
      if (on) {
        localStorage.removeItem(OFF);
        if (this.index !== undefined) return;
        if (this.started) await this.open();
        else this.patch(NOTHING);
      } else {
        localStorage.setItem(OFF, "1");
        const closed = this.close();
        // It is not searched any more; what is under way ends first, and then it goes.
        this.patch({ ...NOTHING, state: "off" });
        await closed;
        await removeDatabase(this.name);
      }
    });
  }

  /** Empties the index; it then begins anew. */
  clear(): Promise<void> {
    return this.inOrder(async () => {
      await this.filler?.stop();
      await this.index?.clear();
      if (this.index !== undefined) this.fill(this.index);
    });
  }

  /** Leaves the index as it is, for the next start. */
  stop(): Promise<void> {
    this.stopped = true;
    return this.inOrder(() => this.close());
  }

  /** Removes everything, for good. Nothing of it is to be left, whatever goes wrong. */
  async destroy(): Promise<void> {
    await this.stop().catch(() => undefined);
    localStorage.removeItem(OFF);
    await removeDatabase(this.name);
  }

  /** Messages of a room with words, newest first. */
  inRoom(roomId: string, term: string): Finder {
    const room = this.client.getRoom(roomId);
    const wanted = new Wanted(term);
    const encrypted = room?.hasEncryptionStateEvent() === true;
    return finder(
      wanted,
      encrypted ? [this.local(wanted, room)] : [new OnServer(this.client, this.rooms, term, roomId)],
    );
  }

  /** Messages of all chats with words, newest first. */
  everywhere(term: string): Finder {
    const wanted = new Wanted(term);
    return finder(wanted, [this.local(wanted), new OnServer(this.client, this.rooms, term)]);
  }

  private local(wanted: Wanted, room?: Room): Source {
    if (this.status.get().state !== "starting") return this.localNow(wanted, room);
    return new AfterStart(this.known(), () => this.localNow(wanted, room));
  }

  /** Resolves when it is known whether there is an index, or has been waited for long enough. */
  private known(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        stop();
        resolve();
      };
      const timer = setTimeout(done, START_MS);
      const stop = this.status.subscribe(() => this.status.get().state !== "starting" && done());
    });
  }

  private localNow(wanted: Wanted, room?: Room): Source {
    if (this.index !== undefined) return new InIndex(this.client, this.rooms, this.index, wanted, room?.roomId);
    const rooms = room === undefined ? this.client.getRooms().filter((one) => one.hasEncryptionStateEvent()) : [room];
    return new InLoaded(rooms, wanted);
  }

  private async open(): Promise<void> {
    const key = storageKeyBytes(this.session);
    if (!Vault.available || key === undefined) return this.patch({ ...NOTHING, state: "unavailable" });
    try {
      const storage = await IndexedDbIndex.open(this.name);
      this.index = await MessageIndex.open(storage, new Vault(key, "im2 search"));
    } catch (error) {
      console.warn("there is no index of encrypted chats", error);
      return this.patch({ ...NOTHING, state: "unavailable" });
    }
    if (this.stopped) return this.close();
    this.fill(this.index);
  }

  private fill(index: MessageIndex): void {
    const changed = (reading: boolean) => {
      if (this.filler === filler) this.patch({ state: "ready", reading, ...index.size });
    };
    const filler = new Filler(this.client, this.rooms, index, changed, this.hasKeys);
    this.filler = filler;
    this.patch({ state: "ready", reading: true, ...index.size });
    void filler.start().catch((error) => !this.stopped && console.warn("the index is not filled", error));
  }

  private async close(): Promise<void> {
    const { index, filler } = this;
    this.index = undefined;
    this.filler = undefined;
    await filler?.stop();
    await index?.close();
  }

  /** Indexes of earlier sessions of the account can be read by nobody. */
  private async removeOthers(): Promise<void> {
    if (!("databases" in indexedDB)) return;
    for (const { name = "" } of await indexedDB.databases())
      if (name.startsWith(`${NAME}${this.session.userId}:`) && name !== this.name) indexedDB.deleteDatabase(name);
  }

  private inOrder(work: () => Promise<void>): Promise<void> {
    const result = this.changing.then(work);
    this.changing = result.catch(() => undefined);
    return result;
  }

  private patch(next: SearchStatus): void {
    if (!deepEqual(next, this.status.get())) this.status.set(next);
  }
}

/** What is not known before the account is open: a search of its first seconds finds what a later one does. */
class AfterStart implements Source {
  private source: Source | undefined;

  constructor(
    private readonly started: Promise<void>,
    private readonly make: () => Source,
  ) {}

  async peek(): Promise<MessageSummary | undefined> {
    await this.started;
    this.source ??= this.make();
    return this.source.peek();
  }

  take(): void {
    this.source?.take();
  }
}

class OnServer implements Source {
  words: readonly string[] = [];
  private found: MessageSummary[] = [];
  private next: string | undefined;
  private ended = false;

  constructor(
    private readonly client: MatrixClient,
    private readonly rooms: Rooms,
    private readonly term: string,
    private readonly roomId?: string,
  ) {}

  async peek(): Promise<MessageSummary | undefined> {
    while (this.found.length === 0 && !this.ended) await this.load();
    return this.found[0];
  }

  take(): void {
    this.found.shift();
  }

  private async load(): Promise<void> {
    const filter = this.roomId === undefined ? { limit: PAGE } : { rooms: [this.roomId], limit: PAGE };
    const answer = await this.client.search({
      next_batch: this.next,
      body: {
        search_categories: {
          room_events: { search_term: this.term, keys: ["content.body"], order_by: SearchOrderBy.Recent, filter },
        },
      } as never,
    });
    const { results = [], highlights = [], next_batch: next } = answer.search_categories.room_events;
    const mapper = this.client.getEventMapper({ preventReEmit: true });
    // Only the rooms themselves know who has said it.
    await this.rooms.require(...new Set(results.flatMap(({ result }) => result.room_id ?? [])));
    this.found = results.flatMap(({ result }) => {
      const event = mapper(result as never);
      const room = this.client.getRoom(event.getRoomId());
      return room === null ? [] : (summaryOf(event, room) ?? []);
    });
    this.words = [...new Set([...this.words, ...highlights])];
    this.next = next;
    this.ended = next === undefined;
  }
}

class InIndex implements Source {
  private readonly found: AsyncGenerator<Parameters<typeof summaryOfFound>[0], void, void>;
  private first: Promise<MessageSummary | undefined> | undefined;

  constructor(
    private readonly client: MatrixClient,
    private readonly rooms: Rooms,
    index: MessageIndex,
    wanted: Wanted,
    roomId?: string,
  ) {
    this.found = index.search(wanted, roomId);
  }

  peek(): Promise<MessageSummary | undefined> {
    this.first ??= this.load();
    return this.first;
  }

  take(): void {
    this.first = undefined;
  }

  private async load(): Promise<MessageSummary | undefined> {
    for (;;) {
      const { value } = await this.found.next();
      if (value === undefined) return undefined;
      await this.rooms.require(value.roomId).catch(() => undefined);
      const room = this.client.getRoom(value.roomId);
      // Whom one has blocked since is not found, either.
      if (room !== null && !this.client.isUserIgnored(value.entry.sender)) return summaryOfFound(value, room);
    }
  }
}

class InLoaded implements Source {
  private readonly found: MessageSummary[];

  constructor(rooms: readonly Room[], wanted: Wanted) {
    this.found = rooms
      .flatMap((room) => {
        const events = room.getLiveTimeline().getEvents();
        const entries = events.flatMap((event) => entryOf(event, room, event.replacingEvent() ?? undefined) ?? []);
        return entries
          .filter((entry) => wanted.matches(entry.plain))
          .map((entry) => summaryOfFound({ roomId: room.roomId, entry }, room));
      })
      .sort((a, b) => b.timestamp - a.timestamp);
  }

  peek(): Promise<MessageSummary | undefined> {
    return Promise.resolve(this.found[0]);
  }

  take(): void {
    this.found.shift();
  }
}

function removeDatabase(name: string): Promise<void> {
  return new Promise((resolve) => {
    const request = indexedDB.deleteDatabase(name);
    request.onsuccess = () => resolve();
    request.onerror = () => resolve();
    request.onblocked = () => resolve();
  });
}
