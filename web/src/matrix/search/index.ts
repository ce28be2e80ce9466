/**
 * The full-text index of encrypted chats. Messages lie in blocks of one room each, sealed as a whole; a search opens the
 * blocks from the newest on and compares plain forms of texts. A table of terms would be quicker only beyond the bound, and
 * would tell whoever holds the disk which messages have words in common.
 */
import type { Wanted } from "../../lib/words.ts";
import type { Vault } from "../crypto/vault.ts";
import type { MessageBody } from "../types.ts";
import type { BlockInfo, Change, IndexStorage, Place, RoomInfo, Waiting } from "./store.ts";

/** A message as it is found. */
export interface Entry {
  id: string;
  sender: string;
  /** Milliseconds since the epoch. */
  at: number;
  body: MessageBody;
  /** The plain form of its text. */
  plain: string;
  /** The edit whose text this is. */
  edit?: { id: string; at: number };
}

export interface Found {
  roomId: string;
  entry: Entry;
}

export interface Limits {
  /** Messages in a block. */
  block: number;
  /** Messages, and sealed bytes, in all. Beyond either the oldest blocks go. */
  messages: number;
  bytes: number;
  /** Messages that wait for their keys. */
  waiting: number;
}

export const LIMITS: Limits = { block: 128, messages: 100_000, bytes: 64_000_000, waiting: 2_000 };

export interface IndexSize {
  messages: number;
  bytes: number;
  /** When the oldest message was sent. */
  oldest?: number;
}

interface Block {
  info: BlockInfo;
  entries: Entry[];
}
interface PutOptions {
  /** They were read back, and did not just come. */
  older?: boolean;
  room?: RoomInfo;
}
/** The blocks that have been opened for a change. */
type Touched = Map<number, Block>;

export class MessageIndex {
  private readonly blocks = new Map<number, BlockInfo>();
  private readonly frontiers = new Map<string, RoomInfo>();
  private readonly late = new Set<string>();
  private next = 1;
  /** Changes follow each other. */
  private last: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly storage: IndexStorage,
    private readonly vault: Vault,
    private readonly limits: Limits,
  ) {}

  static async open(storage: IndexStorage, vault: Vault, limits = LIMITS): Promise<MessageIndex> {
    const index = new MessageIndex(storage, vault, limits);
    const [blocks, rooms, waiting] = await Promise.all([storage.blocks(), storage.rooms(), storage.waiting()]);
    for (const info of blocks) index.blocks.set(info.number, info);
    for (const room of rooms) index.frontiers.set(room.roomId, room);
    for (const { id } of waiting) index.late.add(id);
    index.next = Math.max(0, ...index.blocks.keys()) + 1;
    return index;
  }

  get size(): IndexSize {
    const all = [...this.blocks.values()];
    return {
      messages: all.reduce((sum, { count }) => sum + count, 0),
      bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
      oldest: all.length === 0 ? undefined : all.reduce((oldest, { from }) => Math.min(oldest, from), Infinity),
    };
  }

  /** Nothing older is kept any more: reading on would only push out what was just read. */
  get full(): boolean {
    const { messages, bytes } = this.size;
    return messages >= this.limits.messages - this.limits.block || bytes >= this.limits.bytes * 0.98;
  }

  room(roomId: string): RoomInfo | undefined {
    return this.frontiers.get(roomId);
  }

  rooms(): readonly RoomInfo[] {
    return [...this.frontiers.values()];
  }

  /** How many messages of a room are kept. */
  countIn(roomId: string): number {
    return [...this.blocks.values()].reduce((sum, info) => sum + (info.roomId === roomId ? info.count : 0), 0);
  }

  /** Of some events those that are in the index. */
  async known(ids: readonly string[]): Promise<ReadonlySet<string>> {
    return new Set((await this.storage.places(ids)).map(({ id }) => id));
  }

  /** Enters messages of a room, or puts newer versions in their place, and remembers how far its history has been read. */
  put(roomId: string, entries: readonly Entry[], options: PutOptions = {}): Promise<void> {
    return this.inOrder(() => this.putNow(roomId, entries, options));
  }

  private async putNow(roomId: string, entries: readonly Entry[], options: PutOptions): Promise<void> {
    const room = options.room;
    if (room !== undefined) this.frontiers.set(roomId, room);
    const change: Change = room === undefined ? {} : { rooms: [room] };
    const places = await this.storage.places(entries.map(({ id }) => id));
    const blockOf = new Map(places.map(({ id, block }) => [id, block]));
    const known = entries.filter(({ id }) => blockOf.has(id));
    const fresh = entries.filter(({ id }, at) => !blockOf.has(id) && entries.findIndex((one) => one.id === id) === at);
    const touched: Touched = new Map();
    for (const entry of known) {
      const seen: Touched = new Map(touched);
      const block = await this.read(blockOf.get(entry.id) ?? 0, seen);
      const old = block?.entries.find(({ id }) => id === entry.id);
      if (block === undefined || old === undefined) continue;
      const next = newer(old, entry);
      // As they are stored: without what is undefined.
      if (JSON.stringify(old) === JSON.stringify(next)) continue;
      block.entries = block.entries.map((one) => (one === old ? next : one));
      touched.set(block.info.number, block);
    }
    const added: Place[] = [];
    for (const entry of fresh) {
      const block = await this.openBlock(roomId, options.older === true, touched);
      block.entries.push(entry);
      added.push({ id: entry.id, block: block.info.number });
    }
    for (const { id, edit } of entries) {
      const block = blockOf.get(id) ?? added.find((place) => place.id === id)?.block;
      if (edit !== undefined && block !== undefined) added.push({ id: edit.id, block, edits: id });
    }
    await this.write({ ...change, places: added }, touched);
    await this.shrink();
  }

  /** Changes a message that is in the index to what an edit has made of it. False where it is not. */
  edit(id: string, sender: string, edited: Pick<Entry, "body" | "plain" | "edit">): Promise<boolean> {
    return this.inOrder(async () => {
      const found = await this.get(id);
      if (found === undefined || found.entry.sender !== sender) return false;
      await this.putNow(found.roomId, [{ ...found.entry, ...edited }], {});
      return true;
    });
  }

  private async get(id: string): Promise<Found | undefined> {
    const [place] = await this.storage.places([id]);
    if (place === undefined) return undefined;
    const block = await this.read(place.block, new Map());
    const entry = block?.entries.find((one) => one.id === (place.edits ?? id));
    return block === undefined || entry === undefined ? undefined : { roomId: block.info.roomId, entry };
  }

  /** Takes a message out. Answers with the message that an event has edited, which then has to be read anew. */
  remove(id: string): Promise<string | undefined> {
    return this.inOrder(async () => {
      const [place] = await this.storage.places([id]);
      this.late.delete(id);
      await this.storage.write({ notWaiting: [id], gone: [id] });
      if (place === undefined) return undefined;
      const touched: Touched = new Map();
      const block = await this.read(place.block, touched);
      if (block !== undefined && place.edits === undefined)
        block.entries = block.entries.filter((one) => one.id !== id);
      // Whatever is read anew takes the place of a text that is not to be kept.
      else if (block !== undefined) block.entries = block.entries.map((one) => withoutEdit(one, id));
      await this.write({}, touched);
      return place.edits;
    });
  }

  /** Takes everything of a room out. */
  removeRoom(roomId: string): Promise<void> {
    return this.inOrder(async () => {
      const numbers = [...this.blocks.values()].filter((info) => info.roomId === roomId).map(({ number }) => number);
      const waiting = (await this.storage.waiting()).filter((one) => one.roomId === roomId).map(({ id }) => id);
      this.frontiers.delete(roomId);
      for (const id of waiting) this.late.delete(id);
      await this.storage.write({ goneRooms: [roomId], notWaiting: waiting });
      await this.drop(numbers);
    });
  }

  /** Remembers messages that could not be decrypted. */
  wait(waiting: readonly Waiting[]): Promise<void> {
    return this.inOrder(async () => {
      const fresh = waiting.filter(({ id }) => !this.late.has(id));
      const kept = fresh.slice(0, Math.max(0, this.limits.waiting - this.late.size));
      for (const { id } of kept) this.late.add(id);
      if (kept.length > 0) await this.storage.write({ waiting: kept });
    });
  }

  waiting(): Promise<Waiting[]> {
    return this.storage.waiting();
  }

  /** These messages wait no longer. */
  settle(ids: readonly string[]): Promise<void> {
    return this.inOrder(async () => {
      if (ids.length === 0) return;
      for (const id of ids) this.late.delete(id);
      await this.storage.write({ notWaiting: ids });
    });
  }

  /** What is wanted, newest first; of one room or of all. Blocks are opened as the results are asked for. */
  async *search(wanted: Wanted, roomId?: string): AsyncGenerator<Found, void, void> {
    await this.last;
    const left = [...this.blocks.values()]
      .filter((info) => roomId === undefined || info.roomId === roomId)
      .sort((a, b) => a.to - b.to);
    let found: Found[] = [];
    for (;;) {
      const reach = left.at(-1)?.to ?? -Infinity;
      // What is newer than all that has not been looked at is in its place.
      const sure = found.filter(({ entry }) => entry.at >= reach);
      found = found.filter(({ entry }) => entry.at < reach);
      for (const one of sure.sort((a, b) => b.entry.at - a.entry.at)) yield one;
      const info = left.pop();
      if (info === undefined) return;
      const block = await this.read(info.number, new Map());
      for (const entry of block?.entries ?? [])
        if (wanted.matches(entry.plain)) found.push({ roomId: info.roomId, entry });
    }
  }

  clear(): Promise<void> {
    return this.inOrder(async () => {
      await this.storage.clear();
      this.blocks.clear();
      this.frontiers.clear();
      this.late.clear();
    });
  }

  /** After what has been begun. */
  async close(): Promise<void> {
    await this.last;
    this.storage.close();
  }

  private inOrder<T>(work: () => Promise<T>): Promise<T> {
    const result = this.last.then(work);
    this.last = result.catch(() => undefined);
    return result;
  }

  private async read(number: number, touched: Touched): Promise<Block | undefined> {
    const known = touched.get(number);
    if (known !== undefined) return known;
    const info = this.blocks.get(number);
    const sealed = await this.storage.sealed(number);
    if (info === undefined || sealed === undefined) return undefined;
    const entries = await this.vault.open<Entry[]>(sealed, placeOf(info)).catch(() => undefined);
    if (entries === undefined) return undefined;
    const block = { info, entries };
    touched.set(number, block);
    return block;
  }

  /** The block of a room that takes more: those that came and those that were read back are apart, as their times are. */
  private async openBlock(roomId: string, older: boolean, touched: Touched): Promise<Block> {
    const isOpen = (info: BlockInfo, count: number) =>
      info.roomId === roomId && info.older === older && count < this.limits.block;
    for (const block of touched.values()) if (isOpen(block.info, block.entries.length)) return block;
    for (const info of this.blocks.values()) {
      if (touched.has(info.number) || !isOpen(info, info.count)) continue;
      const block = await this.read(info.number, touched);
      if (block !== undefined) return block;
    }
    const info: BlockInfo = { number: this.next++, roomId, from: 0, to: 0, count: 0, bytes: 0, older };
    const block: Block = { info, entries: [] };
    touched.set(block.info.number, block);
    return block;
  }

  private async write(change: Change, touched: Touched): Promise<void> {
    const emptied = [...touched.values()].filter(({ entries }) => entries.length === 0).map(({ info }) => info.number);
    const blocks = await Promise.all(
      [...touched.values()]
        .filter(({ entries }) => entries.length > 0)
        .map(async ({ info, entries }) => {
          const sealed = await this.vault.seal(entries, placeOf(info));
          const times = entries.map(({ at }) => at);
          const next = { from: Math.min(...times), to: Math.max(...times), count: entries.length };
          return { info: { ...info, ...next, bytes: sealed.byteLength }, sealed };
        }),
    );
    await this.storage.write({ ...change, blocks, emptied });
    for (const { info } of blocks) this.blocks.set(info.number, info);
    for (const number of emptied) this.blocks.delete(number);
  }

  /** Keeps the index within its bounds: what is oldest goes. */
  private async shrink(): Promise<void> {
    let { messages, bytes } = this.size;
    const oldest = [...this.blocks.values()].sort((a, b) => a.to - b.to);
    const numbers: number[] = [];
    for (const info of oldest) {
      if (messages <= this.limits.messages && bytes <= this.limits.bytes) break;
      messages -= info.count;
      bytes -= info.bytes;
      numbers.push(info.number);
    }
    await this.drop(numbers);
  }

  private async drop(numbers: readonly number[]): Promise<void> {
    for (const number of numbers) {
      await this.storage.write({ emptied: [number], gone: await this.storage.placesIn(number) });
      this.blocks.delete(number);
    }
  }
}

function placeOf({ number, roomId }: BlockInfo): string {
  return `${roomId} ${number}`;
}

function withoutEdit(entry: Entry, edit: string): Entry {
  if (entry.edit?.id !== edit) return entry;
  const { edit: _, ...rest } = entry;
  return { ...rest, body: { kind: "text", style: "text", text: "" }, plain: "" };
}

/** Of two versions of a message the one that was edited last. */
function newer(old: Entry, next: Entry): Entry {
  return (old.edit?.at ?? 0) > (next.edit?.at ?? 0) && next.edit !== undefined ? old : next;
}
