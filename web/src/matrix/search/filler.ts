/**
 * Fills the index of encrypted chats: with what arrives, what was edited or deleted, and, when the browser has nothing else
 * to do, with the history of the chats, those that were used last first. Chats that are not loaded stay so: decrypting wants
 * their messages and nothing else of them.
 */
import {
  ClientEvent,
  Direction,
  type EventTimelineSet,
  Filter,
  type IEvent,
  type MatrixClient,
  type MatrixEvent,
  MatrixEventEvent,
  RelationType,
  type Room,
  RoomEvent,
  SyncState,
} from "matrix-js-sdk/lib/matrix.js";
import { POLL_START } from "../../lib/polls.ts";
import type { Rooms } from "../rooms/rooms.ts";
import { type Chat, editedBy, editOf, entryOf } from "./entries.ts";
import type { Entry, MessageIndex } from "./index.ts";
import type { Frontier, Waiting } from "./store.ts";

/** Messages are entered together that arrive within this time, in milliseconds. */
const FLUSH_MS = 500;
/** Messages that are asked for at once, the pause after each answer, and the one after a failure. */
const PAGE = 100;
const PAUSE_MS = 400;
const RETRY_MS = 30_000;
/** No chat has more messages in the index than this: a very busy one does not push the others out. */
const MAX_IN_ROOM = 20_000;
/** Events without keys that are held, so that they are entered as soon as the key comes. */
const MAX_HELD = 500;
const TYPES = ["m.room.encrypted", "m.room.message", ...POLL_START];

/** Where to read on. */
interface Next {
  chat: Chat;
  frontier: Frontier;
  /** The newest event of a chat that is not loaded, and is read from its end. */
  seen?: string;
}

export class Filler {
  private readonly arrived = new Map<string, Map<string, Entry>>();
  private readonly queues = new Map<string, Promise<void>>();
  private readonly held = new Map<string, MatrixEvent>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private stopped = false;
  /** What was loaded at the start is entered; rooms that come from now on are entered as they come. */
  private caughtUp = false;
  /** The rooms whose loaded messages have been entered. */
  private readonly entered = new Set<string>();
  private wake: () => void = () => undefined;
  private readonly mapper: (raw: Partial<IEvent>) => MatrixEvent;

  /** `changed` is called when there is more in the index, and when the reading of history begins or ends. */
  constructor(
    private readonly client: MatrixClient,
    private readonly rooms: Rooms,
    private readonly index: MessageIndex,
    private readonly changed: (reading: boolean) => void,
    /** Whether older messages can be decrypted: else reading them would be in vain, and they would count as read. */
    private readonly hasKeys: () => boolean,
  ) {
    this.mapper = client.getEventMapper({ preventReEmit: true });
  }

  /** Enters what is loaded, and goes on with the history. */
  async start(): Promise<void> {
    this.client.on(ClientEvent.Event, this.onEvent);
    this.client.on(RoomEvent.Redaction, this.onRedaction);
    this.client.on(RoomEvent.TimelineReset, this.onReset);
    this.client.on(ClientEvent.DeleteRoom, this.onDelete);
    this.client.on(ClientEvent.Sync, this.onSync);
    window.addEventListener("pagehide", this.flushNow);
    document.addEventListener("visibilitychange", this.onVisible);
    for (const room of this.loaded().sort((a, b) => activityOf(b) - activityOf(a))) {
      if (this.stopped) return;
      await idle();
      await this.enter(room);
    }
    this.caughtUp = true;
    await this.retryWaiting();
    await this.readHistory();
  }

  /** Something has changed that may let the reading of history go on. */
  goOn(): void {
    this.wake();
  }

  /** Keys have come that may open what could not be read. */
  async retryWaiting(): Promise<void> {
    for (const { id, roomId, raw } of await this.index.waiting()) {
      if (this.stopped) return;
      const chat = this.chat(roomId);
      if (chat === undefined || this.held.has(id)) continue;
      await idle();
      await this.consider(this.mapper(raw as IEvent), chat, true);
    }
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.wake();
    this.client.off(ClientEvent.Event, this.onEvent);
    this.client.off(RoomEvent.Redaction, this.onRedaction);
    this.client.off(RoomEvent.TimelineReset, this.onReset);
    this.client.off(ClientEvent.DeleteRoom, this.onDelete);
    this.client.off(ClientEvent.Sync, this.onSync);
    window.removeEventListener("pagehide", this.flushNow);
    document.removeEventListener("visibilitychange", this.onVisible);
    for (const event of this.held.values()) event.off(MatrixEventEvent.Decrypted, this.onHeld);
    this.held.clear();
    await this.flush().catch(() => undefined);
  }

  // What arrives

  private readonly onEvent = (event: MatrixEvent): void => {
    const room = this.client.getRoom(event.getRoomId());
    if (room?.hasEncryptionStateEvent() !== true || room.getMyMembership() !== "join" || event.isState()) return;
    // Whatever else is loaded of the room is entered with it.
    if (!this.entered.has(room.roomId)) return;
    this.afterOthers(room.roomId, () => this.consider(event, room));
  };

  /** Events of a room are entered in their order: an edit after what it edits, a deletion after both. */
  private afterOthers(roomId: string, work: () => Promise<void>): void {
    const done = (this.queues.get(roomId) ?? Promise.resolve()).then(work).catch((error) => this.complain(error));
    this.queues.set(roomId, done);
  }

  private readonly onRedaction = (event: MatrixEvent, room: Room): void => {
    const id = event.getAssociatedId();
    if (id === undefined || !room.hasEncryptionStateEvent()) return;
    this.afterOthers(room.roomId, async () => {
      await this.flush();
      const edited = await this.index.remove(id);
      if (edited !== undefined) await this.readAnew(edited, room);
      this.changed(this.reading);
    });
  };

  /** The sync has left something out: what lies between is read later. */
  private readonly onReset = (room: Room | undefined, set: EventTimelineSet): void => {
    if (room?.hasEncryptionStateEvent() !== true || this.index.room(room.roomId) === undefined) return;
    // Those of threads are parts of the same history.
    if (set !== room.getUnfilteredTimelineSet()) return;
    const token = room.getLiveTimeline().getPaginationToken(Direction.Backward);
    void this.addFrontier(room, { token, gap: true, at: Date.now() }).catch((error) => this.complain(error));
  };

  private readonly onDelete = (roomId: string): void => {
    this.arrived.delete(roomId);
    this.entered.delete(roomId);
    void this.index.removeRoom(roomId).then(() => this.changed(this.reading), ignore);
  };

  private readonly onSync = (state: SyncState): void => {
    if (state !== SyncState.Syncing || !this.caughtUp) return;
    this.wake();
    for (const room of this.loaded()) if (!this.entered.has(room.roomId)) void this.enter(room);
  };

  private readonly onVisible = (): void => {
    if (document.hidden) this.flushNow();
    else this.wake();
  };

  /** Enters an event, now or when it can be read. */
  private async consider(event: MatrixEvent, room: Chat, older = false): Promise<void> {
    const entry = await this.entryFor(event, room);
    if (entry === "waits") return this.hold(event, room);
    if (this.stopped) return;
    if (older) await this.index.settle([event.getId() ?? ""]);
    const edits = editedBy(event);
    if (edits !== undefined) {
      const edited = editOf(event, event.getSender(), room);
      if (edited === undefined) return;
      await this.flush();
      await this.index.edit(edits, event.getSender() ?? "", edited);
      return this.changed(this.reading);
    }
    if (entry === undefined) return;
    if (older) {
      await this.index.put(room.roomId, [entry], { older });
      return this.changed(this.reading);
    }
    const entries = this.arrived.get(room.roomId) ?? new Map<string, Entry>();
    this.arrived.set(room.roomId, entries.set(entry.id, entry));
    this.timer ??= setTimeout(this.flushNow, FLUSH_MS);
  }

  private async entryFor(event: MatrixEvent, room: Chat): Promise<Entry | "waits" | undefined> {
    if (!(await this.decrypted(event))) return "waits";
    if (editedBy(event) !== undefined) return undefined;
    const bundled = event.getServerAggregatedRelation<IEvent>(RelationType.Replace);
    let edit = event.replacingEvent() ?? undefined;
    if (edit === undefined && bundled?.content !== undefined) {
      edit = this.mapper(bundled);
      if (!(await this.decrypted(edit))) edit = undefined;
    }
    return entryOf(event, room, edit);
  }

  private async decrypted(event: MatrixEvent): Promise<boolean> {
    if (event.isRedacted()) return true;
    await this.client.decryptEventIfNeeded(event).catch(() => undefined);
    return event.getType() !== "m.room.encrypted" && !event.isDecryptionFailure();
  }

  private async hold(event: MatrixEvent, room: Chat): Promise<void> {
    const id = event.getId();
    if (id === undefined || event.isRedacted() || this.held.has(id) || this.stopped) return;
    if (this.held.size < MAX_HELD) {
      this.held.set(id, event);
      event.once(MatrixEventEvent.Decrypted, this.onHeld);
    }
    await this.index.wait([waitingOf(event, room)]);
  }

  private readonly onHeld = (event: MatrixEvent): void => {
    const [id, chat] = [event.getId() ?? "", this.chat(event.getRoomId() ?? "")];
    if (event.isDecryptionFailure()) return void event.once(MatrixEventEvent.Decrypted, this.onHeld);
    this.held.delete(id);
    if (chat !== undefined) void this.consider(event, chat, true).catch((error) => this.complain(error));
  };

  private readonly flushNow = (): void => {
    void this.flush().catch((error) => this.complain(error));
  };

  private async flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    const batches = [...this.arrived];
    this.arrived.clear();
    for (const [roomId, entries] of batches) await this.index.put(roomId, [...entries.values()]);
    if (batches.length > 0) this.changed(this.reading);
  }

  private async readAnew(id: string, room: Room): Promise<void> {
    await this.consider(this.mapper(await this.client.fetchRoomEvent(room.roomId, id)), room);
  }

  // History

  private async enter(room: Room): Promise<void> {
    this.entered.add(room.roomId);
    await this.catchUp(room).catch((error) => {
      this.entered.delete(room.roomId);
      this.complain(error);
    });
  }

  /** Enters what is loaded of a room, and finds out where its history goes on. */
  private async catchUp(room: Room): Promise<void> {
    const events = loadedEvents(room).filter((event) => !event.isState());
    const ids = events.map((event) => event.getId() ?? "");
    const known = await this.index.known(ids);
    for (const event of events) if (!known.has(event.getId() ?? "")) await this.consider(event, room);
    await this.flush();
    const info = this.index.room(room.roomId);
    // Nothing of what is loaded was known: there may be more between the two.
    if (info !== undefined && (known.size > 0 || events.length === 0)) return;
    const token = oldestToken(room);
    const frontier: Frontier = { token, gap: info !== undefined, at: events[0]?.getTs() ?? activityOf(room) };
    if (token === null) await this.index.put(room.roomId, [], { room: info ?? { roomId: room.roomId, frontiers: [] } });
    else await this.addFrontier(room, frontier);
  }

  private async addFrontier({ roomId }: Room, frontier: Frontier): Promise<void> {
    const before = this.index.room(roomId);
    const frontiers = [...(before?.frontiers ?? []), frontier];
    await this.index.put(roomId, [], { room: { ...before, roomId, frontiers } });
    this.wake();
  }

  /** The frontier that is nearest to the present, unless the index is full of what is newer. */
  private nextFrontier(): Next | undefined {
    const { full, size } = this.index;
    const begun = this.index.rooms().flatMap(({ roomId, frontiers }): Next[] => {
      const chat = frontiers.length === 0 ? undefined : this.chat(roomId);
      return chat === undefined ? [] : frontiers.map((frontier) => ({ chat, frontier }));
    });
    const open = [...begun, ...this.unread()];
    const next = open.sort((a, b) => b.frontier.at - a.frontier.at)[0];
    if (next === undefined || (full && next.frontier.at <= (size.oldest ?? 0))) return undefined;
    return next;
  }

  /** Of the chats that are not loaded those that were never entered, or whose newest event has not been seen. */
  private unread(): Next[] {
    return this.rooms.encrypted().flatMap(({ id, event }) => {
      const [info, chat] = [this.index.room(id), this.chat(id)];
      const seen = event?.event_id;
      if (chat === undefined || (info !== undefined && (seen === undefined || info.seen === seen))) return [];
      const at = event?.origin_server_ts ?? 0;
      return { chat, frontier: { token: null, gap: info !== undefined, at }, seen };
    });
  }

  /** A chat that one is in, loaded or not. */
  private chat(roomId: string): Chat | undefined {
    const room = this.client.getRoom(roomId);
    if (room !== null) return room.getMyMembership() === "join" ? room : undefined;
    return this.rooms.isJoined(roomId) ? this.rooms.view(roomId) : undefined;
  }

  private get reading(): boolean {
    return !this.stopped && this.hasKeys() && this.nextFrontier() !== undefined;
  }

  private async readHistory(): Promise<void> {
    while (!this.stopped) {
      const next = mayRead(this.client) && this.hasKeys() ? this.nextFrontier() : undefined;
      this.changed(this.reading);
      if (next === undefined) {
        await this.pause(RETRY_MS * 10);
        continue;
      }
      await idle();
      const read = await this.readPage(next).then(
        () => true,
        () => false,
      );
      await this.pause(read ? PAUSE_MS : RETRY_MS, read);
    }
  }

  private async readPage({ chat, frontier, seen }: Next): Promise<void> {
    const { roomId } = chat;
    const filter = new Filter(this.client.getSafeUserId());
    filter.setDefinition({ room: { timeline: { types: TYPES, lazy_load_members: true } as never } });
    const answer = await this.client.createMessagesRequest(roomId, frontier.token, PAGE, Direction.Backward, filter);
    if (this.stopped) return;
    const events = answer.chunk.map(this.mapper);
    const known = await this.index.known(events.map((event) => event.getId() ?? ""));
    const entries: Entry[] = [];
    const waiting: Waiting[] = [];
    for (const event of events) {
      if (known.has(event.getId() ?? "")) continue;
      const entry = await this.entryFor(event, chat);
      if (entry === "waits") {
        if (editedBy(event) === undefined) waiting.push(waitingOf(event, chat));
      } else if (entry !== undefined) entries.push(entry);
    }
    if (this.stopped) return;
    const info = this.index.room(roomId);
    const met = known.size > 0 || events.some((event) => event.getId() === info?.seen);
    const ended =
      answer.end === undefined ||
      answer.end === frontier.token ||
      (frontier.gap && met) ||
      this.index.countIn(roomId) + entries.length > MAX_IN_ROOM;
    const others = (info?.frontiers ?? []).filter(({ token }) => token !== frontier.token);
    const at = Math.min(frontier.at, events.at(-1)?.getTs() ?? frontier.at);
    const frontiers = ended ? others : [...others, { ...frontier, token: answer.end ?? null, at }];
    await this.index.put(roomId, entries, { older: true, room: { roomId, frontiers, seen: seen ?? info?.seen } });
    await this.index.wait(waiting);
  }

  /** Waits, unless something happens that gives a reason to go on. */
  private pause(milliseconds: number, whatever = false): Promise<void> {
    return new Promise((resolve) => {
      const go = () => {
        clearTimeout(timer);
        this.wake = () => undefined;
        resolve();
      };
      const timer = setTimeout(go, milliseconds);
      this.wake = whatever && !this.stopped ? () => undefined : go;
    });
  }

  private loaded(): Room[] {
    const rooms = this.client.getRooms();
    return rooms.filter((room) => room.hasEncryptionStateEvent() && room.getMyMembership() === "join");
  }

  private complain(error: unknown): void {
    if (!this.stopped) console.warn("an encrypted message could not be entered into the index", error);
  }
}

const ignore = () => undefined;

function activityOf(room: Room): number {
  return room.getLiveTimeline().getEvents().at(-1)?.getTs() ?? 0;
}

/** The timelines that lie before each other, and those of the threads. */
function loadedEvents(room: Room): MatrixEvent[] {
  const events: MatrixEvent[] = [];
  for (
    let line = room.getLiveTimeline();
    line !== null;
    line = line.getNeighbouringTimeline(Direction.Backward) as never
  )
    events.unshift(...line.getEvents());
  const threads = room.getThreads().flatMap((thread) => thread.liveTimeline.getEvents());
  return [...events, ...threads.filter((event) => !events.includes(event))];
}

function oldestToken(room: Room): string | null {
  let line = room.getLiveTimeline();
  for (let before = line.getNeighbouringTimeline(Direction.Backward); before !== null; ) {
    line = before;
    before = line.getNeighbouringTimeline(Direction.Backward);
  }
  return line.getPaginationToken(Direction.Backward);
}

function waitingOf(event: MatrixEvent, { roomId }: Chat): Waiting {
  // As it came: what is in it stays encrypted.
  const { event: raw } = event;
  return {
    id: event.getId() ?? "",
    roomId,
    raw: {
      type: raw.type,
      content: raw.content,
      sender: raw.sender,
      event_id: raw.event_id,
      room_id: roomId,
      origin_server_ts: raw.origin_server_ts,
    },
  };
}

function mayRead(client: MatrixClient): boolean {
  const { connection } = navigator as { connection?: { saveData?: boolean } };
  const connected = client.getSyncState() === SyncState.Syncing || client.getSyncState() === SyncState.Prepared;
  return connected && navigator.onLine && !document.hidden && connection?.saveData !== true;
}

/** Resolves when the browser has nothing better to do. */
function idle(): Promise<void> {
  return new Promise((resolve) => {
    if ("requestIdleCallback" in window) requestIdleCallback(() => resolve(), { timeout: 2_000 });
    else setTimeout(resolve, 50);
  });
}
