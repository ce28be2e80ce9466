/** One open conversation: its rows, what is being written, what is being uploaded, what has been read. */
import { pauseLeft } from "../lib/slowmode.ts";
import { type Gif, gifContent } from "../lib/gifs.ts";
import type { PackImage } from "../lib/imagepacks.ts";
import { reuseUnchanged } from "../lib/equal.ts";
import { layoutTimeline, type Row } from "../lib/layout.ts";
import { isBeginning } from "../lib/summary.ts";
import { attachAll, Derived, deliverNow, Observable, type Readable, watchBriefly } from "../lib/observable.ts";
import type { TextExtras } from "../matrix/content.ts";
import type { RoomHandle } from "../matrix/room.ts";
import type { ConnectionStatus, Place, TimelineEvent } from "../matrix/types.ts";
import { drafts, setDraft } from "./drafts.ts";
import { leave, leftAt } from "./positions.ts";
import { Selection } from "./selection.ts";
import { attempt, showToast } from "./toasts.ts";
import { Uploads } from "./uploads.ts";

export interface ConversationSnapshot {
  rows: readonly Row[];
  loading: boolean;
  hasOlder: boolean;
  hasNewer: boolean;
  failed: boolean;
  /** What is shown is the present, not what was stored last time. */
  live: boolean;
  /** Changes when the conversation is to be shown anew from its first unread message. */
  visit: number;
}

/** Where a timeline was left: the event at the top edge, and how far below the edge its row began, in pixels. */
export interface ScrollPlace {
  key: string;
  offset: number;
}

/** What the composer is about to do with the text. */
export type ComposerMode =
  | { kind: "new" }
  | { kind: "reply"; event: TimelineEvent }
  | { kind: "edit"; event: TimelineEvent };

const NEW: ComposerMode = { kind: "new" };

export class ConversationModel {
  readonly snapshot: Derived<ConversationSnapshot>;
  readonly mode = new Observable<ComposerMode>(NEW);
  readonly uploads: Uploads;
  readonly selection = new Selection();
  /** The event that the view scrolls to and marks, with a number that changes for every jump. */
  readonly jump = new Observable<{ eventId: string; nonce: number } | undefined>(undefined);
  /** The thread to be shown beside the conversation, and a message of it to be jumped to. */
  readonly openedThread = new Observable<{ rootId: string; eventId?: string } | undefined>(undefined);
  /** Where one was before each jump, oldest first. */
  readonly trail = new Observable<readonly string[]>([]);
  /** Where the view was left; nothing where it was at its end. */
  place: ScrollPlace | undefined;
  private readAtOpening: string | undefined;
  private entered = false;
  private inSight: (() => string | undefined) | undefined;
  /** How many jumps there have been: none has the number of another. */
  private jumps = 0;
  /** Jumps whose events are being fetched. */
  private jumping = 0;
  /** How it is to be opened if these lead nowhere. */
  private openLater: { afterGap?: boolean; left?: string } | undefined;
  /** Where the "new messages" line stands: after the event that had been read when the view was opened. */
  private readonly line = new Observable<string | undefined>(undefined);
  private readonly visit = new Observable(0);
  /** The first unread message is being fetched. */
  private readonly opening = new Observable(false);
  /** How often the place to open at has been looked for. */
  private openings = 0;
  /** The gaps of the timeline, and the connection, that the opening knew of. */
  private gapsSeen: number;
  private statusSeen: ConnectionStatus;

  constructor(
    readonly roomId: string,
    readonly room: RoomHandle,
    private readonly status: Readable<ConnectionStatus>,
    /** The root of the thread that this is, where it is one. */
    readonly threadId?: string,
    /** How many messages the server counts as unread. */
    private readonly unread: () => number = () => 0,
  ) {
    this.uploads = new Uploads(room.sending);
    this.gapsSeen = room.timeline.gaps.get();
    this.statusSeen = status.get();
    const { timeline, details } = room;
    const sources = attachAll(timeline.snapshot, details, this.line, this.visit, this.opening, status);
    this.snapshot = new Derived(
      (previous) => this.build(previous),
      (changed) => {
        const stops = [sources(changed), this.watchGaps(), this.watchConnection()];
        return () => {
          for (const stop of stops) stop();
        };
      },
    );
    this.readAtOpening = room.sending.readUpTo();
    watchBriefly(timeline.snapshot);
    this.open({ left: leftAt(this.draftKey)?.eventId });
    watchBriefly(this.snapshot);
  }

  /** Somebody comes to the conversation again: to where they were, unless there is something new. */
  enter(): void {
    // The first time it has just been opened.
    if (!this.entered) {
      this.entered = true;
      return;
    }
    this.selection.clear();
    this.jump.set(undefined);
    this.trail.set([]);
    this.readAtOpening = this.room.sending.readUpTo();
    watchBriefly(this.room.timeline.snapshot);
    const { events } = this.room.timeline.snapshot.get();
    const { place } = this;
    const isThere = place !== undefined && events.some(({ key }) => key === place.key);
    if (!isThere || this.hasNews(events)) {
      this.place = undefined;
      this.open();
    }
    watchBriefly(this.snapshot);
  }

  /** Others have written since somebody has read here. */
  private hasNews(events: readonly TimelineEvent[]): boolean {
    const { timeline } = this.room;
    const read = this.readAtOpening === undefined ? undefined : timeline.shownAt(this.readAtOpening);
    const at = events.findIndex(({ id }) => id !== undefined && id === read);
    // Far back, what is new is not loaded.
    if (timeline.snapshot.get().hasNewer || at < 0) return this.unread() > 0;
    return events.slice(at + 1).some(({ own }) => !own);
  }

  /**
   * Shows the conversation from its first unread message; where all is read, from where it was `left`, or its newest. After
   * a gap the window is about to move to the newest messages, whatever it shows yet.
   */
  private open({ afterGap = false, left }: { afterGap?: boolean; left?: string } = {}): void {
    const { timeline, sending } = this.room;
    const read = sending.readUpTo();
    this.line.set(read);
    // Whoever follows a link sees what it leads to, also while that is being fetched.
    if (this.jump.get() !== undefined) return;
    if (this.jumping > 0) {
      this.openLater = { afterGap, left };
      return;
    }
    this.visit.set(this.visit.get() + 1);
    if (left !== undefined && !sending.hasUnread()) {
      if (!timeline.has(left)) void timeline.show(left);
      return;
    }
    leave(this.draftKey, undefined);
    const { hasNewer } = timeline.snapshot.get();
    if (read !== undefined && (afterGap || hasNewer || !timeline.has(read))) {
      const turn = ++this.openings;
      this.opening.set(true);
      void timeline.showAfter(read).finally(() => turn === this.openings && this.opening.set(false));
    } else if (hasNewer) {
      void timeline.showPresent();
    }
  }

  /** The view is watched some time after it was opened: what has come in between is not missed. */
  private watchGaps(): () => void {
    const { gaps } = this.room.timeline;
    const look = () => {
      if (gaps.get() === this.gapsSeen) return;
      this.gapsSeen = gaps.get();
      this.open({ afterGap: true });
    };
    look();
    return gaps.subscribe(look);
  }

  /**
   * What was stored last time is shown first; what is unread is known with the first answer of the server. What could not be
   * loaded is tried again when the connection returns.
   */
  private watchConnection(): () => void {
    const look = () => {
      const before = this.statusSeen;
      const now = this.status.get();
      this.statusSeen = now;
      if (now !== "connected" || before === now) return;
      if (before === "starting") this.open();
      else if (this.room.timeline.snapshot.get().failed) this.loadOlder();
    };
    look();
    return this.status.subscribe(look);
  }

  get draft(): string {
    return drafts.get()[this.draftKey] ?? "";
  }

  /** Under which the draft is kept: a thread has one of its own. */
  get draftKey(): string {
    return this.threadId === undefined ? this.roomId : `${this.roomId}/${this.threadId}`;
  }

  /** Keeps what was typed, and tells the others about it. */
  typed(text: string): void {
    if (this.mode.get().kind === "edit") return;
    setDraft(this.draftKey, text);
    this.room.sending.typing(text.trim() !== "");
  }

  reply(event: TimelineEvent): void {
    this.mode.set({ kind: "reply", event });
  }

  edit(event: TimelineEvent): void {
    if (event.can.edit) this.mode.set({ kind: "edit", event });
  }

  /** Arrow-up in an empty composer: the last own message that can be edited. */
  editLast(): boolean {
    const events = this.room.timeline.snapshot.get().events;
    const last = events.findLast(({ own, can }) => own && can.edit);
    if (last === undefined) return false;
    this.edit(last);
    return true;
  }

  /** Leaves a reply or an edit. */
  cancel(): void {
    this.mode.set(NEW);
  }

  /** `extras` say who is mentioned and how the text is meant. */
  send(text: string, extras: TextExtras = {}): void {
    const source = text.trim();
    const mode = this.mode.get();
    this.mode.set(NEW);
    if (mode.kind === "edit") {
      const { id, key, body } = mode.event;
      const unchanged = body.kind === "text" && body.text === source;
      if (source === "" || unchanged) return;
      void this.room.sending.edit(id ?? key, source, extras);
      this.showNow();
      return;
    }
    if (source === "") return;
    setDraft(this.draftKey, "");
    this.room.sending.typing(false);
    this.line.set(undefined);
    // Whoever writes is back at the end.
    this.forgetTrail();
    void this.room.sending.text(source, mode.kind === "reply" ? (mode.event.id ?? mode.event.key) : undefined, extras);
    if (this.snapshot.get().hasNewer) void this.room.timeline.showPresent();
    this.showNow();
  }

  /** Milliseconds until one may write again, where the group asks for a pause between two messages. */
  pauseLeft(now = Date.now()): number {
    const { pause } = this.room.details.get();
    return pause === 0 ? 0 : pauseLeft(pause, this.lastWritten(), now);
  }

  /** When one wrote last here, of what is loaded. */
  lastWritten(): number | undefined {
    const { events } = this.room.timeline.snapshot.get();
    return events.findLast(({ own, body, status }) => own && body.kind !== "change" && status !== "failed")?.timestamp;
  }

  /** Sends a picture of a pack by itself. */
  sticker(image: PackImage): void {
    this.post(() => this.room.sending.sticker(image));
  }

  /** Sends a moving picture that was kept, by itself. */
  gif(gif: Gif): void {
    this.post(() => this.room.sending.send("m.room.message", gifContent(gif)));
  }

  /** Sends where something is. */
  sendPlace(place: Place): void {
    this.post(() => this.room.sending.place(place));
  }

  /** Sends something by itself, at the end. */
  private post(send: () => void): void {
    this.mode.set(NEW);
    this.line.set(undefined);
    this.forgetTrail();
    send();
    if (this.snapshot.get().hasNewer) void this.room.timeline.showPresent();
    this.showNow();
  }

  /** What one does is on the screen with the next frame. */
  private showNow(): void {
    deliverNow(this.room.timeline.snapshot, this.snapshot);
  }

  /** Adds a reaction, or takes one's own back. */
  toggleReaction(event: TimelineEvent, emoji: string, shortcode?: string): void {
    const mine = event.reactions.find((reaction) => reaction.emoji === emoji)?.mine;
    const { sending } = this.room;
    void attempt(() =>
      mine === undefined ? sending.react(event.id ?? event.key, emoji, shortcode) : sending.redact(mine),
    );
    this.showNow();
  }

  delete(event: TimelineEvent, reason?: string): void {
    void attempt(() => this.room.sending.redact(event.id ?? event.key, reason));
    this.showNow();
  }

  /** Tries again what was not sent: a message, or a change of one. */
  retry({ key }: { key: string }): void {
    this.room.sending.retry(key);
  }

  discard({ key }: { key: string }): void {
    this.room.sending.discard(key);
    this.showNow();
  }

  loadOlder(): void {
    void this.room.timeline.loadOlder();
  }

  loadNewer(): void {
    void this.room.timeline.loadNewer();
  }

  /** Shows an event. `from` is where one was, to return to: what is in sight, unless something else is given or null. */
  async jumpTo(eventId: string, from: string | null = this.inSight?.() ?? null): Promise<void> {
    if (from !== null && from !== eventId) this.trail.set([...this.trail.get(), from].slice(-20));
    await this.show(eventId);
  }

  /** Returns to where one was before the last jump. */
  async goBack(): Promise<void> {
    const trail = this.trail.get();
    const last = trail.at(-1);
    this.trail.set(trail.slice(0, -1));
    if (last !== undefined) await this.show(last);
  }

  /** Whether what one jumps to is still being fetched. */
  get isJumping(): boolean {
    return this.jumping > 0;
  }

  forgetTrail(): void {
    if (this.trail.get().length > 0) this.trail.set([]);
  }

  /** The view says how to find out which event is in sight. */
  locate(inSight: () => string | undefined): () => void {
    this.inSight = inSight;
    return () => {
      this.inSight = undefined;
    };
  }

  private async show(eventId: string): Promise<void> {
    this.jumping++;
    try {
      await this.fetchAndShow(eventId);
    } finally {
      this.jumping--;
    }
    if (this.jumping > 0) return;
    const { openLater } = this;
    this.openLater = undefined;
    if (openLater !== undefined) this.open(openLater);
  }

  private async fetchAndShow(eventId: string): Promise<void> {
    const root = this.threadId === undefined ? await this.room.threads.rootOf(eventId) : undefined;
    if (root !== undefined) {
      this.openedThread.set({ rootId: root, eventId });
      return;
    }
    if (await this.room.timeline.show(eventId)) {
      // Not every event has a row: a date may lead to one that only sets the room up. Then it is the one above it.
      const { snapshot } = this.room.timeline;
      const shown = this.room.timeline.shownAt(eventId) ?? snapshot.get().events[0]?.id ?? eventId;
      this.jump.set({ eventId: shown, nonce: ++this.jumps });
    } else showToast({ tone: "problem", message: { key: "timeline.notFound" } });
  }

  /** To the message after the last one that had been read when the conversation was opened. */
  async jumpToUnread(): Promise<void> {
    if (this.readAtOpening === undefined) showToast({ tone: "done", message: { key: "jump.unread.none" } });
    else await this.jumpTo(this.readAtOpening);
  }

  /** To the oldest unread message that mentions one. */
  async jumpToMention(): Promise<void> {
    await attempt(async () => {
      const eventId = await this.room.history.nextMention();
      if (eventId === undefined) showToast({ tone: "done", message: { key: "jump.mention.none" } });
      else await this.jumpTo(eventId);
    });
  }

  async jumpToPresent(): Promise<void> {
    this.jump.set(undefined);
    this.trail.set([]);
    if (this.snapshot.get().hasNewer) await this.room.timeline.showPresent();
  }

  /** Somebody is looking, and has come down to an event; without one, to the newest. */
  seen(eventId?: string): void {
    if (!this.snapshot.get().live || this.opening.get()) return;
    if (eventId === undefined && !this.room.timeline.isCurrent()) return;
    // Without unread messages the line would appear above the next one that comes, under the eyes of the reader.
    if (!this.snapshot.get().rows.some(({ type }) => type === "unread")) this.line.set(undefined);
    void this.room.sending.markRead(eventId);
  }

  /** Nobody is looking any more: what comes from now on is new. */
  lookedAway(): void {
    this.line.set(this.room.sending.readUpTo());
  }

  private build(previous: ConversationSnapshot | undefined): ConversationSnapshot {
    const { events, loading, hasOlder, hasNewer, failed } = this.room.timeline.snapshot.get();
    const line = this.line.get();
    const shown = line === undefined ? undefined : this.room.timeline.shownAt(line);
    const { direct } = this.room.details.get();
    const worthy = events.filter(({ body }) => !(direct && body.kind === "change" && isBeginning(body.change)));
    const opening = this.opening.get();
    return {
      rows: opening ? [] : reuseUnchanged(previous?.rows ?? [], layoutTimeline(worthy, shown)),
      loading: loading || opening,
      hasOlder,
      hasNewer,
      failed,
      live: this.status.get() !== "starting",
      visit: this.visit.get(),
    };
  }
}
