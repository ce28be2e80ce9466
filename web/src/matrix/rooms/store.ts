/**
 * Keeps the summaries of the rooms that have not been loaded, in IndexedDB. They are one record: they are written when
 * the list has been fetched and read at the start, and change little in between.
 */
import type { Conversation } from "../types.ts";
import type { RoomSummary } from "./list.ts";

export interface StoredSummaries {
  summaries: readonly RoomSummary[];
  /** The server has told of all rooms. */
  complete: boolean;
}

const TABLE = "summaries";
const KEY = "all";
/** The rows on top of the list are a small record of their own, which is read first. */
const FIRST = "first";

export class SummaryStore {
  private opened: Promise<IDBDatabase> | undefined;
  private destroyed = false;

  /** Reading begins at once: the rest of the start goes on meanwhile. */
  private readonly readFirst: Promise<readonly Conversation[] | undefined>;
  private readonly read: Promise<StoredSummaries | undefined>;

  constructor(private readonly name: string) {
    this.readFirst = this.get<readonly Conversation[]>(FIRST).catch(() => undefined);
    this.read = this.get<StoredSummaries>(KEY).catch(() => undefined);
  }

  /** The rows on top of the list, as they were last shown. */
  async loadFirst(): Promise<readonly Conversation[]> {
    return (await this.readFirst) ?? [];
  }

  saveFirst(rows: readonly Conversation[]): Promise<void> {
    return this.write((table) => table.put(rows, FIRST));
  }

  /** What there was at the start. */
  load(): Promise<StoredSummaries | undefined> {
    return this.read;
  }

  private async get<T>(key: string): Promise<T | undefined> {
    const database = await this.open();
    return done(database.transaction(TABLE).objectStore(TABLE).get(key)) as Promise<T | undefined>;
  }

  save(stored: StoredSummaries): Promise<void> {
    return this.write((table) => table.put(stored, KEY));
  }

  clear(): Promise<void> {
    return this.write((table) => table.clear());
  }

  private async write(work: (table: IDBObjectStore) => void): Promise<void> {
    const transaction = (await this.open()).transaction(TABLE, "readwrite");
    work(transaction.objectStore(TABLE));
    await new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error ?? new Error("the transaction was aborted"));
    });
  }

  /** Closes the database; what is asked of it later opens it again. */
  async close(): Promise<void> {
    const database = await this.opened?.catch(() => undefined);
    this.opened = undefined;
    database?.close();
  }

  async destroy(): Promise<void> {
    this.destroyed = true;
    await this.close();
    await done(indexedDB.deleteDatabase(this.name));
  }

  private open(): Promise<IDBDatabase> {
    if (this.destroyed) return Promise.reject(new Error("the store is gone"));
    this.opened ??= new Promise((resolve, reject) => {
      const request = indexedDB.open(this.name, 1);
      request.onupgradeneeded = () => request.result.createObjectStore(TABLE);
      request.onsuccess = () => {
        // Another tab signs out and deletes it.
        request.result.onversionchange = () => request.result.close();
        resolve(request.result);
      };
      request.onerror = () => reject(request.error);
    });
    return this.opened;
  }
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
