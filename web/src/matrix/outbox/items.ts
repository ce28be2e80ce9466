/**
 * The items of the outbox: in memory as they are shown, in the store, and the same in all tabs. Knows what refers to what,
 * and nothing of how things are sent.
 */
import { Observable } from "../../lib/observable.ts";
import { type Channel, type Message, openChannel } from "./channel.ts";
import { type Action, dependencies, isEventId, type OutboxItem, resolved } from "./item.ts";
import type { OutboxStore } from "./store.ts";

/** Transaction ids that are remembered after the item is gone. */
const REMEMBERED = 1_000;

/** Whoever sends the items. */
export interface ItemsListener {
  /** Whether an item is under way here: of such, other tabs know less. */
  isBusy(txnId: string): boolean;
  /** Another tab has added or changed an item. */
  arrived(item: OutboxItem): void;
  /** An item is no longer here. */
  gone(txnId: string): void;
  /** Something may be able to go on. */
  changed(roomId: string): void;
}

const NONE: readonly OutboxItem[] = [];

export class Items {
  readonly unsent = new Observable(0);
  /** Resolves when what was stored last time is here. */
  readonly loaded: Promise<void>;
  private readonly byId = new Map<string, OutboxItem>();
  private readonly rooms = new Map<string, Observable<readonly OutboxItem[]>>();
  private readonly progress = new Map<string, Observable<number>>();
  private readonly confirmed = new Map<string, string>();
  /** Items that are gone here: what other tabs still say about them is old. */
  private readonly gone = new Set<string>();
  private readonly writes = new Map<string, Promise<void>>();
  /** Items that are not stored yet, or could not be: a reload would lose them. */
  private readonly unstored = new Set<string>();
  private readonly listeners = new Set<(roomId: string) => void>();
  private readonly channel: Channel;
  private stopped = false;
  private lastOrder = 0;

  constructor(
    name: string,
    private readonly store: OutboxStore,
    private readonly sender: ItemsListener,
  ) {
    this.channel = openChannel(name, (message) => this.onMessage(message));
    this.loaded = this.load();
    window.addEventListener("beforeunload", this.onUnload);
  }

  get(txnId: string): OutboxItem | undefined {
    return this.byId.get(txnId);
  }

  all(): OutboxItem[] {
    return [...this.byId.values()];
  }

  /** The items of a room in their order; the array is a new one after every change. */
  room(roomId: string): Observable<readonly OutboxItem[]> {
    return entry(this.rooms, roomId, () => new Observable(NONE));
  }

  /** The rooms that something has been sent to. */
  roomIds(): string[] {
    return [...this.rooms.keys()];
  }

  progressOf(txnId: string): Observable<number> {
    return entry(this.progress, txnId, () => new Observable(0));
  }

  /** Notes how much of an item's files has been uploaded, here and in the other tabs. */
  setProgress(txnId: string, part: number): void {
    this.progressOf(txnId).set(part);
    this.channel.post({ kind: "progress", txnId, part });
  }

  onChange(listener: (roomId: string) => void): void {
    this.listeners.add(listener);
  }

  /** The place behind everything that was added so far. */
  nextOrder(now: number): number {
    this.lastOrder = Math.max(this.lastOrder + 1, now * 1000);
    return this.lastOrder;
  }

  add(item: OutboxItem): void {
    this.unstored.add(item.txnId);
    this.write(item.txnId, () => this.store.add(item));
    this.take(item);
    this.channel.post({ kind: "put", item });
  }

  /** Changes an item; `keep` says whether the change has to survive a restart. */
  change(item: OutboxItem, change: Partial<OutboxItem>, keep = true): OutboxItem {
    const next = { ...item, ...change };
    if (keep) this.write(next.txnId, () => this.store.put(next));
    this.take(next);
    this.channel.post({ kind: "put", item: next });
    return next;
  }

  /** Changes what is shown here alone. */
  take(item: OutboxItem): void {
    this.byId.set(item.txnId, item);
    this.lastOrder = Math.max(this.lastOrder, item.order);
    this.publish(item.roomId);
  }

  /** Removes items from the store, and from the other tabs, too, where those are not to keep showing them. */
  remove(items: readonly OutboxItem[], everywhere: boolean): void {
    for (const item of items) {
      this.forget(item.txnId);
      this.write(item.txnId, () => this.store.remove(item));
    }
    if (everywhere) this.channel.post({ kind: "removed", txnIds: items.map(({ txnId }) => txnId) });
    for (const roomId of new Set(items.map((item) => item.roomId))) this.publish(roomId, true);
  }

  /** Resolves when an item is stored as it is now, or could not be. */
  async written(txnId: string): Promise<void> {
    await this.writes.get(txnId);
  }

  // --- what refers to what ---

  /** Everything that refers to an item, and what refers to that. */
  dependents(txnId: string): OutboxItem[] {
    const direct = this.all().filter(({ action }) => dependencies(action).includes(txnId));
    return direct.flatMap((item) => [item, ...this.dependents(item.txnId)]);
  }

  /** The item that has become an event. */
  sentAs(eventId: string): OutboxItem | undefined {
    return this.all().find((item) => item.eventId === eventId);
  }

  eventIdOf(txnId: string): string | undefined {
    return this.confirmed.get(txnId) ?? this.byId.get(txnId)?.eventId;
  }

  /** An action with event ids in place of the transaction ids for which they are known. */
  withKnownIds(action: Action): Action {
    return dependencies(action).reduce((known, txnId) => {
      const eventId = this.eventIdOf(txnId);
      return eventId === undefined ? known : resolved(known, txnId, eventId);
    }, action);
  }

  /** Notes the event id of an item, also in what refers to it. */
  confirm(txnId: string, eventId: string): void {
    if (!isEventId(eventId) || this.confirmed.get(txnId) === eventId) return;
    this.remember(txnId, eventId);
    this.channel.post({ kind: "confirmed", txnId, eventId });
    for (const item of this.all()) {
      if (!dependencies(item.action).includes(txnId)) continue;
      this.change(item, { action: resolved(item.action, txnId, eventId) });
    }
  }

  // --- the end ---

  stop(): void {
    this.stopped = true;
    window.removeEventListener("beforeunload", this.onUnload);
    this.channel.close();
  }

  async destroy(): Promise<void> {
    this.byId.clear();
    await this.store.destroy();
  }

  // --- inside ---

  private async load(): Promise<void> {
    try {
      for (const item of await this.store.load()) {
        // What happened meanwhile, here or in another tab, is newer.
        if (!this.byId.has(item.txnId) && !this.gone.has(item.txnId)) this.take(afterRestart(item));
      }
    } catch (error) {
      console.warn("what is not sent cannot be kept over a reload", error);
    }
  }

  private publish(roomId: string, goOn = false): void {
    const items = this.all().filter((item) => item.roomId === roomId);
    this.room(roomId).set(items.sort((a, b) => a.order - b.order));
    this.unsent.set(this.all().filter(({ state }) => state !== "sent").length);
    for (const listener of this.listeners) listener(roomId);
    if (goOn) this.sender.changed(roomId);
  }

  private forget(txnId: string): void {
    this.byId.delete(txnId);
    this.progress.delete(txnId);
    this.unstored.delete(txnId);
    this.gone.add(txnId);
    trim(this.gone);
    this.sender.gone(txnId);
  }

  private remember(txnId: string, eventId: string): void {
    this.confirmed.set(txnId, eventId);
    trim(this.confirmed);
  }

  /** Writes of one item follow each other. */
  private write(txnId: string, work: () => Promise<void>): void {
    const before = this.writes.get(txnId) ?? Promise.resolve();
    const written = before.then(work).then(
      () => void this.unstored.delete(txnId),
      () => {
        if (this.byId.has(txnId) && !this.stopped) this.unstored.add(txnId);
      },
    );
    this.writes.set(txnId, written);
    void written.then(() => {
      if (this.writes.get(txnId) === written) this.writes.delete(txnId);
    });
  }

  private readonly onUnload = (event: BeforeUnloadEvent): void => {
    if ([...this.unstored].some((txnId) => this.byId.get(txnId)?.state !== "sent")) event.preventDefault();
  };

  private onMessage(message: Message): void {
    switch (message.kind) {
      case "put": {
        const { item } = message;
        if (this.gone.has(item.txnId) || this.sender.isBusy(item.txnId)) return;
        this.take({ ...item, action: this.withKnownIds(item.action) });
        this.sender.arrived(item);
        break;
      }
      case "removed":
        for (const txnId of message.txnIds) {
          const item = this.byId.get(txnId);
          if (item === undefined) continue;
          this.forget(txnId);
          this.publish(item.roomId, true);
        }
        break;
      case "confirmed": {
        const { txnId, eventId } = message;
        this.remember(txnId, eventId);
        const item = this.byId.get(txnId);
        if (item !== undefined) this.take({ ...item, state: "sent", problem: undefined, eventId });
        break;
      }
      case "progress":
        this.progressOf(message.txnId).set(message.part);
        break;
    }
  }
}

/** What was under way when the browser was closed is tried again; the server knows the transaction ids. */
export function afterRestart(item: OutboxItem): OutboxItem {
  const halfway = item.state === "uploading" || item.state === "sending" || item.state === "waiting";
  return halfway ? { ...item, state: "queued", problem: undefined } : item;
}

function entry<V>(map: Map<string, V>, key: string, create: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = create();
    map.set(key, value);
  }
  return value;
}

/** Lets go of the oldest beyond what is remembered. */
function trim(collection: Map<string, unknown> | Set<string>): void {
  if (collection.size <= REMEMBERED) return;
  const [oldest] = collection.keys();
  if (oldest !== undefined) collection.delete(oldest);
}
