/** The pinned messages of a room (`m.room.pinned_events`). */
import { type MatrixClient, type Room, RoomEvent, RoomStateEvent } from "matrix-js-sdk/lib/matrix.js";
import { Derived } from "../lib/observable.ts";
import { findEvent, summaryOf } from "./lookup.ts";
import type { MessageSummary, PinnedMessage } from "./types.ts";

const PINNED = "m.room.pinned_events";
/** Pins that are shown, the newest. */
const LIMIT = 100;

export class Pins {
  /** Oldest pin first; a message that is still being fetched has no content yet. */
  readonly list: Derived<readonly PinnedMessage[]>;
  private readonly fetched = new Map<string, MessageSummary | "loading" | "missing">();

  constructor(
    private readonly client: MatrixClient,
    private readonly room: Room,
  ) {
    this.list = new Derived(
      () => this.build(),
      (changed) => {
        room.on(RoomStateEvent.Events, changed);
        room.on(RoomEvent.Redaction, changed);
        return () => {
          room.off(RoomStateEvent.Events, changed);
          room.off(RoomEvent.Redaction, changed);
        };
      },
    );
  }

  has(eventId: string): boolean {
    return this.ids().includes(eventId);
  }

  async set(eventId: string, pinned: boolean): Promise<void> {
    const others = this.ids().filter((id) => id !== eventId);
    await this.client.sendStateEvent(
      this.room.roomId,
      PINNED as never,
      {
        pinned: pinned ? [...others, eventId] : others,
      } as never,
    );
  }

  private ids(): string[] {
    const pinned: unknown = this.room.currentState.getStateEvents(PINNED, "")?.getContent().pinned;
    return Array.isArray(pinned) ? pinned.filter((id): id is string => typeof id === "string") : [];
  }

  private build(): readonly PinnedMessage[] {
    return [...new Set(this.ids())].slice(-LIMIT).flatMap((id) => {
      const known = this.room.findEventById(id);
      if (known?.isRedacted() === true) return [];
      const message = known === undefined ? this.fetch(id) : summaryOf(known, this.room);
      return message === "missing" ? [] : [{ id, message }];
    });
  }

  private fetch(id: string): MessageSummary | "missing" | undefined {
    const known = this.fetched.get(id);
    if (known === undefined) {
      this.fetched.set(id, "loading");
      findEvent(this.client, this.room, id)
        .then((event) => this.fetched.set(id, (!event.isRedacted() && summaryOf(event, this.room)) || "missing"))
        .catch(() => this.fetched.set(id, "missing"))
        .finally(() => this.list.changed());
    }
    return known === "loading" ? undefined : known;
  }
}
