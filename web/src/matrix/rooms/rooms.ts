/**
 * Keeps an account with very many rooms quick: the list comes first, as summaries (`list.ts`), and a room is loaded when
 * somebody opens it or something happens in it.
 *
 * It stands between the SDK and `/sync`. The first sync of a large account leaves the rooms out. After that the SDK gets
 * what the server answers, but rooms that it does not have come as a first sync brings them: whole. So the SDK never sees
 * half a room, its store holds what has been loaded, and the summary of every other room still holds, because nothing
 * has happened there. An account with few rooms is synced as ever.
 */
import { Filter, type IRooms, type ISyncResponse, type MatrixClient, Method } from "matrix-js-sdk/lib/matrix.js";
import { idle } from "../../lib/idle.ts";
import { UNCHANGED_KEY_COUNTS } from "../crypto/gate.ts";
import { type Hero, isSpace, RoomList, type RoomSummary, stateOf, summaryOfJoined } from "./list.ts";
import type { RoomView } from "../events.ts";
import { viewOf } from "./summary.ts";
import type { SummaryStore } from "./store.ts";

/** An account with so many rooms or fewer is loaded as a whole. */
const FEW = 60;
/** The windows in which the list grows. */
const WINDOWS = [2_000, 6_000];
/** Rooms that one request loads: their ids are part of its address. */
const BATCH = 25;
/** If more rooms than this have changed meanwhile, the list is fetched again instead of them. */
const MANY_CHANGED = 50;
/** Messages of a room that is loaded. */
const TIMELINE = 20;
/** If the SDK's store has more rooms than the first number, it keeps the second. */
const MOST_STORED = 200;
const KEPT = 100;
/** Rooms that are loaded although nobody has opened them. */
const NEWEST = 25;
const MOST_AHEAD = 50;
const RETRY_MS = 3_000;

type ISavedSync = NonNullable<Awaited<ReturnType<MatrixClient["store"]["getSavedSync"]>>>;
type Query = Record<string, unknown>;
type RequestOptions = { abortSignal?: AbortSignal; localTimeoutMs?: number };
type Send = (query: Query, options?: RequestOptions) => Promise<ISyncResponse>;

export class Rooms {
  private summaries: ReadonlyMap<string, RoomSummary> = new Map();
  /** Rooms that were left. Should one come back, the SDK has it. */
  private readonly gone = new Set<string>();
  private people: Map<string, Hero> | undefined;
  /** Rooms that were not loaded may be missing from what the SDK knows. */
  private partial = false;
  private complete = true;
  private stopped = false;
  private readonly listeners = new Set<(roomIds: Iterable<string>) => void>();
  private readonly loading = new Map<string, Promise<void>>();
  /** Answers of `/sync` that the SDK has not asked for yet. */
  private poll: Promise<ISyncResponse> | undefined;
  private loaded: IRooms[] = [];
  private handedOut: (() => void)[] = [];
  private waiting: (() => void)[] = [];
  private wake: () => void = () => undefined;
  private listing: Promise<void> | undefined;
  /** What the SDK's store has, as soon as it has been read. */
  private stored: Promise<ReadonlySet<string>> = Promise.resolve(new Set());
  private readonly send: Send;
  /** Stands in the local storage while the SDK's store has only some of the rooms. */
  private readonly mark: string;

  constructor(
    private readonly client: MatrixClient,
    private readonly store: SummaryStore,
  ) {
    this.mark = `im2.rooms:${client.getSafeUserId()}`;
    const { http } = client;
    const request = http.authedRequest.bind(http) as (...args: unknown[]) => Promise<unknown>;
    this.send = (query, options) => request(Method.Get, "/sync", query, undefined, options) as Promise<ISyncResponse>;
    const intercept = (method: Method, path: string, query?: Query, body?: unknown, options?: RequestOptions) => {
      // The SDK's other requests to this address are no part of its loop.
      const loop = path === "/sync" && method === Method.Get && (query?.since ?? query?._cacheBuster) !== undefined;
      return loop ? this.sync(query ?? {}, options) : request(method, path, query, body, options);
    };
    http.authedRequest = intercept as typeof http.authedRequest;
    this.watchStore();
  }

  /** Reads what the last session has left. */
  async start(): Promise<void> {
    const stored = await this.store.load();
    if (stored === undefined) {
      // The list was lost, and the SDK's store has only some of the rooms: it is fetched with the next sync.
      this.partial = localStorage.getItem(this.mark) !== null;
      this.complete = !this.partial;
      return;
    }
    this.partial = true;
    this.complete = stored.complete;
    this.replace(new Map(stored.summaries.map((summary) => [summary.id, summary])));
  }

  /** Whether the account has so many rooms that only some of them are loaded. */
  get many(): boolean {
    return this.partial;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.store.close();
  }

  /** Removes what is kept. */
  async destroy(): Promise<void> {
    this.stopped = true;
    localStorage.removeItem(this.mark);
    await this.store.destroy().catch(() => undefined);
  }

  /** The summary of a room that has not been loaded. */
  summary(roomId: string): RoomSummary | undefined {
    return this.client.getRoom(roomId) === null ? this.summaries.get(roomId) : undefined;
  }

  /** What the summary of a room that has not been loaded knows of it to put its events into words. */
  view(roomId: string): (RoomView & { roomId: string }) | undefined {
    const summary = this.summary(roomId);
    return summary === undefined ? undefined : { ...viewOf(summary, this.client.getSafeUserId(), null), roomId };
  }

  /** The encrypted chats that have not been loaded. */
  encrypted(): RoomSummary[] {
    const all = [...this.summaries.values()].filter((one) => one.encrypted === true && one.membership === "join");
    return all.filter(({ id }) => this.client.getRoom(id) === null);
  }

  /** The rooms of which there are summaries, loaded or not. */
  get ids(): Iterable<string> {
    return this.summaries.keys();
  }

  /** Whether one is in a room, loaded or not. */
  isJoined(roomId: string): boolean {
    const room = this.client.getRoom(roomId);
    return room === null ? this.summaries.get(roomId)?.membership === "join" : room.getMyMembership() === "join";
  }

  /** Somebody whom the list names: a room that is not loaded is called after them, or they have written there last. */
  person(userId: string): Hero | undefined {
    if (this.people === undefined) {
      this.people = new Map();
      for (const { heroes, sender, inviter } of this.summaries.values()) {
        for (const one of [...heroes, sender, inviter]) if (one !== undefined) this.people.set(one.id, one);
      }
    }
    return this.people.get(userId);
  }

  onChange(listener: (roomIds: Iterable<string>) => void): void {
    this.listeners.add(listener);
  }

  /** Forgets a summary: the room was left. */
  drop(roomId: string): void {
    if (this.summaries.has(roomId)) this.without([roomId]);
  }

  /** Loads rooms; resolves when the SDK has them, which without a connection takes until there is one again. */
  async load(roomIds: readonly string[]): Promise<void> {
    while (!this.stopped) {
      try {
        return await this.tryToLoad(roomIds);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  /** Loads rooms, left ones as well. Rejects when the server does not answer. */
  async tryToLoad(roomIds: readonly string[]): Promise<void> {
    const missing = roomIds.filter((id) => this.client.getRoom(id) === null && !this.loading.has(id));
    for (let start = 0; start < missing.length; start += BATCH) {
      const batch = missing.slice(start, start + BATCH);
      const loaded = this.fetch(batch).then((rooms) => {
        // Whatever the server does not tell of has gone.
        const { join, invite, leave, knock } = rooms;
        this.without(batch.filter((id) => ![join, invite, leave, knock].some((kind) => id in kind)));
        return this.handOver(rooms);
      });
      for (const id of batch) this.loading.set(id, loaded);
      const done = () => {
        for (const id of batch) this.loading.delete(id);
      };
      loaded.then(done, done);
    }
    await Promise.all(roomIds.map((id) => this.loading.get(id)));
  }

  /** Loads rooms that one is in, unless they are here. */
  async require(...roomIds: readonly string[]): Promise<void> {
    await this.tryToLoad(roomIds.filter((id) => this.isJoined(id)));
  }

  /** Gives the SDK rooms as if the server had just told of them; resolves when it has taken them in. */
  private handOver(rooms: IRooms): Promise<void> {
    this.loaded.push(rooms);
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      this.wake();
    });
  }

  /** Rooms as a first sync brings them. */
  private async fetch(ids: readonly string[]): Promise<IRooms> {
    const filter = new Filter(this.client.getUserId());
    filter.setLazyLoadMembers(true);
    filter.setUnreadThreadNotifications(true);
    filter.setTimelineLimit(TIMELINE);
    filter.setIncludeLeaveRooms(true);
    const definition = filter.getDefinition();
    const nothing = { not_types: ["*"] };
    const query = {
      filter: JSON.stringify({
        ...definition,
        room: { ...definition.room, rooms: ids },
        presence: nothing,
        account_data: nothing,
      }),
      timeout: 0,
      "org.matrix.msc4222.use_state_after": true,
    };
    const { rooms } = await this.send(query, { localTimeoutMs: 60_000 });
    return { ...NO_ROOMS, ...(rooms as IRooms | undefined) };
  }

  // What the SDK asks for

  private async sync(query: Query, options?: RequestOptions): Promise<ISyncResponse> {
    for (const taken of this.handedOut.splice(0)) taken();
    if (query.since === undefined) return this.first(query, options);
    if (this.loaded.length === 0) {
      this.poll ??= this.next(query, options);
      // Nobody may be waiting for it when it fails.
      this.poll.catch(() => undefined);
      await Promise.race([this.poll.catch(() => undefined), new Promise<void>((resolve) => (this.wake = resolve))]);
    }
    if (this.loaded.length > 0) return this.loadedAnswer(String(query.since));
    const { poll } = this;
    this.poll = undefined;
    return (await poll) as ISyncResponse;
  }

  private loadedAnswer(since: string): ISyncResponse {
    const rooms = this.loaded.splice(0);
    this.handedOut = this.waiting.splice(0);
    const all = (kind: keyof typeof NO_ROOMS) => {
      const merged: Record<string, unknown> = Object.assign({}, ...rooms.map((some) => some[kind]));
      // What has come with the news in the meantime is newer.
      for (const id of Object.keys(merged)) if (this.client.getRoom(id) !== null) delete merged[id];
      return merged;
    };
    return {
      next_batch: since,
      rooms: { join: all("join"), invite: all("invite"), leave: all("leave"), knock: all("knock") },
      device_one_time_keys_count: UNCHANGED_KEY_COUNTS,
    } as unknown as ISyncResponse;
  }

  /** The first sync: everything, unless that were too much. */
  private async first(query: Query, options?: RequestOptions): Promise<ISyncResponse> {
    const list = new RoomList(this.client);
    // A server without sliding sync, or a request that has failed: then so will the next.
    await list.grow(FEW).catch(() => undefined);
    if (list.total <= FEW) return this.whole(query, options);
    try {
      // Before the SDK can store where it is: without the list, the rest of the rooms would never come.
      await this.store.save({ summaries: [...list.summaries.values()], complete: false });
      localStorage.setItem(this.mark, "1");
    } catch {
      return this.whole(query, options);
    }
    const filter = JSON.parse(String(query.filter)) as { room?: object };
    const spaces = [...list.spaces].slice(0, BATCH);
    const rest = { ...query, filter: JSON.stringify({ ...filter, room: { ...filter.room, rooms: spaces } }) };
    const answer = await this.send(rest, options);
    this.partial = true;
    this.complete = false;
    this.replace(list.summaries);
    this.goOn(list);
    return answer;
  }

  /** The first sync with all rooms. */
  private async whole(query: Query, options?: RequestOptions): Promise<ISyncResponse> {
    if (this.partial) await this.store.clear().catch(() => undefined);
    const answer = await this.send(query, options);
    this.partial = false;
    localStorage.removeItem(this.mark);
    this.replace(new Map());
    return answer;
  }

  private async next(query: Query, options?: RequestOptions): Promise<ISyncResponse> {
    const answer = await this.send(query, options);
    if (this.partial) await this.fillIn(answer);
    return answer;
  }

  /** Puts whole rooms in the place of changes to rooms that have not been loaded. */
  private async fillIn(answer: ISyncResponse): Promise<void> {
    const stored = await this.stored;
    const { join = {}, leave = {} } = answer.rooms ?? {};
    const unknown = [...Object.keys(join), ...Object.keys(leave)].filter(
      (id) => !stored.has(id) && this.client.getRoom(id) === null,
    );
    const changed = unknown.length > MANY_CHANGED ? unknown.filter((id) => id in leave) : unknown;
    if (unknown.length > MANY_CHANGED) await this.list(new RoomList(this.client));
    for (const id of unknown) delete join[id];
    for (let start = 0; start < changed.length; start += BATCH) {
      const whole = await this.fetch(changed.slice(start, start + BATCH));
      Object.assign(join, whole.join);
      Object.assign(leave, whole.leave);
    }
    this.without(Object.keys(leave));
    if (!this.complete && this.listing === undefined) this.goOn(new RoomList(this.client));
  }

  private goOn(list: RoomList): void {
    this.listing = this.list(list).catch(() => {
      // There is no connection: again from the start, with the next sync.
      this.listing = undefined;
    });
  }

  /** Fetches what is missing of a list. */
  private async list(list: RoomList): Promise<void> {
    if (list.total === 0) await list.grow(FEW);
    // What is here is shown first.
    else await idle(500);
    for (const window of [...WINDOWS, Number.POSITIVE_INFINITY]) {
      await list.grow(Math.min(window, Math.max(list.total, FEW)));
      if (this.stopped) return;
      if (list.complete) break;
      this.replace(list.summaries);
    }
    this.complete = true;
    this.replace(list.summaries);
    await this.save();
    // The newest can be read without a connection. The server cannot read who is mentioned where messages are encrypted,
    // and the SDK answers invitations.
    const all = [...this.summaries.values()];
    const ahead = all.filter(
      ({ membership, encrypted, unread }) => membership !== "join" || (encrypted === true && unread > 0),
    );
    const first = [...all.slice(0, NEWEST), ...ahead.slice(0, MOST_AHEAD)].map(({ id }) => id);
    void this.load([...list.spaces, ...first]);
  }

  private replace(summaries: ReadonlyMap<string, RoomSummary>): void {
    const before = this.summaries;
    this.summaries = new Map([...summaries].filter(([id]) => !this.gone.has(id)));
    this.people = undefined;
    const ids = new Set([...before.keys(), ...this.summaries.keys()]);
    const changed = [...ids].filter((id) => before.get(id) !== this.summaries.get(id));
    for (const listener of this.listeners) listener(changed);
  }

  private without(ids: readonly string[]): void {
    for (const id of ids) this.gone.add(id);
    if (!ids.some((id) => this.summaries.has(id))) return;
    this.replace(this.summaries);
    void this.save().catch(() => undefined);
  }

  private save(): Promise<void> {
    return this.store.save({ summaries: [...this.summaries.values()], complete: this.complete });
  }

  /**
   * The SDK asks the server before it has read its store: what is in there counts as loaded. If that has become much, only
   * the newest of it is read, and the rest are summaries again.
   */
  private watchStore(): void {
    const { store } = this.client;
    const read = store.getSavedSync.bind(store);
    store.getSavedSync = () => {
      const reading = read().then((saved) => this.unload(saved).catch(() => saved));
      this.stored = reading.then(
        (saved) => new Set(Object.values(saved?.roomsData ?? {}).flatMap((rooms) => Object.keys(rooms ?? {}))),
        () => new Set<string>(),
      );
      return reading;
    };
  }

  private async unload(saved: ISavedSync | null): Promise<ISavedSync | null> {
    const joined = Object.entries(saved?.roomsData.join ?? {});
    if (saved === null || !this.partial || joined.length <= MOST_STORED) return saved;
    const newest = ([, { timeline }]: (typeof joined)[number]) => timeline.events.at(-1)?.origin_server_ts ?? 0;
    const ordinary = joined.filter(([, room]) => !isSpace(stateOf(room)));
    const surplus = ordinary.sort((a, b) => newest(b) - newest(a)).slice(KEPT);
    const summaries = new Map(this.summaries);
    for (const [id, room] of surplus) summaries.set(id, summaryOfJoined(id, room, this.client.getSafeUserId()));
    this.replace(summaries);
    await this.save();
    // The store forgets rooms that were left.
    const leave = Object.fromEntries(surplus.map(([id]) => [id, { timeline: { events: [] } }]));
    const forget = { next_batch: saved.nextBatch, rooms: { ...NO_ROOMS, leave } };
    await this.client.store.setSyncData(forget as unknown as ISyncResponse);
    for (const [id] of surplus) delete saved.roomsData.join[id];
    return saved;
  }
}

const NO_ROOMS = { join: {}, invite: {}, leave: {}, knock: {} };
