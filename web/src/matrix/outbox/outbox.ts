/**
 * Everything that is on its way to the server, one queue per room. An item is shown the moment it is added, kept in IndexedDB
 * while it leaves, and stays until the sync has brought its event, so it survives reloads, restarts and
 * outages. One tab sends; all tabs hold the same items.
 */
import type { Readable } from "../../lib/observable.ts";
import type { Action, Attachment, OutboxItem } from "./item.ts";
import { Items } from "./items.ts";
import { takeTheLead } from "./leader.ts";
import { Sender, type Transport } from "./sender.ts";
import type { OutboxStore } from "./store.ts";

/** After so many answers of `/sync`, one that contains the event must have been among them. */
const SYNCS_UNTIL_SEEN = 2;

export class Outbox {
  private readonly items: Items;
  private readonly sender: Sender;
  private readonly abdicate: () => void;
  private readonly syncs = new Map<string, number>();
  private stopped = false;

  /** How many things have not been sent. */
  readonly unsent: Readable<number>;

  constructor(name: string, store: OutboxStore, transport: Transport) {
    this.sender = new Sender(() => this.items, transport);
    this.items = new Items(name, store, this.sender);
    this.unsent = this.items.unsent;
    this.abdicate = takeTheLead(name, (leading) => {
      void this.items.loaded.then(() => !this.stopped && this.sender.lead(leading));
    });
  }

  /** The items of a room in their order; the array is a new one after every change. */
  room(roomId: string): Readable<readonly OutboxItem[]> {
    return this.items.room(roomId);
  }

  /** How much of an item's files has been uploaded, as a part of 1. */
  progressOf(txnId: string): Readable<number> {
    return this.items.progressOf(txnId);
  }

  get(txnId: string): OutboxItem | undefined {
    return this.items.get(txnId);
  }

  /** The item that has become an event. */
  sentAs(eventId: string): OutboxItem | undefined {
    return this.items.sentAs(eventId);
  }

  /** The event id of something that was sent in this session, also when it is no longer here. */
  eventIdOf(txnId: string): string | undefined {
    return this.items.eventIdOf(txnId);
  }

  /** Tells of every change of a room's items. */
  onChange(listener: (roomId: string) => void): void {
    this.items.onChange(listener);
  }

  /** Puts something at the end of a room's queue, and answers with its transaction id. */
  add(
    roomId: string,
    action: Action,
    options: { encrypted?: boolean; attachments?: readonly Attachment[]; unmeasured?: boolean } = {},
  ): string {
    const txnId = `im2-${crypto.getRandomValues(new Uint32Array(3)).join("-")}`;
    const now = Date.now();
    this.items.add({
      txnId,
      roomId,
      order: this.items.nextOrder(now),
      createdAt: now,
      action: this.items.withKnownIds(action),
      attachments: options.attachments ?? [],
      encrypted: options.encrypted ?? false,
      unmeasured: options.unmeasured ?? false,
      state: "queued",
    });
    this.sender.pump(roomId);
    return txnId;
  }

  /** Tries again now what was refused or waits. */
  retry(txnId: string): void {
    const item = this.items.get(txnId);
    if (item?.state === "refused" || item?.state === "waiting") this.sender.retry(item);
  }

  /** Takes something back, with everything that refers to it. What the server has taken stays. */
  discard(txnId: string): void {
    const item = this.items.get(txnId);
    if (item === undefined || item.state === "sent") return;
    this.items.remove([item, ...this.items.dependents(txnId)], true);
  }

  /** Takes everything back that was meant for a room that one is no longer in: nowhere could it be seen, or sent. */
  left(roomId: string): void {
    for (const { txnId } of this.items.room(roomId).get()) this.discard(txnId);
  }

  /** The connection is there, or there again: goes on with what waits for one. */
  reconnected(): void {
    this.sender.reconnected();
  }

  /** The sync has brought an event that was sent from here: it takes the place of the item. */
  echo(eventId: string, txnId: string | undefined): void {
    const item = (txnId === undefined ? undefined : this.items.get(txnId)) ?? this.items.sentAs(eventId);
    if (item === undefined) return;
    this.items.confirm(item.txnId, eventId);
    this.syncs.delete(item.txnId);
    // The other tabs keep showing theirs until their own sync has it.
    this.items.remove([item], false);
  }

  /** The server has answered a `/sync`: lets go of what it should have brought by now, such as after a gap. */
  synced(): void {
    for (const item of this.items.all()) {
      if (item.state !== "sent") continue;
      const seen = (this.syncs.get(item.txnId) ?? 0) + 1;
      this.syncs.set(item.txnId, seen);
      if (seen < SYNCS_UNTIL_SEEN) continue;
      this.syncs.delete(item.txnId);
      this.items.remove([item], false);
    }
  }

  /** Stops, and keeps what there is for the next start. */
  stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    this.sender.stop();
    this.abdicate();
    this.items.stop();
  }

  /** Stops, and removes everything from the browser. */
  async destroy(): Promise<void> {
    this.stop();
    await this.items.destroy();
  }
}
