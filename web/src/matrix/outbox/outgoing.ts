/** What is on its way in one room, as its timeline shows it: messages below the others, changes at what they change. */
import { MatrixEvent, type Room } from "matrix-js-sdk/lib/matrix.js";
import { bodyOf, personOf } from "../events.ts";
import type { MessageBody, TimelineEvent } from "../types.ts";
import { transactionOf } from "./echoes.ts";
import { type OutboxItem, threadOf } from "./item.ts";
import { changeOf, isMessage, localEvent } from "./local.ts";
import type { Outbox } from "./outbox.ts";
import { withChange } from "./overlay.ts";

type Describe = (event: MatrixEvent, body: MessageBody, item: OutboxItem) => TimelineEvent;

export class Outgoing {
  constructor(
    private readonly room: Room,
    private readonly outbox: Outbox,
    /** Where it is the timeline of a thread: its root. */
    private readonly threadId?: string,
  ) {}

  /** The item that has become an event of the timeline. */
  itemOf(event: MatrixEvent): OutboxItem | undefined {
    const items = this.items();
    if (items.length === 0 || event.getSender() !== this.room.myUserId) return undefined;
    const txnId = transactionOf(event, this.room.myUserId);
    const id = event.getId();
    return items.find((item) => item.txnId === txnId || (item.eventId !== undefined && item.eventId === id));
  }

  /** What an event shows. While it is being decrypted, what was sent is known. */
  bodyOf(event: MatrixEvent, item: OutboxItem | undefined): MessageBody | undefined {
    const unread = item !== undefined && event.getType() === "m.room.encrypted" && !event.isRedacted();
    return bodyOf(unread ? localEvent(item, this.room.myUserId) : event, this.room);
  }

  /** A message that is on its way, by what refers to it. */
  event(id: string): MatrixEvent | undefined {
    const item = this.outbox.get(id) ?? this.outbox.sentAs(id);
    return item && localEvent(item, this.room.myUserId);
  }

  /** Adds the items of which the events are not `here`. Changes count until they are applied, which is after they arrive. */
  add(events: TimelineEvent[], here: ReadonlySet<OutboxItem>, atPresent: boolean, describe: Describe): void {
    for (const item of this.items()) {
      const event = localEvent(item, this.room.myUserId);
      const body = isMessage(item) ? bodyOf(event, this.room) : undefined;
      if (body !== undefined) {
        if (threadOf(item.action) !== this.threadId) continue;
        if (atPresent && !here.has(item)) events.push(describe(event, body, item));
        continue;
      }
      if (changeOf(item) !== undefined && this.addChange(events, item)) continue;
      // In the main timeline, once.
      if (this.threadId !== undefined) continue;
      // What was refused is said somewhere, even if it shows nothing of its own. Files have a place of theirs.
      if (item.state !== "refused" || !atPresent || item.attachments.length > 0) continue;
      events.push(describe(event, refusedBody(item), item));
    }
  }

  private items(): readonly OutboxItem[] {
    return this.outbox.room(this.room.roomId).get();
  }

  /** False when what it changes is not shown. */
  private addChange(events: TimelineEvent[], item: OutboxItem): boolean {
    const { room } = this;
    const { action } = item;
    const target = action.kind === "redaction" ? action.target : localEvent(item, room.myUserId).relationEventId;
    if (target === undefined) return false;
    const at = (id: string) => events.findIndex((event) => event.id === id || event.key === id);
    let index = at(target);
    if (index < 0) {
      // A reaction that is taken back: it is said at the message.
      const reaction = room.findEventById(target) ?? this.event(target);
      const message = reaction?.relationEventId;
      index = message === undefined ? -1 : at(message);
    }
    const event = events[index];
    if (event === undefined) return false;
    const content: unknown = action.kind === "event" ? action.content["m.new_content"] : undefined;
    events[index] = withChange(event, item, personOf(room, room.myUserId), this.replacement(content));
    return true;
  }

  private replacement(content: unknown): MessageBody | undefined {
    if (typeof content !== "object" || content === null) return undefined;
    const { myUserId: sender, roomId } = this.room;
    return bodyOf(new MatrixEvent({ type: "m.room.message", sender, room_id: roomId, content }), this.room);
  }
}

/** What is said of something refused that shows nothing of its own, such as an edit of a message that is not in sight. */
function refusedBody({ action }: OutboxItem): MessageBody {
  if (action.kind === "redaction") return { kind: "unsupported", text: "", type: "m.room.redaction" };
  const { body } = action.content;
  return { kind: "unsupported", text: typeof body === "string" ? body : action.type, type: action.type };
}
