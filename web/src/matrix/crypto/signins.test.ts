import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Observable } from "../../lib/observable.ts";
import type { LocalCopy } from "./localcopy.ts";
import type { OwnSession } from "./sessions.ts";
import { SignIns } from "./signins.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const session = (id: string, part: Partial<OwnSession> = {}): OwnSession => ({
  id,
  name: id,
  current: id === "HERE",
  trust: "unverified",
  ...part,
});

/** A browser: what it has kept outlives the clients that run in it. */
function browser() {
  let sessions: OwnSession[] = [session("HERE", { trust: "verified" })];
  let kept: unknown;
  const changes = new Observable(0);
  const copy = {
    load: async () => kept,
    save: (content: object) => {
      kept = structuredClone(content);
    },
  };
  return {
    sessions: (...next: OwnSession[]) => {
      sessions = [session("HERE", { trust: "verified" }), ...next];
    },
    change: async () => {
      changes.set(changes.get() + 1);
      await vi.advanceTimersByTimeAsync(10_000);
    },
    client: async () => {
      const signIns = new SignIns(async () => sessions, changes, copy as unknown as LocalCopy);
      await signIns.start();
      return { signIns, ids: () => signIns.unknown.get().map(({ id }) => id) };
    },
  };
}

test("who is signed in when one begins is known; who comes later is told, until somebody says that it was them", async () => {
  const here = browser();
  here.sessions(session("OLD"));
  const { signIns, ids } = await here.client();
  expect(ids()).toEqual([]);
  here.sessions(session("OLD"), session("NEW"));
  await here.change();
  expect(ids()).toEqual(["NEW"]);
  signIns.acknowledge();
  expect(ids()).toEqual([]);
  await here.change();
  expect(ids()).toEqual([]);
  signIns.stop();
});

test("who came while nobody looked is told at the next start, and still after another", async () => {
  const here = browser();
  const first = await here.client();
  first.signIns.stop();
  here.sessions(session("NEW"));
  await here.change();
  expect(first.ids()).toEqual([]);
  const second = await here.client();
  expect(second.ids()).toEqual(["NEW"]);
  second.signIns.stop();
  const third = await here.client();
  expect(third.ids()).toEqual(["NEW"]);
  third.signIns.acknowledge();
  third.signIns.stop();
  expect((await here.client()).ids()).toEqual([]);
});

test("a verified session needs no word, and one that ends takes its notice with it", async () => {
  const here = browser();
  const { ids } = await here.client();
  here.sessions(session("MINE", { trust: "verified" }), session("A"), session("B"));
  await here.change();
  expect(ids()).toEqual(["A", "B"]);
  here.sessions(session("MINE", { trust: "verified" }), session("B", { trust: "verified" }));
  await here.change();
  expect(ids()).toEqual([]);
});

test("a server that does not answer makes nobody known or unknown", async () => {
  const changes = new Observable(0);
  const list = vi.fn(async (): Promise<OwnSession[]> => [session("HERE")]);
  const signIns = new SignIns(list, changes, undefined);
  await signIns.start();
  vi.spyOn(console, "warn").mockImplementation(() => undefined);
  list.mockRejectedValueOnce(new Error("offline"));
  changes.set(1);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(signIns.unknown.get()).toEqual([]);
  list.mockResolvedValue([session("HERE"), session("NEW")]);
  changes.set(2);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(signIns.unknown.get().map(({ id }) => id)).toEqual(["NEW"]);
});
