import type { IndexedDBStore } from "matrix-js-sdk/lib/matrix.js";
import { expect, test } from "vitest";
import { type Writes, writeInOrder } from "./keeping.ts";

function slowStore(accountData: Promise<void>): { writes: Writes; done: string[] } {
  const done: string[] = [];
  const writes: Writes = {
    persistAccountData: () => accountData.then(() => void done.push("account data")),
    persistSyncData: async (...[position]) => void done.push(`position ${position}`),
  };
  writeInOrder({ backend: writes as unknown as IndexedDBStore["backend"] });
  return { writes, done };
}

test("the position of the sync is written after the account data, however long that takes", async () => {
  let written = () => {};
  const { writes, done } = slowStore(new Promise((resolve) => (written = resolve)));
  const saved = Promise.all([writes.persistAccountData([]), writes.persistSyncData("s5")]);
  await Promise.resolve();
  expect(done).toEqual([]);
  written();
  await saved;
  expect(done).toEqual(["account data", "position s5"]);
});

test("without the account data there is no position", async () => {
  const { writes, done } = slowStore(Promise.reject(new Error("no room")));
  const saved = await Promise.allSettled([writes.persistAccountData([]), writes.persistSyncData("s5")]);
  expect(saved.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(done).toEqual([]);
});
