// @vitest-environment jsdom
import type { MatrixClient } from "matrix-js-sdk/lib/matrix.js";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Rooms } from "../rooms/rooms.ts";
import type { Session } from "../session.ts";
import { Search } from "./search.ts";

const getRooms = vi.fn(() => []);
const client = {
  getRooms,
  getRoom: () => null,
  getEventMapper: () => () => undefined,
  search: async () => ({ search_categories: { room_events: { results: [] } } }),
} as unknown as MatrixClient;
const rooms = { onChange: () => undefined, require: async () => undefined } as unknown as Rooms;
const session = { userId: "@me:x", deviceId: "HERE" } as Session;

beforeEach(() => {
  vi.useFakeTimers();
  getRooms.mockClear();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  localStorage.clear();
});

/** Whether a search has ended, and what it has looked at, as time goes on. */
function begin(): { search: Search; ended: () => boolean } {
  const search = new Search(client, session, rooms, () => true);
  let ended = false;
  void search
    .everywhere("tea")()
    .then(() => {
      ended = true;
    });
  return { search, ended: () => ended };
}

test("a search waits until it is known what is here", async () => {
  const { search, ended } = begin();
  await vi.advanceTimersByTimeAsync(3_000);
  expect(ended()).toBe(false);
  expect(getRooms).not.toHaveBeenCalled();
  search.unavailable();
  await vi.advanceTimersByTimeAsync(0);
  expect(ended()).toBe(true);
  expect(getRooms).toHaveBeenCalledOnce();
});

test("it does not wait for ever", async () => {
  const { ended } = begin();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(ended()).toBe(true);
  expect(getRooms).toHaveBeenCalledOnce();
});

test("what is chosen before the start is heeded by it", async () => {
  const deleteDatabase = () => {
    const request = { onsuccess: () => undefined };
    queueMicrotask(() => request.onsuccess());
    return request;
  };
  vi.stubGlobal("indexedDB", { deleteDatabase });
  const search = new Search(client, session, rooms, () => true);
  await search.setOn(false);
  expect(search.status.get().state).toBe("off");
  await search.start();
  expect(search.status.get().state).toBe("off");
  await search.setOn(true);
  // Without a key there is none, but it was tried.
  expect(search.status.get().state).toBe("unavailable");
  const other = new Search(client, session, rooms, () => true);
  await other.setOn(false);
  await other.setOn(true);
  expect(other.status.get().state).toBe("starting");
  await other.start();
  expect(other.status.get().state).toBe("unavailable");
});
