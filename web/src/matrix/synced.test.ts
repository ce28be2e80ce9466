import { EventEmitter } from "node:events";
import type { MatrixClient } from "matrix-js-sdk/lib/matrix.js";
import { expect, test, vi } from "vitest";
import { Synced } from "./synced.ts";

type Content = { entries?: Record<string, { at: number; value?: unknown }> };

/** A server with one item of account data, and the devices that hear of its changes. */
class Server {
  content: Content | undefined;
  failing = false;
  writes = 0;
  private readonly devices: EventEmitter[] = [];

  device(): MatrixClient {
    const emitter = new EventEmitter();
    this.devices.push(emitter);
    return Object.assign(emitter, {
      getSafeUserId: () => "@ana:x",
      getAccountData: () => this.content && { getContent: () => this.content },
      http: {
        authedRequest: (method: string, _path: string, _query: unknown, body: Content) => this.answer(method, body),
      },
    }) as unknown as MatrixClient;
  }

  put(content: Content): void {
    this.content = content;
    for (const device of this.devices)
      device.emit("accountData", { getType: () => "im2.test", getContent: () => content });
  }

  private async answer(method: string, body: Content): Promise<unknown> {
    if (this.failing) throw new TypeError("Failed to fetch");
    if (method === "PUT") {
      this.writes++;
      this.put(structuredClone(body));
      return {};
    }
    if (this.content === undefined) throw Object.assign(new Error(), { errcode: "M_NOT_FOUND" });
    return structuredClone(this.content);
  }
}

const read = (_key: string, value: unknown) => (typeof value === "string" ? value : undefined);
const open = (server: Server) => new Synced<string>(server.device(), { type: "im2.test", read });

test("a change is on the server and on the other device", async () => {
  const server = new Server();
  const [phone, laptop] = [open(server), open(server)];
  await phone.set({ a: "one" });
  expect(server.content?.entries?.a?.value).toBe("one");
  await vi.waitFor(() => expect(laptop.get("a")).toBe("one"));
  await laptop.set({ a: undefined });
  await vi.waitFor(() => expect(phone.get("a")).toBeUndefined());
  expect(server.content?.entries?.a).toEqual({ at: expect.any(Number) });
});

test("what one device overwrites without having known it, the other writes again, and both come to rest", async () => {
  const server = new Server();
  const phone = open(server);
  await phone.set({ a: "one" });
  server.put({ entries: { b: { at: 5, value: "two" } } });
  await vi.waitFor(() => expect(Object.keys(server.content?.entries ?? {}).sort()).toEqual(["a", "b"]));
  expect(phone.get("b")).toBe("two");
  const { writes } = server;
  server.put(structuredClone(server.content ?? {}));
  await phone.set({ b: "two" });
  expect(server.writes).toBe(writes + 1);
});

test("a change that cannot be written is taken back, and what others changed meanwhile is not", async () => {
  const server = new Server();
  const phone = open(server);
  await phone.set({ a: "one", b: "x" });
  server.failing = true;
  await expect(phone.set({ a: "two" })).rejects.toThrow("Failed to fetch");
  expect([phone.get("a"), phone.get("b")]).toEqual(["one", "x"]);
});

test.each([1e300, Number.MAX_SAFE_INTEGER, Date.now() + 9e9])(
  "an entry of a time to come, %d, is read, and changed like any other",
  async (at) => {
    const server = new Server();
    const [phone, laptop] = [open(server), open(server)];
    server.put({ entries: { a: { at, value: "one" }, b: { at, value: "x" } } });
    await vi.waitFor(() => expect([phone.get("a"), laptop.get("a")]).toEqual(["one", "one"]));
    // The server has not heard of the change when it is asked what there is, some time later.
    const asked = vi.spyOn(Date, "now").mockReturnValue(Date.now());
    const changed = phone.set({ a: "two" });
    asked.mockReturnValue(Date.now() + 1000);
    await changed;
    asked.mockRestore();
    expect(server.content?.entries?.a?.value).toBe("two");
    expect(server.content?.entries?.a?.at).toBeLessThan(Date.now() + 60_000);
    await vi.waitFor(() => expect([phone.get("a"), laptop.get("a")]).toEqual(["two", "two"]));
    // It loses nothing by what is written next.
    await laptop.set({ b: "y" });
    await vi.waitFor(() => expect([phone.get("a"), phone.get("b")]).toEqual(["two", "y"]));
  },
);

test("a kept change stays here without a connection, and is written at the next start", async () => {
  const server = new Server();
  server.failing = true;
  const phone = open(server);
  phone.keep("a", "one");
  expect(phone.get("a")).toBe("one");
  await vi.waitFor(() => expect(server.writes).toBe(0));
  server.failing = false;
  new Synced<string>(server.device(), { type: "im2.test", read, initial: phone.entries.get() }).start();
  await vi.waitFor(() => expect(server.content?.entries?.a?.value).toBe("one"));
});

test("entries of newer versions stay", async () => {
  const server = new Server();
  const phone = open(server);
  server.put({ entries: { future: { at: 1, value: { is: "unknown" } } } });
  await phone.set({ a: "one" });
  expect(server.content?.entries?.future).toEqual({ at: 1, value: { is: "unknown" } });
});

test("several changes at once are written one after the other", async () => {
  const server = new Server();
  const phone = open(server);
  await Promise.all(["a", "b", "c"].map((key) => phone.set({ [key]: key })));
  expect(Object.keys(server.content?.entries ?? {})).toEqual(["a", "b", "c"]);
});
