/** One open conversation: its rows, what is being written, what is being uploaded, what has been read. */
import { layoutTimeline, type Row } from "../lib/layout.ts";
import { isBeginning } from "../lib/summary.ts";
import { attachAll, Derived, Observable, type Readable } from "../lib/observable.ts";
import type { RoomHandle } from "../matrix/room.ts";
import type { ConnectionStatus, TimelineEvent } from "../matrix/types.ts";
import { drafts, setDraft } from "./drafts.ts";
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
  /** The event that the view scrolls to and marks, with a number that changes for every jump. */
  readonly jump = new Observable<{ eventId: string; nonce: number } | undefined>(undefined);
  /** Where the "new messages" line stands: after the event that had been read when the view was opened. */
  private readonly line = new Observable<string | undefined>(undefined);

  constructor(
    readonly roomId: string,
    readonly room: RoomHandle,
    private readonly status: Readable<ConnectionStatus>,
  ) {
    this.uploads = new Uploads(room.sending);
    this.snapshot = new Derived(() => this.build(), attachAll(room.timeline.snapshot, room.details, this.line, status));
    this.line.set(room.sending.readUpTo());
    // A conversation opens at its newest messages, wherever it was left.
    if (room.timeline.snapshot.get().hasNewer) void room.timeline.showPresent();
  }

  get draft(): string {
    return drafts.get()[this.roomId] ?? "";
  }

  /** Keeps what was typed, and tells the others about it. */
  typed(text: string): void {
    if (this.mode.get().kind === "edit") return;
    setDraft(this.roomId, text);
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

  send(text: string): void {
    const source = text.trim();
    const mode = this.mode.get();
    this.mode.set(NEW);
    if (mode.kind === "edit") {
      const { id, body } = mode.event;
      const unchanged = body.kind === "text" && body.text === source;
      if (id !== undefined && source !== "" && !unchanged) void this.room.sending.edit(id, source);
      return;
    }
    if (source === "") return;
    setDraft(this.roomId, "");
    this.room.sending.typing(false);
    this.line.set(undefined);
    void this.room.sending.text(source, mode.kind === "reply" ? mode.event.id : undefined);
    if (this.snapshot.get().hasNewer) void this.room.timeline.showPresent();
  }

  /** Adds a reaction, or takes one's own back. */
  toggleReaction(event: TimelineEvent, emoji: string): void {
    if (event.id === undefined) return;
    const { id } = event;
    const mine = event.reactions.find((reaction) => reaction.emoji === emoji)?.mine;
    void attempt(() => (mine === undefined ? this.room.sending.react(id, emoji) : this.room.sending.redact(mine)));
  }

  delete(event: TimelineEvent): void {
    const { id } = event;
    if (id !== undefined) void attempt(() => this.room.sending.redact(id));
  }

  retry(event: TimelineEvent): void {
    void this.room.sending.retry(event.key);
  }

  discard(event: TimelineEvent): void {
    this.room.sending.discard(event.key);
  }

  loadOlder(): void {
    void this.room.timeline.loadOlder();
  }

  loadNewer(): void {
    void this.room.timeline.loadNewer();
  }

  async jumpTo(eventId: string): Promise<void> {
    if (await this.room.timeline.show(eventId)) this.jump.set({ eventId, nonce: (this.jump.get()?.nonce ?? 0) + 1 });
    else showToast({ tone: "problem", message: { key: "timeline.notFound" } });
  }

  async jumpToPresent(): Promise<void> {
    this.jump.set(undefined);
    if (this.snapshot.get().hasNewer) await this.room.timeline.showPresent();
  }

  /** The newest message is in sight and somebody is looking. */
  seen(): void {
    if (!this.snapshot.get().live) return;
    // Without unread messages the line would appear above the next one that comes, under the eyes of the reader.
    if (!this.snapshot.get().rows.some(({ type }) => type === "unread")) this.line.set(undefined);
    void this.room.sending.markRead();
  }

  /** Nobody is looking any more: what comes from now on is new. */
  lookedAway(): void {
    this.line.set(this.room.sending.readUpTo());
  }

  private build(): ConversationSnapshot {
    const { events, loading, hasOlder, hasNewer, failed } = this.room.timeline.snapshot.get();
    const line = this.line.get();
    const shown = line === undefined ? undefined : this.room.timeline.shownAt(line);
    const { direct } = this.room.details.get();
    const worthy = events.filter(({ body }) => !(direct && body.kind === "change" && isBeginning(body.change)));
    return {
      rows: layoutTimeline(worthy, shown),
      loading,
      hasOlder,
      hasNewer,
      failed,
      live: this.status.get() !== "starting",
    };
  }
}
