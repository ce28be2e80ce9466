/**
 * Keeps the outbox of one account in IndexedDB. Files lie in a table of their own and are written once: they may be large,
 * and the item that they belong to changes. They are blobs, which a browser keeps outside of its memory; where it keeps
 * none, they are bytes.
 */
import type { Attachment, OutboxItem } from "./item.ts";

const ITEMS = "items";
const FILES = "files";
const PROBE = "im2.probe";

export interface OutboxStore {
  load(): Promise<OutboxItem[]>;
  /** Writes a new item with its files. */
  add(item: OutboxItem): Promise<void>;
  /** Writes a changed item. */
  put(item: OutboxItem): Promise<void>;
  remove(item: OutboxItem): Promise<void>;
  /** Removes everything, for good. */
  destroy(): Promise<void>;
}

type StoredAttachment = Omit<Attachment, "blob">;
type StoredItem = Omit<OutboxItem, "attachments"> & { attachments: readonly StoredAttachment[] };

export class IndexedDbStore implements OutboxStore {
  private readonly opened: Promise<IDBDatabase>;
  private destroyed = false;

  constructor(private readonly name: string) {
    this.opened = open(name);
    // Whoever uses the store is told; nobody may be using it yet.
    this.opened.catch(() => undefined);
  }

  async load(): Promise<OutboxItem[]> {
    const transaction = (await this.opened).transaction([ITEMS, FILES]);
    const items = (await done(transaction.objectStore(ITEMS).getAll())) as StoredItem[];
    const files = transaction.objectStore(FILES);
    return Promise.all(
      items.map(async (item) => {
        const attachments = await Promise.all(
          item.attachments.map(async (attachment) => {
            const file = (await done(files.get(fileKey(item.txnId, attachment)))) as Blob | ArrayBuffer | undefined;
            return { ...attachment, blob: file instanceof Blob ? file : new Blob(file && [file]) };
          }),
        );
        return { ...item, attachments };
      }),
    );
  }

  async add(item: OutboxItem): Promise<void> {
    const contents: readonly (Blob | ArrayBuffer)[] = await Promise.all(
      item.attachments.map(async ({ blob }) => ((await keepsBlobs()) ? blob : blob.arrayBuffer())),
    );
    await this.write((items, files) => {
      items.put(stored(item));
      for (const [at, attachment] of item.attachments.entries())
        files.put(contents[at], fileKey(item.txnId, attachment));
    });
  }

  put(item: OutboxItem): Promise<void> {
    return this.write((items) => items.put(stored(item)));
  }

  remove(item: OutboxItem): Promise<void> {
    return this.write((items, files) => {
      items.delete(item.txnId);
      for (const attachment of item.attachments) files.delete(fileKey(item.txnId, attachment));
    });
  }

  async destroy(): Promise<void> {
    this.destroyed = true;
    await this.opened.then(
      (database) => database.close(),
      () => undefined,
    );
    await done(indexedDB.deleteDatabase(this.name)).catch(() => undefined);
  }

  private async write(work: (items: IDBObjectStore, files: IDBObjectStore) => void): Promise<void> {
    const database = await this.opened;
    if (this.destroyed) return;
    const transaction = database.transaction([ITEMS, FILES], "readwrite");
    work(transaction.objectStore(ITEMS), transaction.objectStore(FILES));
    await new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error ?? new Error("the transaction was aborted"));
    });
  }
}

let blobsAreKept: Promise<boolean> | undefined;

/**
 * Whether this browser keeps blobs in IndexedDB. WebKit does not in a private window; a transaction in which it was tried
 * never ends there and holds up the others, so it is tried in a database of its own.
 */
function keepsBlobs(): Promise<boolean> {
  blobsAreKept ??= open(PROBE).then(async (database) => {
    const files = database.transaction(FILES, "readwrite").objectStore(FILES);
    const kept = await done(files.put(new Blob(["?"]), PROBE)).then(
      () => true,
      () => false,
    );
    database.close();
    indexedDB.deleteDatabase(PROBE);
    return kept;
  });
  return blobsAreKept;
}

function open(name: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(ITEMS, { keyPath: "txnId" });
      request.result.createObjectStore(FILES);
    };
    request.onsuccess = () => {
      const database = request.result;
      // Another tab signs out and deletes it.
      database.onversionchange = () => database.close();
      resolve(database);
    };
    request.onerror = () => reject(request.error);
  });
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function stored(item: OutboxItem): StoredItem {
  return { ...item, attachments: item.attachments.map(({ blob: _, ...attachment }) => attachment) };
}

function fileKey(txnId: string, { slot }: StoredAttachment): string {
  return `${txnId}/${slot}`;
}
