/**
 * Everything that a person does in a conversation: send, edit, react, delete, upload, type, read. What is sent goes through
 * the outbox, so none of it waits for the server, and none of it fails here.
 */
import {
  type MatrixClient,
  type MatrixEvent,
  MsgType,
  NotificationCountType,
  ReceiptType,
  RelationType,
  type Room,
  type Thread,
} from "matrix-js-sdk/lib/matrix.js";
import type { PackImage } from "../lib/imagepacks.ts";
import type { Readable } from "../lib/observable.ts";
import { editContent, placeContent, type TextExtras, textContent } from "./content.ts";
import { problemOf } from "./errors.ts";
import { type Attachment, type Content, isEventId, type OutboxItem, relationOf } from "./outbox/item.ts";
import type { Outbox } from "./outbox/outbox.ts";
import { privacy } from "./privacy.ts";
import type { Place } from "./types.ts";

/** How long the server shows somebody as typing unless told again, in milliseconds. */
const TYPING_TIMEOUT = 20_000;
/** Receipts are sent at most this often while one scrolls, in milliseconds. */
const READ_EVERY = 500;
/** Without a connection, they are tried again after this long. */
const READ_AGAIN = 10_000;

export class Sending {
  private typingUntil = 0;
  /** The server has to hear that one has stopped after it hears that one types. */
  private typingSent: Promise<unknown> = Promise.resolve();
  private reading: ReturnType<typeof setTimeout> | undefined;
  private toRead: MatrixEvent | undefined;

  constructor(
    private readonly client: MatrixClient,
    private readonly room: Room,
    private readonly outbox: Outbox,
    /** Where everything goes into a thread: its root. */
    readonly threadId?: string,
  ) {}

  /** What has been sent from here and is not yet known to have arrived, in its order. */
  get items(): Readable<readonly OutboxItem[]> {
    return this.outbox.room(this.room.roomId);
  }

  /**
   * Sends an event of any type and answers with its transaction id. In its relation, the transaction id of something that
   * is still to be sent may stand in place of an event id.
   */
  send(type: string, content: Content): string {
    const action = { kind: "event", type, content: this.inThread(content) } as const;
    return this.outbox.add(this.room.roomId, action, { encrypted: this.isEncrypted() });
  }

  /** Sends an event to another conversation; `encrypted` says whether that is, should it not be loaded. */
  forward(roomId: string, type: string, content: Content, encrypted: boolean): void {
    this.outbox.add(
      roomId,
      { kind: "event", type, content },
      { encrypted: encrypted || this.client.getRoom(roomId)?.hasEncryptionStateEvent() === true },
    );
  }

  /** Sends what was typed; `replyTo` is the id or key of the message it answers. */
  async text(source: string, replyTo?: string, extras: TextExtras = {}): Promise<void> {
    this.send("m.room.message", this.contentOf(source, replyTo, extras));
  }

  /** What {@link text} would send. */
  contentOf(source: string, replyTo?: string, extras: TextExtras = {}): Content {
    const answered = replyTo === undefined ? undefined : this.room.findEventById(replyTo)?.getSender();
    const content = textContent(source, extras, answered === this.room.myUserId ? undefined : answered);
    if (replyTo === undefined) return content;
    return { ...content, "m.relates_to": { "m.in_reply_to": { event_id: replyTo } } };
  }

  async edit(target: string, source: string, extras: TextExtras = {}): Promise<void> {
    this.send("m.room.message", editContent(target, source, extras));
  }

  /** `shortcode` says in words what a picture is. */
  async react(target: string, emoji: string, shortcode?: string): Promise<void> {
    this.send("m.reaction", {
      ...(shortcode === undefined ? {} : { shortcode: `:${shortcode}:` }),
      "m.relates_to": { rel_type: RelationType.Annotation, event_id: target, key: emoji },
    });
  }

  /** Sends a picture of a pack by itself. */
  sticker({ mxc, name, info }: Pick<PackImage, "mxc" | "name" | "info">): void {
    this.send("m.sticker", { body: name, url: mxc, info });
  }

  /** Sends where something is. */
  place(place: Place): void {
    this.send("m.room.message", placeContent(place, Date.now()));
  }

  /** Deletes a message, or takes a reaction back. What has not left yet is only discarded. */
  async redact(target: string, reason?: string): Promise<void> {
    const item = isEventId(target) ? this.outbox.sentAs(target) : this.outbox.get(target);
    if (item !== undefined && item.state !== "sent" && item.state !== "sending") this.outbox.discard(item.txnId);
    else this.outbox.add(this.room.roomId, { kind: "redaction", target, reason });
  }

  /**
   * Uploads a file and sends it. `extra` is added to the content that follows from the file: a caption, a relation, what a
   * voice message says of itself.
   */
  file(file: Blob, name: string, extra: Content = {}, thumbnail?: Blob): string {
    const attachments: Attachment[] = [attachment("content", file, name)];
    if (thumbnail !== undefined) attachments.push(attachment("thumbnail", thumbnail, name));
    const content = { ...fileContent(file, name), ...extra };
    return this.outbox.add(
      this.room.roomId,
      { kind: "event", type: "m.room.message", content: this.inThread(content) },
      { encrypted: this.isEncrypted(), attachments, unmeasured: content.msgtype === MsgType.Image },
    );
  }

  /** How much of a file has been uploaded, as a part of 1. */
  progress(key: string): Readable<number> {
    return this.outbox.progressOf(key);
  }

  retry(key: string): void {
    this.outbox.retry(key);
  }

  discard(key: string): void {
    this.outbox.discard(key);
  }

  /** Tells the others that one is typing; at most one request per half of the time-out. */
  typing(isTyping: boolean): void {
    const now = Date.now();
    if (isTyping ? this.typingUntil - now > TYPING_TIMEOUT / 2 : this.typingUntil < now) return;
    if (isTyping && !privacy().typing) return;
    this.typingUntil = isTyping ? now + TYPING_TIMEOUT : 0;
    this.typingSent = this.typingSent
      .then(() => this.client.sendTyping(this.room.roomId, isTyping, TYPING_TIMEOUT))
      .catch(() => undefined);
  }

  /** The event up to which this account has read the room, whether or not it is loaded. */
  readUpTo(): string | undefined {
    const { room, thread } = this;
    if (thread !== undefined) return thread.getEventReadUpTo(room.myUserId) ?? undefined;
    const loaded = room.getEventReadUpTo(room.myUserId);
    if (loaded !== null) return loaded;
    const receipts = [ReceiptType.Read, ReceiptType.ReadPrivate].flatMap(
      (type) => room.getReadReceiptForUserId(room.myUserId, false, type) ?? [],
    );
    const latest = receipts.sort((a, b) => (b.data?.ts ?? 0) - (a.data?.ts ?? 0))[0];
    const marker: unknown = room.getAccountData("m.fully_read")?.getContent().event_id;
    return latest?.eventId ?? (typeof marker === "string" ? marker : undefined);
  }

  /** Whether the server counts something as unread. */
  hasUnread(): boolean {
    const { room, thread } = this;
    if (thread !== undefined) return room.getThreadUnreadNotificationCount(thread.id) > 0;
    return room.getRoomUnreadNotificationCount(NotificationCountType.Total) > 0;
  }

  /** Marks everything up to an event as read; without one, up to the last that has arrived. Reading never goes back. */
  async markRead(eventId?: string): Promise<void> {
    const { thread } = this;
    if (thread !== undefined) return this.markThreadRead(thread);
    const events = this.room.getLiveTimeline().getEvents();
    const event = eventId === undefined ? events.at(-1) : this.room.findEventById(eventId);
    if (event?.getId()?.startsWith("$") !== true) return;
    const isLast = event === events.at(-1);
    if (!(isLast && this.hasUnread()) && !this.isLater(event)) return;
    if (isLast) {
      // The badge goes at once; the server's next sync confirms it.
      this.room.setUnreadNotificationCount(NotificationCountType.Total, 0);
      this.room.setUnreadNotificationCount(NotificationCountType.Highlight, 0);
    }
    this.toRead = event;
    if (this.reading !== undefined) return;
    this.reading = setTimeout(() => void this.sendRead(), isLast ? 0 : READ_EVERY);
    window.addEventListener("pagehide", this.onLeave);
  }

  /** Sends the waiting receipt at once: the timer of a closed page never fires. */
  private readonly onLeave = () => {
    clearTimeout(this.reading);
    void this.sendRead();
  };

  private async sendRead(): Promise<void> {
    const event = this.toRead;
    this.toRead = undefined;
    let delay = READ_EVERY;
    try {
      if (event !== undefined) {
        // The receipt is for the main timeline: what was said in threads stays unread.
        const receipt = this.client.sendReadReceipt(event, receiptType());
        await Promise.all([receipt, this.client.setRoomReadMarkers(this.room.roomId, event.getId() ?? "")]);
      }
    } catch (error) {
      if (problemOf(error).kind === "offline") {
        this.toRead ??= event;
        delay = READ_AGAIN;
      }
    }
    this.reading = this.toRead === undefined ? undefined : setTimeout(() => void this.sendRead(), delay);
    if (this.reading === undefined) window.removeEventListener("pagehide", this.onLeave);
  }

  private get thread(): Thread | undefined {
    return this.threadId === undefined ? undefined : (this.room.getThread(this.threadId) ?? undefined);
  }

  private async markThreadRead(thread: Thread): Promise<void> {
    const last = thread.liveTimeline.getEvents().at(-1);
    const id = last?.getId();
    if (last === undefined || id === undefined || !id.startsWith("$") || id === thread.id) return;
    if (this.readUpTo() === id && !this.hasUnread()) return;
    this.room.setThreadUnreadNotificationCount(thread.id, NotificationCountType.Total, 0);
    this.room.setThreadUnreadNotificationCount(thread.id, NotificationCountType.Highlight, 0);
    await this.client.sendReadReceipt(last, receiptType()).catch(() => undefined);
  }

  /** Says of a message that it is part of the thread; what changes another event follows that one (spec: "Threading"). */
  private inThread(content: Content): Content {
    const relation = relationOf(content);
    if (this.threadId === undefined || relation?.rel_type !== undefined) return content;
    const answered = relation?.["m.in_reply_to"];
    // Clients without threads show it as an answer to what came before.
    const before = this.thread?.replyToEvent?.getId() ?? this.threadId;
    return {
      ...content,
      "m.relates_to": {
        rel_type: RelationType.Thread,
        event_id: this.threadId,
        is_falling_back: answered === undefined,
        "m.in_reply_to": answered ?? { event_id: before },
      },
    };
  }

  /** Whether an event comes after what has been read. */
  private isLater(event: MatrixEvent): boolean {
    const waiting = this.toRead?.getId();
    const readUpTo = waiting ?? this.readUpTo();
    if (readUpTo === undefined) return true;
    const id = event.getId() ?? "";
    if (readUpTo === id) return false;
    const order = this.room.getUnfilteredTimelineSet().compareEventOrdering(readUpTo, id);
    if (order !== null) return order < 0;
    const read = this.room.findEventById(readUpTo);
    // What is not loaded lies before what has just arrived.
    return read === undefined ? this.room.getLiveTimeline().getEvents().includes(event) : read.getTs() < event.getTs();
  }

  private isEncrypted(): boolean {
    return this.room.hasEncryptionStateEvent();
  }
}

function receiptType(): ReceiptType {
  return privacy().privateReceipts ? ReceiptType.ReadPrivate : ReceiptType.Read;
}

function attachment(slot: Attachment["slot"], blob: Blob, name: string): Attachment {
  return { slot, blob, name, type: blob.type || "application/octet-stream" };
}

/** Kinds of pictures that every browser can show. */
const PICTURE = /^image\/(?:png|apng|jpeg|gif|webp|avif|bmp)$/;

function fileContent(file: Blob, name: string): Content & { msgtype: MsgType } {
  const info = { mimetype: file.type || "application/octet-stream", size: file.size };
  const common = { body: name, filename: name, info, "m.mentions": {} };
  if (PICTURE.test(file.type)) return { ...common, msgtype: MsgType.Image };
  if (file.type.startsWith("video/")) return { ...common, msgtype: MsgType.Video };
  if (file.type.startsWith("audio/")) return { ...common, msgtype: MsgType.Audio };
  return { ...common, msgtype: MsgType.File };
}
