/** Messages that somebody saved for themselves: their ids, in the account data. */
import { ClientEvent, type MatrixClient } from "matrix-js-sdk/lib/matrix.js";
import { Derived } from "../lib/observable.ts";
import { findEvent, summaryOf } from "./lookup.ts";
import type { Rooms } from "./rooms/rooms.ts";
import type { MessageSummary, SavedMessage } from "./types.ts";

const TYPE = "im2.saved_messages";
/** The oldest make room beyond this: account data has a limited size. */
const LIMIT = 300;

export class Saved {
  /** Newest first. */
  readonly list: Derived<readonly SavedMessage[]>;
  private writing: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly client: MatrixClient,
    private readonly rooms: Rooms,
  ) {
    this.list = new Derived(
      () => this.read(),
      (changed) => {
        client.on(ClientEvent.AccountData, changed);
        return () => client.off(ClientEvent.AccountData, changed);
      },
    );
  }

  has(eventId: string): boolean {
    return this.read().some(({ id }) => id === eventId);
  }

  /** Changes are made one after the other, each on what the one before has left. */
  set(roomId: string, id: string, saved: boolean): Promise<void> {
    const change = this.writing.then(async () => {
      const others = this.read().filter((entry) => entry.id !== id);
      const next = saved ? [{ roomId, id, savedAt: Date.now() }, ...others].slice(0, LIMIT) : others;
      const messages = next.map((entry) => ({ room_id: entry.roomId, event_id: entry.id, saved_ts: entry.savedAt }));
      await this.client.setAccountData(TYPE as never, { messages } as never);
    });
    this.writing = change.catch(() => undefined);
    return change;
  }

  /** What a saved message says; nothing where it is gone, or one is no longer there. */
  async load({ roomId, id }: SavedMessage): Promise<MessageSummary | undefined> {
    await this.rooms.require(roomId);
    const room = this.client.getRoom(roomId);
    if (room === null) return undefined;
    const event = await findEvent(this.client, room, id).catch(() => undefined);
    return event === undefined || event.isRedacted() ? undefined : summaryOf(event, room);
  }

  private read(): readonly SavedMessage[] {
    const stored: unknown = this.client.getAccountData(TYPE as never)?.getContent<Record<string, unknown>>().messages;
    return (Array.isArray(stored) ? stored : []).flatMap((entry: Record<string, unknown>) => {
      const { room_id: roomId, event_id: id, saved_ts: savedAt } = entry ?? {};
      if (typeof roomId !== "string" || typeof id !== "string") return [];
      return [{ roomId, id, savedAt: typeof savedAt === "number" ? savedAt : 0 }];
    });
  }
}
