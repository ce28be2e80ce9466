// @vitest-environment jsdom
import { MemoryStore, createClient, type MatrixClient, SyncState, ClientEvent } from "matrix-js-sdk/lib/matrix.js";
import { afterEach, expect, test } from "vitest";
import { Rooms } from "./rooms.ts";
import type { StoredSummaries, SummaryStore } from "./store.ts";

const ME = "@me:example.org";
const quiet = () => {};
const logger = { trace: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet, getChild: () => logger };

/** A server with rooms that have a name and one message each. */
class Server {
  readonly requests: { path: string; query: URLSearchParams }[] = [];
  /** What the next long polls answer. */
  private readonly news: object[] = [];
  private wake: () => void = () => undefined;
  broken = false;
  /** The number of a room that is a space. */
  space: number | undefined;

  constructor(readonly count: number) {}

  /** The first `count` rooms as the SDK's store has them. */
  saved(count: number): object {
    const join = Object.fromEntries(Array.from({ length: count }, (_, index) => [id(index), this.room(index)]));
    return { nextBatch: "s0", accountData: [], roomsData: { join, invite: {}, leave: {}, knock: {} } };
  }

  readonly fetch = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const url = new URL(String(input));
    const path = url.pathname.replace(/^\/_matrix\/client\//, "");
    this.requests.push({ path, query: url.searchParams });
    if (this.broken) throw new TypeError("no connection");
    const body = await this.answer(path, url.searchParams, init);
    return new Response(JSON.stringify(body), { headers: { "Content-Type": "application/json" } });
  };

  tell(news: object): void {
    this.news.push(news);
    this.wake();
  }

  /** The requests of the SDK's loop, and those for single rooms. */
  syncs(): string[] {
    const syncs = this.requests.filter(({ path }) => path === "v3/sync");
    return syncs.map(({ query }) => {
      const rooms = (JSON.parse(query.get("filter")?.startsWith("{") ? (query.get("filter") ?? "") : "{}") as Filter)
        .room?.rooms;
      if (rooms !== undefined) return rooms.length === 0 ? "without rooms" : rooms.join(" ");
      return query.get("since") ?? "everything";
    });
  }

  room(index: number): object {
    const event = (type: string, content: object, state_key?: string) => ({
      type,
      content,
      state_key,
      sender: "@bo:example.org",
      origin_server_ts: 1000 + index,
      event_id: `$${type}-${index}`,
    });
    return {
      "org.matrix.msc4222.state_after": {
        events: [
          event("m.room.create", { room_version: "11", ...(index === this.space ? { type: "m.space" } : {}) }, ""),
          event("m.room.name", { name: `Room ${index}` }, ""),
        ],
      },
      timeline: { events: [event("m.room.message", { msgtype: "m.text", body: `Message ${index}` })], limited: false },
    };
  }

  private async answer(path: string, query: URLSearchParams, init?: RequestInit): Promise<unknown> {
    if (path.endsWith("simplified_msc3575/sync")) return this.list(JSON.parse(String(init?.body)) as ListRequest);
    if (path === "v3/sync") return this.sync(query, init?.signal ?? undefined);
    if (path.endsWith("/filter")) return { filter_id: "1" };
    if (path.startsWith("v3/pushrules")) return { global: {} };
    return {};
  }

  private list({ lists }: ListRequest): object {
    const last = lists.all.ranges[0][1];
    const rooms: Record<string, object> = {};
    for (let index = 0; index < Math.min(this.count, last + 1); index++) {
      const { timeline } = this.room(index) as { timeline: { events: object[] } };
      rooms[id(index)] = { name: `Room ${index}`, initial: true, joined_count: 2, timeline: timeline.events };
    }
    if (this.space !== undefined) {
      const create = { type: "m.room.create", state_key: "", content: { type: "m.space" } };
      rooms[id(this.space)] = { name: "Space", initial: true, required_state: [create], timeline: [] };
    }
    return { pos: "1", lists: { all: { count: this.count } }, rooms };
  }

  private async sync(query: URLSearchParams, signal?: AbortSignal): Promise<object> {
    const filter = JSON.parse(query.get("filter")?.startsWith("{") ? (query.get("filter") ?? "") : "{}") as Filter;
    const ids = filter.room?.rooms ?? (query.has("since") ? [] : Array.from({ length: this.count }, (_, i) => id(i)));
    const join = Object.fromEntries(ids.map((roomId) => [roomId, this.room(Number(/\d+/.exec(roomId)?.[0]))]));
    if (!query.has("since")) return { next_batch: "s0", rooms: { join } };
    while (this.news.length === 0) {
      await new Promise<void>((resolve, reject) => {
        this.wake = resolve;
        signal?.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
      });
    }
    return this.news.shift() ?? {};
  }
}

interface Filter {
  room?: { rooms?: string[] };
}
interface ListRequest {
  lists: { all: { ranges: [[number, number]] } };
}

const NEWEST = 25;
const id = (index: number) => `!${index}:example.org`;

/** In place of IndexedDB. */
function memory(): SummaryStore {
  let stored: StoredSummaries | undefined;
  return {
    load: async () => stored,
    save: async (next: StoredSummaries) => {
      stored = next;
    },
    clear: async () => {
      stored = undefined;
    },
    close: async () => undefined,
    destroy: async () => undefined,
  } as unknown as SummaryStore;
}

let running: MatrixClient | undefined;
afterEach(() => {
  running?.stopClient();
  localStorage.clear();
});

async function scene(count: number) {
  const server = new Server(count);
  const store = memory();
  const { client, rooms } = await started(server, store);
  // Of many rooms the newest are loaded by themselves.
  await until(() => client.getRooms().length === Math.min(count, count > 60 ? NEWEST : count));
  const before = server.syncs().length;
  return { server, store, client, rooms, later: () => server.syncs().slice(before) };
}

async function started(server: Server, store: SummaryStore, sdkStore = new MemoryStore()) {
  const client = createClient({
    baseUrl: "https://example.org",
    userId: ME,
    accessToken: "T",
    fetchFn: server.fetch,
    store: sdkStore,
    logger,
  });
  running = client;
  const rooms = new Rooms(client, store);
  await rooms.start();
  await client.startClient({ initialSyncLimit: 20, lazyLoadMembers: true });
  await until(() => [SyncState.Syncing, SyncState.Prepared].includes(client.getSyncState() ?? SyncState.Stopped));
  return { client, rooms };
}

async function until(condition: () => boolean): Promise<void> {
  await expect.poll(condition).toBe(true);
}

test("an account with few rooms is synced as a whole", async () => {
  const { server, client, rooms } = await scene(60);
  expect(client.getRooms()).toHaveLength(60);
  expect([...rooms.ids]).toEqual([]);
  await until(() => server.syncs().length > 1);
  expect(server.syncs()).toEqual(["everything", "s0"]);
});

test("of many rooms only the summaries come, and a room when it is asked for", async () => {
  const { server, store, client, rooms, later } = await scene(300);
  expect([...rooms.ids]).toHaveLength(300);
  expect(await store.load()).toMatchObject({ complete: true });
  expect(server.syncs()[0]).toBe("without rooms");
  expect(rooms.summary(id(107))).toMatchObject({ name: "Room 107", joined: 2 });
  await rooms.load([id(107), id(108)]);
  expect(client.getRoom(id(107))?.getLiveTimeline().getEvents()[0]?.getContent().body).toBe("Message 107");
  expect(client.getRoom(id(108))?.name).toBe("Room 108");
  expect(rooms.summary(id(107))).toBeUndefined();
  // The poll that was waiting still waits.
  expect(later()).toEqual([`${id(107)} ${id(108)}`]);
});

test("spaces are loaded at once, and are no rows of the list", async () => {
  const server = new Server(300);
  server.space = 1000;
  const { client, rooms } = await started(server, memory());
  await until(() => client.getRoom(id(1000))?.isSpaceRoom() === true);
  expect(server.syncs()[0]).toBe(id(1000));
  await until(() => [...rooms.ids].length === 300);
  expect(rooms.summary(id(1000))).toBeUndefined();
});

test("a room in which something happens is loaded before the SDK hears of it", async () => {
  const { server, client, later } = await scene(300);
  const event = { type: "m.room.message", content: { body: "new" }, sender: "@bo:example.org", event_id: "$new" };
  server.tell({ next_batch: "s1", rooms: { join: { [id(109)]: { timeline: { events: [event] } } } } });
  await until(() => client.getRoom(id(109)) !== null);
  // Whole, not only what is new.
  expect(client.getRoom(id(109))?.name).toBe("Room 109");
  server.tell({ next_batch: "s2", rooms: { join: { [id(109)]: { timeline: { events: [event] } } } } });
  await until(() => client.getRoom(id(109))?.findEventById("$new") !== undefined);
  await until(() => server.syncs().includes("s2"));
  expect(later()).toEqual([id(109), "s1", "s2"]);
});

test("where very much has changed the list is fetched again", async () => {
  const { server, client } = await scene(300);
  const lists = () => server.requests.filter(({ path }) => path.includes("msc3575")).length;
  const before = lists();
  const join = Object.fromEntries(Array.from({ length: 120 }, (_, index) => [id(index), { timeline: { events: [] } }]));
  server.tell({ next_batch: "s1", rooms: { join } });
  await until(() => server.syncs().includes("s1"));
  expect(lists()).toBeGreaterThan(before);
  expect(client.getRooms()).toHaveLength(NEWEST);
});

test("a room that was left leaves the list", async () => {
  const { server, store, client, rooms } = await scene(300);
  server.tell({ next_batch: "s1", rooms: { leave: { [id(105)]: { timeline: { events: [] } } } } });
  await until(() => [...rooms.ids].length === 299);
  expect(rooms.isJoined(id(105))).toBe(false);
  await expect.poll(async () => (await store.load())?.summaries.length).toBe(299);
  expect(client.getSyncState()).toBe(SyncState.Syncing);
});

test("a room that cannot be loaded is when there is a connection again", async () => {
  const { server, client, rooms } = await scene(300);
  server.broken = true;
  await expect(rooms.require(id(103))).rejects.toThrow();
  const loaded = rooms.load([id(103)]);
  const synced = new Promise((resolve) => client.once(ClientEvent.Sync, resolve));
  server.broken = false;
  await loaded;
  await synced;
  expect(client.getRoom(id(103))?.name).toBe("Room 103");
}, 10_000);

test("a list that was lost is fetched again", async () => {
  const { server, client } = await scene(300);
  client.stopClient();
  const sdkStore = new MemoryStore();
  sdkStore.getSavedSync = async () => server.saved(NEWEST) as never;
  sdkStore.getSavedSyncToken = async () => "s0";
  server.tell({ next_batch: "s1" });
  const { rooms } = await started(server, memory(), sdkStore);
  await until(() => [...rooms.ids].length === 300);
});

test("if very much has been loaded, the older rooms are summaries again after a restart", async () => {
  const server = new Server(300);
  server.space = 7;
  const store = memory();
  await store.save({ summaries: [], complete: true });
  const sdkStore = new MemoryStore();
  const forgotten: string[] = [];
  sdkStore.getSavedSync = async () => server.saved(250) as never;
  sdkStore.getSavedSyncToken = async () => "s0";
  sdkStore.setSyncData = async ({ rooms }) => {
    forgotten.push(...Object.keys(rooms?.leave ?? {}));
  };
  const { client, rooms } = await started(server, store, sdkStore);
  // However old a space is, it stays.
  expect(client.getRooms()).toHaveLength(101);
  expect(client.getRoom(id(7))?.isSpaceRoom()).toBe(true);
  expect(client.getRoom(id(249))).not.toBeNull();
  expect(forgotten).toHaveLength(149);
  expect(rooms.summary(id(3))).toMatchObject({ name: "Room 3", membership: "join" });
  expect(rooms.summary(id(3))?.event?.content?.body).toBe("Message 3");
  expect((await store.load())?.summaries).toHaveLength(149);
});
