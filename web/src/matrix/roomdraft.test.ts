import { EventEmitter } from "node:events";
import type { MatrixClient, Room } from "matrix-js-sdk/lib/matrix.js";
import { expect, test, vi } from "vitest";
import { Sealing } from "./crypto/sealing.ts";
import { RoomDraft } from "./roomdraft.ts";

const KEY = new Uint8Array(32).fill(1);

/** A room, as the server keeps its draft, and the devices that look at it. */
class Server {
  content: object | undefined;
  stored = true;
  writes = 0;
  private readonly rooms: EventEmitter[] = [];

  constructor(private readonly encrypted = false) {}

  /** With the key, or without. */
  async device(key?: Uint8Array, memory = new Map<string, string>()) {
    const sealing = new Sealing(
      "@ana:x",
      () => this.stored,
      async () => true,
      { getItem: (name) => memory.get(name) ?? null, setItem: (name, value) => void memory.set(name, value) },
    );
    await sealing.use(key ?? null, key !== undefined);
    const room = Object.assign(new EventEmitter(), {
      roomId: "!r:x",
      hasEncryptionStateEvent: () => this.encrypted,
      getAccountData: () => this.content && { getContent: () => this.content },
    });
    this.rooms.push(room);
    const draft = new RoomDraft(this.client(room), room as unknown as Room, sealing);
    const changed = vi.fn();
    const stop = draft.watch(changed);
    await vi.waitFor(() => expect(changed).toHaveBeenCalled());
    return { draft, room, sealing, memory, stop, text: () => draft.get()?.text };
  }

  client(room: object): MatrixClient {
    const client = {
      getRooms: () => [room],
      setRoomAccountData: async (_roomId: string, _type: string, content: object) => {
        this.writes++;
        this.put(content);
      },
    };
    return client as unknown as MatrixClient;
  }

  put(content: object): void {
    this.content = structuredClone(content);
    for (const room of this.rooms) room.emit("Room.accountData", { getType: () => "im2.draft" });
  }

  get text(): string {
    return JSON.stringify(this.content ?? null);
  }
}

test.each([false, true])(
  "a draft follows the account and the server cannot read it; encrypted room: %s",
  async (encrypted) => {
    const server = new Server(encrypted);
    const [phone, laptop] = [await server.device(KEY), await server.device(KEY)];
    await phone.draft.keep({ text: "Zitronenfalter", time: 5 });
    expect(server.text).not.toContain("Zitronenfalter");
    await vi.waitFor(() => expect(laptop.draft.get()).toEqual({ text: "Zitronenfalter", time: 5 }));
    await laptop.draft.keep({ text: "Zitronenfalter", time: 9 });
    expect(server.writes).toBe(1);
    await laptop.draft.keep({ text: "", time: 10 });
    await vi.waitFor(() => expect(phone.text()).toBe(""));
  },
);

test("before anything is set up drafts of encrypted rooms stay here, and others go as they are", async () => {
  for (const encrypted of [true, false]) {
    const server = new Server(encrypted);
    server.stored = false;
    const phone = await server.device(KEY);
    await phone.draft.keep({ text: "Zitronenfalter", time: 5 });
    expect(server.text).toBe(encrypted ? "null" : '{"text":"Zitronenfalter","time":5}');
    // Once it is set up, what lies there in the clear is sealed when the room is looked at.
    server.stored = true;
    await phone.sealing.use(KEY, true);
    await vi.waitFor(() => expect(server.text).not.toContain("Zitronenfalter"));
    if (!encrypted) await vi.waitFor(() => expect(phone.text()).toBe("Zitronenfalter"));
  }
});

test("a session without the key keeps its draft until the key comes, and overwrites nothing", async () => {
  const server = new Server();
  const phone = await server.device(KEY);
  await phone.draft.keep({ text: "Zitronenfalter", time: 5 });
  const before = server.text;
  const fresh = await server.device();
  expect(fresh.text()).toBeUndefined();
  await expect(fresh.draft.keep({ text: "Distelfink", time: 9 })).rejects.toThrow();
  expect(server.text).toBe(before);
  await fresh.sealing.use(KEY, true);
  await vi.waitFor(() => expect(phone.text()).toBe("Distelfink"));
  expect(server.text).not.toContain("Distelfink");
});

test("the server cannot put words into the box of an encrypted room", async () => {
  const server = new Server(true);
  const phone = await server.device(KEY);
  server.put({ text: "I owe Mallory", time: 9 });
  await vi.waitFor(() => expect(server.text).not.toContain("Mallory"));
  expect(phone.text() ?? "").toBe("");
  await phone.draft.keep({ text: "Zitronenfalter", time: 11 });
  const good = server.content as { sealed: Record<string, object> };
  const [id = ""] = Object.keys(good.sealed);
  server.put({ ...good, sealed: { [id]: { data: "AAAA", at: 99 } } });
  await vi.waitFor(() => expect(phone.text()).toBeUndefined());
  expect(server.text).not.toContain("Zitronenfalter");
});

test("drafts of rooms that nobody looks at are sealed as well, and what a room said before it was encrypted goes", async () => {
  for (const encrypted of [false, true]) {
    const server = new Server(encrypted);
    const phone = await server.device(KEY);
    phone.stop();
    server.content = { text: "Zitronenfalter", time: 5 };
    await RoomDraft.sealAll(server.client(phone.room), phone.sealing);
    expect(server.text).not.toContain("Zitronenfalter");
    const laptop = await server.device(KEY);
    expect(laptop.draft.get()).toEqual(encrypted ? { text: "", time: 0 } : { text: "Zitronenfalter", time: 5 });
    await RoomDraft.sealAll(server.client(phone.room), phone.sealing);
    expect(server.writes).toBe(1);
  }
});

test("nothing is told any more once nobody looks", async () => {
  const server = new Server();
  const phone = await server.device(KEY);
  phone.stop();
  server.put({ text: "late", time: 9 });
  await phone.sealing.use(null, false);
  expect(phone.text()).toBeUndefined();
});
