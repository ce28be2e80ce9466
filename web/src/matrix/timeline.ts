/** The timeline of one room: a bounded window over its history, as plain values. */
import {
  Direction,
  EventStatus,
  type MatrixClient,
  type MatrixEvent,
  MatrixEventEvent,
  type Room,
  RoomEvent,
  RoomStateEvent,
  TimelineWindow,
} from "matrix-js-sdk/lib/matrix.js";
import { reuseUnchanged } from "../lib/equal.ts";
import { Derived } from "../lib/observable.ts";
import { bodyOf, personOf, statusOf } from "./events.ts";
import type { Person, Quote, Reaction, TimelineEvent, TimelineSnapshot } from "./types.ts";

/** Events kept in the window; beyond it the far end is let go and fetched again when scrolled to. */
const WINDOW_LIMIT = 400;
const FIRST_PAGE = 60;
const PAGE = 40;
/** More faces than this under a message say nothing. */
const MAX_READERS = 20;

export class Timeline {
  readonly snapshot: Derived<TimelineSnapshot>;
  private readonly window: TimelineWindow;
  private loading = true;
  private failed = false;
  private atPresent = true;
  private readonly quotes = new Map<string, MatrixEvent | "loading" | "missing">();

  constructor(
    private readonly client: MatrixClient,
    private readonly room: Room,
  ) {
    this.window = new TimelineWindow(client, room.getUnfilteredTimelineSet(), { windowLimit: WINDOW_LIMIT });
    this.snapshot = new Derived(
      (previous) => this.build(previous),
      (changed) => this.attach(changed),
    );
    void this.showPresent();
  }

  /** Loads the page before the first event. */
  async loadOlder(): Promise<void> {
    if (!this.loading) await this.paginate(Direction.Backward);
  }

  /** Loads the page after the last event, where the window does not reach the present. */
  async loadNewer(): Promise<void> {
    if (!this.loading && !this.atPresent) await this.paginate(Direction.Forward);
  }

  /** Moves the window so that an event is in it. False when there is no such event. */
  async show(eventId: string): Promise<boolean> {
    if (this.window.getEvents().some((event) => event.getId() === eventId)) return true;
    try {
      await this.load(eventId);
      return true;
    } catch {
      await this.showPresent();
      return false;
    }
  }

  /** The event that is shown for another one: itself, or the last one above it if it shows nothing. */
  shownAt(eventId: string): string | undefined {
    let shown: string | undefined;
    for (const event of this.window.getEvents()) {
      const id = event.getId();
      if (bodyOf(event, this.room) !== undefined) shown = id;
      if (id === eventId) return shown;
    }
    return undefined;
  }

  /** Moves the window to the newest messages and follows them. */
  async showPresent(): Promise<void> {
    await this.load(undefined);
    if (this.window.getEvents().length < FIRST_PAGE / 2 && this.window.canPaginate(Direction.Backward)) {
      await this.paginate(Direction.Backward);
    }
  }

  private async load(eventId: string | undefined): Promise<void> {
    this.loading = true;
    this.snapshot.changed();
    try {
      await this.window.load(eventId, FIRST_PAGE);
      this.atPresent = eventId === undefined || this.reachesEnd();
    } finally {
      this.loading = false;
      this.snapshot.changed();
    }
  }

  private async paginate(direction: Direction): Promise<void> {
    this.loading = true;
    this.failed = false;
    this.snapshot.changed();
    const last = this.window.getEvents().at(-1);
    try {
      await this.window.paginate(direction, PAGE);
    } catch {
      this.failed = true;
    } finally {
      this.loading = false;
      if (direction === Direction.Forward) this.atPresent = this.reachesEnd();
      // Going far back lets go of the newest messages. Those that came meanwhile follow when the snapshot is built.
      else this.atPresent &&= this.isStale() || last === undefined || this.window.getEvents().at(-1) === last;
      this.snapshot.changed();
      this.catchUp();
    }
  }

  private reachesEnd(): boolean {
    return !this.isStale() && !this.window.canPaginate(Direction.Forward);
  }

  /** A gap in the sync has replaced the room's live timeline; the window still ends in the one before. */
  private isStale(): boolean {
    return this.window.getTimelineIndex(Direction.Forward)?.timeline !== this.room.getLiveTimeline();
  }

  private readonly catchUp = (): void => {
    if (this.atPresent && !this.loading && this.isStale()) void this.showPresent();
  };

  private attach(changed: () => void): () => void {
    const ofRoom = (_event: unknown, room?: Room) => {
      if (room?.roomId === this.room.roomId) changed();
    };
    this.catchUp();
    const { client, room } = this;
    client.on(RoomEvent.Timeline, ofRoom);
    room.on(RoomEvent.TimelineReset, this.catchUp);
    room.on(RoomEvent.LocalEchoUpdated, changed);
    room.on(RoomEvent.Redaction, changed);
    room.on(RoomEvent.RedactionCancelled, changed);
    room.on(RoomEvent.Receipt, changed);
    room.on(RoomStateEvent.Members, changed);
    client.on(MatrixEventEvent.Replaced, changed);
    return () => {
      client.off(RoomEvent.Timeline, ofRoom);
      room.off(RoomEvent.TimelineReset, this.catchUp);
      room.off(RoomEvent.LocalEchoUpdated, changed);
      room.off(RoomEvent.Redaction, changed);
      room.off(RoomEvent.RedactionCancelled, changed);
      room.off(RoomEvent.Receipt, changed);
      room.off(RoomStateEvent.Members, changed);
      client.off(MatrixEventEvent.Replaced, changed);
    };
  }

  private build(previous: TimelineSnapshot | undefined): TimelineSnapshot {
    // While the window shows the present it follows it.
    while (this.atPresent && !this.loading && this.window.extend(Direction.Forward, PAGE));
    const confirmed = this.window.getEvents();
    const pending = this.atPresent ? this.room.getPendingEvents() : [];
    const events: TimelineEvent[] = [];
    const indexOf = new Map<string, number>();
    for (const event of [...confirmed, ...pending]) {
      const body = event.status === EventStatus.CANCELLED ? undefined : bodyOf(event, this.room);
      if (body !== undefined) events.push(this.describe(event, body));
      // Receipts on an event that is not shown count for the one above it.
      if (events.length > 0) indexOf.set(event.getId() ?? "", events.length - 1);
    }
    this.addReaders(events, indexOf);
    return {
      events: reuseUnchanged(previous?.events ?? [], events),
      loading: this.loading,
      hasOlder: this.window.canPaginate(Direction.Backward),
      hasNewer: !this.atPresent,
      failed: this.failed,
    };
  }

  private describe(event: MatrixEvent, body: TimelineEvent["body"]): TimelineEvent {
    const { room } = this;
    const sender = personOf(room, event.getSender() ?? "");
    const own = sender.id === room.myUserId;
    const status = statusOf(event);
    const confirmed = status === "sent" && event.getId()?.startsWith("$") === true;
    const alive = confirmed && body.kind !== "deleted" && body.kind !== "change";
    const joined = room.getMyMembership() === "join";
    return {
      key: event.getTxnId() ?? event.getId() ?? "",
      id: confirmed ? event.getId() : undefined,
      sender,
      own,
      timestamp: event.getTs(),
      body,
      status,
      edited: body.kind !== "deleted" && event.replacingEventId() !== undefined,
      quote: this.quoteOf(event),
      reactions: alive ? this.reactionsTo(event) : [],
      readBy: [],
      can: {
        edit: alive && own && body.kind === "text",
        delete: alive && room.currentState.maySendRedactionForEvent(event, room.myUserId),
        react: alive && joined && room.currentState.maySendMessage(room.myUserId),
      },
    };
  }

  private reactionsTo(event: MatrixEvent): Reaction[] {
    const { relations } = this.room.getUnfilteredTimelineSet();
    const found = relations.getChildEventsForEvent(event.getId() ?? "", "m.annotation", "m.reaction");
    const sorted = found?.getSortedAnnotationsByKey() ?? [];
    return sorted.flatMap(([emoji, all]) => {
      const alive = [...all].filter((reaction) => !reaction.isRedacted() && reaction.status !== EventStatus.CANCELLED);
      if (alive.length === 0) return [];
      const mine = alive.find((reaction) => reaction.getSender() === this.room.myUserId);
      const names = alive.map((reaction) => personOf(this.room, reaction.getSender() ?? "").name);
      return [{ emoji, count: alive.length, mine: mine?.getId(), names }];
    });
  }

  private quoteOf(event: MatrixEvent): Quote | undefined {
    const eventId = event.isRedacted() ? undefined : event.replyEventId;
    if (eventId === undefined) return undefined;
    const quoted = this.room.findEventById(eventId) ?? this.fetchQuoted(eventId);
    if (quoted === undefined) return { eventId, own: false };
    const sender = personOf(this.room, quoted.getSender() ?? "");
    return { eventId, sender, own: sender.id === this.room.myUserId, body: bodyOf(quoted, this.room) };
  }

  /** Fetches a quoted message that lies outside of what is loaded. */
  private fetchQuoted(eventId: string): MatrixEvent | undefined {
    const known = this.quotes.get(eventId);
    if (known !== undefined) return typeof known === "string" ? undefined : known;
    this.quotes.set(eventId, "loading");
    const mapper = this.client.getEventMapper({ preventReEmit: true, decrypt: false });
    this.client
      .fetchRoomEvent(this.room.roomId, eventId)
      .then((raw) => this.quotes.set(eventId, mapper(raw)))
      .catch(() => this.quotes.set(eventId, "missing"))
      .finally(() => this.snapshot.changed());
    return undefined;
  }

  /** Puts each reader below the last event that they have read. */
  private addReaders(events: TimelineEvent[], indexOf: ReadonlyMap<string, number>): void {
    const readers = new Map<number, Person[]>();
    const members = this.room.getJoinedMemberCount() > 200 ? [] : this.room.getJoinedMembers();
    for (const member of members) {
      if (member.userId === this.room.myUserId) continue;
      const readUpTo = this.room.getEventReadUpTo(member.userId);
      const index = readUpTo === null ? undefined : indexOf.get(readUpTo);
      if (index === undefined) continue;
      const here = readers.get(index) ?? [];
      if (here.length < MAX_READERS) here.push(personOf(this.room, member.userId));
      readers.set(index, here);
    }
    for (const [index, readBy] of readers) {
      const event = events[index];
      if (event !== undefined) events[index] = { ...event, readBy: readBy.filter(({ id }) => id !== event.sender.id) };
    }
  }
}
