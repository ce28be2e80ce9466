// @vitest-environment jsdom
import { afterEach, expect, test, vi } from "vitest";
import { endTransactionsWhenKept } from "./kept.ts";

class Transaction extends EventTarget {
  abort = vi.fn(() => this.dispatchEvent(new Event("abort")));
}

class Database {
  transaction(): Transaction {
    return new Transaction();
  }
}

afterEach(() => vi.unstubAllGlobals());

const page = (type: string, persisted: boolean) => window.dispatchEvent(Object.assign(new Event(type), { persisted }));

test("a page that is kept leaves no transaction open, begins none, and starts anew", () => {
  vi.stubGlobal("IDBDatabase", Database);
  const startAnew = vi.fn();
  endTransactionsWhenKept(startAnew);
  const database = new Database();
  const [done, open] = [database.transaction(), database.transaction()];
  done.dispatchEvent(new Event("complete"));

  page("pagehide", false);
  page("pageshow", false);
  expect(open.abort).not.toHaveBeenCalled();
  expect(startAnew).not.toHaveBeenCalled();

  page("pagehide", true);
  expect(open.abort).toHaveBeenCalledTimes(1);
  expect(done.abort).not.toHaveBeenCalled();
  expect(() => database.transaction()).toThrow("the page has been left");
  page("pageshow", true);
  expect(startAnew).toHaveBeenCalledTimes(1);
});
