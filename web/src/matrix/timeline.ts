/** The timeline of one room: a bounded window over its history, as plain values. */
import {
  Direction,
  type EventTimelineSet,
  type MatrixClient,
  type MatrixEvent,
  MatrixEventEvent,
  type Room,
  RoomEvent,
  RoomStateEvent,
  type Thread,
  ThreadEvent,
  TimelineWindow,
} from "matrix-js-sdk/lib/matrix.js";
import { CryptoEvent } from "matrix-js-sdk/lib/crypto-api/index.js";
import { reuseUnchanged } from "../lib/equal.ts";
import { isMxc } from "../lib/imagepacks.ts";
import { CALL_DECLINE, CALL_NOTICE, callOutcomes } from "../lib/calloutcomes.ts";
import { CALL_MEMBER } from "../lib/callmembers.ts";
import { Derived, Observable } from "../lib/observable.ts";
import { callMembers } from "./calls/members.ts";
import { wantDecrypted } from "./crypto/gate.ts";
import type { Shields } from "./crypto/shields.ts";
import { bodyOf, personOf } from "./events.ts";
import { transactionOf } from "./outbox/echoes.ts";
import type { OutboxItem } from "./outbox/item.ts";
import { sendStatusOf } from "./outbox/local.ts";
import type { Outbox } from "./outbox/outbox.ts";
import { Outgoing } from "./outbox/outgoing.ts";
import { isFallback, threadSummary } from "./threads.ts";
import type { CallOutcome, Person, Quote, Reaction, TimelineEvent, TimelineSnapshot } from "./types.ts";

/** Events kept in the window; beyond it the far end is let go and fetched again when scrolled to. */
const WINDOW_LIMIT = 400;
const FIRST_PAGE = 60;
const PAGE = 40;
/** More faces than this under a message say nothing. */
const MAX_READERS = 20;

/** Events that say how a call went. */
const ABOUT_CALLS = new Set([CALL_NOTICE, CALL_DECLINE, CALL_MEMBER]);

/** Names in the list of who reacted. */
const MAX_REACTORS = 200;

export class Timeline {
  readonly snapshot: Derived<TimelineSnapshot>;
  private readonly set: EventTimelineSet;
  /** Counts the gaps: times at which more has arrived at once than the server tells without being asked. */
  readonly gaps = new Observable(0);
  private readonly outgoing: Outgoing;
  private readonly window: TimelineWindow;
  private loading = true;
  private failed = false;
  private atPresent = true;
  private current: Promise<void> | undefined;
  private outcomes: ReadonlyMap<string, CallOutcome> | undefined;
  private readonly quotes = new Map<string, MatrixEvent | "loading" | "missing">();
  /**
   * What events of the server show, as long as nothing comes that could change it: messages and receipts do not, and they
   * are what comes all the time. Nothing is kept while nobody watches: what comes then is not heard of.
   */
  private described: Map<MatrixEvent, TimelineEvent> | undefined;

  constructor(
    private readonly client: MatrixClient,
    private readonly room: Room,
    private readonly outbox: Outbox,
    private readonly shields?: Shields,
    /** Where it is the timeline of a thread, and not of all that is outside of threads. */
    private readonly thread?: Thread,
  ) {
    this.outgoing = new Outgoing(room, outbox, thread?.id);
    this.set = thread?.timelineSet ?? room.getUnfilteredTimelineSet();
    this.window = new TimelineWindow(client, this.set, { windowLimit: WINDOW_LIMIT });
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

  /** Whether the window ends with the newest event that has arrived; after a gap it may not yet. */
  isCurrent(): boolean {
    return this.atPresent && !this.isStale();
  }

  /** Whether an event is in the window. */
  has(eventId: string): boolean {
    return this.window.getEvents().some((event) => event.getId() === eventId);
  }

  /** Moves the window so that an event is in it. False when there is no such event. */
  async show(eventId: string): Promise<boolean> {
    if (this.has(eventId)) return true;
    try {
      await this.load(eventId);
      return true;
    } catch {
      await this.showPresent();
      return false;
    }
  }

  /** Moves the window so that an event and what follows it are in it. False when there is no such event. */
  async showAfter(eventId: string): Promise<boolean> {
    if (!(await this.show(eventId))) return false;
    const events = this.window.getEvents();
    const following = events.length - 1 - events.findIndex((event) => event.getId() === eventId);
    if (following < PAGE / 2 && this.window.canPaginate(Direction.Forward)) await this.paginate(Direction.Forward);
    return true;
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

  /** Loads follow each other: the window can only be in one place. */
  private load(eventId: string | undefined): Promise<void> {
    const loaded = this.current === undefined ? this.loadNow(eventId) : this.current.then(() => this.loadNow(eventId));
    const settled = loaded
      .catch(() => undefined)
      .then(() => {
        if (this.current === settled) this.current = undefined;
      });
    this.current = settled;
    return loaded;
  }

  private async loadNow(eventId: string | undefined): Promise<void> {
    this.loading = true;
    this.snapshot.changed();
    try {
      await this.window.load(eventId, FIRST_PAGE);
      this.atPresent = eventId === undefined || this.reachesEnd();
    } finally {
      this.loading = false;
      this.snapshot.changed();
      // A gap that came meanwhile was left to this.
      this.catchUp();
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
    return this.window.getTimelineIndex(Direction.Forward)?.timeline !== this.set.getLiveTimeline();
  }

  private readonly catchUp = (): void => {
    if (!this.atPresent || this.loading || !this.isStale()) return;
    void this.showPresent();
    this.gaps.set(this.gaps.get() + 1);
  };

  private attach(told: () => void): () => void {
    const forget = () => this.described?.clear();
    const changed = () => {
      forget();
      told();
    };
    const ofRoom = (event: MatrixEvent, room?: Room) => {
      if (room?.roomId !== this.room.roomId) return;
      if (event.isState() || event.isRelation()) forget();
      told();
    };
    const ofRoomEvent = (event: MatrixEvent) => {
      if (event.getRoomId() === this.room.roomId) changed();
    };
    // Those of the main timeline are no part of what an event shows, those of a thread are.
    const ofThread = (counts?: unknown, threadId?: string) => {
      if (counts === undefined || threadId !== undefined) changed();
    };
    this.described = new Map();
    this.catchUp();
    const { client, room } = this;
    client.on(RoomEvent.Timeline, ofRoom);
    room.on(RoomEvent.TimelineReset, this.catchUp);
    room.on(ThreadEvent.Update, changed);
    room.on(ThreadEvent.NewReply, changed);
    room.on(RoomEvent.UnreadNotifications, ofThread);
    this.thread?.on(RoomEvent.TimelineReset, this.catchUp);
    const stop = this.outbox.room(room.roomId).subscribe(told);
    const stopShields = this.shields?.onChange((roomId) => {
      if (roomId === undefined || roomId === room.roomId) changed();
    });
    room.on(RoomEvent.Redaction, changed);
    room.on(RoomEvent.Receipt, told);
    room.on(RoomEvent.MyMembership, changed);
    room.on(RoomStateEvent.Members, changed);
    room.on(RoomStateEvent.Events, forget);
    client.on(MatrixEventEvent.Replaced, changed);
    client.on(MatrixEventEvent.Decrypted, ofRoomEvent);
    client.on(CryptoEvent.KeysChanged, changed);
    return () => {
      this.described = undefined;
      client.off(RoomEvent.Timeline, ofRoom);
      room.off(RoomEvent.TimelineReset, this.catchUp);
      room.off(ThreadEvent.Update, changed);
      room.off(ThreadEvent.NewReply, changed);
      room.off(RoomEvent.UnreadNotifications, ofThread);
      this.thread?.off(RoomEvent.TimelineReset, this.catchUp);
      stop();
      stopShields?.();
      room.off(RoomEvent.Redaction, changed);
      room.off(RoomEvent.Receipt, told);
      room.off(RoomEvent.MyMembership, changed);
      room.off(RoomStateEvent.Members, changed);
      room.off(RoomStateEvent.Events, forget);
      client.off(MatrixEventEvent.Replaced, changed);
      client.off(MatrixEventEvent.Decrypted, ofRoomEvent);
      client.off(CryptoEvent.KeysChanged, changed);
    };
  }

  private build(previous: TimelineSnapshot | undefined): TimelineSnapshot {
    // While the window shows the present it follows it.
    while (this.atPresent && !this.loading && this.window.extend(Direction.Forward, PAGE));
    const events: TimelineEvent[] = [];
    const indexOf = new Map<string, number>();
    const here = new Set<OutboxItem>();
    this.outcomes = this.readOutcomes();
    for (const event of this.window.getEvents()) {
      wantDecrypted(this.client, event);
      const item = this.outgoing.itemOf(event);
      if (item !== undefined) here.add(item);
      const described = this.describeOnce(event, item);
      if (described !== undefined) events.push(described);
      // Receipts on an event that is not shown count for the one above it.
      if (events.length > 0) indexOf.set(event.getId() ?? "", events.length - 1);
    }
    this.addReaders(events, indexOf);
    this.outgoing.add(events, here, this.atPresent, (event, body, item) => this.describe(event, body, item));
    return {
      events: reuseUnchanged(previous?.events ?? [], events),
      loading: this.loading,
      hasOlder: this.window.canPaginate(Direction.Backward),
      hasNewer: !this.atPresent,
      failed: this.failed,
    };
  }

  private describeOnce(event: MatrixEvent, item: OutboxItem | undefined): TimelineEvent | undefined {
    const known = item === undefined ? this.described?.get(event) : undefined;
    if (known !== undefined) return known;
    const body = this.withOutcome(event, this.outgoing.bodyOf(event, item));
    const described = body && this.describe(event, body);
    if (described !== undefined && item === undefined) this.described?.set(event, described);
    return described;
  }

  /** How the calls ended that the window tells of; nothing is looked for where there are none. */
  private readOutcomes(): ReadonlyMap<string, CallOutcome> | undefined {
    const events = this.window.getEvents();
    if (this.thread !== undefined || !events.some((event) => event.getType() === CALL_NOTICE)) return undefined;
    const about = events.filter((event) => ABOUT_CALLS.has(event.getType()));
    const told = about.map((event) => ({
      id: event.getId() ?? "",
      type: event.getType(),
      sender: event.getSender() ?? "",
      timestamp: event.getTs(),
      content: event.getContent(),
      stateKey: event.getStateKey(),
      about: event.relationEventId,
    }));
    return callOutcomes(told, this.room.myUserId, !this.atPresent || callMembers(this.room).length > 0);
  }

  private withOutcome(event: MatrixEvent, body: TimelineEvent["body"] | undefined): TimelineEvent["body"] | undefined {
    if (body?.kind !== "change" || body.change.what !== "call") return body;
    const outcome = this.outcomes?.get(event.getId() ?? "");
    return outcome === undefined ? body : { kind: "change", change: { ...body.change, outcome } };
  }

  private describe(event: MatrixEvent, body: TimelineEvent["body"], item?: OutboxItem): TimelineEvent {
    const { room } = this;
    const sender = personOf(room, event.getSender() ?? "");
    const own = sender.id === room.myUserId;
    const status = item === undefined ? "sent" : sendStatusOf(item);
    const id = event.getId();
    const confirmed = id?.startsWith("$") === true;
    const alive = status !== "failed" && body.kind !== "deleted" && body.kind !== "change";
    const joined = room.getMyMembership() === "join";
    return {
      key: transactionOf(event, room.myUserId) ?? id ?? "",
      id: confirmed ? id : undefined,
      sender,
      own,
      timestamp: event.getTs(),
      body,
      status,
      ...(item?.problem === undefined ? {} : { problem: item.problem }),
      edited: body.kind !== "deleted" && event.replacingEventId() !== undefined,
      ...(alive && confirmed ? this.shieldOf(event) : {}),
      quote: this.quoteOf(event),
      thread:
        alive && confirmed && this.thread === undefined ? threadSummary(this.room, event.getId() ?? "") : undefined,
      reactions: alive && confirmed ? this.reactionsTo(event) : [],
      readBy: [],
      can: {
        edit: alive && own && body.kind === "text",
        delete: alive && confirmed && room.currentState.maySendRedactionForEvent(event, room.myUserId),
        react: alive && joined && room.currentState.maySendMessage(room.myUserId),
      },
    };
  }

  private shieldOf(event: MatrixEvent): Pick<TimelineEvent, "shield"> {
    const shield = this.shields?.of(event, this.room);
    return shield === undefined ? {} : { shield };
  }

  private reactionsTo(event: MatrixEvent): Reaction[] {
    const { relations } = this.set;
    const found = relations.getChildEventsForEvent(event.getId() ?? "", "m.annotation", "m.reaction");
    const sorted = found?.getSortedAnnotationsByKey() ?? [];
    return sorted.flatMap(([emoji, all]) => {
      const alive = [...all].filter((reaction) => !reaction.isRedacted());
      if (alive.length === 0) return [];
      const mine = alive.find((reaction) => reaction.getSender() === this.room.myUserId);
      const people = alive.slice(0, MAX_REACTORS).map((reaction) => personOf(this.room, reaction.getSender() ?? ""));
      const names = people.map(({ name }) => name);
      const shortcode = isMxc(emoji) ? shortcodeOf(alive) : undefined;
      const picture = shortcode === undefined ? {} : { shortcode };
      return [{ emoji, ...picture, count: alive.length, mine: mine?.getId(), names, people }];
    });
  }

  private quoteOf(event: MatrixEvent): Quote | undefined {
    const eventId = event.isRedacted() || isFallback(event) ? undefined : event.replyEventId;
    if (eventId === undefined) return undefined;
    const quoted = this.room.findEventById(eventId) ?? this.outgoing.event(eventId) ?? this.fetchQuoted(eventId);
    if (quoted === undefined) return { eventId, own: false };
    const sender = personOf(this.room, quoted.getSender() ?? "");
    return { eventId, sender, own: sender.id === this.room.myUserId, body: bodyOf(quoted, this.room) };
  }

  /** Fetches a quoted message that lies outside of what is loaded. */
  private fetchQuoted(eventId: string): MatrixEvent | undefined {
    if (!eventId.startsWith("$")) return undefined;
    const known = this.quotes.get(eventId);
    if (known !== undefined) return typeof known === "string" ? undefined : known;
    this.quotes.set(eventId, "loading");
    const mapper = this.client.getEventMapper({ preventReEmit: false, decrypt: true });
    this.client
      .fetchRoomEvent(this.room.roomId, eventId)
      .then((raw) => this.quotes.set(eventId, mapper(raw)))
      .catch(() => this.quotes.set(eventId, "missing"))
      .finally(() => {
        this.described?.clear();
        this.snapshot.changed();
      });
    return undefined;
  }

  /** Puts each reader below the last event that they have read. */
  private addReaders(events: TimelineEvent[], indexOf: ReadonlyMap<string, number>): void {
    const readers = new Map<number, Person[]>();
    const members = this.room.getJoinedMemberCount() > 200 ? [] : this.room.getJoinedMembers();
    for (const member of members) {
      if (member.userId === this.room.myUserId) continue;
      const readUpTo = (this.thread ?? this.room).getEventReadUpTo(member.userId);
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

/** What the picture of a reaction is called by those who chose it (MSC4027). */
function shortcodeOf(reactions: readonly MatrixEvent[]): string | undefined {
  for (const reaction of reactions) {
    const { shortcode } = reaction.getContent<Record<string, unknown>>();
    if (typeof shortcode === "string" && shortcode !== "") return shortcode.replace(/^:|:$/g, "").slice(0, 100);
  }
  return undefined;
}
