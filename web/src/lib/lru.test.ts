import { beforeEach, expect, test, vi } from "vitest";
import { ObjectUrlCache } from "./lru.ts";

const revoked: string[] = [];
let loads: string[] = [];

beforeEach(() => {
  revoked.length = 0;
  loads = [];
  let next = 0;
  URL.createObjectURL = vi.fn(() => `blob:${next++}`);
  URL.revokeObjectURL = vi.fn((url: string) => void revoked.push(url));
});

function cache(limit: number): ObjectUrlCache {
  return new ObjectUrlCache(limit, async (key) => {
    loads.push(key);
    if (key === "broken") throw new Error("gone");
    return new Blob([key]);
  });
}

test("a key is loaded once while it is cached", async () => {
  const urls = cache(2);
  expect(await urls.acquire("a")).toBe(await urls.acquire("a"));
  expect(loads).toEqual(["a"]);
});

test("the least recently used is revoked, one in use is kept", async () => {
  const urls = cache(2);
  await urls.acquire("a");
  await urls.acquire("b");
  urls.release("b");
  await urls.acquire("c");
  await Promise.resolve();
  expect(revoked).toEqual(["blob:1"]);
  await urls.acquire("a");
  expect(loads).toEqual(["a", "b", "c"]);
});

test("a failure is tried again", async () => {
  const urls = cache(2);
  await expect(urls.acquire("broken")).rejects.toThrow("gone");
  await expect(urls.acquire("broken")).rejects.toThrow("gone");
  expect(loads).toEqual(["broken", "broken"]);
  expect(urls.size).toBe(0);
});
