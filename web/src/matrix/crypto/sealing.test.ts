// @vitest-environment jsdom
import { EventEmitter } from "node:events";
import type { MatrixClient } from "matrix-js-sdk/lib/matrix.js";
import { expect, test, vi } from "vitest";
import { type ContactNote, contactNote, readContactNote } from "../../lib/contacts.ts";
import type { Entries } from "../../lib/entries.ts";
import { Synced } from "../synced.ts";
import { Sealing } from "./sealing.ts";

const ME = "@ana:x";
const TYPE = "im2.contacts";
const BO = "@bo:x";
const CY = "@cy:x";
/** Private keys of backups. */
const [FIRST, SECOND] = [1, 2].map((byte) => new Uint8Array(32).fill(byte)) as [Uint8Array, Uint8Array];

type Sealed = { algorithm: string; sealed: Record<string, { data: string; at: number }> };

/** What the server keeps, and the devices that hear of its changes. */
class Server {
  content: object = {};
  /** The key of the present backup, and whether the recovery key opens it. */
  backup: Uint8Array | undefined;
  stored: boolean | undefined = false;
  readonly written: string[] = [];
  /** What is written is turned down. */
  refuses = false;
  refused = 0;
  readonly devices: Device[] = [];

  put(content: object): void {
    this.content = structuredClone(content);
    for (const device of this.devices) device.hears();
  }

  get text(): string {
    return JSON.stringify(this.content);
  }

  get slots(): string[] {
    return Object.keys((this.content as Partial<Sealed>).sealed ?? {});
  }
}

class Device {
  readonly sealing: Sealing;
  readonly contacts: Synced<ContactNote>;
  kept: { entries: Entries<ContactNote> } | undefined;
  checks = 0;
  /** The server says which backup is the present one. */
  answers = true;
  private readonly client: EventEmitter;

  constructor(
    private readonly server: Server,
    readonly memory = new Map<string, string>(),
    kept?: Device["kept"],
  ) {
    this.kept = kept;
    this.sealing = new Sealing(
      ME,
      () => server.stored,
      async () => {
        this.checks++;
        if (!this.answers) throw new TypeError("Failed to fetch");
        return this.key === server.backup;
      },
      { getItem: (key) => memory.get(key) ?? null, setItem: (key, value) => void memory.set(key, value) },
    );
    this.client = Object.assign(new EventEmitter(), {
      getSafeUserId: () => ME,
      getAccountData: () => ({ getContent: () => server.content }),
      http: {
        authedRequest: async (method: string, _path: string, _query: unknown, body: object) => {
          if (method !== "PUT") return structuredClone(server.content);
          if (server.refuses) throw new Error(`refused ${++server.refused}`);
          server.written.push(JSON.stringify(body));
          server.put(body);
        },
      },
    });
    this.contacts = new Synced<ContactNote>(this.client as unknown as MatrixClient, {
      type: TYPE,
      read: readContactNote,
      envelope: this.sealing.envelope(TYPE),
      join: (older, newer) => ({ ...older, ...newer }),
      copy: {
        load: async () => structuredClone(this.kept),
        save: (content: object) => {
          this.kept = structuredClone(content) as Device["kept"];
        },
        stop: async () => undefined,
      } as never,
    });
    server.devices.push(this);
  }

  private key: Uint8Array | undefined;

  /** Opens the client; with the key of a backup, if the device has one. */
  async start(key?: Uint8Array): Promise<this> {
    await this.contacts.load();
    await this.has(key);
    this.contacts.start();
    return this;
  }

  /** The engine has this key from now on. */
  async has(key: Uint8Array | undefined): Promise<void> {
    this.key = key;
    await this.sealing.use(key ?? null, key !== undefined && key === this.server.backup);
  }

  hears(): void {
    this.client.emit("accountData", { getType: () => TYPE, getContent: () => structuredClone(this.server.content) });
  }

  note(userId: string, change: ContactNote): Promise<void> {
    return this.contacts.set({ [userId]: contactNote({ ...this.contacts.get(userId), ...change }) });
  }
}

function account(): Server {
  const server = new Server();
  server.backup = FIRST;
  server.stored = true;
  return server;
}

const remark = (device: Device, userId = BO) => device.contacts.get(userId)?.remark;

test("the server reads nothing of it, and every device with the key reads all", async () => {
  const server = account();
  const phone = await new Device(server).start(FIRST);
  await phone.note(BO, { remark: "Zitronenfalter", tags: ["bakery"], star: true });
  expect(server.text).not.toMatch(/Zitronenfalter|bakery|star|@bo/);
  expect(server.content).toEqual({
    algorithm: "im2.sealed.v1",
    sealed: { [server.slots[0] ?? ""]: { data: expect.any(String), at: expect.any(Number) } },
  });
  const laptop = await new Device(server).start(FIRST);
  await vi.waitFor(() => expect(laptop.contacts.get(BO)).toMatchObject({ remark: "Zitronenfalter", star: true }));
  await laptop.note(BO, { remark: "Distelfink" });
  await vi.waitFor(() => expect(remark(phone)).toBe("Distelfink"));
  expect(server.written.join()).not.toMatch(/Zitronenfalter|Distelfink/);
  expect(server.written).toHaveLength(2);
});

test("the same content is sealed otherwise each time, and for one account and one type only", async () => {
  const server = account();
  const { sealing } = await new Device(server).start(FIRST);
  const seal = async (by: Sealing, type: string) =>
    (await by.envelope(type).seal({ text: "secret" }, await by.envelope(type).open({}))) as Sealed;
  const [one, two] = [await seal(sealing, TYPE), await seal(sealing, TYPE)];
  const data = (content: Sealed) => Object.values(content.sealed)[0]?.data;
  expect(data(one)).not.toBe(data(two));
  expect((await sealing.envelope(TYPE).open(one)).contents).toEqual([{ text: "secret" }]);
  expect((await sealing.envelope("im2.other").open(one)).contents).toEqual([]);
  expect((await sealing.envelope(TYPE, "!room:x").open(one)).contents).toEqual([]);
  const other = new Sealing(
    "@eve:x",
    () => true,
    async () => true,
  );
  await other.use(FIRST, true);
  expect((await other.envelope(TYPE).open(one)).contents).toEqual([]);
});

test("where nothing is set up it is kept as it is, and sealed as soon as that is done", async () => {
  const server = account();
  server.stored = false;
  const phone = await new Device(server).start(FIRST);
  await phone.note(BO, { remark: "Zitronenfalter" });
  expect(server.text).toContain("Zitronenfalter");
  server.put({ entries: { ...(server.content as { entries: object }).entries, future: { at: 1, value: 7 } } });
  server.stored = true;
  await phone.has(FIRST);
  await vi.waitFor(() => expect(server.text).not.toContain("Zitronenfalter"));
  // So are entries of newer versions.
  const { contents } = await phone.sealing.envelope(TYPE).open(server.content);
  expect(contents[0]).toMatchObject({ entries: { [BO]: { value: { remark: "Zitronenfalter" } }, future: { at: 1 } } });
});

test("a session without the key leaves the server's content alone, and what it has noted is merged when the key comes", async () => {
  const server = account();
  const phone = await new Device(server).start(FIRST);
  await phone.note(BO, { remark: "Zitronenfalter" });
  const before = server.text;

  const fresh = await new Device(server).start();
  await vi.waitFor(() => expect(fresh.contacts.held.get()).toBe(true));
  expect(fresh.sealing.state.get()).toBe("without-key");
  await fresh.note(BO, { star: true, name: "Bo" });
  await fresh.note(CY, { remark: "Cy" });
  expect(server.text).toBe(before);
  expect(fresh.contacts.get(BO)).toEqual({ star: true, name: "Bo" });

  // Still so after a reload.
  const again = await new Device(server, fresh.memory, fresh.kept).start();
  expect(remark(again, CY)).toBe("Cy");
  await vi.waitFor(() => expect(again.contacts.held.get()).toBe(true));
  expect(server.text).toBe(before);

  await again.has(FIRST);
  const all = { remark: "Zitronenfalter", star: true, name: "Bo" };
  for (const device of [again, phone]) {
    await vi.waitFor(() => expect(device.contacts.get(BO)).toEqual(all));
    expect(remark(device, CY)).toBe("Cy");
  }
  expect(again.contacts.held.get()).toBe(false);
  expect(again.sealing.state.get()).toBe("ready");
  expect(server.slots).toHaveLength(1);
  expect(server.written.join()).not.toMatch(/Zitronenfalter|"star"/);
  // Nothing says any more that something was not seen.
  expect(JSON.stringify(again.kept)).not.toContain("part");
});

test("a session that has seen the secret storage, or something sealed, writes nothing in the clear when that is hidden", async () => {
  const server = account();
  const phone = await new Device(server).start(FIRST);
  await phone.note(BO, { remark: "Zitronenfalter" });
  const sealed = server.content;
  for (const sees of ["storage", "content"]) {
    server.stored = sees === "storage";
    server.content = sees === "content" ? sealed : {};
    const fresh = await new Device(server).start();
    if (sees === "content") await vi.waitFor(() => expect(fresh.contacts.held.get()).toBe(true));
    server.stored = false;
    server.content = {};
    const again = await new Device(server, fresh.memory, fresh.kept).start();
    const { length } = server.written;
    for (const device of [fresh, again]) {
      await device.has(undefined);
      await device.note(CY, { remark: "Distelfink" });
      expect(remark(device, CY)).toBe("Distelfink");
      expect(device.contacts.held.get()).toBe(true);
    }
    expect(server.written).toHaveLength(length);
    await again.has(FIRST);
    await vi.waitFor(() => expect(server.slots).toHaveLength(1));
    expect(server.written.join()).not.toContain("Distelfink");
  }
});

test("where it is not known that nothing is set up, what is noted waits, and drafts of open rooms do not", async () => {
  const server = account();
  server.stored = undefined;
  const fresh = await new Device(server).start();
  await fresh.note(BO, { remark: "Zitronenfalter" });
  const draft = fresh.sealing.envelope("im2.draft", "!r:x");
  expect(await draft.seal({ text: "Distelfink" }, await draft.open({}))).toEqual({ text: "Distelfink" });
  await fresh.has(FIRST);
  await fresh.note(BO, { star: true });
  expect(server.written).toEqual([]);
  expect(fresh.contacts.held.get()).toBe(true);
  server.stored = false;
  await fresh.has(FIRST);
  await vi.waitFor(() => expect(server.text).toContain("Zitronenfalter"));
  expect(fresh.contacts.held.get()).toBe(false);
});

test("while the engine is being loaded nothing is written in the clear", async () => {
  const server = account();
  const phone = new Device(server);
  phone.contacts.start();
  await phone.note(BO, { remark: "Zitronenfalter" });
  expect(server.written).toEqual([]);
  expect(phone.sealing.state.get()).toBe("loading");
  await phone.sealing.use(FIRST, undefined);
  expect(server.written).toEqual([]);
  await phone.has(FIRST);
  await vi.waitFor(() => expect(server.slots).toHaveLength(1));
});

test("what takes the place of sealed content is neither read nor copied, and the entries are sealed again", async () => {
  vi.useFakeTimers();
  const server = account();
  const phone = await new Device(server).start(FIRST);
  await phone.note(BO, { remark: "Zitronenfalter" });
  // The server hides that anything is set up, and forges.
  server.stored = false;
  await phone.has(FIRST);
  const forged = { entries: { [BO]: { at: Date.now() + 1e6, value: { remark: "Mallory" } } } };
  server.put(forged);
  await vi.waitFor(() => expect(server.slots).toHaveLength(1));
  expect(remark(phone)).toBe("Zitronenfalter");
  expect(server.written.join()).not.toContain("Zitronenfalter");

  // It is answered once a minute, whoever goes on with it.
  const { length } = server.written;
  for (let time = 0; time < 20; time++) {
    server.put(forged);
    await vi.advanceTimersByTimeAsync(100);
  }
  expect(server.written).toHaveLength(length);
  await vi.advanceTimersByTimeAsync(60_000);
  await vi.waitFor(() => expect(server.slots).toHaveLength(1));
  expect(server.written).toHaveLength(length + 1);

  // After a restart as well, with nothing else there.
  server.put({});
  const again = await new Device(server, phone.memory, phone.kept).start(FIRST);
  await again.note(CY, { remark: "Distelfink" });
  expect(server.text).not.toMatch(/Zitronenfalter|Distelfink/);
  expect([remark(again), remark(again, CY)]).toEqual(["Zitronenfalter", "Distelfink"]);
  await Promise.all([phone.contacts.stop(), again.contacts.stop()]);
  vi.useRealTimers();
});

test("what takes the place of sealed content is replaced as soon as there is a key, or the server takes it", async () => {
  const server = account();
  const phone = await new Device(server).start(FIRST);
  await phone.note(BO, { remark: "Zitronenfalter" });
  server.devices.splice(0);
  server.put({ entries: { [BO]: { at: Date.now(), value: { remark: "Mallory" } } } });
  const again = await new Device(server, phone.memory, phone.kept).start();
  for (let time = 0; time < 3; time++) again.hears();
  await vi.waitFor(() => expect(again.contacts.held.get()).toBe(true));
  server.refuses = true;
  await again.has(FIRST);
  await vi.waitFor(() => expect(server.refused).toBe(1));
  server.refuses = false;
  again.hears();
  await vi.waitFor(() => expect(server.slots).toHaveLength(1));
  expect(remark(again)).toBe("Zitronenfalter");
});

/** What the server, or somebody before anything was set up, has put there. */
const plain = (text: string, at = Date.now()) => ({ entries: { [BO]: { at, value: { remark: text } } } });

test("what a session finds in the clear where the secret storage is set up is neither shown nor sealed unasked", async () => {
  const server = account();
  server.put(plain("Mallory", Date.now() + 1e9));
  const fresh = await new Device(server).start();
  await vi.waitFor(() => expect(fresh.contacts.held.get()).toBe(true));
  expect([remark(fresh), fresh.contacts.obstacle.get()]).toEqual([undefined, undefined]);
  await fresh.note(CY, { remark: "Distelfink" });
  const again = await new Device(server, fresh.memory, fresh.kept).start();
  for (const device of [fresh, again]) {
    await device.has(FIRST);
    await vi.waitFor(() => expect(device.contacts.obstacle.get()).toBe("doubtful"));
    await device.note(CY, { star: true });
    expect(remark(device)).toBeUndefined();
  }
  expect(server.written).toEqual([]);
  // A session that knows better puts the real ones back, and the question is gone.
  const other = account();
  const phone = await new Device(other).start(FIRST);
  await phone.note(BO, { remark: "Zitronenfalter" });
  server.put(other.content);
  for (const device of [fresh, again]) {
    await vi.waitFor(() => expect(remark(device)).toBe("Zitronenfalter"));
    expect(device.contacts.obstacle.get()).toBeUndefined();
    expect(device.contacts.get(CY)).toEqual({ remark: "Distelfink", star: true });
  }
  expect(server.written.join()).not.toContain("Mallory");
});

test("what was left in the clear by an earlier version is taken up when somebody says so", async () => {
  const server = account();
  server.put(plain("Zitronenfalter"));
  const phone = await new Device(server).start(FIRST);
  await phone.note(BO, { star: true });
  await vi.waitFor(() => expect(phone.contacts.obstacle.get()).toBe("doubtful"));
  expect(server.text).toContain("Zitronenfalter");
  phone.contacts.decide(true);
  await vi.waitFor(() => expect(server.slots).toHaveLength(1));
  expect(phone.contacts.get(BO)).toEqual({ remark: "Zitronenfalter", star: true });
  expect([phone.contacts.obstacle.get(), phone.contacts.held.get()]).toEqual([undefined, false]);
});

test("what somebody has discarded is replaced, and nobody is asked again", async () => {
  const server = account();
  server.put(plain("Mallory"));
  const phone = await new Device(server).start(FIRST);
  await vi.waitFor(() => expect(phone.contacts.obstacle.get()).toBe("doubtful"));
  phone.contacts.decide(false);
  await vi.waitFor(() => expect(phone.contacts.obstacle.get()).toBeUndefined());
  const again = await new Device(server, phone.memory, phone.kept).start(FIRST);
  await again.note(CY, { remark: "Distelfink" });
  expect(server.slots).toHaveLength(1);
  expect([remark(again), remark(again, CY)]).toEqual([undefined, "Distelfink"]);
  expect(again.contacts.obstacle.get()).toBeUndefined();
});

test("a browser that has known what stands in the clear seals it by itself, also when that was set up elsewhere", async () => {
  const server = account();
  server.stored = false;
  const phone = await new Device(server).start(FIRST);
  await phone.note(BO, { remark: "Zitronenfalter" });
  server.devices.splice(0);
  server.stored = true;
  // What is older than that adds nothing.
  server.content = plain("Mallory", 5);
  const again = await new Device(server, phone.memory, phone.kept).start(FIRST);
  await vi.waitFor(() => expect(server.slots).toHaveLength(1));
  expect(remark(again)).toBe("Zitronenfalter");
});

test("an old copy that comes back brings nothing back", async () => {
  const server = account();
  const phone = await new Device(server).start(FIRST);
  await phone.note(BO, { remark: "old" });
  const old = server.content;
  await phone.note(BO, { remark: "new" });
  server.put(old);
  await vi.waitFor(() => expect(server.written).toHaveLength(3));
  expect(remark(phone)).toBe("new");
  const laptop = await new Device(server).start(FIRST);
  await vi.waitFor(() => expect(remark(laptop)).toBe("new"));
});

test("garbage is no content: nothing is lost to it, and it is replaced", async () => {
  const server = account();
  const phone = await new Device(server).start(FIRST);
  await phone.note(BO, { remark: "Zitronenfalter" });
  const id = server.slots[0] ?? "";
  const good = (server.content as Sealed).sealed[id]?.data ?? "";
  for (const data of ["", "!!!", "AAAA", `${good.slice(0, -8)}AAAAAAA=`]) {
    // As after another start each: such things are answered once a minute.
    const device = await new Device(server, phone.memory, phone.kept).start(FIRST);
    await vi.waitFor(() => expect(remark(device)).toBe("Zitronenfalter"));
    server.put({ algorithm: "im2.sealed.v1", sealed: { [id]: { data, at: 1 } } });
    await vi.waitFor(() => expect((server.content as Sealed).sealed[id]?.at).toBeGreaterThan(1));
    expect(remark(device)).toBe("Zitronenfalter");
  }
  for (const sealed of [
    undefined,
    null,
    7,
    [],
    { [id]: null },
    { [id]: { data: 7, at: 1 } },
    { [id]: { data: "x" } },
  ]) {
    const device = await new Device(server, phone.memory, phone.kept).start(FIRST);
    server.put({ algorithm: "im2.sealed.v1", sealed });
    await vi.waitFor(() => expect((server.content as Sealed).sealed?.[id]?.at).toBeGreaterThan(1));
    expect(remark(device)).toBe("Zitronenfalter");
  }
});

test("what a newer version has sealed is left alone", async () => {
  const server = account();
  const phone = await new Device(server).start(FIRST);
  await phone.note(BO, { remark: "Zitronenfalter" });
  const newer = { algorithm: "im2.sealed.v2", whatever: "it is" };
  server.put(newer);
  await phone.note(BO, { star: true });
  expect(server.content).toEqual(newer);
  expect(phone.contacts.get(BO)).toEqual({ remark: "Zitronenfalter", star: true });
  // Nobody else gets the change, and that is said.
  expect([phone.contacts.obstacle.get(), phone.contacts.held.get()]).toEqual(["newer", true]);
  const fresh = await new Device(server).start(FIRST);
  await vi.waitFor(() => expect(fresh.contacts.obstacle.get()).toBe("newer"));
  server.put({});
  await vi.waitFor(() => expect(fresh.contacts.obstacle.get()).toBeUndefined());
});

test("after a reset whoever knows the entries seals them with the new key, and others keep them until it comes", async () => {
  const server = account();
  const phone = await new Device(server).start(FIRST);
  const laptop = await new Device(server).start(FIRST);
  await phone.note(BO, { remark: "Zitronenfalter" });
  await vi.waitFor(() => expect(remark(laptop)).toBe("Zitronenfalter"));
  const [first = ""] = server.slots;

  server.backup = SECOND;
  await phone.has(SECOND);
  await vi.waitFor(() => expect(server.slots).toEqual([expect.not.stringMatching(first)]));
  await vi.waitFor(() => expect(laptop.sealing.state.get()).toBe("without-key"));
  expect(laptop.checks).toBe(1);
  const before = server.text;
  await laptop.note(CY, { remark: "Distelfink" });
  expect(server.text).toBe(before);
  await phone.note(BO, { star: true });

  // A reload in between loses nothing, and does not ask the server without end.
  const again = await new Device(server, laptop.memory, laptop.kept).start(FIRST);
  expect([remark(again), remark(again, CY)]).toEqual(["Zitronenfalter", "Distelfink"]);
  await again.has(SECOND);
  for (const device of [phone, again]) {
    await vi.waitFor(() => expect(remark(device, CY)).toBe("Distelfink"));
    expect(device.contacts.get(BO)).toEqual({ remark: "Zitronenfalter", star: true });
  }
  expect(server.slots).toHaveLength(1);
});

test("whoever begins anew without the old key can note, and the rest comes back from a session that knows it", async () => {
  const server = account();
  const phone = await new Device(server).start(FIRST);
  await phone.note(BO, { remark: "Zitronenfalter" });
  const [first = ""] = server.slots;

  server.backup = SECOND;
  const fresh = await new Device(server).start(SECOND);
  await fresh.note(BO, { star: true });
  expect(server.slots).toHaveLength(2);
  expect(server.slots).toContain(first);
  expect(fresh.contacts.get(BO)).toEqual({ star: true });

  await phone.has(SECOND);
  for (const device of [phone, fresh]) {
    await vi.waitFor(() => expect(device.contacts.get(BO)).toEqual({ remark: "Zitronenfalter", star: true }));
  }
  // Its key has opened it, so the old value has gone.
  await vi.waitFor(() => expect(server.slots).toEqual([expect.not.stringMatching(first)]));
  const { length } = server.written;
  for (const device of [phone, fresh]) device.hears();
  await phone.note(BO, { star: true });
  expect(server.written.length).toBeLessThanOrEqual(length + 1);
});

test("beside what cannot be opened, a remark can be taken back on every device", async () => {
  const server = account();
  const lost = { algorithm: "im2.sealed.v1", sealed: { aaaa: { data: "AAAA", at: Date.now() } } };
  server.put(lost);
  const [phone, laptop] = [await new Device(server).start(FIRST), await new Device(server).start(FIRST)];
  for (const { sealing } of [phone, laptop]) await vi.waitFor(() => expect(sealing.state.get()).toBe("ready"));
  await phone.note(BO, { remark: "Zitronenfalter", star: true });
  await vi.waitFor(() => expect(remark(laptop)).toBe("Zitronenfalter"));
  await laptop.note(BO, { remark: undefined });
  await vi.waitFor(() => expect(phone.contacts.get(BO)).toEqual({ star: true }));
  expect(laptop.contacts.get(BO)).toEqual({ star: true });
  expect(server.slots).toHaveLength(2);
});

test("where the server does not say which backup there is nothing is written, and it is asked again", async () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
  const server = account();
  const lost = { algorithm: "im2.sealed.v1", sealed: { aaaa: { data: "AAAA", at: Date.now() } } };
  server.put(lost);
  const phone = new Device(server);
  phone.answers = false;
  await phone.start(FIRST);
  await vi.waitFor(() => expect(warn).toHaveBeenCalled());
  await phone.note(BO, { remark: "Zitronenfalter" });
  expect(server.content).toEqual(lost);
  phone.answers = true;
  await phone.has(FIRST);
  await vi.waitFor(() => expect(server.slots).toHaveLength(2));
  warn.mockRestore();
});

test("what nobody opens any more goes after half a year", async () => {
  const server = account();
  const phone = await new Device(server).start(FIRST);
  const day = 86_400_000;
  const slot = (days: number) => ({ data: "AAAA", at: Date.now() - days * day });
  server.put({
    algorithm: "im2.sealed.v1",
    sealed: { aaaa: slot(200), bbbb: slot(3), cccc: slot(2), dddd: slot(1) },
  });
  await vi.waitFor(() => expect(phone.sealing.state.get()).toBe("ready"));
  await phone.note(BO, { remark: "Zitronenfalter" });
  expect(server.slots.sort()).toEqual(["cccc", "dddd", expect.stringMatching(/^[\da-f]{16}$/)].sort());
});

test("what nobody opens goes in the end, whatever time the server gives it", async () => {
  const server = account();
  const phone = await new Device(server).start(FIRST);
  const junk = (at: unknown) => ({ data: "AAAA", at });
  server.put({
    algorithm: "im2.sealed.v1",
    sealed: { aaaa: junk(1e300), bbbb: junk(Date.now() + 9e12), cccc: junk(1.5), dddd: junk("1") },
  });
  await vi.waitFor(() => expect(phone.sealing.state.get()).toBe("ready"));
  await phone.note(BO, { remark: "Zitronenfalter" });
  const { sealed } = server.content as Sealed;
  expect(Object.keys(sealed)).toHaveLength(3);
  for (const { at } of Object.values(sealed)) expect(at).toBeLessThanOrEqual(Date.now());
  const later = vi.spyOn(Date, "now").mockReturnValue(Date.now() + 181 * 86_400_000);
  await phone.note(BO, { star: true });
  later.mockRestore();
  expect(server.slots).toEqual([expect.stringMatching(/^[\da-f]{16}$/)]);
});

test("once it has stopped, the device remembers nothing more, and nothing is written in the clear for that", async () => {
  const server = account();
  const device = await new Device(server).start(FIRST);
  server.stored = true;
  device.sealing.stop();
  device.memory.clear();
  expect(device.sealing.wanted).toBe(true);
  server.stored = false;
  expect(device.sealing.wanted).toBe(true);
  expect([...device.memory]).toEqual([]);
});
