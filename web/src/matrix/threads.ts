/** The threads of a room: their list, and what stands under the message that one began with. */
import {
  type MatrixClient,
  type MatrixEvent,
  NotificationCountType,
  type Room,
  RoomEvent,
  type Thread,
  ThreadEvent,
} from "matrix-js-sdk/lib/matrix.js";
import { Derived } from "../lib/observable.ts";
import { bodyOf, personOf } from "./events.ts";
import { findEvent, summaryOf } from "./lookup.ts";
import type { ThreadEntry, ThreadSummary } from "./types.ts";

export class Threads {
  /** Those that are known, the one with the newest reply first. */
  readonly list: Derived<readonly ThreadEntry[]>;
  private loading: Promise<void> | undefined;

  constructor(
    private readonly client: MatrixClient,
    private readonly room: Room,
  ) {
    this.list = new Derived<readonly ThreadEntry[]>(
      () => this.build(),
      (changed) => {
        const events = [ThreadEvent.New, ThreadEvent.Update, ThreadEvent.NewReply, ThreadEvent.Delete] as const;
        for (const name of events) room.on(name, changed);
        room.on(RoomEvent.UnreadNotifications, changed);
        room.on(RoomEvent.Receipt, changed);
        return () => {
          for (const name of events) room.off(name, changed);
          room.off(RoomEvent.UnreadNotifications, changed);
          room.off(RoomEvent.Receipt, changed);
        };
      },
    );
  }

  /** Fetches the threads of the room, once. */
  load(): Promise<void> {
    this.loading ??= this.fetch().catch((error) => {
      this.loading = undefined;
      throw error;
    });
    return this.loading;
  }

  /** The thread that a message began, which is made if this is to be its first reply. */
  async open(rootId: string): Promise<Thread> {
    const known = this.room.getThread(rootId);
    if (known !== null) return known;
    const root = await findEvent(this.client, this.room, rootId);
    return this.room.getThread(rootId) ?? this.room.createThread(rootId, root, [], false);
  }

  /** The root of the thread that an event is in; nothing for what is in the main timeline. */
  async rootOf(eventId: string): Promise<string | undefined> {
    const event = await findEvent(this.client, this.room, eventId).catch(() => undefined);
    return event !== undefined && isInThread(event) ? event.threadRootId : undefined;
  }

  private async fetch(): Promise<void> {
    await this.room.createThreadsTimelineSets();
    await this.room.fetchRoomThreads();
    this.list.changed();
  }

  private build(): ThreadEntry[] {
    return this.room
      .getThreads()
      .flatMap((thread) => {
        const root = thread.rootEvent && summaryOf(thread.rootEvent, this.room);
        const summary = threadSummary(this.room, thread.id);
        return root === undefined || summary === undefined ? [] : [{ root, ...summary }];
      })
      .sort((a, b) => (b.last?.timestamp ?? 0) - (a.last?.timestamp ?? 0));
  }
}

/** What is said under the root of a thread; nothing where nobody has replied. */
export function threadSummary(room: Room, rootId: string): ThreadSummary | undefined {
  const thread = room.getThread(rootId);
  if (thread === null || thread.length === 0) return undefined;
  const reply = thread.replyToEvent;
  const body = reply && reply.getId() !== rootId ? bodyOf(reply, room) : undefined;
  return {
    count: thread.length,
    last:
      reply === null || body === undefined
        ? undefined
        : { sender: personOf(room, reply.getSender() ?? ""), body, timestamp: reply.getTs() },
    unread: room.getThreadUnreadNotificationCount(rootId, NotificationCountType.Total),
    highlights: room.getThreadUnreadNotificationCount(rootId, NotificationCountType.Highlight),
  };
}

/** Replies of a thread are shown in it only; its root is shown in the main timeline. */
export function isInThread(event: MatrixEvent): boolean {
  return event.threadRootId !== undefined && event.threadRootId !== event.getId();
}

/** The reply that messages of a thread carry for clients without threads is no quote. */
export function isFallback(event: MatrixEvent): boolean {
  const relation = event.getWireContent()["m.relates_to"] as
    | { rel_type?: unknown; is_falling_back?: unknown }
    | undefined;
  return relation?.rel_type === "m.thread" && relation.is_falling_back === true;
}
