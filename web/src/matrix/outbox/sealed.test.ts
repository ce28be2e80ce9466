import { beforeEach, expect, test } from "vitest";
import { Vault } from "../crypto/vault.ts";
import type { OutboxItem } from "./item.ts";
import { SealedStore } from "./sealed.ts";
import type { OutboxStore } from "./store.ts";

class Disk implements OutboxStore {
  readonly items = new Map<string, OutboxItem>();
  load = async () => [...this.items.values()];
  add = async (item: OutboxItem) => void this.items.set(item.txnId, item);
  put = async (item: OutboxItem) => {
    // Like the real one: files are written once.
    const before = this.items.get(item.txnId)?.attachments ?? [];
    const attachments = item.attachments.map((one, at) => ({ ...one, blob: before[at]?.blob ?? one.blob }));
    this.items.set(item.txnId, { ...item, attachments });
  };
  remove = async ({ txnId }: OutboxItem) => void this.items.delete(txnId);
  destroy = async () => this.items.clear();

  async raw(): Promise<string> {
    const parts = [...this.items.values()].flatMap((item) => [
      JSON.stringify(item),
      new Blob([(item as { sealed?: ArrayBuffer }).sealed ?? ""]).text(),
      ...item.attachments.map(({ blob }) => blob.text()),
    ]);
    return (await Promise.all(parts)).join("\n");
  }
}

/** Turns each byte around: enough to see what was encrypted and decrypted. */
const cipher = {
  async encrypt(plain: Blob) {
    return { blob: await turned(plain), keys: "turned" };
  },
  async decrypt(keys: string, blob: Blob) {
    expect(keys).toBe("turned");
    return turned(blob);
  },
};

async function turned(blob: Blob): Promise<Blob> {
  return new Blob([new Uint8Array(await blob.arrayBuffer()).map((byte) => byte ^ 0xff)]);
}

const vault = (byte = 1) => new Vault(new Uint8Array(32).fill(byte), "test");

function item(encrypted: boolean): OutboxItem {
  return {
    txnId: "t1",
    roomId: "!r:x",
    order: 1,
    createdAt: 1,
    action: { kind: "event", type: "m.room.message", content: { body: "the harbour at night" } },
    attachments: [{ slot: "content", blob: new Blob(["lighthouse"]), name: "beacon.txt", type: "text/plain" }],
    encrypted,
    unmeasured: false,
    state: "queued",
  };
}

let disk: Disk;
beforeEach(() => {
  disk = new Disk();
});

test("nothing of an encrypted chat lies on the disk, and all of it comes back", async () => {
  const store = new SealedStore(disk, vault(), cipher);
  await store.add(item(true));
  const uploaded = { url: "mxc://x/1", keys: { k: "secret-of-the-file" } };
  const [attachment] = item(true).attachments;
  if (attachment === undefined) throw new Error("no attachment");
  await store.put({ ...item(true), state: "waiting", attachments: [{ ...attachment, uploaded }] });
  for (const word of ["harbour", "lighthouse", "beacon", "secret-of-the-file", "m.room.message"])
    expect(await disk.raw()).not.toContain(word);
  const [loaded] = await new SealedStore(disk, vault(), cipher).load();
  expect(loaded).toMatchObject({ action: item(true).action, state: "waiting" });
  expect(loaded?.attachments[0]).toMatchObject({ name: "beacon.txt", type: "text/plain", uploaded });
  expect(await loaded?.attachments[0]?.blob.text()).toBe("lighthouse");
});

test("what the server can read in any case is stored as it is", async () => {
  await new SealedStore(disk, vault(), cipher).add(item(false));
  expect(await disk.raw()).toContain("harbour");
  const [loaded] = await new SealedStore(disk, vault(), cipher).load();
  expect(loaded).toEqual(item(false));
});

test("what another session has sealed is dropped", async () => {
  await new SealedStore(disk, vault(), cipher).add(item(true));
  expect(await new SealedStore(disk, vault(2), cipher).load()).toEqual([]);
  expect(disk.items.size).toBe(0);
});

test("an item that was written by an earlier version is sealed with its next change", async () => {
  const plain = { ...item(true), attachments: [] };
  disk.items.set("t1", plain);
  const store = new SealedStore(disk, vault(), cipher);
  await store.put({ ...plain, state: "waiting" });
  expect(await disk.raw()).not.toContain("harbour");
  expect(await store.load()).toEqual([{ ...plain, state: "waiting" }]);
});

test("what an earlier version has stored in the clear is still sent", async () => {
  disk.items.set("t1", item(true));
  const store = new SealedStore(disk, vault(), cipher);
  expect(await store.load()).toEqual([item(true)]);
  await store.put({ ...item(true), state: "waiting" });
  expect((await store.load())[0]?.action).toEqual(item(true).action);
});
