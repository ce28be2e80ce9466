/**
 * Sends the items of the outbox. In a room, they go in the order in which they were written. What waits for a connection
 * holds up those behind it; what was refused does not, nor a long upload, nor what only the server's own faults keep from
 * being taken.
 */
import { fateOf } from "./fate.ts";
import { type Attachment, type Content, dependencies, isUploaded, type OutboxItem } from "./item.ts";
import { afterRestart, type Items, type ItemsListener } from "./items.ts";

/** The way to the server. */
export interface Transport {
  /** Sends an event or a redaction, and answers with its event id. */
  send(item: OutboxItem, signal: AbortSignal): Promise<string>;
  /** `progress` is told parts of 1. */
  upload(
    attachment: Attachment,
    encrypted: boolean,
    progress: (part: number) => void,
    signal: AbortSignal,
  ): Promise<NonNullable<Attachment["uploaded"]>>;
  /** The time at which an event may be sent, in milliseconds since the epoch: some rooms want pauses between messages. */
  notBefore(item: OutboxItem): number;
  /** Looks at a picture before it is uploaded. What claims to be one and is not becomes a file. */
  prepare(content: Content, blob: Blob, encrypted: boolean): Promise<Prepared>;
}

/** What a picture's event says of its size, and a smaller copy where the room needs one. */
export interface Prepared {
  content: Content;
  thumbnail?: Blob;
}

/** What is written after a file waits for its upload this long, then goes first. */
const UPLOAD_HOLDS_MS = 5_000;
/** After so many failures of the server in a row, an item no longer holds up those behind it. */
const STEPS_ASIDE_AFTER = 4;
/** Attempts of one item are this far apart, however often the connection comes and goes. */
const LEAST_GAP_MS = 1_000;
const PROGRESS_EVERY_MS = 100;

interface Attempts {
  failed: number;
  last: number;
  next: number;
}

export class Sender implements ItemsListener {
  private readonly attempts = new Map<string, Attempts>();
  private readonly running = new Map<string, AbortController>();
  private readonly timers = new Map<string, ReturnType<typeof setTimeout>>();
  /** Until when a file's upload holds up what was written after it. */
  private readonly holds = new Map<string, number>();
  private leading = false;

  constructor(
    private readonly items: () => Items,
    private readonly transport: Transport,
  ) {}

  /** This tab sends from now on, or no longer. */
  lead(leading: boolean): void {
    this.leading = leading;
    if (!leading) return;
    // The tab that sent before may have been closed in the middle.
    for (const item of this.items().all()) {
      const anew = afterRestart(item);
      if (anew !== item && !this.running.has(item.txnId)) this.items().take(anew);
    }
    this.pumpAll();
  }

  stop(): void {
    this.leading = false;
    for (const timer of this.timers.values()) clearTimeout(timer);
    for (const abort of this.running.values()) abort.abort();
  }

  /** Forgets earlier failures of an item. */
  retry(item: OutboxItem): void {
    this.attempts.delete(item.txnId);
    this.items().change(item, { state: "queued", problem: undefined });
    this.pump(item.roomId);
  }

  /** The connection is there, or there again. */
  reconnected(): void {
    for (const item of this.items().all()) {
      const attempts = this.attempts.get(item.txnId);
      if (attempts === undefined || item.problem?.kind !== "offline") continue;
      attempts.next = Math.min(attempts.next, attempts.last + LEAST_GAP_MS);
      this.holds.set(item.txnId, Date.now() + UPLOAD_HOLDS_MS);
    }
    this.pumpAll();
  }

  isBusy(txnId: string): boolean {
    return this.running.has(txnId);
  }

  arrived({ txnId, roomId, state }: OutboxItem): void {
    if (state === "queued") this.attempts.delete(txnId);
    this.pump(roomId);
  }

  gone(txnId: string): void {
    this.running.get(txnId)?.abort();
    this.attempts.delete(txnId);
    this.holds.delete(txnId);
  }

  changed(roomId: string): void {
    this.pump(roomId);
  }

  private pumpAll(): void {
    for (const roomId of this.items().roomIds()) this.pump(roomId);
  }

  /** Goes on with a room: starts what can start, and sets a timer for what has to wait. */
  pump(roomId: string): void {
    if (!this.leading) return;
    clearTimeout(this.timers.get(roomId));
    this.timers.delete(roomId);
    const items = this.items().room(roomId).get();
    const next = earliest([this.startUpload(items), this.startSending(items)]);
    if (next === undefined) return;
    this.timers.set(
      roomId,
      setTimeout(() => this.pump(roomId), Math.max(0, next - Date.now())),
    );
  }

  /** One upload of a room at a time. Answers with when to look again. */
  private startUpload(items: readonly OutboxItem[]): number | undefined {
    const waiting = items.filter((item) => !isUploaded(item) && item.state !== "refused");
    if (waiting.some(({ txnId }) => this.running.has(txnId))) return undefined;
    const due = waiting.find(({ txnId }) => (this.attempts.get(txnId)?.next ?? 0) <= Date.now());
    if (due === undefined) return earliest(waiting.map(({ txnId }) => this.attempts.get(txnId)?.next));
    void this.attempt(due, "uploading", (signal) => this.upload(due.txnId, signal));
    return undefined;
  }

  /** One event of a room at a time. Answers with when to look again. */
  private startSending(items: readonly OutboxItem[]): number | undefined {
    if (items.some(({ txnId, state }) => state === "sending" && this.running.has(txnId))) return undefined;
    const now = Date.now();
    const later: number[] = [];
    for (const item of items) {
      if (item.state === "sent" || item.state === "refused") continue;
      if (this.isOrphan(item)) {
        // It was discarded in another tab, which did not know yet of what refers to it here.
        setTimeout(() => this.items().remove([item], true), 0);
        continue;
      }
      if (dependencies(item.action).length > 0) continue;
      if (!isUploaded(item)) {
        const free = this.holds.get(item.txnId) ?? item.createdAt + UPLOAD_HOLDS_MS;
        if (free <= now) continue;
        later.push(free);
        break;
      }
      const allowed = this.transport.notBefore(item);
      if (allowed > now) {
        later.push(allowed);
        if (item.problem?.kind !== "slow-mode")
          this.items().change(item, { state: "waiting", problem: { kind: "slow-mode" } }, false);
        // Others that have to keep the pause find it longer; what is no message goes on.
        continue;
      }
      const attempts = this.attempts.get(item.txnId);
      if (attempts === undefined || attempts.next <= now) {
        void this.attempt(item, "sending", (signal) => this.send(item.txnId, signal));
        return earliest(later);
      }
      later.push(attempts.next);
      if (item.problem?.kind !== "server" || attempts.failed < STEPS_ASIDE_AFTER) break;
    }
    return earliest(later);
  }

  private isOrphan({ action }: OutboxItem): boolean {
    return dependencies(action).some((txnId) => this.items().get(txnId) === undefined);
  }

  /** Runs one step of an item and notes what became of it. */
  private async attempt(
    item: OutboxItem,
    state: "uploading" | "sending",
    work: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const { txnId, roomId } = item;
    const abort = new AbortController();
    this.running.set(txnId, abort);
    this.items().change(item, { state, problem: undefined }, false);
    try {
      // A file is read once it is kept. An event leaves while it is: should this tab die before, the server has it, or it
      // would have been lost by waiting as well.
      if (state === "uploading") await this.items().written(txnId);
      abort.signal.throwIfAborted();
      await work(abort.signal);
      this.attempts.delete(txnId);
    } catch (error) {
      const current = this.items().get(txnId);
      if (!abort.signal.aborted && current?.state === state) this.failed(current, error);
    } finally {
      this.running.delete(txnId);
      this.pump(roomId);
    }
  }

  private failed(item: OutboxItem, error: unknown): void {
    const failed = this.attempts.get(item.txnId)?.failed ?? 0;
    const { problem, ...fate } = fateOf(error, failed);
    this.holds.set(item.txnId, 0);
    if (fate.again) {
      const now = Date.now();
      this.attempts.set(item.txnId, { failed: failed + 1, last: now, next: now + fate.afterMs });
      this.items().change(item, { state: "waiting", problem }, false);
    } else {
      this.items().change(item, { state: "refused", problem });
    }
  }

  private async send(txnId: string, signal: AbortSignal): Promise<void> {
    const item = this.items().get(txnId);
    if (item === undefined) return;
    const eventId = await this.transport.send(item, signal);
    this.items().confirm(txnId, eventId);
    const current = this.items().get(txnId);
    if (current !== undefined) this.items().change(current, { state: "sent", problem: undefined, eventId });
  }

  /** Uploads what an item has not uploaded yet. Each result is kept, so that nothing goes up twice. */
  private async upload(txnId: string, signal: AbortSignal): Promise<void> {
    const measured = await this.measured(txnId, signal);
    const files = measured?.attachments ?? [];
    const total = Math.max(
      1,
      files.reduce((sum, { blob }) => sum + blob.size, 0),
    );
    let before = 0;
    for (const [index, file] of files.entries()) {
      const start = before;
      before += file.blob.size;
      if (file.uploaded !== undefined) continue;
      const progress = this.reporter(txnId, (part) => (start + part * file.blob.size) / total);
      const uploaded = await this.transport.upload(file, measured?.encrypted === true, progress, signal);
      const item = this.items().get(txnId);
      if (item === undefined || signal.aborted) return;
      const attachments = item.attachments.map((each, at) => (at === index ? { ...each, uploaded } : each));
      this.items().change(item, { attachments });
    }
    const item = this.items().get(txnId);
    if (item !== undefined) this.items().change(item, { state: "queued" }, false);
  }

  /** The item, with its picture's size in its content. */
  private async measured(txnId: string, signal: AbortSignal): Promise<OutboxItem | undefined> {
    const item = this.items().get(txnId);
    const [file] = item?.attachments ?? [];
    if (item?.unmeasured !== true || item.action.kind !== "event" || file === undefined) return item;
    const { content, thumbnail } = await this.transport.prepare(item.action.content, file.blob, item.encrypted);
    signal.throwIfAborted();
    const attachments = [...item.attachments];
    if (thumbnail !== undefined && attachments.every(({ slot }) => slot !== "thumbnail"))
      attachments.push({ slot: "thumbnail", blob: thumbnail, name: file.name, type: thumbnail.type });
    return this.items().change(item, { action: { ...item.action, content }, attachments, unmeasured: false });
  }

  /** Tells all tabs of progress, not more often than an eye can follow. */
  private reporter(txnId: string, whole: (part: number) => number): (part: number) => void {
    let last = 0;
    return (part) => {
      const now = Date.now();
      if (part < 1 && now - last < PROGRESS_EVERY_MS) return;
      last = now;
      this.items().setProgress(txnId, whole(part));
    };
  }
}

function earliest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
