/** Where the index of encrypted chats lies: tables in IndexedDB whose contents are sealed before they come here. */

/** A block of messages of one room. What is not sealed, the SDK's own store knows as well. */
export interface BlockInfo {
  number: number;
  roomId: string;
  /** When its oldest and its newest message were sent, in milliseconds since the epoch. */
  from: number;
  to: number;
  count: number;
  bytes: number;
  /** It was filled while paging back, not as messages came. */
  older: boolean;
}

/** In which block an event is; an edit is where the message is that it changes. */
export interface Place {
  id: string;
  block: number;
  /** The message that this event has edited. */
  edits?: string;
}

/** A place from which the history of a room is still to be read. */
export interface Frontier {
  token: string | null;
  /** Reading ends at the first message that is known: it lies behind a gap in the sync. */
  gap: boolean;
  /** When the last page ended, in milliseconds since the epoch: newer history is read first. */
  at: number;
}

export interface RoomInfo {
  roomId: string;
  frontiers: readonly Frontier[];
  /** The event up to which it was read from its end while it was not loaded. */
  seen?: string;
}

/** A message that could not be decrypted yet, as the server gave it. */
export interface Waiting {
  id: string;
  roomId: string;
  raw: unknown;
}

/** What is written at once. */
export interface Change {
  blocks?: readonly { info: BlockInfo; sealed: ArrayBuffer }[];
  emptied?: readonly number[];
  places?: readonly Place[];
  gone?: readonly string[];
  rooms?: readonly RoomInfo[];
  goneRooms?: readonly string[];
  waiting?: readonly Waiting[];
  notWaiting?: readonly string[];
}

export interface IndexStorage {
  blocks(): Promise<BlockInfo[]>;
  sealed(number: number): Promise<ArrayBuffer | undefined>;
  places(ids: readonly string[]): Promise<Place[]>;
  /** Everything that is in a block. */
  placesIn(block: number): Promise<string[]>;
  rooms(): Promise<RoomInfo[]>;
  waiting(): Promise<Waiting[]>;
  write(change: Change): Promise<void>;
  clear(): Promise<void>;
  close(): void;
}

const TABLES = ["blocks", "sealed", "places", "rooms", "waiting"] as const;

export class IndexedDbIndex implements IndexStorage {
  private constructor(private readonly database: IDBDatabase) {}

  static open(name: string): Promise<IndexedDbIndex> {
    return new Promise((resolve, reject) => {
      const request = indexedDB.open(name, 1);
      request.onupgradeneeded = () => {
        const { result } = request;
        result.createObjectStore("blocks", { keyPath: "number" });
        result.createObjectStore("sealed");
        result.createObjectStore("places", { keyPath: "id" }).createIndex("block", "block");
        result.createObjectStore("rooms", { keyPath: "roomId" });
        result.createObjectStore("waiting", { keyPath: "id" });
      };
      request.onsuccess = () => {
        // Another tab signs out and deletes it.
        request.result.onversionchange = () => request.result.close();
        resolve(new IndexedDbIndex(request.result));
      };
      request.onerror = () => reject(request.error);
    });
  }

  blocks(): Promise<BlockInfo[]> {
    return done(this.table("blocks").getAll());
  }

  sealed(number: number): Promise<ArrayBuffer | undefined> {
    return done(this.table("sealed").get(number));
  }

  async places(ids: readonly string[]): Promise<Place[]> {
    const table = this.table("places");
    const found = await Promise.all(ids.map((id) => done<Place | undefined>(table.get(id))));
    return found.filter((place) => place !== undefined);
  }

  placesIn(block: number): Promise<string[]> {
    return done(this.table("places").index("block").getAllKeys(block)) as Promise<string[]>;
  }

  rooms(): Promise<RoomInfo[]> {
    return done(this.table("rooms").getAll());
  }

  waiting(): Promise<Waiting[]> {
    return done(this.table("waiting").getAll());
  }

  write(change: Change): Promise<void> {
    return this.transaction((table) => {
      for (const { info, sealed } of change.blocks ?? []) {
        table("blocks").put(info);
        table("sealed").put(sealed, info.number);
      }
      for (const number of change.emptied ?? []) {
        table("blocks").delete(number);
        table("sealed").delete(number);
      }
      for (const id of change.gone ?? []) table("places").delete(id);
      for (const place of change.places ?? []) table("places").put(place);
      for (const roomId of change.goneRooms ?? []) table("rooms").delete(roomId);
      for (const room of change.rooms ?? []) table("rooms").put(room);
      for (const id of change.notWaiting ?? []) table("waiting").delete(id);
      for (const waiting of change.waiting ?? []) table("waiting").put(waiting);
    });
  }

  clear(): Promise<void> {
    return this.transaction((table) => {
      for (const name of TABLES) table(name).clear();
    });
  }

  close(): void {
    this.database.close();
  }

  private table(name: (typeof TABLES)[number]): IDBObjectStore {
    return this.database.transaction(name).objectStore(name);
  }

  private transaction(work: (table: (name: (typeof TABLES)[number]) => IDBObjectStore) => void): Promise<void> {
    const transaction = this.database.transaction([...TABLES], "readwrite");
    work((name) => transaction.objectStore(name));
    return new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error ?? new Error("the transaction was aborted"));
    });
  }
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
