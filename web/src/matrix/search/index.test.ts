import { beforeEach, expect, test } from "vitest";
import { plain, Wanted } from "../../lib/words.ts";
import { Vault } from "../crypto/vault.ts";
import { Disk } from "./disk.ts";
import { type Entry, type Limits, MessageIndex } from "./index.ts";

const SECRET = new Uint8Array(32).fill(7);
const SMALL: Limits = { block: 4, messages: 20, bytes: 1_000_000, waiting: 3 };

let disk: Disk;
let index: MessageIndex;

const open = (limits = SMALL, secret = SECRET) => MessageIndex.open(disk, new Vault(secret, "test"), limits);

beforeEach(async () => {
  disk = new Disk();
  index = await open();
});

function entry(id: string, at: number, text: string, more: Partial<Entry> = {}): Entry {
  return { id, sender: "@ana:x", at, body: { kind: "text", style: "text", text }, plain: plain(text), ...more };
}

async function find(query: string, roomId?: string): Promise<string[]> {
  const found: string[] = [];
  for await (const one of index.search(new Wanted(query), roomId)) found.push(one.entry.id);
  return found;
}

test("messages are found newest first, in one room or in all, whatever order they came in", async () => {
  await index.put("!a", [entry("$3", 30, "tea at three"), entry("$5", 50, "tea at five"), entry("$9", 90, "coffee")]);
  await index.put("!b", [entry("$4", 40, "tea at four"), entry("$6", 60, "喝茶去")]);
  await index.put("!a", [entry("$1", 10, "tea at one"), entry("$2", 20, "tea at two")], { older: true });
  expect(await find("tea")).toEqual(["$5", "$4", "$3", "$2", "$1"]);
  expect(await find("tea", "!b")).toEqual(["$4"]);
  expect(await find("喝茶")).toEqual(["$6"]);
  expect(await find("four coffee")).toEqual([]);
});

test("what is written is still there after a restart, and unreadable with another key", async () => {
  await index.put("!a", [entry("$1", 10, "remember the harbour")], { room: { roomId: "!a", frontiers: [] } });
  index = await open();
  expect(await find("harbour")).toEqual(["$1"]);
  expect(index.room("!a")).toEqual({ roomId: "!a", frontiers: [] });
  index = await open(SMALL, new Uint8Array(32).fill(8));
  expect(await find("harbour")).toEqual([]);
});

test("nothing of a text lies on the disk", async () => {
  const words = ["Schiffbruch", "schiffbruch", "海难"];
  await index.put("!a", [entry("$1", 10, "Schiffbruch 海难")]);
  expect(await find("schiff")).toEqual(["$1"]);
  for (const word of words) {
    expect(disk.raw).not.toContain(word);
    expect(disk.raw).not.toContain(Buffer.from(word).toString("latin1"));
  }
  // The planted word would be noticed.
  await disk.write({ waiting: [{ id: "$x", roomId: "!a", raw: "Schiffbruch" }] });
  expect(disk.raw).toContain("Schiffbruch");
});

test("a block cannot be put into the place of another one", async () => {
  await index.put("!a", [entry("$1", 10, "one")]);
  await index.put("!b", [entry("$2", 20, "two")]);
  disk.contents.set(2, disk.contents.get(1) ?? new ArrayBuffer());
  index = await open();
  expect(await find("one")).toEqual(["$1"]);
  expect(await find("two")).toEqual([]);
});

test("an edit takes the place of the text; one by somebody else does not, nor one that is older", async () => {
  await index.put("!a", [entry("$1", 10, "meet at noon")]);
  const to = (text: string, id: string, at: number) => ({ ...entry("$1", 10, text), edit: { id, at } });
  expect(await index.edit("$1", "@ana:x", to("meet at eight", "$e2", 30))).toBe(true);
  expect(await index.edit("$1", "@bo:x", to("meet never", "$e3", 40))).toBe(false);
  await index.edit("$1", "@ana:x", to("meet at seven", "$e1", 20));
  expect(await index.edit("$none", "@ana:x", to("nothing", "$e4", 50))).toBe(false);
  expect(await find("noon")).toEqual([]);
  expect(await find("eight")).toEqual(["$1"]);
  expect(await find("seven")).toEqual([]);
  expect(await find("meet")).toEqual(["$1"]);
});

test("what was deleted is not found; a deleted edit says what has to be read anew", async () => {
  await index.put("!a", [entry("$1", 10, "first words"), entry("$2", 20, "second words")]);
  expect(await index.remove("$1")).toBeUndefined();
  expect(await find("words")).toEqual(["$2"]);
  await index.edit("$2", "@ana:x", { ...entry("$2", 20, "third words"), edit: { id: "$e", at: 30 } });
  expect(await index.remove("$e")).toBe("$2");
  expect(await find("third")).toEqual([]);
  await index.put("!a", [entry("$2", 20, "second words")]);
  expect(await find("second")).toEqual(["$2"]);
  await index.remove("$2");
  expect(index.size).toEqual({ messages: 0, bytes: 0, oldest: undefined });
  expect(disk.contents.size).toBe(0);
});

test("the same message is entered once", async () => {
  await index.put("!a", [entry("$1", 10, "once"), entry("$1", 10, "once")]);
  await index.put("!a", [entry("$1", 10, "once")], { older: true });
  expect(await find("once")).toEqual(["$1"]);
  expect(index.size.messages).toBe(1);
});

test("the index has bounds, and the oldest messages go first", async () => {
  for (let at = 1; at <= 40; at++) await index.put(at % 2 === 0 ? "!a" : "!b", [entry(`$${at}`, at, `number ${at}`)]);
  expect(index.size.messages).toBeLessThanOrEqual(20);
  const found = await find("number");
  expect(found[0]).toBe("$40");
  expect(found).toHaveLength(index.size.messages);
  expect(await find("number 1")).not.toContain("$1");
  expect(disk.known.size).toBe(index.size.messages);
  await index.wait(Array.from({ length: 5 }, (_, at) => ({ id: `$w${at}`, roomId: "!a", raw: {} })));
  expect(disk.late.size).toBe(3);
  // Those that have left make room, and what waits already counts once.
  await index.settle(["$w0"]);
  await index.wait([
    { id: "$w1", roomId: "!a", raw: {} },
    { id: "$w9", roomId: "!a", raw: {} },
  ]);
  expect([...disk.late.keys()]).toEqual(["$w1", "$w2", "$w9"]);
  index = await open({ ...SMALL, bytes: 1 });
  await index.put("!a", [entry("$41", 41, "number")]);
  expect(index.size.messages).toBe(0);
});

test("a room goes as a whole, and everything at once", async () => {
  await index.put("!a", [entry("$1", 10, "tea")], { room: { roomId: "!a", frontiers: [] } });
  await index.put("!b", [entry("$2", 20, "tea")]);
  await index.wait([{ id: "$w", roomId: "!a", raw: {} }]);
  await index.removeRoom("!a");
  expect(await find("tea")).toEqual(["$2"]);
  expect(disk.late.size).toBe(0);
  await index.clear();
  expect(await find("tea")).toEqual([]);
  expect(disk.raw.trim().replace(/\[\]/g, "").trim()).toBe("");
  await index.put("!b", [entry("$2", 20, "tea")]);
  expect(await find("tea")).toEqual(["$2"]);
});

test("a large index is searched to its end in no time that people would mind", async () => {
  index = await open({ block: 128, messages: 100_000, bytes: 1e9, waiting: 1 });
  const text = (at: number) => `Message ${at} says 今天天气很好 and some words more, as messages do, until they end`;
  for (let page = 0; page < 40; page++) {
    const all = Array.from({ length: 1_000 }, (_, at) => entry(`$${page}-${at}`, page * 1_000 + at, text(at)));
    await index.put(`!${page % 8}`, all);
  }
  const begun = performance.now();
  expect(await find("nowhere")).toEqual([]);
  // 40,000 of them here; generous, for the machine may have other things to do.
  expect(performance.now() - begun).toBeLessThan(5_000);
}, 60_000);
