// @vitest-environment jsdom
import { type MatrixClient, MatrixEvent, SyncState } from "matrix-js-sdk/lib/matrix.js";
import { afterEach, expect, test } from "vitest";
import { Wanted } from "../../lib/words.ts";
import { Vault } from "../crypto/vault.ts";
import type { Rooms } from "../rooms/rooms.ts";
import { Disk } from "./disk.ts";
import { Filler } from "./filler.ts";
import { MessageIndex } from "./index.ts";

const ME = "@me:x";
const PAGE = 3;

/** Chats of which only the summaries are here; their messages are numbered, the newest last. */
class Chats {
  readonly messages = new Map<string, string[]>();
  /** The pages that were asked for. */
  readonly asked: string[] = [];

  readonly client = {
    on: () => undefined,
    off: () => undefined,
    getRooms: () => [],
    getRoom: () => null,
    getSyncState: () => SyncState.Syncing,
    getSafeUserId: () => ME,
    getEventMapper: () => (raw: object) => new MatrixEvent(raw),
    decryptEventIfNeeded: async () => undefined,
    createMessagesRequest: async (roomId: string, token: string | null) => {
      const all = this.messages.get(roomId) ?? [];
      const end = token === null ? all.length : Number(token);
      this.asked.push(`${roomId} ${token ?? "end"}`);
      const first = Math.max(0, end - PAGE);
      const chunk = all.slice(first, end).map((body, at) => this.event(roomId, first + at, body));
      return { chunk: chunk.reverse(), end: first === 0 ? undefined : String(first) };
    },
  };

  readonly rooms = {
    encrypted: () =>
      [...this.messages].map(([id, all]) => ({ id, event: this.event(id, all.length - 1, all.at(-1) ?? "") })),
    isJoined: (roomId: string) => this.messages.has(roomId),
    view: (roomId: string) => ({
      roomId,
      myUserId: ME,
      getMember: () => null,
      getCreator: () => null,
      currentState: { getStateEvents: () => null },
    }),
  };

  private event(room_id: string, at: number, body: string) {
    const content = { msgtype: "m.text", body };
    return {
      type: "m.room.message",
      event_id: `$${room_id}-${at}`,
      room_id,
      sender: "@bo:x",
      origin_server_ts: at,
      content,
    };
  }
}

const running: Filler[] = [];

async function fill(chats: Chats, disk: Disk): Promise<(words: string) => Promise<number>> {
  const index = await MessageIndex.open(disk, new Vault(new Uint8Array(32).fill(7), "test"));
  let reading = true;
  const changed = (more: boolean) => {
    reading = more;
  };
  const filler = new Filler(
    chats.client as unknown as MatrixClient,
    chats.rooms as unknown as Rooms,
    index,
    changed,
    () => true,
  );
  running.push(filler);
  void filler.start();
  await expect.poll(() => reading, { timeout: 20_000 }).toBe(false);
  return async (words) => {
    let count = 0;
    for await (const _ of index.search(new Wanted(words))) count += 1;
    return count;
  };
}

afterEach(async () => {
  for (const filler of running.splice(0)) await filler.stop();
});

test("chats that are not loaded are read to their beginning, once, and from where there is news", async () => {
  const [chats, disk] = [new Chats(), new Disk()];
  chats.messages.set("!a", ["a lantern", "two", "three", "four"]);
  chats.messages.set("!b", ["another lantern"]);
  let count = await fill(chats, disk);
  expect(await count("lantern")).toBe(2);
  expect(chats.asked.sort()).toEqual(["!a 1", "!a end", "!b end"]);

  // The next start knows how far it came.
  chats.asked.length = 0;
  await running.pop()?.stop();
  count = await fill(chats, disk);
  expect(chats.asked).toEqual([]);

  // What has come meanwhile is read as far as what is known.
  await running.pop()?.stop();
  chats.messages.get("!a")?.push("five", "a third lantern", "seven", "eight");
  count = await fill(chats, disk);
  expect(await count("lantern")).toBe(3);
  expect(chats.asked).toEqual(["!a end", "!a 5"]);
}, 60_000);
