import { EventEmitter } from "node:events";
import type { MatrixClient } from "matrix-js-sdk/lib/matrix.js";
import { beforeEach, expect, test, vi } from "vitest";
import { type Gif, MOST_GIFS } from "../lib/gifs.ts";
import { Gifs } from "./gifs.ts";

type Entries = Record<string, { at: number; value?: unknown }>;

/** The server's account data, with every request for it. */
class Server {
  entries: Entries | undefined;
  readonly paths = new Set<string>();

  account(): Gifs {
    const client = Object.assign(new EventEmitter(), {
      getSafeUserId: () => "@ana:x",
      getAccountData: () => this.entries && { getContent: () => ({ entries: this.entries }) },
      http: {
        authedRequest: async (method: string, path: string, _query: unknown, body: { entries: Entries }) => {
          this.paths.add(path);
          if (method === "PUT") this.entries = structuredClone(body.entries);
          else if (this.entries === undefined) throw Object.assign(new Error(), { errcode: "M_NOT_FOUND" });
          return structuredClone({ entries: this.entries });
        },
      },
    });
    const gifs = new Gifs(client as unknown as MatrixClient);
    gifs.start();
    return gifs;
  }

  get kept(): string[] {
    return Object.entries(this.entries ?? {}).flatMap(([mxc, { value }]) => (value === undefined ? [] : [mxc]));
  }
}

const gif = (id: string): Gif => ({ mxc: `mxc://x/${id}`, name: id, mimetype: "image/gif", size: 9 });
const names = (gifs: Gifs) => gifs.list.get().map(({ name }) => name);

beforeEach(() => {
  let now = 1_000;
  const clock = vi.spyOn(Date, "now").mockImplementation(() => now++);
  return () => clock.mockRestore();
});

test("what is kept is there after a new start, the last used first", async () => {
  const server = new Server();
  const gifs = server.account();
  for (const id of ["a", "b", "c"]) await gifs.save(gif(id));
  expect(names(gifs)).toEqual(["c", "b", "a"]);
  gifs.used(gif("a"));
  expect(names(gifs)).toEqual(["a", "c", "b"]);
  await vi.waitFor(() =>
    expect(server.entries?.["mxc://x/a"]?.at).toBeGreaterThan(server.entries?.["mxc://x/c"]?.at ?? 0),
  );
  const again = server.account();
  await vi.waitFor(() => expect(again.list.get()).toEqual(["a", "c", "b"].map(gif)));
  expect(server.paths).toEqual(new Set(["/user/%40ana%3Ax/account_data/im2.saved_gifs"]));
});

test("one is removed, and using it does not bring it back", async () => {
  const server = new Server();
  const gifs = server.account();
  await gifs.save(gif("a"));
  await gifs.save(gif("b"));
  await gifs.remove("mxc://x/a");
  gifs.used(gif("a"));
  expect(gifs.has("mxc://x/a")).toBe(false);
  expect(gifs.has("mxc://x/b")).toBe(true);
  expect(server.kept).toEqual(["mxc://x/b"]);
});

test("using the first again writes nothing", async () => {
  const server = new Server();
  const gifs = server.account();
  await gifs.save(gif("a"));
  const before = server.entries;
  gifs.used(gif("a"));
  await gifs.save(gif("b"));
  expect(server.entries?.["mxc://x/a"]).toEqual(before?.["mxc://x/a"]);
});

test("the ones not used for the longest time make room", async () => {
  const server = new Server();
  const gifs = server.account();
  for (let id = 0; id < MOST_GIFS; id++) await gifs.save(gif(`${id}`));
  expect(server.kept).toHaveLength(MOST_GIFS);
  gifs.used(gif("0"));
  await gifs.save(gif("new"));
  expect(server.kept).toHaveLength(MOST_GIFS);
  expect(names(gifs).slice(0, 2)).toEqual(["new", "0"]);
  expect(gifs.has("mxc://x/1")).toBe(false);
  // Saving one again is no reason for another to go.
  await gifs.save(gif("2"));
  expect(server.kept).toHaveLength(MOST_GIFS);
});

test("more than there should be, as another client may leave it, is not shown and goes with the next change", async () => {
  const server = new Server();
  server.entries = { bad: { at: 1, value: gif("bad") }, "mxc://x/text": { at: 2, value: { mimetype: "text/html" } } };
  for (let id = 0; id < MOST_GIFS + 50; id++)
    server.entries[`mxc://x/${id}`] = { at: 10 + id, value: { name: `${id}`, mimetype: "image/gif" } };
  const gifs = server.account();
  await vi.waitFor(() => expect(gifs.list.get()).toHaveLength(MOST_GIFS));
  expect(names(gifs)[0]).toBe(`${MOST_GIFS + 49}`);
  await gifs.save(gif("new"));
  expect(server.kept.filter((mxc) => readable(mxc))).toHaveLength(MOST_GIFS);
});

const readable = (mxc: string) => mxc !== "bad" && mxc !== "mxc://x/text";
